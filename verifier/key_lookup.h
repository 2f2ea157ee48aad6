/* verifier/key_lookup.h -- one worker's key_source: the shared cache first, then DNS, one question a name at a time.
 * A request for a name that is being asked for joins that question (single flight). Cancelling a request takes it out;
 * the question itself goes on, so that its answer, be it late or a failure, still fills the cache for the next message:
 * the dns_source bounds how long that takes and how many there are.
 * Thread rule: one thread, that of its dns_source; only the counters may be read by others. No lock of its own.
 * Cost of a hit: one lock, one hash, no allocation. */
#pragma once
#include <stdatomic.h>
#include "base/clock.h"
#include "verifier/dns.h"
#include "verifier/key_cache.h"
#include "verifier/key_source.h"

struct key_lookup;

/* How a request was served. HIT: a key record from the cache; NEGATIVE: a cached nxdomain, nodata or failure; STALE: an
 * entry past its end; MISS: DNS was asked, or a question under way was joined. */
#define KEY_LOOKUP_RESULTS(X)                                                                                          \
    X(KEY_LOOKUP_HIT, "hit")                                                                                           \
    X(KEY_LOOKUP_MISS, "miss")                                                                                         \
    X(KEY_LOOKUP_NEGATIVE, "negative")                                                                                 \
    X(KEY_LOOKUP_STALE, "stale")
#define X(id, word) id,
enum key_lookup_result { KEY_LOOKUP_RESULTS(X) KEY_LOOKUP_RESULT_COUNT };
#undef X
const char *key_lookup_result_word(enum key_lookup_result result);

/* Upper bounds of the histogram of answer times; slower answers count in the last place. */
enum { KEY_LOOKUP_DURATIONS = 12 };
extern const int64_t key_lookup_duration_us[KEY_LOOKUP_DURATIONS];

/* Since the beginning; written by the worker only, read by anyone. */
struct key_lookup_counters {
    _Atomic uint64_t requests[KEY_LOOKUP_RESULT_COUNT];
    _Atomic uint64_t refreshes;                /* questions asked ahead of an entry's end */
    _Atomic uint64_t answers[DNS_STATUS_COUNT]; /* what DNS answered */
    _Atomic uint64_t dnssec[DNSSEC_STATE_COUNT];
    _Atomic uint64_t durations[KEY_LOOKUP_DURATIONS + 1]; /* not cumulative */
    _Atomic uint64_t duration_us_sum;
};

/* cache, dns and clock are borrowed until destroy. NULL: no memory. */
struct key_lookup *key_lookup_create(struct key_cache *cache, struct dns_source *dns, const struct clock *clock);
/* Cancels the questions under way; no request may wait any more. Not from inside a request's callback. Accepts NULL. */
void key_lookup_destroy(struct key_lookup *lookup);
struct key_source *key_lookup_source(struct key_lookup *lookup);
const struct key_lookup_counters *key_lookup_counters(const struct key_lookup *lookup);
