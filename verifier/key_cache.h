/* verifier/key_cache.h -- what DNS said about key names, kept for as long as it holds; shared by all workers.
 * RFC 6376 section 3.6.2.2 lets a verifier cache keys as DNS does. Lifetimes: found 60 s to 1 day, nxdomain and nodata
 * 60 s to 5 min, bogus 60 s (libunbound would ask 5 to 15 queries each time), servfail and timeout 5 s.
 * A found entry that is used in the last tenth of its life makes one user, and only one, ask again; the others go on
 * with the old entry. A failed answer never displaces one that still holds. When stale use is configured, a found entry
 * is handed out after its end as long as DNS fails, marked as stale.
 * Thread rule: any thread. 64 shards, one mutex each, held for a look-up or an insertion, never across a callback and
 * never two at a time. Names are compared as they are: pass lower case. */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include "base/clock.h"
#include "base/span.h"
#include "verifier/key_source.h"

struct key_cache;

/* octets_max: memory of all entries together. stale_ms: how long after its end a found entry may be handed out when DNS
 * fails; 0: never. clock is borrowed. NULL: no memory. */
struct key_cache *key_cache_create(size_t octets_max, int64_t stale_ms, const struct clock *clock);
void key_cache_destroy(struct key_cache *cache); /* accepts NULL; nobody may use it any more */

enum key_cache_find {
    KEY_CACHE_MISS,    /* nothing that holds */
    KEY_CACHE_HIT,     /* *entry is the caller's reference */
    KEY_CACHE_REFRESH, /* the same, and the caller is the one to ask again */
};
enum key_cache_find key_cache_get(struct key_cache *cache, struct span name, struct key_entry **entry);

/* Offers what DNS just answered. Takes the reference to answer and returns the one to go on with: answer itself, or the
 * entry that outlives a failed answer. NULL for NULL. */
struct key_entry *key_cache_put(struct key_cache *cache, struct span name, struct key_entry *answer);

struct key_cache_usage {
    size_t entries, octets;
    uint64_t evictions;
    uint64_t waits; /* times a look-up or an insertion found another one at its shard */
};
struct key_cache_usage key_cache_usage(struct key_cache *cache); /* sums over the shards, one after the other */
