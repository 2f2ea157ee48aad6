#include "proxy/key_supply.h"
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "verifier/dns_zone.h"
#include "verifier/key_lookup.h"

struct key_supply {
    atomic_uint references;
    struct options *options;
    const struct clock *clock;
    struct key_cache *cache;
};

struct key_client {
    struct key_supply *supply; /* owned reference */
    struct dns_zone *zone;
    struct key_lookup *lookup;
};

static struct dns_zone *read_zones(const struct options *options, char **error) {
    struct dns_zone *zone = dns_zone_create();
    for (size_t i = 0; zone != NULL && i < options->dns_zone_files.count; i++) {
        if (dns_zone_add_file(zone, options->dns_zone_files.item[i], error)) continue;
        dns_zone_destroy(zone);
        return NULL;
    }
    return zone;
}

struct key_supply *key_supply_create(struct options *options, const struct clock *clock, char **error) {
    struct key_supply *supply = calloc(1, sizeof *supply);
    *error = NULL;
    if (supply == NULL) return NULL;
    atomic_init(&supply->references, 1);
    supply->options = options_acquire(options);
    supply->clock = clock;
    supply->cache = key_cache_create((size_t)options->key_cache_max, options->stale_keys_ms, clock);
    struct dns_zone *zone = read_zones(options, error);
    dns_zone_destroy(zone);
    if (supply->cache != NULL && zone != NULL) return supply;
    key_supply_release(supply);
    return NULL;
}

struct key_supply *key_supply_acquire(struct key_supply *supply) {
    atomic_fetch_add(&supply->references, 1);
    return supply;
}

void key_supply_release(struct key_supply *supply) {
    if (supply == NULL || atomic_fetch_sub(&supply->references, 1) > 1) return;
    key_cache_destroy(supply->cache);
    options_release(supply->options);
    free(supply);
}

struct key_cache_usage key_supply_usage(struct key_supply *supply) { return key_cache_usage(supply->cache); }

static bool same_text(const char *a, const char *b) { return strcmp(a != NULL ? a : "", b != NULL ? b : "") == 0; }

static bool same_list(const struct string_list *a, const struct string_list *b) {
    if (a->count != b->count) return false;
    for (size_t i = 0; i < a->count; i++)
        if (!same_text(a->item[i], b->item[i])) return false;
    return true;
}

bool key_supply_fits(const struct key_supply *supply, const struct options *options) {
    const struct options *now = supply->options;
    /* Zone files may have changed behind their names, and so may a trust anchor: they are read anew. */
    return options->dns_zone_files.count == 0 && same_text(options->dns_trust_anchor, "") &&
           same_text(now->dns_mode, options->dns_mode) && same_text(now->dns_trust_anchor, options->dns_trust_anchor) &&
           same_list(&now->dns_forward, &options->dns_forward) && same_list(&now->dns_stub, &options->dns_stub) &&
           now->dns_zone_files.count == 0 && now->dns_query_timeout_ms == options->dns_query_timeout_ms &&
           now->dns_in_flight_max == options->dns_in_flight_max &&
           now->dns_in_flight_per_domain_max == options->dns_in_flight_per_domain_max &&
           now->key_cache_max == options->key_cache_max && now->stale_keys_ms == options->stale_keys_ms;
}

struct key_client *key_client_create(struct key_supply *supply, struct loop *loop, struct metrics_worker *metrics) {
    char *error = NULL;
    struct key_client *client = calloc(1, sizeof *client);
    if (client == NULL) return NULL;
    (void)loop;
    client->supply = key_supply_acquire(supply);
    client->zone = read_zones(supply->options, &error);
    free(error);
    if (client->zone != NULL) client->lookup = key_lookup_create(supply->cache, dns_zone_source(client->zone), supply->clock, metrics);
    if (client->lookup != NULL) return client;
    key_client_destroy(client);
    return NULL;
}

void key_client_destroy(struct key_client *client) {
    if (client == NULL) return;
    key_lookup_destroy(client->lookup);
    dns_zone_destroy(client->zone);
    key_supply_release(client->supply);
    free(client);
}

struct key_source *key_client_source(struct key_client *client) { return key_lookup_source(client->lookup); }
