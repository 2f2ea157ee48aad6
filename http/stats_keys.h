/* http/stats_keys.h -- the keys that signing domains sign with: for each domain the STATS_KEYS_A_DOMAIN pairs of selector
 * and key used last, out of one pool for all domains, so that a sender who owns many domains and makes up a selector for
 * each message costs no more memory than anybody else. When the pool is spent, the key unused for longest makes room.
 * No I/O, clock or lock; one thread at a time. Cost: a walk over the domain's keys. Memory: 192 octets a key of the pool. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "base/span.h"
#include "http/domain_result.h"
#include "verifier/digest.h"

enum { STATS_KEYS_A_DOMAIN = 8, STATS_KEY_SELECTOR_MAX = 63 };
#define STATS_KEYS_NONE UINT32_MAX

struct stats_key {
    uint64_t count[DOMAIN_RESULT_COUNT];
    int64_t first_seen_s, last_seen_s;
    uint32_t *list;              /* the list it is in, one a domain */
    uint32_t next, newer, older; /* in that list; by use, over the whole pool */
    uint16_t bits;
    uint8_t algorithm, dnssec; /* enum key_algorithm, enum dnssec_state */
    bool has_fingerprint, testing, revoked;
    bool is_unsaved; /* free for the history */
    uint8_t selector_len;
    char selector[STATS_KEY_SELECTOR_MAX];
    uint8_t fingerprint[DIGEST_OCTETS]; /* zero without one */
};

struct stats_keys; /* the pool */

struct stats_keys *stats_keys_create(uint32_t count); /* at least STATS_KEYS_A_DOMAIN; NULL: no memory */
void stats_keys_destroy(struct stats_keys *keys);     /* accepts NULL */

/* The key of selector (at most STATS_KEY_SELECTOR_MAX octets) with the fingerprint (NULL: none) in *list, which begins as
 * STATS_KEYS_NONE and must not move while it has keys. It is from now on the one used last. A key that was not there is
 * zero but for its name. Never NULL. */
struct stats_key *stats_keys_use(struct stats_keys *keys, uint32_t *list, struct span selector, const uint8_t *fingerprint);
void stats_keys_forget(struct stats_keys *keys, uint32_t *list); /* the whole list */
/* A list: the one used last comes first. NULL: the end, or an empty list. */
struct stats_key *stats_keys_first(const struct stats_keys *keys, const uint32_t *list);
struct stats_key *stats_keys_next(const struct stats_keys *keys, const struct stats_key *key);
