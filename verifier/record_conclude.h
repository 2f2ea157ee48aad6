/* verifier/record_conclude.h -- what follows from judged selectors together with what their owner brought: the
 * provider's answer, a message, a record that is not published yet. The last part of record_check. Pure. */
#pragma once
#include "verifier/record_question.h"
#include "verifier/record_report.h"

/* How the record was pasted: where it says it belongs, final dots, lengths of strings. Into the selector's findings. */
void record_conclude_paste(const struct record_paste *paste, struct span domain, struct record_selector *selector);
/* What the message tells of each selector, and of the domain: into the selectors' findings and findings. */
void record_conclude_message(const struct record_question *question, struct span domain,
                             struct record_selector *selector, size_t count, struct finding_list *findings);
/* What the provider says, and whether DNS agrees. */
void record_conclude_provider(const struct record_question *question, struct span domain,
                              struct record_selector *selector, size_t count, struct finding_list *findings);
