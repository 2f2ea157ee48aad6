#include "verifier/body_canon.h" /* first, so the header is proved to stand alone */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "verifier/wsp_squeeze.h"

static struct digest shared;

static void expect_digest(struct body_canon *canon, const char *name, const char *want, size_t want_len) {
    uint8_t got_value[DIGEST_OCTETS], want_value[DIGEST_OCTETS];
    size_t hashed = canon->has_limit && canon->limit < want_len ? (size_t)canon->limit : want_len;
    uint64_t got_hashed = shared.octets;
    assert_true(digest_end(&shared, got_value));
    digest_begin(&shared);
    digest_update(&shared, (struct span){want, hashed});
    assert_true(digest_end(&shared, want_value));
    if (canon->octets != want_len || got_hashed != hashed || memcmp(got_value, want_value, sizeof got_value) != 0)
        fail_msg("%s: %zu octets, %zu hashed; wanted %zu, %zu of \"%.*s\"", name, (size_t)canon->octets,
                 (size_t)got_hashed, want_len, hashed, (int)want_len, want);
}

static void update_exact(struct body_canon *canon, const char *text, size_t len) {
    char *exact = memcpy(malloc(len > 0 ? len : 1), text, len);
    body_canon_update(canon, (struct span){exact, len});
    free(exact);
}

struct body { const char *name, *text; size_t len; const char *want; size_t want_len; };

/* Cut after first and second; a step cuts the rest steadily (0: not at all). */
static void expect_cut(enum canonicalization kind, const struct body *body, size_t first, size_t second, size_t step,
                       const uint64_t *limit) {
    struct body_canon canon;
    digest_begin(&shared);
    body_canon_begin(&canon, kind, limit != NULL, limit != NULL ? *limit : 0, &shared);
    update_exact(&canon, body->text, first);
    update_exact(&canon, body->text + first, second - first);
    for (size_t at = second; at < body->len;) {
        size_t len = step > 0 && step < body->len - at ? step : body->len - at;
        update_exact(&canon, body->text + at, len);
        at += len;
    }
    body_canon_end(&canon);
    expect_digest(&canon, body->name, body->want, body->want_len);
}

static void expect_every_cut(enum canonicalization kind, const struct body *body) {
    for (enum wsp_squeeze_kernel kernel = 0; kernel < WSP_SQUEEZE_KERNEL_COUNT; kernel++) {
        wsp_squeeze_limit(kernel);
        for (size_t cut = 0; cut <= body->len; cut++) expect_cut(kind, body, cut, cut, 0, NULL);
        expect_cut(kind, body, 0, 0, 1, NULL);
        for (uint64_t limit = 0; limit <= body->want_len + 1; limit++)
            expect_cut(kind, body, 0, body->len / 2, (size_t)limit % 3, &limit);
    }
}

static const struct { const char *text, *relaxed, *simple; } rows[] = {
    {" C \r\nD \t E\r\n\r\n\r\n", " C\r\nD E\r\n", " C \r\nD \t E\r\n"}, /* section 3.4.5 */
    {"", "", "\r\n"},                                                     /* sections 3.4.4 and 3.4.3 */
    {"\r\n", "", "\r\n"},
    {"\r\n\r\n\r\n", "", "\r\n"},
    {" \t \r\n\t\r\n", "", " \t \r\n\t\r\n"},                             /* lines of white space alone are empty lines */
    {"a\r\n \r\n\t\r\n", "a\r\n", "a\r\n \r\n\t\r\n"},
    {"a", "a\r\n", "a\r\n"},                                              /* no CRLF at the end: one is added */
    {"a\r\n\r\nb", "a\r\n\r\nb\r\n", "a\r\n\r\nb\r\n"},
    {"a\r\n \r\n b\r\n", "a\r\n\r\n b\r\n", "a\r\n \r\n b\r\n"},
    {"a \t", "a\r\n", "a \t\r\n"},
    {"a\r\n \t", "a\r\n", "a\r\n \t\r\n"},
    {" \t", "", " \t\r\n"},
    {"\r", "\r\r\n", "\r\r\n"},                                           /* bare CR and bare LF are content */
    {"\n", "\n\r\n", "\n\r\n"},
    {"a\r\n\n", "a\r\n\n\r\n", "a\r\n\n\r\n"},
    {"a\r\n\r", "a\r\n\r\r\n", "a\r\n\r\r\n"},
    {"a \rb \nc", "a \rb \nc\r\n", "a \rb \nc\r\n"},                      /* white space before them stays */
    {"a \r", "a \r\r\n", "a \r\r\n"},
    {"a \t\r\r\n", "a \r\r\n", "a \t\r\r\n"},
    {"a\r \r\nb", "a\r\r\nb\r\n", "a\r \r\nb\r\n"},
    {"a\r \nb", "a\r \nb\r\n", "a\r \nb\r\n"},
    {"a\n\r\n", "a\n\r\n", "a\n\r\n"},
    {"\xc2\xa0\x0b \x0c\r\n", "\xc2\xa0\x0b \x0c\r\n", "\xc2\xa0\x0b \x0c\r\n"}, /* only SP and HTAB are WSP */
};

static void every_row_becomes_what_is_wanted(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *text = rows[i].text;
        expect_every_cut(CANON_RELAXED, &(struct body){text, text, strlen(text), rows[i].relaxed, strlen(rows[i].relaxed)});
        expect_every_cut(CANON_SIMPLE, &(struct body){text, text, strlen(text), rows[i].simple, strlen(rows[i].simple)});
    }
}

static bool ends_with_crlf(const char *text, size_t len) {
    return len >= 2 && text[len - 2] == '\r' && text[len - 1] == '\n';
}

/* Sections 3.4.3 and 3.4.4 step by step over the whole body. */
static size_t by_the_letter(enum canonicalization kind, const char *in, size_t len, char *out) {
    size_t made = 0;
    for (size_t i = 0; i < len; i++) { /* line ends lose the white space before them, other runs become one SP */
        bool line_end = i + 1 < len && in[i] == '\r' && in[i + 1] == '\n';
        if (kind == CANON_RELAXED && (in[i] == ' ' || in[i] == '\t')) {
            if (i == 0 || (in[i - 1] != ' ' && in[i - 1] != '\t')) out[made++] = ' ';
            continue;
        }
        if (kind == CANON_RELAXED && line_end && i > 0 && (in[i - 1] == ' ' || in[i - 1] == '\t')) made--;
        out[made++] = in[i];
        if (line_end) out[made++] = in[++i];
    }
    if (kind == CANON_RELAXED && len > 0 && (in[len - 1] == ' ' || in[len - 1] == '\t')) made--; /* the last line's */
    while (ends_with_crlf(out, made)) made -= 2;
    if (made > 0 || kind == CANON_SIMPLE) {
        out[made++] = '\r';
        out[made++] = '\n';
    }
    return made;
}

static void expect_as_by_the_letter(const char *text, size_t len, size_t first, size_t second, size_t step) {
    char *want = malloc(len + 2);
    for (int kind = 0; kind < 2; kind++) {
        struct body body = {"random body", text, len, want, by_the_letter((enum canonicalization)kind, text, len, want)};
        for (enum wsp_squeeze_kernel kernel = 0; kernel < WSP_SQUEEZE_KERNEL_COUNT; kernel++) {
            wsp_squeeze_limit(kernel);
            expect_cut((enum canonicalization)kind, &body, first, second, step, NULL);
        }
    }
    free(want);
}

/* Every text of up to five octets of this alphabet, at every cut. */
static const char alphabet[] = {' ', '\t', '\r', '\n', 'a', 0, '.'};

static void every_short_body_matches_the_letter(void **state) {
    (void)state;
    for (size_t len = 0, count = 1; len <= 5; len++, count *= sizeof alphabet)
        for (size_t number = 0; number < count; number++) {
            char text[8];
            for (size_t i = 0, rest = number; i < len; i++, rest /= sizeof alphabet) text[i] = alphabet[rest % sizeof alphabet];
            for (size_t cut = 0; cut <= len; cut++) expect_as_by_the_letter(text, len, cut, cut, cut % 2);
        }
}

/* Long enough for every path of the vector kernel; rare white space and dense white space by turns. */
static void random_bodies_match_the_letter(void **state) {
    (void)state;
    srand(6376);
    for (int round = 0; round < 3000; round++) {
        char text[700];
        size_t len = (size_t)rand() % sizeof text, dense = (size_t)rand() % 100 + 1;
        for (size_t i = 0; i < len; i++)
            text[i] = (size_t)rand() % 100 < dense ? alphabet[(size_t)rand() % sizeof alphabet] : (char)('a' + rand() % 26);
        for (size_t i = 0; i + 1 < len; i++)
            if (rand() % 30 == 0) text[i] = '\r', text[i + 1] = '\n';
        size_t first = len > 0 ? (size_t)rand() % len : 0;
        expect_as_by_the_letter(text, len, first, first + (size_t)rand() % (len - first + 1), (size_t)rand() % 50);
    }
}

static void large_bodies_match_the_letter(void **state) {
    (void)state;
    enum { LARGE = 300000 };
    static const char *const pieces[] = {"text ", "  ", "\t", "\r\n", " \r\n", "\r\n\r\n\r\n", "\r", "PGh0bWw+PGJvZHk+PGRpdiBzdHlsZT0i\r\n"};
    char *text = malloc(LARGE + 64);
    srand(8463);
    for (size_t round = 0; round < 6; round++) {
        size_t len = 0;
        while (len < LARGE) {
            const char *piece = pieces[(size_t)rand() % (sizeof pieces / sizeof *pieces)];
            size_t times = rand() % 400 == 0 ? 6000 : 1; /* more than any buffer of white space or empty lines */
            for (; times > 0 && len < LARGE; times--, len += strlen(piece)) memcpy(text + len, piece, strlen(piece));
        }
        expect_as_by_the_letter(text, len, 0, 0, round * 7777);
    }
    memset(text, ' ', LARGE);
    expect_as_by_the_letter(text, LARGE, 0, 0, 0);
    text[LARGE - 1] = 'x';
    expect_as_by_the_letter(text, LARGE, 0, 0, 0);
    free(text);
}

static int begin(void **state) { return (void)state, digest_init(&shared) ? 0 : 1; }
static int end(void **state) { return (void)state, digest_release(&shared), 0; }

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_becomes_what_is_wanted), cmocka_unit_test(every_short_body_matches_the_letter),
        cmocka_unit_test(random_bodies_match_the_letter),   cmocka_unit_test(large_bodies_match_the_letter),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
