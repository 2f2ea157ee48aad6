#include "http/html.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static void expect(struct bytes *out, const char *want) {
    bytes_append_char(out, '\0');
    assert_string_equal(out->ptr, want);
    bytes_release(out);
}

/* From exactly as many octets on the heap, so that a sanitizer sees a step too far. */
static void expect_text(struct span text, const char *want) {
    struct bytes out = bytes_with_cap(1000);
    char *copy = malloc(text.len > 0 ? text.len : 1);
    assert_non_null(copy);
    memcpy(copy, text.ptr, text.len);
    html_text(&out, (struct span){copy, text.len});
    free(copy);
    expect(&out, want);
}

#define BAD "\xef\xbf\xbd"

static void text_is_harmless(void **state) {
    (void)state;
    static const struct { struct span text; const char *want; } rows[] = {
#define ROW(text, want) {{text, sizeof(text) - 1}, want}
        ROW("", ""),
        ROW("plain", "plain"),
        ROW("<script>&\"'", "&lt;script&gt;&amp;&quot;&#39;"),
        ROW("\xc3\xa9\xe2\x82\xac\xf0\x9f\x94\x91", "\xc3\xa9\xe2\x82\xac\xf0\x9f\x94\x91"),
        ROW("a\tb\nc", "a\tb\nc"),
        ROW("a\0b\x1b\x7f", "a" BAD "b" BAD BAD),
        ROW("\xc2\x85", BAD),                 /* C1 */
        ROW("a\xe2\x80\xae" "b", "a" BAD "b"), /* right-to-left override */
        ROW("\xe2\x80\x8b\xef\xbb\xbf\xc2\xad", BAD BAD BAD),
        ROW("\xff\x80", BAD BAD),
        ROW("\xc3", BAD),                     /* cut off */
        ROW("\xe2\x82", BAD BAD),
        ROW("\xf0\x9f\x94", BAD BAD BAD),
        ROW("\xc0\xbc", BAD BAD),             /* "<" in too many octets */
        ROW("\xe0\x80\xbc", BAD BAD BAD),
        ROW("\xf0\x80\x80\xbc", BAD BAD BAD BAD),
        ROW("\xed\xa0\x80", BAD BAD BAD),     /* surrogate */
        ROW("\xf4\x90\x80\x80", BAD BAD BAD BAD), /* behind the last character */
        ROW("\xf3\xa0\x81\x81", BAD),         /* tag character */
#undef ROW
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) expect_text(rows[i].text, rows[i].want);
}

static void numbers_are_written_as_they_are_read(void **state) {
    (void)state;
    struct bytes out = bytes_with_cap(1000);
    static const uint64_t counts[] = {0, 7, 999, 1000, 1204, 123456, 1234567, UINT64_MAX};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) html_count(&out, counts[i], LANGUAGE_EN), bytes_append_char(&out, ' ');
    expect(&out, "0 7 999 1,000 1,204 123,456 1,234,567 18,446,744,073,709,551,615 ");
    html_count(&out, 1234567, LANGUAGE_FR);
    expect(&out, "1\xe2\x80\xaf" "234\xe2\x80\xaf" "567");
}

static void shares_say_none_and_all_only_when_true(void **state) {
    (void)state;
    static const struct { uint64_t part, whole; const char *want; } rows[] = {
        {0, 0, "\xe2\x80\x93"}, {0, 5, "0%"}, {5, 5, "100%"}, {1, 3, "33%"}, {2, 3, "67%"},
        {1, 1000, "&lt;1%"}, {999, 1000, "&gt;99%"}, {995, 1000, "&gt;99%"}, {5, 1000, "1%"}, {UINT64_MAX - 1, UINT64_MAX, "&gt;99%"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct bytes out = bytes_with_cap(100);
        html_share(&out, rows[i].part, rows[i].whole, LANGUAGE_EN);
        expect(&out, rows[i].want);
    }
    struct bytes out = bytes_with_cap(100);
    html_share(&out, 1, 2, LANGUAGE_FR);
    expect(&out, "50\xe2\x80\xaf%");
}

static void times_are_for_people_and_machines(void **state) {
    (void)state;
    struct bytes out = bytes_with_cap(1000);
    html_time(&out, 1772366461);
    expect(&out, "<time datetime=\"2026-03-01T12:01:01Z\">2026-03-01 12:01</time>");
    html_time(&out, 0);
    expect(&out, "\xe2\x80\x93");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_is_harmless),
        cmocka_unit_test(numbers_are_written_as_they_are_read),
        cmocka_unit_test(shares_say_none_and_all_only_when_true),
        cmocka_unit_test(times_are_for_people_and_machines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
