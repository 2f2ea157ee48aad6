/* http/tester_report_page.h -- a report of the tester for people: its rows, what to do in the order of urgency with the
 * change before their eyes, and the details in folds: signatures tag by tag, canonical text, key records and aliases,
 * the way. Everything from outside is text: no markup, link or address of a message is ever obeyed. Appends to the
 * caller's buffer, whose failure is sticky; no I/O, clock or lock. */
#pragma once
#include "http/page.h"
#include "http/tester_report.h"

/* number: of the message among those of the test, from 1; ids of elements hold it. */
void tester_report_page_write(struct bytes *out, enum language language, const struct tester_report *report,
                              unsigned number);
/* The findings that ask for something, as a numbered list, or, where says_when_none, that there are none; then notes,
 * folded. report: whose signatures they speak of; NULL: of none. */
void tester_findings_write(struct bytes *out, enum language language, const struct tester_report *report,
                           const struct finding_list *findings, bool says_when_none);
/* The records of a domain: keys, and what else was asked for (tester_record_page.c). id: makes ids unique; level: of its heading. */
void tester_record_page_write(struct bytes *out, enum language language, const struct record_report *report,
                              const char *id, unsigned level);
/* What the domain publishes as SPF and DMARC policy, in plain words (tester_policy_page.c); the same. */
void tester_policy_page_write(struct bytes *out, enum language language, const struct domain_policy *policy,
                              struct span domain, const char *id, unsigned level);
