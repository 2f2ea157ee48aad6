#include "http/drawn_text.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { WHOLE = 1000 };

/* From exactly as many octets on the heap, so that a sanitizer sees a step too far. */
static void expect(void (*draw)(struct bytes *out, struct span text, size_t most), struct span text, size_t most,
                   const char *want) {
    struct bytes out = bytes_with_cap(4000);
    char *copy = malloc(text.len > 0 ? text.len : 1);
    assert_non_null(copy);
    memcpy(copy, text.ptr, text.len);
    draw(&out, (struct span){copy, text.len}, most);
    free(copy);
    bytes_append_char(&out, '\0');
    assert_string_equal(out.ptr, want);
    bytes_release(&out);
}

static void what_cannot_be_seen_is_drawn(void **state) {
    (void)state;
    static const struct {
        struct span text;
        const char *want;
    } rows[] = {
#define ROW(text, want) {{text, sizeof(text) - 1}, want}
        ROW("", ""),
        ROW("plain", "plain"),
        ROW("a  b\tc", "a<i>··</i>b<i>→</i>c"),
        ROW("a \r\n", "a<i>·</i><i>¶</i>"),
        ROW("a\nb\rc", "a<b>LF</b>b<b>CR</b>c"),
        ROW("\r\r\n", "<b>CR</b><i>¶</i>"),
        ROW("<b>&\"'", "&lt;b&gt;&amp;&quot;&#39;"),
        ROW("\0\x1b\x7f", "<b>NUL</b><b>ESC</b><b>DEL</b>"),
        ROW("\xc2\x85\xc2\xa0\xc2\x9f", "<b>NEL</b><b>NBSP</b><b>U+009F</b>"),
        ROW("a\xe2\x80\xae"
            "b",
            "a<b>RLO</b>b"),
        ROW("\xef\xbb\xbf", "<b>BOM</b>"),
        ROW("\xf3\xa0\x81\x81", "<b>U+E0041</b>"),
        ROW("\xff\xc3", "<b>\\xFF</b><b>\\xC3</b>"),
        ROW("\xc3\xa9\xf0\x9f\x94\x91", "\xc3\xa9\xf0\x9f\x94\x91"),
#undef ROW
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        expect(drawn_text_write_first, rows[i].text, WHOLE, rows[i].want);
}

static void long_texts_are_cut_between_characters(void **state) {
    (void)state;
    struct span text = span_of("ab\xc3\xa9"
                               "cd");
    expect(drawn_text_write_first, text, 2, "ab<b>…</b>");
    expect(drawn_text_write_first, text, 3, "ab<b>…</b>");
    expect(drawn_text_write_first, text, 4, "ab\xc3\xa9<b>…</b>");
    expect(drawn_text_write_first, text, 6,
           "ab\xc3\xa9"
           "cd");
    expect(drawn_text_write_last, text, 2, "<b>…</b>cd");
    expect(drawn_text_write_last, text, 3, "<b>…</b>cd");
    expect(drawn_text_write_last, text, 4,
           "<b>…</b>\xc3\xa9"
           "cd");
    expect(drawn_text_write_last, text, 6,
           "ab\xc3\xa9"
           "cd");
    expect(drawn_text_write_first, text, 0, "<b>…</b>");
    /* Nothing but octets that only continue: cut somewhere, not searched to the start. */
    expect(drawn_text_write_last, span_of("\x80\x80\x80\x80\x80\x80"), 5, "<b>…</b><b>\\x80</b><b>\\x80</b>");
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(what_cannot_be_seen_is_drawn),
                                       cmocka_unit_test(long_texts_are_cut_between_characters)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
