#include "verifier/arc_check.h"
#include <string.h>
#include "verifier/header_canon.h"
#include "verifier/key_trial.h"

enum progress { PROGRESS_WAIT, PROGRESS_AGAIN };

/* What the two signatures of one set are verified with. */
struct arc_proof {
    struct key_wait *message_key, *seal_key;
    struct body_hash *body;
    uint8_t seal_hash[DIGEST_OCTETS];
};

void arc_check_init(struct arc_check *check, const struct verifier_policy *policy) {
    *check = (struct arc_check){.policy = policy, .state = ARC_DONE};
}

void arc_check_release(struct arc_check *check) {
    digest_release(&check->digest);
    digest_release(&check->seal_digest);
}

static enum progress finish(struct arc_check *check, enum arc_code code, unsigned failed_set) {
    struct arc_result *result = &check->result;
    result->code = code;
    result->result =
        arc_code_result(code) == RESULT_TEMPERROR ? RESULT_FAIL : arc_code_result(code); /* section 5.2.1 */
    result->failed_set = failed_set;
    check->state = ARC_DONE;
    return PROGRESS_AGAIN;
}

static enum progress advance(struct arc_check *check, enum arc_check_state state, unsigned at) {
    check->state = state;
    check->at = at;
    return PROGRESS_AGAIN;
}

/* ---- One signature ---- */

static enum arc_code code_of_key(enum dkim_code code, enum arc_code mismatch) {
    switch (code) {
    case DKIM_OK: return ARC_OK;
    case DKIM_SIGNATURE_MISMATCH: return mismatch;
    case DKIM_NO_MEMORY: return ARC_NO_MEMORY;
    default: return dkim_code_result(code) == RESULT_TEMPERROR ? ARC_DNS : ARC_KEY;
    }
}

/* The key has been answered: does it verify signature over hash? */
static enum arc_code judge_signature(const struct arc_check *check, const struct dkim_signature *signature,
                                     const struct key_wait *key, const uint8_t hash[DIGEST_OCTETS],
                                     enum arc_code mismatch) {
    if (key->entry == NULL) return code_of_key(key->failure, mismatch);
    enum dkim_code code = key_trial_lookup(key->entry);
    if (code == DKIM_OK) code = key_trial_run(key->entry, signature, hash, check->policy).code;
    return code_of_key(code, mismatch);
}

/* bh= and l=, as for DKIM. */
static enum arc_code judge_body(const struct arc_check *check, const struct dkim_signature *signature,
                                const struct body_hash *body) {
    if (body == NULL || !body->is_known) return ARC_NO_MEMORY;
    uint64_t octets = body->canon.octets;
    bool equal =
        signature->body_hash.len == DIGEST_OCTETS && memcmp(signature->body_hash.ptr, body->value, DIGEST_OCTETS) == 0;
    bool too_short = signature->has_body_limit && signature->body_limit > octets;
    bool too_long = signature->has_body_limit && signature->body_limit < octets && !check->policy->unsigned_octets_pass;
    return equal && !too_short && !too_long ? ARC_OK : ARC_MESSAGE_SIGNATURE;
}

static bool hash_message_fields(struct arc_check *check, const struct arc_set *set, uint8_t value[DIGEST_OCTETS]) {
    const struct dkim_signature *signature = &set->message_signature;
    digest_begin(&check->digest);
    field_index_restart(check->fields);
    for (size_t i = 0; i < signature->signed_count; i++) {
        const struct header_field *field = field_index_next(check->fields, signature->signed_names[i]);
        if (field != NULL) header_canon_field(signature->header_canon, field, &check->digest);
    }
    header_canon_signature(signature->header_canon, set->message, signature->signature_value, &check->digest);
    return digest_end(&check->digest, value);
}

/* One ARC-Message-Signature whose key has been answered. */
static enum arc_code judge_message(struct arc_check *check, unsigned instance) {
    const struct arc_set *set = &check->chain.set[instance - 1];
    const struct arc_proof *proof = &check->proofs[instance - 1];
    const struct dkim_signature *signature = &set->message_signature;
    uint8_t hash[DIGEST_OCTETS];
    enum arc_code code = judge_body(check, signature, proof->body);
    if (code != ARC_OK) return code;
    if (dkim_signature_judge_time(signature, check->now_s, check->policy->drift_s) != DKIM_OK)
        return ARC_MESSAGE_SIGNATURE;
    if (!hash_message_fields(check, set, hash)) return ARC_NO_MEMORY;
    return judge_signature(check, signature, proof->message_key, hash, ARC_MESSAGE_SIGNATURE);
}

/* Section 5.1.1: seal i signs the fields of sets 1 to i, relaxed, its own last and without b=. What all seals below
 * have in common is hashed once. */
static bool hash_seals(struct arc_check *check) {
    digest_begin(&check->digest);
    for (unsigned i = 0; i < check->chain.newest; i++) {
        const struct arc_set *set = &check->chain.set[i];
        header_canon_field(CANON_RELAXED, set->results, &check->digest);
        header_canon_field(CANON_RELAXED, set->message, &check->digest);
        if (!digest_copy(&check->digest, &check->seal_digest)) return false;
        header_canon_signature(CANON_RELAXED, set->seal, set->seal_signature.signature_value, &check->seal_digest);
        if (!digest_end(&check->seal_digest, check->proofs[i].seal_hash)) return false;
        header_canon_field(CANON_RELAXED, set->seal, &check->digest);
    }
    return true;
}

/* ---- The states ---- */

static enum progress await_turn(struct arc_check *check) {
    return check->proofs != NULL ? advance(check, ARC_AWAIT_BODY, 0) : PROGRESS_WAIT;
}

static enum progress await_body(struct arc_check *check) {
    return check->has_body ? advance(check, ARC_NEWEST_MESSAGE, check->chain.newest) : PROGRESS_WAIT;
}

static enum progress verify_newest_message(struct arc_check *check) {
    const struct arc_proof *proof = &check->proofs[check->at - 1];
    enum arc_code code = judge_body(check, &check->chain.set[check->at - 1].message_signature, proof->body);
    if (code != ARC_OK) return finish(check, code, check->at); /* needs no key to be proved */
    if (!proof->message_key->is_answered) return PROGRESS_WAIT;
    code = judge_message(check, check->at);
    if (code != ARC_OK) return finish(check, code, check->at);
    return hash_seals(check) ? advance(check, ARC_SEALS, check->at) : finish(check, ARC_NO_MEMORY, 0);
}

static enum progress verify_seal(struct arc_check *check) {
    const struct arc_proof *proof = &check->proofs[check->at - 1];
    const struct dkim_signature *signature = &check->chain.set[check->at - 1].seal_signature;
    if (!proof->seal_key->is_answered) return PROGRESS_WAIT;
    if (check->at == check->chain.newest && proof->seal_key->entry != NULL) {
        check->result.has_key_answer = true;
        check->result.dnssec = proof->seal_key->entry->dnssec;
    }
    enum arc_code code = judge_signature(check, signature, proof->seal_key, proof->seal_hash, ARC_SEAL);
    if (code != ARC_OK) return finish(check, code, check->at);
    if (check->at > 1) return advance(check, ARC_SEALS, check->at - 1);
    return advance(check, ARC_OLDER_MESSAGES, check->chain.newest - 1);
}

static bool is_trusted(const struct verifier_policy *policy, struct span sealer) {
    for (size_t i = 0; i < policy->trusted_sealer_count; i++)
        if (span_is(sealer, policy->trusted_sealers[i])) return true;
    return false;
}

/* Step 5: the lowest instance from which on every message signature verifies; 0 when that is the first. */
static enum progress pass(struct arc_check *check, unsigned oldest_pass) {
    check->result.has_oldest_pass = true;
    check->result.oldest_pass = oldest_pass > 1 ? oldest_pass : 0;
    check->result.is_trusted = is_trusted(check->policy, check->result.sealer);
    return finish(check, ARC_OK, 0);
}

static enum progress verify_older_message(struct arc_check *check) {
    if (check->at == 0) return pass(check, 1);
    const struct arc_proof *proof = &check->proofs[check->at - 1];
    if (proof->message_key == NULL || proof->body == NULL)
        return pass(check, check->at + 1); /* broken, or over a cap */
    if (!proof->message_key->is_answered) return PROGRESS_WAIT;
    if (judge_message(check, check->at) != ARC_OK) return pass(check, check->at + 1);
    return advance(check, ARC_OLDER_MESSAGES, check->at - 1);
}

static enum progress stay(struct arc_check *check) {
    (void)check;
    return PROGRESS_WAIT;
}

static const struct step {
    const char *name;
    enum progress (*run)(struct arc_check *check);
} steps[] = {
    [ARC_AWAIT_TURN] = {"await-turn", await_turn},                    /* -> AWAIT_BODY */
    [ARC_AWAIT_BODY] = {"await-body", await_body},                    /* -> NEWEST_MESSAGE */
    [ARC_NEWEST_MESSAGE] = {"newest-message", verify_newest_message}, /* -> SEALS | DONE (fail) */
    [ARC_SEALS] = {"seals", verify_seal},                             /* -> OLDER_MESSAGES | DONE (fail) */
    [ARC_OLDER_MESSAGES] = {"older-messages", verify_older_message},  /* -> DONE (pass) */
    [ARC_DONE] = {"done", stay},
};

void arc_check_run(struct arc_check *check) {
    while (steps[check->state].run(check) == PROGRESS_AGAIN) {}
}

/* ---- What message_verifier says ---- */

static bool make_ready(struct arc_check *check) {
    if (!check->is_ready) {
        bool first = digest_init(&check->digest), second = digest_init(&check->seal_digest);
        check->is_ready = first && second;
        if (!check->is_ready) arc_check_release(check);
    }
    return check->is_ready;
}

bool arc_check_begin(struct arc_check *check, const struct header_section *section, int64_t now_s,
                     struct arena *arena) {
    check->arena = arena;
    check->now_s = now_s;
    check->proofs = NULL;
    check->has_body = false;
    check->state = ARC_AWAIT_TURN;
    check->result = (struct arc_result){.is_evaluated = true};
    if (!arc_set_collect(section, arena, &check->chain)) {
        finish(check, ARC_NO_MEMORY, 0);
        return false;
    }
    const struct arc_chain *chain = &check->chain;
    check->result.sets = chain->sets;
    check->result.was_failed = chain->was_failed;
    if (chain->newest > 0) check->result.sealer = chain->set[chain->newest - 1].seal_signature.domain_ascii;
    if (chain->code != ARC_OK)
        finish(check, chain->code, chain->failed_set);
    else if (!make_ready(check))
        finish(check, ARC_NO_MEMORY, 0);
    return true;
}

/* Names of keys that the verdict needs: those of the seals and of the newest message signature. */
static unsigned count_keys_needed(const struct arc_chain *chain, unsigned most) {
    unsigned count = 1;
    for (unsigned i = 0; i < chain->newest && count <= most; i++) {
        struct span name = chain->set[i].seal_signature.key_name;
        bool known = span_equal(name, chain->set[chain->newest - 1].message_signature.key_name);
        for (unsigned k = 0; k < i && !known; k++) known = span_equal(name, chain->set[k].seal_signature.key_name);
        count += !known;
    }
    return count;
}

/* Where signatures may go for what they are verified with, and how often. */
struct supply {
    struct key_wait_set *keys;
    struct body_hash_set *bodies;
    unsigned key_budget, body_budget;
};

static struct key_wait *ask(struct supply *supply, const struct dkim_signature *signature) {
    return key_wait_ask(supply->keys, signature->key_name, &supply->key_budget);
}

static void prove_message(struct arc_check *check, unsigned instance, struct supply *supply) {
    const struct dkim_signature *signature = &check->chain.set[instance - 1].message_signature;
    struct arc_proof *proof = &check->proofs[instance - 1];
    proof->body = body_hash_want(supply->bodies, signature->body_canon, signature->has_body_limit,
                                 signature->body_limit, &supply->body_budget);
    if (proof->body != NULL || instance == check->chain.newest) proof->message_key = ask(supply, signature);
}

void arc_check_take_turn(struct arc_check *check, struct field_index *fields, struct key_wait_set *keys,
                         struct body_hash_set *bodies) {
    const struct arc_chain *chain = &check->chain;
    struct supply supply = {keys, bodies, check->policy->arc_keys_max, check->policy->arc_bodies_max};
    if (arc_check_is_done(check)) return;
    check->fields = fields;
    if (count_keys_needed(chain, supply.key_budget) > supply.key_budget) {
        finish(check, ARC_LIMIT, 0);
        return;
    }
    check->proofs = arena_alloc(check->arena, chain->newest * sizeof *check->proofs);
    if (check->proofs == NULL) {
        finish(check, ARC_NO_MEMORY, 0);
        return;
    }
    prove_message(check, chain->newest, &supply);
    for (unsigned i = chain->newest; i >= 1; i--)
        check->proofs[i - 1].seal_key = ask(&supply, &chain->set[i - 1].seal_signature);
    for (unsigned i = chain->newest - 1; i >= 1; i--) {
        if (chain->set[i - 1].message_signature.code != DKIM_OK) break; /* nor is any older one looked at: step 5 A */
        prove_message(check, i, &supply);
    }
}

void arc_check_give_up(struct arc_check *check, enum arc_code code) {
    check->result = (struct arc_result){.is_evaluated = true};
    finish(check, code, 0);
}

void arc_check_body_ended(struct arc_check *check) {
    check->has_body = true;
    arc_check_run(check);
}
