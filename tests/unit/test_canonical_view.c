#include "http/canonical_view.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* The table for two texts on exactly sized heap, as a C string that the caller frees. */
static char *view(struct span original, struct span received) {
    struct bytes out = bytes_with_cap(4 << 20);
    char *a = malloc(original.len + 1), *b = malloc(received.len + 1);
    assert_non_null(a);
    assert_non_null(b);
    char *end_a = memcpy(a + 1, original.ptr, original.len), *end_b = memcpy(b + 1, received.ptr, received.len);
    const struct canonical_sides sides = {
        .original = {end_a, original.len}, .received = {end_b, received.len}, .is_proved = true};
    canonical_view_write(&out, LANGUAGE_EN, &sides);
    assert_false(out.failed);
    bytes_append_char(&out, '\0');
    free(a);
    free(b);
    return out.ptr;
}

static unsigned count(const char *text, const char *part) {
    unsigned found = 0;
    for (const char *at = strstr(text, part); at != NULL; at = strstr(at + 1, part)) found++;
    return found;
}

/* The rows of the table: "=" alike on both sides, else what is deleted and inserted. */
static void rows_tell_the_change(void **state) {
    (void)state;
    static const struct {
        const char *original, *received, *want;
        unsigned same, changed;
    } rows[] = {
        {"a\r\nb\r\n", "a\r\nb\r\nfoot\r\n", "<ins>foot<i>¶</i></ins>", 2, 1},
        {"a\r\nb\r\nc\r\n", "b\r\nc\r\n", "<del>a<i>¶</i></del>", 2, 1},
        {"hello world\r\n", "hello mean world\r\n", "hello<i>·</i><ins>mean<i>·</i></ins>world<i>¶</i>", 0, 1},
        {"price 10 euro\r\n", "price 12 euro\r\n", "price<i>·</i>1<del>0</del><i>·</i>euro<i>¶</i>", 0, 1},
        {"a\r\nx\r\nb\r\ny\r\nc\r\n", "a\r\n1\r\nb\r\n2\r\nc\r\n", "<del>x</del><i>¶</i>", 3, 2},
        {"caf\xc3\xa9 noir\r\n", "caf\xc3\xa8 noir\r\n", "caf<del>\xc3\xa9</del><i>·</i>noir", 0, 1},
        {"", "all\r\n", "<ins>all<i>¶</i></ins>", 0, 1},
        {"all\r\n", "", "<del>all<i>¶</i></del>", 0, 1},
        {"a\r\nno end", "a\r\nno end\r\n", "no<i>·</i>end<ins><i>¶</i></ins>", 1, 1},
        {"same\r\n", "same\r\n", "same", 1, 0},
        {"", "", "<tbody role=\"rowgroup\">\n</tbody>", 0, 0},
        {"<script>alert(1)</script>\r\n", "", "&lt;script&gt;alert(1)&lt;/script&gt;", 0, 1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char *got = view(span_of(rows[i].original), span_of(rows[i].received));
        unsigned same = count(got, "class=\"same\""), all = count(got, "<tr role=\"row\"") - 1;
        if (strstr(got, rows[i].want) == NULL || same != rows[i].same || all - same != rows[i].changed)
            fail_msg("row %zu: %s", i, got);
        assert_null(strstr(got, "<script"));
        free(got);
    }
}

/* Only the lines around the change are shown. */
static void what_is_alike_is_left_out(void **state) {
    (void)state;
    struct bytes original = bytes_with_cap(1 << 20), received = bytes_with_cap(1 << 20);
    for (unsigned i = 0; i < 1000; i++) {
        bytes_append_format(&original, "line %u\r\n", i);
        bytes_append_format(&received, "line %u%s\r\n", i, i == 500 ? "!" : "");
    }
    char *got = view(bytes_span(&original), bytes_span(&received));
    assert_int_equal(count(got, "class=\"same\""), 2 * CANONICAL_VIEW_CONTEXT);
    assert_non_null(strstr(got, "500<ins>!</ins>"));
    assert_non_null(strstr(got, "line<i>·</i>497"));
    assert_null(strstr(got, "line<i>·</i>496"));
    free(got);
    bytes_release(&original);
    bytes_release(&received);
}

static void there_are_caps(void **state) {
    (void)state;
    struct bytes original = bytes_with_cap(1 << 20), received = bytes_with_cap(1 << 20);
    for (unsigned i = 0; i < 1000; i++) {
        bytes_append_format(&original, "one %u\r\n", i);
        bytes_append_format(&received, "two %u\r\n", i + 7000);
    }
    char *got = view(bytes_span(&original), bytes_span(&received));
    assert_int_equal(count(got, "<tr role=\"row\"") - 1, CANONICAL_VIEW_LINES - 2 * CANONICAL_VIEW_CONTEXT);
    assert_non_null(strstr(got, "1,612 more lines are not shown."));
    free(got);
    bytes_clear(&original);
    for (unsigned i = 0; i < 100000; i++) bytes_append_char(&original, (char)(i % 7 == 0 ? '<' : 'x'));
    got = view(bytes_span(&original), (struct span){"\0\0\0", 3});
    assert_true(strlen(got) < 8000);
    assert_non_null(strstr(got, "<ins><b>NUL</b><b>NUL</b><b>NUL</b></ins>"));
    free(got);
    bytes_release(&original);
    bytes_release(&received);
}

/* Random texts of few letters: a row has both sides, and who differs is marked. */
static void every_change_is_marked(void **state) {
    (void)state;
    uint32_t chance = 1;
    for (unsigned round = 0; round < 2000; round++) {
        char text[2][24];
        size_t len[2];
        for (unsigned side = 0; side < 2; side++) {
            chance = chance * 1664525 + 1013904223;
            len[side] = chance >> 28;
            for (size_t i = 0; i < len[side]; i++) {
                chance = chance * 1664525 + 1013904223;
                text[side][i] = "ab\n\xc3\xa9"[chance >> 24 & 3 ? (chance >> 26) % 3 : 3];
            }
        }
        char *got = view((struct span){text[0], len[0]}, (struct span){text[1], len[1]});
        assert_int_equal(count(got, "<td"), 2 * (count(got, "<tr role=\"row\"") - 1));
        assert_int_equal(count(got, "<del>"), count(got, "</del>"));
        if (len[0] == len[1] && memcmp(text[0], text[1], len[0]) == 0)
            assert_int_equal(count(got, "<ins>"), 0);
        else
            assert_true(count(got, "<ins>") + count(got, "<del>") > 0);
        free(got);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(rows_tell_the_change),
                                       cmocka_unit_test(what_is_alike_is_left_out), cmocka_unit_test(there_are_caps),
                                       cmocka_unit_test(every_change_is_marked)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
