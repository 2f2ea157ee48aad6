/* verifier/key_lookup.h -- one worker's key_source: the shared cache first, then DNS, one question a name at a time.
 * A request for a name that is being asked for joins that question (single flight). Cancelling a request takes it out;
 * the question itself goes on, so that its answer, be it late or a failure, still fills the cache for the next message:
 * the dns_source bounds how long that takes and how many there are.
 * Counts requests by how they were served (a request that joins a question is a miss), and DNS answers by outcome,
 * DNSSEC state and time. Thread rule: one thread, that of its dns_source. No lock of its own. Cost of a hit: one lock,
 * one hash, no allocation. */
#pragma once

struct clock;
struct dns_source;
struct key_cache;
struct key_lookup;
struct key_source;
struct metrics_worker;

/* All are borrowed until destroy; metrics, the thread's, may be NULL. NULL: no memory. */
struct key_lookup *key_lookup_create(struct key_cache *cache, struct dns_source *dns, const struct clock *clock,
                                     struct metrics_worker *metrics);
/* Cancels the questions under way; no request may wait any more. Not from inside a request's callback. Accepts NULL. */
void key_lookup_destroy(struct key_lookup *lookup);
struct key_source *key_lookup_source(struct key_lookup *lookup);
