/* verifier/diagnosis_message.h -- what is odd in a message as a whole, whatever its signatures say: fields that stand
 * twice, octets that SMTP does not carry, an author that readers see and that did not sign, a file that a mail program
 * wrote, clocks that disagree with ours (tester.md 3c H5, 3f X1, X3 to X5). Purity, thread rule and cost: those of
 * diagnosis, whose part it is. */
#pragma once
#include "verifier/diagnosis_compare.h"

void diagnosis_message_look(const struct diagnosis_input *input, const struct diagnosis_signatures *all,
                            struct arena *arena, struct finding_list *list);
