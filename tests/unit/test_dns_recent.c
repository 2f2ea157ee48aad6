#include "verifier/dns_recent.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "base/clock.h"

/* A source that answers later, when told to, or at once. */
struct behind {
    struct dns_source source;
    bool is_late;
    struct dns_answer answer;
    struct dns_query *pending;
    unsigned lookups, cancels;
};
static enum dns_progress lookup(struct dns_source *source, struct span name, enum dns_type type,
                                struct dns_query *query, struct dns_answer *answer) {
    struct behind *behind = (struct behind *)(void *)source;
    (void)name, (void)type;
    behind->lookups++;
    if (behind->is_late) return behind->pending = query, DNS_PENDING;
    *answer = behind->answer;
    return DNS_ANSWERED;
}
static void cancel(struct dns_source *source, struct dns_query *query) {
    (void)query;
    ((struct behind *)(void *)source)->cancels++;
}

static struct clock_fixed clock_now;
static struct behind behind;
static struct dns_recent *recent;
static unsigned answers;
static struct dns_answer last;
static char text[64]; /* the first record of last, which is not valid any more */

static void note(const struct dns_answer *answer) {
    last = *answer;
    size_t len = answer->record_count > 0 && answer->record[0].len < sizeof text ? answer->record[0].len : 0;
    if (len > 0) memcpy(text, answer->record[0].ptr, len);
    text[len] = '\0';
}
static void count(struct dns_query *query, const struct dns_answer *answer) { (void)query, answers++, note(answer); }

static int set_up(void **state) {
    (void)state;
    clock_now = clock_fixed_at(1700000000);
    behind = (struct behind){.source = {lookup, cancel}, .is_late = true};
    behind.answer = (struct dns_answer){
        .dnssec = DNSSEC_SECURE, .ttl_s = 300, .record_count = 1, .record = {span_of("v=spf1 -all")}};
    answers = 0;
    recent = dns_recent_create(&behind.source, &clock_now.clock);
    return recent == NULL;
}
static int tear_down(void **state) {
    (void)state;
    dns_recent_destroy(recent);
    return 0;
}

static enum dns_progress ask(const char *name, enum dns_type type, struct dns_query *query) {
    struct dns_answer answer;
    *query = (struct dns_query){.answered = count};
    enum dns_progress progress = dns_lookup(dns_recent_source(recent), span_of(name), type, query, &answer);
    if (progress == DNS_ANSWERED) note(&answer);
    return progress;
}
/* Asks, and lets the source behind answer when the question came to it. True: it did not. */
static bool is_recalled(const char *name, enum dns_type type) {
    struct dns_query query;
    if (ask(name, type, &query) == DNS_ANSWERED) return true;
    behind.pending->answered(behind.pending, &behind.answer);
    return false;
}

static void what_was_found_is_given_again_as_long_as_it_lives(void **state) {
    (void)state;
    static const struct {
        enum dns_status status;
        uint32_t ttl_s;
        int64_t life_s;
    } rows[] = {
        {DNS_FOUND, 300, DNS_RECENT_S},
        {DNS_FOUND, 5, 5},
        {DNS_FOUND, 0, 0},
        {DNS_NXDOMAIN, 20, 20},
        {DNS_NODATA, 20, 20},
        {DNS_SERVFAIL, 0, 2},
        {DNS_TIMEOUT, 0, 2},
        {DNS_BOGUS, 20, 2},
        {DNS_FOUND, UINT32_MAX, DNS_RECENT_S},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char name[] = {'a', (char)('0' + i), 0};
        behind.answer.status = rows[i].status;
        behind.answer.ttl_s = rows[i].ttl_s;
        behind.answer.record_count = rows[i].status == DNS_FOUND;
        behind.answer.cname_count = 2;
        behind.answer.cname[0] = behind.answer.cname[1] = span_of("b");
        behind.answer.cname_ttl_s[0] = 1000;
        behind.answer.cname_ttl_s[1] = 0;
        assert_false(is_recalled(name, DNS_TXT));
        if (is_recalled(name, DNS_TXT) != (rows[i].life_s > 0)) fail_msg("row %zu: at once", i);
        if (rows[i].life_s == 0) continue;
        clock_now.monotonic_us += rows[i].life_s * 1000000 - 1;
        if (!is_recalled(name, DNS_TXT)) fail_msg("row %zu: just before its end", i);
        assert_int_equal(last.status, rows[i].status);
        assert_int_equal(last.dnssec, DNSSEC_SECURE);
        assert_int_equal(last.ttl_s, rows[i].ttl_s > 0 ? rows[i].ttl_s - (rows[i].life_s - 1) : 0);
        assert_int_equal(last.cname_ttl_s[0], 1000 - (rows[i].life_s - 1));
        assert_int_equal(last.cname_ttl_s[1], 0);
        assert_string_equal(text, rows[i].status == DNS_FOUND ? "v=spf1 -all" : "");
        clock_now.monotonic_us += 1;
        if (is_recalled(name, DNS_TXT)) fail_msg("row %zu: after its end", i);
    }
}

static void names_are_compared_without_case_and_types_apart(void **state) {
    (void)state;
    assert_false(is_recalled("A.example", DNS_TXT));
    assert_true(is_recalled("a.EXAMPLE", DNS_TXT));
    assert_false(is_recalled("a.example", DNS_A));
    assert_false(is_recalled("b.example", DNS_TXT));
}

static void who_has_left_is_not_called(void **state) {
    (void)state;
    struct dns_query query;
    assert_int_equal(ask("a.example", DNS_TXT, &query), DNS_PENDING);
    dns_cancel(dns_recent_source(recent), &query);
    assert_int_equal(behind.cancels, 1);
    assert_false(is_recalled("a.example", DNS_TXT));
    assert_int_equal(answers, 1);
}

static void what_is_under_way_is_cancelled_at_the_end(void **state) {
    (void)state;
    struct dns_query query;
    ask("a.example", DNS_TXT, &query);
    dns_recent_destroy(recent);
    recent = NULL;
    assert_int_equal(behind.cancels, 1);
    assert_int_equal(answers, 0);
}

static void what_is_answered_at_once_is_passed_on(void **state) {
    (void)state;
    behind.is_late = false;
    for (int i = 0; i < 2; i++) assert_true(is_recalled("a.example", DNS_TXT));
    assert_string_equal(text, "v=spf1 -all");
    assert_int_equal(behind.lookups, 2);
}

static void large_answers_are_passed_on_and_not_kept(void **state) {
    (void)state;
    static char large[DNS_RECENT_ANSWER_MAX];
    behind.answer.record[0] = (struct span){large, sizeof large};
    for (int i = 0; i < 2; i++) assert_false(is_recalled("a.example", DNS_TXT));
    assert_int_equal(last.record[0].len, sizeof large);
    behind.answer.record[0] = span_of("small");
    assert_false(is_recalled("a.example", DNS_TXT));
    assert_true(is_recalled("a.example", DNS_TXT));
}

static void many_names_do_not_fill_more_than_the_limit(void **state) {
    (void)state;
    for (unsigned i = 0; i < 20000; i++) {
        const char name[] = {(char)('a' + i / 676 % 26), (char)('a' + i / 26 % 26), (char)('a' + i % 26),
                             (char)('a' + i / 17576), 0};
        assert_false(is_recalled(name, DNS_TXT));
    }
    assert_false(is_recalled("aaaa", DNS_TXT)); /* long forgotten */
}

static void a_name_that_is_none_does_not_exist(void **state) {
    (void)state;
    char *long_name = calloc(1, 2000);
    struct dns_query query = {.answered = count};
    struct dns_answer answer;
    memset(long_name, 'a', 1500);
    assert_int_equal(dns_lookup(dns_recent_source(recent), (struct span){long_name, 1500}, DNS_TXT, &query, &answer),
                     DNS_ANSWERED);
    assert_int_equal(answer.status, DNS_NXDOMAIN);
    free(long_name);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_was_found_is_given_again_as_long_as_it_lives, set_up, tear_down),
        cmocka_unit_test_setup_teardown(names_are_compared_without_case_and_types_apart, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_has_left_is_not_called, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_under_way_is_cancelled_at_the_end, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_answered_at_once_is_passed_on, set_up, tear_down),
        cmocka_unit_test_setup_teardown(large_answers_are_passed_on_and_not_kept, set_up, tear_down),
        cmocka_unit_test_setup_teardown(many_names_do_not_fill_more_than_the_limit, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_name_that_is_none_does_not_exist, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
