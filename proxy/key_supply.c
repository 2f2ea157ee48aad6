#include "proxy/key_supply.h"
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "base/loop.h"
#include "verifier/dns_choice.h"
#include "verifier/dns_memory.h"
#include "verifier/dns_recent.h"
#include "verifier/dns_thread.h"
#include "verifier/key_lookup.h"

enum {
    DEADLINE_SLACK_MS = 500
}; /* a worker waits a little longer than the resolver, so that it hears the resolver's reason */

struct key_supply {
    atomic_uint references;
    struct options *options;
    const struct clock *clock;
    struct metrics *metrics;
    struct key_cache *cache;
    struct loop *loop; /* the resolver thread's */
    struct dns_choice *choice;
    struct dns_memory *memory; /* in front of choice */
    struct dns_thread *thread; /* NULL before the start */
};

struct key_client {
    unsigned references;
    struct key_supply *supply; /* owned reference */
    struct dns_client *dns;
    struct key_lookup *lookup;
    struct dns_recent *recent; /* in front of dns, for everything but keys, which have their cache */
};

static struct dns_choice *choose(const struct options *options, struct loop *loop, char **error) {
    const struct dns_choice_options wanted = {
        .zone_count = options->dns_zone_files.count,
        .zones_and_network = strcmp(options->dns_mode, "zones") != 0,
        .zone = (const char *const *)options->dns_zone_files.item,
        .forward_count = options->dns_forward.count,
        .forward = (const char *const *)options->dns_forward.item,
        .stub_count = options->dns_stub.count,
        .stub = (const char *const *)options->dns_stub.item,
        .trust_anchor = options->dns_trust_anchor,
        .query_timeout_ms = options->dns_query_timeout_ms,
        .in_flight_max = (unsigned)options->dns_in_flight_max,
        .in_flight_per_domain_max = (unsigned)options->dns_in_flight_per_domain_max,
    };
    return dns_choice_create(loop, &wanted, error);
}

struct key_supply *key_supply_create(struct options *options, const struct clock *clock, struct metrics *metrics,
                                     char **error) {
    struct key_supply *supply = calloc(1, sizeof *supply);
    *error = NULL;
    if (supply == NULL) return NULL;
    atomic_init(&supply->references, 1);
    supply->options = options_acquire(options);
    supply->clock = clock;
    supply->metrics = metrics;
    supply->cache = key_cache_create((size_t)options->key_cache_max, options->stale_keys_ms, clock);
    supply->loop = loop_create();
    if (supply->loop != NULL) supply->choice = choose(options, supply->loop, error);
    if (supply->choice != NULL) supply->memory = dns_memory_create(dns_choice_source(supply->choice), clock);
    if (supply->cache != NULL && supply->memory != NULL) return supply;
    key_supply_release(supply);
    return NULL;
}

bool key_supply_start(struct key_supply *supply) {
    int64_t deadline_ms = supply->options->dns_query_timeout_ms + DEADLINE_SLACK_MS;
    if (supply->thread != NULL) return true;
    supply->thread = dns_thread_create(supply->loop, dns_memory_source(supply->memory), supply->metrics, deadline_ms);
    return supply->thread != NULL;
}

struct key_supply *key_supply_acquire(struct key_supply *supply) {
    atomic_fetch_add(&supply->references, 1);
    return supply;
}

void key_supply_release(struct key_supply *supply) {
    if (supply == NULL || atomic_fetch_sub(&supply->references, 1) > 1) return;
    dns_thread_destroy(supply->thread);
    dns_memory_destroy(supply->memory);
    dns_choice_destroy(supply->choice);
    loop_destroy(supply->loop);
    key_cache_destroy(supply->cache);
    options_release(supply->options);
    free(supply);
}

struct key_cache_usage key_supply_usage(struct key_supply *supply) {
    return key_cache_usage(supply->cache);
}

static bool same_text(const char *a, const char *b) { return strcmp(a != NULL ? a : "", b != NULL ? b : "") == 0; }

static bool same_list(const struct string_list *a, const struct string_list *b) {
    if (a->count != b->count) return false;
    for (size_t i = 0; i < a->count; i++)
        if (!same_text(a->item[i], b->item[i])) return false;
    return true;
}

bool key_supply_fits(const struct key_supply *supply, const struct options *options) {
    const struct options *now = supply->options;
    const char *anchor = options->dns_trust_anchor;
    /* Zone files may have changed behind their names, and so may a trust anchor: they are read anew. */
    return options->dns_zone_files.count == 0 && (same_text(anchor, "") || same_text(anchor, "none")) &&
           same_text(now->dns_mode, options->dns_mode) && same_text(now->dns_trust_anchor, options->dns_trust_anchor) &&
           same_list(&now->dns_forward, &options->dns_forward) && same_list(&now->dns_stub, &options->dns_stub) &&
           now->dns_zone_files.count == 0 && now->dns_query_timeout_ms == options->dns_query_timeout_ms &&
           now->dns_in_flight_max == options->dns_in_flight_max &&
           now->dns_in_flight_per_domain_max == options->dns_in_flight_per_domain_max &&
           now->key_cache_max == options->key_cache_max && now->stale_keys_ms == options->stale_keys_ms;
}

struct key_client *key_client_create(struct key_supply *supply, struct loop *loop, struct metrics_worker *metrics) {
    struct key_client *client = calloc(1, sizeof *client);
    if (client == NULL) return NULL;
    client->references = 1;
    client->supply = key_supply_acquire(supply);
    client->dns = dns_thread_client(supply->thread, loop);
    if (client->dns != NULL)
        client->lookup = key_lookup_create(supply->cache, dns_client_source(client->dns), supply->clock, metrics);
    if (client->lookup != NULL) client->recent = dns_recent_create(dns_client_source(client->dns), supply->clock);
    if (client->recent != NULL) return client;
    key_client_release(client);
    return NULL;
}

struct key_client *key_client_acquire(struct key_client *client) {
    client->references++;
    return client;
}

void key_client_release(struct key_client *client) {
    if (client == NULL || --client->references > 0) return;
    key_lookup_destroy(client->lookup);
    dns_recent_destroy(client->recent);
    if (client->dns != NULL) dns_client_close(client->dns); /* freed with its thread */
    key_supply_release(client->supply);
    free(client);
}

bool key_client_is_of(const struct key_client *client, const struct key_supply *supply) {
    return client->supply == supply;
}
struct key_source *key_client_source(struct key_client *client) {
    return key_lookup_source(client->lookup);
}
struct dns_source *key_client_dns(struct key_client *client) {
    return dns_recent_source(client->recent);
}
