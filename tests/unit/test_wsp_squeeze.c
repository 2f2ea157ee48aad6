#include "verifier/wsp_squeeze.h" /* first, so the header is proved to stand alone */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

typedef size_t squeeze(const char *in, size_t len, char *out);
typedef size_t settle(const char *in, size_t len);
#define X(id, name, squeeze, settled) [id] = squeeze,
static squeeze *const runs[] = {WSP_SQUEEZE_KERNELS(X)};
#undef X
#define X(id, name, squeeze, settled) [id] = settled,
static settle *const settles[] = {WSP_SQUEEZE_KERNELS(X)};
#undef X

/* No octet before the first change is more than settled, and all of them are when there is none. */
static void expect_settled(settle *run, const char *name, const char *text, size_t len, const char *want, size_t want_len) {
    char *in = memcpy(malloc(len > 0 ? len : 1), text, len);
    size_t got = run(in, len), least = 0;
    while (least < want_len && text[least] == want[least]) least++;
    if (got > least || (want_len == len && least == len && got != len))
        fail_msg("%s: \"%.*s\": %zu octets settled", name, (int)len, text, got);
    free(in);
}

/* In exactly sized memory, so that a sanitizer sees a load before or behind the text and a store behind the slack. */
static void expect_squeezed(squeeze *run, const char *name, const char *text, size_t len, const char *want, size_t want_len) {
    char *in = malloc(len > 0 ? len : 1), *out = malloc(len + WSP_SQUEEZE_SLACK);
    memcpy(in, text, len);
    size_t got = run(in, len, out);
    if (got != want_len || memcmp(out, want, want_len) != 0)
        fail_msg("%s: \"%.*s\" became \"%.*s\", wanted \"%.*s\"", name, (int)len, text, (int)got, out, (int)want_len, want);
    free(in);
    free(out);
}

static const struct { const char *text, *want; } rows[] = {
    {"", ""},
    {"a", "a"},
    {"a b", "a b"},
    {"a \t b\tc", "a b c"},
    {" \ta", " a"},
    {"a \t\r\n", "a\r\n"},
    {" \r\n \r\n x", "\r\n\r\n x"},
    {"a \rb \nc", "a \rb \nc"}, /* bare CR, bare LF */
    {"a \t\r\r\n", "a \r\r\n"},
    {"a \r", "a \r"}, /* what would make it a CRLF is not there to be seen */
    {"a\r \n", "a\r \n"},
};

/* Each row at each place in a vector, behind octets that stay as they are. */
static void every_row_is_squeezed_at_every_place(void **state) {
    (void)state;
    for (enum wsp_squeeze_kernel kernel = 0; kernel < WSP_SQUEEZE_KERNEL_COUNT; kernel++) {
        if (!wsp_squeeze_supported(kernel)) continue;
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
            for (size_t before = 0; before < 140; before++)
                for (size_t after = 0; after < 140; after += 69) {
                    char text[400], want[400];
                    size_t text_len = strlen(rows[i].text), want_len = strlen(rows[i].want);
                    memset(text, 'x', sizeof text);
                    memset(want, 'x', sizeof want);
                    memcpy(text + before, rows[i].text, text_len);
                    memcpy(want + before, rows[i].want, want_len);
                    expect_squeezed(runs[kernel], wsp_squeeze_kernel_name(kernel), text, before + text_len + after, want,
                                    before + want_len + after);
                    expect_settled(settles[kernel], wsp_squeeze_kernel_name(kernel), text, before + text_len + after, want,
                                   before + want_len + after);
                }
    }
}

static void vector_kernels_do_what_the_scalar_one_does(void **state) {
    (void)state;
    static const char alphabet[] = {' ', '\t', '\r', '\n', 'a', 0, '.', ' '};
    srand(6376);
    for (int round = 0; round < 30000; round++) {
        char text[600], want[600 + WSP_SQUEEZE_SLACK];
        size_t len = (size_t)rand() % (round % 3 == 0 ? sizeof text : 100), dense = (size_t)rand() % 100 + 1;
        for (size_t i = 0; i < len; i++)
            text[i] = (size_t)rand() % 100 < dense ? alphabet[(size_t)rand() % sizeof alphabet] : (char)rand();
        while (len > 0 && (text[len - 1] == ' ' || text[len - 1] == '\t')) len--;
        size_t want_len = wsp_squeeze_scalar(text, len, want);
        for (enum wsp_squeeze_kernel kernel = WSP_SQUEEZE_SCALAR + 1; kernel < WSP_SQUEEZE_KERNEL_COUNT; kernel++)
            if (wsp_squeeze_supported(kernel)) {
                expect_squeezed(runs[kernel], wsp_squeeze_kernel_name(kernel), text, len, want, want_len);
                expect_settled(settles[kernel], wsp_squeeze_kernel_name(kernel), text, len, want, want_len);
            }
    }
}

static void the_best_kernel_can_be_limited(void **state) {
    (void)state;
    for (enum wsp_squeeze_kernel kernel = 0; kernel < WSP_SQUEEZE_KERNEL_COUNT; kernel++) {
        wsp_squeeze_limit(kernel);
        expect_squeezed(wsp_squeeze, wsp_squeeze_kernel_name(kernel), "a \t b \r\n", 8, "a b\r\n", 5);
        expect_settled(wsp_settled, wsp_squeeze_kernel_name(kernel), "a b", 3, "a b", 3);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_is_squeezed_at_every_place),
        cmocka_unit_test(vector_kernels_do_what_the_scalar_one_does),
        cmocka_unit_test(the_best_kernel_can_be_limited),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
