/* verifier/domain_policy_lookup.h -- fetches what a domain publishes as SPF and DMARC policy, and judges it for its
 * owner (domain_policy): one question for SPF, those of one tree walk for DMARC, all at once; the records are read by
 * spf_record and dmarc_record, which verdicts use. Answers by return value or, later, by the callback, as every request
 * of ours; never by the callback before start has returned, never after expire or destroy. No clock, no I/O of its own.
 * Thread rule: that of its dns_source. Cost: 1 + DMARC_WALK_STEPS_MAX questions at most. */
#pragma once
#include "base/arena.h"
#include "verifier/domain_policy.h"

struct domain_policy_lookup;

/* dns is borrowed until destroy. NULL: no memory. */
struct domain_policy_lookup *domain_policy_lookup_create(struct dns_source *dns);
void domain_policy_lookup_destroy(struct domain_policy_lookup *lookup); /* cancels; accepts NULL */

/* Once. domain: lower-case A-labels, not empty; it and arena must outlive the policy. True: under way, done will be
 * called; false: it is over already. */
bool domain_policy_lookup_start(struct domain_policy_lookup *lookup, struct span domain, struct arena *arena,
                                void (*done)(void *owner), void *owner);
/* Time is up: what was not answered is DNS_TIMEOUT, and what is known is judged. No effect on one that is over. */
void domain_policy_lookup_expire(struct domain_policy_lookup *lookup);
/* Once it is over, valid until destroy. What memory was lacking for is DNS_SERVFAIL. */
const struct domain_policy *domain_policy_lookup_policy(const struct domain_policy_lookup *lookup);
