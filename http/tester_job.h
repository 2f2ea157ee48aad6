/* http/tester_job.h -- one piece of the tester's work: a message is verified, diagnosed, and the key records of its signing
 * domains are judged; or a question about records is answered. Ends in a tester_report.
 * Verifies what was pasted as header fields up to three times: as it came, with its folds repaired, as it came.
 * Thread rule: that of the loop and the sources. done is called once, from the loop, never from inside a call of this module.
 * Cost: that of the diagnosis, budget and all, for each signature; LOOKUPS_MAX names; at most about 25 s of waiting. */
#pragma once
#include "http/tester_report.h"
#include "http/tester_request.h"
#include "verifier/verifier_policy.h"

struct clock;
struct domain_stats;
struct dns_source;
struct key_source;
struct loop;
struct tester_job;

enum { TESTER_LOOKUPS_MAX = 120 }; /* names that one job may have looked up */

/* Borrowed until the job is destroyed. */
struct tester_job_setup {
    struct loop *loop;
    struct key_source *keys;
    struct dns_source *dns;
    const struct clock *clock;
    struct verifier_policy policy;
    struct span receiver; /* our name, for SPF's r macro */
    bool may_keep_messages;
    struct span suffixes; /* the public suffix list; empty: there is none */
    struct domain_stats *domains; /* what was seen of other mail; may be NULL */
};

/* Takes request over, also when it fails. done gets a report, a reference of its own; NULL: no memory. NULL: no memory. */
struct tester_job *tester_job_create(const struct tester_job_setup *setup, struct tester_request *request,
                                     void (*done)(void *owner, struct tester_job *job, const struct tester_report *report),
                                     void *owner);
void tester_job_destroy(struct tester_job *job); /* cancels; accepts NULL; may be called from done */
unsigned tester_job_lookups(const struct tester_job *job); /* names looked up so far */
