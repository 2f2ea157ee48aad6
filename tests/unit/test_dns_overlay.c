#include "verifier/dns_overlay.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include "verifier/dns_zone.h"

/* A source behind that counts and answers late. */
struct behind { struct dns_source source; unsigned lookups, cancels; };
static enum dns_progress count_lookup(struct dns_source *source, struct span name, enum dns_type type, struct dns_query *query,
                                      struct dns_answer *answer) {
    (void)name, (void)type, (void)query, (void)answer;
    ((struct behind *)(void *)source)->lookups++;
    return DNS_PENDING;
}
static void count_cancel(struct dns_source *source, struct dns_query *query) {
    (void)query;
    ((struct behind *)(void *)source)->cancels++;
}

static void names_of_the_zones_are_answered_in_front(void **state) {
    (void)state;
    static const struct { const char *name; enum dns_progress progress; enum dns_status status; } rows[] = {
        {"sel._domainkey.demo.example", DNS_ANSWERED, DNS_FOUND},
        {"SEL._domainkey.DEMO.example", DNS_ANSWERED, DNS_FOUND},
        {"absent.demo.example", DNS_ANSWERED, DNS_NXDOMAIN},
        {"demo.example", DNS_ANSWERED, DNS_NODATA},
        {"example", DNS_PENDING, DNS_FOUND},
        {"other.example", DNS_PENDING, DNS_FOUND},
        {"xdemo.example", DNS_PENDING, DNS_FOUND},
        {"hosts.test", DNS_PENDING, DNS_FOUND}, /* records, but no SOA: no zone */
    };
    struct dns_zone *zone = dns_zone_create();
    struct behind behind = {.source = {count_lookup, count_cancel}};
    struct dns_overlay overlay;
    char *error = NULL;
    assert_true(dns_zone_add_text(zone, "z", span_of("$ORIGIN demo.example.\n$TTL 60\n@ SOA ns h 1 2 3 4 5\n"
                                                     "sel._domainkey TXT \"v=DKIM1\"\nhosts.test. A 127.0.0.1\n"), &error));
    dns_overlay_init(&overlay, zone, &behind.source);
    unsigned asked = 0;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct dns_query query;
        struct dns_answer answer;
        enum dns_progress progress = dns_lookup(&overlay.source, span_of(rows[i].name), DNS_TXT, &query, &answer);
        asked += rows[i].progress == DNS_PENDING;
        if (progress != rows[i].progress || (progress == DNS_ANSWERED && answer.status != rows[i].status) || behind.lookups != asked)
            fail_msg("%s", rows[i].name);
        if (progress == DNS_PENDING) dns_cancel(&overlay.source, &query);
    }
    assert_int_equal(behind.cancels, asked);
    dns_zone_destroy(zone);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(names_of_the_zones_are_answered_in_front)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
