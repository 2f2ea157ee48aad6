#include "verifier/dns_memory.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include "base/clock.h"

/* A source that answers what it is told, at once or when asked to. */
struct behind {
    struct dns_source source;
    enum dns_status status;
    bool late;
    struct dns_query *pending;
    unsigned lookups, cancels;
};
static enum dns_progress lookup(struct dns_source *source, struct span name, enum dns_type type, struct dns_query *query,
                                struct dns_answer *answer) {
    struct behind *behind = (struct behind *)(void *)source;
    (void)name, (void)type;
    behind->lookups++;
    if (behind->late) return behind->pending = query, DNS_PENDING;
    *answer = (struct dns_answer){.status = behind->status};
    return DNS_ANSWERED;
}
static void cancel(struct dns_source *source, struct dns_query *query) {
    (void)query;
    ((struct behind *)(void *)source)->cancels++;
}
static void answer_late(struct behind *behind) {
    struct dns_answer answer = {.status = behind->status};
    behind->pending->answered(behind->pending, &answer);
}

static struct clock_fixed clock_now;
static struct behind behind;
static struct dns_memory *memory;
static unsigned answers;
static enum dns_status last;
static void count(struct dns_query *query, const struct dns_answer *answer) { (void)query, answers++, last = answer->status; }

static int set_up(void **state) {
    (void)state;
    clock_now = clock_fixed_at(1700000000);
    behind = (struct behind){.source = {lookup, cancel}};
    answers = 0;
    memory = dns_memory_create(&behind.source, &clock_now.clock);
    return memory == NULL;
}
static int tear_down(void **state) {
    (void)state;
    dns_memory_destroy(memory);
    return 0;
}

static enum dns_progress ask(const char *name, enum dns_type type, struct dns_query *query) {
    struct dns_answer answer;
    *query = (struct dns_query){.answered = count};
    enum dns_progress progress = dns_lookup(dns_memory_source(memory), span_of(name), type, query, &answer);
    if (progress == DNS_ANSWERED) last = answer.status;
    return progress;
}

static void only_failures_are_remembered_and_not_for_long(void **state) {
    (void)state;
    static const struct { enum dns_status status; int64_t life_s; } rows[] = {
        {DNS_FOUND, 0}, {DNS_NXDOMAIN, 0}, {DNS_NODATA, 0}, {DNS_SERVFAIL, 10}, {DNS_TIMEOUT, 10}, {DNS_BOGUS, 60},
    };
    struct dns_query query;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char name[] = {'a', (char)('0' + i), 0};
        behind.status = rows[i].status;
        behind.lookups = 0;
        for (int again = 0; again < 3; again++) {
            assert_int_equal(ask(name, DNS_TXT, &query), DNS_ANSWERED);
            assert_int_equal(last, rows[i].status);
        }
        assert_int_equal(behind.lookups, rows[i].life_s > 0 ? 1 : 3);
        clock_now.monotonic_us += rows[i].life_s * 1000000 - 1;
        ask(name, DNS_TXT, &query);
        assert_int_equal(behind.lookups, rows[i].life_s > 0 ? 1 : 4);
        clock_now.monotonic_us += 1;
        behind.status = DNS_FOUND;
        ask(name, DNS_TXT, &query);
        assert_int_equal(last, DNS_FOUND);
    }
}

static void names_are_compared_without_case_and_types_apart(void **state) {
    (void)state;
    struct dns_query query;
    behind.status = DNS_SERVFAIL;
    ask("A.example", DNS_TXT, &query);
    ask("a.EXAMPLE", DNS_TXT, &query);
    assert_int_equal(behind.lookups, 1);
    ask("a.example", DNS_A, &query);
    ask("b.example", DNS_TXT, &query);
    assert_int_equal(behind.lookups, 3);
}

static void a_late_failure_reaches_the_asker_and_the_memory(void **state) {
    (void)state;
    struct dns_query query;
    behind.late = true;
    behind.status = DNS_TIMEOUT;
    assert_int_equal(ask("a.example", DNS_TXT, &query), DNS_PENDING);
    assert_int_equal(answers, 0);
    answer_late(&behind);
    assert_int_equal(answers, 1);
    assert_int_equal(last, DNS_TIMEOUT);
    assert_int_equal(ask("a.example", DNS_TXT, &query), DNS_ANSWERED);
    assert_int_equal(behind.lookups, 1);
}

static void who_has_left_is_not_called_but_the_failure_is_learned(void **state) {
    (void)state;
    struct dns_query query;
    behind.late = true;
    behind.status = DNS_TIMEOUT;
    ask("a.example", DNS_TXT, &query);
    dns_cancel(dns_memory_source(memory), &query);
    assert_int_equal(behind.cancels, 0);
    answer_late(&behind);
    assert_int_equal(answers, 0);
    assert_int_equal(ask("a.example", DNS_TXT, &query), DNS_ANSWERED);
    assert_int_equal(last, DNS_TIMEOUT);
}

static void what_is_under_way_is_cancelled_at_the_end(void **state) {
    (void)state;
    struct dns_query query;
    behind.late = true;
    ask("a.example", DNS_TXT, &query);
    dns_memory_destroy(memory);
    memory = NULL;
    assert_int_equal(behind.cancels, 1);
    assert_int_equal(answers, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(only_failures_are_remembered_and_not_for_long, set_up, tear_down),
        cmocka_unit_test_setup_teardown(names_are_compared_without_case_and_types_apart, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_late_failure_reaches_the_asker_and_the_memory, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_has_left_is_not_called_but_the_failure_is_learned, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_under_way_is_cancelled_at_the_end, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
