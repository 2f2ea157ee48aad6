/* verifier/dmarc_tree.h -- DNS tree walks of one message (RFC 9989 section 4.10): which names above a domain have a
 * DMARC record, where its organizational domain is, and which record applies to it. The names of a walk, at most 8, are
 * asked for all at once rather than one behind the other: the answer takes as long as one question does. Walks share
 * their names: none is asked for twice. Leaves verdicts to dmarc_check. Answers come by return value or, later, with a
 * call of changed. Thread rule: that of its dns_source. Limits: DMARC_WALKS_MAX walks. Memory: the arena's, which is
 * reset by its owner behind dmarc_tree_begin. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include "verifier/dmarc_record.h"
#include "verifier/dns.h"

enum { DMARC_WALK_STEPS_MAX = 8, DMARC_WALKS_MAX = 40 };

/* One name of a walk. */
struct dmarc_step {
    struct span name, domain; /* _dmarc.DOMAIN, DOMAIN */
    bool is_pending;
    enum dns_status status; /* this and what follows: once it is not pending */
    enum dnssec_state dnssec;
    size_t record_count; /* DMARC records; several count as none (section 4.10 step 2) */
    enum dmarc_record_status record_status;
    struct dmarc_record record; /* when there is exactly one */
    struct dns_query query;     /* this and what follows are dmarc_tree's */
    struct dmarc_tree *tree;
    struct dmarc_step *next;
};

struct dmarc_walk {
    struct span domain; /* where it starts */
    size_t count;
    struct dmarc_step *step[DMARC_WALK_STEPS_MAX]; /* longest name first */
};

struct dmarc_tree {
    struct dns_source *dns;
    struct arena *arena;
    void (*changed)(void *owner); /* an answer came late */
    void *owner;
    /* Set by the owner behind dmarc_tree_begin; NULL: none. Told each answer while it is there, also one by return
     * value, of which step has what a verdict wants. */
    void (*heard)(void *owner, const struct dmarc_step *step, const struct dns_answer *answer);
    bool is_expired;
    struct dmarc_step *steps;
    size_t walk_count;
    struct dmarc_walk *walk[DMARC_WALKS_MAX];
};

/* Cancels what is under way and forgets all walks. tree: zeroed before the first time. The rest is borrowed. */
void dmarc_tree_begin(struct dmarc_tree *tree, struct dns_source *dns, struct arena *arena,
                      void (*changed)(void *owner), void *owner);
/* Cancels what is under way; what was answered stays. */
void dmarc_tree_stop(struct dmarc_tree *tree);
/* Whatever was not answered, or is asked for from now on, is DNS_TIMEOUT. */
void dmarc_tree_expire(struct dmarc_tree *tree);
/* The walk that starts at domain (lower-case A-labels, not empty; copied), begun unless it is already. NULL: no memory,
 * or too many walks. */
const struct dmarc_walk *dmarc_tree_walk(struct dmarc_tree *tree, struct span domain);

enum dmarc_known {
    DMARC_KNOWN,
    DMARC_AWAITED,
    DMARC_FAILED
}; /* FAILED: *failure is DNS_SERVFAIL, DNS_TIMEOUT or DNS_BOGUS */
/* Where a domain stands. */
struct dmarc_place {
    struct span organization;     /* the organizational domain, a part of walk->domain */
    const struct dmarc_step *top; /* whose record says so; NULL: no name of the walk has a record */
};
/* Section 4.10.2. *place is set when known; without a record the domain itself is its organization. */
enum dmarc_known dmarc_walk_place(const struct dmarc_walk *walk, struct dmarc_place *place, enum dns_status *failure);
/* Section 4.10.1. *step, the one whose record applies, is set when known; NULL: no record applies. */
enum dmarc_known dmarc_walk_policy(const struct dmarc_walk *walk, const struct dmarc_step **step,
                                   enum dns_status *failure);
/* The last count labels of name; all of it when it has no more. */
struct span dmarc_last_labels(struct span name, size_t count);
