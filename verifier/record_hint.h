/* verifier/record_hint.h -- what the targets of known mail providers look like, as data: hints for an owner who did not
 * say which target is right, each told as a guess, none of them deciding anything. Pure. */
#pragma once
#include "base/span.h"
#include "verifier/finding.h"

/* Does the target look like those of its provider? own_label: first label of the record's name, with which a provider's
 * target begins, too; empty: not compared. */
void record_hint_at_target(struct span target, struct span own_label, struct span selector,
                           struct finding_list *findings);
