#include "http/tester_request.h" /* first, so the header is proved to stand alone */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include "tests/support/exact.h"

static const struct { const char *text; bool is_pasted, has_envelope; const char *want; } rows[] = {
    {"A: b\r\n\r\nc\r\n", false, false, "A: b\r\n\r\nc\r\n"},
    {"A: b\n\nc\n", false, false, "A: b\r\n\r\nc\r\n"},
    {"A: b\r\n\r\nc\nd\r\n", false, false, "A: b\r\n\r\nc\nd\r\n"}, /* where CRLF is the line end, LF is content */
    {"A: b\r\n\r\nc\nd\r\n", true, false, "A: b\r\n\r\nc\r\nd\r\n"},
    {"\n", false, false, "\r\n"},
    {"x", false, false, "x"},
    {"", false, false, ""},
    {"From a Thu Jan  1\nA: b\n", false, false, "A: b\r\n"},
    {"From a", false, false, ""},
    /* by SMTP octets are as they are */
    {"From a\nb\n", false, true, "From a\nb\n"},
    {"A: b\n", true, true, "A: b\n"},
};

static void line_ends_become_those_of_the_wire(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct span text = exact_copy(span_of(rows[i].text));
        struct tester_message message = {.octets = text, .is_pasted = rows[i].is_pasted, .has_envelope = rows[i].has_envelope};
        struct tester_request *request = tester_request_of_message(&message);
        exact_free(text); /* it has its own */
        assert_non_null(request);
        if (!span_is(request->message.octets, rows[i].want))
            fail_msg("row %zu: \"%.*s\"", i, (int)request->message.octets.len, request->message.octets.ptr);
        assert_true(request->has_message && request->octets >= request->message.octets.len);
        tester_request_destroy(request);
    }
    tester_request_destroy(NULL);
}

static void everything_is_copied(void **state) {
    (void)state;
    struct span name = exact_copy(span_of("good.test"));
    struct tester_message message = {.octets = name, .helo = name, .mail_from = name, .client = name};
    struct tester_question question = {.domain = name, .selector_count = 2, .selector = {name, name}, .expected_cname = {name},
                                       .provider_answer = name, .record = name};
    struct tester_request *first = tester_request_of_message(&message), *second = tester_request_of_question(&question);
    exact_free(name);
    const struct span copies[] = {first->message.octets, first->message.helo, first->message.mail_from, first->message.client,
                                  second->question.domain, second->question.selector[0], second->question.selector[1],
                                  second->question.expected_cname[0], second->question.provider_answer, second->question.record};
    for (size_t i = 0; i < sizeof copies / sizeof *copies; i++) assert_true(span_is(copies[i], "good.test"));
    assert_int_equal(second->question.expected_cname[1].len, 0);
    assert_false(second->has_message);
    tester_request_destroy(first);
    tester_request_destroy(second);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(line_ends_become_those_of_the_wire), cmocka_unit_test(everything_is_copied)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
