/* verifier/diagnosis_signing.h -- what is odd in the way a message was signed, whether its signatures verify or not:
 * fields that should not be signed or should be, a domain that does not count for DMARC, a template that nobody filled
 * in (tester.md 3d, S8, S9, S20, S21). Purity, thread rule and cost: those of diagnosis, whose part it is. */
#pragma once
#include "verifier/diagnosis_compare.h"

void diagnosis_signing_look(const struct diagnosis_input *input, const struct diagnosis_signatures *all,
                            struct arena *arena, struct finding_list *list);
