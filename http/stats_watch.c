#include "http/stats_watch.h"
#include <stdbool.h>
#include <string.h>
#include "http/stats_keys.h"

const char *stats_watch_word(enum stats_watch watch) {
#define X(id, word) [id] = word,
    static const char *const words[] = {STATS_WATCHES(X)};
#undef X
    return words[watch];
}

static bool is_same_selector(const struct stats_key *a, const struct stats_key *b) {
    return a->selector_len == b->selector_len && memcmp(a->selector, b->selector, a->selector_len) == 0;
}

/* A second selector of another algorithm is no successor: such domains sign twice (RFC 8463 section 3). */
static bool is_succeeded_by(const struct stats_key *key, const struct stats_key *other) {
    return !is_same_selector(key, other) && key->algorithm == other->algorithm && !other->revoked &&
           other->first_seen_s > key->first_seen_s &&
           other->last_seen_s >= other->first_seen_s + STATS_WATCH_OVERLAP_S &&
           key->last_seen_s >= other->first_seen_s + STATS_WATCH_OVERLAP_S;
}

static bool is_change_of(const struct stats_key *key, const struct stats_key *other) {
    return is_same_selector(key, other) && key->has_fingerprint && other->has_fingerprint &&
           key->first_seen_s > other->first_seen_s;
}

unsigned stats_watch_key(const struct stats_keys *keys, const uint32_t *list, const struct stats_key *key,
                         int64_t from_s) {
    unsigned watch = 0;
    if (key->last_seen_s < from_s) return 0;
    for (const struct stats_key *other = stats_keys_first(keys, list); other != NULL;
         other = stats_keys_next(keys, other)) {
        if (is_succeeded_by(key, other)) watch |= 1U << STATS_WATCH_OLD_SELECTOR;
        if (is_change_of(key, other)) watch |= 1U << STATS_WATCH_KEY_CHANGED;
    }
    if (key->revoked) watch |= 1U << STATS_WATCH_REVOKED;
    if (key->testing) watch |= 1U << STATS_WATCH_TESTING;
    return watch;
}

unsigned stats_watch_all(const struct stats_keys *keys, const uint32_t *list, int64_t from_s) {
    unsigned watch = 0;
    for (const struct stats_key *key = stats_keys_first(keys, list); key != NULL; key = stats_keys_next(keys, key))
        watch |= stats_watch_key(keys, list, key, from_s);
    return watch;
}
