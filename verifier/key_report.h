/* verifier/key_report.h -- judged key records, as a JSON object (design.md section 12) or as lines for people.
 * Pure but for the buffer; octets from DNS are escaped. */
#pragma once
#include "base/json.h"
#include "verifier/key_judgement.h"

struct key_report {
    struct span domain;
    size_t count;
    const struct key_judgement *judgement;
    const struct key_pair_judgement *pair; /* NULL: not a pair */
};
void key_report_write_json(struct json *json, const struct key_report *report);
void key_report_write_text(struct bytes *out, const struct key_report *report, struct report_style style);
