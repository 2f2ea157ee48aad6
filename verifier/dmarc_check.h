/* verifier/dmarc_check.h -- DMARC for one message, asynchronously (RFC 9989).
 * Two phases, so that its lookups overlap with everything else: domains are told as soon as they are known (the author
 * domain and each d= at the end of the header section, SPF's at MAIL FROM) and their tree walks start at once; the
 * verdict falls when the authenticated identifiers are known and every walk that matters has ended.
 * Alignment is that of section 4.10.2, with one case of RFC 7489 kept: the domain right above an author who has a record of
 * his own may speak for him where neither it nor a name above it has one (dmarc_check.c says at what price).
 * Only our own DKIM and SPF results feed it. At most 8 queries a walk (section 4.10); walks share their answers.
 * The rule of every request: by return value or, later, by done; never from inside a call, never once cancelled.
 * Thread rule: that of its dns_source. Made once, used for many messages. Limits: DMARC_IDENTIFIERS_MAX domains. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include "base/span.h"
#include "verifier/dns.h"
#include "verifier/result.h"

struct dmarc_check;
enum { DMARC_IDENTIFIERS_MAX = 16 };

enum dmarc_method { DMARC_BY_DKIM, DMARC_BY_SPF };
struct dmarc_identifier {
    enum dmarc_method method;
    struct span domain;      /* lower-case A-labels */
    enum auth_result result; /* pass counts; temperror may leave the verdict undecided; others do not matter */
};

enum dmarc_progress { DMARC_DONE, DMARC_PENDING };

/* dns is borrowed until destroy. NULL: no memory. */
struct dmarc_check *dmarc_check_create(struct dns_source *dns);
void dmarc_check_destroy(struct dmarc_check *check); /* cancels; accepts NULL */
/* Forgets the message before. */
void dmarc_check_begin(struct dmarc_check *check, void (*done)(void *owner), void *owner);
/* A domain whose place in the tree will be wanted: starts its walk. Beyond the limit, or when told already: nothing. */
void dmarc_check_expect(struct dmarc_check *check, struct span domain);
/* All facts are there. author: the only author domain, lower-case A-labels, empty when there is none or several;
 * addresses: how many author addresses there were. DMARC_DONE: the result is there. DMARC_PENDING: done will be called.
 */
enum dmarc_progress dmarc_check_judge(struct dmarc_check *check, struct span author, size_t addresses,
                                      const struct dmarc_identifier *identifiers, size_t count);
/* Time is up: temperror, dns_timeout, unless what is known decides already. */
void dmarc_check_expire(struct dmarc_check *check);
const struct dmarc_result *
dmarc_check_result(const struct dmarc_check *check); /* valid once done until the next begin */
