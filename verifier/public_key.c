#include "verifier/public_key.h"
#include <stdlib.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>

enum { ED25519_OCTETS = 32 };

struct public_key {
    EVP_PKEY *pkey;
    EVP_PKEY_CTX *prepared; /* RSA: ready to verify, only ever duplicated; NULL for Ed25519 */
    size_t signature_octets;
};

/* OpenSSL wants its integers in the machine's order: the parameter builder takes care of that. */
static OSSL_PARAM *rsa_parameters(struct span modulus, struct span exponent) {
    OSSL_PARAM *parameters = NULL;
    BIGNUM *n = BN_bin2bn((const unsigned char *)modulus.ptr, (int)modulus.len, NULL);
    BIGNUM *e = BN_bin2bn((const unsigned char *)exponent.ptr, (int)exponent.len, NULL);
    OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
    if (n != NULL && e != NULL && builder != NULL && OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, n) == 1 &&
        OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_E, e) == 1)
        parameters = OSSL_PARAM_BLD_to_param(builder);
    OSSL_PARAM_BLD_free(builder);
    BN_free(e);
    BN_free(n);
    return parameters;
}

static EVP_PKEY *load_rsa(struct span modulus, struct span exponent) {
    EVP_PKEY *pkey = NULL;
    OSSL_PARAM *parameters = rsa_parameters(modulus, exponent);
    EVP_PKEY_CTX *context = parameters != NULL ? EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL) : NULL;
    if (context != NULL && EVP_PKEY_fromdata_init(context) == 1 &&
        EVP_PKEY_fromdata(context, &pkey, EVP_PKEY_PUBLIC_KEY, parameters) != 1)
        pkey = NULL;
    EVP_PKEY_CTX_free(context);
    OSSL_PARAM_free(parameters);
    return pkey;
}

/* PKCS#1 v1.5 over a SHA-256 value: what is set here once costs a third of a verification when it is set each time. */
static EVP_PKEY_CTX *prepare_rsa(EVP_PKEY *pkey) {
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
    if (context != NULL && EVP_PKEY_verify_init(context) == 1 &&
        EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) == 1 &&
        EVP_PKEY_CTX_set_signature_md(context, EVP_sha256()) == 1)
        return context;
    EVP_PKEY_CTX_free(context);
    return NULL;
}

/* Takes pkey, NULL included. Leaves the error queue empty. */
static struct public_key *wrap(EVP_PKEY *pkey, bool is_rsa) {
    struct public_key *key = pkey != NULL ? calloc(1, sizeof *key) : NULL;
    if (key != NULL) {
        *key = (struct public_key){.pkey = pkey, .signature_octets = (size_t)EVP_PKEY_get_size(pkey)};
        if (is_rsa) key->prepared = prepare_rsa(pkey);
        if (is_rsa && key->prepared == NULL) {
            public_key_release(key);
            key = NULL;
        }
    } else {
        EVP_PKEY_free(pkey);
    }
    ERR_clear_error();
    return key;
}

struct public_key *public_key_rsa(struct span modulus, struct span exponent) {
    return wrap(load_rsa(modulus, exponent), true);
}

struct public_key *public_key_ed25519(struct span octets) {
    if (octets.len != ED25519_OCTETS) return NULL;
    const unsigned char *raw = (const unsigned char *)octets.ptr;
    return wrap(EVP_PKEY_new_raw_public_key_ex(NULL, "ED25519", NULL, raw, octets.len), false);
}

void public_key_release(struct public_key *key) {
    if (key == NULL) return;
    EVP_PKEY_CTX_free(key->prepared);
    EVP_PKEY_free(key->pkey);
    free(key);
}

/* What a provider's answer means. 1 is a verified signature; 0 a wrong one or an empty heap, negative an error or an empty
 * heap: the queue knows, though not at which place, since the layers above add errors of their own. */
static enum public_key_status status_of(int answer) {
    bool no_memory = false;
    for (unsigned long error; (error = ERR_get_error()) != 0;) no_memory |= ERR_GET_REASON(error) == ERR_R_MALLOC_FAILURE;
    if (answer == 1) return PUBLIC_KEY_VERIFIED;
    if (no_memory) return PUBLIC_KEY_NO_MEMORY;
    return answer == 0 ? PUBLIC_KEY_MISMATCH : PUBLIC_KEY_ERROR;
}

static enum public_key_status verify_rsa(const struct public_key *key, const uint8_t *value, struct span signature) {
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_dup(key->prepared);
    if (context == NULL) return ERR_clear_error(), PUBLIC_KEY_NO_MEMORY;
    int answer = EVP_PKEY_verify(context, (const unsigned char *)signature.ptr, signature.len, value, DIGEST_OCTETS);
    EVP_PKEY_CTX_free(context);
    return status_of(answer);
}

static enum public_key_status verify_ed25519(const struct public_key *key, const uint8_t *value, struct span signature) {
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    enum public_key_status status = PUBLIC_KEY_NO_MEMORY; /* a key that was loaded leaves no other reason to begin with */
    if (context != NULL && EVP_DigestVerifyInit(context, NULL, NULL, NULL, key->pkey) == 1)
        status = status_of(EVP_DigestVerify(context, (const unsigned char *)signature.ptr, signature.len, value, DIGEST_OCTETS));
    EVP_MD_CTX_free(context);
    ERR_clear_error();
    return status;
}

enum public_key_status public_key_verify(const struct public_key *key, const uint8_t value[DIGEST_OCTETS],
                                         struct span signature) {
    if (signature.len != key->signature_octets) return PUBLIC_KEY_MISMATCH; /* RFC 8017 8.2.2 step 1, RFC 8032 5.1.7 */
    ERR_clear_error();
    if (key->prepared != NULL) return verify_rsa(key, value, signature);
    /* Ed25519 inside says 0 without an error when memory was short for a moment: a mismatch has to be one twice. */
    enum public_key_status status = verify_ed25519(key, value, signature);
    return status == PUBLIC_KEY_MISMATCH ? verify_ed25519(key, value, signature) : status;
}

bool public_key_verifies(const struct public_key *key, const uint8_t value[DIGEST_OCTETS], struct span signature) {
    if (signature.len != key->signature_octets) return false;
    ERR_clear_error();
    return (key->prepared != NULL ? verify_rsa(key, value, signature) : verify_ed25519(key, value, signature)) == PUBLIC_KEY_VERIFIED;
}

/* DigestInfo of SHA-256 up to the value (RFC 8017 section 9.2, note 1). */
static const uint8_t digest_info[] = {0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01,
                                      0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20};
enum { MODULUS_MAX_OCTETS = 512 }; /* 4096 bits, the largest that is loaded */

/* Without a digest set, OpenSSL hands out what stands behind the padding as it is. */
static enum public_key_recovery recover(EVP_PKEY_CTX *context, struct span signature, uint8_t *value) {
    uint8_t octets[MODULUS_MAX_OCTETS];
    size_t len = sizeof octets;
    if (context == NULL || EVP_PKEY_verify_recover_init(context) != 1 ||
        EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) != 1)
        return PUBLIC_KEY_UNKNOWN;
    int answer = EVP_PKEY_verify_recover(context, octets, &len, (const unsigned char *)signature.ptr, signature.len);
    if (answer != 1) return status_of(answer) == PUBLIC_KEY_NO_MEMORY ? PUBLIC_KEY_UNKNOWN : PUBLIC_KEY_NOT_ITS;
    bool fits = len == sizeof digest_info + DIGEST_OCTETS && memcmp(octets, digest_info, sizeof digest_info) == 0;
    if (fits) memcpy(value, octets + sizeof digest_info, DIGEST_OCTETS);
    if (fits) return PUBLIC_KEY_RECOVERED;
    return len > 0 && octets[0] == digest_info[0] ? PUBLIC_KEY_OTHER_HASH : PUBLIC_KEY_NOT_ITS;
}

enum public_key_recovery public_key_recover(const struct public_key *key, struct span signature, uint8_t value[DIGEST_OCTETS]) {
    memset(value, 0, DIGEST_OCTETS);
    if (key->prepared == NULL) return PUBLIC_KEY_UNKNOWN;
    if (signature.len != key->signature_octets || signature.len > MODULUS_MAX_OCTETS) return PUBLIC_KEY_NOT_ITS;
    ERR_clear_error();
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(NULL, key->pkey, NULL);
    enum public_key_recovery recovery = recover(context, signature, value);
    EVP_PKEY_CTX_free(context);
    ERR_clear_error();
    return recovery;
}

const char *public_key_library(void) { return OpenSSL_version(OPENSSL_VERSION_STRING); }
