#include "verifier/diagnosis_others.h"

/* From how much mail on a rule is more than chance. */
enum { BULK_SIGNATURES = 50, BULK_DOMAINS = 5, BULK_EXCEPTIONS = 5, THROUGH_FAILURES = 10 };

/* All but one in BULK_EXCEPTIONS. */
static bool is_most(uint64_t part, uint64_t whole) { return part >= whole - whole / BULK_EXCEPTIONS; }

bool diagnosis_others_key(const struct diagnosis_input *input, size_t index, struct span key_name,
                          struct finding_list *list) {
    const struct dkim_result *dkim = &input->result->dkim[index];
    for (size_t i = 0; input->seen != NULL && i < input->seen->key_count; i++) {
        const struct diagnosis_seen_key *key = &input->seen->key[i];
        bool is_current =
            dkim->has_key_fingerprint && memcmp(key->fingerprint, dkim->key_fingerprint, DIGEST_OCTETS) == 0;
        if (is_current || key->passes == 0 || !span_equal(key->name, key_name)) continue;
        struct finding *finding = finding_add(list, FINDING_OLDER_KEY);
        finding->certainty = FINDING_GUESS;
        finding->has_signature = true;
        finding->signature = index;
        finding_add_text(finding, "name", key_name);
        finding_add_text(finding, "found", key_name);
        return true;
    }
    return false;
}

static bool any_part(const struct message_result *result, bool body) {
    for (size_t i = 0; i < result->dkim_count; i++)
        if ((body ? result->dkim[i].body_part : result->dkim[i].header_part) == PART_CHANGED) return true;
    return false;
}

void diagnosis_others_look(const struct diagnosis_input *input, struct finding_list *list) {
    const struct diagnosis_seen *seen = input->seen;
    if (seen == NULL) return;
    bool is_bulk = seen->signatures >= BULK_SIGNATURES && seen->domains >= BULK_DOMAINS &&
                   is_most(seen->body_failures, seen->signatures) && is_most(seen->failing_domains, seen->domains);
    bool body_changed = any_part(input->result, true);
    if (is_bulk && body_changed) {
        struct finding *finding = finding_add(list, FINDING_OUR_SIDE);
        finding_add_number(finding, "found", seen->body_failures);
        finding_add_number(finding, "expected", seen->signatures);
    }
    if (is_bulk || seen->through.len == 0 || seen->failures < THROUGH_FAILURES ||
        seen->failures_through != seen->failures || !(body_changed || any_part(input->result, false)))
        return;
    struct finding *finding = finding_add(list, FINDING_ONE_FORWARDER);
    finding->certainty = FINDING_GUESS;
    finding_add_text(finding, "name", seen->through);
    finding_add_number(finding, "found", seen->failures);
}
