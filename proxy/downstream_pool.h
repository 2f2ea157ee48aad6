/* proxy/downstream_pool.h -- connections to downstream that a session has done with, kept for the next one: it is
 * spared the connection, the greeting, EHLO and the TLS handshake. One pool for each service: connections serve the
 * listener they were made for, with its server, its TLS and its generation of the configuration, and no other. Which
 * connections may go from one client to another is downstream_is_reusable's to say; a pool adds limits: how many wait
 * for one server and in all (both over all workers), for how long, and how often each is used. While one waits,
 * whatever the server says or does closes it.
 * Thread rule: the loop's thread; the two counts are shared (atomics). Cost: constant for each call, but a look through
 * those that wait to find one for the server. */
#pragma once
#include <stdatomic.h>
#include <stdint.h>

struct connection_set;
struct downstream;
struct downstream_events;
struct downstream_server;
struct metrics_worker;

struct downstream_pool_limits {
    unsigned per_server, total; /* that wait; 0: none is kept */
    int64_t idle_ms;            /* a connection waits so long for its next session */
    unsigned uses;              /* sessions a connection serves, the first one included */
};

struct downstream_pool;

/* idle: how many wait in all pools; borrowed, like set, until destroy. metrics may be NULL. NULL: no memory. */
struct downstream_pool *downstream_pool_create(struct downstream_pool_limits limits, struct connection_set *set,
                                               atomic_uint *idle, struct metrics_worker *metrics);
/* Closes those that wait. Accepts NULL. */
void downstream_pool_destroy(struct downstream_pool *pool);

/* The connection to server that was given last, the owner's from now on: ready, or failed with DOWNSTREAM_STALE,
 * follows (downstream_revive). NULL: none waits, or pool is NULL. */
struct downstream *downstream_pool_take(struct downstream_pool *pool, const struct downstream_server *server,
                                        const struct downstream_events *events, void *owner);
/* Takes downstream, made for server, from its owner, also inside one of its events: keeps it, or destroys it when it
 * may not be used again or there is no room. Both may be NULL. */
void downstream_pool_give(struct downstream_pool *pool, const struct downstream_server *server,
                          struct downstream *downstream);
/* Closes those that wait: somebody needs their descriptors. Accepts NULL. */
void downstream_pool_shed(struct downstream_pool *pool);
/* The same, and from now on none is kept: service ends, or a newer configuration is in use. Accepts NULL. */
void downstream_pool_close(struct downstream_pool *pool);
