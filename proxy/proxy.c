#include "proxy/proxy.h"
#include <assert.h>
#include <errno.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/metrics.h"
#include "proxy/address_limit.h"
#include "proxy/generation.h"
#include "proxy/key_supply.h"
#include "proxy/listener.h"
#include "proxy/maildir.h"
#include "proxy/tester_supply.h"
#include "proxy/spool.h"
#include "proxy/worker.h"
#include "rules/replay_counter.h"
#include "verifier/public_key.h"

enum {
    MAILDIR_THREADS = 4,
};

struct proxy {
    struct worker_shared shared;
    struct generation *generation;
    struct named_counts *rule_counts; /* may be NULL */
    struct worker **worker;
    size_t worker_count;
    int *fd; /* listening sockets: worker after worker for each listener of generation */
    struct endpoint *given; /* whose sockets somebody else opened: their files are his to remove */
    size_t given_count;
    atomic_bool is_serving;
    bool is_started;
    struct tester_supply *tester_supply; /* NULL: no tester */
};

static void complain(char **error, const char *text) {
    if (*error == NULL) *error = strdup(text);
}

/* -- parts -- */

static unsigned worker_count_of(const struct options *options) {
    cpu_set_t set;
    if (options->workers > 0) return (unsigned)options->workers;
    return sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) > 0 ? (unsigned)CPU_COUNT(&set) : 1;
}

static int open_folder(const char *path, uid_t owner, char **error) {
    int fd = spool_directory_open(path, owner);
    if (fd < 0 && asprintf(error, "spool directory %s: %s", path, strerrordesc_np(errno)) < 0) *error = NULL;
    return fd;
}

/* What is configured must work; by default the system's place, else one of our own. */
static int open_spool_directory(const struct options *options, uid_t owner, char **error) {
    char own[256];
    const char *temporary = getenv("TMPDIR");
    if (options->spool_directory != NULL && options->spool_directory[0] != '\0')
        return open_folder(options->spool_directory, owner, error);
    int fd = spool_directory_open("/var/spool/sceau", owner);
    if (fd >= 0) return fd;
    (void)snprintf(own, sizeof own, "%s/sceau-spool-%u", temporary != NULL ? temporary : "/tmp", (unsigned)owner);
    return open_folder(own, owner, error);
}

static bool fill_shared(struct worker_shared *shared, const struct options *options, uid_t owner, char **error) {
    uint32_t random = 0;
    shared->clock = &clock_system;
    shared->memory.max = (uint64_t)options_message_memory(options);
    shared->spool_account.max = (uint64_t)options->spool_total_max;
    shared->spool_account.memory = &shared->memory;
    shared->spool_limits = (struct spool_limits){
        .message_max = UINT64_MAX, /* message_flow's to watch: a reload may change it */
        .memory_max = (uint64_t)options->spool_memory_max,
        .pool_memory_max = (uint64_t)options->spool_memory_worker_max,
    };
    shared->workers = worker_count_of(options);
    (void)!getrandom(&random, sizeof random, 0); /* without it ids begin at 0, which harms nobody */
    shared->id_base = (uint64_t)random << 24;
    shared->addresses = address_limit_create();
    shared->replays =
        replay_counter_create((size_t)options->replay_memory_max, (uint32_t)(options->replay_window_ms / 1000));
    shared->spool_directory = open_spool_directory(options, owner, error);
    return shared->spool_directory >= 0 && shared->addresses != NULL && shared->replays != NULL;
}

static bool create_workers(struct proxy *proxy) {
    proxy->worker = calloc(proxy->shared.workers, sizeof *proxy->worker);
    for (; proxy->worker != NULL && proxy->worker_count < proxy->shared.workers; proxy->worker_count++) {
        proxy->worker[proxy->worker_count] = worker_create(&proxy->shared, (unsigned)proxy->worker_count);
        if (proxy->worker[proxy->worker_count] == NULL) return false;
    }
    proxy->shared.worker = proxy->worker;
    return proxy->worker != NULL;
}

/* -- listeners -- */

/* The sockets that the proxy has for endpoint, NULL when it has none. */
static const int *sockets_of(const struct proxy *proxy, const struct endpoint *endpoint) {
    if (proxy->generation == NULL) return NULL;
    const struct options *options = proxy->generation->options;
    for (size_t i = 0; i < options->listener_count; i++)
        if (listener_same_address(&options->listener[i].listen, endpoint)) return proxy->fd + i * proxy->worker_count;
    return NULL;
}

static bool is_given(const struct proxy *proxy, const struct endpoint *endpoint) {
    for (size_t i = 0; i < proxy->given_count; i++)
        if (listener_same_address(&proxy->given[i], endpoint)) return true;
    return false;
}

static void remove_path(const struct proxy *proxy, const struct endpoint *endpoint) {
    if (endpoint->is_unix && !is_given(proxy, endpoint)) (void)unlink(endpoint->path);
}

/* Closes those of fd that are not the proxy's already. */
static void close_new(const struct proxy *proxy, const struct options *options, int *fd, size_t listeners) {
    for (size_t i = 0; i < listeners; i++) {
        if (sockets_of(proxy, &options->listener[i].listen) != NULL) continue;
        for (size_t w = 0; w < proxy->worker_count; w++) close(fd[i * proxy->worker_count + w]);
        remove_path(proxy, &options->listener[i].listen);
    }
    free(fd);
}

static bool is_listed_before(const struct options *options, size_t at) {
    for (size_t i = 0; i < at; i++)
        if (listener_same_address(&options->listener[i].listen, &options->listener[at].listen)) return true;
    return false;
}

/* Sockets for every listener of options: those that are open already, and new ones. NULL: *error says why. */
static int *open_listeners(const struct proxy *proxy, const struct options *options, const int *given, char **error) {
    size_t count = proxy->worker_count;
    int *fd = calloc(options->listener_count * count + 1, sizeof *fd);
    for (size_t i = 0; fd != NULL && i < options->listener_count; i++) {
        const struct listener_options *listener = &options->listener[i];
        const int *open = sockets_of(proxy, &listener->listen);
        if (open != NULL && !is_listed_before(options, i))
            memcpy(fd + i * count, open, count * sizeof *fd);
        else if (!listener_open(listener, given != NULL ? given[i] : -1, fd + i * count, count, error)) {
            close_new(proxy, options, fd, i);
            return NULL;
        }
    }
    return fd;
}

/* The workers close sockets that nobody uses any more; a unix socket's file is removed here. */
static void remove_paths(const struct proxy *proxy, const struct options *after) {
    const struct options *before = proxy->generation->options;
    for (size_t i = 0; i < before->listener_count; i++) {
        const struct endpoint *endpoint = &before->listener[i].listen;
        bool stays = !endpoint->is_unix;
        for (size_t k = 0; !stays && after != NULL && k < after->listener_count; k++)
            stays = listener_same_address(endpoint, &after->listener[k].listen);
        if (!stays) remove_path(proxy, endpoint);
    }
}

/* Before the workers have them. */
static void close_sockets(const struct proxy *proxy) {
    for (size_t i = 0; i < proxy->generation->options->listener_count * proxy->worker_count; i++) close(proxy->fd[i]);
}

/* False: no memory; some workers may have it in use all the same, so it counts as the proxy's. */
static bool use(struct proxy *proxy, struct generation *generation, int *fd) {
    size_t listeners = generation->options->listener_count;
    int *own = calloc(listeners + 1, sizeof *own);
    bool is_whole = own != NULL;
    for (size_t w = 0; is_whole && w < proxy->worker_count; w++) {
        for (size_t i = 0; i < listeners; i++) own[i] = fd[i * proxy->worker_count + w];
        is_whole = worker_use(proxy->worker[w], generation, own, listeners);
    }
    free(own);
    return is_whole;
}

/* -- the daemon's steps -- */

static struct generation *create_generation(struct proxy *proxy, struct options *options, char **error) {
    bool keeps = proxy->generation != NULL && key_supply_fits(proxy->generation->keys, options);
    struct key_supply *keys = keeps ? key_supply_acquire(proxy->generation->keys)
                                    : key_supply_create(options, proxy->shared.clock, proxy->shared.metrics, error);
    if (keys == NULL) return NULL;
    struct generation *generation = generation_create(options, keys, proxy->rule_counts, error);
    key_supply_release(keys);
    return generation;
}

static bool note_given(struct proxy *proxy, const struct proxy_setup *setup) {
    const struct options *options = setup->options;
    proxy->given = calloc(options->listener_count + 1, sizeof *proxy->given);
    for (size_t i = 0; proxy->given != NULL && setup->given != NULL && i < options->listener_count; i++)
        if (setup->given[i] >= 0) proxy->given[proxy->given_count++] = options->listener[i].listen;
    return proxy->given != NULL;
}

/* Else they would be root's, and its group's, for good. */
static bool give_away_sockets(const struct proxy *proxy, const struct proxy_setup *setup, char **error) {
    const struct options *options = setup->options;
    if (setup->owner == geteuid()) return true;
    for (size_t i = 0; i < options->listener_count; i++) {
        const struct endpoint *endpoint = &options->listener[i].listen;
        if (!endpoint->is_unix || is_given(proxy, endpoint)) continue;
        if (lchown(endpoint->path, setup->owner, setup->group) == 0) continue;
        if (asprintf(error, "listener \"%s\": unix:%s: %s", options->listener[i].name, endpoint->path,
                     strerrordesc_np(errno)) < 0)
            *error = NULL;
        return false;
    }
    return true;
}

static bool prepare(struct proxy *proxy, const struct proxy_setup *setup, char **error) {
    if (!fill_shared(&proxy->shared, setup->options, setup->owner, error) || !create_workers(proxy) ||
        !note_given(proxy, setup))
        return false;
    struct generation *generation = create_generation(proxy, setup->options, error);
    if (generation == NULL) return false;
    proxy->fd = open_listeners(proxy, setup->options, setup->given, error);
    if (proxy->fd != NULL)
        proxy->generation = generation;
    else
        generation_release(generation);
    return proxy->fd != NULL && give_away_sockets(proxy, setup, error);
}

struct proxy *proxy_create(const struct proxy_setup *setup, char **error) {
    struct proxy *proxy = calloc(1, sizeof *proxy);
    *error = NULL;
    if (proxy == NULL || !public_key_warm_up()) {
        complain(error, proxy == NULL ? "out of memory" : "OpenSSL cannot verify signatures");
        free(proxy);
        return NULL;
    }
    proxy->shared.metrics = setup->metrics;
    proxy->shared.domains = setup->domains;
    proxy->rule_counts = setup->rule_counts;
    proxy->shared.spool_directory = -1;
    if (prepare(proxy, setup, error)) return proxy;
    complain(error, "out of memory or descriptors");
    proxy_destroy(proxy);
    return NULL;
}

void proxy_use_tester(struct proxy *proxy, struct tester *tester, struct tester_supply *supply) {
    proxy->shared.tester = tester;
    proxy->tester_supply = supply;
}

/* The supply runs. */
static void supply_tester(struct proxy *proxy, const struct generation *generation) {
    if (proxy->tester_supply != NULL) tester_supply_use(proxy->tester_supply, generation->keys);
}

bool proxy_start(struct proxy *proxy, struct event_log *events, char **error) {
    *error = NULL;
    proxy->shared.events = events;
    proxy->shared.maildir = maildir_create(MAILDIR_THREADS, proxy->shared.clock);
    proxy->is_started = true;
    bool runs = proxy->shared.maildir != NULL && key_supply_start(proxy->generation->keys) &&
                use(proxy, proxy->generation, proxy->fd);
    for (size_t w = 0; runs && w < proxy->worker_count; w++) runs = worker_start(proxy->worker[w]);
    if (!runs) return complain(error, "cannot start the threads: out of memory or processes"), false;
    supply_tester(proxy, proxy->generation);
    atomic_store(&proxy->is_serving, true);
    return true;
}

/* The desk is made at the start, so a listener that wants it later has to wait for the next one. */
static bool has_what_it_takes(const struct proxy *proxy, const struct options *options, char **error) {
    for (size_t i = 0; i < options->listener_count; i++) {
        if (options->listener[i].downstream_kind != DOWNSTREAM_TESTER || proxy->shared.tester != NULL) continue;
        if (asprintf(error, "listener \"%s\": downstream = tester, which begins with a restart only", options->listener[i].name) < 0) *error = NULL;
        return false;
    }
    return true;
}

bool proxy_reload(struct proxy *proxy, struct options *options, char **error) {
    *error = NULL;
    if (!has_what_it_takes(proxy, options, error)) return complain(error, "out of memory"), false;
    struct generation *generation = create_generation(proxy, options, error);
    int *fd = generation != NULL ? open_listeners(proxy, options, NULL, error) : NULL;
    if (fd == NULL || !key_supply_start(generation->keys)) {
        complain(error, "out of memory or threads");
        if (fd != NULL) close_new(proxy, options, fd, options->listener_count);
        generation_release(generation);
        return false;
    }
    bool is_whole = use(proxy, generation, fd);
    supply_tester(proxy, generation);
    if (!is_whole) complain(error, "out of memory: some workers keep the configuration before");
    remove_paths(proxy, options);
    generation_release(proxy->generation);
    free(proxy->fd);
    proxy->generation = generation;
    proxy->fd = fd;
    return is_whole;
}

void proxy_drain(struct proxy *proxy) {
    atomic_store(&proxy->is_serving, false);
    atomic_store(&proxy->shared.is_draining, true);
    for (size_t w = 0; w < proxy->worker_count; w++)
        worker_drain(proxy->worker[w], proxy->generation->options->drain_timeout_ms);
}

void proxy_wait(struct proxy *proxy) {
    for (size_t w = 0; w < proxy->worker_count; w++) worker_join(proxy->worker[w]);
}

void proxy_destroy(struct proxy *proxy) {
    if (proxy == NULL) return;
    if (proxy->is_started) {
        proxy_drain(proxy);
        proxy_wait(proxy);
    }
    proxy->shared.workers = 0;              /* whatever still ends now, there is nobody to send home */
    maildir_destroy(proxy->shared.maildir); /* what was submitted is written before the sessions that wait for it go */
    for (size_t w = 0; w < proxy->worker_count; w++) worker_destroy(proxy->worker[w]);
    if (proxy->generation != NULL && !proxy->is_started) close_sockets(proxy);
    if (proxy->generation != NULL) remove_paths(proxy, NULL);
    generation_release(proxy->generation);
    address_limit_destroy(proxy->shared.addresses);
    replay_counter_destroy(proxy->shared.replays);
    if (proxy->shared.spool_directory >= 0) close(proxy->shared.spool_directory);
    free(proxy->worker);
    free(proxy->given);
    free(proxy->fd);
    free(proxy);
}

bool proxy_ready(const struct proxy *proxy) { return atomic_load(&proxy->is_serving); }
unsigned proxy_sessions(const struct proxy *proxy) { return atomic_load(&proxy->shared.sessions); }
