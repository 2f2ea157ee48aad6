/* verifier/diagnosis_others.h -- what other mail says about this message: a key that signed before at the same selector
 * (tester.md 3d S19), a body that changes for everybody (X2), one server through which all that fails came (P13).
 * Purity, thread rule and cost: those of diagnosis, whose part it is. */
#pragma once
#include "verifier/diagnosis_compare.h"

/* The key at signature index did not make it: was there another one before? Appends one guess or none, as a fingerprint
 * cannot verify. True: appended. */
bool diagnosis_others_key(const struct diagnosis_input *input, size_t index, struct span key_name,
                          struct finding_list *list);
/* Of the message as a whole. */
void diagnosis_others_look(const struct diagnosis_input *input, struct finding_list *list);
