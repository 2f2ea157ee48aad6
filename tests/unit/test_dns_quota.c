#include "verifier/dns_quota.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

/* Sources that count what reaches them; every second question is answered later. */
static struct {
    struct dns_source dns;
    struct key_source keys;
    unsigned asked, cancelled;
} inner;

static enum dns_progress lookup(struct dns_source *source, struct span name, enum dns_type type, struct dns_query *query,
                                struct dns_answer *answer) {
    (void)name, (void)query;
    assert_ptr_equal(source, &inner.dns);
    assert_int_equal(type, DNS_TXT);
    if (++inner.asked % 2 == 0) return DNS_PENDING;
    *answer = (struct dns_answer){.status = DNS_NXDOMAIN};
    return DNS_ANSWERED;
}
static void cancel(struct dns_source *source, struct dns_query *query) { (void)source, (void)query, inner.cancelled++; }

static enum key_progress get_key(struct key_source *source, struct span name, struct key_request *request,
                                 struct key_entry **entry) {
    (void)name, (void)request, (void)entry;
    assert_ptr_equal(source, &inner.keys);
    inner.asked++;
    return KEY_PENDING;
}
static void cancel_key(struct key_source *source, struct key_request *request) {
    (void)request;
    assert_ptr_equal(source, &inner.keys);
    inner.cancelled++;
}

static void set_up(struct dns_quota *quota) {
    inner.dns = (struct dns_source){lookup, cancel};
    inner.keys = (struct key_source){get_key, cancel_key};
    inner.asked = inner.cancelled = 0;
    dns_quota_init(quota, &inner.keys, &inner.dns);
}

static void all_kinds_count_together_and_one_too_many_fails(void **state) {
    struct dns_quota quota;
    struct dns_query query;
    struct dns_answer answer;
    struct key_request request;
    struct key_entry *entry = NULL;
    (void)state;
    set_up(&quota);
    for (int message = 0; message < 2; message++) {
        inner.asked = 0;
        dns_quota_begin(&quota, 3);
        assert_int_equal(dns_lookup(&quota.dns, span_of("a.test"), DNS_TXT, &query, &answer), DNS_ANSWERED);
        assert_int_equal(answer.status, DNS_NXDOMAIN); /* as it came */
        assert_int_equal(dns_lookup(&quota.dns, span_of("b.test"), DNS_TXT, &query, &answer), DNS_PENDING);
        assert_int_equal(key_source_get(&quota.keys, span_of("s._domainkey.test"), &request, &entry), KEY_PENDING);
        for (int more = 0; more < 2; more++) {
            assert_int_equal(dns_lookup(&quota.dns, span_of("c.test"), DNS_TXT, &query, &answer), DNS_ANSWERED);
            assert_int_equal(answer.status, DNS_SERVFAIL);
            assert_int_equal(answer.record_count, 0);
            assert_int_equal(key_source_get(&quota.keys, span_of("t._domainkey.test"), &request, &entry), KEY_READY);
            assert_int_equal(entry->status, DNS_SERVFAIL);
            key_entry_release(entry);
        }
        assert_int_equal(inner.asked, 3);
    }
}

static void what_is_pending_is_cancelled_where_it_was_asked(void **state) {
    struct dns_quota quota;
    struct dns_query query;
    struct key_request request;
    (void)state;
    set_up(&quota);
    dns_quota_begin(&quota, 0);
    dns_cancel(&quota.dns, &query);
    key_source_cancel(&quota.keys, &request);
    assert_int_equal(inner.cancelled, 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_kinds_count_together_and_one_too_many_fails),
        cmocka_unit_test(what_is_pending_is_cancelled_where_it_was_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
