#include "http/stats_view.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "http/stats_table.h"
#include "verifier/result.h"

enum { START_S = 1700000000 };

static struct span name_of(char room[48], const char *stem, unsigned number) {
    return (struct span){room, (size_t)snprintf(room, 48, "%s%u.example", stem, number)};
}

static struct stats_view take(struct domain_stats *stats, enum stats_window window, enum stats_sort sort) {
    struct stats_view view;
    assert_true(stats_view_take(stats, window, sort, &view));
    return view;
}

static void words_are_read_back(void **state) {
    (void)state;
    enum stats_window window = STATS_1H;
    enum stats_sort sort = STATS_BY_MESSAGES;
    assert_true(stats_window_parse(span_of("7d"), &window) && window == STATS_7D);
    assert_false(stats_window_parse(span_of("7D"), &window));
    assert_false(stats_window_parse(span_of(""), &window));
    assert_int_equal(window, STATS_7D);
    assert_true(stats_sort_parse(span_of("fail"), &sort) && sort == STATS_BY_FAILURES);
    assert_false(stats_sort_parse(span_of("failures"), &sort));
    assert_string_equal(stats_window_word(STATS_24H), "24h");
    assert_string_equal(stats_sort_word(STATS_BY_MESSAGES), "messages");
}

/* Random signatures of many domains over days, some without key and some late, against an exact count of all of them:
 * in every window rows and the rest are the total, each row is what the domain had, points and causes add up. */
static void views_agree_with_an_exact_count(void **state) {
    (void)state;
    enum { DOMAINS = 300, EVENTS = 40000, HOURS = 400 };
    static uint32_t exact[DOMAINS][HOURS][DOMAIN_RESULT_COUNT], without[HOURS][DOMAIN_RESULT_COUNT];
    struct clock_fixed clock = clock_fixed_at(START_S / 3600 * 3600);
    struct domain_stats *stats = domain_stats_create(10, &clock.clock);
    struct domain_stats_worker *workers[2] = {domain_stats_worker_create(stats), domain_stats_worker_create(stats)};
    int64_t first_hour = clock.unix_s / 3600;
    uint32_t random = 1;
    for (unsigned i = 0; i < EVENTS; i++) {
        char room[48];
        random = random * 1664525 + 1013904223;
        if (random >> 24 < 3) clock.unix_s += 1800;
        unsigned number = (random >> 12) % DOMAINS, hour = (unsigned)(clock.unix_s / 3600 - first_hour);
        bool is_known = number % 7 != 0; /* every seventh has no key at all */
        enum domain_result result = (enum domain_result)((random >> 8) % 3);
        assert_true(hour < HOURS);
        domain_stats_add(workers[random >> 31], name_of(room, "d", number), is_known, result);
        if (is_known)
            exact[number][hour][result]++;
        else
            without[hour][result]++;
    }
    for (enum stats_window window = STATS_24H; window <= STATS_7D; window++) {
        struct stats_view view = take(stats, window, STATS_BY_FAILURES);
        unsigned last = (unsigned)(clock.unix_s / 3600 - first_hour),
                 first = last + 1 - (window == STATS_24H ? 24 : 168);
        uint64_t sum[DOMAIN_RESULT_COUNT] = {0}, points = 0;
        for (size_t row = 0; row < view.row_count; row++) {
            unsigned number = (unsigned)strtoul(view.rows[row].domain.ptr + 1, NULL, 10);
            uint64_t want[DOMAIN_RESULT_COUNT] = {0};
            for (unsigned hour = first; hour <= last; hour++)
                for (unsigned r = 0; r < DOMAIN_RESULT_COUNT; r++) want[r] += exact[number][hour][r];
            assert_memory_equal(view.rows[row].count, want, sizeof want);
            if (row > 0) assert_true(view.rows[row].count[DOMAIN_FAIL] <= view.rows[row - 1].count[DOMAIN_FAIL]);
            domain_counts_add(sum, want);
        }
        uint64_t rest[DOMAIN_RESULT_COUNT] = {0};
        for (unsigned hour = first; hour <= last; hour++)
            for (unsigned r = 0; r < DOMAIN_RESULT_COUNT; r++) rest[r] += without[hour][r];
        assert_memory_equal(view.untracked, rest, sizeof rest);
        domain_counts_add(sum, rest);
        assert_memory_equal(view.total, sum, sizeof sum);
        for (size_t i = 0; i < view.point_count; i++) points += domain_counts_sum(view.points[i].count);
        assert_int_equal(points, domain_counts_sum(view.total));
        assert_int_equal(view.point_count, window == STATS_24H ? 24 : 168);
        stats_view_release(&view);
    }
    domain_stats_destroy(stats);
}

/* Whatever comes, whoever has to go: rows and the rest are the total, and nothing is below 0. */
static void sums_hold_when_domains_have_to_go(void **state) {
    (void)state;
    struct clock_fixed clock = clock_fixed_at(START_S);
    struct domain_stats *stats = domain_stats_create(10, &clock.clock);
    struct domain_stats_worker *worker = domain_stats_worker_create(stats);
    uint64_t added = 0;
    uint32_t random = 7;
    for (unsigned round = 0; round < 6; round++) {
        for (unsigned i = 0; i < 6000; i++, added++) {
            char room[48];
            random = random * 1664525 + 1013904223;
            domain_stats_add(worker, i % 5 == 0 ? name_of(room, "busy", random >> 28) : name_of(room, "random", random),
                             true, DOMAIN_PASS);
        }
        clock.unix_s += 5;
        for (enum stats_window window = STATS_1H; window < STATS_WINDOW_COUNT; window++) {
            struct stats_view view = take(stats, window, STATS_BY_MESSAGES);
            uint64_t sum = view.untracked[DOMAIN_PASS];
            for (size_t row = 0; row < view.row_count; row++) sum += view.rows[row].count[DOMAIN_PASS];
            assert_int_equal(sum, added);
            assert_int_equal(view.total[DOMAIN_PASS], added);
            assert_true(view.untracked[DOMAIN_PASS] <= added && view.row_count <= STATS_TABLE_SLOTS);
            assert_true(span_is(span_first(view.rows[0].domain, 4), "busy"));
            stats_view_release(&view);
        }
    }
    domain_stats_destroy(stats);
}

static void pages_follow_each_other(void **state) {
    (void)state;
    enum { DOMAINS = 57, PAGE = 10 };
    struct domain_stats *stats = domain_stats_create(0, &clock_system);
    struct domain_stats_worker *worker = domain_stats_worker_create(stats);
    char room[48], cursor[STATS_CURSOR_MAX];
    for (unsigned i = 0; i < DOMAINS; i++)
        for (unsigned n = 0; n <= i % 4; n++)
            domain_stats_add(worker, name_of(room, "d", i), true, n % 2 == 0 ? DOMAIN_PASS : DOMAIN_FAIL);
    for (enum stats_sort sort = 0; sort < STATS_SORT_COUNT; sort++) {
        size_t at = 0, pages = 0, len = 0;
        do { /* each page in a view of its own */
            struct stats_view view = take(stats, STATS_1H, sort);
            size_t index;
            assert_int_equal(view.row_count, DOMAINS);
            assert_true(stats_view_seek(&view, (struct span){cursor, len}, &index));
            assert_int_equal(index, at);
            at = index + PAGE < view.row_count ? index + PAGE : view.row_count;
            len = stats_view_cursor(&view, at - 1, cursor);
            pages++;
            stats_view_release(&view);
        } while (at < DOMAINS);
        assert_int_equal(pages, 6);
    }
    struct stats_view view = take(stats, STATS_1H, STATS_BY_MESSAGES);
    static const char *const bad[] = {"x",
                                      "1",
                                      "1~2",
                                      "1~2~",
                                      "~2~a.example",
                                      "1~x~a.example",
                                      "1~2~-/",
                                      "-1~2~a.example",
                                      "99999999999999999999~1~a.example",
                                      "1~2~a.example~"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        size_t index;
        if (stats_view_seek(&view, span_of(bad[i]), &index)) fail_msg("\"%s\" is a cursor", bad[i]);
    }
    stats_view_release(&view);
    domain_stats_destroy(stats);
}

static struct dkim_result signature_of(const char *selector, uint8_t fingerprint, enum dkim_code code) {
    struct dkim_result signature = {.code = code,
                                    .result = dkim_code_result(code),
                                    .domain = span_of("Shop.Example"),
                                    .selector = span_of(selector),
                                    .has_key_answer = true,
                                    .dnssec = DNSSEC_SECURE,
                                    .records_tried = 1,
                                    .key_algorithm = KEY_RSA,
                                    .key_bits = 2048,
                                    .has_key_fingerprint = fingerprint > 0};
    memset(signature.key_fingerprint, fingerprint, sizeof signature.key_fingerprint);
    return signature;
}

static void a_domain_is_told_with_all_there_is(void **state) {
    (void)state;
    struct clock_fixed clock = clock_fixed_at(START_S);
    struct domain_stats *stats = domain_stats_create(0, &clock.clock);
    struct domain_stats_worker *worker = domain_stats_worker_create(stats);
    struct dkim_result good = signature_of("S1", 1, DKIM_OK), bad = signature_of("s1", 1, DKIM_BODY_HASH_MISMATCH),
                       changed = signature_of("s1", 2, DKIM_OK), gone = signature_of("s2", 0, DKIM_KEY_MISSING);
    gone.records_tried = 0;
    domain_stats_add_signature(worker, &good);
    clock.unix_s += 2 * 3600;
    domain_stats_add_signature(worker, &bad);
    domain_stats_add_signature(worker, &changed);
    domain_stats_add_signature(worker, &gone); /* a domain that is known and has lost a key */
    struct stats_domain domain;
    assert_int_equal(stats_domain_take(stats, span_of("SHOP.example."), STATS_1H, &domain), STATS_FOUND);
    assert_true(span_is(domain.domain, "shop.example"));
    assert_int_equal(domain_counts_sum(domain.count[STATS_1H]), 3);
    assert_int_equal(domain.count[STATS_24H][DOMAIN_PASS], 2);
    assert_int_equal(domain.count[STATS_7D][DOMAIN_FAIL], 1);
    assert_int_equal(domain.count[STATS_7D][DOMAIN_OTHER], 1);
    assert_int_equal(domain.cause[CAUSE_BODY_OTHER], 1);
    assert_int_equal(domain.cause[CAUSE_KEY_MISSING], 1);
    assert_int_equal(domain.dnssec[DNSSEC_SECURE], 4);
    assert_int_equal(domain.first_seen_s, START_S);
    assert_int_equal(domain.last_seen_s, clock.unix_s);
    assert_int_equal(domain.point_count, 60);
    assert_int_equal(domain.points[59].count[DOMAIN_FAIL], 1);
    assert_int_equal(domain.selector_count, 2);
    assert_true(span_is(domain.selectors[0].selector, "s1") && domain.selectors[0].fingerprint[0] == 2 &&
                domain.selectors[0].is_changed);
    assert_true(domain.selectors[1].fingerprint[0] == 1 && !domain.selectors[1].is_changed);
    assert_int_equal(domain.selectors[1].first_seen_s, START_S);
    assert_int_equal(domain.selectors[1].count[DOMAIN_FAIL], 1);
    assert_int_equal(domain.watch, 1U << STATS_WATCH_KEY_CHANGED);
    stats_domain_release(&domain);
    int64_t first_seen_s;
    uint64_t day;
    assert_true(stats_domain_glance(stats, span_of("shop.example"), &first_seen_s, &day));
    assert_int_equal(first_seen_s, START_S);
    assert_int_equal(day, 4);
    assert_false(stats_domain_glance(stats, span_of("other.example"), &first_seen_s, &day));
    assert_int_equal(stats_domain_take(stats, span_of("other.example"), STATS_1H, &domain), STATS_NOT_TRACKED);
    assert_int_equal(stats_domain_take(stats, span_of("<script>"), STATS_1H, &domain), STATS_NOT_TRACKED);
    struct stats_view view = take(stats, STATS_1H, STATS_BY_MESSAGES);
    assert_int_equal(view.cause[CAUSE_BODY_OTHER], 1);
    assert_int_equal(view.dnssec[DNSSEC_SECURE], 3);
    assert_int_equal(view.rows[0].selectors, 2);
    assert_true(span_is(view.rows[0].selector, "s1") && view.rows[0].selector_before.len == 0); /* two keys, one selector */
    assert_int_equal(view.rows[0].watch, 1U << STATS_WATCH_KEY_CHANGED);
    stats_view_release(&view);
    domain_stats_destroy(stats);
}

static void a_clock_set_back_begins_anew(void **state) {
    (void)state;
    struct clock_fixed clock = clock_fixed_at(START_S + 30 * 24 * 3600);
    struct domain_stats *stats = domain_stats_create(0, &clock.clock);
    struct domain_stats_worker *worker = domain_stats_worker_create(stats);
    domain_stats_add(worker, span_of("a.example"), true, DOMAIN_PASS);
    clock.unix_s = START_S;
    domain_stats_add(worker, span_of("b.example"), true, DOMAIN_PASS);
    domain_stats_add(worker, span_of("a.example"), true, DOMAIN_FAIL);
    struct stats_view view = take(stats, STATS_7D, STATS_BY_MESSAGES);
    assert_int_equal(view.row_count, 2);
    assert_int_equal(domain_counts_sum(view.total), 2);
    assert_int_equal(domain_counts_sum(view.untracked), 0);
    stats_view_release(&view);
    domain_stats_destroy(stats);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_are_read_back),
        cmocka_unit_test(views_agree_with_an_exact_count),
        cmocka_unit_test(sums_hold_when_domains_have_to_go),
        cmocka_unit_test(pages_follow_each_other),
        cmocka_unit_test(a_domain_is_told_with_all_there_is),
        cmocka_unit_test(a_clock_set_back_begins_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
