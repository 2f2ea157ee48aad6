#include "proxy/tester_supply.h"
#include <pthread.h>
#include <stdlib.h>
#include "base/metrics.h"
#include "proxy/key_supply.h"

struct tester_supply {
    struct metrics *metrics;
    struct metrics_worker *counters; /* the desk's thread's, like client */
    struct key_client *client;       /* of the supply that was in use last */
    pthread_mutex_t lock;            /* for keys */
    struct key_supply *keys;         /* NULL: none yet */
};

struct tester_supply *tester_supply_create(struct metrics *metrics) {
    struct tester_supply *supply = calloc(1, sizeof *supply);
    if (supply == NULL) return NULL;
    supply->metrics = metrics;
    pthread_mutex_init(&supply->lock, NULL);
    return supply;
}

void tester_supply_use(struct tester_supply *supply, struct key_supply *keys) {
    pthread_mutex_lock(&supply->lock);
    struct key_supply *before = supply->keys;
    supply->keys = key_supply_acquire(keys);
    pthread_mutex_unlock(&supply->lock);
    key_supply_release(before);
}

static struct key_supply *current(struct tester_supply *supply) {
    pthread_mutex_lock(&supply->lock);
    struct key_supply *keys = supply->keys != NULL ? key_supply_acquire(supply->keys) : NULL;
    pthread_mutex_unlock(&supply->lock);
    return keys;
}

static void *acquire(void *owner, struct loop *loop, struct key_source **keys, struct dns_source **dns) {
    struct tester_supply *supply = owner;
    struct key_supply *now = current(supply);
    if (now == NULL) return NULL;
    if (supply->counters == NULL) supply->counters = metrics_worker_create(supply->metrics);
    if (supply->client == NULL || !key_client_is_of(supply->client, now)) {
        key_client_release(supply->client);
        supply->client = key_client_create(now, loop, supply->counters);
    }
    key_supply_release(now); /* the client holds its own */
    if (supply->client == NULL) return NULL;
    *keys = key_client_source(supply->client);
    *dns = key_client_dns(supply->client);
    return key_client_acquire(supply->client);
}

static void release(void *owner, void *client) {
    (void)owner;
    key_client_release(client);
}

static void end(void *owner) {
    struct tester_supply *supply = owner;
    key_client_release(supply->client);
    supply->client = NULL;
}

struct tester_resolver tester_supply_resolver(struct tester_supply *supply) {
    return (struct tester_resolver){acquire, release, end, supply};
}

void tester_supply_destroy(struct tester_supply *supply) {
    if (supply == NULL) return;
    key_supply_release(supply->keys);
    pthread_mutex_destroy(&supply->lock);
    free(supply);
}
