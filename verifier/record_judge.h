/* verifier/record_judge.h -- what DNS said about one selector, judged: is there a key, does it come by the right alias,
 * is it fit for use? Takes answers that are there already; asking is record_check's. Pure but for arena. */
#pragma once
#include "verifier/record_report.h"

/* Judges selector->answer: sets kind, state, record, and appends findings. False: the arena is spent. */
bool record_judge(struct record_selector *selector, struct span domain, struct arena *arena);

/* An alias of this answer leads to an ever longer or closed chain: hops were followed by hand, the last one to where.
 */
void record_judge_loop(struct record_selector *selector, size_t hops, struct span where);
/* Does the answer hold at least one key, also a revoked one? False too when there is no memory. */
bool record_judge_holds_key(const struct record_answer *answer);
