/* verifier/dkim_key.h -- one DKIM key record, read (RFC 6376 section 3.6.1, RFC 8301, RFC 8463).
 * Says what the record is; whether it fits a signature is dkim_check's business. The public key inside is ready for use.
 * Thread rule: immutable after parsing, any thread may verify with it. */
#pragma once
#include <stdbool.h>
#include "base/arena.h"
#include "base/span.h"
#include "verifier/result.h"

struct public_key; /* verifier/public_key.h */

#define DKIM_KEY_STATUSES(X)                                                                                           \
    X(DKIM_KEY_OK, "valid key record")                                                                                 \
    X(DKIM_KEY_BAD_TAG_LIST, "not a tag-list")                                                                         \
    X(DKIM_KEY_BAD_VERSION, "v= is not first or not DKIM1")                                                            \
    X(DKIM_KEY_NO_P, "no p= tag")                                                                                      \
    X(DKIM_KEY_EMPTY_P, "p= is empty: the key is revoked")                                                             \
    X(DKIM_KEY_BAD_BASE64, "p= is not base64")                                                                         \
    X(DKIM_KEY_UNKNOWN_TYPE, "k= names no known key type")                                                             \
    X(DKIM_KEY_BAD_KEY, "p= does not hold a usable public key")                                                        \
    X(DKIM_KEY_BAD_SIZE, "the RSA modulus is outside what we read")                                                    \
    X(DKIM_KEY_OUT_OF_MEMORY, "out of memory")
#define X(id, text) id,
enum dkim_key_status { DKIM_KEY_STATUSES(X) DKIM_KEY_STATUS_COUNT };
#undef X
const char *dkim_key_status_text(enum dkim_key_status status);

struct dkim_key {
    enum dkim_key_status status;
    struct span text;              /* the record as DNS gave it */
    enum key_algorithm algorithm;  /* k=, rsa when absent */
    unsigned bits;                 /* modulus for RSA (known also when too small or too large to use), 256 for Ed25519 */
    struct public_key *key;        /* NULL unless DKIM_KEY_OK and the size lies within 1024..4096; owned */
    bool has_fingerprint;          /* p= is readable base64 and not empty */
    uint8_t fingerprint[DIGEST_OCTETS]; /* SHA-256 of the octets of p= */
    bool hash_sha256;              /* h= absent or lists sha256 */
    bool hash_sha1;                /* h= absent or lists sha1 */
    bool service_email;            /* s= absent or lists email or * */
    bool testing;                  /* t=y */
    bool strict_identity;          /* t=s */
};

/* Reads text into *out. Spans of *out live in arena (text is copied there). On any status but DKIM_KEY_OK, fields that
 * could be read are filled all the same. Release with dkim_key_release, which accepts a zeroed struct. */
enum dkim_key_status dkim_key_parse(struct span text, struct arena *arena, struct dkim_key *out);
void dkim_key_release(struct dkim_key *key);
