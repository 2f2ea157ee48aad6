/* http/stats_ring.h -- counts by minute or hour, the newest so many of them: a ring of rows, one row of counters a unit of
 * time. Rows are cleared when time comes to them, never all at once, so that a ring costs nothing while nothing happens.
 * A count of the past finds its row as long as the ring still has it, and is dropped when it has not.
 * Pure: the cells are the caller's; one thread at a time. */
#pragma once
#include <stdint.h>

struct stats_shape { uint32_t rows, columns; };

struct stats_ring { uint32_t first, end; }; /* units of time with a valid row, end is not one; {0, 0}: empty */

/* Adds n at the unit of time at. cells: rows times columns counters; they need not be cleared before the first add. */
void stats_ring_add(struct stats_ring *ring, uint32_t *cells, struct stats_shape shape, uint32_t at, unsigned column,
                    uint32_t n);
/* The row of the unit of time at; NULL: the ring has none, which means zeros. */
const uint32_t *stats_ring_row(const struct stats_ring *ring, const uint32_t *cells, struct stats_shape shape, uint32_t at);
/* Adds the rows of from to to, both included, to sums (one a column). */
void stats_ring_sum(const struct stats_ring *ring, const uint32_t *cells, struct stats_shape shape, uint32_t from,
                    uint32_t to, uint64_t *sums);
