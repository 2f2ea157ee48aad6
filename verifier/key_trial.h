/* verifier/key_trial.h -- does one of the key records at a selector verify a signature? (RFC 6376 section 6.1.2 steps 4
 * to 8 and 6.1.3, RFC 8301 section 3.2.) The same rules for DKIM-Signature, ARC-Message-Signature and ARC-Seal. Pure;
 * any thread. Cost: a public-key operation for each record that fits. */
#pragma once
#include <stdint.h>
#include "verifier/digest.h"
#include "verifier/dkim_signature.h"
#include "verifier/key_source.h"
#include "verifier/verifier_policy.h"

/* What the lookup alone says: DKIM_OK when there are records to try. */
enum dkim_code key_trial_lookup(const struct key_entry *entry);

struct key_trial {
    enum dkim_code code;           /* DKIM_OK, or what is wrong with the record that came furthest */
    const struct dkim_key *record; /* that record; belongs to the entry */
    unsigned records_tried;
};
/* Tries the records, at least one, until one verifies signature over header_hash. */
struct key_trial key_trial_run(const struct key_entry *entry, const struct dkim_signature *signature,
                               const uint8_t header_hash[DIGEST_OCTETS], const struct verifier_policy *policy);
