#include "http/stats_keys.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct stats_keys {
    struct stats_key *pool;
    uint32_t newest, oldest; /* of all that are in a list */
    uint32_t free;           /* unused ones, chained by next */
};

struct stats_keys *stats_keys_create(uint32_t count) {
    struct stats_keys *keys = calloc(1, sizeof *keys);
    if (keys == NULL) return NULL;
    *keys = (struct stats_keys){calloc(count, sizeof *keys->pool), STATS_KEYS_NONE, STATS_KEYS_NONE, 0};
    if (keys->pool == NULL) return free(keys), NULL;
    for (uint32_t i = 0; i < count; i++) keys->pool[i].next = i + 1 < count ? i + 1 : STATS_KEYS_NONE;
    return keys;
}

void stats_keys_destroy(struct stats_keys *keys) {
    if (keys == NULL) return;
    free(keys->pool);
    free(keys);
}

static struct stats_key *at(const struct stats_keys *keys, uint32_t index) {
    return index != STATS_KEYS_NONE ? &keys->pool[index] : NULL;
}

static uint32_t index_of(const struct stats_keys *keys, const struct stats_key *key) {
    return (uint32_t)(key - keys->pool);
}

/* Out of the order by use. */
static void leave_order(struct stats_keys *keys, struct stats_key *key) {
    struct stats_key *newer = at(keys, key->newer), *older = at(keys, key->older);
    *(newer != NULL ? &newer->older : &keys->newest) = key->older;
    *(older != NULL ? &older->newer : &keys->oldest) = key->newer;
}

static void become_newest(struct stats_keys *keys, struct stats_key *key) {
    struct stats_key *second = at(keys, keys->newest);
    key->newer = STATS_KEYS_NONE;
    key->older = keys->newest;
    keys->newest = index_of(keys, key);
    *(second != NULL ? &second->newer : &keys->oldest) = keys->newest;
}

static void leave_list(struct stats_keys *keys, struct stats_key *key) {
    uint32_t *link = key->list, self = index_of(keys, key);
    while (*link != self) link = &keys->pool[*link].next;
    *link = key->next;
}

static void become_first(struct stats_keys *keys, uint32_t *list, struct stats_key *key) {
    key->list = list;
    key->next = *list;
    *list = index_of(keys, key);
}

static bool is_it(const struct stats_key *key, struct span selector, const uint8_t *fingerprint) {
    if (key->selector_len != selector.len || memcmp(key->selector, selector.ptr, selector.len) != 0) return false;
    if (fingerprint == NULL) return !key->has_fingerprint;
    return key->has_fingerprint && memcmp(key->fingerprint, fingerprint, DIGEST_OCTETS) == 0;
}

/* A key in no list and no order: that of the domain used longest ago when it has enough, else a free one, else the
 * oldest of all. */
static struct stats_key *take(struct stats_keys *keys, const uint32_t *list) {
    unsigned count = 0;
    struct stats_key *last = NULL;
    for (struct stats_key *key = stats_keys_first(keys, list); key != NULL; key = stats_keys_next(keys, key), count++)
        last = key;
    struct stats_key *key = count >= STATS_KEYS_A_DOMAIN ? last : at(keys, keys->free);
    if (key != NULL && key != last) {
        keys->free = key->next;
        return key;
    }
    if (key == NULL) key = at(keys, keys->oldest);
    leave_list(keys, key);
    leave_order(keys, key);
    return key;
}

struct stats_key *stats_keys_use(struct stats_keys *keys, uint32_t *list, struct span selector,
                                 const uint8_t *fingerprint) {
    assert(selector.len > 0 && selector.len <= STATS_KEY_SELECTOR_MAX);
    struct stats_key *key = stats_keys_first(keys, list);
    while (key != NULL && !is_it(key, selector, fingerprint)) key = stats_keys_next(keys, key);
    if (key != NULL) {
        leave_list(keys, key);
        leave_order(keys, key);
    } else {
        key = take(keys, list);
        *key = (struct stats_key){.selector_len = (uint8_t)selector.len, .has_fingerprint = fingerprint != NULL};
        memcpy(key->selector, selector.ptr, selector.len);
        if (fingerprint != NULL) memcpy(key->fingerprint, fingerprint, DIGEST_OCTETS);
    }
    become_first(keys, list, key);
    become_newest(keys, key);
    return key;
}

void stats_keys_forget(struct stats_keys *keys, uint32_t *list) {
    for (struct stats_key *key; (key = stats_keys_first(keys, list)) != NULL;) {
        leave_list(keys, key);
        leave_order(keys, key);
        key->next = keys->free;
        keys->free = index_of(keys, key);
    }
}

struct stats_key *stats_keys_first(const struct stats_keys *keys, const uint32_t *list) {
    return at(keys, *list);
}
struct stats_key *stats_keys_next(const struct stats_keys *keys, const struct stats_key *key) {
    return at(keys, key->next);
}
