#include "http/stats_ring.h"
#include <stddef.h>
#include <string.h>

static size_t offset_of(struct stats_shape shape, uint32_t at) { return (size_t)(at % shape.rows) * shape.columns; }

/* The oldest unit of time that has a place. */
static uint32_t oldest_of(const struct stats_ring *ring, struct stats_shape shape) {
    return ring->end > shape.rows ? ring->end - shape.rows : 0;
}

static void clear(uint32_t *cells, struct stats_shape shape, uint32_t from, uint32_t to) {
    if (to - from > shape.rows) from = to - shape.rows;
    for (; from < to; from++) memset(cells + offset_of(shape, from), 0, shape.columns * sizeof *cells);
}

void stats_ring_add(struct stats_ring *ring, uint32_t *cells, struct stats_shape shape, uint32_t at, unsigned column,
                    uint32_t n) {
    if (ring->end == 0) *ring = (struct stats_ring){at, at};
    if (at >= ring->end) {
        clear(cells, shape, ring->end, at + 1);
        ring->end = at + 1;
    }
    if (at < oldest_of(ring, shape)) return;
    if (at < ring->first) {
        clear(cells, shape, at, ring->first);
        ring->first = at;
    }
    cells[offset_of(shape, at) + column] += n;
}

const uint32_t *stats_ring_row(const struct stats_ring *ring, const uint32_t *cells, struct stats_shape shape,
                               uint32_t at) {
    if (at < ring->first || at >= ring->end || at < oldest_of(ring, shape)) return NULL;
    return cells + offset_of(shape, at);
}

void stats_ring_sum(const struct stats_ring *ring, const uint32_t *cells, struct stats_shape shape, uint32_t from,
                    uint32_t to, uint64_t *sums) {
    if (from < oldest_of(ring, shape)) from = oldest_of(ring, shape);
    if (from < ring->first) from = ring->first;
    for (; from <= to && from < ring->end; from++)
        for (uint32_t column = 0; column < shape.columns; column++)
            sums[column] += cells[offset_of(shape, from) + column];
}
