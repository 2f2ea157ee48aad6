#include "base/utf8.h" /* first, so the header is proved to stand alone */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static const struct {
    const char *octets;
    size_t want;
} rows[] = {
    {"", 0},
    {"a", 1},
    {"\x7f", 1},
    {"\x80", 0},
    {"\xc1\xbf", 0}, /* RFC 3629 section 3: C0 and C1 never occur */
    {"\xc2\x80", 2},
    {"\xdf\xbf", 2},
    {"\xc3", 0},
    {"\xc3\xc3", 0},
    {"\xe0\x9f\xbf", 0},
    {"\xe0\xa0\x80", 3},
    {"\xed\x9f\xbf", 3},
    {"\xed\xa0\x80", 0},
    {"\xef\xbf\xbf", 3},
    {"\xe2\x82", 0},
    {"\xf0\x8f\xbf\xbf", 0},
    {"\xf0\x90\x80\x80", 4},
    {"\xf4\x8f\xbf\xbf", 4},
    {"\xf4\x90\x80\x80", 0},
    {"\xf5\x80\x80\x80", 0},
    {"\xf0\x9f\x98", 0},
    {"\xff", 0},
};

static void every_row_has_its_length(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        size_t len = strlen(rows[i].octets);
        char *exact = memcpy(malloc(len > 0 ? len : 1), rows[i].octets, len);
        size_t got = utf8_sequence((struct span){exact, len});
        if (got != rows[i].want) fail_msg("row %zu: %zu octets, wanted %zu", i, got, rows[i].want);
        free(exact);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_row_has_its_length)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
