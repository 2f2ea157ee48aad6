#include "proxy/transaction.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static void note(struct transaction *transaction, unsigned code, const char *enhanced, const char *text) {
    struct smtp_reply reply;
    smtp_reply_init(&reply);
    assert_true(smtp_reply_set(&reply, code, enhanced, text));
    transaction_note(transaction, &reply);
    smtp_reply_release(&reply);
}

static void recipients_count_when_they_are_accepted(void **state) {
    struct transaction transaction;
    (void)state;
    transaction_init(&transaction);
    transaction_try(&transaction, span_of("a@x"));
    transaction_settle(&transaction, true);
    transaction_try(&transaction, span_of("nobody@x"));
    transaction_settle(&transaction, false);
    transaction_try(&transaction, span_of("b@x"));
    transaction_settle(&transaction, true);
    assert_int_equal(transaction.tried, 3);
    assert_int_equal(transaction.accepted, 2);
    assert_true(span_is(bytes_span(&transaction.recipients), "a@x,b@x"));
    assert_true(span_is(bytes_span(&transaction.forward_paths), "a@x\nb@x\n"));
    transaction_reset(&transaction);
    assert_int_equal(transaction.tried + transaction.accepted + transaction.recipients.len, 0);
}

static void texts_are_bounded_and_counts_exact(void **state) {
    struct transaction transaction;
    char path[300];
    (void)state;
    memset(path, 'p', sizeof path);
    transaction_init(&transaction);
    for (int i = 0; i < 1000; i++) {
        transaction_try(&transaction, (struct span){path, sizeof path});
        transaction_settle(&transaction, true);
        note(&transaction, 250, "2.0.0", "Ok");
    }
    transaction_try(&transaction, span_of("short@x")); /* still fits, long ones were left out whole */
    transaction_settle(&transaction, true);
    assert_int_equal(transaction.accepted, 1001);
    assert_int_equal(transaction.delivered, 1000);
    assert_int_equal(transaction.recipients.len, 3 * 301 - 1 + 8);
    assert_int_equal(transaction.forward_paths.len, 1000 * 301 + 8); /* rules see all of them */
    assert_true(transaction.outcome.len <= TRANSACTION_TEXT_MAX);
    transaction_reset(&transaction);
}

static void too_many_forward_paths_are_refused(void **state) {
    enum { LEN = 1 << 20 };
    struct transaction transaction;
    char *path = malloc(LEN);
    (void)state;
    memset(path, 'p', LEN);
    transaction_init(&transaction);
    for (int i = 0; i < 15; i++) {
        assert_true(transaction_try(&transaction, (struct span){path, LEN}));
        transaction_settle(&transaction, true);
    }
    assert_false(transaction_try(&transaction, (struct span){path, LEN}));
    assert_true(transaction_try(&transaction, span_of("short@x")));
    transaction_settle(&transaction, true);
    assert_int_equal(transaction.accepted, 16);
    assert_int_equal(transaction.forward_paths.len, 15 * (LEN + 1) + 8);
    transaction_reset(&transaction);
    free(path);
}

static void the_gravest_reply_counts(void **state) {
    struct transaction transaction;
    (void)state;
    transaction_init(&transaction);
    note(&transaction, 250, "2.0.0", "one");
    note(&transaction, 552, "5.2.2", "two");
    note(&transaction, 451, "4.2.2", "three");
    assert_int_equal(transaction.code, 552);
    assert_int_equal(transaction.delivered, 1);
    assert_true(span_is(bytes_span(&transaction.outcome), "250 2.0.0 one; 552 5.2.2 two; 451 4.2.2 three"));
    transaction_reset(&transaction);
}

static const struct { const char *text, *wanted; } ids[] = {
    {"Ok: queued as 4XyZ9k1abc", "4XyZ9k1abc"},
    {"Ok: queued as 4XyZ; thanks", "4XyZ"},
    {"Ok: queued as ", ""},
    {"Saved", ""},
};

static void the_queue_id_is_found(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
        struct transaction transaction;
        transaction_init(&transaction);
        assert_int_equal(transaction_queue_id(&transaction).len, 0);
        note(&transaction, 250, "2.0.0", ids[i].text);
        struct span id = transaction_queue_id(&transaction);
        if (!span_is(id, ids[i].wanted)) fail_msg("%s: %.*s", ids[i].text, (int)id.len, id.ptr);
        transaction_reset(&transaction);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(recipients_count_when_they_are_accepted),
        cmocka_unit_test(texts_are_bounded_and_counts_exact),
        cmocka_unit_test(too_many_forward_paths_are_refused),
        cmocka_unit_test(the_gravest_reply_counts),
        cmocka_unit_test(the_queue_id_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
