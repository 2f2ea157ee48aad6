#include "http/client_quota.h"
#include <arpa/inet.h>
#include <stdlib.h>
#include "base/lru_map.h"

enum { ENTRY_OCTETS = 64, MAP_OCTETS_MAX = CLIENT_QUOTA_CLIENTS_MAX * 200, PARTS = 1000 };

struct bucket {
    int64_t level; /* thousandths */
    int64_t filled_us;
};

struct client {
    struct bucket tests, lookups;
};

struct client_quota {
    const struct clock *clock;
    struct client_quota_rates rates;
    struct lru_map *clients;
    struct bucket all;
};

static struct bucket full(unsigned rate, int64_t now_us) { return (struct bucket){(int64_t)rate * PARTS, now_us}; }

static void fill(struct bucket *bucket, unsigned rate, int64_t now_us) {
    const int64_t step_us = 60000000 / PARTS, most = (int64_t)rate * PARTS;
    int64_t elapsed_us = now_us - bucket->filled_us;
    int64_t gained = elapsed_us > INT64_MAX / (rate + 1) ? most : elapsed_us * rate / step_us;
    if (gained <= 0) return;
    bucket->filled_us = now_us;
    bucket->level = gained > most - bucket->level ? most : bucket->level + gained;
}

/* When one is there. */
static unsigned seconds_until(const struct bucket *bucket, unsigned rate) {
    int64_t missing = PARTS - bucket->level;
    return missing <= 0 ? 1 : (unsigned)(missing * 60 / ((int64_t)rate * PARTS) + 1);
}

struct client_quota *client_quota_create(const struct client_quota_rates *rates, const struct clock *clock) {
    struct client_quota *quota = calloc(1, sizeof *quota);
    if (quota == NULL) return NULL;
    quota->clock = clock;
    quota->rates = *rates;
    quota->all = full(rates->lookups_of_all, clock_monotonic_us(clock));
    quota->clients = lru_map_create(MAP_OCTETS_MAX, free);
    if (quota->clients != NULL) return quota;
    free(quota);
    return NULL;
}

void client_quota_destroy(struct client_quota *quota) {
    if (quota == NULL) return;
    lru_map_destroy(quota->clients);
    free(quota);
}

struct span client_quota_key(struct span address, char storage[48]) {
    struct in6_addr octets;
    if (address.len >= INET6_ADDRSTRLEN || address.len == 0) return address;
    memcpy(storage, address.ptr, address.len);
    storage[address.len] = '\0';
    if (inet_pton(AF_INET6, storage, &octets) != 1) return address;
    memset(octets.s6_addr + 8, 0, 8);
    return inet_ntop(AF_INET6, &octets, storage, INET6_ADDRSTRLEN) != NULL ? span_of(storage) : address;
}

/* NULL: no memory, or nobody to be told apart. */
static struct client *client_of(struct client_quota *quota, struct span address, int64_t now_us) {
    char storage[48];
    struct span key = client_quota_key(address, storage);
    if (key.len == 0) return NULL;
    struct client *client = lru_map_get(quota->clients, key);
    if (client == NULL) {
        client = malloc(sizeof *client);
        if (client == NULL) return NULL;
        *client = (struct client){full(quota->rates.tests, now_us), full(quota->rates.lookups, now_us)};
        if (!lru_map_put(quota->clients, key, client, ENTRY_OCTETS)) return free(client), NULL;
    }
    fill(&client->tests, quota->rates.tests, now_us);
    fill(&client->lookups, quota->rates.lookups, now_us);
    return client;
}

bool client_quota_has_lookups(struct client_quota *quota) {
    fill(&quota->all, quota->rates.lookups_of_all, clock_monotonic_us(quota->clock));
    return quota->all.level >= PARTS;
}

bool client_quota_take(struct client_quota *quota, struct span address, unsigned *retry_after_s) {
    struct client *client = client_of(quota, address, clock_monotonic_us(quota->clock));
    *retry_after_s = 1;
    if (!client_quota_has_lookups(quota)) {
        *retry_after_s = seconds_until(&quota->all, quota->rates.lookups_of_all);
        return false;
    }
    if (client == NULL) return true;
    if (client->lookups.level < PARTS) {
        *retry_after_s = seconds_until(&client->lookups, quota->rates.lookups);
        return false;
    }
    if (client->tests.level < PARTS) {
        *retry_after_s = seconds_until(&client->tests, quota->rates.tests);
        return false;
    }
    client->tests.level -= PARTS;
    return true;
}

void client_quota_charge(struct client_quota *quota, struct span address, unsigned lookups) {
    struct client *client = client_of(quota, address, clock_monotonic_us(quota->clock));
    if (client != NULL) client->lookups.level -= (int64_t)lookups * PARTS;
    fill(&quota->all, quota->rates.lookups_of_all, clock_monotonic_us(quota->clock));
    quota->all.level -= (int64_t)lookups * PARTS;
}
