/* verifier/diagnosis_body.h -- what was done to a body after it was signed: tries what servers do, cheapest first,
 * single changes before pairs, and reports the smallest change that makes the hash in bh= come out (tester.md 3b).
 * Purity, thread rule and cost: those of diagnosis, whose part it is. */
#pragma once
#include "base/arena.h"
#include "verifier/body_trial.h"
#include "verifier/finding.h"
#include "verifier/header_section.h"
#include "verifier/mime_tree.h"

struct body_search {
    struct span body;
    struct mime_tree tree;
    struct body_trial trial;
    struct bytes scratch;
    struct arena *arena;
};

/* body is borrowed until release. False: no memory; release is allowed then. */
bool diagnosis_body_init(struct body_search *search, const struct header_section *section, struct span body,
                         struct arena *arena);
void diagnosis_body_release(struct body_search *search);

/* The body's hash is not the signature's: appends what explains it to list (one or two findings; at least that the
 * place is unknown). is_protected: b= was verified, so that bh= is what the signer wrote and a match is proof. */
void diagnosis_body_explain(struct body_search *search, const struct dkim_signature *signature, bool is_protected,
                            struct diagnosis_budget *budget, struct finding_list *list);
