#include "http/counted_lookups.h" /* first, so the header is proved to stand alone */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include "tests/support/fake_keys.h"
#include "tests/support/late_dns.h"
#include "verifier/dns_zone.h"

static void beyond_the_limit_everything_fails_at_once(void **state) {
    (void)state;
    struct clock_fixed clock = clock_fixed_at(1);
    struct dns_zone *zone = dns_zone_create();
    struct late_dns dns;
    struct fake_keys keys;
    struct counted_lookups lookups;
    char *error = NULL;
    assert_true(dns_zone_add_text(zone, "zone", span_of("a.test. TXT \"x\"\n"), &error));
    late_dns_init(&dns, dns_zone_source(zone), true);
    fake_keys_init(&keys);
    keys.answers = FAKE_LATE;
    counted_lookups_init(&lookups, &dns.source, &keys.source, &clock.clock, 2);
    struct dns_query query = {.answered = NULL};
    struct dns_answer answer;
    struct key_request request = {.ready = NULL};
    struct key_entry *entry = NULL;
    assert_int_equal(dns_lookup(&lookups.dns, span_of("a.test"), DNS_TXT, &query, &answer), DNS_PENDING);
    assert_int_equal(key_source_get(&lookups.keys, span_of("s._domainkey.a.test"), &request, &entry), KEY_PENDING);
    dns_cancel(&lookups.dns, &query);
    key_source_cancel(&lookups.keys, &request);
    assert_true(dns.cancels == 1 && keys.cancels == 1);
    assert_int_equal(dns_lookup(&lookups.dns, span_of("a.test"), DNS_TXT, &query, &answer), DNS_ANSWERED);
    assert_int_equal(answer.status, DNS_SERVFAIL);
    assert_int_equal(key_source_get(&lookups.keys, span_of("s._domainkey.a.test"), &request, &entry), KEY_READY);
    assert_true(entry != NULL && entry->status == DNS_SERVFAIL);
    key_entry_release(entry);
    assert_true(lookups.asked == 2 && dns.lookups == 1 && keys.lookups == 1);
    dns_zone_destroy(zone);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(beyond_the_limit_everything_fails_at_once)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
