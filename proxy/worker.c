#include "proxy/worker.h"
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "base/list.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/metrics.h"
#include "http/domain_stats.h"
#include "proxy/connection.h"
#include "proxy/downstream_pool.h"
#include "proxy/generation.h"
#include "proxy/key_supply.h"
#include "proxy/service.h"
#include "proxy/session.h"
#include "proxy/socket_address.h"
#include "rules/rule_set.h"
#include "verifier/dns.h"

enum {
    ACCEPT_MAX = 32,       /* clients taken in one turn, before those that are here get theirs */
    ACCEPT_PAUSE_MS = 100, /* without descriptors or memory, new clients wait so long */
    TICK_MS = 1000,        /* between two looks at gauges */
    TRIM_TICKS = 10,       /* between two times that unused memory goes back to the system */
    SESSION_MEMORY = 8192, /* an idle one takes less */
};

struct acceptor {
    struct worker *worker;
    int fd;
    struct loop_watch *watch;
    size_t listener; /* its number in the current service */
};

struct worker {
    struct worker_shared *shared;
    unsigned index;
    pthread_t thread;
    bool is_started;
    struct loop *loop;
    struct connection_set *connections;
    struct spool_pool *spools;
    struct rule_scratch *rule_scratch;
    struct metrics_worker *metrics;
    struct domain_stats_worker *domains;
    struct service *service; /* the newest; NULL before the first order */
    struct list services;    /* all that have sessions, and the newest */
    struct list sessions;
    struct acceptor **acceptor;
    size_t acceptor_count;
    struct loop_task retirement;
    struct loop_task draining;        /* no memory is needed to end, and the last session may end all before it has run */
    int64_t drain_timeout_ms;
    bool is_told_to_drain;            /* main's */
    bool is_paused;
    int spare_fd; /* given up for a moment to say 421 when no descriptor is left */
    struct loop_timer *pause, *drain, *tick;
    uint64_t sessions_begun, evictions, waits, ticks;
};

/* A configuration that main orders into use; main's storage, who waits for is_done. */
struct order {
    struct loop_task task;
    struct worker *worker;
    struct generation *generation;
    const int *fd;
    size_t count;
    pthread_mutex_t lock; /* of what follows; nothing else is locked under it */
    pthread_cond_t done;
    bool is_done, is_taken;
};

/* -- sessions -- */

/* Runs from the loop by itself: the last session of a service may end inside a callback of what the service owns. */
static void retire_services(struct loop_task *task) {
    struct worker *worker = LIST_ENTRY(task, struct worker, retirement);
    for (struct list *node = worker->services.next, *next; node != &worker->services; node = next) {
        struct service *service = LIST_ENTRY(node, struct service, node);
        next = node->next;
        if (service->sessions > 0 || service == worker->service) continue;
        list_remove(node);
        service_destroy(service);
    }
}

static void retire_soon(struct worker *worker) {
    if (list_is_empty(&worker->retirement.node)) loop_defer(worker->loop, &worker->retirement);
}

/* The last session of all has ended, or there was none: every worker goes home. */
static void stop_all(struct worker_shared *shared) {
    for (unsigned i = 0; i < shared->workers; i++) loop_stop(shared->worker[i]->loop);
}

/* Counts first and asks then, as the one who drains flags first and counts then: one of them sees the other. */
static void uncount_session(struct worker_shared *shared) {
    memory_account_give(&shared->memory, SESSION_MEMORY);
    if (atomic_fetch_sub(&shared->sessions, 1) == 1 && atomic_load(&shared->is_draining)) stop_all(shared);
}

static void note_session_end(void *owner, struct session *session, struct service *service) {
    struct worker *worker = owner;
    list_remove(session_node(session));
    if (--service->sessions == 0 && service != worker->service) retire_soon(worker);
    metrics_move(worker->metrics, METRIC_SESSIONS, -1);
    uncount_session(worker->shared);
}

/* A client that is turned away: one line, which a fresh socket always has room for, and goodbye. */
static void turn_away(struct worker *worker, int fd, unsigned reason) {
    const char *line = reason == METRIC_REJECT_LIMIT      ? "421 4.7.0 Too many sessions, try again later\r\n"
                       : reason == METRIC_REJECT_DRAINING ? "421 4.3.2 Service is shutting down\r\n"
                                                          : "421 4.3.1 Out of resources, try again later\r\n";
    metrics_count(worker->metrics, METRIC_REJECTED_CONNECTIONS, reason, 0);
    (void)!send(fd, line, strlen(line), MSG_NOSIGNAL | MSG_DONTWAIT);
    (void)shutdown(fd, SHUT_WR);
    close(fd);
}

static void begin_session(struct worker *worker, const struct acceptor *acceptor, int fd,
                          const struct socket_address *peer) {
    struct service *service = worker->service;
    unsigned sessions_max = (unsigned)service->generation->options->sessions_max;
    if (!memory_account_take(&worker->shared->memory, SESSION_MEMORY)) {
        turn_away(worker, fd, METRIC_REJECT_RESOURCES);
        return;
    }
    unsigned before = atomic_fetch_add(&worker->shared->sessions, 1);
    bool is_draining = atomic_load(&worker->shared->is_draining);
    if (is_draining || before >= sessions_max) {
        uncount_session(worker->shared);
        turn_away(worker, fd, is_draining ? METRIC_REJECT_DRAINING : METRIC_REJECT_LIMIT);
        return;
    }
    uint64_t id = worker->shared->id_base + worker->sessions_begun++ * worker->shared->workers + worker->index;
    struct session *session = session_create(&service->listener[acceptor->listener], fd, peer, id);
    if (session == NULL) {
        uncount_session(worker->shared);
        return;
    }
    service->sessions++;
    list_append(&worker->sessions, session_node(session));
    metrics_move(worker->metrics, METRIC_SESSIONS, 1);
    metrics_count(worker->metrics, METRIC_SESSIONS_BEGUN, 0, 0);
}

/* -- accepting -- */

static void watch_acceptors(struct worker *worker) {
    for (size_t i = 0; i < worker->acceptor_count; i++)
        if (!loop_watch_want(worker->acceptor[i]->watch, worker->is_paused ? 0 : LOOP_READ))
            loop_timer_start(worker->pause, ACCEPT_PAUSE_MS);
}

static void end_pause(void *owner) {
    struct worker *worker = owner;
    worker->is_paused = false;
    if (worker->spare_fd < 0) worker->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    watch_acceptors(worker);
}

static void pause_accepting(struct worker *worker, int error) {
    log_fault("accept", strerrordesc_np(error));
    downstream_pool_shed(worker->service->downstreams);
    metrics_count(worker->metrics, METRIC_FAULTS, METRIC_FAULT_ACCEPT, 0);
    worker->is_paused = true;
    watch_acceptors(worker);
    loop_timer_start(worker->pause, ACCEPT_PAUSE_MS);
}

/* Descriptors are the whole process's: one that a worker gives up for a moment must not become another one's session. Held
 * for writing by who does so, for reading by whoever takes a client. */
static pthread_rwlock_t spare_in_use = PTHREAD_RWLOCK_INITIALIZER;

static int accept_locked(int listening, struct socket_address *peer) {
    peer->len = sizeof peer->storage;
    memset(&peer->storage, 0, sizeof peer->storage);
    return accept4(listening, (struct sockaddr *)&peer->storage, &peer->len, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

/* -1 with errno. */
static int accept_one(int listening, struct socket_address *peer) {
    pthread_rwlock_rdlock(&spare_in_use);
    int fd = accept_locked(listening, peer), error = errno;
    pthread_rwlock_unlock(&spare_in_use);
    errno = error;
    return fd;
}

/* No descriptor is left: the spare one serves to tell the first client in line, so that it need not find out by waiting. */
static void tell_first(struct worker *worker, int listening) {
    struct socket_address peer;
    if (worker->spare_fd < 0) return;
    pthread_rwlock_wrlock(&spare_in_use);
    close(worker->spare_fd);
    int fd = accept_locked(listening, &peer);
    if (fd >= 0) turn_away(worker, fd, METRIC_REJECT_RESOURCES);
    worker->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    pthread_rwlock_unlock(&spare_in_use);
}

static void accept_clients(void *owner, unsigned events) {
    struct acceptor *acceptor = owner;
    struct worker *worker = acceptor->worker;
    struct socket_address peer;
    (void)events;
    for (int i = 0; i < ACCEPT_MAX; i++) {
        int fd = accept_one(acceptor->fd, &peer);
        if (fd >= 0) {
            begin_session(worker, acceptor, fd, &peer);
            continue;
        }
        int error = errno;
        if (error == EMFILE || error == ENFILE) tell_first(worker, acceptor->fd);
        if (error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM) pause_accepting(worker, error);
        if (error != ECONNABORTED && error != EINTR) return; /* those two speak of one client only */
    }
}

static void close_acceptor(struct acceptor *acceptor) {
    if (acceptor == NULL) return;
    loop_watch_destroy(acceptor->watch);
    close(acceptor->fd);
    free(acceptor);
}

static struct acceptor *find_acceptor(const struct worker *worker, int fd) {
    for (size_t i = 0; i < worker->acceptor_count; i++)
        if (worker->acceptor[i]->fd == fd) return worker->acceptor[i];
    return NULL;
}

static struct acceptor *open_acceptor(struct worker *worker, int fd) {
    struct acceptor *acceptor = calloc(1, sizeof *acceptor);
    if (acceptor == NULL) return NULL;
    acceptor->worker = worker;
    acceptor->fd = fd;
    acceptor->watch = loop_watch_create(worker->loop, fd, accept_clients, acceptor);
    if (acceptor->watch != NULL) return acceptor;
    free(acceptor);
    return NULL;
}

static bool contains(const int *fd, size_t count, int wanted) {
    for (size_t i = 0; i < count; i++)
        if (fd[i] == wanted) return true;
    return false;
}

static void close_others(struct acceptor **acceptor, size_t count, const int *fd, size_t fd_count) {
    for (size_t i = 0; i < count; i++)
        if (acceptor[i] != NULL && !contains(fd, fd_count, acceptor[i]->fd)) close_acceptor(acceptor[i]);
    free(acceptor);
}

/* Puts the acceptors for fd in place: those that exist stay as they are, the others come and go. */
static bool replace_acceptors(struct worker *worker, const int *fd, size_t count) {
    struct acceptor **fresh = calloc(count > 0 ? count : 1, sizeof *fresh);
    size_t ready = 0;
    if (fresh == NULL) return false;
    for (; ready < count; ready++) {
        fresh[ready] = find_acceptor(worker, fd[ready]);
        if (fresh[ready] == NULL) fresh[ready] = open_acceptor(worker, fd[ready]);
        if (fresh[ready] == NULL) break;
    }
    if (ready < count) {
        for (size_t i = 0; i < ready; i++)
            if (find_acceptor(worker, fresh[i]->fd) == NULL) close_acceptor(fresh[i]);
        free(fresh);
        return false;
    }
    close_others(worker->acceptor, worker->acceptor_count, fd, count);
    for (size_t i = 0; i < count; i++) fresh[i]->listener = i;
    worker->acceptor = fresh;
    worker->acceptor_count = count;
    watch_acceptors(worker);
    return true;
}

/* -- counts -- */

/* The key cache and the spool's account are everybody's: the first worker tells of them. */
static void tell_shared(struct worker *worker) {
    struct key_cache_usage usage = key_supply_usage(worker->service->generation->keys);
    metrics_set(worker->shared->metrics, METRIC_KEY_CACHE_ENTRIES, (int64_t)usage.entries);
    metrics_set(worker->shared->metrics, METRIC_KEY_CACHE_BYTES, (int64_t)usage.octets);
    metrics_set(worker->shared->metrics, METRIC_MEMORY_BYTES, (int64_t)atomic_load(&worker->shared->memory.used));
    metrics_set(worker->shared->metrics, METRIC_SPOOL_BYTES, (int64_t)atomic_load(&worker->shared->spool_account.used));
    if (usage.evictions > worker->evictions)
        metrics_add(worker->metrics, METRIC_KEY_CACHE_EVICTIONS, 0, 0, usage.evictions - worker->evictions);
    if (usage.waits > worker->waits)
        metrics_add(worker->metrics, METRIC_KEY_CACHE_WAITS, 0, 0, usage.waits - worker->waits);
    worker->evictions = usage.evictions; /* either is less than before: a new cache */
    worker->waits = usage.waits;
}

static void tick(void *owner) {
    struct worker *worker = owner;
    if (worker->service != NULL) tell_shared(worker);
    /* What a burst took lies in pieces between what lives on; by itself the allocator gives back a heap's end only. */
    if (++worker->ticks % TRIM_TICKS == 0) (void)malloc_trim(0);
    loop_timer_start(worker->tick, TICK_MS);
}

/* -- orders -- */

static bool take_into_use(struct worker *worker, struct generation *generation, const int *fd, size_t count) {
    const struct service_parts parts = {
        .loop = worker->loop,
        .clock = worker->shared->clock,
        .connections = worker->connections,
        .addresses = worker->shared->addresses,
        .spools = worker->spools,
        .memory = &worker->shared->memory,
        .maildir = worker->shared->maildir,
        .idle_downstreams = &worker->shared->idle_downstreams,
        .rule_scratch = worker->rule_scratch,
        .replays = worker->shared->replays,
        .tester = worker->shared->tester,
        .metrics = worker->metrics,
        .domains = worker->domains,
        .statistics = worker->shared->domains,
        .events = worker->shared->events,
        .before = worker->service,
        .ended = note_session_end,
        .owner = worker,
    };
    struct service *service = service_create(generation, &parts);
    if (service == NULL || !replace_acceptors(worker, fd, count)) return service_destroy(service), false;
    if (worker->service != NULL) downstream_pool_close(worker->service->downstreams);
    worker->service = service;
    list_append(&worker->services, &service->node);
    retire_soon(worker);
    return true;
}

static void abort_sessions(void *owner) {
    struct worker *worker = owner;
    for (struct list *node = worker->sessions.next, *next; node != &worker->sessions; node = next) {
        next = node->next;
        session_abort(session_of_node(node));
    }
}

static void start_draining(struct loop_task *task) {
    struct worker *worker = LIST_ENTRY(task, struct worker, draining);
    downstream_pool_close(worker->service->downstreams);
    for (struct list *node = worker->sessions.next, *next; node != &worker->sessions; node = next) {
        next = node->next;
        session_drain(session_of_node(node));
    }
    loop_timer_start(worker->drain, worker->drain_timeout_ms);
    if (atomic_load(&worker->shared->sessions) == 0) stop_all(worker->shared);
}

static void run_order(struct loop_task *task) {
    struct order *order = LIST_ENTRY(task, struct order, task);
    bool is_taken = take_into_use(order->worker, order->generation, order->fd, order->count);
    pthread_mutex_lock(&order->lock);
    order->is_taken = is_taken;
    order->is_done = true;
    pthread_cond_signal(&order->done);
    pthread_mutex_unlock(&order->lock);
}

bool worker_use(struct worker *worker, struct generation *generation, const int *fd, size_t count) {
    struct order order = {
        .task.run = run_order, .worker = worker, .generation = generation, .fd = fd, .count = count,
        .lock = PTHREAD_MUTEX_INITIALIZER, .done = PTHREAD_COND_INITIALIZER,
    };
    if (!worker->is_started) return take_into_use(worker, generation, fd, count);
    loop_post(worker->loop, &order.task);
    pthread_mutex_lock(&order.lock);
    while (!order.is_done) pthread_cond_wait(&order.done, &order.lock);
    pthread_mutex_unlock(&order.lock);
    pthread_cond_destroy(&order.done);
    pthread_mutex_destroy(&order.lock);
    return order.is_taken;
}

void worker_drain(struct worker *worker, int64_t timeout_ms) {
    if (!worker->is_started || worker->is_told_to_drain) return;
    worker->is_told_to_drain = true;
    worker->drain_timeout_ms = timeout_ms;
    loop_post(worker->loop, &worker->draining);
}

/* -- life -- */

/* Clients that were in line when the last session ended: they get their 421 as well. */
static void turn_away_rest(struct worker *worker) {
    struct socket_address peer;
    for (size_t i = 0; i < worker->acceptor_count; i++)
        for (int fd; (fd = accept_one(worker->acceptor[i]->fd, &peer)) >= 0;)
            turn_away(worker, fd, METRIC_REJECT_DRAINING);
}

static void *serve(void *argument) {
    struct worker *worker = argument;
    if (!loop_run(worker->loop)) log_fault("worker", "the event loop failed");
    turn_away_rest(worker);
    return NULL;
}

struct worker *worker_create(struct worker_shared *shared, unsigned index) {
    struct worker *worker = calloc(1, sizeof *worker);
    if (worker == NULL) return NULL;
    worker->shared = shared;
    worker->index = index;
    worker->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    worker->draining.run = start_draining;
    worker->retirement.run = retire_services;
    list_init(&worker->retirement.node);
    list_init(&worker->services);
    list_init(&worker->sessions);
    worker->metrics = metrics_worker_create(shared->metrics);
    worker->domains = domain_stats_worker_create(shared->domains);
    worker->rule_scratch = rule_scratch_create(false);
    worker->loop = loop_create();
    if (worker->loop != NULL) {
        worker->connections = connection_set_create(worker->loop, shared->clock);
        worker->pause = loop_timer_create(worker->loop, end_pause, worker);
        worker->drain = loop_timer_create(worker->loop, abort_sessions, worker);
        worker->tick = loop_timer_create(worker->loop, tick, worker);
        worker->spools = spool_pool_create(shared->spool_limits, &shared->spool_account, shared->spool_directory);
    }
    if (worker->loop != NULL && worker->connections != NULL && worker->pause != NULL && worker->drain != NULL &&
        worker->tick != NULL && worker->spools != NULL && worker->rule_scratch != NULL)
        return index == 0 ? loop_timer_start(worker->tick, TICK_MS) : (void)0, worker;
    worker_destroy(worker);
    return NULL;
}

bool worker_start(struct worker *worker) {
    return worker->is_started = pthread_create(&worker->thread, NULL, serve, worker) == 0;
}

void worker_join(struct worker *worker) {
    if (worker->is_started) (void)pthread_join(worker->thread, NULL);
    worker->is_started = false;
}

void worker_destroy(struct worker *worker) {
    if (worker == NULL) return;
    abort_sessions(worker);
    close_others(worker->acceptor, worker->acceptor_count, NULL, 0);
    worker->service = NULL;
    loop_defer_cancel(&worker->retirement);
    retire_services(&worker->retirement);
    if (worker->spare_fd >= 0) close(worker->spare_fd);
    loop_timer_destroy(worker->pause);
    loop_timer_destroy(worker->drain);
    loop_timer_destroy(worker->tick);
    connection_set_destroy(worker->connections);
    spool_pool_destroy(worker->spools);
    rule_scratch_destroy(worker->rule_scratch);
    loop_destroy(worker->loop);
    free(worker);
}
