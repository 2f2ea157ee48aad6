#include "tests/support/pem_key.h"
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void *must(void *pointer) {
    if (pointer == NULL) abort();
    return pointer;
}

void pem_key_make(struct pem_key *key, unsigned bits) {
    EVP_PKEY *pkey = must(bits > 0 ? EVP_RSA_gen(bits) : EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"));
    uint8_t octets[1024], *at = octets;
    char text[sizeof octets * 2];
    size_t len = sizeof octets;
    snprintf(key->path, sizeof key->path, "/tmp/sceau-test-key.XXXXXX");
    FILE *file = must(fdopen(mkstemp(key->path), "w")); /* mode 0600 */
    if (PEM_write_PrivateKey(file, pkey, NULL, NULL, 0, NULL, NULL) != 1 || fclose(file) != 0) abort();
    if (bits > 0)
        len = (size_t)i2d_PUBKEY(pkey, &at);
    else
        EVP_PKEY_get_raw_public_key(pkey, octets, &len);
    EVP_EncodeBlock((unsigned char *)text, octets, (int)len);
    snprintf(key->record, sizeof key->record, "v=DKIM1; k=%s; p=%.900s", bits > 0 ? "rsa" : "ed25519", text);
    EVP_PKEY_free(pkey);
}

void pem_key_remove(const struct pem_key *key) { unlink(key->path); }
