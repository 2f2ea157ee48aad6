/* proxy/key_supply.h -- where a configuration's keys come from: one key cache and one resolver thread (or zone files) for
 * all workers, and for each worker a client of them that is a key_source.
 * A reload that leaves the dns section alone keeps the supply, and with it what the cache knows.
 * Thread rule: acquire, release from any thread; a client belongs to the thread of its loop and ends before its supply
 * does (it holds a reference). */
#pragma once
#include <stdbool.h>
#include "base/options.h"
#include "verifier/key_cache.h"

struct clock;
struct dns_source;
struct key_client;
struct key_source;
struct key_supply;
struct loop;
struct metrics;
struct metrics_worker;

/* Makes the cache and the resolver, which does not run yet: zone files and trust anchors are read now, while we may still
 * be root. options is acquired, clock and metrics (where the resolver counts, may be NULL) are borrowed. NULL: *error (caller
 * frees) is one sentence, or NULL without memory. */
struct key_supply *key_supply_create(struct options *options, const struct clock *clock, struct metrics *metrics,
                                     char **error);
/* Starts the resolver thread, once; before the first client. False: no memory or thread. */
bool key_supply_start(struct key_supply *supply);
struct key_supply *key_supply_acquire(struct key_supply *supply);
void key_supply_release(struct key_supply *supply); /* accepts NULL; the last one ends the resolver */
/* options ask for the same supply as this one, and nothing it reads from files can have changed. */
bool key_supply_fits(const struct key_supply *supply, const struct options *options);
struct key_cache_usage key_supply_usage(struct key_supply *supply);

/* One a worker and supply: services of a worker share it. metrics, the thread's, may be NULL. NULL: no memory. */
struct key_client *key_client_create(struct key_supply *supply, struct loop *loop, struct metrics_worker *metrics);
struct key_client *key_client_acquire(struct key_client *client);
void key_client_release(struct key_client *client); /* accepts NULL; not from inside a key's callback */
bool key_client_is_of(const struct key_client *client, const struct key_supply *supply);
struct key_source *key_client_source(struct key_client *client);
/* The way to the same resolver for everything but keys. */
struct dns_source *key_client_dns(struct key_client *client);
