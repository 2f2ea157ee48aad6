#include "verifier/encoded_word.h" /* first, so the header is proved to stand alone */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static const struct {
    const char *text, *want;
} rows[] = {
    {"", ""},
    {"plain = ? text", "plain = ? text"},
    {"=?utf-8?q?mx=2Eexample=2ecom_x?=", "mx.example.com x"},
    {"=?UTF-8*en?Q?a?= b", "a b"},
    {"(=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?b?=)", "(ab)"}, /* RFC 2047 section 8 */
    {"=?utf-8?q?a?=\r\n\t=?utf-8?b?Yg==?=c", "abc"},
    {"=?utf-8?B?bXguZXhhbXBsZS5jb20?=", "mx.example.com"}, /* padding lost */
    {"=?utf-8?B?bXg u*ZXg=?=", "mx.ex"},
    {"=?utf-8?q?=G1=?=", "=G1="},
    {"=?utf-8?x?a?=", "=?utf-8?x?a?="},
    {"=?utf-8?q?a?b?=", "=?utf-8?q?a?b?="},
    {"=?utf-8?q?a", "=?utf-8?q?a"},
    {"=?utf-8?q?a?", "=?utf-8?q?a?"},
    {"=?utf-8?q", "=?utf-8?q"},
    {"=?", "=?"},
    {"==?x?q?=3D?==", "==="},
};

static void every_row_decodes_as_wanted(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        size_t len = strlen(rows[i].text);
        char *exact = memcpy(malloc(len > 0 ? len : 1), rows[i].text, len);
        struct bytes out = bytes_with_cap(len); /* never longer than the text */
        assert_true(encoded_word_decode((struct span){exact, len}, &out));
        if (!span_is(bytes_span(&out), rows[i].want)) fail_msg("\"%s\": \"%.*s\"", rows[i].text, (int)out.len, out.ptr);
        assert_int_equal(encoded_word_present((struct span){exact, len}), strstr(rows[i].text, "=?") != NULL);
        bytes_release(&out);
        free(exact);
    }
}

static void lack_of_room_is_told(void **state) {
    (void)state;
    struct bytes out = bytes_with_cap(3);
    assert_false(encoded_word_decode(span_of("=?x?q?abcd?="), &out));
    bytes_release(&out);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_row_decodes_as_wanted),
                                       cmocka_unit_test(lack_of_room_is_told)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
