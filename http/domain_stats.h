/* http/domain_stats.h -- statistics of signing domains, in bounded memory: for /metrics (domain_export), for the JSON API
 * and the pages (stats_view), for the history (stats_history).
 * d= is chosen by whoever sends. So: only a domain whose key was found in DNS may have counts of its own, one table
 * (stats_table) has room for STATS_TABLE_SLOTS of them, and what the others bring counts as "other". Sums over the domains
 * and other are always exactly the signatures that were added.
 * A worker only writes down what came: octets in a batch of its own. When that is half full and nobody reads the table,
 * they are counted; when it is full, the worker waits for the table. Who reads counts all batches first, so nothing is
 * ever missing.
 * Thread rule: a worker belongs to one thread; the rest from any thread. Locks: the table's, then one worker's; a reader
 * holds the table's for 0.1 ms (domain_stats_export) to 5 ms (stats_view), a worker its own while it writes or counts.
 * Cost of domain_stats_add and what follows from it: bench/bench_stats, about 0.3 us. Memory: that of stats_table, whatever
 * the number of workers, and 16 KiB a worker. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "base/clock.h"
#include "base/span.h"
#include "http/domain_export.h"
#include "http/domain_result.h"

struct dkim_result;
struct domain_stats;
struct domain_stats_worker; /* one thread's share */

/* Exports at most exported_max domains (0 to DOMAIN_EXPORT_MAX). clock is borrowed. NULL: no memory. */
struct domain_stats *domain_stats_create(unsigned exported_max, const struct clock *clock);
void domain_stats_destroy(struct domain_stats *stats); /* accepts NULL; frees the workers as well */
/* Exports domain, in any case and form, for ever, beside those that exported_max allows. Before the first
 * domain_stats_export only. False: it is no domain name, or there is no memory, or there are DOMAIN_EXPORT_ALWAYS_MAX. */
bool domain_stats_always_export(struct domain_stats *stats, struct span domain);
/* For the calling thread, owned by stats; taken once. NULL: no memory, or stats is NULL. */
struct domain_stats_worker *domain_stats_worker_create(struct domain_stats *stats);

/* Counts one signature of domain, as written in d=, in any case and form; has_key: its key record was found in DNS.
 * Accepts a NULL worker. */
void domain_stats_add(struct domain_stats_worker *worker, struct span domain, bool has_key, enum domain_result result);
/* The same from a verified signature, with all that it tells of cause, DNSSEC and key. client: the address of who handed
 * the message over, as text; NULL, or anything else: not known. */
void domain_stats_add_signature_from(struct domain_stats_worker *worker, const struct dkim_result *signature, const char *client);
/* The same of nobody that is known. */
void domain_stats_add_signature(struct domain_stats_worker *worker, const struct dkim_result *signature);

/* What /metrics shows. Decides which domains are exported. False: no memory, *report is empty. */
bool domain_stats_export(struct domain_stats *stats, struct domain_report *report);

/* The table with all that was added until now, for those who read it; no worker counts before the unlock. *now_s: the wall
 * clock. */
struct stats_table *domain_stats_lock(struct domain_stats *stats, int64_t *now_s);
void domain_stats_unlock(struct domain_stats *stats);
