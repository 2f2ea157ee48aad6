#include "verifier/key_cache.h"
#include <pthread.h>
#include <stdlib.h>
#include "base/keyed_hash.h"
#include "base/lru_map.h"

enum {
    SHARDS = 64,
    CACHE_LINE = 64,
    FOUND_S_MIN = 60,
    FOUND_S_MAX = 24 * 60 * 60,
    NEGATIVE_S_MAX = 5 * 60,
    BOGUS_S = 60,
    FAILED_S = 5,
    REFRESH_PART = 10, /* the last tenth of a life */
};

static const int64_t second_us = 1000000;

struct cached {
    struct key_entry *entry;
    int64_t refresh_us, end_us, stale_end_us; /* monotonic; refresh_us is INT64_MAX when nobody is to ask again */
};

struct shard {
    _Alignas(CACHE_LINE) pthread_mutex_t mutex;
    struct lru_map *map; /* of struct cached, under mutex */
    uint64_t waits;      /* the same */
};

struct key_cache {
    struct shard shard[SHARDS];
    const struct clock *clock;
    int64_t stale_us;
};

static void release_cached(void *value) {
    struct cached *cached = value;
    key_entry_release(cached->entry);
    free(cached);
}

struct key_cache *key_cache_create(size_t octets_max, int64_t stale_ms, const struct clock *clock) {
    struct key_cache *cache = aligned_alloc(CACHE_LINE, sizeof *cache);
    if (cache == NULL) return NULL;
    cache->clock = clock;
    cache->stale_us = stale_ms * 1000;
    bool whole = true;
    for (size_t i = 0; i < SHARDS; i++) {
        pthread_mutex_init(&cache->shard[i].mutex, NULL);
        cache->shard[i].waits = 0;
        cache->shard[i].map = lru_map_create(octets_max / SHARDS, release_cached);
        whole = whole && cache->shard[i].map != NULL;
    }
    if (whole) return cache;
    key_cache_destroy(cache);
    return NULL;
}

void key_cache_destroy(struct key_cache *cache) {
    if (cache == NULL) return;
    for (size_t i = 0; i < SHARDS; i++) {
        lru_map_destroy(cache->shard[i].map);
        pthread_mutex_destroy(&cache->shard[i].mutex);
    }
    free(cache);
}

static struct shard *shard_of(struct key_cache *cache, struct span name) {
    return &cache->shard[keyed_hash(keyed_hash_process_key(), name) % SHARDS];
}

static void lock(struct shard *shard) {
    if (pthread_mutex_trylock(&shard->mutex) == 0) return;
    pthread_mutex_lock(&shard->mutex);
    shard->waits++;
}

enum key_cache_find key_cache_get(struct key_cache *cache, struct span name, struct key_entry **entry) {
    int64_t now_us = clock_monotonic_us(cache->clock);
    struct shard *shard = shard_of(cache, name);
    enum key_cache_find find = KEY_CACHE_MISS;
    lock(shard);
    struct cached *cached = lru_map_get(shard->map, name);
    if (cached != NULL && now_us < cached->end_us) {
        find = now_us < cached->refresh_us ? KEY_CACHE_HIT : KEY_CACHE_REFRESH;
        if (find == KEY_CACHE_REFRESH) cached->refresh_us = INT64_MAX; /* once */
        *entry = key_entry_acquire(cached->entry);
    }
    pthread_mutex_unlock(&shard->mutex);
    return find;
}

static int64_t clamp(int64_t value, int64_t least, int64_t most) {
    return value < least ? least : value > most ? most : value;
}

static int64_t life_us(const struct key_entry *entry) {
    switch (entry->status) {
    case DNS_FOUND: return clamp(entry->ttl_s, FOUND_S_MIN, FOUND_S_MAX) * second_us;
    case DNS_NXDOMAIN:
    case DNS_NODATA: return clamp(entry->ttl_s, FOUND_S_MIN, NEGATIVE_S_MAX) * second_us;
    case DNS_BOGUS: return BOGUS_S * second_us;
    default: return FAILED_S * second_us;
    }
}

static bool is_failure(const struct key_entry *entry) {
    return entry->status != DNS_FOUND && entry->status != DNS_NXDOMAIN && entry->status != DNS_NODATA;
}

/* A twin of entry that says it is stale: entries are immutable, somebody may still read the old one. */
static struct key_entry *stale_twin(const struct key_entry *entry) {
    struct dns_answer answer = {
        .status = entry->status, .dnssec = entry->dnssec, .ttl_s = entry->ttl_s, .cname_count = entry->cname_count};
    for (size_t i = 0; i < entry->cname_count; i++) answer.cname[i] = entry->cname[i];
    for (; answer.record_count < entry->record_count; answer.record_count++)
        answer.record[answer.record_count] = entry->record[answer.record_count]->text;
    struct key_entry *twin = key_entry_create(&answer, entry->fetched_s);
    if (twin == NULL) return NULL;
    twin->records_seen = entry->records_seen;
    twin->stale = true;
    return twin;
}

/* The reference to hand out in place of a failed answer, or NULL when nothing outlives it. */
static struct key_entry *survivor(struct cached *cached, int64_t now_us) {
    if (now_us < cached->end_us && !is_failure(cached->entry)) return key_entry_acquire(cached->entry);
    if (cached->entry->status != DNS_FOUND || now_us >= cached->stale_end_us) return NULL;
    if (!cached->entry->stale) {
        struct key_entry *twin = stale_twin(cached->entry);
        if (twin == NULL) return NULL;
        key_entry_release(cached->entry);
        cached->entry = twin;
    }
    cached->refresh_us = INT64_MAX;
    cached->end_us = now_us + FAILED_S * second_us; /* then DNS is asked again */
    return key_entry_acquire(cached->entry);
}

/* Stores answer with a reference of its own; without memory it is simply not kept. */
static void store(struct key_cache *cache, struct lru_map *map, struct span name, struct key_entry *answer,
                  int64_t now_us) {
    struct cached *cached = calloc(1, sizeof *cached);
    if (cached == NULL) return;
    int64_t life = life_us(answer);
    bool found = answer->status == DNS_FOUND;
    *cached = (struct cached){
        .entry = key_entry_acquire(answer),
        .refresh_us = found ? now_us + life - life / REFRESH_PART : INT64_MAX,
        .end_us = now_us + life,
        .stale_end_us = found ? now_us + life + cache->stale_us : 0,
    };
    if (!lru_map_put(map, name, cached, sizeof *cached + key_entry_octets(answer))) release_cached(cached);
}

struct key_entry *key_cache_put(struct key_cache *cache, struct span name, struct key_entry *answer) {
    if (answer == NULL) return NULL;
    int64_t now_us = clock_monotonic_us(cache->clock);
    struct shard *shard = shard_of(cache, name);
    lock(shard);
    struct cached *cached = is_failure(answer) ? lru_map_get(shard->map, name) : NULL;
    struct key_entry *old = cached != NULL ? survivor(cached, now_us) : NULL;
    if (old == NULL) store(cache, shard->map, name, answer, now_us);
    pthread_mutex_unlock(&shard->mutex);
    if (old == NULL) return answer;
    key_entry_release(answer);
    return old;
}

struct key_cache_usage key_cache_usage(struct key_cache *cache) {
    struct key_cache_usage usage = {0};
    for (size_t i = 0; i < SHARDS; i++) {
        struct shard *shard = &cache->shard[i];
        pthread_mutex_lock(&shard->mutex);
        usage.entries += lru_map_count(shard->map);
        usage.octets += lru_map_octets(shard->map);
        usage.evictions += lru_map_evictions(shard->map);
        usage.waits += shard->waits;
        pthread_mutex_unlock(&shard->mutex);
    }
    return usage;
}
