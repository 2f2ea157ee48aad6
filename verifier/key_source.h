/* verifier/key_source.h -- where a message's verification gets key records from: the key cache, or a test's fake.
 * RFC 6376 section 3.6.2. The rule: the entry comes by return value or, later, by the request's callback; never by the
 * callback before key_source_get has returned, and never once cancelled.
 * Thread rule: a source and its requests belong to one thread; entries are immutable and may be shared by threads. */
#pragma once
#include <stdatomic.h>
#include <stdint.h>
#include "base/list.h"
#include "base/span.h"
#include "verifier/dkim_key.h"
#include "verifier/dns.h"

enum { KEY_RECORD_MAX = 4 }; /* records tried at one selector */

/* What DNS said about one selector's name. Immutable once made, counted. */
struct key_entry {
    atomic_uint references;
    enum dns_status status;           /* DNS_FOUND also when no record parses: then look at each record's status */
    enum dnssec_state dnssec;
    uint32_t ttl_s;                   /* as DNS gave it */
    int64_t fetched_s;                /* wall clock */
    bool stale;                       /* served past its time, only when configured */
    size_t cname_count;
    struct span cname[DNS_CNAME_MAX];
    unsigned records_seen;            /* TXT records in the answer */
    size_t record_count;              /* at most KEY_RECORD_MAX, those that parse first */
    struct dkim_key *record[KEY_RECORD_MAX]; /* parsed, with their public keys; owned */
    size_t piece_count;               /* where no record is usable: texts that are none, as they may be pieces of one */
    struct span piece[KEY_RECORD_MAX];
    struct arena *arena;              /* owns every span */
};
/* Makes an entry from an answer, with one reference; NULL when there is no memory. Parses at most KEY_RECORD_MAX records. */
struct key_entry *key_entry_create(const struct dns_answer *answer, int64_t now_s);
struct key_entry *key_entry_acquire(struct key_entry *entry); /* one reference more; any thread */
void key_entry_release(struct key_entry *entry);              /* any thread; accepts NULL */
size_t key_entry_octets(const struct key_entry *entry);       /* what it costs in memory, for the cache's bound */

struct key_request {
    void (*ready)(struct key_request *request, struct key_entry *entry); /* entry: a reference that is now the request's
                                                                            owner's; NULL: no memory */
    struct list node;  /* the source's */
    void *source_data; /* the source's */
};

enum key_progress { KEY_READY, KEY_PENDING };

struct key_source {
    enum key_progress (*get)(struct key_source *source, struct span name, struct key_request *request, struct key_entry **entry);
    void (*cancel)(struct key_source *source, struct key_request *request);
};

/* name: "selector._domainkey.domain", checked A-labels, any letter case, without final dot. KEY_READY: *entry holds a
 * reference that is the caller's (NULL: no memory). KEY_PENDING: request->ready will be called, unless cancelled. */
static inline enum key_progress key_source_get(struct key_source *source, struct span name, struct key_request *request,
                                               struct key_entry **entry) {
    return source->get(source, name, request, entry);
}
static inline void key_source_cancel(struct key_source *source, struct key_request *request) { source->cancel(source, request); }
