/* http/stats_store.h -- the file that the statistics' history is kept in: SQLite, so that people can ask it as well.
 * stats_store.c is the only file that includes sqlite3.h. A batch is one transaction: all of it is in the file or nothing.
 * The write-ahead log is synchronized now and then only: a process that is killed loses nothing that was committed, a
 * machine that loses its power at most the newest batches, and the file stays sound.
 * Tables (times in seconds since 1970):
 *   counts   what was counted in the step_s seconds from start_s on (60, 3600; 0 and 0: since first seen) of a domain,
 *            empty for all domains together: word is pass, fail, other, cause:body_other ..., dnssec:secure ...
 *   domains  first and last signature, DNSSEC state of the newest key lookup
 *   keys     selector, SHA-256 of the key, size, flags, first and last use, results
 * Blocks on the disk, so it belongs to a thread of its own; one thread at a time. Errors: false, and stats_store_error. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "base/span.h"
#include "http/stats_keys.h"

struct stats_store;

struct stats_store_count { struct span domain; uint32_t step_s; int64_t start_s; struct span word; uint64_t n; };
struct stats_store_domain { struct span domain; int64_t first_seen_s, last_seen_s; struct span dnssec; /* empty: none */ };
struct stats_store_key { struct span domain; struct stats_key key; }; /* names, facts and counts of key; no links */

/* path is borrowed until close. Opens nothing yet. NULL: no memory. */
struct stats_store *stats_store_create(const char *path);
void stats_store_destroy(struct stats_store *store); /* closes; accepts NULL */
/* Opens the file, which is made (mode 0600) when it is not there, unless it is open. */
bool stats_store_open(struct stats_store *store);
void stats_store_close(struct stats_store *store); /* forgets what was begun; keeps the error's text */
const char *stats_store_error(const struct stats_store *store); /* of the last call that failed */

bool stats_store_begin(struct stats_store *store);
bool stats_store_put_count(struct stats_store *store, const struct stats_store_count *count);
bool stats_store_put_domain(struct stats_store *store, const struct stats_store_domain *domain);
bool stats_store_put_key(struct stats_store *store, const struct stats_store_key *key);
/* Minutes before minutes_s, all that is older than oldest_s. */
bool stats_store_prune(struct stats_store *store, int64_t minutes_s, int64_t oldest_s);
bool stats_store_commit(struct stats_store *store);

/* Reading: each row is handed to the reader, its spans live during that call. */
struct stats_store_reader {
    void *owner;
    void (*on_weight)(void *owner, struct span domain, uint64_t signatures); /* the busiest domains, those first */
    void (*on_count)(void *owner, const struct stats_store_count *count);
    void (*on_domain)(void *owner, const struct stats_store_domain *domain);
    void (*on_key)(void *owner, const struct stats_store_key *key);
};
/* All of hours from hours_s on, of minutes from minutes_s on, nothing later than now_s; weights of the domain_max busiest. */
bool stats_store_read(struct stats_store *store, int64_t minutes_s, int64_t hours_s, int64_t now_s, uint32_t domain_max,
                      const struct stats_store_reader *reader);
