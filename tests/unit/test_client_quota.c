#include "http/client_quota.h" /* first, so the header is proved to stand alone */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

static const struct client_quota_rates rates = {.tests = 3, .lookups = 60, .lookups_of_all = 600};

static bool take(struct client_quota *quota, const char *address) {
    unsigned retry_after_s = 0;
    bool is_in = client_quota_take(quota, span_of(address), &retry_after_s);
    if (!is_in) assert_in_range(retry_after_s, 1, 90);
    return is_in;
}

static void tests_come_back_evenly(void **state) {
    (void)state;
    struct clock_fixed clock = clock_fixed_at(1);
    struct client_quota *quota = client_quota_create(&rates, &clock.clock);
    for (int i = 0; i < 3; i++) assert_true(take(quota, "192.0.2.1"));
    assert_false(take(quota, "192.0.2.1"));
    assert_true(take(quota, "192.0.2.2")); /* somebody else's are their own */
    clock.monotonic_us += 20 * 1000000 + 60000;
    assert_true(take(quota, "192.0.2.1"));
    assert_false(take(quota, "192.0.2.1"));
    clock.monotonic_us += (int64_t)1000 * 3600 * 1000000; /* never more than a minute's */
    for (int i = 0; i < 3; i++) assert_true(take(quota, "192.0.2.1"));
    assert_false(take(quota, "192.0.2.1"));
    clock.monotonic_us = 0; /* a clock that goes back gives nothing */
    assert_false(take(quota, "192.0.2.1"));
    client_quota_destroy(quota);
}

static void lookups_are_charged_afterwards(void **state) {
    (void)state;
    struct clock_fixed clock = clock_fixed_at(1);
    struct client_quota *quota = client_quota_create(&rates, &clock.clock);
    client_quota_charge(quota, span_of("192.0.2.1"), 120); /* a minute's, and one ahead */
    assert_false(take(quota, "192.0.2.1"));
    clock.monotonic_us += 59 * 1000000;
    assert_false(take(quota, "192.0.2.1"));
    clock.monotonic_us += 3 * 1000000;
    assert_true(take(quota, "192.0.2.1"));
    client_quota_destroy(quota);
}

static void all_together_have_a_share(void **state) {
    (void)state;
    struct clock_fixed clock = clock_fixed_at(1);
    struct client_quota *quota = client_quota_create(&rates, &clock.clock);
    char address[32];
    for (int i = 0; i < 11; i++) {
        snprintf(address, sizeof address, "192.0.2.%d", i);
        client_quota_charge(quota, span_of(address), 60);
    }
    assert_false(client_quota_has_lookups(quota));
    assert_false(take(quota, "198.51.100.1"));
    assert_false(take(quota, "")); /* those that cannot be told apart have no other cap */
    clock.monotonic_us += 7 * 1000000;
    assert_true(take(quota, "198.51.100.1"));
    for (int i = 0; i < 50; i++) assert_true(take(quota, ""));
    client_quota_destroy(quota);
}

/* Whoever has a /64 has all of its addresses. */
static void ipv6_counts_by_network(void **state) {
    (void)state;
    struct clock_fixed clock = clock_fixed_at(1);
    struct client_quota *quota = client_quota_create(&rates, &clock.clock);
    char storage[48];
    assert_true(take(quota, "2001:db8::1") && take(quota, "2001:db8::2") && take(quota, "2001:db8:0:0:ffff::3"));
    assert_false(take(quota, "2001:db8::4"));
    assert_true(take(quota, "2001:db8:0:1::1"));
    assert_true(span_is(client_quota_key(span_of("2001:db8:1:2:3:4:5:6"), storage), "2001:db8:1:2::"));
    assert_true(span_is(client_quota_key(span_of("192.0.2.1"), storage), "192.0.2.1"));
    assert_true(span_is(client_quota_key(span_of(""), storage), ""));
    client_quota_destroy(quota);
}

static void a_crowd_takes_bounded_memory(void **state) {
    (void)state;
    struct clock_fixed clock = clock_fixed_at(1);
    struct client_quota *quota = client_quota_create(&rates, &clock.clock);
    char address[32];
    for (unsigned i = 0; i < 3 * CLIENT_QUOTA_CLIENTS_MAX; i++) {
        snprintf(address, sizeof address, "10.%u.%u.%u", i >> 16, (i >> 8) & 255, i & 255);
        assert_true(take(quota, address));
    }
    client_quota_destroy(quota);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tests_come_back_evenly),    cmocka_unit_test(lookups_are_charged_afterwards),
        cmocka_unit_test(all_together_have_a_share), cmocka_unit_test(ipv6_counts_by_network),
        cmocka_unit_test(a_crowd_takes_bounded_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
