/* base/named_counts.h -- counters of things that have names of the operator's, such as rules: a row of counts a name.
 * A name is acquired by each configuration that has it and released with it; its counts live as long as one has, so a
 * reload keeps them. Rows are bounded: when all are taken, further names share the row NAMED_COUNTS_OTHER, so sums
 * always hold. Thread rule: any thread; acquire, release and walk take the one lock, counting takes none (one atomic
 * addition). Allocates with malloc. Cost: acquire compares hashes of all rows. Limits: the rows of create. */
#pragma once
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include "base/span.h"

enum { NAMED_COUNTS_KINDS = 4 };
#define NAMED_COUNTS_OTHER "other"

struct named_counts;
struct named_count {
    _Atomic uint64_t count[NAMED_COUNTS_KINDS]; /* what each means is the user's */
};

/* At most rows_max names of their own. NULL: no memory. */
struct named_counts *named_counts_create(size_t rows_max);
void named_counts_destroy(struct named_counts *counts); /* accepts NULL; all were released */
/* The row of name, at 0 when it is new; never NULL: without memory it is the shared one. */
struct named_count *named_counts_acquire(struct named_counts *counts, struct span name);
void named_counts_release(struct named_counts *counts, struct named_count *row); /* accepts NULL for row */
static inline void named_count_add(struct named_count *row, unsigned kind) {
    atomic_fetch_add_explicit(&row->count[kind], 1, memory_order_relaxed);
}
/* Calls see with each row, NAMED_COUNTS_OTHER last; see must not call this module. */
void named_counts_walk(struct named_counts *counts, void (*see)(void *owner, struct span name, const uint64_t *count),
                       void *owner);
