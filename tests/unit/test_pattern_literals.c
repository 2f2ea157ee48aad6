#include "rules/pattern_literals.h" /* first, so the header is proved to stand alone */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "base/ascii.h"
#include "base/bytes.h"
#include "rules/pattern.h"
#include "tests/support/exact.h"

enum { I = PATTERN_NOCASE, X = PATTERN_EXTENDED, U = PATTERN_CHARACTERS };

static const struct { const char *pattern; unsigned flags; const char *want; } rows[] = {
    {"(^|\\.)mabanque\\.fr$", I, "mabanque.fr"},
    {"MaBanque", 0, "mabanque"},
    {"viagra|cialis|levitra", I, "viagra,cialis,levitra"},
    {"(foo|barbaz)qux", 0, "qux"}, /* as long as foo, and one only */
    {"(foo|)quux", 0, "quux"},
    {"(?:one|three)+", 0, "one,three"},
    {"(?:one|three)*", 0, ""},
    {"(?:one|three)?four", 0, "four"},
    {"(?:one|three){0,4}four", 0, "four"},
    {"(?:one|three){1,4}", 0, "one,three"},
    {"abcd?e", 0, "abc"},
    {"abcd*", 0, "abc"},
    {"abcd+efg", 0, "abcd"},
    {"abcd{2}", 0, "abcd"},
    {"abcd{0}", 0, "abc"},
    {"ab", 0, ""}, /* too short */
    {"abc|de", 0, ""},
    {"foo.bars", 0, "bars"},
    {"foo bars", 0, "bars"}, /* a fold may stand there */
    {"foo\\ bars", 0, "bars"},
    {"foo bar", X, "foobar"},
    {"foo b ?", X, "foo"},
    {"foo # bar", X, ""},
    {"[a-z]{3}xyz", 0, "xyz"},
    {"[]abc]xyz[^]abc]", 0, "xyz"},
    {"[[:alpha:]def]xyz", 0, "xyz"},
    {"[[:]xyz", 0, ""},
    {"\\d+-\\x41\\x{42}abc", 0, "abc"},
    {"\\p{Lu}\\pLabc", U, "abc"},
    {"(?=abc)def", 0, "def"},
    {"(?!abc)(?<!ghi)defg", 0, "defg"},
    {"ab(?i)cd", 0, "abcd"},
    {"(?i:abcd)e", 0, "abcd"},
    {"(?<year>abcd)(?P<x>efg)(?'y'h)", 0, "abcd"},
    {"(?x)a b c", 0, ""},
    {"(abc)(?1)", 0, ""},
    {"\\Qa.b\\Eccc", 0, ""},
    {"(?(?=a)bcd|bcd)", 0, ""},
    {"(*COMMIT)abc", 0, ""},
    {"a{,3}bcd", 0, ""},
    {"bank", I | U, "ban"}, /* the sign for kelvin is a k */
    {"f\xc3\xa9licitations", 0, "f\xc3\xa9licitations"},
    {"f\xc3\xa9licitations", I | U, "licitation"},
    {"caf\xc3\xa9?", 0, "caf\xc3"}, /* octets */
    {"abc\xc2\x85?", U | X, ""},
    {"0123456789abcdefghij", 0, "0123456789abcdef"},
    {"aaa|bbb|ccc|ddd|eee|fff|ggg|hhh|iii|jjj|kkk|lll|mmm|nnn|ooo|ppp|qqq", 0, ""}, /* 17 */
    {"", 0, ""},
    {"(((abc|def)|ghi)|jkl)", 0, "abc,def,ghi,jkl"},
};

static void every_row_finds_what_is_wanted(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct pattern_literals literals;
        struct bytes got = bytes_with_cap(1024);
        struct span exact = exact_copy(span_of(rows[i].pattern));
        struct pattern_error error;
        struct pattern *pattern = pattern_compile(exact, rows[i].flags, false, &error);
        if (pattern == NULL && rows[i].want[0] != '\0') fail_msg("/%s/: %s", rows[i].pattern, error.text);
        pattern_destroy(pattern);
        pattern_literals_find(exact, rows[i].flags, &literals);
        for (size_t k = 0; k < literals.count; k++) {
            if (k > 0) bytes_append_char(&got, ',');
            bytes_append(&got, pattern_literal(&literals, k));
        }
        if (!span_is(bytes_span(&got), rows[i].want))
            fail_msg("/%s/: \"%.*s\", not \"%s\"", rows[i].pattern, (int)got.len, got.ptr, rows[i].want);
        bytes_release(&got);
        exact_free(exact);
    }
}

/* -- what PCRE2 says -- */

static uint64_t seed;

static unsigned draw(unsigned below) {
    seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
    return (unsigned)((seed >> 11) % below);
}

/* Text of a few letters, so that subjects match now and then; each piece may stand in a pattern and be matched by chance. */
static void write_pattern(struct bytes *out) {
    static const char *const pieces[] = {
        "a", "b", "ab", "abc", "cab", "k", "s", "S", "A", "\xc3\xa9", "\\.", ".", "[ab]", "[^c]", "[]b]", "[[:alpha:]c]",
        "\\w", "\\W", "\\x61", "\\x{62}", "\\b", "^", "$", "(?i)", "(?-i)", " ", "\\ ", "#", "\\#", "{", "}", "a{2}", "b{0}", "bc{1,2}",
        "(?=ab)", "(?!abc)", "(?<=c)", "\\Qa|b\\E", "\\1", "(?#abc)", "-", "\\N", "\\R", "(?1)", "(?s-m)", "\\d", "[\\]a]", "\\pL",
    };
    static const char *const words[] = {"ab", "abc", "cab", "bc", "Ab", "b.c", "aks"};
    static const char *const opens[] = {"(", "(?:", "(?>", "(?i:", "(?<n>", "(?=", "(?!", "(?|", "(?x:"};
    static const char *const repeats[] = {"", "", "", "", "", "?", "*", "+", "{0,1}", "{2,}", "??", "*+", " ?", "{,2}"};
    unsigned depth = 0;
    for (unsigned i = 2 + draw(9); i > 0; i--) {
        switch (draw(12)) {
        case 0: bytes_append_text(out, opens[draw(sizeof opens / sizeof *opens)]), depth++; continue;
        case 1:
            if (depth == 0) break;
            bytes_append_char(out, ')');
            depth--;
            break;
        case 2: bytes_append_char(out, '|'); continue;
        case 3:
        case 4:
        case 5:
        case 6: bytes_append_text(out, words[draw(sizeof words / sizeof *words)]); break;
        default: bytes_append_text(out, pieces[draw(sizeof pieces / sizeof *pieces)]); break;
        }
        bytes_append_text(out, repeats[draw(sizeof repeats / sizeof *repeats)]);
    }
    for (; depth > 0; depth--) bytes_append_char(out, ')');
}

static void write_subject(struct bytes *out) {
    static const char *const pieces[] = {"a", "b", "c", "ab", "abc", "cab", "bc", "aks", "abcab", "A", "B", "C", "k", "s", "\xe2\x84\xaa", "\xc5\xbf",
                                         "\xc3\xa9", "\xc3\x89", ".", " ", "-", "#", "{", "}", "1", "\n"};
    for (unsigned i = draw(14); i > 0; i--) bytes_append_text(out, pieces[draw(sizeof pieces / sizeof *pieces)]);
}

static bool holds(struct span subject, const struct pattern_literals *literals) {
    for (size_t i = 0; i < literals->count; i++) {
        struct span literal = pattern_literal(literals, i);
        for (size_t at = 0; at + literal.len <= subject.len; at++)
            if (span_equal_nocase(span_first(span_after(subject, at), literal.len), literal)) return true;
    }
    return literals->count == 0;
}

static void a_match_always_holds_a_literal(void **state) {
    static const unsigned flags[] = {0, I, U, I | U, X, X | I | U, PATTERN_LINES, PATTERN_DOT_ALL};
    const char *wanted = getenv("SCEAU_PATTERNS");
    unsigned long patterns = wanted != NULL ? strtoul(wanted, NULL, 10) : 100000, with_literals = 0, matches = 0;
    struct pattern_scratch *scratch = pattern_scratch_create();
    (void)state;
    seed = 88172645463325252;
    for (unsigned long i = 0; i < patterns; i++) {
        struct pattern_error error;
        struct pattern_literals literals;
        struct bytes text = bytes_with_cap(4096), subject = bytes_with_cap(4096);
        unsigned flag = flags[draw(sizeof flags / sizeof *flags)];
        write_pattern(&text);
        struct pattern *pattern = pattern_compile(bytes_span(&text), flag, false, &error);
        pattern_literals_find(bytes_span(&text), flag, &literals);
        if (pattern != NULL) with_literals += literals.count > 0;
        for (int k = 0; pattern != NULL && literals.count > 0 && k < 40; k++) {
            bytes_clear(&subject);
            write_subject(&subject);
            if (pattern_run(pattern, bytes_span(&subject), scratch, NULL) != PATTERN_MATCH) continue;
            matches++;
            if (!holds(bytes_span(&subject), &literals))
                fail_msg("/%.*s/ (flags %u) matches \"%.*s\"", (int)text.len, text.ptr, flag, (int)subject.len, subject.ptr);
        }
        pattern_destroy(pattern);
        bytes_release(&text);
        bytes_release(&subject);
    }
    print_message("%lu patterns, %lu with literals, %lu matches\n", patterns, with_literals, matches);
    assert_true(with_literals > patterns / 50 && matches > patterns / 50);
    pattern_scratch_destroy(scratch);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_finds_what_is_wanted),
        cmocka_unit_test(a_match_always_holds_a_literal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
