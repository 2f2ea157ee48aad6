/* verifier/sealing_key.h -- a private key to seal with, from a PEM file; sealing_key.c is the only file with OpenSSL's
 * calls for private keys. RSA of 1024 to 4096 bits, or Ed25519 (RFC 8463). The file must be a
 * base/private_file: root's or ours, and closed to all others. Its octets are wiped after
 * reading and stand in no text of ours. Encrypted keys are refused: nobody is there to be asked. Thread rule: immutable
 * once loaded; any number of threads sign. Cost: 0.5 ms for RSA of 2048 bits. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "verifier/digest.h"
#include "verifier/result.h"

#define SEALING_KEY_STATUSES(X)                                                                                        \
    X(SEALING_KEY_OK, "a usable key")                                                                                  \
    X(SEALING_KEY_UNREADABLE, "the key file cannot be read")                                                           \
    X(SEALING_KEY_NOT_A_FILE, "the key file is no regular file")                                                       \
    X(SEALING_KEY_BAD_LINK, "a symbolic link leads to the key file that others can change")                            \
    X(SEALING_KEY_OPEN_TO_OTHERS, "the key file may be used by others: wanted is mode 0600")                           \
    X(SEALING_KEY_FOREIGN, "the key file belongs to another user")                                                     \
    X(SEALING_KEY_TOO_LARGE, "the key file is larger than a key")                                                      \
    X(SEALING_KEY_NOT_A_KEY, "the key file holds no private key in PEM form without a passphrase")                     \
    X(SEALING_KEY_BAD_TYPE, "the key is neither RSA nor Ed25519")                                                      \
    X(SEALING_KEY_BAD_SIZE, "the RSA key has not 1024 to 4096 bits")                                                   \
    X(SEALING_KEY_NO_MEMORY, "out of memory")
#define X(id, text) id,
enum sealing_key_status { SEALING_KEY_STATUSES(X) SEALING_KEY_STATUS_COUNT };
#undef X
const char *sealing_key_status_text(enum sealing_key_status status);

enum { SEALING_KEY_SIGNATURE_MAX = 512 }; /* octets */

struct sealing_key;

/* *out is NULL on any status but SEALING_KEY_OK; on SEALING_KEY_UNREADABLE errno says why. */
enum sealing_key_status sealing_key_load(const char *path, struct sealing_key **out);
void sealing_key_release(struct sealing_key *key); /* accepts NULL */
enum key_algorithm sealing_key_algorithm(const struct sealing_key *key);
/* Signs a SHA-256 value, as public_key_verify verifies it. Writes *len octets; false: OpenSSL failed or no memory. */
bool sealing_key_sign(const struct sealing_key *key, const uint8_t value[DIGEST_OCTETS],
                      uint8_t out[SEALING_KEY_SIGNATURE_MAX], size_t *len);
