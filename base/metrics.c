#include "base/metrics.h"
#include <assert.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { CACHE_LINE = 64, METRIC_NONE_COUNT = 1 };
typedef _Atomic(uint64_t) cell;

#define BOUND_COUNT(...) (sizeof((uint64_t[]){__VA_ARGS__}) / sizeof(uint64_t))

/* All series of all families. A histogram has its buckets, that of +Inf and the sum, one label value after the other. */
#define COUNTER(id, name, unit, help, first, second) cell id[METRIC_##first##_COUNT * METRIC_##second##_COUNT];
#define GAUGE(id, name, unit, help) cell id[1];
#define HISTOGRAM(id, name, unit, per_unit, help, label, ...) cell id[METRIC_##label##_COUNT * (BOUND_COUNT(__VA_ARGS__) + 2)];
struct cells {
#include "base/metrics.def"
};
#undef COUNTER
#undef GAUGE
#undef HISTOGRAM

struct metrics_worker {
    alignas(CACHE_LINE) struct cells cells;
    alignas(CACHE_LINE) struct metrics_worker *next; /* constant once linked */
    atomic_bool is_free;
};

struct metrics {
    struct cells set; /* gauges that are set as a whole */
    _Atomic(struct metrics_worker *) first; /* grows at the front and never shrinks, so readers need no lock */
};

#define X(id, word) word,
#define L(id, text) static const char *const values_of_##id[] = {METRIC_VALUES_##id(X)};
METRIC_LABELS(L)
#undef L
#undef X

#define L(id, text) LABEL_##id,
enum label { LABEL_NONE, METRIC_LABELS(L) };
#undef L
#define L(id, text) [LABEL_##id] = {text, METRIC_##id##_COUNT, values_of_##id},
static const struct metric_label labels[] = {[LABEL_NONE] = {NULL, METRIC_NONE_COUNT, (const char *const[]){""}}, METRIC_LABELS(L)};
#undef L

#define COUNTER(id, name, unit, help, first, second)
#define GAUGE(id, name, unit, help)
#define HISTOGRAM(id, name, unit, per_unit, help, label, ...)                                                          \
    static const uint64_t bounds_of_##id[] = {__VA_ARGS__};                                                            \
    _Static_assert(BOUND_COUNT(__VA_ARGS__) <= METRIC_BOUNDS_MAX, name);
#include "base/metrics.def"
#undef COUNTER
#undef GAUGE
#undef HISTOGRAM

#define FIRST_CELL(id) (offsetof(struct cells, id) / sizeof(cell))
#define COUNTER(id, name, unit, help, first, second)                                                                   \
    {{METRIC_TYPE_COUNTER, name, unit, help, {&labels[LABEL_##first], &labels[LABEL_##second]}, 0, NULL, 1}, FIRST_CELL(id)},
#define GAUGE(id, name, unit, help)                                                                                    \
    {{METRIC_TYPE_GAUGE, name, unit, help, {&labels[LABEL_NONE], &labels[LABEL_NONE]}, 0, NULL, 1}, FIRST_CELL(id)},
#define HISTOGRAM(id, name, unit, per_unit, help, label, ...)                                                          \
    {{METRIC_TYPE_HISTOGRAM, name, unit, help, {&labels[LABEL_##label], &labels[LABEL_NONE]}, BOUND_COUNT(__VA_ARGS__),  \
      bounds_of_##id, per_unit}, FIRST_CELL(id)},
static const struct { struct metric_family family; size_t first_cell; } rows[] = {
#include "base/metrics.def"
};
#undef COUNTER
#undef GAUGE
#undef HISTOGRAM

const struct metric_family *metrics_family(enum metric metric) { return &rows[metric].family; }

static cell *cell_at(struct cells *cells, size_t index) { return (cell *)(void *)cells + index; }

struct metrics *metrics_create(void) { return calloc(1, sizeof(struct metrics)); }

void metrics_destroy(struct metrics *metrics) {
    if (metrics == NULL) return;
    struct metrics_worker *worker = atomic_load(&metrics->first);
    while (worker != NULL) {
        struct metrics_worker *next = worker->next;
        free(worker);
        worker = next;
    }
    free(metrics);
}

/* One that its thread gave back; NULL: there is none. */
static struct metrics_worker *take_free(struct metrics *metrics) {
    for (struct metrics_worker *worker = atomic_load(&metrics->first); worker != NULL; worker = worker->next) {
        bool is_free = true;
        if (atomic_compare_exchange_strong(&worker->is_free, &is_free, false)) return worker;
    }
    return NULL;
}

struct metrics_worker *metrics_worker_create(struct metrics *metrics) {
    struct metrics_worker *worker = metrics != NULL ? take_free(metrics) : NULL;
    if (metrics == NULL || worker != NULL) return worker;
    worker = aligned_alloc(CACHE_LINE, sizeof *worker);
    if (worker == NULL) return NULL;
    memset(worker, 0, sizeof *worker);
    worker->next = atomic_load(&metrics->first);
    while (!atomic_compare_exchange_weak(&metrics->first, &worker->next, worker)) { }
    return worker;
}

void metrics_worker_release(struct metrics_worker *worker) {
    if (worker != NULL) atomic_store(&worker->is_free, true);
}

/* Only this thread writes the cell: a plain addition, made visible whole. */
static void add(struct metrics_worker *worker, size_t index, uint64_t count) {
    cell *at = cell_at(&worker->cells, index);
    atomic_store_explicit(at, atomic_load_explicit(at, memory_order_relaxed) + count, memory_order_relaxed);
}

/* The number of the series of two label values within its family. */
static size_t series(const struct metric_family *family, unsigned first, unsigned second) {
    assert(first < family->label[0]->value_count && second < family->label[1]->value_count);
    return (size_t)first * family->label[1]->value_count + second;
}

void metrics_add(struct metrics_worker *worker, enum metric counter, unsigned first, unsigned second, uint64_t count) {
    assert(rows[counter].family.type == METRIC_TYPE_COUNTER);
    if (worker != NULL) add(worker, rows[counter].first_cell + series(&rows[counter].family, first, second), count);
}

void metrics_count(struct metrics_worker *worker, enum metric counter, unsigned first, unsigned second) {
    metrics_add(worker, counter, first, second, 1);
}

static size_t histogram_cell(enum metric histogram, unsigned first) {
    const struct metric_family *family = &rows[histogram].family;
    assert(family->type == METRIC_TYPE_HISTOGRAM);
    return rows[histogram].first_cell + series(family, first, 0) * (family->bound_count + 2);
}

void metrics_observe(struct metrics_worker *worker, enum metric histogram, unsigned first, uint64_t value) {
    const struct metric_family *family = &rows[histogram].family;
    size_t bucket = 0, from = histogram_cell(histogram, first);
    if (worker == NULL) return;
    while (bucket < family->bound_count && value > family->bounds[bucket]) bucket++; /* le: the bound belongs to it */
    add(worker, from + bucket, 1);
    add(worker, from + family->bound_count + 1, value);
}

void metrics_move(struct metrics_worker *worker, enum metric gauge, int64_t by) {
    assert(rows[gauge].family.type == METRIC_TYPE_GAUGE);
    if (worker != NULL) add(worker, rows[gauge].first_cell, (uint64_t)by); /* modulo 2^64, as is the sum */
}

void metrics_set(struct metrics *metrics, enum metric gauge, int64_t value) {
    assert(rows[gauge].family.type == METRIC_TYPE_GAUGE);
    if (metrics == NULL) return;
    atomic_store_explicit(cell_at(&metrics->set, rows[gauge].first_cell), (uint64_t)value, memory_order_relaxed);
}

static uint64_t sum(const struct metrics *metrics, size_t index) {
    /* The list is only ever read here; C has no atomic load from a const object before C23. */
    struct metrics *readable = (struct metrics *)(uintptr_t)metrics;
    uint64_t total = atomic_load_explicit(cell_at(&readable->set, index), memory_order_relaxed);
    for (struct metrics_worker *worker = atomic_load(&readable->first); worker != NULL; worker = worker->next)
        total += atomic_load_explicit(cell_at(&worker->cells, index), memory_order_relaxed);
    return total;
}

uint64_t metrics_counter(const struct metrics *metrics, enum metric counter, unsigned first, unsigned second) {
    assert(rows[counter].family.type == METRIC_TYPE_COUNTER);
    return sum(metrics, rows[counter].first_cell + series(&rows[counter].family, first, second));
}

int64_t metrics_gauge(const struct metrics *metrics, enum metric gauge) {
    assert(rows[gauge].family.type == METRIC_TYPE_GAUGE);
    return (int64_t)sum(metrics, rows[gauge].first_cell);
}

struct metric_histogram metrics_histogram(const struct metrics *metrics, enum metric histogram, unsigned first) {
    size_t from = histogram_cell(histogram, first), bucket_count = rows[histogram].family.bound_count + 1;
    struct metric_histogram out = {.sum = sum(metrics, from + bucket_count)};
    for (size_t i = 0; i < bucket_count; i++) out.count += out.buckets[i] = sum(metrics, from + i);
    return out;
}
