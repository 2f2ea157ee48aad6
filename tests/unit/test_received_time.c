#include "verifier/received_time.h" /* first, so the header is proved to stand alone */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "verifier/header_section.h"

static const struct {
    const char *body;
    int64_t want; /* INT64_MIN: unreadable */
} rows[] = {
    {" from a by b; Thu, 01 Jan 1970 00:00:00 +0000", 0},
    {" from a by b with ESMTP id 1\r\n\tfor <x@y>; Fri, 21 Nov 1997 09:55:06 -0600", 880127706}, /* RFC 5322 appendix A.1.1 */
    {"; 21 Nov 1997 09:55 -0600", 880127700},
    {"; Fri, 21 Nov 1997 09:55:06 -0600 (CST (a\\)b))  ", 880127706},
    {";Thu,\r\n 29 Feb 2024 23:59:60 +0100", 1709247600},
    {"; fri, 1 mar 2024 00:00:00 +0000", 1709251200},
    {"; Sat, 1 Jan 2000 00:00:00 +0000", 946684800},
    {"; Fri, 31 Dec 9999 23:59:59 +0000", 253402300799},
    {"(a; Thu, 1 Jan 1970 00:00:00 +0000) by b; Thu, 1 Jan 1970 00:00:09 +0000", 9}, /* the last semicolon: the host's own */
    {"; Thu , 1 (x) Jan (y) 1970 00:00:00 +0000", INT64_MIN}, /* white space must follow the day */
    {"", INT64_MIN},
    {";", INT64_MIN},
    {" from a by b", INT64_MIN},
    {" Thu, 01 Jan 1970 00:00:00 +0000", INT64_MIN},
    {"; Fri, 01 Jan 1970 00:00:00 +0000", INT64_MIN}, /* was a Thursday */
    {"; Thu 01 Jan 1970 00:00:00 +0000", INT64_MIN},
    {"; 30 Feb 2024 00:00:00 +0000", INT64_MIN},
    {"; 29 Feb 2023 00:00:00 +0000", INT64_MIN},
    {"; 29 Feb 2100 00:00:00 +0000", INT64_MIN},
    {"; 0 Jan 2024 00:00:00 +0000", INT64_MIN},
    {"; 001 Jan 2024 00:00:00 +0000", INT64_MIN},
    {"; 1 Jaz 2024 00:00:00 +0000", INT64_MIN},
    {"; 1 Jan 24 00:00:00 +0000", INT64_MIN}, /* obs-year */
    {"; 1 Jan 20240 00:00:00 +0000", INT64_MIN},
    {"; 1 Jan 1969 23:59:59 +0000", INT64_MIN},
    {"; 1 Jan 2024 24:00:00 +0000", INT64_MIN},
    {"; 1 Jan 2024 0:00:00 +0000", INT64_MIN},
    {"; 1 Jan 2024 00:60:00 +0000", INT64_MIN},
    {"; 1 Jan 2024 00:00:61 +0000", INT64_MIN},
    {"; 1 Jan 2024 00:00:00", INT64_MIN},
    {"; 1 Jan 2024 00:00:00 GMT", INT64_MIN}, /* obs-zone */
    {"; 1 Jan 2024 00:00:00 0000", INT64_MIN},
    {"; 1 Jan 2024 00:00:00 +00000", INT64_MIN},
    {"; 1 Jan 2024 00:00:00 +0060", INT64_MIN},
    {"; 1 Jan 2024 00:00:00+0000", INT64_MIN},
    {"; 1 Jan 2024 00:00:00 +0000 x", INT64_MIN},
    {"; 1 Jan 2024 00:00:00 +0000 (x", INT64_MIN},
    {"; 1 Jan 2024 00:00:00 +0000 (x\\", INT64_MIN},
    {"; 1Jan 2024 00:00:00 +0000", INT64_MIN},
};

static void every_row_tells_its_time(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        size_t len = strlen(rows[i].body);
        char *exact = memcpy(malloc(len > 0 ? len : 1), rows[i].body, len);
        int64_t got = INT64_MIN;
        bool read = received_time_read((struct span){exact, len}, &got);
        if (read != (rows[i].want != INT64_MIN) || got != rows[i].want)
            fail_msg("\"%s\": %lld", rows[i].body, (long long)got);
        for (size_t cut = 0; cut < len; cut++) { /* the sanitizer sees the first octet too many */
            char *shorter = memcpy(malloc(cut > 0 ? cut : 1), rows[i].body, cut);
            received_time_read((struct span){shorter, cut}, &got);
            free(shorter);
        }
        free(exact);
    }
}

static void only_the_topmost_field_counts(void **state) {
    (void)state;
    static const struct { const char *message; int64_t want; } messages[] = {
        {"Subject: x\r\nReceived: by a; 1 Jan 1970 00:00:05 +0000\r\nReceived: by b; 1 Jan 1970 00:00:04 +0000\r\n\r\n", 5},
        {"RECEIVED : by a; 1 Jan 1970 00:00:05 +0000\r\n\r\n", 5},
        {"Received: by a; yesterday\r\nReceived: by b; 1 Jan 1970 00:00:04 +0000\r\n\r\n", INT64_MIN},
        {"Subject: x; 1 Jan 1970 00:00:05 +0000\r\n\r\n", INT64_MIN},
    };
    for (size_t i = 0; i < sizeof messages / sizeof *messages; i++) {
        struct header_section section;
        size_t taken;
        int64_t got = INT64_MIN;
        header_section_init(&section, header_limits_default);
        assert_int_equal(header_section_update(&section, span_of(messages[i].message), &taken), HEADER_COMPLETE);
        assert_int_equal(received_time_of(&section, &got), messages[i].want != INT64_MIN);
        assert_true(got == messages[i].want);
        header_section_release(&section);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_tells_its_time),
        cmocka_unit_test(only_the_topmost_field_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
