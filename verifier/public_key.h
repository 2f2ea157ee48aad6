/* verifier/public_key.h -- a public key ready to verify with; public_key.c is the only file with OpenSSL's key calls.
 * Keys come from key_der's strict reader, never from d2i_PUBKEY: 9 us instead of 150 to 250, and sizes are bounded first.
 * Thread rule: immutable, shared by threads; each verification duplicates the prepared context. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "base/span.h"
#include "verifier/digest.h"

struct public_key;

/* modulus and exponent: big-endian, already checked (key_der). NULL: OpenSSL refused or no memory. */
struct public_key *public_key_rsa(struct span modulus, struct span exponent);
/* 32 octets. */
struct public_key *public_key_ed25519(struct span octets);
void public_key_release(struct public_key *key); /* accepts NULL */

enum public_key_status { PUBLIC_KEY_VERIFIED, PUBLIC_KEY_MISMATCH, PUBLIC_KEY_NO_MEMORY, PUBLIC_KEY_ERROR };
/* Does signature (raw octets) belong to the SHA-256 value? RSA: PKCS#1 v1.5 over it (RFC 8017 8.2.2). Ed25519: PureEdDSA
 * over the 32 octets of the hash (RFC 8463 section 3). PUBLIC_KEY_NO_MEMORY: nothing was found out.
 * PUBLIC_KEY_ERROR: OpenSSL cannot work with the key. OpenSSL's error queue is empty afterwards. */
enum public_key_status public_key_verify(const struct public_key *key, const uint8_t value[DIGEST_OCTETS], struct span signature);

/* Verifies one signature of each algorithm, so that OpenSSL loads now what it else loads when the first message comes; short
 * of memory in the middle of that, it would crash or call a good signature bad. False: it cannot verify. */
bool public_key_warm_up(void);
/* The same for diagnosis, at half the cost for Ed25519: false may also mean that memory was short. */
bool public_key_verifies(const struct public_key *key, const uint8_t value[DIGEST_OCTETS], struct span signature);

/* RSA only, for diagnosis: the SHA-256 value that signature was made over, as the public-key operation gives it back (RFC
 * 8017 section 5.2.2 and 9.2). */
enum public_key_recovery {
    PUBLIC_KEY_RECOVERED,  /* *value is what the signer signed: this key made the signature */
    PUBLIC_KEY_OTHER_HASH, /* this key made it, but over another hash than SHA-256 */
    PUBLIC_KEY_NOT_ITS,    /* no PKCS#1 v1.5 signature of this key: another key made it, or it is damaged */
    PUBLIC_KEY_UNKNOWN,    /* not an RSA key, or no memory: nothing was found out */
};
enum public_key_recovery public_key_recover(const struct public_key *key, struct span signature, uint8_t value[DIGEST_OCTETS]);

/* OpenSSL's version, "3.0.22"; static. */
const char *public_key_library(void);
