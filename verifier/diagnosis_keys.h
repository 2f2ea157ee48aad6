/* verifier/diagnosis_keys.h -- which key made a signature, when the one at its selector did not (tester.md 3d S16 to
 * S19, 3e D9 to D12). An RSA signature shows the key that made it by its padding, whatever became of the header fields;
 * an Ed25519 signature only by verifying. Purity, thread rule and cost: those of diagnosis, whose part it is. */
#pragma once
#include "verifier/diagnosis_input.h"
#include "verifier/dkim_signature.h"
#include "verifier/finding.h"

/* What is known of the key at the signature's selector. */
struct signature_key {
    const struct key_entry *entry; /* NULL: not given */
    const struct dkim_key *record; /* that made the signature, or that fits its algorithm best; NULL: none fits */
    bool made_it;                  /* RSA: proved by the padding */
    bool other_hash;               /* it did, over another hash than SHA-256 */
    uint8_t value[DIGEST_OCTETS];  /* RSA and made_it: the hash that was signed */
};

/* Looks among input's keys. Takes verifications off budget. */
void diagnosis_keys_find(const struct diagnosis_input *input, const struct dkim_signature *signature,
                         struct diagnosis_budget *budget, struct signature_key *out);
/* None of the records made it: looks for another key that did, or a repaired record. header_hash: of the fields as they
 * came. Appends one finding, or none. */
void diagnosis_keys_explain(const struct diagnosis_input *input, const struct dkim_signature *signature,
                            const struct signature_key *known, const uint8_t header_hash[DIGEST_OCTETS],
                            struct diagnosis_budget *budget, struct arena *arena, struct finding_list *list);
