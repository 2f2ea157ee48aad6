/* http/domain_stats.h -- pass and fail counts of signing domains, in bounded memory, for /metrics and the JSON API.
 * d= is chosen by whoever sends. So: only a domain whose key was found in DNS may have counts of its own; each worker
 * tracks DOMAIN_STATS_SLOTS of them by Space-Saving; what the others bring counts as "other". Sums over the domains and
 * other are always exactly the signatures that were added.
 * Exported to /metrics are at most a fixed number of domains: the last quarter of the places is kept for those with at
 * least DOMAIN_STATS_EARNED signatures, and an exported domain stays for 24 hours at least, afterwards until a busier one
 * wants its place (weights halve once a day). No exported series ever goes back, that of other neither: what was once
 * shown in other stays there when its domain gets a series of its own; what a domain had that loses its series moves to
 * other.
 * Thread rule: a worker belongs to one thread; the rest from any thread. Locks: one for readers, then one worker's, held
 * for about 0.3 ms when its slots are copied. Cost of domain_stats_add: about 0.2 us. Memory: 1.3 MB a worker. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "base/clock.h"
#include "base/span.h"

enum { DOMAIN_STATS_SLOTS = 8192, DOMAIN_STATS_EXPORTED_MAX = 1000, DOMAIN_STATS_EARNED = 100 };

#define DOMAIN_RESULTS(X) X(DOMAIN_PASS, "pass") X(DOMAIN_FAIL, "fail") X(DOMAIN_OTHER, "other")
#define X(id, word) id,
enum domain_result { DOMAIN_RESULTS(X) DOMAIN_RESULT_COUNT }; /* other: policy, neutral, errors */
#undef X
const char *domain_result_word(enum domain_result result);

struct arena;
struct dkim_result;
struct domain_stats;
struct domain_stats_worker; /* one thread's share */

/* Exports at most exported_max domains (0 to DOMAIN_STATS_EXPORTED_MAX). clock is borrowed. NULL: no memory. */
struct domain_stats *domain_stats_create(unsigned exported_max, const struct clock *clock);
void domain_stats_destroy(struct domain_stats *stats); /* accepts NULL; frees the workers as well */
/* For the calling thread, owned by stats; taken once. NULL: no memory, or stats is NULL. */
struct domain_stats_worker *domain_stats_worker_create(struct domain_stats *stats);

/* Counts one signature of domain, as written in d=, in any case and form; has_key: its key record was found in DNS.
 * Accepts a NULL worker. */
void domain_stats_add(struct domain_stats_worker *worker, struct span domain, bool has_key, enum domain_result result);
/* The same from a verified signature. */
void domain_stats_add_signature(struct domain_stats_worker *worker, const struct dkim_result *signature);

struct domain_row { struct span domain; uint64_t count[DOMAIN_RESULT_COUNT]; }; /* domain: lower-case A-labels */

struct domain_report {
    size_t row_count;
    struct domain_row *rows;
    uint64_t other[DOMAIN_RESULT_COUNT]; /* all that is not in rows */
    uint64_t total[DOMAIN_RESULT_COUNT]; /* rows and other together */
    size_t tracked;                      /* distinct domains in the workers' tables */
    uint64_t evicted;                    /* times a domain lost its slot */
    struct arena *names;                 /* the report's own */
};

/* What /metrics shows, in order of the names. Decides which domains are exported. False: no memory, *report is empty. */
bool domain_stats_export(struct domain_stats *stats, struct domain_report *report);
/* The limit domains with most failures or signatures, those first, with all they counted since they are tracked. */
enum domain_order { DOMAIN_BY_SIGNATURES, DOMAIN_BY_FAILURES };
bool domain_stats_list(struct domain_stats *stats, enum domain_order order, size_t limit, struct domain_report *report);
void domain_report_release(struct domain_report *report);
