#include "base/json_fault.h" /* first, so the header is proved to stand alone */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "tests/support/exact.h"

static const struct {
    const char *text;
    enum json_fault fault;
    size_t line;
} rows[] = {
    {"{}", JSON_FAULT_NONE, 0},
    {"[1, -2.5e3, true, false, null, \"a\\\"b\", {\"a\": [ ]}]\n", JSON_FAULT_NONE, 0},
    {"{\"a\":1}\n{\"a\":2}", JSON_FAULT_NONE, 0},
    {"\"a\"\n\"b\"", JSON_FAULT_NONE, 0}, /* values in lines of their own */
    {"", JSON_FAULT_OTHER, 1},
    {" \n ", JSON_FAULT_OTHER, 2},
    {"{\"a\": 1\n \"b\": 2}", JSON_FAULT_COMMA, 1}, /* where the comma should stand */
    {"[1\n\n\n[2]]", JSON_FAULT_COMMA, 1},
    {"[1 2]", JSON_FAULT_COMMA, 1},
    {"{\n a: 1}", JSON_FAULT_BARE_WORD, 2},
    {"status: \"todo\"", JSON_FAULT_BARE_WORD, 1},
    {"{\"a\":\n yes}", JSON_FAULT_BARE_WORD, 2},
    {"{\"a\":1,}", JSON_FAULT_OTHER, 1},
    {"{\"a\" 1}", JSON_FAULT_OTHER, 1},
    {"{\"a\":}", JSON_FAULT_OTHER, 1},
    {"[1]]", JSON_FAULT_OTHER, 1},
    {"[1}", JSON_FAULT_OTHER, 1},
    {"{\"a\":[1", JSON_FAULT_OTHER, 1},
    {"\"open", JSON_FAULT_OTHER, 1},
    {"\"a\nb\"", JSON_FAULT_OTHER, 1},
    {"\"a\\", JSON_FAULT_OTHER, 1},
    {"{\"a\"::1}", JSON_FAULT_OTHER, 1},
    {"\xe9", JSON_FAULT_OTHER, 1},
};

static void each_text_has_its_fault(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct span text = exact_copy(span_of(rows[i].text));
        size_t line;
        enum json_fault fault = json_fault_find(text, &line);
        if (fault != rows[i].fault || line != rows[i].line)
            fail_msg("%s: fault %d in line %zu", rows[i].text, (int)fault, line);
        exact_free(text);
    }
}

static void depth_has_its_limit(void **state) {
    (void)state;
    char text[2 * (JSON_FAULT_DEPTH_MAX + 1)];
    size_t line;
    for (size_t depth = JSON_FAULT_DEPTH_MAX; depth <= JSON_FAULT_DEPTH_MAX + 1; depth++) {
        memset(text, '[', depth);
        memset(text + depth, ']', depth);
        assert_int_equal(json_fault_find((struct span){text, 2 * depth}, &line),
                         depth > JSON_FAULT_DEPTH_MAX ? JSON_FAULT_OTHER : JSON_FAULT_NONE);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_text_has_its_fault),
        cmocka_unit_test(depth_has_its_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
