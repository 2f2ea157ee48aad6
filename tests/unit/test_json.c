#include "base/json.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static void expect(struct bytes *out, const char *want) {
    bytes_append_char(out, '\0');
    assert_false(out->failed);
    assert_string_equal(out->ptr, want);
    bytes_release(out);
}

static void commas_and_brackets_come_by_themselves(void **state) {
    (void)state;
    struct bytes out = bytes_with_cap(1000);
    struct json json = json_writer(&out);
    json_object(&json);
    json_key(&json, "none");
    json_array(&json);
    json_array_end(&json);
    json_key(&json, "list");
    json_array(&json);
    json_int(&json, INT64_MIN);
    json_uint(&json, UINT64_MAX);
    json_object(&json);
    json_object_end(&json);
    json_array(&json);
    json_null(&json);
    json_array_end(&json);
    json_bool(&json, true);
    json_array_end(&json);
    json_key_bool(&json, "b", false);
    json_key_int(&json, "i", -1);
    json_key_uint(&json, "u", 1);
    json_key_null(&json, "n");
    json_key_text(&json, "t", "x");
    json_key_text(&json, "absent", NULL);
    json_key_string(&json, "s", (struct span){NULL, 0});
    json_key_span(&json, span_of("a\"b"));
    json_object(&json);
    json_key_int(&json, "x", 0);
    json_object_end(&json);
    json_object_end(&json);
    expect(&out, "{\"none\":[],\"list\":[-9223372036854775808,18446744073709551615,{},[null],true],\"b\":false,\"i\":-1,"
                 "\"u\":1,\"n\":null,\"t\":\"x\",\"absent\":null,\"s\":\"\",\"a\\\"b\":{\"x\":0}}");
}

static void values_of_the_outermost_level_stand_in_lines(void **state) {
    (void)state;
    struct bytes out = bytes_with_cap(1000);
    struct json json = json_writer(&out);
    json_int(&json, 1);
    json_object(&json);
    json_object_end(&json);
    expect(&out, "1\n{}");
}

static const struct { const char *octets; size_t len; const char *want; } rows[] = {
    {"plain text 'n' <tags> & more", 28, "plain text 'n' <tags> & more"},
    {"\"\\/", 3, "\\\"\\\\/"},
    {"\r\n\t", 3, "\\r\\n\\t"},
    {"\0\x01\x1b\x1f", 4, "\\u0000\\u0001\\u001b\\u001f"},
    {"\x7f", 1, "\\u007f"},
    {"d\xc3\xa9j\xc3\xa0", 6, "d\xc3\xa9j\xc3\xa0"},
    {"\xf0\x9f\x93\xa7", 4, "\xf0\x9f\x93\xa7"},
    {"\xc2\x9b\xc2\xa0", 4, "\\u009b\xc2\xa0"}, /* C1: a terminal's CSI */
    {"\xff" "a", 2, "\\ufffda"},
    {"\xc3", 1, "\\ufffd"},                     /* cut off */
    {"\xe2\x82", 2, "\\ufffd\\ufffd"},
    {"\xc0\xaf", 2, "\\ufffd\\ufffd"},          /* overlong */
    {"\xed\xa0\x80", 3, "\\ufffd\\ufffd\\ufffd"}, /* a surrogate */
    {"\xf4\x90\x80\x80", 4, "\\ufffd\\ufffd\\ufffd\\ufffd"}, /* past U+10FFFF */
    {"\xc3\"", 2, "\\ufffd\\\""},               /* the quote is not swallowed */
};

static void every_string_is_valid_and_harmless(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char *exact = memcpy(malloc(rows[i].len), rows[i].octets, rows[i].len);
        struct bytes out = bytes_with_cap(1000);
        struct json json = json_writer(&out);
        json_string(&json, (struct span){exact, rows[i].len});
        struct span got = bytes_span(&out);
        if (out.failed || got.len != strlen(rows[i].want) + 2 || got.ptr[0] != '"' || got.ptr[got.len - 1] != '"' ||
            memcmp(got.ptr + 1, rows[i].want, got.len - 2) != 0)
            fail_msg("row %zu: %.*s", i, (int)got.len, got.ptr);
        bytes_release(&out);
        free(exact);
    }
}

static void a_full_buffer_fails_and_stays_failed(void **state) {
    (void)state;
    struct bytes out = bytes_with_cap(8);
    struct json json = json_writer(&out);
    json_array(&json);
    json_text(&json, "longer than eight");
    json_array_end(&json);
    assert_true(out.failed);
    assert_true(out.len <= 8);
    bytes_release(&out);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commas_and_brackets_come_by_themselves),
        cmocka_unit_test(values_of_the_outermost_level_stand_in_lines),
        cmocka_unit_test(every_string_is_valid_and_harmless),
        cmocka_unit_test(a_full_buffer_fails_and_stays_failed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
