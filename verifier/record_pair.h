/* verifier/record_pair.h -- two selectors between which a domain rotates, judged together: the guide's states and its
 * codes 501, 503 and 504, exchanged targets, the same key twice. Pure. */
#pragma once
#include "verifier/record_report.h"

void record_pair_judge(const struct record_selector *first, const struct record_selector *second,
                       struct record_pair *out);
/* The other one of a pair: "...selector1" for "...selector2" and the other way round, also with a hyphen before the
 * digit, in arena; {NULL, 0}: the name tells of no pair, or the arena is spent. */
struct span record_pair_partner(struct span selector, struct arena *arena);
