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
struct key_client;
struct key_source;
struct key_supply;
struct loop;
struct metrics_worker;

/* Makes the cache and starts the resolver; zone files are read once to see that they can be. options is acquired, clock
 * borrowed. NULL: *error (caller frees) is one sentence. */
struct key_supply *key_supply_create(struct options *options, const struct clock *clock, char **error);
struct key_supply *key_supply_acquire(struct key_supply *supply);
void key_supply_release(struct key_supply *supply); /* accepts NULL; the last one stops the resolver */
/* options ask for the same supply as this one. */
bool key_supply_fits(const struct key_supply *supply, const struct options *options);
struct key_cache_usage key_supply_usage(struct key_supply *supply);

/* metrics, the thread's, may be NULL. NULL: no memory, or a zone file went bad. */
struct key_client *key_client_create(struct key_supply *supply, struct loop *loop, struct metrics_worker *metrics);
void key_client_destroy(struct key_client *client); /* accepts NULL */
struct key_source *key_client_source(struct key_client *client);
