/* verifier/record_check.h -- check the DKIM key records of a domain for its owner, from DNS and from what the owner
 * brings. Brings into one report: the records at the selectors, judged tag by tag; where they stand instead when they
 * are not there; the way of aliases; pairs and the provider's states; what other name servers and resolvers say; what a
 * message and the statistics tell. Asks any dns_source, so a proxy's worker, a server or a command can drive it. Never
 * a verdict on mail.
 *
 * record_check_start answers by return value or, later, by the callback, as every request of ours; never by the
 * callback before it has returned. Thread rule: that of the dns_sources. No clock, no I/O of its own. Cost: one
 * question a selector and view; up to RECORD_PLACE_COUNT more for one that is missing, a few for a broken chain or a
 * foreign record. Limits: questions_max questions, RECORD_SELECTORS_MAX selectors, RECORD_CHECK_OCTETS octets. */
#pragma once
#include "verifier/record_question.h"
#include "verifier/record_report.h"

enum { RECORD_CHECK_OCTETS = 32 << 20 };

#define RECORD_CHECK_STATUSES(X)                                                                                       \
    X(RECORD_CHECK_DONE, "the report is there")                                                                        \
    X(RECORD_CHECK_PENDING, "DNS has been asked")                                                                      \
    X(RECORD_CHECK_BAD_NAME, "a domain or selector is no domain name")                                                 \
    X(RECORD_CHECK_NO_SELECTOR, "no domain and no selector is named")                                                  \
    X(RECORD_CHECK_NO_MEMORY, "out of memory")
#define X(id, text) id,
enum record_check_status { RECORD_CHECK_STATUSES(X) RECORD_CHECK_STATUS_COUNT };
#undef X
const char *record_check_status_text(enum record_check_status status);

struct record_check;

/* dns is borrowed until destroy. NULL: no memory. */
struct record_check *record_check_create(struct dns_source *dns);
void record_check_destroy(struct record_check *check); /* cancels what is pending; accepts NULL */

/* Once a check. A provider's answer that names no selector gives a report without any. On RECORD_CHECK_PENDING done
 * will be called with owner, unless the check is destroyed or expires before. */
enum record_check_status record_check_start(struct record_check *check, const struct record_question *question,
                                            void (*done)(void *owner), void *owner);
/* Time is up: what is pending counts as DNS_TIMEOUT, nothing more is asked, done is not called. */
void record_check_expire(struct record_check *check);
/* RECORD_CHECK_DONE, RECORD_CHECK_PENDING or RECORD_CHECK_NO_MEMORY. */
enum record_check_status record_check_status(const struct record_check *check);
/* Valid until destroy: the domain once it has been started, all of it once the status is RECORD_CHECK_DONE. */
const struct record_report *record_check_report(const struct record_check *check);
