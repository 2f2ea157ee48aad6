#include "http/domain_stats.h"
#include <pthread.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include "base/ascii.h"
#include "base/endpoint.h"
#include "http/stats_table.h"
#include "verifier/domain_name.h"

enum { CACHE_LINE = 64, BATCH_OCTETS = 16 * 1024 };

struct domain_stats_worker {
    alignas(CACHE_LINE)
        pthread_mutex_t lock; /* of used and batch; taken after domain_stats.lock, or that one only tried */
    size_t used;
    struct domain_stats *stats;
    struct domain_stats_worker *next; /* constant once linked */
    char batch[BATCH_OCTETS];         /* events, each with the octets of domain and selector behind it */
};

struct domain_stats {
    const struct clock *clock;
    pthread_mutex_t lock; /* of table and export */
    struct stats_table *table;
    struct domain_export *export;
    _Atomic(struct domain_stats_worker *) first; /* grows at the front and never shrinks */
};

struct domain_stats *domain_stats_create(unsigned exported_max, const struct clock *clock) {
    struct domain_stats *stats = calloc(1, sizeof *stats);
    if (stats == NULL) return NULL;
    stats->clock = clock;
    stats->table = stats_table_create();
    stats->export = domain_export_create(exported_max);
    if (stats->table == NULL || stats->export == NULL || pthread_mutex_init(&stats->lock, NULL) != 0) {
        stats_table_destroy(stats->table);
        domain_export_destroy(stats->export);
        free(stats);
        return NULL;
    }
    return stats;
}

void domain_stats_destroy(struct domain_stats *stats) {
    if (stats == NULL) return;
    for (struct domain_stats_worker *worker = atomic_load(&stats->first), *next; worker != NULL; worker = next) {
        next = worker->next;
        pthread_mutex_destroy(&worker->lock);
        free(worker);
    }
    stats_table_destroy(stats->table);
    domain_export_destroy(stats->export);
    pthread_mutex_destroy(&stats->lock);
    free(stats);
}

bool domain_stats_always_export(struct domain_stats *stats, struct span domain) {
    char name[DOMAIN_NAME_MAX];
    size_t len = domain_name_write(domain, true, name);
    if (len == 0) return false;
    pthread_mutex_lock(&stats->lock);
    bool ok = domain_export_always(stats->export, stats->table, (struct span){name, len});
    pthread_mutex_unlock(&stats->lock);
    return ok;
}

struct domain_stats_worker *domain_stats_worker_create(struct domain_stats *stats) {
    struct domain_stats_worker *worker = stats != NULL ? aligned_alloc(CACHE_LINE, sizeof *worker) : NULL;
    if (worker == NULL) return NULL;
    worker->used = 0;
    worker->stats = stats;
    if (pthread_mutex_init(&worker->lock, NULL) != 0) return free(worker), NULL;
    worker->next = atomic_load(&stats->first);
    while (!atomic_compare_exchange_weak(&stats->first, &worker->next, worker)) {}
    return worker;
}

/* --- Batches. Both locks are held where a batch is counted. --- */

static void count_batch(struct domain_stats_worker *worker) {
    const char *at = worker->batch;
    while (at < worker->batch + worker->used) {
        struct stats_event event;
        memcpy(&event, at, sizeof event);
        event.domain.ptr = at + sizeof event;
        event.selector.ptr = event.domain.ptr + event.domain.len;
        stats_table_add(worker->stats->table, &event);
        at = event.selector.ptr + event.selector.len;
    }
    worker->used = 0;
}

static void append(struct domain_stats_worker *worker, const struct stats_event *event) {
    char *at = worker->batch + worker->used;
    memcpy(at, event, sizeof *event);
    at += sizeof *event;
    if (event->domain.len > 0) memcpy(at, event->domain.ptr, event->domain.len);
    if (event->selector.len > 0) memcpy(at + event->domain.len, event->selector.ptr, event->selector.len);
    worker->used += sizeof *event + event->domain.len + event->selector.len;
}

/* Only the worker's own thread appends: what it found not to fit fits once the batch was counted. */
static void add_event(struct domain_stats_worker *worker, struct stats_event *event) {
    struct domain_stats *stats = worker->stats;
    event->time_s = clock_unix_s(stats->clock);
    pthread_mutex_lock(&worker->lock);
    if (worker->used + sizeof *event + event->domain.len + event->selector.len > BATCH_OCTETS) {
        pthread_mutex_unlock(&worker->lock); /* the table's lock comes first */
        pthread_mutex_lock(&stats->lock);
        pthread_mutex_lock(&worker->lock);
        count_batch(worker);
        pthread_mutex_unlock(&stats->lock);
    }
    append(worker, event);
    if (worker->used > BATCH_OCTETS / 2 && pthread_mutex_trylock(&stats->lock) == 0) {
        count_batch(worker);
        pthread_mutex_unlock(&stats->lock);
    }
    pthread_mutex_unlock(&worker->lock);
}

void domain_stats_add(struct domain_stats_worker *worker, struct span domain, bool has_key, enum domain_result result) {
    char name[DOMAIN_NAME_MAX];
    if (worker == NULL) return;
    struct stats_event event = {.result = result, .cause = CAUSE_NONE, .has_key = has_key};
    event.domain = (struct span){name, domain_name_write(domain, true, name)}; /* with a dot: none is called "other" */
    add_event(worker, &event);
}

/* In lower case, as names of the DNS compare; longer ones than the table takes have no entry of their own. */
static struct span selector_of(const struct dkim_result *signature, char room[STATS_KEY_SELECTOR_MAX]) {
    if (signature->selector.len > STATS_KEY_SELECTOR_MAX) return (struct span){room, 0};
    for (size_t i = 0; i < signature->selector.len; i++) room[i] = ascii_lower(signature->selector.ptr[i]);
    return (struct span){room, signature->selector.len};
}

static bool read_client(const char *text, uint8_t client[STATS_CLIENT_OCTETS]) {
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    struct network network;
    if (text == NULL || !network_parse(text, &network)) return false;
    if (network.is_v4) memcpy(client, mapped, sizeof mapped);
    memcpy(client + (network.is_v4 ? sizeof mapped : 0), network.address, network.is_v4 ? 4 : STATS_CLIENT_OCTETS);
    return true;
}

void domain_stats_add_signature(struct domain_stats_worker *worker, const struct dkim_result *signature) {
    domain_stats_add_signature_from(worker, signature, NULL);
}

void domain_stats_add_signature_from(struct domain_stats_worker *worker, const struct dkim_result *signature, const char *client) {
    char selector[STATS_KEY_SELECTOR_MAX], name[DOMAIN_NAME_MAX];
    if (worker == NULL) return;
    struct stats_event event = {
        .result = domain_result_of(signature->result),
        .cause = dkim_code_cause(signature->code),
        .has_dnssec = signature->has_key_answer,
        .dnssec = signature->dnssec,
        .has_key = signature->records_tried > 0,
        .has_fingerprint = signature->has_key_fingerprint,
        .testing = signature->testing,
        .revoked = signature->code == DKIM_KEY_REVOKED,
        .algorithm = signature->key_algorithm,
        .bits = (uint16_t)(signature->key_bits < UINT16_MAX ? signature->key_bits : UINT16_MAX),
        .selector = selector_of(signature, selector),
    };
    event.domain = (struct span){name, domain_name_write(signature->domain, true, name)};
    event.has_client = read_client(client, event.client);
    if (event.has_fingerprint) memcpy(event.fingerprint, signature->key_fingerprint, sizeof event.fingerprint);
    add_event(worker, &event);
}

/* --- Reading. --- */

struct stats_table *domain_stats_lock(struct domain_stats *stats, int64_t *now_s) {
    pthread_mutex_lock(&stats->lock);
    for (struct domain_stats_worker *worker = atomic_load(&stats->first); worker != NULL; worker = worker->next) {
        pthread_mutex_lock(&worker->lock);
        count_batch(worker);
        pthread_mutex_unlock(&worker->lock);
    }
    *now_s = clock_unix_s(stats->clock);
    return stats->table;
}

void domain_stats_unlock(struct domain_stats *stats) { pthread_mutex_unlock(&stats->lock); }

bool domain_stats_export(struct domain_stats *stats, struct domain_report *report) {
    int64_t now_s;
    struct stats_table *table = domain_stats_lock(stats, &now_s);
    bool ok = domain_export_run(stats->export, table, clock_monotonic_us(stats->clock), report);
    domain_stats_unlock(stats);
    return ok;
}
