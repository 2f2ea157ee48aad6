#include "verifier/key_lookup.h" /* first, so the header is proved to stand alone */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "base/clock.h"
#include "base/metrics.h"
#include "verifier/dns.h"
#include "verifier/key_cache.h"
#include "verifier/key_source.h"

#define KEY "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
#define NAME span_of("s._domainkey.example.com")

/* A DNS that answers at once or when told to, and remembers what it was asked. */
struct fake_dns {
    struct dns_source source;
    bool at_once;
    struct dns_answer answer;
    unsigned asked, cancelled;
    char last_name[256];
    struct dns_query *pending[8];
    size_t pending_count;
};

static enum dns_progress fake_lookup(struct dns_source *source, struct span name, enum dns_type type,
                                     struct dns_query *query, struct dns_answer *answer) {
    struct fake_dns *dns = (struct fake_dns *)source;
    assert_int_equal(type, DNS_TXT);
    snprintf(dns->last_name, sizeof dns->last_name, "%.*s", (int)name.len, name.ptr);
    dns->asked++;
    if (dns->at_once) {
        *answer = dns->answer;
        return DNS_ANSWERED;
    }
    dns->pending[dns->pending_count++] = query;
    return DNS_PENDING;
}

static void forget(struct fake_dns *dns, size_t index) { dns->pending[index] = dns->pending[--dns->pending_count]; }

static void fake_cancel(struct dns_source *source, struct dns_query *query) {
    struct fake_dns *dns = (struct fake_dns *)source;
    for (size_t i = 0; i < dns->pending_count; i++)
        if (dns->pending[i] == query) {
            forget(dns, i);
            dns->cancelled++;
            return;
        }
    fail_msg("a query was cancelled that is not under way");
}

static void answer_first(struct fake_dns *dns) {
    struct dns_query *query = dns->pending[0];
    forget(dns, 0);
    query->answered(query, &dns->answer);
}

struct fixture {
    struct clock_fixed clock;
    struct fake_dns dns;
    struct metrics *metrics;
    struct key_cache *cache;
    struct key_lookup *lookup;
    struct key_source *keys;
};

static struct dns_answer found(void) {
    return (struct dns_answer){
        .status = DNS_FOUND, .dnssec = DNSSEC_SECURE, .ttl_s = 300, .record_count = 1, .record = {span_of(KEY)}};
}

static void set_up(struct fixture *f, bool at_once) {
    *f = (struct fixture){.clock = clock_fixed_at(1000)};
    f->dns.source = (struct dns_source){.lookup = fake_lookup, .cancel = fake_cancel};
    f->dns.at_once = at_once;
    f->dns.answer = found();
    f->cache = key_cache_create(1 << 20, 0, &f->clock.clock);
    f->metrics = metrics_create();
    f->lookup = key_lookup_create(f->cache, &f->dns.source, &f->clock.clock, metrics_worker_create(f->metrics));
    f->keys = key_lookup_source(f->lookup);
}

static void tear_down(struct fixture *f) {
    key_lookup_destroy(f->lookup);
    key_cache_destroy(f->cache);
    metrics_destroy(f->metrics);
}

/* A request that knows how often it was called, and may do something then. */
struct asker {
    struct key_request request;
    struct key_source *keys;
    unsigned called;
    struct key_entry *entry;
    struct asker *cancels, *asks;
};

static enum key_progress ask(struct asker *asker);

static void ready(struct key_request *request, struct key_entry *entry) {
    struct asker *asker = (struct asker *)request;
    asker->called++;
    asker->entry = entry;
    if (asker->cancels != NULL) key_source_cancel(asker->keys, &asker->cancels->request);
    if (asker->asks != NULL) assert_int_equal(ask(asker->asks), KEY_READY);
}

static struct asker asker_of(struct fixture *f) { return (struct asker){.request.ready = ready, .keys = f->keys}; }

static enum key_progress ask(struct asker *asker) {
    return key_source_get(asker->keys, NAME, &asker->request, &asker->entry);
}

static uint64_t requests(const struct fixture *f, unsigned result) {
    return metrics_counter(f->metrics, METRIC_KEY_CACHE_REQUESTS, result, 0);
}

static void an_answer_at_once_is_a_return_value(void **state) {
    (void)state;
    struct fixture f;
    set_up(&f, true);
    for (unsigned i = 0; i < 3; i++) {
        struct asker a = asker_of(&f);
        assert_int_equal(ask(&a), KEY_READY);
        assert_true(a.called == 0 && a.entry->status == DNS_FOUND && a.entry->fetched_s == 1000);
        key_entry_release(a.entry);
    }
    assert_int_equal(f.dns.asked, 1);
    assert_true(requests(&f, METRIC_CACHE_MISS) == 1 && requests(&f, METRIC_CACHE_HIT) == 2);
    tear_down(&f);
}

static void names_are_asked_in_lower_case(void **state) {
    (void)state;
    struct fixture f;
    set_up(&f, true);
    struct asker a = asker_of(&f);
    assert_int_equal(key_source_get(f.keys, span_of("S._DomainKey.EXAMPLE.com"), &a.request, &a.entry), KEY_READY);
    key_entry_release(a.entry);
    assert_string_equal(f.dns.last_name, "s._domainkey.example.com");
    assert_int_equal(ask(&a), KEY_READY);
    key_entry_release(a.entry);
    assert_int_equal(f.dns.asked, 1);
    tear_down(&f);
}

static void a_late_answer_calls_everyone_once(void **state) {
    (void)state;
    struct fixture f;
    set_up(&f, false);
    struct asker a = asker_of(&f), b = asker_of(&f), after = asker_of(&f);
    assert_int_equal(ask(&a), KEY_PENDING);
    assert_int_equal(ask(&b), KEY_PENDING);
    assert_true(a.called == 0 && b.called == 0);
    assert_int_equal(f.dns.asked, 1); /* single flight */
    f.clock.monotonic_us += 3000;
    answer_first(&f.dns);
    assert_true(a.called == 1 && b.called == 1 && a.entry == b.entry && a.entry->record_count == 1);
    key_entry_release(a.entry);
    key_entry_release(b.entry);
    assert_int_equal(ask(&after), KEY_READY);
    key_entry_release(after.entry);
    assert_int_equal(requests(&f, METRIC_CACHE_MISS), 2);
    tear_down(&f);
}

static void a_cancelled_request_is_never_called(void **state) {
    (void)state;
    struct fixture f;
    set_up(&f, false);
    struct asker a = asker_of(&f), b = asker_of(&f), alone = asker_of(&f);
    ask(&a);
    ask(&b);
    key_source_cancel(f.keys, &a.request);
    answer_first(&f.dns);
    assert_true(a.called == 0 && b.called == 1);
    key_entry_release(b.entry);

    f.clock.monotonic_us += 301 * 1000000LL; /* the cache has forgotten: a question again, and its only asker leaves */
    assert_int_equal(ask(&alone), KEY_PENDING);
    key_source_cancel(f.keys, &alone.request);
    answer_first(&f.dns);
    assert_int_equal(alone.called, 0);
    assert_int_equal(ask(&alone), KEY_READY); /* the answer was not for nothing */
    key_entry_release(alone.entry);
    assert_int_equal(f.dns.asked, 2);
    tear_down(&f);
}

static void a_callback_may_cancel_and_ask(void **state) {
    (void)state;
    struct fixture f;
    set_up(&f, false);
    struct asker a = asker_of(&f), b = asker_of(&f), c = asker_of(&f), again = asker_of(&f);
    a.cancels = &b;
    c.asks = &again;
    ask(&a);
    ask(&b);
    ask(&c);
    answer_first(&f.dns);
    assert_true(a.called == 1 && b.called == 0 && c.called == 1);
    key_entry_release(a.entry);
    key_entry_release(c.entry);
    key_entry_release(again.entry);
    tear_down(&f);
}

static void an_answer_that_never_comes_leaves_nothing(void **state) {
    (void)state;
    struct fixture f;
    set_up(&f, false);
    struct asker a = asker_of(&f);
    assert_int_equal(ask(&a), KEY_PENDING);
    key_source_cancel(f.keys, &a.request);
    tear_down(&f); /* cancels the question; the sanitizer looks for leaks */
    assert_true(a.called == 0 && f.dns.cancelled == 1);
}

static void failures_are_remembered_and_counted(void **state) {
    (void)state;
    for (int status = 0; status < DNS_STATUS_COUNT; status++) {
        if (status == DNS_FOUND) continue;
        struct fixture f;
        set_up(&f, true);
        f.dns.answer = (struct dns_answer){.status = (enum dns_status)status};
        for (unsigned i = 0; i < 2; i++) {
            struct asker a = asker_of(&f);
            assert_int_equal(ask(&a), KEY_READY);
            assert_int_equal(a.entry->status, status);
            key_entry_release(a.entry);
        }
        assert_true(f.dns.asked == 1 && requests(&f, METRIC_CACHE_NEGATIVE) == 1);
        tear_down(&f);
    }
}

static void an_entry_near_its_end_is_asked_for_ahead(void **state) {
    (void)state;
    struct fixture f;
    set_up(&f, true);
    struct asker a = asker_of(&f);
    ask(&a);
    key_entry_release(a.entry);
    f.dns.at_once = false;
    f.clock.monotonic_us += 280 * 1000000LL;
    for (unsigned i = 0; i < 3; i++) { /* the old entry is served meanwhile, and only one question is asked */
        assert_int_equal(ask(&a), KEY_READY);
        key_entry_release(a.entry);
    }
    assert_true(f.dns.asked == 2 && f.dns.pending_count == 1);
    answer_first(&f.dns);
    f.clock.monotonic_us += 250 * 1000000LL; /* the old entry would be gone by now */
    assert_int_equal(ask(&a), KEY_READY);
    key_entry_release(a.entry);
    assert_true(f.dns.asked == 2 && a.called == 0);
    tear_down(&f);
}

static void a_name_too_long_for_dns_does_not_exist(void **state) {
    (void)state;
    struct fixture f;
    set_up(&f, true);
    char name[300];
    memset(name, 'a', sizeof name);
    static const size_t lengths[] = {0, DNS_NAME_MAX + 1, sizeof name};
    for (size_t i = 0; i < 3; i++) {
        struct asker a = asker_of(&f);
        assert_int_equal(key_source_get(f.keys, (struct span){name, lengths[i]}, &a.request, &a.entry), KEY_READY);
        assert_int_equal(a.entry->status, DNS_NXDOMAIN);
        key_entry_release(a.entry);
    }
    assert_int_equal(f.dns.asked, 0);
    struct asker longest = asker_of(&f);
    assert_int_equal(key_source_get(f.keys, (struct span){name, DNS_NAME_MAX}, &longest.request, &longest.entry),
                     KEY_READY);
    key_entry_release(longest.entry);
    assert_int_equal(f.dns.asked, 1);
    tear_down(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_at_once_is_a_return_value),
        cmocka_unit_test(names_are_asked_in_lower_case),
        cmocka_unit_test(a_late_answer_calls_everyone_once),
        cmocka_unit_test(a_cancelled_request_is_never_called),
        cmocka_unit_test(a_callback_may_cancel_and_ask),
        cmocka_unit_test(an_answer_that_never_comes_leaves_nothing),
        cmocka_unit_test(failures_are_remembered_and_counted),
        cmocka_unit_test(an_entry_near_its_end_is_asked_for_ahead),
        cmocka_unit_test(a_name_too_long_for_dns_does_not_exist),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
