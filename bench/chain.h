/* bench/chain.h -- a message with an ARC chain of our own making, to measure with: it can be validated with a warm key, and one
 * more set put on top. One key for all sets, made at the start; a body of 2 KiB.
 * Ends the program with a sentence when memory or OpenSSL fails. */
#pragma once
#include <stdbool.h>
#include "base/span.h"
#include "verifier/result.h"

#define CHAIN_QUESTION "sel._domainkey.example.org"

struct chain;

/* No set yet. RSA with 2048 bits, or Ed25519. */
struct chain *chain_create(bool is_rsa);
void chain_destroy(struct chain *chain);
struct span chain_octets(const struct chain *chain); /* the message; until chain_grow */
struct span chain_record(const struct chain *chain); /* the TXT record at CHAIN_QUESTION */

const struct arc_result *chain_validate(struct chain *chain);
/* Writes one more set for the message that was validated, and forgets it. */
void chain_seal(struct chain *chain);
/* Puts one more set on top. */
void chain_grow(struct chain *chain);
