#include "http/domain_stats.h"
#include <assert.h>
#include <pthread.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdlib.h>
#include "base/arena.h"
#include "http/space_saving.h"
#include "verifier/domain_name.h"
#include "verifier/result.h"

_Static_assert((int)DOMAIN_RESULT_COUNT == (int)SPACE_SAVING_COUNTS, "one count a result");

enum { CACHE_LINE = 64, COUNTS_SIZE = sizeof(uint64_t[DOMAIN_RESULT_COUNT]) };
static const int64_t DAY_US = INT64_C(24) * 3600 * 1000000;

struct domain_stats_worker {
    alignas(CACHE_LINE) pthread_mutex_t lock; /* of all below but next; taken after domain_stats.lock */
    struct space_saving *table;
    uint64_t total[DOMAIN_RESULT_COUNT]; /* of all signatures, with slot or without */
    struct domain_stats_worker *next;    /* constant once linked */
};

/* A domain with series of its own. It shows its counts in all tables, plus carry. */
struct exported {
    struct span domain; /* owned */
    uint64_t hash;
    uint64_t carry[DOMAIN_RESULT_COUNT]; /* modulo 2^64: less what other had shown, plus what a lost slot had counted */
    int64_t since_us;
    struct merged *seen; /* in the snapshot, during an export; NULL: in no table */
};

struct domain_stats {
    unsigned exported_max;
    const struct clock *clock;
    pthread_mutex_t lock; /* of exported, exported_count and halved_us: one reader at a time */
    struct exported *exported;
    unsigned exported_count;
    int64_t halved_us;
    _Atomic(struct domain_stats_worker *) first; /* grows at the front and never shrinks */
};

const char *domain_result_word(enum domain_result result) {
#define X(id, word) [id] = word,
    static const char *const words[] = {DOMAIN_RESULTS(X)};
#undef X
    return words[result];
}

struct domain_stats *domain_stats_create(unsigned exported_max, const struct clock *clock) {
    assert(exported_max <= DOMAIN_STATS_EXPORTED_MAX);
    struct domain_stats *stats = calloc(1, sizeof *stats);
    if (stats == NULL) return NULL;
    stats->exported = calloc(exported_max > 0 ? exported_max : 1, sizeof *stats->exported);
    if (stats->exported == NULL || pthread_mutex_init(&stats->lock, NULL) != 0) {
        free(stats->exported);
        free(stats);
        return NULL;
    }
    stats->exported_max = exported_max;
    stats->clock = clock;
    stats->halved_us = clock_monotonic_us(clock);
    return stats;
}

static void destroy_worker(struct domain_stats_worker *worker) {
    space_saving_destroy(worker->table);
    pthread_mutex_destroy(&worker->lock);
    free(worker);
}

static void forget(struct exported *exported) { free((char *)(uintptr_t)exported->domain.ptr); }

void domain_stats_destroy(struct domain_stats *stats) {
    if (stats == NULL) return;
    for (struct domain_stats_worker *worker = atomic_load(&stats->first), *next; worker != NULL; worker = next) {
        next = worker->next;
        destroy_worker(worker);
    }
    for (unsigned i = 0; i < stats->exported_count; i++) forget(&stats->exported[i]);
    free(stats->exported);
    pthread_mutex_destroy(&stats->lock);
    free(stats);
}

struct domain_stats_worker *domain_stats_worker_create(struct domain_stats *stats) {
    struct domain_stats_worker *worker = stats != NULL ? aligned_alloc(CACHE_LINE, sizeof *worker) : NULL;
    if (worker == NULL) return NULL;
    *worker = (struct domain_stats_worker){.table = space_saving_create(DOMAIN_STATS_SLOTS)};
    if (worker->table == NULL || pthread_mutex_init(&worker->lock, NULL) != 0) {
        space_saving_destroy(worker->table);
        free(worker);
        return NULL;
    }
    worker->next = atomic_load(&stats->first);
    while (!atomic_compare_exchange_weak(&stats->first, &worker->next, worker)) { }
    return worker;
}

void domain_stats_add(struct domain_stats_worker *worker, struct span domain, bool has_key, enum domain_result result) {
    char name[DOMAIN_NAME_MAX];
    if (worker == NULL) return;
    size_t len = has_key ? domain_name_write(domain, true, name) : 0; /* with a dot: none is called "other" */
    pthread_mutex_lock(&worker->lock);
    worker->total[result]++;
    if (len > 0) space_saving_add(worker->table, (struct span){name, len}, result); /* false: it is in other, then */
    pthread_mutex_unlock(&worker->lock);
}

void domain_stats_add_signature(struct domain_stats_worker *worker, const struct dkim_result *signature) {
    enum domain_result result = signature->result == RESULT_PASS   ? DOMAIN_PASS
                                : signature->result == RESULT_FAIL ? DOMAIN_FAIL
                                                                   : DOMAIN_OTHER;
    domain_stats_add(worker, signature->domain, signature->records_tried > 0, result);
}

/* --- Reading: the workers' slots are copied one table after the other, then merged outside their locks. --- */

struct merged { /* one domain over all workers */
    struct span domain; /* in the arena */
    uint64_t hash, weight;
    uint64_t count[DOMAIN_RESULT_COUNT], noted[DOMAIN_RESULT_COUNT];
    struct exported *exported; /* NULL: it has no series */
};

struct stay { /* a slot as it was copied */
    struct domain_stats_worker *worker;
    uint64_t serial;
    bool is_pinned;
    size_t merged;
    uint64_t count[DOMAIN_RESULT_COUNT];
};

struct snapshot {
    struct arena *names;
    struct merged *merged;
    size_t merged_count, stay_count, room; /* room: of both arrays */
    struct stay *stays;
    uint32_t *index; /* hash table: number in merged plus 1, 0 is free */
    size_t index_mask;
    struct domain_stats_worker *first; /* newer workers wait for the next snapshot */
    uint64_t total[DOMAIN_RESULT_COUNT], evicted;
};

static void add_counts(uint64_t *to, const uint64_t *from) {
    for (size_t i = 0; i < DOMAIN_RESULT_COUNT; i++) to[i] += from[i];
}

static void subtract_counts(uint64_t *to, const uint64_t *from) {
    for (size_t i = 0; i < DOMAIN_RESULT_COUNT; i++) to[i] -= from[i];
}

static uint64_t sum_of(const uint64_t *count) { return count[DOMAIN_PASS] + count[DOMAIN_FAIL] + count[DOMAIN_OTHER]; }

static void snapshot_release(struct snapshot *snapshot) {
    arena_destroy(snapshot->names);
    free(snapshot->merged);
    free(snapshot->stays);
    free(snapshot->index);
}

static bool snapshot_init(struct snapshot *snapshot, struct domain_stats *stats) {
    *snapshot = (struct snapshot){.first = atomic_load(&stats->first)};
    for (struct domain_stats_worker *worker = snapshot->first; worker != NULL; worker = worker->next)
        snapshot->room += DOMAIN_STATS_SLOTS;
    for (snapshot->index_mask = 1; snapshot->index_mask < 2 * snapshot->room; snapshot->index_mask *= 2) { }
    snapshot->names = arena_create((snapshot->room + 1) * (DOMAIN_NAME_MAX + 32));
    snapshot->merged = malloc((snapshot->room + 1) * sizeof *snapshot->merged);
    snapshot->stays = malloc((snapshot->room + 1) * sizeof *snapshot->stays);
    snapshot->index = calloc(snapshot->index_mask--, sizeof *snapshot->index);
    return snapshot->names != NULL && snapshot->merged != NULL && snapshot->stays != NULL && snapshot->index != NULL;
}

/* The place in the index of domain: its number plus 1 stands there, or 0. */
static uint32_t *index_of(const struct snapshot *snapshot, struct span domain, uint64_t hash) {
    size_t at = hash & snapshot->index_mask;
    for (; snapshot->index[at] != 0; at = (at + 1) & snapshot->index_mask) {
        const struct merged *merged = &snapshot->merged[snapshot->index[at] - 1];
        if (merged->hash == hash && span_equal(merged->domain, domain)) break;
    }
    return &snapshot->index[at];
}

/* Adds the slot's domain and counts. False: no memory. */
static bool merge_slot(struct snapshot *snapshot, struct domain_stats_worker *worker, const struct space_saving_slot *slot) {
    struct span domain = {slot->name, slot->name_len};
    uint32_t *at = index_of(snapshot, domain, slot->hash);
    if (*at == 0) {
        domain = arena_copy(snapshot->names, domain);
        if (domain.ptr == NULL) return false;
        snapshot->merged[snapshot->merged_count] = (struct merged){.domain = domain, .hash = slot->hash};
        *at = (uint32_t)++snapshot->merged_count;
    }
    struct merged *merged = &snapshot->merged[*at - 1];
    struct stay *stay = &snapshot->stays[snapshot->stay_count++];
    *stay = (struct stay){worker, slot->serial, slot->is_pinned, *at - 1, {0}};
    memcpy(stay->count, slot->count, COUNTS_SIZE);
    add_counts(merged->count, slot->count);
    add_counts(merged->noted, slot->noted);
    merged->weight += space_saving_weight(worker->table, slot);
    return true;
}

/* Copies all slots. is_export: notes in each slot what is shown from now on, be it in other or in a series. */
static bool snapshot_take(struct snapshot *snapshot, struct domain_stats *stats, bool is_export, bool halve) {
    bool ok = snapshot_init(snapshot, stats);
    for (struct domain_stats_worker *worker = snapshot->first; ok && worker != NULL; worker = worker->next) {
        pthread_mutex_lock(&worker->lock);
        for (uint32_t i = 0; ok && i < space_saving_count(worker->table); i++) {
            struct space_saving_slot *slot = space_saving_at(worker->table, i);
            ok = merge_slot(snapshot, worker, slot);
            if (is_export) memcpy(slot->noted, slot->count, COUNTS_SIZE);
        }
        if (ok && halve) space_saving_halve(worker->table);
        add_counts(snapshot->total, worker->total);
        snapshot->evicted += space_saving_evictions(worker->table);
        pthread_mutex_unlock(&worker->lock);
    }
    if (!ok) snapshot_release(snapshot);
    return ok;
}

/* Names and arrays of the snapshot that the report needs go to it, the rest is freed. */
static void report_finish(struct domain_report *report, struct snapshot *snapshot) {
    memcpy(report->total, snapshot->total, COUNTS_SIZE);
    memcpy(report->other, snapshot->total, COUNTS_SIZE);
    for (size_t i = 0; i < report->row_count; i++) subtract_counts(report->other, report->rows[i].count);
    report->tracked = snapshot->merged_count;
    report->evicted = snapshot->evicted;
    report->names = snapshot->names;
    snapshot->names = NULL;
    snapshot_release(snapshot);
}

void domain_report_release(struct domain_report *report) {
    arena_destroy(report->names);
    free(report->rows);
    *report = (struct domain_report){0};
}

/* Positive when a comes behind b in a descending order. */
static int descending(uint64_t a, uint64_t b) { return (a < b) - (a > b); }

static int by_name(struct span a, struct span b) {
    int order = memcmp(a.ptr, b.ptr, a.len < b.len ? a.len : b.len);
    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

static int by_signatures(const void *a, const void *b) {
    const struct merged *x = a, *y = b;
    int order = descending(sum_of(x->count), sum_of(y->count));
    return order != 0 ? order : by_name(x->domain, y->domain);
}

static int by_failures(const void *a, const void *b) {
    const struct merged *x = a, *y = b;
    int order = descending(x->count[DOMAIN_FAIL], y->count[DOMAIN_FAIL]);
    return order != 0 ? order : by_signatures(a, b);
}

bool domain_stats_list(struct domain_stats *stats, enum domain_order order, size_t limit, struct domain_report *report) {
    struct snapshot snapshot;
    *report = (struct domain_report){0};
    if (!snapshot_take(&snapshot, stats, false, false)) return false;
    if (limit > snapshot.merged_count) limit = snapshot.merged_count;
    report->rows = malloc((limit + 1) * sizeof *report->rows);
    if (report->rows == NULL) return snapshot_release(&snapshot), false;
    qsort(snapshot.merged, snapshot.merged_count, sizeof *snapshot.merged, order == DOMAIN_BY_FAILURES ? by_failures : by_signatures);
    for (const struct merged *from = snapshot.merged; report->row_count < limit; from++) {
        struct domain_row *row = &report->rows[report->row_count++];
        row->domain = from->domain;
        memcpy(row->count, from->count, COUNTS_SIZE);
    }
    report_finish(report, &snapshot);
    return true;
}

/* --- Which domains are exported. All of this under domain_stats.lock. --- */

static void find_exported(struct domain_stats *stats, struct snapshot *snapshot) {
    for (struct exported *exported = stats->exported; exported < stats->exported + stats->exported_count; exported++) {
        uint32_t at = *index_of(snapshot, exported->domain, exported->hash);
        exported->seen = at > 0 ? &snapshot->merged[at - 1] : NULL;
        if (exported->seen != NULL) exported->seen->exported = exported;
    }
}

static int by_weight(const void *a, const void *b) {
    const struct merged *x = *(struct merged *const *)a, *y = *(struct merged *const *)b;
    int order = descending(x->weight, y->weight);
    return order != 0 ? order : by_name(x->domain, y->domain);
}

/* Domains without series, the heaviest first; the caller frees the array. NULL: none, or no memory. */
static struct merged **sort_candidates(struct snapshot *snapshot, size_t *count) {
    struct merged **candidates = malloc((snapshot->merged_count + 1) * sizeof *candidates);
    *count = 0;
    if (candidates == NULL) return NULL;
    for (struct merged *merged = snapshot->merged; merged < snapshot->merged + snapshot->merged_count; merged++)
        if (merged->exported == NULL) candidates[(*count)++] = merged;
    qsort(candidates, *count, sizeof *candidates, by_weight);
    return candidates;
}

/* Gives merged the place; what other has shown of it stays in other. False: no memory, the place is as it was. */
static bool take_place(struct exported *place, struct merged *merged, int64_t now_us) {
    char *copy = malloc(merged->domain.len);
    if (copy == NULL) return false;
    memcpy(copy, merged->domain.ptr, merged->domain.len);
    *place = (struct exported){{copy, merged->domain.len}, merged->hash, {0}, now_us, merged};
    subtract_counts(place->carry, merged->noted);
    merged->exported = place;
    return true;
}

static uint64_t weight_of(const struct exported *exported) { return exported->seen != NULL ? exported->seen->weight : 0; }

/* The lightest domain whose day is over; NULL when there is none. */
static struct exported *find_replaceable(struct domain_stats *stats, int64_t now_us) {
    struct exported *lightest = NULL;
    for (struct exported *at = stats->exported; at < stats->exported + stats->exported_count; at++)
        if (now_us - at->since_us >= DAY_US && (lightest == NULL || weight_of(at) < weight_of(lightest))) lightest = at;
    return lightest;
}

static void fill_free_places(struct domain_stats *stats, struct merged **candidates, size_t count, int64_t now_us) {
    unsigned open_places = stats->exported_max - stats->exported_max / 4;
    for (size_t i = 0; i < count && stats->exported_count < stats->exported_max; i++) {
        bool earned = sum_of(candidates[i]->count) >= DOMAIN_STATS_EARNED;
        if ((stats->exported_count < open_places || earned) &&
            take_place(&stats->exported[stats->exported_count], candidates[i], now_us))
            stats->exported_count++;
    }
}

static void replace_lighter(struct domain_stats *stats, struct merged **candidates, size_t count, int64_t now_us) {
    for (size_t i = 0; i < count; i++) {
        if (candidates[i]->exported != NULL) continue;
        struct exported *place = find_replaceable(stats, now_us);
        if (place == NULL || weight_of(place) >= candidates[i]->weight) return; /* those that follow are lighter still */
        struct exported before = *place;
        if (!take_place(place, candidates[i], now_us)) return;
        if (before.seen != NULL) before.seen->exported = NULL;
        forget(&before);
    }
}

static void choose_exported(struct domain_stats *stats, struct snapshot *snapshot, int64_t now_us) {
    size_t count;
    struct merged **candidates = sort_candidates(snapshot, &count);
    if (candidates == NULL) return; /* no change this time */
    fill_free_places(stats, candidates, count, now_us);
    if (stats->exported_count == stats->exported_max) replace_lighter(stats, candidates, count, now_us);
    free(candidates);
}

static int rows_by_name(const void *a, const void *b) {
    return by_name(((const struct domain_row *)a)->domain, ((const struct domain_row *)b)->domain);
}

/* False: no memory for a name. */
static bool fill_rows(struct domain_stats *stats, struct snapshot *snapshot, struct domain_report *report) {
    for (const struct exported *exported = stats->exported; exported < stats->exported + stats->exported_count; exported++) {
        struct span domain = arena_copy(snapshot->names, exported->domain);
        if (domain.ptr == NULL) return false;
        struct domain_row *row = &report->rows[report->row_count++];
        row->domain = domain;
        memcpy(row->count, exported->carry, COUNTS_SIZE);
        if (exported->seen != NULL) add_counts(row->count, exported->seen->count);
    }
    qsort(report->rows, report->row_count, sizeof *report->rows, rows_by_name);
    return true;
}

/* An exported domain's slots are pinned, so that its series never goes back; those of the others are set free. A slot that
 * was lost since it was copied leaves what it had counted, and has been shown, to the domain's carry. */
static void pin_exported(struct snapshot *snapshot) {
    for (struct stay *stay = snapshot->stays; stay < snapshot->stays + snapshot->stay_count; stay++) {
        const struct merged *merged = &snapshot->merged[stay->merged];
        if ((merged->exported != NULL) == stay->is_pinned) continue;
        pthread_mutex_lock(&stay->worker->lock);
        struct space_saving_slot *slot = space_saving_find(stay->worker->table, merged->domain);
        bool is_same = slot != NULL && slot->serial == stay->serial;
        if (is_same) space_saving_pin(stay->worker->table, slot, !stay->is_pinned);
        pthread_mutex_unlock(&stay->worker->lock);
        if (!is_same && merged->exported != NULL) add_counts(merged->exported->carry, stay->count);
    }
}

bool domain_stats_export(struct domain_stats *stats, struct domain_report *report) {
    struct snapshot snapshot;
    int64_t now_us = clock_monotonic_us(stats->clock);
    *report = (struct domain_report){.rows = malloc((stats->exported_max + 1) * sizeof *report->rows)};
    if (report->rows == NULL) return false;
    pthread_mutex_lock(&stats->lock);
    bool halve = now_us - stats->halved_us >= DAY_US;
    bool ok = snapshot_take(&snapshot, stats, true, halve);
    if (ok) {
        if (halve) stats->halved_us = now_us;
        find_exported(stats, &snapshot);
        choose_exported(stats, &snapshot, now_us);
        ok = fill_rows(stats, &snapshot, report);
        pin_exported(&snapshot);
        report_finish(report, &snapshot);
    }
    pthread_mutex_unlock(&stats->lock);
    if (!ok) domain_report_release(report);
    return ok;
}
