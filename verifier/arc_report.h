/* verifier/arc_report.h -- what was found out about a message's ARC chain, as a JSON object (design.md section 12) or as
 * lines for people. Pure but for the buffer. */
#pragma once
#include "base/json.h"
#include "verifier/report.h"

/* Writes one object: result, sets, oldest_pass, code, failed_set, sealer, trusted, dnssec. */
void arc_report_write_json(struct json *json, const struct arc_result *arc);
/* Appends one line, the reason and cure of anything but a pass, and notes. */
void arc_report_write_text(struct bytes *out, const struct arc_result *arc, struct report_style style);

/* Sentences of a code. */
const struct phrase *arc_code_why(enum arc_code code);
const struct phrase *arc_code_cure(enum arc_code code);
