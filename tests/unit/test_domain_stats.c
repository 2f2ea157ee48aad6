#include "http/domain_stats.h"
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include "http/stats_table.h"
#include "http/stats_view.h"
#include "verifier/result.h"

enum { HOUR_US = 3600 * 1000 };

static struct span name_of(char room[48], const char *stem, unsigned number) {
    return (struct span){room, (size_t)snprintf(room, 48, "%s%u.example", stem, number)};
}

static void add_many(struct domain_stats_worker *worker, const char *domain, enum domain_result result, unsigned count) {
    for (unsigned i = 0; i < count; i++) domain_stats_add(worker, span_of(domain), true, result);
}

static struct domain_report export(struct domain_stats *stats) {
    struct domain_report report;
    assert_true(domain_stats_export(stats, &report));
    return report;
}

static const struct domain_row *find(const struct domain_report *report, const char *domain) {
    for (size_t i = 0; i < report->row_count; i++)
        if (span_is(report->rows[i].domain, domain)) return &report->rows[i];
    return NULL;
}

static void expect(const struct domain_report *report, const char *domain, uint64_t pass, uint64_t fail, uint64_t other) {
    const struct domain_row *row = find(report, domain);
    if (row == NULL) fail_msg("%s is not there", domain);
    else if (row->count[DOMAIN_PASS] != pass || row->count[DOMAIN_FAIL] != fail || row->count[DOMAIN_OTHER] != other)
        fail_msg("%s: %llu %llu %llu", domain, (unsigned long long)row->count[DOMAIN_PASS],
                 (unsigned long long)row->count[DOMAIN_FAIL], (unsigned long long)row->count[DOMAIN_OTHER]);
}

static void expect_sum(const struct domain_report *report, enum domain_result result, uint64_t want) {
    uint64_t sum = report->other[result];
    for (size_t i = 0; i < report->row_count; i++) sum += report->rows[i].count[result];
    assert_int_equal(sum, want);
    assert_int_equal(report->total[result], want);
}

static void counts_of_all_workers_are_merged(void **state) {
    (void)state;
    struct clock_fixed clock = clock_fixed_at(0);
    struct domain_stats *stats = domain_stats_create(100, &clock.clock);
    struct domain_stats_worker *a = domain_stats_worker_create(stats), *b = domain_stats_worker_create(stats);
    add_many(a, "Example.COM", DOMAIN_PASS, 3);
    add_many(b, "example.com.", DOMAIN_PASS, 2);
    add_many(b, "example.com", DOMAIN_FAIL, 1);
    add_many(a, "b\xc3\xbc" "cher.example", DOMAIN_OTHER, 1); /* RFC 8616: U-labels are counted as A-labels */
    domain_stats_add(a, span_of("no-key.example"), false, DOMAIN_OTHER);
    add_many(a, "not a name", DOMAIN_FAIL, 1);
    domain_stats_add(NULL, span_of("x.example"), true, DOMAIN_PASS);
    struct domain_report report = export(stats);
    assert_int_equal(report.row_count, 2);
    assert_int_equal(report.tracked, 2);
    expect(&report, "example.com", 5, 1, 0);
    expect(&report, "xn--bcher-kva.example", 0, 0, 1);
    assert_true(span_is(report.rows[0].domain, "example.com")); /* in order of the names */
    assert_int_equal(report.other[DOMAIN_OTHER], 1);
    assert_int_equal(report.other[DOMAIN_FAIL], 1);
    expect_sum(&report, DOMAIN_PASS, 5);
    domain_report_release(&report);
    domain_stats_destroy(stats);
    domain_stats_destroy(NULL);
    assert_null(domain_stats_worker_create(NULL));
}

static void a_signature_is_sorted_by_result_and_key(void **state) {
    (void)state;
    static const struct { enum auth_result result; unsigned records; bool has_row; enum domain_result want; } rows[] = {
        {RESULT_PASS, 1, true, DOMAIN_PASS},   {RESULT_FAIL, 1, true, DOMAIN_FAIL},
        {RESULT_POLICY, 1, true, DOMAIN_OTHER}, {RESULT_NEUTRAL, 1, true, DOMAIN_OTHER},
        {RESULT_PERMERROR, 2, true, DOMAIN_OTHER}, {RESULT_PERMERROR, 0, false, DOMAIN_OTHER}, /* no such key in DNS */
        {RESULT_TEMPERROR, 0, false, DOMAIN_OTHER},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct clock_fixed clock = clock_fixed_at(0);
        struct domain_stats *stats = domain_stats_create(10, &clock.clock);
        struct domain_stats_worker *worker = domain_stats_worker_create(stats);
        struct dkim_result signature = {.result = rows[i].result, .domain = span_of("d.example"), .has_key_answer = true,
                                        .records_tried = rows[i].records};
        domain_stats_add_signature(worker, &signature);
        struct domain_report report = export(stats);
        if ((report.row_count == 1) != rows[i].has_row || report.total[rows[i].want] != 1) fail_msg("row %zu", i);
        domain_report_release(&report);
        domain_stats_destroy(stats);
    }
}

static void an_exported_domain_stays_a_day(void **state) {
    (void)state;
    struct clock_fixed clock = clock_fixed_at(0);
    struct domain_stats *stats = domain_stats_create(1, &clock.clock);
    struct domain_stats_worker *worker = domain_stats_worker_create(stats);
    add_many(worker, "first.example", DOMAIN_PASS, 2);
    struct domain_report report = export(stats);
    expect(&report, "first.example", 2, 0, 0);
    domain_report_release(&report);

    add_many(worker, "busy.example", DOMAIN_PASS, 50);
    clock.monotonic_us += 23LL * HOUR_US * 1000;
    report = export(stats);
    assert_int_equal(report.row_count, 1);
    expect(&report, "first.example", 2, 0, 0);
    assert_int_equal(report.other[DOMAIN_PASS], 50);
    domain_report_release(&report);

    add_many(worker, "busy.example", DOMAIN_PASS, 7);
    clock.monotonic_us += 1LL * HOUR_US * 1000;
    report = export(stats); /* the day is over: the busier one takes the place, what other has shown stays there */
    assert_int_equal(report.row_count, 1);
    expect(&report, "busy.example", 7, 0, 0);
    assert_int_equal(report.other[DOMAIN_PASS], 52);
    domain_report_release(&report);

    add_many(worker, "busy.example", DOMAIN_FAIL, 1);
    add_many(worker, "first.example", DOMAIN_PASS, 1);
    report = export(stats);
    expect(&report, "busy.example", 7, 1, 0);
    assert_int_equal(report.other[DOMAIN_PASS], 53);
    expect_sum(&report, DOMAIN_PASS, 60);
    domain_report_release(&report);
    domain_stats_destroy(stats);
}

static void the_last_places_have_to_be_earned(void **state) {
    (void)state;
    struct clock_fixed clock = clock_fixed_at(0);
    struct domain_stats *stats = domain_stats_create(8, &clock.clock);
    struct domain_stats_worker *worker = domain_stats_worker_create(stats);
    char room[48];
    for (unsigned i = 0; i < 20; i++) domain_stats_add(worker, name_of(room, "small", i), true, DOMAIN_PASS);
    struct domain_report report = export(stats);
    assert_int_equal(report.row_count, 6);
    domain_report_release(&report);
    add_many(worker, "big.example", DOMAIN_PASS, DOMAIN_EXPORT_EARNED);
    report = export(stats);
    assert_int_equal(report.row_count, 7);
    expect(&report, "big.example", DOMAIN_EXPORT_EARNED, 0, 0);
    domain_report_release(&report);
    domain_stats_destroy(stats);
}

/* Random domains with real keys, as many as an attacker likes, read now and then: the series stay few, the sums exact, and
 * no counter ever goes back. */
static void a_flood_of_domains_stays_bounded_and_exact(void **state) {
    (void)state;
    enum { EVENTS = 100000, EXPORTED = 100, READS = 40 };
    struct clock_fixed clock = clock_fixed_at(0);
    struct domain_stats *stats = domain_stats_create(EXPORTED, &clock.clock);
    struct domain_stats_worker *workers[2] = {domain_stats_worker_create(stats), domain_stats_worker_create(stats)};
    struct domain_report before = export(stats);
    uint64_t added[DOMAIN_RESULT_COUNT] = {0};
    uint32_t random = 1;
    for (unsigned i = 0; i < EVENTS; i++) {
        char room[48];
        random = random * 1664525 + 1013904223;
        enum domain_result result = (enum domain_result)((random >> 8) % 3);
        struct span domain = i % 4 == 0 ? name_of(room, "regular", (random >> 16) % 60) : name_of(room, "random", random);
        domain_stats_add(workers[random >> 31], domain, true, result);
        added[result]++;
        if (i % (EVENTS / READS) != 0) continue;
        clock.monotonic_us += 2LL * HOUR_US * 1000;
        struct domain_report now = export(stats);
        assert_true(now.row_count <= EXPORTED);
        assert_true(now.tracked <= STATS_TABLE_SLOTS);
        for (unsigned r = 0; r < DOMAIN_RESULT_COUNT; r++) {
            expect_sum(&now, (enum domain_result)r, added[r]);
            assert_true(now.other[r] >= before.other[r]);
            for (size_t row = 0; row < now.row_count; row++) {
                char name[64] = {0};
                memcpy(name, now.rows[row].domain.ptr, now.rows[row].domain.len);
                const struct domain_row *old = find(&before, name);
                assert_true(now.rows[row].count[r] <= EVENTS && (old == NULL || now.rows[row].count[r] >= old->count[r]));
            }
        }
        domain_report_release(&before);
        before = now;
    }
    unsigned regular = 0;
    for (size_t row = 0; row < before.row_count; row++) regular += span_is(span_first(before.rows[row].domain, 7), "regular");
    assert_int_equal(regular, 60); /* in the end those that are really busy have the places */
    assert_true(before.evicted > 0);
    domain_report_release(&before);
    domain_stats_destroy(stats);
}

static atomic_bool stop_reading;
static void *add_from_thread(void *arg) {
    struct domain_stats_worker *worker = domain_stats_worker_create(arg);
    for (unsigned i = 0; i < 20000; i++) {
        char room[48];
        domain_stats_add(worker, name_of(room, "d", i % 9000), true, DOMAIN_PASS);
    }
    return NULL;
}

static void *read_from_thread(void *arg) {
    uint64_t before = 0;
    while (!atomic_load(&stop_reading)) {
        struct domain_report report;
        if (!domain_stats_export(arg, &report)) abort();
        if (report.total[DOMAIN_PASS] < before) abort();
        before = report.total[DOMAIN_PASS];
        domain_report_release(&report);
        struct stats_view view;
        if (!stats_view_take(arg, STATS_1H, STATS_BY_FAILURES, &view)) abort();
        stats_view_release(&view);
    }
    return NULL;
}

static void threads_add_while_others_read(void **state) {
    (void)state;
    struct domain_stats *stats = domain_stats_create(100, &clock_system);
    pthread_t adders[3], readers[2];
    atomic_store(&stop_reading, false);
    for (size_t i = 0; i < 2; i++) assert_int_equal(pthread_create(&readers[i], NULL, read_from_thread, stats), 0);
    for (size_t i = 0; i < 3; i++) assert_int_equal(pthread_create(&adders[i], NULL, add_from_thread, stats), 0);
    for (size_t i = 0; i < 3; i++) pthread_join(adders[i], NULL);
    atomic_store(&stop_reading, true);
    for (size_t i = 0; i < 2; i++) pthread_join(readers[i], NULL);
    struct domain_report report = export(stats);
    expect_sum(&report, DOMAIN_PASS, 60000);
    domain_report_release(&report);
    domain_stats_destroy(stats);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_of_all_workers_are_merged),
        cmocka_unit_test(a_signature_is_sorted_by_result_and_key),
        cmocka_unit_test(an_exported_domain_stays_a_day),
        cmocka_unit_test(the_last_places_have_to_be_earned),
        cmocka_unit_test(a_flood_of_domains_stays_bounded_and_exact),
        cmocka_unit_test(threads_add_while_others_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
