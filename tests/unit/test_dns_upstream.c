#include "verifier/dns_upstream.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static const struct {
    bool stub;
    const char *text, *zone, *address;
    bool is_loopback;
    const char *error;
} rows[] = {
    {false, "192.0.2.1@5353", "", "192.0.2.1@5353", false, NULL},
    {false, "127.0.0.53", "", "127.0.0.53@53", true, NULL},
    {false, "::1@5353", "", "::1@5353", true, NULL},
    {false, "2001:db8::1", "", "2001:db8::1@53", false, NULL},
    {true, "Rig.Test.=127.0.0.1@65535", "rig.test", "127.0.0.1@65535", true, NULL},
    {true, ".=192.0.2.1", "", "192.0.2.1@53", false, NULL},
    {false, "", NULL, NULL, false, "\"\": ADDR@PORT with an IPv4 or IPv6 address is wanted"},
    {false, "resolver.example@53", NULL, NULL, false,
     "\"resolver.example@53\": ADDR@PORT with an IPv4 or IPv6 address is wanted"},
    {false, "192.0.2.1@", NULL, NULL, false, "\"192.0.2.1@\": the port after @ is no number from 1 to 65535"},
    {false, "192.0.2.1@0", NULL, NULL, false, "\"192.0.2.1@0\": the port after @ is no number from 1 to 65535"},
    {false, "192.0.2.1@65536", NULL, NULL, false, "\"192.0.2.1@65536\": the port after @ is no number from 1 to 65535"},
    {false, "192.0.2.1:53", NULL, NULL, false, "\"192.0.2.1:53\": ADDR@PORT with an IPv4 or IPv6 address is wanted"},
    {false, "1111111111111111111111111111111111111111111111111111111111111111111@53", NULL, NULL, false,
     "\"1111111111111111111111111111111111111111111111111111111111111111111@53\": ADDR@PORT with an IPv4 or IPv6 "
     "address is wanted"},
    {true, "127.0.0.1@53", NULL, NULL, false, "\"127.0.0.1@53\": ZONE=ADDR@PORT is wanted"},
    {true, "=127.0.0.1@53", NULL, NULL, false, "\"=127.0.0.1@53\": the zone before = is no domain name"},
    {true, "a..b=127.0.0.1@53", NULL, NULL, false, "\"a..b=127.0.0.1@53\": the zone before = is no domain name"},
    {true, "rig.test=", NULL, NULL, false, "\"rig.test=\": ADDR@PORT with an IPv4 or IPv6 address is wanted"},
};

static void every_row_is_read_as_wanted(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct dns_upstream upstream;
        char *error = NULL, zone[DNS_NAME_TEXT_MAX];
        bool good =
            (rows[i].stub ? dns_upstream_read_stub : dns_upstream_read_forward)(rows[i].text, &upstream, &error);
        if (good != (rows[i].error == NULL)) fail_msg("%s: %s", rows[i].text, good ? "read" : error);
        if (!good) {
            assert_string_equal(error, rows[i].error);
        } else {
            assert_true(span_is((struct span){zone, dns_name_to_text(&upstream.zone, zone)}, rows[i].zone));
            assert_string_equal(upstream.address, rows[i].address);
            assert_int_equal(upstream.is_loopback, rows[i].is_loopback);
        }
        free(error);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_row_is_read_as_wanted)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
