/* rules/replay_counter.h -- how often the same signature was seen: a message that a good domain signed once and
 * somebody sends a million times has the same b= each time (R-18; DKIM itself has no answer to replay). A signature is
 * known by its hash under the key of the process, so that nobody can choose two that count as one. It is counted from
 * its first sight for window_s seconds, then it begins anew. Memory is bounded: sets of REPLAY_COUNTER_WAYS places.
 * Where a set is full, a place whose time is over is taken, else that of the smallest count, the oldest of those: a
 * flood of signatures that are seen once drives out its own kind, not what repeats. So a count may be too small, never
 * too large (but for hashes of 64 bits that meet). Thread rule: any thread; the locks, one for each of 64 shards, are
 * replay_counter.c's own and held for one set. Allocates with malloc when it is created; no I/O; the time is passed in.
 * Cost: one hash and one set, about 60 ns. */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include "base/span.h"

enum { REPLAY_COUNTER_WAYS = 8, REPLAY_COUNTER_PLACE = 16 /* octets */ };

struct replay_counter;

/* As many places as fit into octets_max, a power of two, at least one set for each shard. NULL: no memory. */
struct replay_counter *replay_counter_create(size_t octets_max, uint32_t window_s);
void replay_counter_destroy(struct replay_counter *counter); /* accepts NULL */
/* Counts signature (octets of b= without white space) at now_s, seconds since 1970, and returns how often it was seen
 * within its window before, 0 for the first time. */
uint32_t replay_counter_add(struct replay_counter *counter, struct span signature, int64_t now_s);
