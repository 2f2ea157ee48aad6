#include "base/named_counts.h"
#include <pthread.h>
#include <stdlib.h>
#include "base/keyed_hash.h"

struct row {
    struct named_count counts; /* first: a pointer to it is a pointer to the whole */
    uint64_t hash;
    size_t references; /* 0: the shared one */
    size_t len;
    char name[];
};

struct named_counts {
    pthread_mutex_t lock;
    struct named_count other;
    size_t count, rows_max;
    struct row *row[];
};

struct named_counts *named_counts_create(size_t rows_max) {
    struct named_counts *counts = calloc(1, sizeof *counts + rows_max * sizeof(struct row *));
    if (counts == NULL) return NULL;
    counts->rows_max = rows_max;
    if (pthread_mutex_init(&counts->lock, NULL) == 0) return counts;
    free(counts);
    return NULL;
}

void named_counts_destroy(struct named_counts *counts) {
    if (counts == NULL) return;
    for (size_t i = 0; i < counts->count; i++) free(counts->row[i]);
    (void)pthread_mutex_destroy(&counts->lock);
    free(counts);
}

static struct row *find(const struct named_counts *counts, uint64_t hash, struct span name) {
    for (size_t i = 0; i < counts->count; i++) {
        struct row *row = counts->row[i];
        if (row->hash == hash && span_equal((struct span){row->name, row->len}, name)) return row;
    }
    return NULL;
}

static struct row *add(struct named_counts *counts, uint64_t hash, struct span name) {
    if (counts->count == counts->rows_max || span_is(name, NAMED_COUNTS_OTHER)) return NULL;
    struct row *row = calloc(1, sizeof *row + name.len);
    if (row == NULL) return NULL;
    row->hash = hash;
    row->len = name.len;
    if (name.len > 0) memcpy(row->name, name.ptr, name.len);
    return counts->row[counts->count++] = row;
}

struct named_count *named_counts_acquire(struct named_counts *counts, struct span name) {
    uint64_t hash = keyed_hash(keyed_hash_process_key(), name);
    pthread_mutex_lock(&counts->lock);
    struct row *row = find(counts, hash, name);
    if (row == NULL) row = add(counts, hash, name);
    if (row != NULL) row->references++;
    pthread_mutex_unlock(&counts->lock);
    return row != NULL ? &row->counts : &counts->other;
}

/* Those behind it move up, so that names keep their order. */
static void forget(struct named_counts *counts, struct row *row) {
    size_t at = 0;
    while (counts->row[at] != row) at++;
    for (counts->count--; at < counts->count; at++) counts->row[at] = counts->row[at + 1];
    free(row);
}

void named_counts_release(struct named_counts *counts, struct named_count *row) {
    struct row *own = (struct row *)row;
    if (row == NULL || row == &counts->other) return;
    pthread_mutex_lock(&counts->lock);
    if (--own->references == 0) forget(counts, own);
    pthread_mutex_unlock(&counts->lock);
}

static void read_counts(const struct named_count *row, uint64_t *out) {
    for (size_t i = 0; i < NAMED_COUNTS_KINDS; i++) out[i] = atomic_load_explicit(&row->count[i], memory_order_relaxed);
}

void named_counts_walk(struct named_counts *counts, void (*see)(void *owner, struct span name, const uint64_t *count),
                       void *owner) {
    uint64_t values[NAMED_COUNTS_KINDS];
    pthread_mutex_lock(&counts->lock);
    for (size_t i = 0; i < counts->count; i++) {
        read_counts(&counts->row[i]->counts, values);
        see(owner, (struct span){counts->row[i]->name, counts->row[i]->len}, values);
    }
    pthread_mutex_unlock(&counts->lock);
    read_counts(&counts->other, values);
    see(owner, span_of(NAMED_COUNTS_OTHER), values);
}
