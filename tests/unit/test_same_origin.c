#include "http/same_origin.h" /* first, so the header is proved to stand alone */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static const struct { const char *site, *origin, *host; bool want; } rows[] = {
    {"", "", "a.test", true}, /* no browser */
    {"same-origin", "https://a.test", "127.0.0.1:1", true}, /* a proxy in front may have changed Host */
    {"none", "", "a.test", true}, /* typed, or a bookmark */
    {"cross-site", "https://a.test", "a.test", false},
    {"same-site", "https://b.a.test", "a.test", false},
    {"Same-Origin", "", "a.test", false}, /* browsers write it as the standard does */
    {"", "https://a.test", "a.test", true},
    {"", "http://A.test:8080", "a.TEST:8080", true},
    {"", "https://a.test", "a.test:8080", false},
    {"", "https://evil.test", "a.test", false},
    {"", "https://a.test.evil.test", "a.test", false},
    {"", "null", "a.test", false},
    {"", "null", "", false},
    {"", "https://", "", false},
    {"", "ftp://a.test", "a.test", false},
    {"", "a.test", "a.test", false},
};

static void every_row_is_judged(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (same_origin_allows(span_of(rows[i].site), span_of(rows[i].origin), span_of(rows[i].host)) != rows[i].want)
            fail_msg("row %zu: \"%s\" \"%s\" \"%s\"", i, rows[i].site, rows[i].origin, rows[i].host);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_row_is_judged)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
