#include "proxy/address_limit.h"
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include "base/keyed_hash.h"
#include "base/list.h"
#include "proxy/socket_address.h"

enum { BUCKETS = 1024, PREFIX_OCTETS = 8 };

struct address_place {
    struct list node;
    unsigned sessions;
    uint8_t address[17]; /* 16 octets and the family, the rest zeroed */
};

struct address_limit {
    pthread_mutex_t lock;
    struct list bucket[BUCKETS];
};

struct address_limit *address_limit_create(void) {
    struct address_limit *limit = malloc(sizeof *limit);
    if (limit == NULL) return NULL;
    pthread_mutex_init(&limit->lock, NULL);
    for (size_t i = 0; i < BUCKETS; i++) list_init(&limit->bucket[i]);
    return limit;
}

void address_limit_destroy(struct address_limit *limit) {
    if (limit == NULL) return;
    pthread_mutex_destroy(&limit->lock);
    free(limit);
}

static bool make_key(const struct socket_address *address, uint8_t key[17]) {
    bool is_v4;
    memset(key, 0, 17);
    if (!socket_address_octets(address, key, &is_v4)) return false;
    if (!is_v4) memset(key + PREFIX_OCTETS, 0, 16 - PREFIX_OCTETS);
    key[16] = is_v4;
    return true;
}

static struct address_place *find(struct list *bucket, const uint8_t key[17]) {
    for (struct list *node = bucket->next; node != bucket; node = node->next) {
        struct address_place *place = LIST_ENTRY(node, struct address_place, node);
        if (memcmp(place->address, key, 17) == 0) return place;
    }
    return NULL;
}

static struct address_place *add(struct list *bucket, const uint8_t key[17]) {
    struct address_place *place = calloc(1, sizeof *place);
    if (place == NULL) return NULL;
    memcpy(place->address, key, 17);
    list_append(bucket, &place->node);
    return place;
}

bool address_limit_enter(struct address_limit *limit, const struct socket_address *address, unsigned most,
                         struct address_place **place) {
    uint8_t key[17];
    *place = NULL;
    if (limit == NULL || !make_key(address, key)) return true;
    struct span octets = {(const char *)key, sizeof key};
    struct list *bucket = &limit->bucket[keyed_hash(keyed_hash_process_key(), octets) % BUCKETS];
    pthread_mutex_lock(&limit->lock);
    struct address_place *found = find(bucket, key);
    if (found == NULL && most > 0) found = add(bucket, key);
    bool may_enter = found != NULL && found->sessions < most;
    if (may_enter) found->sessions++;
    pthread_mutex_unlock(&limit->lock);
    if (may_enter) *place = found;
    return may_enter;
}

void address_limit_leave(struct address_limit *limit, struct address_place *place) {
    if (place == NULL) return;
    pthread_mutex_lock(&limit->lock);
    bool is_last = --place->sessions == 0;
    if (is_last) list_remove(&place->node);
    pthread_mutex_unlock(&limit->lock);
    if (is_last) free(place);
}
