/* base/lru_map.h -- a hash map from octets to values that forgets what was used longest ago when it holds too much.
 * "Too much" is counted in octets: those the caller gives for each value, plus those of the map's own entry and key.
 * Keys are compared octet by octet (fold the case before), hashed with SipHash under a key of the map's own.
 * Allocates with malloc; no I/O, clock or lock of its own: one thread at a time, or a lock of the caller's.
 * Cost: one hash and usually one compare a call; growing moves every entry once in a while (amortized over insertions).
 * release runs inside the calls that say so; it must not call the map. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/span.h"

struct lru_map;

/* Holds at most octets_max octets. release is called once for every value that the map lets go. NULL: no memory. */
struct lru_map *lru_map_create(size_t octets_max, void (*release)(void *value));
void lru_map_destroy(struct lru_map *map); /* releases all values; accepts NULL */

/* Stores value, not NULL, under a copy of key, as the one used last; releases the value that was there before and those
 * that no longer fit. false: no memory, or it could never fit; then the value stays the caller's and the map is as it was. */
bool lru_map_put(struct lru_map *map, struct span key, void *value, size_t octets);
/* The value under key, which from now on is the one used last; NULL when there is none. Borrowed: valid until the map is
 * changed. */
void *lru_map_get(struct lru_map *map, struct span key);
/* Releases the value under key. false: there was none. */
bool lru_map_remove(struct lru_map *map, struct span key);

size_t lru_map_count(const struct lru_map *map);       /* entries */
size_t lru_map_octets(const struct lru_map *map);      /* as counted against octets_max */
uint64_t lru_map_evictions(const struct lru_map *map); /* values released for want of room, since the beginning */
