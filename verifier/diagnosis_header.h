/* verifier/diagnosis_header.h -- which signed header field was changed, and what it was: tries what servers do to
 * fields, the likeliest first, single changes before two and three together (tester.md 3c); z= tells outright. Purity,
 * thread rule and cost: those of diagnosis, whose part it is. */
#pragma once
#include "verifier/header_trial.h"
#include "verifier/mime_tree.h"

/* trial knows the key, and the fields as they came are not the signed ones: appends what explains it to list. tree: of
 * the body, NULL when there is none. False: nothing fits, and nothing was appended. */
bool diagnosis_header_explain(struct header_trial *trial, const struct mime_tree *tree, struct arena *arena,
                              struct finding_list *list);
