#include "verifier/header_canon.h" /* first, so the header is proved to stand alone */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "verifier/wsp_squeeze.h"

/* A field whose three spans point into one buffer of exactly its size, as the parser of the header section makes it. */
static struct header_field field_of(const char *text, size_t len, char **owned) {
    char *exact = memcpy(malloc(len > 0 ? len : 1), text, len);
    size_t colon = span_find((struct span){exact, len}, ':'), name = colon, end = len;
    while (name > 0 && (exact[name - 1] == ' ' || exact[name - 1] == '\t')) name--;
    if (end - colon > 2 && exact[end - 1] == '\n' && exact[end - 2] == '\r') end -= 2;
    *owned = exact;
    return (struct header_field){{exact, len}, {exact, name}, {exact + colon + 1, end - colon - 1}};
}

static void expect_octets(struct digest *digest, const char *text, const char *want, size_t want_len) {
    uint8_t got_value[DIGEST_OCTETS], want_value[DIGEST_OCTETS];
    uint64_t got_len = digest->octets;
    assert_true(digest_end(digest, got_value));
    digest_begin(digest);
    digest_update(digest, (struct span){want, want_len});
    assert_true(digest_end(digest, want_value));
    if (got_len != want_len || memcmp(got_value, want_value, sizeof got_value) != 0)
        fail_msg("\"%s\": not \"%.*s\", but %zu octets", text, (int)want_len, want, (size_t)got_len);
}

static const struct { const char *text, *relaxed, *simple; } rows[] = {
    {"A: X\r\n", "a:X\r\n", "A: X\r\n"},                                         /* section 3.4.5 */
    {"B : Y\t\r\n\tZ  \r\n", "b:Y Z\r\n", "B : Y\t\r\n\tZ  \r\n"},               /* section 3.4.5 */
    {"Subject:x\r\n", "subject:x\r\n", "Subject:x\r\n"},
    {"SUBJect \t :\t x \t y\t\r\n", "subject:x y\r\n", "SUBJect \t :\t x \t y\t\r\n"},
    {"X:\r\n", "x:\r\n", "X:\r\n"},
    {"X: \t \r\n", "x:\r\n", "X: \t \r\n"},
    {"X:\r\n a\r\n", "x:a\r\n", "X:\r\n a\r\n"},                                 /* fold directly behind the colon */
    {"X: a\r\n \r\n\t\r\n b\r\n", "x:a b\r\n", "X: a\r\n \r\n\t\r\n b\r\n"},     /* folds with nothing between them */
    {"X: a\r\n \r\n", "x:a\r\n", "X: a\r\n \r\n"},                               /* fold at the end */
    {"X: a\rb\nc \r d \n\r\n", "x:a\rb\nc \r d \n\r\n", "X: a\rb\nc \r d \n\r\n"}, /* bare CR and LF are content */
    {"X: a\r\r\n b\r\n", "x:a\r b\r\n", "X: a\r\r\n b\r\n"},
    {"X: a \r", "x:a \r\r\n", "X: a \r\r\n"},
    {"X: a:b\r\n", "x:a:b\r\n", "X: a:b\r\n"},
    {"X: \xc3\xa9\x0b\xa0 z\r\n", "x:\xc3\xa9\x0b\xa0 z\r\n", "X: \xc3\xa9\x0b\xa0 z\r\n"}, /* only SP and HTAB are WSP */
    {"X: no line end", "x:no line end\r\n", "X: no line end\r\n"},               /* the message ended in this field */
};

static void every_row_becomes_what_is_wanted(void **state) {
    struct digest *digest = *state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char *owned;
        struct header_field field = field_of(rows[i].text, strlen(rows[i].text), &owned);
        digest_begin(digest);
        header_canon_field(CANON_RELAXED, &field, digest);
        expect_octets(digest, rows[i].text, rows[i].relaxed, strlen(rows[i].relaxed));
        digest_begin(digest);
        header_canon_field(CANON_SIMPLE, &field, digest);
        expect_octets(digest, rows[i].text, rows[i].simple, strlen(rows[i].simple));
        free(owned);
    }
}

static void nul_is_content(void **state) {
    struct digest *digest = *state;
    static const char text[] = "X: a \0  b\0\r\n", want[] = "x:a \0 b\0\r\n";
    char *owned;
    struct header_field field = field_of(text, sizeof text - 1, &owned);
    digest_begin(digest);
    header_canon_field(CANON_RELAXED, &field, digest);
    expect_octets(digest, "NUL", want, sizeof want - 1);
    free(owned);
}

/* The value of b= stands between < and > in the text, which are taken out first. */
static const struct { const char *text, *relaxed, *simple; } signatures[] = {
    {"DKIM-Signature: v=1; b=<AbC>; d=x\r\n", "dkim-signature:v=1; b=; d=x", "DKIM-Signature: v=1; b=; d=x"},
    {"DKIM-Signature: v=1; d=x; b=<AbC>\r\n", "dkim-signature:v=1; d=x; b=", "DKIM-Signature: v=1; d=x; b="},
    {"DKIM-Signature: v=1; b=<>; d=x\r\n", "dkim-signature:v=1; b=; d=x", "DKIM-Signature: v=1; b=; d=x"},
    {"DKIM-Signature: b=<A>\r\n", "dkim-signature:b=", "DKIM-Signature: b="},
    {"DKIM-Signature: b=<A\r\n\tB\r\n C>;\r\n t=1;\r\n", "dkim-signature:b=; t=1;", "DKIM-Signature: b=;\r\n t=1;"},
    /* section 3.7: the white space around the value is part of what goes */
    {"DKIM-Signature:b=\r\n <AB> \r\n ; d=x\r\n", "dkim-signature:b=; d=x", "DKIM-Signature:b=; d=x"},
    {"DKIM-Signature: d=x; b\t=\t<AB> \r\n", "dkim-signature:d=x; b =", "DKIM-Signature: d=x; b\t="},
    {"DKIM-Signature : d=x;\r\n b=<AB>", "dkim-signature:d=x; b=", "DKIM-Signature : d=x;\r\n b="},
};

static void the_signature_value_is_left_out(void **state) {
    struct digest *digest = *state;
    for (size_t i = 0; i < sizeof signatures / sizeof *signatures; i++) {
        char text[200], *owned;
        size_t len = 0, start = 0, end = 0;
        for (const char *at = signatures[i].text; *at != 0; at++) {
            if (*at == '<') start = len;
            else if (*at == '>') end = len;
            else text[len++] = *at;
        }
        struct header_field field = field_of(text, len, &owned);
        struct span value = {owned + start, end - start};
        digest_begin(digest);
        header_canon_signature(CANON_RELAXED, &field, value, digest);
        expect_octets(digest, signatures[i].text, signatures[i].relaxed, strlen(signatures[i].relaxed));
        digest_begin(digest);
        header_canon_signature(CANON_SIMPLE, &field, value, digest);
        expect_octets(digest, signatures[i].text, signatures[i].simple, strlen(signatures[i].simple));
        free(owned);
    }
}

/* Section 3.4.2 step by step over the whole body: unfold, reduce, strip. */
static size_t relaxed_by_the_letter(const char *in, size_t len, char *out) {
    char *unfolded = malloc(len > 0 ? len : 1);
    size_t n = 0, made = 0;
    for (size_t i = 0; i < len; i++) {
        if (in[i] == '\r' && i + 1 < len && in[i + 1] == '\n') i++;
        else unfolded[n++] = in[i] == '\t' ? ' ' : in[i];
    }
    for (size_t i = 0; i < n; i++)
        if (unfolded[i] != ' ' || (made > 0 && out[made - 1] != ' ')) out[made++] = unfolded[i];
    while (made > 0 && out[made - 1] == ' ') made--;
    free(unfolded);
    return made;
}

/* Fields of up to most pieces, some repeated so often that no buffer holds the run. */
static void expect_random_fields(struct digest *digest, int rounds, size_t most, size_t repeat_max) {
    static const char *const pieces[] = {" ", "\t", "\r\n ", "\r\n\t", "a", "b", ":", "\r", "\n", "cdefghijklmnopqrstuvw", "."};
    size_t room = 100 + most * repeat_max * 32;
    char *text = malloc(room), *want = malloc(room), *owned;
    for (int round = 0; round < rounds; round++) {
        size_t name_len = 1 + (size_t)rand() % (3 * repeat_max), len = name_len, count = (size_t)rand() % most;
        memset(text, 'N', name_len);
        memset(want, 'n', name_len);
        text[len] = want[len] = ':';
        len++;
        for (size_t i = 0; i < count; i++) {
            const char *piece = pieces[(size_t)rand() % (sizeof pieces / sizeof *pieces)];
            if (piece[0] == '\n' && text[len - 1] == '\r') piece = "x"; /* would be a line end that is no fold */
            for (size_t times = rand() % 4 == 0 ? (size_t)rand() % repeat_max + 1 : 1; times > 0; times--) {
                memcpy(text + len, piece, strlen(piece));
                len += strlen(piece);
            }
        }
        memcpy(text + len, "\r\n", 3);
        size_t want_len = name_len + 1 + relaxed_by_the_letter(text + name_len + 1, len - name_len - 1, want + name_len + 1);
        memcpy(want + want_len, "\r\n", 2);
        struct header_field field = field_of(text, len + 2, &owned);
        wsp_squeeze_limit((enum wsp_squeeze_kernel)(round % WSP_SQUEEZE_KERNEL_COUNT));
        digest_begin(digest);
        header_canon_field(CANON_RELAXED, &field, digest);
        expect_octets(digest, text, want, want_len + 2);
        free(owned);
    }
    wsp_squeeze_limit(WSP_SQUEEZE_KERNEL_COUNT - 1);
    free(text);
    free(want);
}

static void random_fields_match_the_letter(void **state) {
    srand(6376);
    expect_random_fields(*state, 30000, 12, 3);
    expect_random_fields(*state, 300, 200, 1);
}

static void fields_larger_than_any_buffer_match_the_letter(void **state) {
    srand(8463);
    expect_random_fields(*state, 1000, 30, 6000);
}

/* Runs of white space that end just before, at and behind the end of any buffer. */
static void a_run_of_white_space_of_any_length_is_one_space(void **state) {
    struct digest *digest = *state;
    char text[9000], *owned;
    for (size_t run = 1; run < 8300; run += run % 4096 < 8 || run % 4096 > 4080 ? 1 : 37) {
        memset(text, ' ', sizeof text);
        memcpy(text, "X:a", 3);
        memcpy(text + 3 + run, "b\r\n", 4);
        struct header_field field = field_of(text, run + 6, &owned);
        digest_begin(digest);
        header_canon_field(CANON_RELAXED, &field, digest);
        expect_octets(digest, "a run of white space", "x:a b\r\n", 7);
        free(owned);
    }
}

static struct digest shared;
static int begin(void **state) { return *state = &shared, digest_init(&shared) ? 0 : 1; }
static int end(void **state) { return (void)state, digest_release(&shared), 0; }

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_becomes_what_is_wanted), cmocka_unit_test(nul_is_content),
        cmocka_unit_test(the_signature_value_is_left_out),  cmocka_unit_test(random_fields_match_the_letter),
        cmocka_unit_test(fields_larger_than_any_buffer_match_the_letter),
        cmocka_unit_test(a_run_of_white_space_of_any_length_is_one_space),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
