#include "http/stats_ring.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { ROWS = 5, COLUMNS = 2, TIMES = 200 };
static const struct stats_shape shape = {ROWS, COLUMNS};

static void an_empty_ring_is_all_zero(void **state) {
    (void)state;
    struct stats_ring ring = {0};
    uint32_t cells[ROWS * COLUMNS] = {0};
    uint64_t sums[COLUMNS] = {0};
    stats_ring_sum(&ring, cells, shape, 0, UINT32_MAX, sums);
    assert_int_equal(sums[0] + sums[1], 0);
    assert_null(stats_ring_row(&ring, cells, shape, 0));
}

/* Random counts, mostly forward in time, against an array of all times: what the newest ROWS units hold must agree. */
static void a_ring_agrees_with_an_array_of_all_times(void **state) {
    (void)state;
    uint32_t random = 1;
    for (unsigned round = 0; round < 300; round++) {
        struct stats_ring ring = {0};
        uint32_t *cells = malloc(ROWS * COLUMNS * sizeof *cells), all[TIMES][COLUMNS] = {{0}}, newest = 0, now = 20;
        memset(cells, 0xa5, ROWS * COLUMNS * sizeof *cells); /* an empty ring may hold anything */
        for (unsigned i = 0; i < 60; i++) {
            random = random * 1664525 + 1013904223;
            now += (random >> 28) == 0 ? ROWS + 2 : random >> 30 == 1;
            uint32_t at = now - (random >> 20) % (ROWS + 2), column = random >> 15 & 1, n = random >> 10 & 3;
            if (at > newest) newest = at;
            stats_ring_add(&ring, cells, shape, at, column, n);
            if (newest - at < ROWS) all[at][column] += n; /* what has no row any more is dropped */
            uint64_t sums[COLUMNS] = {0}, want[COLUMNS] = {0};
            uint32_t from = newest - (random >> 5) % ROWS;
            stats_ring_sum(&ring, cells, shape, from, newest, sums);
            for (uint32_t t = from; t <= newest; t++)
                for (unsigned c = 0; c < COLUMNS; c++) {
                    const uint32_t *row = stats_ring_row(&ring, cells, shape, t);
                    assert_int_equal(row != NULL ? row[c] : 0, all[t][c]);
                    want[c] += all[t][c];
                }
            assert_memory_equal(sums, want, sizeof sums);
        }
        free(cells);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_ring_is_all_zero),
        cmocka_unit_test(a_ring_agrees_with_an_array_of_all_times),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
