#include "proxy/data_reader.h" /* first, so the header is proved to stand alone */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "tests/data_phase_property.h"

#define LIT(text) {text, sizeof(text) - 1}

/* RFC 5321 section 4.5.2. rest: octets behind the end; NONE: it did not end. odd: offsets of bare CR, LF, NUL; -1:
 * none. */
enum { NONE = 9999 };
static const struct row { struct span stream, content; size_t rest; int cr, lf, nul; } rows[] = {
    {LIT(".\r\nQUIT\r\n"), LIT(""), 6, -1, -1, -1},
    {LIT("\r\n.\r\n"), LIT("\r\n"), 0, -1, -1, -1},
    {LIT("a\r\n.\r\n"), LIT("a\r\n"), 0, -1, -1, -1},
    {LIT("..\r\n.\r\n"), LIT(".\r\n"), 0, -1, -1, -1},
    {LIT("...a\r\n..\r\n.\r\n"), LIT("..a\r\n.\r\n"), 0, -1, -1, -1},
    {LIT(".a\r\n.\r\n"), LIT("a\r\n"), 0, -1, -1, -1},
    {LIT("a\r\n.b\r\n.\r\n.\r\n"), LIT("a\r\nb\r\n"), 3, -1, -1, -1},
    {LIT("a.\r\n.\r\n"), LIT("a.\r\n"), 0, -1, -1, -1},
    {LIT("a\r\n"), LIT("a\r\n"), NONE, -1, -1, -1},
    {LIT("a\r\n."), LIT("a\r\n"), NONE, -1, -1, -1},
    {LIT("a\r\n.\r"), LIT("a\r\n"), NONE, -1, -1, -1},
    {LIT("a\r\n.\rb\r\n.\r\n"), LIT("a\r\n\rb\r\n"), 0, 3, -1, -1},
    {LIT("a\r\n.\r\r\n.\r\n"), LIT("a\r\n\r\r\n"), 0, 3, -1, -1},
    /* Ends of lenient servers, none of them ours. */
    {LIT("a\n.\nb\r\n.\r\n"), LIT("a\n.\nb\r\n"), 0, -1, 1, -1},
    {LIT("a\n.\r\nb\r\n.\r\n"), LIT("a\n.\r\nb\r\n"), 0, -1, 1, -1},
    {LIT("a\r\n.\nb\r\n.\r\n"), LIT("a\r\n\nb\r\n"), 0, -1, 3, -1},
    {LIT("a\r.\rb\r\n.\r\n"), LIT("a\r.\rb\r\n"), 0, 1, -1, -1},
    {LIT("a\r.\r\nb\r\n.\r\n"), LIT("a\r.\r\nb\r\n"), 0, 1, -1, -1},
    {LIT("a\r\n.\r"
         ".\r\nb\r\n.\r\n"), LIT("a\r\n\r.\r\nb\r\n"), 0, 3, -1, -1},
    {LIT("a\r\n\0.\r\n.\r\n"), LIT("a\r\n\0.\r\n"), 0, -1, -1, 3},
    {LIT("a\r\n.\0\r\n.\r\n"), LIT("a\r\n\0\r\n"), 0, -1, -1, 3},
    {LIT("a\n\r\n.\r\n"), LIT("a\n\r\n"), 0, -1, 1, -1},
    {LIT("a\r\r\n.\r\n"), LIT("a\r\r\n"), 0, 1, -1, -1},
    {LIT("\n.\r\n"), LIT("\n.\r\n"), NONE, -1, 0, -1},
    {LIT("\0\n\r\0\r\n\n\r\r\n.\r\n"), LIT("\0\n\r\0\r\n\n\r\r\n"), 0, 2, 1, 0},
};

static int offset_of(struct data_oddity oddity) { return oddity.seen ? (int)oddity.offset : -1; }

static void check(size_t i, const struct data_reading *got) {
    const struct row *row = &rows[i];
    size_t rest = got->ended ? row->stream.len - got->taken : NONE;
    if (!span_equal(bytes_span(&got->content), row->content) || rest != row->rest)
        fail_msg("row %zu: %zu octets, rest %zu", i, got->content.len, rest);
    if (offset_of(got->bare_cr) != row->cr || offset_of(got->bare_lf) != row->lf || offset_of(got->nul) != row->nul)
        fail_msg("row %zu: odd %d %d %d", i, offset_of(got->bare_cr), offset_of(got->bare_lf), offset_of(got->nul));
}

static void every_row_at_every_two_cuts(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (size_t a = 0; a <= rows[i].stream.len; a++)
            for (size_t b = a; b <= rows[i].stream.len; b++) {
                struct data_reading got = reading_empty();
                struct data_reader reader;
                size_t ends[] = {a, b, rows[i].stream.len};
                data_reader_init(&reader);
                for (size_t k = 0, at = 0; k < 3 && !got.ended; at = ends[k++])
                    got.ended = reading_feed(&got, &reader, (struct span){rows[i].stream.ptr + at, ends[k] - at});
                got.bare_cr = reader.bare_cr, got.bare_lf = reader.bare_lf, got.nul = reader.nul;
                check(i, &got);
                reading_release(&got);
            }
}

static void every_row_in_equal_steps(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (size_t step = 1; step <= rows[i].stream.len; step++) {
            struct data_reading got = reading_of(rows[i].stream, step);
            check(i, &got);
            reading_release(&got);
        }
}

/* Every string of up to 7 octets over the five that matter, whole and octet by octet, against the definition. */
static void every_short_stream_is_read_as_defined(void **state) {
    static const char alphabet[] = {'\r', '\n', '.', '\0', 'a'};
    (void)state;
    for (size_t len = 0, count = 1; len <= 7; len++, count *= sizeof alphabet)
        for (size_t n = 0; n < count; n++) {
            char octets[8];
            for (size_t i = 0, rest = n; i < len; i++, rest /= sizeof alphabet)
                octets[i] = alphabet[rest % sizeof alphabet];
            struct span stream = {octets, len};
            struct data_reading whole = reading_of(stream, SIZE_MAX), single = reading_of(stream, 1);
            struct data_reading wanted = reading_by_definition(stream);
            if (!reading_same(&whole, &wanted) || !reading_same(&single, &wanted))
                fail_msg("stream %zu of %zu", n, len);
            reading_release(&whole);
            reading_release(&single);
            reading_release(&wanted);
        }
}

static void long_content_is_one_run_in_place(void **state) {
    enum { LINES = 1000 };
    struct bytes stream = bytes_with_cap(1 << 20);
    struct data_reader reader;
    struct span content;
    size_t taken;
    (void)state;
    for (int i = 0; i < LINES; i++) bytes_append_text(&stream, "0123456789.abcdef.\r\n");
    bytes_append_text(&stream, ".\r\nQUIT\r\n");
    data_reader_init(&reader);
    assert_int_equal(data_reader_next(&reader, bytes_span(&stream), &taken, &content), DATA_RUN);
    assert_ptr_equal(content.ptr, stream.ptr);
    assert_int_equal(content.len, LINES * 20);
    assert_int_equal(data_reader_next(&reader, span_after(bytes_span(&stream), taken), &taken, &content), DATA_END);
    assert_int_equal(taken, 3);
    assert_false(data_reader_is_odd(&reader));
    bytes_release(&stream);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_at_every_two_cuts),
        cmocka_unit_test(every_row_in_equal_steps),
        cmocka_unit_test(every_short_stream_is_read_as_defined),
        cmocka_unit_test(long_content_is_one_run_in_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
