/* verifier/dns.h -- a DNS question and its answer, whoever answers: libunbound, a zone file, a test's fake.
 * The rule of every source: the answer comes by return value or, later, by the query's callback; never by the callback
 * before dns_lookup has returned, and never once cancelled.
 * Thread rule: a source and its queries belong to one thread. Names are text without final dot, case ignored, in the form
 * of dns_name.h: a backslash starts an escape, other octets stand for themselves. A text that is no name does not exist:
 * DNS_NXDOMAIN. */
#pragma once
#include <stdint.h>
#include "base/list.h"
#include "base/span.h"

enum { DNS_CNAME_MAX = 8, DNS_RECORD_MAX = 100, DNS_NAME_MAX = 253 };

enum dns_type { DNS_A = 1, DNS_NS = 2, DNS_CNAME = 5, DNS_PTR = 12, DNS_MX = 15, DNS_TXT = 16, DNS_AAAA = 28 };

#define DNS_STATUSES(X)                                                                                                \
    X(DNS_FOUND, "found")                                                                                              \
    X(DNS_NXDOMAIN, "nxdomain")                                                                                        \
    X(DNS_NODATA, "nodata")                                                                                            \
    X(DNS_SERVFAIL, "servfail")                                                                                        \
    X(DNS_TIMEOUT, "timeout")                                                                                          \
    X(DNS_BOGUS, "bogus")
#define X(id, word) id,
enum dns_status { DNS_STATUSES(X) DNS_STATUS_COUNT };
#undef X
const char *dns_status_word(enum dns_status status);

/* RFC 4035 section 4.3. Indeterminate: our resolver cannot validate (no trust anchor, or validation off). */
enum dnssec_state { DNSSEC_INDETERMINATE, DNSSEC_INSECURE, DNSSEC_SECURE, DNSSEC_BOGUS, DNSSEC_STATE_COUNT };
const char *dnssec_state_word(enum dnssec_state state);

struct dns_answer {
    enum dns_status status;
    enum dnssec_state dnssec;
    uint32_t ttl_s;                   /* least along the CNAME chain; of the negative answer when nothing was found */
    size_t cname_count;               /* hops, at most DNS_CNAME_MAX; a longer chain is DNS_SERVFAIL */
    struct span cname[DNS_CNAME_MAX]; /* each hop's target, in order, lower case, without final dot */
    uint32_t cname_ttl_s[DNS_CNAME_MAX]; /* of each hop's CNAME record */
    size_t record_count;              /* 0 unless DNS_FOUND; further records are dropped */
    struct span record[DNS_RECORD_MAX]; /* TXT: the strings joined; PTR, CNAME and NS: a name; MX: 2 octets of preference,
                                           then a name; A, AAAA: 4 or 16 octets */
    struct span strings[DNS_RECORD_MAX]; /* TXT: one octet for each string the record was joined of, its length; the
                                            first DNS_STRINGS_MAX (dns_packet.h) of them */
    struct span reason;                  /* DNS_BOGUS: why, in the resolver's words; may be empty */
};

/* A question on its way; the asker's storage, untouched by it until answered or cancelled. */
struct dns_query {
    void (*answered)(struct dns_query *query, const struct dns_answer *answer); /* answer is valid during the call */
    struct list node;   /* the source's */
    uint64_t id;        /* the source's */
    void *source_data;  /* the source's */
};

enum dns_progress { DNS_ANSWERED, DNS_PENDING };

struct dns_source {
    enum dns_progress (*lookup)(struct dns_source *source, struct span name, enum dns_type type, struct dns_query *query,
                                struct dns_answer *answer);
    void (*cancel)(struct dns_source *source, struct dns_query *query);
};

/* Asks. DNS_ANSWERED: *answer is filled, its spans are valid until the next call on this source. DNS_PENDING: *answer
 * is untouched and query->answered will be called, unless cancelled. */
static inline enum dns_progress dns_lookup(struct dns_source *source, struct span name, enum dns_type type,
                                           struct dns_query *query, struct dns_answer *answer) {
    return source->lookup(source, name, type, query, answer);
}
/* Only for a query that is pending. */
static inline void dns_cancel(struct dns_source *source, struct dns_query *query) { source->cancel(source, query); }
