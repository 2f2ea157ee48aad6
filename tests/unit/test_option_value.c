#include "base/option_value.h" /* first, so the header is proved to stand alone */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

enum { BAD = -1 };

static const struct {
    enum option_kind kind;
    const char *text;
    int64_t want;
    const char *again;
} rows[] = {
    {OPTION_SIZE, "50MiB", 52428800, "50MiB"},
    {OPTION_SIZE, "52428800", 52428800, "50MiB"},
    {OPTION_SIZE, "2048KiB", 2097152, "2MiB"},
    {OPTION_SIZE, "1GiB", 1073741824, "1GiB"},
    {OPTION_SIZE, "998", 998, "998"},
    {OPTION_SIZE, "0", 0, "0"},
    {OPTION_SIZE, "0MiB", 0, "0"},
    {OPTION_SIZE, "50MB", BAD, NULL},
    {OPTION_SIZE, "50mib", BAD, NULL},
    {OPTION_SIZE, "50 MiB", BAD, NULL},
    {OPTION_SIZE, "9223372036854775807", INT64_MAX, "9223372036854775807"},
    {OPTION_SIZE, "9223372036854775808", BAD, NULL},
    {OPTION_SIZE, "9007199254740992KiB", BAD, NULL},
    {OPTION_SIZE, "", BAD, NULL},
    {OPTION_SIZE, "-1", BAD, NULL},
    {OPTION_SIZE, "+1", BAD, NULL},
    {OPTION_SIZE, "5s", BAD, NULL},
    {OPTION_DURATION, "5s", 5000, "5s"},
    {OPTION_DURATION, "5000", 5000, "5s"},
    {OPTION_DURATION, "90s", 90000, "90s"},
    {OPTION_DURATION, "60s", 60000, "1min"},
    {OPTION_DURATION, "168h", 604800000, "168h"},
    {OPTION_DURATION, "1500ms", 1500, "1500ms"},
    {OPTION_DURATION, "0", 0, "0"},
    {OPTION_DURATION, "5m", BAD, NULL},
    {OPTION_DURATION, "1.5s", BAD, NULL},
    {OPTION_COUNT, "2000", 2000, "2000"},
    {OPTION_COUNT, "2k", BAD, NULL},
    {OPTION_FLAG, "true", 1, "true"},
    {OPTION_FLAG, "false", 0, "false"},
    {OPTION_FLAG, "1", BAD, NULL},
    {OPTION_FLAG, "yes", BAD, NULL},
};

static void every_row_reads_as_wanted(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int64_t got = BAD;
        char text[OPTION_VALUE_TEXT_MAX];
        bool parsed = option_value_parse(rows[i].kind, rows[i].text, &got);
        if (parsed != (rows[i].want != BAD) || got != rows[i].want)
            fail_msg("\"%s\": %lld", rows[i].text, (long long)got);
        if (!parsed) continue;
        option_value_format(rows[i].kind, got, text);
        assert_string_equal(text, rows[i].again);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_row_reads_as_wanted)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
