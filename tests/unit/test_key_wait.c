#include "verifier/key_wait.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include "tests/support/fake_keys.h"

static void count(void *owner, struct key_wait *wait) {
    assert_true(wait->is_answered);
    ++*(unsigned *)owner;
}

static void each_name_is_asked_once(void **state) {
    (void)state;
    struct fake_keys keys;
    struct key_wait_set set;
    unsigned answered = 0, budget = 2;
    fake_keys_init(&keys);
    fake_keys_add(&keys, "a.example", "v=DKIM1; p=", DNS_FOUND);
    assert_true(key_wait_init(&set, &keys.source, 3, count, &answered));
    struct key_wait *a = key_wait_ask(&set, span_of("a.example"), &budget);
    assert_true(a->is_answered && a->entry != NULL && !a->is_pending);
    keys.answers = FAKE_LATE;
    struct key_wait *b = key_wait_ask(&set, span_of("b.example"), &budget);
    assert_true(b->is_pending && !b->is_answered);
    assert_ptr_equal(key_wait_ask(&set, span_of("a.example"), &budget), a); /* known names are free */
    assert_ptr_equal(key_wait_ask(&set, span_of("b.example"), &budget), b);
    assert_null(key_wait_ask(&set, span_of("c.example"), &budget)); /* the budget is spent */
    budget = 5;
    assert_non_null(key_wait_ask(&set, span_of("c.example"), &budget));
    assert_null(key_wait_ask(&set, span_of("d.example"), &budget)); /* the room is spent */
    assert_int_equal(budget, 4);
    assert_int_equal(keys.lookups, 3);
    fake_keys_answer(&keys);
    assert_int_equal(answered, 2);
    assert_true(b->is_answered && b->entry->status == DNS_NXDOMAIN);
    key_wait_release(&set);
    key_wait_release(&set);
}

static void time_runs_out_or_the_message_is_dropped(void **state) {
    (void)state;
    struct fake_keys keys;
    struct key_wait_set set;
    unsigned answered = 0, budget = 9;
    fake_keys_init(&keys);
    keys.answers = FAKE_LATE;
    assert_true(key_wait_init(&set, &keys.source, 3, count, &answered));
    struct key_wait *a = key_wait_ask(&set, span_of("a.example"), &budget);
    key_wait_expire(&set);
    assert_true(a->is_answered && a->entry == NULL && a->failure == DKIM_DNS_TIMEOUT);
    key_wait_ask(&set, span_of("b.example"), &budget);
    key_wait_forget(&set);
    assert_int_equal(keys.cancels, 2);
    fake_keys_answer(&keys);
    assert_int_equal(answered, 0);
    keys.answers = FAKE_NO_MEMORY;
    a = key_wait_ask(&set, span_of("a.example"), &budget);
    assert_true(a->is_answered && a->entry == NULL && a->failure == DKIM_NO_MEMORY);
    key_wait_release(&set);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_name_is_asked_once),
                                       cmocka_unit_test(time_runs_out_or_the_message_is_dropped)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
