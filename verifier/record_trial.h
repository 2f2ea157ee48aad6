/* verifier/record_trial.h -- would a message verify if a record were published? Verifies question->message with the
 * record of the given selector in the place of DNS; every other key is absent, so only that selector's signatures tell.
 * Pure but for memory. Cost: one verification of the message. */
#pragma once
#include "verifier/record_question.h"
#include "verifier/record_report.h"

/* Appends what came of it to the selector's findings; nothing when the message has no signature of domain with that
 * selector. False: no memory. */
bool record_trial_run(const struct record_question *question, struct record_selector *selector, struct span domain);
