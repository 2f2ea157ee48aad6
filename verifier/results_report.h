/* verifier/results_report.h -- results that a field tells, as JSON or for people: what stands there, and what it means.
 * They are what its writer says, and shown as that. Pure but for the buffer. */
#pragma once
#include "base/json.h"
#include "verifier/auth_results_reader.h"
#include "verifier/finding.h"
#include "verifier/results_paste.h"

struct results_report {
    const struct results_paste *paste;
    const struct auth_results *read;
};

/* An ARC field's object has "instance", "findings", and a "text" in both languages for each result. */
void results_report_write_json(struct json *json, const struct results_report *report);
void results_report_write_text(struct bytes *out, const struct results_report *report, struct report_style style);

/* The sentence for a method and a result, both in lower case; never NULL. For tests. */
const struct phrase *results_report_phrase(struct span method, struct span result);
