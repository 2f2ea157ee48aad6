#include "proxy/line_reader.h" /* first, so the header is proved to stand alone */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "tests/support/exact.h"

#define LIT(text) {text, sizeof(text) - 1}
enum { LINE_MAX_OF_ROWS = 10 };

/* want: one word an answer: <line> READY, "lf" LINE_BARE_LF, "long" LINE_TOO_LONG. RFC 5321 section 2.3.8. */
static const struct row { struct span stream, want; } rows[] = {
    {LIT("EHLO x\r\n"), LIT("<EHLO x>")},
    {LIT("\r\n\r\n"), LIT("<><>")},
    {LIT("a\r\nb\r\nc"), LIT("<a><b>")},
    {LIT("a\nb\r\nc\r\n"), LIT("lf<c>")},                     /* b is never a command of its own */
    {LIT("a\n\n\n\r\nc\r\n"), LIT("lf<c>")},
    {LIT("\nMAIL\r\nc\r\n"), LIT("lf<c>")},
    {LIT("a\nb\nc\n"), LIT("lf")},                            /* told once, waits for CRLF */
    {LIT("a\rb\r\n"), LIT("<a\rb>")},                         /* smtp_command refuses the CR */
    {LIT("a\r\r\n"), LIT("<a\r>")},
    {LIT("\r\r\r\n"), LIT("<\r\r>")},
    {LIT("a\0b\r\n"), LIT("<a\0b>")},
    {LIT("a\n\r\nb\r\n"), LIT("lf<b>")},
    {LIT("12345678\r\n12345678\r\n"), LIT("<12345678><12345678>")},
    {LIT("123456789\r\nNOOP\r\n"), LIT("long<NOOP>")},
    {LIT("1234567890\r\nNOOP\r\n"), LIT("long<NOOP>")},
    {LIT("1234567890123456789012345\nNOOP\r\nb\r\n"), LIT("long<b>")}, /* the LF behind the limit is no news */
    {LIT("123456789\nb\r\nc\r\n"), LIT("lf<c>")},             /* the LF is the tenth octet */
    {LIT("123456789\r\r\nb\r\n"), LIT("long<b>")},
};

static void note(struct bytes *out, enum line_status status, struct span line) {
    if (status == LINE_READY) {
        bytes_append_char(out, '<');
        bytes_append(out, line);
        bytes_append_char(out, '>');
    } else if (status != LINE_MORE) {
        bytes_append_text(out, status == LINE_BARE_LF ? "lf" : status == LINE_TOO_LONG ? "long" : "memory");
    }
}

static void feed(struct line_reader *reader, struct span part, struct bytes *out) {
    struct span exact = exact_copy(part), line;
    for (size_t at = 0, taken; ; at += taken) {
        enum line_status status = line_reader_next(reader, span_after(exact, at), &taken, &line);
        assert_true(taken <= exact.len - at);
        note(out, status, line);
        if (status == LINE_MORE) {
            assert_int_equal(at + taken, exact.len);
            break;
        }
    }
    exact_free(exact);
}

static void check(size_t row, const size_t *ends, size_t count) {
    struct line_reader reader;
    struct bytes got = bytes_with_cap(4096);
    line_reader_init(&reader, LINE_MAX_OF_ROWS);
    for (size_t i = 0, at = 0; i < count; at = ends[i++])
        feed(&reader, (struct span){rows[row].stream.ptr + at, ends[i] - at}, &got);
    if (!span_equal(bytes_span(&got), rows[row].want))
        fail_msg("row %zu: got %.*s", row, (int)got.len, got.ptr);
    bytes_release(&got);
    line_reader_release(&reader);
}

static void every_row_whole_and_at_every_two_cuts(void **state) {
    (void)state;
    for (size_t row = 0; row < sizeof rows / sizeof *rows; row++)
        for (size_t a = 0; a <= rows[row].stream.len; a++)
            for (size_t b = a; b <= rows[row].stream.len; b++) check(row, (size_t[]){a, b, rows[row].stream.len}, 3);
}

static void every_row_octet_by_octet(void **state) {
    (void)state;
    for (size_t row = 0; row < sizeof rows / sizeof *rows; row++) {
        size_t ends[64];
        for (size_t i = 0; i < rows[row].stream.len; i++) ends[i] = i + 1;
        check(row, ends, rows[row].stream.len);
    }
}

static void a_whole_line_is_not_copied(void **state) {
    struct line_reader reader;
    struct span stream = span_of("NOOP\r\nQUIT\r\n"), line;
    size_t taken;
    (void)state;
    line_reader_init(&reader, 512);
    assert_int_equal(line_reader_next(&reader, stream, &taken, &line), LINE_READY);
    assert_ptr_equal(line.ptr, stream.ptr);
    assert_int_equal(taken, 6);
    assert_int_equal(reader.held.room, 0);
    line_reader_release(&reader);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_whole_and_at_every_two_cuts),
        cmocka_unit_test(every_row_octet_by_octet),
        cmocka_unit_test(a_whole_line_is_not_copied),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
