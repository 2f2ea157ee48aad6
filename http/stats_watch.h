/* http/stats_watch.h -- the rotation watch: what about a domain's keys deserves a look. Judges what was seen in mail, so
 * it is a hint: domains may well use several selectors side by side. Pure; cost: a walk over the domain's keys for a key. */
#pragma once
#include <stdint.h>

/* id, word. Bits of a watch are 1 << id. */
#define STATS_WATCHES(X)                                                                                               \
    X(STATS_WATCH_OLD_SELECTOR, "old_selector") /* a newer selector is in use for 7 days, the one before still signs */ \
    X(STATS_WATCH_KEY_CHANGED, "key_changed")   /* a selector got another key: RFC 6376 section 3.1 wants a new name */ \
    X(STATS_WATCH_REVOKED, "revoked")           /* mail is signed with a selector whose key is revoked (p= empty) */    \
    X(STATS_WATCH_TESTING, "testing")           /* mail is signed with a key in test mode (t=y) */
#define X(id, word) id,
enum stats_watch { STATS_WATCHES(X) STATS_WATCH_COUNT };
#undef X
const char *stats_watch_word(enum stats_watch watch);

/* A message may be on its way for five days (RFC 5321 section 4.5.4.1): until then the selector before is no surprise. */
enum { STATS_WATCH_OVERLAP_S = 7 * 24 * 3600 };

struct stats_key;
struct stats_keys;

/* The bits of one key in the domain's list. A key that has not signed since from_s has none. */
unsigned stats_watch_key(const struct stats_keys *keys, const uint32_t *list, const struct stats_key *key, int64_t from_s);
/* Those of all keys in the list together. */
unsigned stats_watch_all(const struct stats_keys *keys, const uint32_t *list, int64_t from_s);
