/* verifier/diagnosis_path.h -- what SPF and DMARC records say about a message and about themselves (tester.md 3f, P1 to
 * P12). Purity, thread rule and cost: those of diagnosis, whose part it is. */
#pragma once
#include "verifier/diagnosis_input.h"
#include "verifier/finding.h"

/* Nothing when input has no policy. */
void diagnosis_path_look(const struct diagnosis_input *input, struct finding_list *list);
