/* http/api_tester.h -- the JSON of /api/v1/tests and its neighbours: tests, reports, key records, a text that is judged. The
 * shapes stand in docs/openapi.yaml, which a test holds against the running server. Within v1 only additions are made.
 * Appends to the caller's buffer, whose failure is sticky; no I/O or lock. */
#pragma once
#include "base/bytes.h"
#include "http/tester.h"

/* What somebody gets who opens a test. */
void api_write_ticket(const struct tester_setup *facts, const struct tester_ticket *ticket, struct bytes *out);
/* A test with its reports; without its token when it was found by its share token. */
void api_write_test(const struct tester_setup *facts, const struct tester_view *view, struct bytes *out);
/* {"share","url"} */
void api_write_share(const struct tester_setup *facts, const char *share, struct bytes *out);
/* For tester_answer: the report, or a problem. */
void api_write_report(struct bytes *out, const struct tester_report *report, enum language language);
/* For tester_answer of a question: the report of its domain, or a problem. */
void api_write_records(struct bytes *out, const struct tester_report *report, enum language language);
/* One key record as text, as it may be pasted, judged by itself. */
void api_write_judged_record(struct span text, struct bytes *out);
