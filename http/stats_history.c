#include "http/stats_history.h"
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "base/log.h"
#include "base/metrics.h"
#include "http/domain_stats.h"
#include "http/stats_batch.h"
#include "http/stats_store.h"
#include "http/stats_table.h"

enum { PRUNE_EVERY_S = 3600 };

struct stats_history {
    struct stats_history_setup setup;
    char *path;
    struct stats_store *store;
    struct metrics_worker *counters; /* of the thread */
    bool is_failing;                 /* as the log knows it */
    int64_t pruned_s;
    uint32_t retry_minute; /* from here on, what a lost batch had must be written once more; STATS_NO_TIME: nothing */
    pthread_t thread;
    pthread_mutex_t lock; /* of is_ending */
    pthread_cond_t ending;
    bool is_ending;
};

static void tell(struct stats_history *history, bool failed) {
    struct log_line line;
    if (failed) metrics_count(history->counters, METRIC_HISTORY_ERRORS, 0, 0);
    if (failed == history->is_failing) return;
    history->is_failing = failed;
    log_begin(&line, failed ? LOG_LEVEL_ERROR : LOG_LEVEL_INFO, "history");
    log_text(&line, "file", history->path);
    log_text(&line, "result", failed ? "not kept; mail and statistics go on, the file is tried again" : "kept again");
    if (failed) log_text(&line, "error", stats_store_error(history->store));
    log_end(&line);
}

/* --- Writing. --- */

static bool write_all(struct stats_store *store, const struct stats_batch *batch) {
    bool ok = true;
    for (size_t i = 0; ok && i < batch->count_count; i++) ok = stats_store_put_count(store, &batch->counts[i]);
    for (size_t i = 0; ok && i < batch->domain_count; i++) ok = stats_store_put_domain(store, &batch->domains[i]);
    for (size_t i = 0; ok && i < batch->key_count; i++) ok = stats_store_put_key(store, &batch->keys[i]);
    return ok;
}

static bool prune(struct stats_history *history, int64_t now_s) {
    if (now_s < history->pruned_s + PRUNE_EVERY_S && now_s >= history->pruned_s) return true;
    if (!stats_store_prune(history->store, now_s - 60 * (STATS_MINUTES + 1),
                           now_s - history->setup.retention_ms / 1000))
        return false;
    history->pruned_s = now_s;
    return true;
}

/* One transaction. After a failure the file is closed: the next batch finds out whether it is another one by then. */
static void write_batch(struct stats_history *history) {
    struct stats_batch batch;
    int64_t now_s;
    struct stats_table *table = domain_stats_lock(history->setup.stats, &now_s);
    bool taken = stats_batch_take(&batch, table, history->retry_minute);
    domain_stats_unlock(history->setup.stats);
    if (!taken) return; /* no memory: the marks are as they were */
    struct stats_store *store = history->store;
    bool ok = stats_store_open(store) && stats_store_begin(store) && write_all(store, &batch) &&
              prune(history, now_s) && stats_store_commit(store);
    if (!ok) stats_store_close(store);
    tell(history, !ok);
    history->retry_minute = ok ? STATS_NO_TIME : batch.first_minute;
    stats_batch_release(&batch);
}

static bool wait_for_turn(struct stats_history *history) {
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += history->setup.interval_ms / 1000;
    until.tv_nsec += history->setup.interval_ms % 1000 * 1000000;
    if (until.tv_nsec >= 1000000000) until.tv_sec++, until.tv_nsec -= 1000000000;
    pthread_mutex_lock(&history->lock);
    while (!history->is_ending && pthread_cond_timedwait(&history->ending, &history->lock, &until) != ETIMEDOUT) {}
    bool goes_on = !history->is_ending;
    pthread_mutex_unlock(&history->lock);
    return goes_on;
}

static void *run(void *arg) {
    struct stats_history *history = arg;
    while (wait_for_turn(history)) write_batch(history);
    write_batch(history);
    return NULL;
}

/* --- Life. --- */

static void restore(struct stats_history *history) {
    int64_t now_s;
    bool ok = stats_store_open(history->store);
    if (ok) {
        struct stats_table *table = domain_stats_lock(history->setup.stats, &now_s);
        ok = stats_batch_restore(history->store, table, now_s);
        domain_stats_unlock(history->setup.stats);
    }
    if (!ok) stats_store_close(history->store);
    tell(history, !ok);
}

/* Signals are for the daemon's main thread. */
static bool start_thread(struct stats_history *history) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    bool ok = pthread_create(&history->thread, NULL, run, history) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return ok;
}

static bool init_waiting(struct stats_history *history) {
    pthread_condattr_t attributes;
    if (pthread_mutex_init(&history->lock, NULL) != 0) return false;
    bool has_attributes = pthread_condattr_init(&attributes) == 0;
    bool ok = has_attributes && pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0 &&
              pthread_cond_init(&history->ending, &attributes) == 0;
    if (has_attributes) pthread_condattr_destroy(&attributes);
    if (!ok) pthread_mutex_destroy(&history->lock);
    return ok;
}

static void release(struct stats_history *history) {
    stats_store_destroy(history->store);
    free(history->path);
    free(history);
}

struct stats_history *stats_history_create(const struct stats_history_setup *setup) {
    struct stats_history *history = calloc(1, sizeof *history);
    if (history == NULL) return NULL;
    history->setup = *setup;
    history->path = strdup(setup->path);
    history->store = history->path != NULL ? stats_store_create(history->path) : NULL;
    if (history->store == NULL || !init_waiting(history)) return release(history), NULL;
    history->counters = metrics_worker_create(setup->metrics); /* from here on the thread's, once it runs */
    restore(history);
    if (start_thread(history)) return history;
    pthread_cond_destroy(&history->ending);
    pthread_mutex_destroy(&history->lock);
    return release(history), NULL;
}

void stats_history_destroy(struct stats_history *history) {
    if (history == NULL) return;
    pthread_mutex_lock(&history->lock);
    history->is_ending = true;
    pthread_cond_signal(&history->ending);
    pthread_mutex_unlock(&history->lock);
    pthread_join(history->thread, NULL);
    pthread_cond_destroy(&history->ending);
    pthread_mutex_destroy(&history->lock);
    release(history);
}
