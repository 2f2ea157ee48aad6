/* tests/support/late_dns.h -- a dns_source for tests in front of another one (zone files in memory, mostly): passes
 * questions on at once, or keeps them until the test wants them answered, in any order. Counts, and remembers what was
 * asked. */
#pragma once
#include <stdbool.h>
#include "verifier/dns.h"

enum { LATE_DNS_NAMES_MAX = 4096 };

struct late_dns {
    struct dns_source source; /* first */
    struct dns_source *behind;
    bool is_late;
    enum dnssec_state dnssec; /* of all answers */
    const char *bogus;        /* the answer for this name is DNS_BOGUS; NULL: none */
    struct list waiting;
    size_t waiting_count;
    unsigned lookups, cancels;
    char asked[LATE_DNS_NAMES_MAX]; /* "name TYPE\n" ... */
    size_t asked_len;
};
void late_dns_init(struct late_dns *late, struct dns_source *behind, bool is_late);
void late_dns_forget(struct late_dns *late); /* counts and names */
/* Answers the oldest question that waits, or the newest; false: none waits. */
bool late_dns_answer(struct late_dns *late, bool newest);
/* Answers the oldest question with this, whatever the source behind says; false: none waits. */
bool late_dns_answer_with(struct late_dns *late, const struct dns_answer *answer);
