/* verifier/spf_report.h -- what one SPF check found out, as a JSON object (design.md section 12) or as lines for
 * people. Pure but for the buffer. Octets from DNS and from the sender are escaped. */
#pragma once
#include "base/json.h"
#include "verifier/report.h"

/* Writes one object: result, explanation, code, lookups, scope, identity, domain, mechanism, detail, void_lookups,
 * dnssec. explanation is null where the receiver's own text is to be used: no fail, none asked for, or none that is
 * sound. */
void spf_report_write_json(struct json *json, const struct spf_result *result);
/* Appends one line, the sender's explanation of a fail, and the reason and cure of anything but a pass. */
void spf_report_write_text(struct bytes *out, const struct spf_result *result, struct report_style style);

/* Sentences of a code, for other reports; places as spf_texts.def says. */
const struct phrase *spf_code_why(enum spf_code code);
const struct phrase *spf_code_cure(enum spf_code code);
