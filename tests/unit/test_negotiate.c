#include "http/negotiate.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

static const struct { const char *list, *name; int want; } rows[] = {
    {"", "gzip", NEGOTIATE_NOT_NAMED},
    {"gzip", "gzip", 1000},
    {"deflate, GZIP;q=0.5 ,br", "gzip", 500},
    {"gzip;q=0", "gzip", 0},
    {"gzip ; Q = 0.123", "gzip", 123},
    {"gzip;q=1.000", "gzip", 1000},
    {"gzip;q=0.25,gzip;q=0.75", "gzip", 750},
    {"gzip;q=1.1", "gzip", NEGOTIATE_NOT_NAMED}, /* over 1 */
    {"gzip;q=x", "gzip", NEGOTIATE_NOT_NAMED},
    {"gzip;q=0.1234", "gzip", NEGOTIATE_NOT_NAMED}, /* three digits at most */
    {"gzip;q=", "gzip", NEGOTIATE_NOT_NAMED},
    {"x-gzip, gzipped", "gzip", NEGOTIATE_NOT_NAMED},
    {"*", "*", 1000},
    {",,;q=1,", "gzip", NEGOTIATE_NOT_NAMED},
    {"application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;q=0.5",
     "application/openmetrics-text", 1000},
    {"application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1", "text/plain", 500},
};

static void every_row_has_its_quality(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        size_t len = strlen(rows[i].list);
        char *exact = memcpy(malloc(len > 0 ? len : 1), rows[i].list, len);
        int got = negotiate_quality((struct span){exact, len}, rows[i].name);
        if (got != rows[i].want) fail_msg("\"%s\", %s: %d", rows[i].list, rows[i].name, got);
        free(exact);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_row_has_its_quality)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
