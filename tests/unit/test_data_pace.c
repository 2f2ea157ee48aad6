#include "proxy/data_pace.h" /* first, so the header is proved to stand alone */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>
#include "base/options.h"

static const struct { int64_t rate, age_ms; uint64_t octets; int64_t want_ms; } rows[] = {
    {100, 0, 0, 60000},              /* grace is shorter than the time between two arrivals */
    {100, 59000, 0, 1000},
    {100, 59000, 5900, 1000},        /* exactly at the rate: grace, then the average decides */
    {100, 60000, 7000, 10000},       /* 7,000 octets are enough for 70 s */
    {100, 61000, 6000, 1},           /* too slow already */
    {100, 60000, 1000000, 180000},   /* fast: the time between two arrivals counts */
    {100, 1700000, 100000000, 100000}, /* 30 minutes in all */
    {100, 1800001, 100000000, 1},
    {0, 100000, 0, 180000},          /* any rate */
    {1000, 1000, UINT64_MAX, 180000},
};

static void every_row_waits_as_wanted(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct options options = {.data_timeout_ms = 180000, .data_total_timeout_ms = 1800000,
                                  .data_rate_grace_ms = 60000, .data_rate_min = rows[i].rate};
        int64_t got_ms = data_pace_wait_ms(&options, rows[i].age_ms, rows[i].octets);
        if (got_ms != rows[i].want_ms) fail_msg("row %zu: %lld ms", i, (long long)got_ms);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_row_waits_as_wanted)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
