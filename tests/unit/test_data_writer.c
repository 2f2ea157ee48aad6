#include "proxy/data_writer.h" /* first, so the header is proved to stand alone */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "tests/data_phase_property.h"

#define LIT(text) {text, sizeof(text) - 1}

/* RFC 5321 section 4.5.2. */
static const struct row { struct span content, wire; } rows[] = {
    {LIT(""), LIT(".\r\n")},
    {LIT("\r\n"), LIT("\r\n.\r\n")},
    {LIT("a\r\n"), LIT("a\r\n.\r\n")},
    {LIT("a"), LIT("a\r\n.\r\n")},
    {LIT("."), LIT("..\r\n.\r\n")},
    {LIT(".a\r\n..b\r\n.\r\nc.\r\n"), LIT("..a\r\n...b\r\n..\r\nc.\r\n.\r\n")},
    {LIT("a\r"), LIT("a\r\r\n.\r\n")},
    {LIT("a\n"), LIT("a\n\r\n.\r\n")},
    /* line_ends = pass: what lenient servers take for an end gets a second dot, what they do not stays as it is. */
    {LIT("a\n.\nb\r\n"), LIT("a\n..\nb\r\n.\r\n")},
    {LIT("a\n.\r\nb\r\n"), LIT("a\n..\r\nb\r\n.\r\n")},
    {LIT("a\r.\rb\r\n"), LIT("a\r..\rb\r\n.\r\n")},
    {LIT("a\r.\r\nb\r\n"), LIT("a\r..\r\nb\r\n.\r\n")},
    {LIT("a\n.b\r.c\r\n"), LIT("a\n.b\r.c\r\n.\r\n")},
    {LIT("a\n..\n\r\n"), LIT("a\n..\n\r\n.\r\n")},
    {LIT("a\n."), LIT("a\n..\r\n.\r\n")},
    {LIT("a\n.\0\n\r\n"), LIT("a\n..\0\n\r\n.\r\n")},
    {LIT("a\r\n\0.\r\n"), LIT("a\r\n\0..\r\n.\r\n")},
    {LIT("\0\0.\n\r\n"), LIT("\0\0..\n\r\n.\r\n")},
    {LIT("a\r\0\n.\r\n"), LIT("a\r\0\n..\r\n.\r\n")},
    {LIT("a\0.\n\r\n"), LIT("a\0.\n\r\n.\r\n")},
};

static void every_row_with_every_cut_and_room(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (size_t step = 1; step <= rows[i].content.len + 1; step++)
            for (size_t room = 1; room <= rows[i].wire.len + 1; room++) {
                struct bytes wire = wire_of(rows[i].content, step, room);
                if (!span_equal(bytes_span(&wire), rows[i].wire))
                    fail_msg("row %zu step %zu room %zu: %zu octets", i, step, room, wire.len);
                bytes_release(&wire);
            }
}

/* R-13 and property (c): every content of up to 7 octets over the five that matter. */
static void no_content_ends_early_anywhere(void **state) {
    static const char alphabet[] = {'\r', '\n', '.', '\0', 'a'};
    (void)state;
    for (size_t len = 0, count = 1; len <= 7; len++, count *= sizeof alphabet)
        for (size_t n = 0; n < count; n++) {
            char octets[8];
            for (size_t i = 0, rest = n; i < len; i++, rest /= sizeof alphabet)
                octets[i] = alphabet[rest % sizeof alphabet];
            struct bytes wire = wire_of((struct span){octets, len}, SIZE_MAX, SIZE_MAX);
            struct bytes single = wire_of((struct span){octets, len}, 1, 1);
            struct bytes wanted = expected_at_strict_server((struct span){octets, len});
            struct data_reading back = reading_of(bytes_span(&wire), SIZE_MAX);
            bool fits = back.ended && back.taken == wire.len &&
                        span_equal(bytes_span(&back.content), bytes_span(&wanted)) &&
                        span_equal(bytes_span(&wire), bytes_span(&single));
            if (!fits || any_lenient_end_inside(bytes_span(&wire))) fail_msg("content %zu of %zu", n, len);
            reading_release(&back);
            bytes_release(&wire);
            bytes_release(&single);
            bytes_release(&wanted);
        }
}

/* The check above is worth something: it sees an end in content that is sent as it is. */
static void the_lenient_server_is_lenient(void **state) {
    static const struct { struct span wire; bool ends; } wires[] = {
        {LIT("a\n.\nb\r\n.\r\n"), true},  {LIT("a\r.\rb\r\n.\r\n"), true},    {LIT("a\n.\r\nb\r\n.\r\n"), true},
        {LIT("a\n\0.\0\n.\r\n"), true},   {LIT(".\r\n.\r\n"), true},          {LIT("a\n..\nb\r\n.\r\n"), false},
        {LIT("a.\nb\r\n.\r\n"), false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof wires / sizeof *wires; i++)
        assert_int_equal(any_lenient_end_inside(wires[i].wire), wires[i].ends);
}

static void whole_content_comes_back(void **state) {
    struct bytes content = bytes_with_cap(1 << 20);
    uint32_t seed = 1;
    (void)state;
    while (content.len < 200000) { /* well-formed lines of all lengths, many of them with dots in front */
        seed = seed * 1664525 + 1013904223;
        for (unsigned dots = seed >> 30; dots > 0; dots--) bytes_append_char(&content, '.');
        for (unsigned len = (seed >> 16) % 90; len > 0; len--)
            bytes_append_char(&content, (char)('!' + (seed + len) % 94));
        bytes_append_text(&content, "\r\n");
    }
    struct bytes wire = wire_of(bytes_span(&content), 7777, 4096);
    struct data_reading back = reading_of(bytes_span(&wire), 1000);
    assert_true(back.ended);
    assert_true(span_equal(bytes_span(&back.content), bytes_span(&content)));
    reading_release(&back);
    bytes_release(&wire);
    bytes_release(&content);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_with_every_cut_and_room),
        cmocka_unit_test(no_content_ends_early_anywhere),
        cmocka_unit_test(the_lenient_server_is_lenient),
        cmocka_unit_test(whole_content_comes_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
