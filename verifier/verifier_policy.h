/* verifier/verifier_policy.h -- the limits and choices that verdicts depend on (verdicts.md section 1, security.md R-21).
 * Pure data; immutable while a message_verifier uses it. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "verifier/header_section.h"

struct verifier_policy {
    struct header_limits header;
    unsigned signatures_seen_max;     /* DKIM-Signature fields looked at, 32 */
    unsigned signatures_verified_max; /* 8 */
    unsigned key_lookups_max;         /* distinct names a message may ask for, 8 */
    unsigned dns_queries_max;         /* questions to the DNS by all checks of a message together, 60 (authentication) */
    unsigned rsa_bits_min, rsa_bits_max; /* 1024, 4096 */
    int64_t drift_s;                  /* clocks may differ by this, 300 */
    bool unsigned_octets_pass;        /* l= leaves octets out: pass instead of policy */
    unsigned arc_keys_max;            /* distinct names that an ARC chain may ask for, 10 */
    unsigned arc_bodies_max;          /* body hashes that its message signatures may add to those of DKIM, 3 */
    const char *const *trusted_sealers; /* lower-case A-labels; borrowed */
    size_t trusted_sealer_count;
    bool trusts_received;             /* t= and x= are judged at the time of the topmost Received field, which one of our
                                         own servers added; where it tells none, or a later one than the clock: the clock */
    bool header_alone;                /* only the header section is given: what the body is stays unknown, no signature passes,
                                         and ARC is not evaluated */
    bool wants_seal_hash;             /* hash every body for a seal of our own: message_verifier_seal_hash */
};
extern const struct verifier_policy verifier_policy_default;
