#include "rules/pattern.h" /* first, so the header is proved to stand alone */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "tests/support/exact.h"

static struct pattern_scratch *scratch;

static enum pattern_result run(const struct pattern *pattern, struct span subject, enum pattern_reason *reason) {
    struct span exact = exact_copy(subject);
    enum pattern_result result = pattern_run(pattern, exact, scratch, reason);
    exact_free(exact);
    return result;
}

static struct pattern *compile(const char *text, unsigned flags, bool use_jit) {
    struct pattern_error error;
    struct span exact = exact_copy(span_of(text));
    struct pattern *pattern = pattern_compile(exact, flags, use_jit, &error);
    exact_free(exact);
    if (pattern == NULL) fail_msg("/%s/: %s at %zu", text, error.text, error.offset);
    return pattern;
}

enum { I = PATTERN_NOCASE, M = PATTERN_LINES, S = PATTERN_DOT_ALL, X = PATTERN_EXTENDED, U = PATTERN_CHARACTERS };

static const struct {
    const char *pattern;
    unsigned flags;
    const char *subject;
    size_t len; /* 0: up to the NUL */
    enum pattern_result want;
} rows[] = {
    {"(^|\\.)mabanque\\.fr$", I, "www.MaBanque.FR", 0, PATTERN_MATCH},
    {"(^|\\.)mabanque\\.fr$", I, "mabanque.fr", 0, PATTERN_MATCH},
    {"(^|\\.)mabanque\\.fr$", I, "xmabanque.fr", 0, PATTERN_MISMATCH},
    {"(^|\\.)mabanque\\.fr$", 0, "www.MaBanque.FR", 0, PATTERN_MISMATCH},
    {"fr$", 0, "fr\n", 0, PATTERN_MISMATCH}, /* $ is the end, nothing before it */
    {"fr$", M, "fr\nx", 0, PATTERN_MATCH},
    {"fr$", M, "fr\r\nx", 0, PATTERN_MATCH},
    {"a.b", 0, "a\nb", 0, PATTERN_MISMATCH},
    {"a.b", S, "a\nb", 0, PATTERN_MATCH},
    {"a b # and c", X, "ab", 0, PATTERN_MATCH},
    {"", 0, "", 0, PATTERN_MATCH},
    {"^$", 0, "", 0, PATTERN_MATCH},
    {"x", 0, "", 0, PATTERN_MISMATCH},
    {"a\\x00b", 0, "xa\0b", 4, PATTERN_MATCH}, /* NUL is content */
    {"a.b", 0, "a\0b", 3, PATTERN_MATCH},
    /* octets */
    {"^..$", 0, "\xc3\xa9", 0, PATTERN_MATCH},
    {"^.$", 0, "\xff", 0, PATTERN_MATCH},
    {"\xc3\xa9", 0, "caf\xc3\xa9", 0, PATTERN_MATCH},
    {"\\xe9", 0, "caf\xe9", 0, PATTERN_MATCH},
    {"[\\xe9]", I, "caf\xe9", 0, PATTERN_MATCH},
    {"\xc3\xa9[a-z]", 0, "\xc3\xa9t", 0, PATTERN_MATCH},
    /* characters */
    {"^.$", U, "\xc3\xa9", 0, PATTERN_MATCH},
    {"\xc3\xa9T\xc3\x89", I | U, "\xc3\x89t\xc3\xa9", 0, PATTERN_MATCH},
    {"[\xc3\xa9\xc3\xa8]t", U, "\xc3\xa8t", 0, PATTERN_MATCH},
    {".", U, "\xff", 0, PATTERN_MISMATCH}, /* what is no character matches nothing */
    {"a", U, "\xff\xff" "a", 0, PATTERN_MATCH},
    {"k", I | U, "\xe2\x84\xaa", 0, PATTERN_MATCH}, /* the sign for kelvin is a k */
    /* what a pattern may be made of */
    {"(?i)AB(?-i)c", 0, "abc", 0, PATTERN_MATCH},
    {"(?<q>['\"])x\\k<q>", 0, "\"x\"", 0, PATTERN_MATCH},
    {"\\bwin\\b(?!dows)", I, "you WIN now", 0, PATTERN_MATCH},
    {"a++b", 0, "aaab", 0, PATTERN_MATCH},
    {"(?1)(x|y)", 0, "yx", 0, PATTERN_MATCH},
    {"(*LIMIT_MATCH=4000000000)(a+)+$", 0, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab", 0, PATTERN_UNDECIDED}, /* cannot be raised */
};

static void every_row_matches_as_wanted(void **state) {
    bool use_jit = *(bool *)*state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct pattern *pattern = compile(rows[i].pattern, rows[i].flags, use_jit);
        struct span subject = {rows[i].subject, rows[i].len > 0 ? rows[i].len : strlen(rows[i].subject)};
        enum pattern_reason reason;
        enum pattern_result got = run(pattern, subject, &reason);
        if (got != rows[i].want || (reason == PATTERN_DECIDED) != (got != PATTERN_UNDECIDED))
            fail_msg("/%s/ on \"%s\": %s, %s", rows[i].pattern, rows[i].subject, pattern_result_text(got),
                     pattern_reason_text(reason));
        pattern_destroy(pattern);
    }
}

static const struct {
    const char *pattern;
    unsigned flags;
    size_t at;
    const char *words; /* of the sentence */
} wrong[] = {
    {"(a", 0, 2, "missing closing parenthesis"},
    {"a)", 0, 1, "unmatched closing parenthesis"},
    {"[a", 0, 2, "missing terminating ]"},
    {"*a", 0, 0, "quantifier"},
    {"a{2,1}", 0, 5, "numbers out of order"},
    {"\\", 0, 1, "\\ at end"},
    {"(?<=a+)b", 0, 0, "lookbehind"},
    {"\\1", 0, 1, "non-existent"},
    {"\\C", 0, 2, "\\C"},
    {"(*UTF)a", 0, 0, "UTF"},
    {"(((a{1,1000}){1,1000}){1,1000})", 0, 31, "too large"},
    {"[\xc3\xa9]", 0, 1, "flag u"},
    {"x[]\xc3\xa9]", 0, 3, "flag u"},
    {"x[[:alpha:]\xc3\xa9]", 0, 11, "flag u"},
    {"\xc3\xa9", PATTERN_NOCASE, 0, "flag u"},
    {"\xff", PATTERN_CHARACTERS, 0, "UTF-8"},
};

static void what_is_wrong_is_named_with_its_place(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct pattern_error error;
        struct span exact = exact_copy(span_of(wrong[i].pattern));
        struct pattern *pattern = pattern_compile(exact, wrong[i].flags, false, &error);
        if (pattern != NULL || strstr(error.text, wrong[i].words) == NULL || error.offset > exact.len ||
            (wrong[i].at > 0 && error.offset != wrong[i].at))
            fail_msg("/%s/: \"%s\" at %zu", wrong[i].pattern, pattern != NULL ? "compiles" : error.text, error.offset);
        exact_free(exact);
    }
    char *large = malloc(PATTERN_TEXT_MAX + 1);
    struct pattern_error error;
    memset(large, 'a', PATTERN_TEXT_MAX + 1);
    assert_null(pattern_compile((struct span){large, PATTERN_TEXT_MAX + 1}, 0, false, &error));
    assert_non_null(strstr(error.text, "4096"));
    memset(large, '(', PATTERN_TEXT_MAX); /* nesting */
    assert_null(pattern_compile((struct span){large, PATTERN_TEXT_MAX}, 0, false, &error));
    assert_non_null(strstr(error.text, "nested"));
    free(large);
}

static const struct {
    const char *pattern;
    unsigned flags;
    const char *unit;
    size_t len;
    const char *tail;
} catastrophic[] = {
#define CATASTROPHE(pattern, flags, unit, len, tail) {pattern, flags, unit, len, tail},
#include "tests/support/catastrophes.def"
};

static struct span subject_of(size_t row) {
    size_t unit_len = strlen(catastrophic[row].unit), tail_len = strlen(catastrophic[row].tail), len = 0;
    char *text = malloc(catastrophic[row].len + tail_len);
    for (; len + unit_len <= catastrophic[row].len; len += unit_len) memcpy(text + len, catastrophic[row].unit, unit_len);
    memcpy(text + len, catastrophic[row].tail, tail_len);
    return (struct span){text, len + tail_len};
}

static void catastrophes_end_undecided(void **state) {
    bool use_jit = *(bool *)*state;
    for (size_t i = 0; i < sizeof catastrophic / sizeof *catastrophic; i++) {
        struct pattern *pattern = compile(catastrophic[i].pattern, catastrophic[i].flags, use_jit);
        struct span subject = subject_of(i);
        enum pattern_reason reason;
        enum pattern_result got = pattern_run(pattern, subject, scratch, &reason);
        size_t steps = pattern_scratch_steps(scratch);
        if (got != PATTERN_UNDECIDED || reason == PATTERN_DECIDED)
            fail_msg("/%s/: %s", catastrophic[i].pattern, pattern_result_text(got));
        /* The same on any machine, however busy: once more is as long. */
        assert_int_equal(pattern_run(pattern, subject, scratch, &reason), PATTERN_UNDECIDED);
        assert_int_equal(pattern_scratch_steps(scratch), steps);
        free((void *)(size_t)subject.ptr);
        pattern_destroy(pattern);
        /* And the scratch is as good as before. */
        pattern = compile("b$", 0, use_jit);
        assert_int_equal(run(pattern, span_of("ab"), NULL), PATTERN_MATCH);
        pattern_destroy(pattern);
    }
}

static void a_subject_has_its_limit(void **state) {
    (void)state;
    struct pattern *pattern = compile("a", 0, false);
    char *text = memset(malloc(PATTERN_SUBJECT_MAX + 1), 'a', PATTERN_SUBJECT_MAX + 1);
    enum pattern_reason reason;
    assert_int_equal(pattern_run(pattern, (struct span){text, PATTERN_SUBJECT_MAX}, scratch, &reason), PATTERN_MATCH);
    assert_int_equal(pattern_run(pattern, (struct span){text, PATTERN_SUBJECT_MAX + 1}, scratch, &reason), PATTERN_UNDECIDED);
    assert_int_equal(reason, PATTERN_SUBJECT_TOO_LONG);
    assert_int_equal(pattern_run(pattern, (struct span){NULL, 0}, scratch, &reason), PATTERN_MISMATCH);
    free(text);
    pattern_destroy(pattern);
}

static void flags_have_letters(void **state) {
    (void)state;
    assert_int_equal(pattern_flag('i') | pattern_flag('m') | pattern_flag('s') | pattern_flag('x') | pattern_flag('u'), 31);
    assert_int_equal(pattern_flag('g'), 0);
    assert_int_equal(pattern_flag('\0'), 0);
}

static int create_scratch(void **state) { return (void)state, (scratch = pattern_scratch_create()) != NULL ? 0 : -1; }
static int destroy_scratch(void **state) { return (void)state, pattern_scratch_destroy(scratch), 0; }

int main(void) {
    static bool with_jit = true, without_jit = false;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(every_row_matches_as_wanted, &without_jit),
        cmocka_unit_test_prestate(every_row_matches_as_wanted, &with_jit),
        cmocka_unit_test(what_is_wrong_is_named_with_its_place),
        cmocka_unit_test_prestate(catastrophes_end_undecided, &without_jit),
        cmocka_unit_test_prestate(catastrophes_end_undecided, &with_jit),
        cmocka_unit_test(a_subject_has_its_limit),
        cmocka_unit_test(flags_have_letters),
    };
    return cmocka_run_group_tests(tests, create_scratch, destroy_scratch);
}
