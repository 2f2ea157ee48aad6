#include "verifier/body_trial.h"

enum { END_COST = 256 }; /* octets that copying a state and ending it cost as much as */

bool body_trial_init(struct body_trial *trial) {
    *trial = (struct body_trial){.kind = CANON_RELAXED};
    bool first = digest_init(&trial->digest), second = digest_init(&trial->fork);
    return first && second;
}

void body_trial_release(struct body_trial *trial) {
    digest_release(&trial->digest);
    digest_release(&trial->fork);
}

void body_trial_aim(struct body_trial *trial, const struct dkim_signature *signature, struct diagnosis_budget *budget) {
    trial->budget = budget;
    trial->wanted = (const uint8_t *)signature->body_hash.ptr;
    trial->kind = signature->body_canon;
    trial->has_limit = signature->has_body_limit;
    trial->limit = signature->body_limit;
}

void body_trial_begin(struct body_trial *trial) {
    digest_begin(&trial->digest);
    body_canon_begin(&trial->canon, trial->kind, trial->has_limit, trial->limit, &trial->digest);
}

void body_trial_feed(struct body_trial *trial, struct span text) {
    if (diagnosis_budget_take(trial->budget, text.len)) body_canon_update(&trial->canon, text);
}

static bool is_wanted(const struct body_trial *trial, struct digest *digest) {
    uint8_t value[DIGEST_OCTETS];
    return digest_end(digest, value) && memcmp(value, trial->wanted, DIGEST_OCTETS) == 0;
}

bool body_trial_ends(struct body_trial *trial, struct span middle, struct span tail) {
    if (!diagnosis_budget_take(trial->budget, middle.len + tail.len + END_COST)) return false;
    if (!digest_copy(&trial->digest, &trial->fork)) return false;
    struct body_canon canon = trial->canon;
    canon.digest = &trial->fork;
    if (middle.len > 0) body_canon_update(&canon, middle);
    if (tail.len > 0) body_canon_update(&canon, tail);
    body_canon_end(&canon);
    bool long_enough = !trial->has_limit || canon.octets >= trial->limit;
    return is_wanted(trial, &trial->fork) && long_enough;
}

bool body_trial_whole(struct body_trial *trial, struct span text) {
    body_trial_begin(trial);
    return body_trial_ends(trial, text, (struct span){NULL, 0});
}

bool body_trial_raw(struct body_trial *trial, struct span octets) {
    if (!diagnosis_budget_take(trial->budget, octets.len + END_COST)) return false;
    digest_begin(&trial->fork);
    digest_update(&trial->fork, octets);
    return is_wanted(trial, &trial->fork);
}

bool body_trial_ends_raw(struct body_trial *trial, struct span ending) {
    if (trial->has_limit || !diagnosis_budget_take(trial->budget, ending.len + END_COST)) return false;
    if (!digest_copy(&trial->digest, &trial->fork)) return false;
    digest_update(&trial->fork, ending);
    return is_wanted(trial, &trial->fork);
}
