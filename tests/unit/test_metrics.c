#include "base/metrics.h"
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "verifier/result.h"

static void counters_add_up_over_workers(void **state) {
    (void)state;
    struct metrics *metrics = metrics_create();
    struct metrics_worker *a = metrics_worker_create(metrics), *b = metrics_worker_create(metrics);
    assert_int_equal(metrics_counter(metrics, METRIC_AUTH_RESULTS, METRIC_METHOD_DKIM, METRIC_AUTH_RESULT_PASS), 0);
    metrics_count(a, METRIC_AUTH_RESULTS, METRIC_METHOD_DKIM, METRIC_AUTH_RESULT_PASS);
    metrics_add(b, METRIC_AUTH_RESULTS, METRIC_METHOD_DKIM, METRIC_AUTH_RESULT_PASS, 5);
    metrics_count(b, METRIC_AUTH_RESULTS, METRIC_METHOD_ARC, METRIC_AUTH_RESULT_PERMERROR);
    metrics_add(a, METRIC_MESSAGE_BYTES, 0, 0, UINT64_C(1) << 40);
    assert_int_equal(metrics_counter(metrics, METRIC_AUTH_RESULTS, METRIC_METHOD_DKIM, METRIC_AUTH_RESULT_PASS), 6);
    assert_int_equal(metrics_counter(metrics, METRIC_AUTH_RESULTS, METRIC_METHOD_ARC, METRIC_AUTH_RESULT_PERMERROR), 1);
    assert_int_equal(metrics_counter(metrics, METRIC_AUTH_RESULTS, METRIC_METHOD_SPF, METRIC_AUTH_RESULT_PASS), 0);
    assert_int_equal(metrics_counter(metrics, METRIC_MESSAGE_BYTES, 0, 0), UINT64_C(1) << 40);
    metrics_destroy(metrics);
}

static void gauges_go_up_and_down(void **state) {
    (void)state;
    struct metrics *metrics = metrics_create();
    struct metrics_worker *a = metrics_worker_create(metrics), *b = metrics_worker_create(metrics);
    metrics_move(a, METRIC_INFLIGHT_MESSAGES, 3);
    metrics_move(b, METRIC_INFLIGHT_MESSAGES, -2); /* ended elsewhere than it began */
    assert_int_equal(metrics_gauge(metrics, METRIC_INFLIGHT_MESSAGES), 1);
    metrics_move(b, METRIC_INFLIGHT_MESSAGES, -2);
    assert_int_equal(metrics_gauge(metrics, METRIC_INFLIGHT_MESSAGES), -1);
    metrics_set(metrics, METRIC_CONFIG_LAST_RELOAD, 1700000000);
    metrics_set(metrics, METRIC_CONFIG_LAST_RELOAD, 1700000001);
    assert_int_equal(metrics_gauge(metrics, METRIC_CONFIG_LAST_RELOAD), 1700000001);
    metrics_destroy(metrics);
}

static void a_bound_belongs_to_its_bucket(void **state) {
    (void)state;
    struct metrics *metrics = metrics_create();
    struct metrics_worker *worker = metrics_worker_create(metrics);
    metrics_observe(worker, METRIC_STAGE_DURATION, METRIC_STAGE_DELIVER, 0);
    metrics_observe(worker, METRIC_STAGE_DURATION, METRIC_STAGE_DELIVER, 10);
    metrics_observe(worker, METRIC_STAGE_DURATION, METRIC_STAGE_DELIVER, 11);
    metrics_observe(worker, METRIC_STAGE_DURATION, METRIC_STAGE_DELIVER, 50000);
    metrics_observe(worker, METRIC_STAGE_DURATION, METRIC_STAGE_DELIVER, 50001);
    struct metric_histogram got = metrics_histogram(metrics, METRIC_STAGE_DURATION, METRIC_STAGE_DELIVER);
    const uint64_t want[] = {2, 1, 0, 0, 0, 0, 0, 1, 1};
    assert_memory_equal(got.buckets, want, sizeof want);
    assert_int_equal(got.count, 5);
    assert_int_equal(got.sum, 100022);
    assert_int_equal(metrics_histogram(metrics, METRIC_STAGE_DURATION, METRIC_STAGE_VERIFY).count, 0);
    metrics_destroy(metrics);
}

static void a_worker_given_back_is_used_again(void **state) {
    (void)state;
    struct metrics *metrics = metrics_create();
    struct metrics_worker *first = metrics_worker_create(metrics), *second = metrics_worker_create(metrics);
    metrics_count(first, METRIC_REMOVED_FIELDS, 0, 0);
    metrics_worker_release(first);
    assert_ptr_equal(metrics_worker_create(metrics), first);
    assert_ptr_not_equal(metrics_worker_create(metrics), second);
    metrics_count(first, METRIC_REMOVED_FIELDS, 0, 0);
    assert_int_equal(metrics_counter(metrics, METRIC_REMOVED_FIELDS, 0, 0), 2);
    metrics_worker_release(NULL);
    metrics_destroy(metrics);
}

static void without_a_worker_nothing_is_counted(void **state) {
    (void)state;
    assert_null(metrics_worker_create(NULL));
    metrics_count(NULL, METRIC_MESSAGES, METRIC_VERDICT_ACCEPT, 0);
    metrics_observe(NULL, METRIC_MESSAGE_SIZE, 0, 1);
    metrics_move(NULL, METRIC_SESSIONS, 1);
    metrics_set(NULL, METRIC_CONFIG_LAST_RELOAD, 1);
    metrics_destroy(NULL);
}

/* Whoever reads walks all of it; names and bounds are as Prometheus wants them. */
static void every_family_is_well_formed(void **state) {
    (void)state;
    struct metrics *metrics = metrics_create();
    for (int id = 0; id < METRIC_COUNT; id++) {
        const struct metric_family *family = metrics_family((enum metric)id);
        size_t len = strlen(family->name), unit_len = strlen(family->unit);
        int is_total = len > 6 && strcmp(family->name + len - 6, "_total") == 0;
        if (strncmp(family->name, "sceau_", 6) != 0 || strspn(family->name, "abcdefghijklmnopqrstuvwxyz_") != len)
            fail_msg("%s: not a name of ours", family->name);
        if (is_total != (family->type == METRIC_TYPE_COUNTER)) fail_msg("%s: _total is for counters", family->name);
        if (unit_len > 0 && strncmp(family->name + len - is_total * 6 - unit_len, family->unit, unit_len) != 0)
            fail_msg("%s: does not end in its unit", family->name);
        if (family->help[0] == '\0' || family->help[strlen(family->help) - 1] != '.') fail_msg("%s: no help", family->name);
        for (size_t i = 1; i < family->bound_count; i++)
            if (family->bounds[i] <= family->bounds[i - 1]) fail_msg("%s: bound %zu", family->name, i);
        for (uint64_t steps = family->per_unit; steps > 1; steps /= 10)
            if (steps % 10 != 0) fail_msg("%s: steps a unit are no power of ten", family->name);
        for (unsigned a = 0; a < family->label[0]->value_count; a++)
            for (unsigned b = 0; b < family->label[1]->value_count; b++) {
                if (family->type == METRIC_TYPE_COUNTER) assert_int_equal(metrics_counter(metrics, (enum metric)id, a, b), 0);
                if (family->type == METRIC_TYPE_GAUGE) assert_int_equal(metrics_gauge(metrics, (enum metric)id), 0);
                if (family->type == METRIC_TYPE_HISTOGRAM)
                    assert_int_equal(metrics_histogram(metrics, (enum metric)id, a).count, 0);
            }
    }
    metrics_destroy(metrics);
}

static void values_that_repeat_the_verifiers_words_are_the_same(void **state) {
    (void)state;
    const struct metric_label *result = metrics_family(METRIC_AUTH_RESULTS)->label[1];
    assert_int_equal(result->value_count, AUTH_RESULT_COUNT);
    for (unsigned i = 0; i < AUTH_RESULT_COUNT; i++)
        assert_string_equal(result->values[i], auth_result_word((enum auth_result)i));

    const struct metric_label *signature = metrics_family(METRIC_DKIM_SIGNATURES)->label[0];
    assert_int_equal(signature->value_count, RESULT_SOFTFAIL - RESULT_PASS); /* SPF alone says softfail */
    for (unsigned i = 0; i < signature->value_count; i++)
        assert_string_equal(signature->values[i], auth_result_word((enum auth_result)(i + RESULT_PASS)));

    const struct metric_label *cause = metrics_family(METRIC_DKIM_FAILURES)->label[0];
    assert_int_equal(cause->value_count, CAUSE_COUNT);
    for (unsigned i = 0; i < CAUSE_COUNT; i++) assert_string_equal(cause->values[i], cause_word((enum cause)i));

    const struct metric_label *outcome = metrics_family(METRIC_DNS_QUERIES)->label[0];
    assert_int_equal(outcome->value_count, DNS_STATUS_COUNT);
    for (unsigned i = 0; i < DNS_STATUS_COUNT; i++)
        assert_string_equal(outcome->values[i], dns_status_word((enum dns_status)i));

    const struct metric_label *dnssec = metrics_family(METRIC_DNS_DNSSEC)->label[0];
    assert_int_equal(dnssec->value_count, DNSSEC_STATE_COUNT);
    for (unsigned i = 0; i < DNSSEC_STATE_COUNT; i++)
        assert_string_equal(dnssec->values[i], dnssec_state_word((enum dnssec_state)i));
}

enum { THREADS = 4, EVENTS = 20000 };
static struct metrics *shared;

static void *count_events(void *arg) {
    struct metrics_worker *worker = metrics_worker_create(shared);
    (void)arg;
    for (unsigned i = 0; i < EVENTS; i++) metrics_count(worker, METRIC_DKIM_FAILURES, i % METRIC_CAUSE_COUNT, 0);
    return NULL;
}

static uint64_t all_failures(void) {
    uint64_t total = 0;
    for (unsigned i = 0; i < METRIC_CAUSE_COUNT; i++) total += metrics_counter(shared, METRIC_DKIM_FAILURES, i, 0);
    return total;
}

static void threads_lose_nothing_while_others_read(void **state) {
    (void)state;
    pthread_t threads[THREADS];
    shared = metrics_create();
    for (size_t i = 0; i < THREADS; i++) assert_int_equal(pthread_create(&threads[i], NULL, count_events, NULL), 0);
    uint64_t before = 0;
    for (int i = 0; i < 100; i++) {
        uint64_t now = all_failures();
        assert_true(now >= before && now <= THREADS * EVENTS);
        before = now;
    }
    for (size_t i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
    assert_int_equal(all_failures(), THREADS * EVENTS);
    metrics_destroy(shared);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counters_add_up_over_workers),
        cmocka_unit_test(gauges_go_up_and_down),
        cmocka_unit_test(a_bound_belongs_to_its_bucket),
        cmocka_unit_test(a_worker_given_back_is_used_again),
        cmocka_unit_test(without_a_worker_nothing_is_counted),
        cmocka_unit_test(every_family_is_well_formed),
        cmocka_unit_test(values_that_repeat_the_verifiers_words_are_the_same),
        cmocka_unit_test(threads_lose_nothing_while_others_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
