#include "proxy/downstream_pool.h"
#include <stdbool.h>
#include <stdlib.h>
#include "base/clock.h"
#include "base/list.h"
#include "base/loop.h"
#include "base/metrics.h"
#include "proxy/connection.h"
#include "proxy/downstream.h"

struct downstream_pool {
    struct downstream_pool_limits limits;
    struct connection_set *set;
    atomic_uint *idle;
    struct metrics_worker *metrics;
    struct loop_timer *timer; /* for the one that waits longest */
    struct list waiting;      /* in the order in which they came */
};

struct waiting {
    struct list node;
    struct downstream_pool *pool;
    const struct downstream_server *server;
    struct downstream *downstream;
    int64_t since_ms;
};

static int64_t now_ms(const struct downstream_pool *pool) {
    return clock_monotonic_us(connection_set_clock(pool->set)) / 1000;
}

/* One more within most. */
static bool count_in(atomic_uint *count, unsigned most) {
    unsigned before = atomic_load(count);
    do {
        if (before >= most) return false;
    } while (!atomic_compare_exchange_weak(count, &before, before + 1));
    return true;
}

static bool find_room(struct downstream_pool *pool, const struct downstream_server *server) {
    if (server->idle == NULL || !count_in(server->idle, pool->limits.per_server)) return false;
    if (count_in(pool->idle, pool->limits.total)) return true;
    atomic_fetch_sub(server->idle, 1);
    return false;
}

/* Out of the list and of the counts. */
static struct downstream *take_out(struct waiting *waiting) {
    struct downstream *downstream = waiting->downstream;
    atomic_fetch_sub(waiting->server->idle, 1);
    atomic_fetch_sub(waiting->pool->idle, 1);
    metrics_move(waiting->pool->metrics, METRIC_DOWNSTREAM_IDLE, -1);
    list_remove(&waiting->node);
    free(waiting);
    return downstream;
}

/* -- what those that wait tell -- */

static void on_ready(void *owner) { (void)owner; } /* it was ready already, or it would not wait */

static void on_replied(void *owner, enum downstream_step step, const struct smtp_reply *reply) {
    (void)owner, (void)step, (void)reply; /* nothing was asked that is handed up */
}

/* The server has closed it, or said something unasked. */
static void on_failed(void *owner, enum downstream_fault fault, const char *detail) {
    (void)fault, (void)detail; /* no mail waits for it, so nobody need know */
    downstream_destroy(take_out(owner));
}

static const struct downstream_events events = {on_ready, on_replied, on_failed};

/* -- time -- */

static struct waiting *oldest(const struct downstream_pool *pool) {
    return list_is_empty(&pool->waiting) ? NULL : LIST_ENTRY(pool->waiting.next, struct waiting, node);
}

static void expire(void *owner) {
    struct downstream_pool *pool = owner;
    int64_t now = now_ms(pool);
    struct waiting *first;
    while ((first = oldest(pool)) != NULL && now - first->since_ms >= pool->limits.idle_ms)
        downstream_destroy(take_out(first));
    if (first != NULL) loop_timer_start(pool->timer, first->since_ms + pool->limits.idle_ms - now);
}

/* -- in and out -- */

struct downstream *downstream_pool_take(struct downstream_pool *pool, const struct downstream_server *server,
                                        const struct downstream_events *owner_events, void *owner) {
    if (pool == NULL) return NULL;
    for (struct list *node = pool->waiting.prev; node != &pool->waiting; node = node->prev) {
        struct waiting *waiting = LIST_ENTRY(node, struct waiting, node);
        if (waiting->server != server) continue;
        struct downstream *downstream = take_out(waiting);
        downstream_hand_over(downstream, owner_events, owner);
        downstream_revive(downstream);
        return downstream;
    }
    return NULL;
}

static bool keep(struct downstream_pool *pool, const struct downstream_server *server, struct downstream *downstream) {
    if (!downstream_is_reusable(downstream) || downstream_uses(downstream) + 1 >= pool->limits.uses) return false;
    struct waiting *waiting = calloc(1, sizeof *waiting);
    if (waiting == NULL || !find_room(pool, server)) return free(waiting), false;
    *waiting = (struct waiting){.pool = pool, .server = server, .downstream = downstream, .since_ms = now_ms(pool)};
    list_init(&waiting->node);
    if (oldest(pool) == NULL) loop_timer_start(pool->timer, pool->limits.idle_ms);
    list_append(&pool->waiting, &waiting->node);
    downstream_hand_over(downstream, &events, waiting);
    metrics_move(pool->metrics, METRIC_DOWNSTREAM_IDLE, 1);
    return true;
}

void downstream_pool_give(struct downstream_pool *pool, const struct downstream_server *server,
                          struct downstream *downstream) {
    if (downstream == NULL) return;
    if (pool == NULL || !keep(pool, server, downstream)) downstream_destroy(downstream);
}

void downstream_pool_shed(struct downstream_pool *pool) {
    struct waiting *first;
    while (pool != NULL && (first = oldest(pool)) != NULL) downstream_destroy(take_out(first));
}

void downstream_pool_close(struct downstream_pool *pool) {
    if (pool == NULL) return;
    pool->limits.total = 0;
    downstream_pool_shed(pool);
}

/* -- life -- */

struct downstream_pool *downstream_pool_create(struct downstream_pool_limits limits, struct connection_set *set,
                                               atomic_uint *idle, struct metrics_worker *metrics) {
    struct downstream_pool *pool = calloc(1, sizeof *pool);
    if (pool == NULL) return NULL;
    *pool = (struct downstream_pool){.limits = limits, .set = set, .idle = idle, .metrics = metrics};
    list_init(&pool->waiting);
    pool->timer = loop_timer_create(connection_set_loop(set), expire, pool);
    if (pool->timer != NULL) return pool;
    free(pool);
    return NULL;
}

void downstream_pool_destroy(struct downstream_pool *pool) {
    if (pool == NULL) return;
    downstream_pool_shed(pool);
    loop_timer_destroy(pool->timer);
    free(pool);
}
