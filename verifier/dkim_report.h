/* verifier/dkim_report.h -- what was found out about one DKIM signature, as a JSON object (design.md section 12) or as lines
 * for people: one line, the reason and the cure of what failed, notes. Pure but for the buffer. */
#pragma once
#include "base/json.h"
#include "verifier/report.h"

/* Writes one object for result, one of message's. */
void dkim_report_write_json(struct json *json, const struct message_result *message, const struct dkim_result *result);
void dkim_report_write_text(struct bytes *out, const struct dkim_result *result, struct report_style style);
/* The lines about a message without signature. */
void dkim_report_write_none(struct bytes *out, struct report_style style);

/* Sentences of a code; places as code_texts.def says. */
const struct phrase *dkim_code_why(enum dkim_code code);
const struct phrase *dkim_code_cure(enum dkim_code code);
