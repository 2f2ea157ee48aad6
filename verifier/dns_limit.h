/* verifier/dns_limit.h -- how many lookups may be under way, in all and for one domain; the rest waits for its turn.
 * Whoever writes mail chooses the names that are looked up, so one domain with slow servers must not take every place:
 * those who wait are served domain by domain in turn, and in order of arrival within a domain.
 * A domain is where names come under one hand, guessed without a list: two labels; three below a short second label of
 * a two-letter one (co.uk, com.au); 10.2.in-addr.arpa and the /32 of ip6.arpa. Thread rule: one thread. Cost: one hash
 * and a list step a call; a domain costs 400 octets while it has lookups. */
#pragma once
#include <stdbool.h>
#include "base/list.h"
#include "verifier/dns_name.h"

struct dns_limit;

/* A lookup's place; the owner's storage until dns_limit_leave. */
struct dns_ticket {
    struct list node;
    struct dns_limit_domain *domain;
    bool waits;
};

struct dns_limit_options {
    unsigned running_max;            /* lookups under way */
    unsigned running_per_domain_max; /* of these for one domain */
    unsigned waiting_max;            /* lookups that wait */
};

struct dns_limit *dns_limit_create(const struct dns_limit_options *options); /* NULL: no memory */
void dns_limit_destroy(struct dns_limit *limit); /* accepts NULL; every ticket must have left */

enum dns_admission { DNS_ADMISSION_START, DNS_ADMISSION_WAIT, DNS_ADMISSION_FULL };
/* START: the lookup of name counts as under way. WAIT: dns_limit_next will hand the ticket out. FULL: waiting_max is
 * reached or there is no memory; the ticket is not in use. */
enum dns_admission dns_limit_enter(struct dns_limit *limit, const struct dns_name *name, struct dns_ticket *ticket);
/* The lookup is over, or no longer wanted while it waited. */
void dns_limit_leave(struct dns_limit *limit, struct dns_ticket *ticket);
/* A waiting ticket whose turn has come, from now on under way; NULL when none may start. */
struct dns_ticket *dns_limit_next(struct dns_limit *limit);

unsigned dns_limit_running(const struct dns_limit *limit);
unsigned dns_limit_waiting(const struct dns_limit *limit);

/* The part of name that is its domain as above: offset of it in name->wire. For tests. */
size_t dns_limit_domain_at(const struct dns_name *name);
