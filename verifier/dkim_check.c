#include "verifier/dkim_check.h"
#include <string.h>
#include "verifier/domain_name.h"
#include "verifier/header_canon.h"
#include "verifier/key_trial.h"

enum progress { PROGRESS_WAIT, PROGRESS_AGAIN };

static enum progress finish(struct dkim_check *check, enum dkim_code code) {
    check->result.code = code;
    check->result.result = dkim_code_result(code);
    check->state = CHECK_DONE;
    return PROGRESS_AGAIN;
}

static enum progress advance(struct dkim_check *check, enum dkim_check_state state) {
    check->state = state;
    return PROGRESS_AGAIN;
}

static enum progress parse(struct dkim_check *check) {
    enum dkim_code code = check->signature.code;
    if (code == DKIM_OK) code = dkim_signature_judge_time(&check->signature, check->now_s, check->policy->drift_s);
    return code == DKIM_OK ? advance(check, CHECK_AWAIT_TURN) : finish(check, code);
}

static enum progress await_turn(struct dkim_check *check) {
    return check->has_turn ? advance(check, CHECK_AWAIT_BODY) : PROGRESS_WAIT;
}

static enum progress await_body(struct dkim_check *check) {
    if (!check->has_body) return PROGRESS_WAIT;
    const struct dkim_signature *signature = &check->signature;
    struct dkim_result *result = &check->result;
    if (check->policy->header_alone) return advance(check, CHECK_AWAIT_KEY);
    bool equal = signature->body_hash.len == DIGEST_OCTETS &&
                 memcmp(signature->body_hash.ptr, check->body_hash, DIGEST_OCTETS) == 0;
    bool too_short = signature->has_body_limit && signature->body_limit > check->body_octets;
    result->body_part = equal && !too_short ? PART_INTACT : PART_CHANGED;
    result->body_octets = check->body_octets;
    if (signature->has_body_limit && signature->body_limit < check->body_octets) {
        result->has_unsigned_octets = true;
        result->unsigned_octets = check->body_octets - signature->body_limit;
    }
    return advance(check, CHECK_AWAIT_KEY);
}

static enum progress await_key(struct dkim_check *check) {
    if (!check->has_key_answer) return PROGRESS_WAIT;
    const struct key_entry *entry = check->key;
    if (entry == NULL) return finish(check, check->key_failure);
    struct dkim_result *result = &check->result;
    result->has_key_answer = true;
    result->dnssec = entry->dnssec;
    result->cname_count = entry->cname_count;
    for (size_t i = 0; i < entry->cname_count; i++) { /* the entry may be gone before the result is */
        result->cname[i] = arena_copy(check->arena, entry->cname[i]);
        if (result->cname[i].ptr == NULL) result->cname_count = i;
    }
    enum dkim_code code = key_trial_lookup(entry);
    return code == DKIM_OK ? advance(check, CHECK_VERIFY) : finish(check, code);
}

static void describe_key(struct dkim_check *check, const struct dkim_key *record) {
    struct dkim_result *result = &check->result;
    result->key_algorithm = record->algorithm;
    result->key_bits = record->bits;
    result->has_key_fingerprint = record->has_fingerprint;
    memcpy(result->key_fingerprint, record->fingerprint, sizeof result->key_fingerprint);
    result->testing = record->testing;
    result->weak = record->algorithm == KEY_RSA && record->bits > 0 && record->bits < 2048;
    result->detail = record->status == DKIM_KEY_OK ? (struct span){NULL, 0} : span_of(dkim_key_status_text(record->status));
}

/* The body is known, and of the header part what the key let us find out: what do they amount to? That the body was changed
 * needs no key to be proved: a key that only our policy turns down does not hide it. */
static enum dkim_code judge_parts(const struct dkim_check *check, enum dkim_code header_code) {
    const struct dkim_result *result = &check->result;
    if (result->body_part == PART_CHANGED) {
        bool too_short = check->signature.has_body_limit && check->signature.body_limit > check->body_octets;
        return too_short ? DKIM_BODY_TOO_SHORT : DKIM_BODY_HASH_MISMATCH;
    }
    if (header_code != DKIM_OK) return header_code;
    if (check->policy->header_alone) return DKIM_BODY_ABSENT; /* b= covers bh=, not the body */
    if (result->has_unsigned_octets && !check->policy->unsigned_octets_pass) return DKIM_BODY_UNSIGNED_OCTETS;
    return DKIM_OK;
}

static enum progress verify(struct dkim_check *check) {
    struct key_trial trial = key_trial_run(check->key, &check->signature, check->header_hash, check->policy);
    enum dkim_code best = trial.code;
    check->result.records_tried = trial.records_tried;
    describe_key(check, trial.record);
    if (dkim_code_result(best) == RESULT_PERMERROR || dkim_code_result(best) == RESULT_TEMPERROR) return finish(check, best);
    if (best == DKIM_OK) check->result.header_part = PART_INTACT;
    if (best == DKIM_SIGNATURE_MISMATCH) check->result.header_part = PART_CHANGED;
    return finish(check, judge_parts(check, best));
}

static enum progress stay(struct dkim_check *check) {
    (void)check;
    return PROGRESS_WAIT;
}

static const struct step { const char *name; enum progress (*run)(struct dkim_check *check); } steps[] = {
    [CHECK_PARSE] = {"parse", parse},                /* -> AWAIT_TURN | DONE (permerror, policy, neutral) */
    [CHECK_AWAIT_TURN] = {"await-turn", await_turn}, /* -> AWAIT_BODY */
    [CHECK_AWAIT_BODY] = {"await-body", await_body}, /* -> AWAIT_KEY, body part judged */
    [CHECK_AWAIT_KEY] = {"await-key", await_key},    /* -> VERIFY | DONE (temperror, permerror) */
    [CHECK_VERIFY] = {"verify", verify},             /* -> DONE, header part judged */
    [CHECK_DONE] = {"done", stay},
};

static void run(struct dkim_check *check) {
    while (steps[check->state].run(check) == PROGRESS_AGAIN) { }
}

static struct span canonicalization_text(enum canonicalization header, enum canonicalization body) {
    static const char *const texts[2][2] = {
        [CANON_SIMPLE] = {[CANON_SIMPLE] = "simple/simple", [CANON_RELAXED] = "simple/relaxed"},
        [CANON_RELAXED] = {[CANON_SIMPLE] = "relaxed/simple", [CANON_RELAXED] = "relaxed/relaxed"},
    };
    return span_of(texts[header][body]);
}

static void describe_signature(struct dkim_check *check, struct span from_domain) {
    const struct dkim_signature *signature = &check->signature;
    struct dkim_result *result = &check->result;
    result->domain = signature->domain;
    result->domain_ascii = signature->domain_ascii;
    result->selector = signature->selector;
    result->auid = signature->auid;
    result->algorithm = signature->algorithm;
    result->signature = signature->signature_text;
    result->detail = signature->detail;
    result->key_algorithm = signature->key_algorithm;
    if (signature->code == DKIM_OK) result->canonicalization = canonicalization_text(signature->header_canon, signature->body_canon);
    result->has_timestamp = signature->has_timestamp;
    result->timestamp_s = signature->timestamp_s;
    result->has_expiration = signature->has_expiration;
    result->expiration_s = signature->expiration_s;
    result->aligned = from_domain.len > 0 && signature->domain_ascii.len > 0 &&
                      domain_name_is_related(signature->domain_ascii, from_domain);
}

bool dkim_check_begin(struct dkim_check *check, const struct header_field *field, size_t field_index, struct span from_domain,
                      const struct verifier_policy *policy, int64_t now_s, struct arena *arena) {
    *check = (struct dkim_check){.policy = policy, .field = field, .arena = arena, .now_s = now_s};
    check->result.field_index = field_index;
    if (!dkim_signature_parse(field, arena, &check->signature)) return false;
    describe_signature(check, from_domain);
    run(check);
    return true;
}

void dkim_check_take_turn(struct dkim_check *check, struct field_index *fields, struct digest *digest) {
    const struct dkim_signature *signature = &check->signature;
    digest_begin(digest);
    field_index_restart(fields);
    for (size_t i = 0; i < signature->signed_count; i++) {
        const struct header_field *field = field_index_next(fields, signature->signed_names[i]);
        if (field != NULL) header_canon_field(signature->header_canon, field, digest); /* absent: the null string, 5.4.2 */
    }
    header_canon_signature(signature->header_canon, check->field, signature->signature_value, digest);
    if (!digest_end(digest, check->header_hash)) {
        finish(check, DKIM_NO_MEMORY);
        return;
    }
    check->has_turn = true;
    run(check);
}

void dkim_check_give_up(struct dkim_check *check, enum dkim_code code) { finish(check, code); }

void dkim_check_body(struct dkim_check *check, const uint8_t value[DIGEST_OCTETS], uint64_t octets) {
    memcpy(check->body_hash, value, DIGEST_OCTETS);
    check->body_octets = octets;
    check->has_body = true;
    run(check);
}

void dkim_check_key(struct dkim_check *check, struct key_entry *entry, enum dkim_code failure) {
    check->key = entry;
    check->key_failure = failure;
    check->has_key_answer = true;
    run(check);
}
