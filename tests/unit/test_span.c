#include "base/span.h" /* first, so the header is proved to stand alone */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "base/ascii.h"

enum { LENGTHS = 27 }; /* below, at and above the eight octets that are looked at together */

static char lower(char c) { return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c; }

static char *exact_copy(const char *octets, size_t len) { return memcpy(malloc(len > 0 ? len : 1), octets, len); }

/* Every octet against every octet, at every place: equal when the slow way says so. */
static void case_of_letters_alone_is_overlooked(void **state) {
    (void)state;
    static const char base[LENGTHS + 1] = "abcdefghijklmnopqrstuvwxyz";
    for (size_t len = 1; len < LENGTHS; len++) {
        char *a = exact_copy(base, len), *b = exact_copy(base, len);
        for (size_t at = 0; at < len; at++) {
            for (int pair = 0; pair < 256 * 256; pair += len == 13 ? 1 : 17) { /* all of them once, a sample else */
                a[at] = (char)(pair / 256);
                b[at] = (char)(pair % 256);
                bool want = lower(a[at]) == lower(b[at]);
                if (span_equal_nocase((struct span){a, len}, (struct span){b, len}) != want)
                    fail_msg("%02x and %02x at %zu of %zu", pair / 256, pair % 256, at, len);
            }
            a[at] = b[at] = base[at];
        }
        free(a);
        free(b);
    }
    assert_false(span_equal_nocase(span_of("From"), span_of("Fro")));
    assert_true(span_equal_nocase(span_of(""), span_of("")));
}

static void one_octet_that_is_not_graphic_shows_at_every_place(void **state) {
    (void)state;
    for (size_t len = 0; len < LENGTHS; len++) {
        char *text = memset(malloc(len > 0 ? len : 1), 'a', len > 0 ? len : 1);
        assert_true(span_is_graph((struct span){text, len}));
        for (size_t at = 0; at < len; at++) {
            for (int octet = 0; octet < 256; octet++) {
                text[at] = (char)octet;
                if (span_is_graph((struct span){text, len}) != (octet > ' ' && octet < 0x7f))
                    fail_msg("%02x at %zu of %zu", (unsigned)octet, at, len);
            }
            text[at] = 'a';
        }
        free(text);
    }
}

/* Neighbours matter as well where eight octets are one number. */
static void eight_octets_are_judged_each_by_itself(void **state) {
    (void)state;
    for (int pair = 0; pair < 256 * 256; pair++) {
        char eight[8] = "aaaaaaa~";
        eight[3] = (char)(pair / 256);
        eight[4] = (char)(pair % 256);
        bool first = pair / 256 >= ' ' && pair / 256 < 0x7f, second = pair % 256 >= ' ' && pair % 256 < 0x7f;
        if (ascii_are_print(eight) != (first && second)) fail_msg("%04x", (unsigned)pair);
        uint64_t word;
        memcpy(&word, eight, sizeof word);
        word = ascii_lower_eight(word);
        for (size_t i = 0; i < 8; i++) eight[i] = lower(eight[i]);
        if (memcmp(&word, eight, sizeof word) != 0) fail_msg("%04x in lower case", (unsigned)pair);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(case_of_letters_alone_is_overlooked),
        cmocka_unit_test(one_octet_that_is_not_graphic_shows_at_every_place),
        cmocka_unit_test(eight_octets_are_judged_each_by_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
