/* verifier/policy_lookup.h -- fetches what a diagnosis wants to know of the policies that apply to a message: the SPF
 * and DMARC records as they stand, whether foreign domains take the reports that are sent to them (RFC 9990 section 4),
 * and whether SPF would have passed for one of the addresses in Received fields (diagnosis_policy). Judges nothing.
 * Answers by return value or, later, by the callback, as every request of ours; never by the callback before start has
 * returned, never after expire, the next start or destroy. Thread rule: that of its dns_source. No clock of its own but
 * SPF's. Cost: three names, POLICY_REPORTS_MAX more, and POLICY_ADDRESSES_MAX evaluations of SPF. Limits: those of
 * diagnosis_policy. */
#pragma once
#include "base/arena.h"
#include "verifier/diagnosis_policy.h"
#include "verifier/header_section.h"
#include "verifier/result.h"

enum { POLICY_ADDRESSES_MAX = 3 };

struct clock;
struct policy_lookup;

/* dns and clock are borrowed until destroy. NULL: no memory. */
struct policy_lookup *policy_lookup_create(struct dns_source *dns, const struct clock *clock);
/* The public suffix list, borrowed until destroy: from now on policies tell the author's organization by it. */
void policy_lookup_use_suffixes(struct policy_lookup *lookup, struct span list);
void policy_lookup_destroy(struct policy_lookup *lookup); /* cancels; accepts NULL */

/* Forgets the message before and begins. result, section and arena must outlive the policy. True: under way, done will
 * be called; false: it is over already. */
bool policy_lookup_start(struct policy_lookup *lookup, const struct message_result *result,
                         const struct header_section *section, struct arena *arena, void (*done)(void *owner),
                         void *owner);
/* Time is up: what was not answered is not known. No effect on one that is over. */
void policy_lookup_expire(struct policy_lookup *lookup);
/* What is known, valid until the next start; NULL: neither SPF nor DMARC was evaluated for the message. */
const struct diagnosis_policy *policy_lookup_policy(const struct policy_lookup *lookup);
