#include "rules/replay_counter.h"
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include "base/keyed_hash.h"

enum { SHARDS = 64, SHARD_BITS = 6 };

/* 32 bits of seconds last until 2106; behind it windows still have their length. */
struct place {
    uint64_t hash;
    uint32_t first_s, count; /* count 0: free */
};

struct shard {
    pthread_mutex_t lock;
    struct place *place;
};

struct replay_counter {
    size_t sets; /* of one shard, a power of two */
    uint32_t window_s;
    struct shard shard[SHARDS];
};

struct replay_counter *replay_counter_create(size_t octets_max, uint32_t window_s) {
    struct replay_counter *counter = calloc(1, sizeof *counter);
    size_t set_octets = REPLAY_COUNTER_WAYS * sizeof(struct place);
    if (counter == NULL) return NULL;
    for (counter->sets = 1; counter->sets * 2 * SHARDS * set_octets <= octets_max;) counter->sets *= 2;
    counter->window_s = window_s;
    for (size_t i = 0; i < SHARDS; i++) {
        counter->shard[i].place = calloc(counter->sets, set_octets);
        if (counter->shard[i].place == NULL || pthread_mutex_init(&counter->shard[i].lock, NULL) != 0) {
            free(counter->shard[i].place);
            counter->shard[i].place = NULL; /* it, and those behind it, have no lock */
            return replay_counter_destroy(counter), NULL;
        }
    }
    return counter;
}

void replay_counter_destroy(struct replay_counter *counter) {
    if (counter == NULL) return;
    for (size_t i = 0; i < SHARDS && counter->shard[i].place != NULL; i++) {
        (void)pthread_mutex_destroy(&counter->shard[i].lock);
        free(counter->shard[i].place);
    }
    free(counter);
}

static bool is_over(const struct replay_counter *counter, const struct place *place, uint32_t now_s) {
    /* A clock that went back makes the age a huge one: over as well. */
    return place->count == 0 || now_s - place->first_s >= counter->window_s;
}

static bool is_better_to_lose(const struct place *a, const struct place *b, uint32_t now_s) {
    return a->count < b->count || (a->count == b->count && now_s - a->first_s > now_s - b->first_s);
}

/* The place of hash, or the one that is to be its own. */
static struct place *find(const struct replay_counter *counter, struct place *set, uint64_t hash, uint32_t now_s) {
    struct place *best = set;
    for (struct place *place = set; place < set + REPLAY_COUNTER_WAYS; place++) {
        if (place->count > 0 && place->hash == hash) return place;
        bool place_over = is_over(counter, place, now_s), best_over = is_over(counter, best, now_s);
        if (place_over != best_over ? place_over : is_better_to_lose(place, best, now_s)) best = place;
    }
    return best;
}

uint32_t replay_counter_add(struct replay_counter *counter, struct span signature, int64_t now_s) {
    uint64_t hash = keyed_hash(keyed_hash_process_key(), signature);
    struct shard *shard = &counter->shard[hash & (SHARDS - 1)];
    size_t set = (size_t)(hash >> SHARD_BITS) & (counter->sets - 1);
    uint32_t seconds = (uint32_t)now_s, before;
    pthread_mutex_lock(&shard->lock);
    struct place *place = find(counter, shard->place + set * REPLAY_COUNTER_WAYS, hash, seconds);
    if (place->hash != hash || is_over(counter, place, seconds))
        *place = (struct place){.hash = hash, .first_s = seconds};
    before = place->count;
    if (place->count < UINT32_MAX) place->count++;
    pthread_mutex_unlock(&shard->lock);
    return before;
}
