/* verifier/key_der.h -- a strict reader of RSA public keys in DER (RFC 8017 appendix A.1.1, RFC 5280 section 4.1.2.7).
 * Reads SubjectPublicKeyInfo, which RFC 6376 section 3.6.1 asks for, and the bare RSAPublicKey, which is in the wild as
 * well. Hands out modulus and exponent only after every check, so that no doubtful number reaches OpenSSL, which loads
 * even moduli, negative ones and exponents of 1 without a word.
 * Strict means DER: definite lengths and integers in their shortest form, no octet after the key. One thing is taken
 * that RFC 3279 section 2.3.1 forbids: an rsaEncryption without its NULL parameters. Some encoders write it, OpenSSL
 * reads it, and it changes nothing about the key. Pure: no allocation, I/O, clock or lock; any thread. Cost: a few
 * dozen octets looked at. */
#pragma once
#include <stdbool.h>
#include "base/span.h"

/* Moduli in these bounds are read, so that a report can name their size; which may verify is dkim_key's decision. */
enum { KEY_DER_BITS_MIN = 512, KEY_DER_BITS_MAX = 16384 };

#define KEY_DER_STATUSES(X)                                                                                            \
    X(KEY_DER_OK, "valid RSA public key")                                                                              \
    X(KEY_DER_TRUNCATED, "the key is cut off: a length reaches beyond the last octet")                                 \
    X(KEY_DER_TRAILING, "octets follow the key")                                                                       \
    X(KEY_DER_BAD_ENCODING, "a length or an integer is not in its shortest form")                                      \
    X(KEY_DER_NOT_A_KEY, "neither a SubjectPublicKeyInfo nor an RSAPublicKey")                                         \
    X(KEY_DER_PRIVATE, "a private key")                                                                                \
    X(KEY_DER_ED25519, "an Ed25519 key in a SubjectPublicKeyInfo, which RFC 8463 publishes as 32 bare octets")         \
    X(KEY_DER_OTHER_ALGORITHM, "a public key of another algorithm than RSA")                                           \
    X(KEY_DER_BAD_MODULUS, "the modulus is even or not positive")                                                      \
    X(KEY_DER_BAD_EXPONENT, "the exponent is even or outside 3..4294967295")                                           \
    X(KEY_DER_BAD_SIZE, "the modulus has fewer than 512 or more than 16384 bits")
#define X(id, text) id,
enum key_der_status { KEY_DER_STATUSES(X) KEY_DER_STATUS_COUNT };
#undef X
const char *key_der_status_text(enum key_der_status status);

struct key_der {
    struct span modulus, exponent; /* big-endian, without leading zeros; borrowed from the input */
    unsigned bits;                 /* of the modulus */
    bool bare;                     /* an RSAPublicKey without its SubjectPublicKeyInfo */
};

/* Reads octets. On KEY_DER_OK everything in *out is valid; on KEY_DER_BAD_SIZE bits and bare are, and the spans are
 * empty; on any other status *out is zeroed. */
enum key_der_status key_der_read(struct span octets, struct key_der *out);
