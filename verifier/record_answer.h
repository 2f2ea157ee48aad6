/* verifier/record_answer.h -- what DNS said about one name, kept for as long as a check of records lasts.
 * struct dns_answer is valid only until the next question; this is its copy. Pure but for arena.
 * Limits: RECORD_ANSWER_MAX records are kept; records_seen tells how many there were. */
#pragma once
#include "base/arena.h"
#include "verifier/dns.h"

enum { RECORD_ANSWER_MAX = 8 };

struct record_answer {
    enum dns_status status;
    enum dnssec_state dnssec;
    uint32_t ttl_s;
    size_t cname_count;
    struct span cname[DNS_CNAME_MAX];
    uint32_t cname_ttl_s[DNS_CNAME_MAX];
    unsigned records_seen;
    size_t record_count;
    struct span record[RECORD_ANSWER_MAX], strings[RECORD_ANSWER_MAX]; /* as in struct dns_answer */
    struct span reason;
};

/* Copies answer into arena. False: the arena is spent, *out is a DNS_SERVFAIL without records. */
bool record_answer_copy(const struct dns_answer *answer, struct arena *arena, struct record_answer *out);
/* The same status, the same way of aliases, the same records in any order? TTLs and strings do not count. */
bool record_answer_equal(const struct record_answer *a, const struct record_answer *b);
