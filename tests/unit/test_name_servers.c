#include "verifier/name_servers.h" /* first, so the header is proved to stand alone */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "base/bytes.h"
#include "tests/support/late_dns.h"
#include "verifier/dns_zone.h"

static const char ZONE[] =
    "$ORIGIN d.example.\n@ SOA a b 1 2 3 4 5\n@ NS ns1\n@ NS ns2.k.example.\n@ NS ns3\n@ NS ns4\nmail A 192.0.2.9\n"
    "ns1 A 192.0.2.1\nns1 AAAA 2001:db8::1\nns2.k.example. AAAA 2001:db8::2\nns4 TXT x\n";

static unsigned done;
static void count_done(void *owner) {
    (void)owner;
    done++;
}

static const struct {
    const char *domain, *servers;
} rows[] = {
    {"d.example", "ns1.d.example=192.0.2.1@53 ns2.k.example=2001:db8::2@53 ns3.d.example= ns4.d.example= "},
    {"mail.d.example",
     "ns1.d.example=192.0.2.1@53 ns2.k.example=2001:db8::2@53 ns3.d.example= ns4.d.example= "}, /* NODATA */
    {"a.b.c.d.example", "ns1.d.example=192.0.2.1@53 ns2.k.example=2001:db8::2@53 ns3.d.example= ns4.d.example= "},
    {"a.b.c.d.e.f.g.d.example", ""}, /* too far below */
    {"e.example", ""},               /* a single label is not asked */
    {"example", ""},
};

static void servers_are_found(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (int way = 0; way < 3; way++) { /* at once, oldest first, newest first */
            struct dns_zone *zone = dns_zone_create();
            struct late_dns dns;
            struct bytes got = bytes_with_cap(4096);
            char *error;
            size_t count;
            assert_true(dns_zone_add_text(zone, "zone", span_of(ZONE), &error));
            late_dns_init(&dns, dns_zone_source(zone), way > 0);
            struct name_servers *servers = name_servers_create(&dns.source);
            done = 0;
            bool found = name_servers_find(servers, span_of(rows[i].domain), count_done, NULL);
            assert_int_equal(found, way == 0);
            assert_int_equal(done, 0);
            while (late_dns_answer(&dns, way == 2)) {}
            assert_int_equal(done, way > 0);
            const struct name_server *list = name_servers_list(servers, &count);
            for (size_t s = 0; s < count; s++) {
                bytes_append(&got, list[s].name);
                bytes_append_format(&got, "=%s ", list[s].address);
            }
            if (!span_is(bytes_span(&got), rows[i].servers))
                fail_msg("%s: %.*s", rows[i].domain, (int)got.len, got.ptr);
            bool climbed = strstr(dns.asked, ".example 2\n") != NULL; /* NS is type 2 */
            assert_int_equal(climbed, strcmp(rows[i].domain, "example") != 0);
            assert_null(strstr(dns.asked, "\nexample 2\n")); /* never asked on the way up */
            bytes_release(&got);
            name_servers_destroy(servers);
            dns_zone_destroy(zone);
        }
}

static void it_may_end_at_any_answer(void **state) {
    (void)state;
    for (unsigned answers = 0; answers < 10; answers++) {
        struct dns_zone *zone = dns_zone_create();
        struct late_dns dns;
        char *error;
        assert_true(dns_zone_add_text(zone, "zone", span_of(ZONE), &error));
        late_dns_init(&dns, dns_zone_source(zone), true);
        struct name_servers *servers = name_servers_create(&dns.source);
        name_servers_find(servers, span_of("d.example"), count_done, NULL);
        for (unsigned i = 0; i < answers; i++) late_dns_answer(&dns, false);
        if (answers % 2 == 0) name_servers_expire(servers);
        name_servers_destroy(servers);
        assert_int_equal(dns.waiting_count, 0);
        dns_zone_destroy(zone);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(servers_are_found),
        cmocka_unit_test(it_may_end_at_any_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
