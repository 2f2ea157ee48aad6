#include "base/lru_map.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include "base/keyed_hash.h"
#include "base/list.h"

enum { FIRST_BUCKETS = 16 };

struct entry {
    struct list age; /* in map->ages */
    struct entry *chain;
    void *value;
    size_t octets; /* all that counts against the limit */
    uint64_t hash;
    size_t key_len;
    char key[];
};

struct lru_map {
    size_t octets_max, octets, count;
    uint64_t evictions;
    void (*release)(void *value);
    struct keyed_hash_key hash_key;
    struct list ages; /* longest unused first */
    size_t bucket_count; /* a power of two */
    struct entry **buckets;
};

struct lru_map *lru_map_create(size_t octets_max, void (*release)(void *value)) {
    struct lru_map *map = calloc(1, sizeof *map);
    if (map == NULL) return NULL;
    map->buckets = calloc(FIRST_BUCKETS, sizeof *map->buckets);
    if (map->buckets == NULL) return free(map), NULL;
    map->bucket_count = FIRST_BUCKETS;
    map->octets_max = octets_max;
    map->release = release;
    map->hash_key = keyed_hash_key_random();
    list_init(&map->ages);
    return map;
}

void lru_map_destroy(struct lru_map *map) {
    if (map == NULL) return;
    for (struct list *node; (node = list_take_first(&map->ages)) != NULL;) {
        struct entry *entry = LIST_ENTRY(node, struct entry, age);
        map->release(entry->value);
        free(entry);
    }
    free(map->buckets);
    free(map);
}

static struct entry **bucket_of(struct lru_map *map, uint64_t hash) { return &map->buckets[hash & (map->bucket_count - 1)]; }

/* Where the pointer to the entry of key stands, or the NULL at the end of its chain. */
static struct entry **find(struct lru_map *map, uint64_t hash, struct span key) {
    struct entry **at = bucket_of(map, hash);
    while (*at != NULL && !((*at)->hash == hash && span_equal((struct span){(*at)->key, (*at)->key_len}, key)))
        at = &(*at)->chain;
    return at;
}

/* Takes the entry at *at out and releases its value. */
static void drop(struct lru_map *map, struct entry **at) {
    struct entry *entry = *at;
    *at = entry->chain;
    list_remove(&entry->age);
    map->octets -= entry->octets;
    map->count--;
    map->release(entry->value);
    free(entry);
}

static void evict_until_fits(struct lru_map *map, size_t octets) {
    while (map->octets_max - map->octets < octets) {
        struct entry *oldest = LIST_ENTRY(map->ages.next, struct entry, age);
        struct entry **at = bucket_of(map, oldest->hash);
        while (*at != oldest) at = &(*at)->chain;
        drop(map, at);
        map->evictions++;
    }
}

/* Twice the buckets, so that chains stay about one entry long. Without memory they grow longer instead. */
static void grow(struct lru_map *map) {
    size_t bucket_count = map->bucket_count * 2;
    struct entry **buckets = calloc(bucket_count, sizeof *buckets);
    if (buckets == NULL) return;
    free(map->buckets);
    map->buckets = buckets;
    map->bucket_count = bucket_count;
    for (struct list *node = map->ages.next; node != &map->ages; node = node->next) {
        struct entry *entry = LIST_ENTRY(node, struct entry, age);
        struct entry **bucket = bucket_of(map, entry->hash);
        entry->chain = *bucket;
        *bucket = entry;
    }
}

static struct entry *create_entry(struct span key, void *value, size_t octets) {
    struct entry *entry = malloc(sizeof *entry + key.len);
    if (entry == NULL) return NULL;
    *entry = (struct entry){.value = value, .octets = octets, .key_len = key.len};
    if (key.len > 0) memcpy(entry->key, key.ptr, key.len);
    return entry;
}

bool lru_map_put(struct lru_map *map, struct span key, void *value, size_t octets) {
    size_t own = sizeof(struct entry) + key.len;
    assert(value != NULL);
    if (own > map->octets_max || octets > map->octets_max - own) return false;
    struct entry *entry = create_entry(key, value, octets + own); /* a copy of key: it may belong to what is let go below */
    if (entry == NULL) return false;
    key = (struct span){entry->key, entry->key_len};
    entry->hash = keyed_hash(&map->hash_key, key);
    struct entry **before = find(map, entry->hash, key);
    if (*before != NULL) drop(map, before);
    evict_until_fits(map, entry->octets);
    if (map->count >= map->bucket_count) grow(map);
    struct entry **bucket = bucket_of(map, entry->hash);
    entry->chain = *bucket;
    *bucket = entry;
    list_append(&map->ages, &entry->age);
    map->octets += entry->octets;
    map->count++;
    return true;
}

void *lru_map_get(struct lru_map *map, struct span key) {
    struct entry *entry = *find(map, keyed_hash(&map->hash_key, key), key);
    if (entry == NULL) return NULL;
    list_remove(&entry->age);
    list_append(&map->ages, &entry->age);
    return entry->value;
}

bool lru_map_remove(struct lru_map *map, struct span key) {
    struct entry **at = find(map, keyed_hash(&map->hash_key, key), key);
    if (*at == NULL) return false;
    drop(map, at);
    return true;
}

size_t lru_map_count(const struct lru_map *map) { return map->count; }
size_t lru_map_octets(const struct lru_map *map) { return map->octets; }
uint64_t lru_map_evictions(const struct lru_map *map) { return map->evictions; }
