/* verifier/dmarc_report.h -- the DMARC verdict on one message, as a JSON object (design.md section 12) or as lines for
 * people. Pure but for the buffer. Domains are A-labels. */
#pragma once
#include "base/json.h"
#include "verifier/report.h"

/* Writes one object: result, domain, organizational_domain, policy, disposition, code, policy_domain, dkim_aligned,
 * spf_aligned, testing, dnssec. Domains and a policy that are not known are null. */
void dmarc_report_write_json(struct json *json, const struct dmarc_result *result);
/* Appends one line, and the reason and cure of anything but a pass. */
void dmarc_report_write_text(struct bytes *out, const struct dmarc_result *result, struct report_style style);

/* Sentences of a code, for other reports; places as dmarc_texts.def says. */
const struct phrase *dmarc_code_why(enum dmarc_code code);
const struct phrase *dmarc_code_cure(enum dmarc_code code);
