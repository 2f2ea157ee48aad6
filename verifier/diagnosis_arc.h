/* verifier/diagnosis_arc.h -- what the ARC sets of a message say about it: where the chain broke, what its sealers found
 * that we do not find any more, and whether somebody moved or took away sets (tester.md 3f, A1 to A7). Purity, thread
 * rule and cost: those of diagnosis, whose part it is. */
#pragma once
#include "verifier/arc_set.h"
#include "verifier/diagnosis_input.h"
#include "verifier/finding.h"

/* chain: of input's section; empty: without memory. */
void diagnosis_arc_look(const struct diagnosis_input *input, const struct arc_chain *chain, struct arena *arena,
                        struct finding_list *list);
