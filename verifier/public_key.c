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

/* Empties OpenSSL's error queue. True: an allocation was refused since it was emptied last. That error need not be the last
 * one, since the layers above add theirs. */
static bool was_out_of_memory(void) {
    bool no_memory = false;
    for (unsigned long error; (error = ERR_get_error()) != 0;) no_memory |= ERR_GET_REASON(error) == ERR_R_MALLOC_FAILURE;
    return no_memory;
}

/* Takes pkey, NULL included. Leaves the error queue empty. */
static struct public_key *wrap(EVP_PKEY *pkey, bool is_rsa) {
    struct public_key *key = pkey != NULL ? calloc(1, sizeof *key) : NULL;
    if (key != NULL) {
        *key = (struct public_key){.pkey = pkey, .signature_octets = (size_t)EVP_PKEY_get_size(pkey)};
        if (is_rsa) key->prepared = prepare_rsa(pkey);
    } else {
        EVP_PKEY_free(pkey);
    }
    /* A key may look whole and lack what there was no memory for: every signature would be called bad. */
    bool is_whole = !was_out_of_memory() && key != NULL && (!is_rsa || key->prepared != NULL);
    if (is_whole) return key;
    public_key_release(key);
    return NULL;
}

struct public_key *public_key_rsa(struct span modulus, struct span exponent) {
    ERR_clear_error();
    return wrap(load_rsa(modulus, exponent), true);
}

struct public_key *public_key_ed25519(struct span octets) {
    if (octets.len != ED25519_OCTETS) return NULL;
    ERR_clear_error();
    const unsigned char *raw = (const unsigned char *)octets.ptr;
    return wrap(EVP_PKEY_new_raw_public_key_ex(NULL, "ED25519", NULL, raw, octets.len), false);
}

void public_key_release(struct public_key *key) {
    if (key == NULL) return;
    EVP_PKEY_CTX_free(key->prepared);
    EVP_PKEY_free(key->pkey);
    free(key);
}

/* What a provider's answer means: 1 is a verified signature, 0 a wrong one or an empty heap, negative an error or an empty
 * heap. */
static enum public_key_status status_of(int answer) {
    bool no_memory = was_out_of_memory();
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

/* RFC 8463 appendix A: a message signed with both algorithms, its keys, and the hashes of its canonical fields. */
static const uint8_t sample_modulus[] = {
    0xe4, 0x1e, 0x53, 0x90, 0xa0, 0x14, 0xf3, 0x59, 0x18, 0x86, 0xb3, 0x95, 0x7a, 0x36, 0x93, 0xf7, 0x89, 0xd6,
    0x3a, 0x5a, 0x4d, 0x3c, 0x6b, 0x9a, 0xa1, 0x75, 0x1e, 0xb0, 0xcb, 0x96, 0xdd, 0x38, 0xa6, 0xf6, 0x8c, 0xb4,
    0x22, 0x63, 0xf2, 0x75, 0xe8, 0x96, 0x22, 0xd1, 0x0b, 0xf1, 0xfd, 0xbc, 0x98, 0xcc, 0x23, 0x5b, 0xdd, 0x6f,
    0x75, 0xcb, 0x71, 0x6e, 0xb4, 0x00, 0x83, 0x7f, 0x3c, 0x10, 0xfc, 0x10, 0xbf, 0x7b, 0xff, 0x2e, 0x06, 0xc0,
    0x91, 0xfb, 0x2c, 0xf5, 0x2f, 0x18, 0xfe, 0x3c, 0xbe, 0xa5, 0x1e, 0xfa, 0x8c, 0x2a, 0xb3, 0x37, 0xac, 0x6e,
    0x21, 0xb2, 0xd4, 0xf9, 0x42, 0x3b, 0xc7, 0x3b, 0xd3, 0xf3, 0xa3, 0x16, 0x72, 0x55, 0x82, 0xf3, 0x05, 0xf3,
    0xb6, 0x11, 0xe0, 0xb7, 0x22, 0x9d, 0xc6, 0xfb, 0x69, 0x2b, 0xc8, 0xe4, 0xc8, 0x29, 0x3f, 0xa5, 0xfc, 0xae,
    0x30, 0xdd,
};
static const uint8_t sample_rsa_hash[DIGEST_OCTETS] = {
    0xfe, 0xd7, 0x1e, 0x6d, 0x70, 0xfb, 0x12, 0x3b, 0xb5, 0xc3, 0x53, 0xad, 0xc4, 0x28, 0x21, 0xb3, 0x04, 0xb6,
    0xb9, 0xd5, 0x4f, 0xc8, 0x67, 0xf3, 0x04, 0xf7, 0xc6, 0x1d, 0xaa, 0xaa, 0x11, 0x11,
};
static const uint8_t sample_rsa_signature[] = {
    0x17, 0x8e, 0x5d, 0x55, 0x60, 0xdf, 0x31, 0xb4, 0x03, 0x18, 0x72, 0x45, 0x95, 0x75, 0x0d, 0x07, 0x61, 0xca,
    0x7d, 0xb0, 0x9e, 0x2d, 0x1c, 0xa1, 0x0d, 0x78, 0x05, 0xa4, 0x42, 0xfc, 0x1b, 0x0a, 0x6c, 0x45, 0xed, 0x08,
    0x78, 0x88, 0xb1, 0x35, 0x37, 0xb7, 0x0e, 0x10, 0x95, 0x95, 0x4a, 0xd2, 0x8d, 0x5e, 0x01, 0xc1, 0xc5, 0x5c,
    0x38, 0x5e, 0xbe, 0x14, 0x5d, 0xd9, 0xa3, 0xd4, 0x69, 0xa3, 0x5b, 0x45, 0x39, 0xe4, 0xbd, 0x98, 0xf6, 0x10,
    0x4e, 0x71, 0x9d, 0x69, 0x21, 0xac, 0x81, 0xe7, 0x9f, 0x3a, 0xc9, 0x36, 0x27, 0x37, 0x40, 0xf8, 0xbd, 0x74,
    0x4d, 0xe6, 0x2d, 0xf4, 0x18, 0x03, 0x7d, 0x03, 0x59, 0xb4, 0xa7, 0x4d, 0xd5, 0x63, 0xbf, 0xfc, 0xa8, 0x08,
    0xa9, 0x73, 0xfb, 0x39, 0xd1, 0x05, 0x13, 0x82, 0xe3, 0x15, 0x83, 0x5c, 0x53, 0x16, 0x50, 0xe0, 0x50, 0x03,
    0x63, 0xef,
};
static const uint8_t sample_ed25519_key[] = {
    0xd7, 0x5a, 0x98, 0x01, 0x82, 0xb1, 0x0a, 0xb7, 0xd5, 0x4b, 0xfe, 0xd3, 0xc9, 0x64, 0x07, 0x3a, 0x0e, 0xe1,
    0x72, 0xf3, 0xda, 0xa6, 0x23, 0x25, 0xaf, 0x02, 0x1a, 0x68, 0xf7, 0x07, 0x51, 0x1a,
};
static const uint8_t sample_ed25519_hash[DIGEST_OCTETS] = {
    0x48, 0xce, 0x9a, 0x2c, 0x71, 0x0e, 0xce, 0x17, 0x10, 0xff, 0x15, 0x69, 0x96, 0xb8, 0x36, 0xa7, 0xf4, 0x54,
    0x70, 0xe4, 0x3e, 0xfe, 0x56, 0x43, 0x07, 0x4d, 0x6e, 0x16, 0x90, 0xed, 0x62, 0xe7,
};
static const uint8_t sample_ed25519_signature[] = {
    0xfe, 0x00, 0xab, 0x8a, 0x7a, 0x5c, 0x40, 0xea, 0x08, 0x7e, 0xe1, 0xcd, 0x40, 0x86, 0xea, 0xe2, 0x98, 0x21,
    0xf6, 0x4c, 0x88, 0x2b, 0x70, 0x10, 0x51, 0xdb, 0x7d, 0x39, 0xda, 0x90, 0x7a, 0x14, 0xb0, 0x84, 0x42, 0x2e,
    0x83, 0x80, 0xf5, 0xd4, 0x1b, 0xac, 0x15, 0xad, 0xdb, 0x4f, 0x71, 0x58, 0xe4, 0xeb, 0x14, 0xed, 0x96, 0xe7,
    0x28, 0x42, 0xea, 0xf9, 0xe5, 0xdd, 0xa7, 0x54, 0x35, 0x0f,
};

/* Takes key, NULL included. */
static bool verifies_sample(struct public_key *key, const uint8_t *hash, const uint8_t *signature, size_t len) {
    enum public_key_status status = PUBLIC_KEY_ERROR;
    if (key != NULL) status = public_key_verify(key, hash, (struct span){(const char *)signature, len});
    public_key_release(key);
    return status == PUBLIC_KEY_VERIFIED;
}

bool public_key_warm_up(void) {
    struct span modulus = {(const char *)sample_modulus, sizeof sample_modulus};
    struct span raw = {(const char *)sample_ed25519_key, sizeof sample_ed25519_key};
    bool rsa = verifies_sample(public_key_rsa(modulus, (struct span){"\x01\x00\x01", 3}), sample_rsa_hash,
                               sample_rsa_signature, sizeof sample_rsa_signature);
    bool ed25519 = verifies_sample(public_key_ed25519(raw), sample_ed25519_hash, sample_ed25519_signature,
                                   sizeof sample_ed25519_signature);
    return rsa && ed25519;
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
