#include "verifier/key_trial.h"
#include "verifier/public_key.h"

enum dkim_code key_trial_lookup(const struct key_entry *entry) {
    static const enum dkim_code codes[] = {
        [DNS_FOUND] = DKIM_OK,
        [DNS_NXDOMAIN] = DKIM_KEY_MISSING,
        [DNS_NODATA] = DKIM_KEY_MISSING,
        [DNS_SERVFAIL] = DKIM_DNS_SERVFAIL,
        [DNS_TIMEOUT] = DKIM_DNS_TIMEOUT,
        [DNS_BOGUS] = DKIM_DNS_BOGUS,
    };
    enum dkim_code code = codes[entry->status];
    return code == DKIM_OK && entry->record_count == 0 ? DKIM_KEY_MISSING : code;
}

static enum dkim_code code_of_key_status(enum dkim_key_status status) {
    switch (status) {
    case DKIM_KEY_OK:
    case DKIM_KEY_BAD_SIZE: return DKIM_OK; /* sizes are judged with their number of bits */
    case DKIM_KEY_EMPTY_P: return DKIM_KEY_REVOKED;
    case DKIM_KEY_UNKNOWN_TYPE: return DKIM_KEY_TYPE;
    case DKIM_KEY_OUT_OF_MEMORY: return DKIM_NO_MEMORY;
    default: return DKIM_KEY_SYNTAX;
    }
}

/* Section 6.1.2, steps 4 to 8, and RFC 8301 section 3.2: does this record fit this signature? */
static enum dkim_code judge_record(const struct dkim_key *record, const struct dkim_signature *signature,
                                   const struct verifier_policy *policy) {
    enum dkim_code code = code_of_key_status(record->status);
    if (code != DKIM_OK) return code;
    if (record->algorithm != signature->key_algorithm) return DKIM_KEY_TYPE;
    if (!record->hash_sha256) return DKIM_KEY_HASH;
    if (!record->service_email) return DKIM_KEY_SERVICE;
    if (record->strict_identity && !span_equal(signature->auid_domain_ascii, signature->domain_ascii))
        return DKIM_KEY_STRICT_IDENTITY;
    if (record->algorithm == KEY_RSA && record->bits < policy->rsa_bits_min) return DKIM_KEY_TOO_SMALL;
    if (record->algorithm == KEY_RSA && record->bits > policy->rsa_bits_max) return DKIM_KEY_TOO_LARGE;
    return record->key != NULL ? DKIM_OK : DKIM_KEY_SYNTAX;
}

/* Of several records at one selector the one that came furthest speaks: a mismatch says more than a broken record. */
static int distance(enum dkim_code code) {
    switch (dkim_code_result(code)) {
    case RESULT_PASS: return 4;
    case RESULT_FAIL: return 3;
    case RESULT_POLICY: return 2;
    case RESULT_TEMPERROR: return 1;
    default: return 0;
    }
}

static enum dkim_code try_record(const struct dkim_key *record, const struct dkim_signature *signature,
                                 const uint8_t header_hash[DIGEST_OCTETS], const struct verifier_policy *policy) {
    enum dkim_code code = judge_record(record, signature, policy);
    if (code != DKIM_OK) return code;
    switch (public_key_verify(record->key, header_hash, signature->signature)) {
    case PUBLIC_KEY_VERIFIED: return DKIM_OK;
    case PUBLIC_KEY_MISMATCH: return DKIM_SIGNATURE_MISMATCH;
    case PUBLIC_KEY_NO_MEMORY: return DKIM_NO_MEMORY;
    default: return DKIM_KEY_SYNTAX; /* what OpenSSL cannot work with is a permanent error */
    }
}

struct key_trial key_trial_run(const struct key_entry *entry, const struct dkim_signature *signature,
                               const uint8_t header_hash[DIGEST_OCTETS], const struct verifier_policy *policy) {
    struct key_trial best = {.record = NULL};
    for (size_t i = 0; i < entry->record_count; i++) {
        enum dkim_code code = try_record(entry->record[i], signature, header_hash, policy);
        best.records_tried++;
        if (i > 0 && distance(code) <= distance(best.code)) continue;
        best.code = code;
        best.record = entry->record[i];
        if (code == DKIM_OK) break;
    }
    return best;
}
