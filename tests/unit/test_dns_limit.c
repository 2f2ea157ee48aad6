#include "verifier/dns_limit.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static struct dns_name name_of(const char *text) {
    struct dns_name name;
    assert_true(dns_name_from_text(span_of(text), NULL, &name));
    return name;
}

static enum dns_admission enter(struct dns_limit *limit, const char *text, struct dns_ticket *ticket) {
    struct dns_name name = name_of(text);
    return dns_limit_enter(limit, &name, ticket);
}

static void every_name_belongs_to_its_domain(void **state) {
    (void)state;
    static const struct {
        const char *name, *domain;
    } rows[] = {
        {"s._domainkey.example.com", "example.com"},
        {"example.com", "example.com"},
        {"com", "com"},
        {"", ""},
        {"a.b.example.co.uk", "example.co.uk"},
        {"example.co.uk", "example.co.uk"},
        {"co.uk", "co.uk"},
        {"a.b.example.fr", "example.fr"},
        {"a.laposte.fr", "laposte.fr"},
        {"1.2.0.192.in-addr.arpa", "0.192.in-addr.arpa"},
        {"192.in-addr.arpa", "192.in-addr.arpa"},
        {"1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa", "8.b.d.0.1.0.0.2.ip6.arpa"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct dns_name name = name_of(rows[i].name), domain = name_of(rows[i].domain);
        size_t at = dns_limit_domain_at(&name);
        if (name.len - at != domain.len || memcmp(name.wire + at, domain.wire, domain.len) != 0)
            fail_msg("%s: at %zu", rows[i].name, at);
    }
}

static void one_domain_takes_no_more_than_its_share(void **state) {
    (void)state;
    struct dns_limit *limit =
        dns_limit_create(&(struct dns_limit_options){.running_max = 5, .running_per_domain_max = 2, .waiting_max = 10});
    struct dns_ticket a[5], b[2];
    for (int i = 0; i < 5; i++)
        assert_int_equal(enter(limit, i % 2 ? "x.a.test" : "y.a.test", &a[i]),
                         i < 2 ? DNS_ADMISSION_START : DNS_ADMISSION_WAIT);
    assert_null(dns_limit_next(limit)); /* room in all, but not for this domain */
    assert_int_equal(enter(limit, "b.test", &b[0]), DNS_ADMISSION_START);
    assert_int_equal(dns_limit_running(limit), 3);
    assert_int_equal(dns_limit_waiting(limit), 3);
    dns_limit_leave(limit, &a[0]);
    assert_int_equal(enter(limit, "a.test", &b[1]), DNS_ADMISSION_WAIT); /* behind those of its domain */
    assert_ptr_equal(dns_limit_next(limit), &a[2]);                      /* in order of arrival */
    assert_null(dns_limit_next(limit));
    dns_limit_leave(limit, &a[3]); /* gives up while it waits */
    dns_limit_leave(limit, &a[1]);
    assert_ptr_equal(dns_limit_next(limit), &a[4]);
    dns_limit_leave(limit, &a[4]);
    dns_limit_leave(limit, &a[2]);
    dns_limit_leave(limit, &b[0]);
    assert_ptr_equal(dns_limit_next(limit), &b[1]);
    dns_limit_leave(limit, &b[1]);
    assert_null(dns_limit_next(limit));
    dns_limit_destroy(limit);
}

static void domains_take_turns(void **state) {
    (void)state;
    struct dns_limit *limit =
        dns_limit_create(&(struct dns_limit_options){.running_max = 1, .running_per_domain_max = 1, .waiting_max = 10});
    struct dns_ticket first, flood[4], other;
    assert_int_equal(enter(limit, "first.test", &first), DNS_ADMISSION_START);
    for (int i = 0; i < 4; i++) assert_int_equal(enter(limit, "flood.test", &flood[i]), DNS_ADMISSION_WAIT);
    assert_int_equal(enter(limit, "other.test", &other), DNS_ADMISSION_WAIT);
    struct dns_ticket *turn[] = {&flood[0], &other, &flood[1], &flood[2], &flood[3]}, *running = &first;
    for (size_t i = 0; i < sizeof turn / sizeof *turn; i++) {
        assert_null(dns_limit_next(limit));
        dns_limit_leave(limit, running);
        running = dns_limit_next(limit);
        assert_ptr_equal(running, turn[i]);
    }
    dns_limit_leave(limit, running);
    dns_limit_destroy(limit);
}

static void those_who_wait_are_counted(void **state) {
    (void)state;
    enum { WAITING = 50 };
    struct dns_limit *limit = dns_limit_create(
        &(struct dns_limit_options){.running_max = 1, .running_per_domain_max = 1, .waiting_max = WAITING});
    struct dns_ticket running, waiting[WAITING], late;
    assert_int_equal(enter(limit, "a.test", &running), DNS_ADMISSION_START);
    for (int i = 0; i < WAITING; i++) {
        char text[32];
        snprintf(text, sizeof text, "d%d.test", i % 7);
        assert_int_equal(enter(limit, text, &waiting[i]), DNS_ADMISSION_WAIT);
    }
    assert_int_equal(enter(limit, "a.test", &late), DNS_ADMISSION_FULL);
    assert_int_equal(enter(limit, "new.test", &late), DNS_ADMISSION_FULL);
    for (int i = 0; i < WAITING; i++) dns_limit_leave(limit, &waiting[i]);
    dns_limit_leave(limit, &running);
    assert_int_equal(dns_limit_running(limit) + dns_limit_waiting(limit), 0);
    dns_limit_destroy(limit);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_name_belongs_to_its_domain),
        cmocka_unit_test(one_domain_takes_no_more_than_its_share),
        cmocka_unit_test(domains_take_turns),
        cmocka_unit_test(those_who_wait_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
