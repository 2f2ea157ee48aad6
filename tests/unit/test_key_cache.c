#include "verifier/key_cache.h" /* first, so the header is proved to stand alone */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define KEY "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
#define NAME span_of("s._domainkey.example.com")

enum { DAY = 86400, CACHE_OCTETS = 1 << 20 };

static struct key_entry *entry_of(enum dns_status status, uint32_t ttl_s) {
    struct dns_answer answer = {.status = status, .dnssec = DNSSEC_SECURE, .ttl_s = ttl_s};
    if (status == DNS_FOUND) answer.record[answer.record_count++] = span_of(KEY);
    return key_entry_create(&answer, 1000);
}

static void put(struct key_cache *cache, struct span name, enum dns_status status, uint32_t ttl_s) {
    key_entry_release(key_cache_put(cache, name, entry_of(status, ttl_s)));
}

static enum key_cache_find find(struct key_cache *cache, struct span name) {
    struct key_entry *entry = NULL;
    enum key_cache_find find = key_cache_get(cache, name, &entry);
    key_entry_release(entry);
    return find;
}

static void advance(struct clock_fixed *clock, double seconds) { clock->monotonic_us += (int64_t)(seconds * 1e6); }

/* What an answer with that TTL lives, and from when on somebody is to ask again (0: never). */
static const struct {
    enum dns_status status;
    uint32_t ttl_s;
    int64_t refresh_s, end_s;
} lives[] = {
    {DNS_FOUND, 300, 270, 300},  {DNS_FOUND, 60, 54, 60},
    {DNS_FOUND, 0, 54, 60},      {DNS_FOUND, 4294967295, DAY - DAY / 10, DAY},
    {DNS_NXDOMAIN, 0, 0, 60},    {DNS_NXDOMAIN, 120, 0, 120},
    {DNS_NXDOMAIN, DAY, 0, 300}, {DNS_NODATA, DAY, 0, 300},
    {DNS_BOGUS, DAY, 0, 60},     {DNS_BOGUS, 1, 0, 60},
    {DNS_SERVFAIL, DAY, 0, 5},   {DNS_TIMEOUT, 0, 0, 5},
};

static void answers_live_as_long_as_wanted(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof lives / sizeof *lives; i++) {
        struct clock_fixed clock = clock_fixed_at(1000);
        struct key_cache *cache = key_cache_create(CACHE_OCTETS, 0, &clock.clock);
        int64_t start_us = clock.monotonic_us;
        assert_int_equal(find(cache, NAME), KEY_CACHE_MISS);
        put(cache, NAME, lives[i].status, lives[i].ttl_s);
        assert_int_equal(find(cache, NAME), KEY_CACHE_HIT);
        if (lives[i].refresh_s > 0) {
            clock.monotonic_us = start_us + lives[i].refresh_s * 1000000 - 1;
            if (find(cache, NAME) != KEY_CACHE_HIT) fail_msg("row %zu: too early to ask again", i);
            clock.monotonic_us++;
            if (find(cache, NAME) != KEY_CACHE_REFRESH) fail_msg("row %zu: nobody asks again", i);
        }
        clock.monotonic_us = start_us + lives[i].end_s * 1000000 - 1;
        if (find(cache, NAME) != KEY_CACHE_HIT) fail_msg("row %zu: gone too early, or a second one asks", i);
        clock.monotonic_us++;
        if (find(cache, NAME) != KEY_CACHE_MISS) fail_msg("row %zu: outlives its end", i);
        key_cache_destroy(cache);
    }
}

static void a_failure_does_not_displace_what_holds(void **state) {
    (void)state;
    static const enum dns_status held[] = {DNS_FOUND, DNS_NXDOMAIN, DNS_NODATA};
    static const enum dns_status failures[] = {DNS_SERVFAIL, DNS_TIMEOUT, DNS_BOGUS};
    for (size_t h = 0; h < 3; h++) {
        for (size_t f = 0; f < 3; f++) {
            struct clock_fixed clock = clock_fixed_at(1000);
            struct key_cache *cache = key_cache_create(CACHE_OCTETS, 0, &clock.clock);
            put(cache, NAME, held[h], 100);
            advance(&clock, 99);
            struct key_entry *entry = key_cache_put(cache, NAME, entry_of(failures[f], 0));
            assert_int_equal(entry->status, held[h]);
            assert_false(entry->stale);
            key_entry_release(entry);
            advance(&clock, 1); /* its end stays where it was; now the failure counts */
            entry = key_cache_put(cache, NAME, entry_of(failures[f], 0));
            assert_int_equal(entry->status, failures[f]);
            key_entry_release(entry);
            assert_int_equal(find(cache, NAME), KEY_CACHE_HIT);
            key_cache_destroy(cache);
        }
    }
}

static void a_gone_key_is_gone(void **state) {
    (void)state;
    struct clock_fixed clock = clock_fixed_at(1000);
    struct key_cache *cache = key_cache_create(CACHE_OCTETS, 3600 * 1000, &clock.clock);
    put(cache, NAME, DNS_FOUND, 100);
    struct key_entry *entry = key_cache_put(cache, NAME, entry_of(DNS_NXDOMAIN, 60));
    assert_int_equal(entry->status, DNS_NXDOMAIN);
    key_entry_release(entry);
    advance(&clock, 61);
    entry = key_cache_put(cache, NAME, entry_of(DNS_SERVFAIL, 0)); /* the key from before must not come back */
    assert_int_equal(entry->status, DNS_SERVFAIL);
    key_entry_release(entry);
    assert_null(key_cache_put(cache, NAME, NULL));
    key_cache_destroy(cache);
}

static void an_expired_key_is_served_only_when_wanted(void **state) {
    (void)state;
    struct clock_fixed clock = clock_fixed_at(1000);
    struct key_cache *cache = key_cache_create(CACHE_OCTETS, 600 * 1000, &clock.clock);
    put(cache, NAME, DNS_FOUND, 100);
    struct key_entry *before;
    assert_int_equal(key_cache_get(cache, NAME, &before), KEY_CACHE_HIT);
    advance(&clock, 101);
    assert_int_equal(find(cache, NAME), KEY_CACHE_MISS); /* DNS is asked first */
    struct key_entry *entry = key_cache_put(cache, NAME, entry_of(DNS_TIMEOUT, 0));
    assert_true(entry->status == DNS_FOUND && entry->stale && entry->fetched_s == 1000);
    assert_true(entry->record_count == 1 && entry->records_seen == 1 && entry->record[0]->key != NULL);
    assert_true(entry->dnssec == DNSSEC_SECURE && !before->stale); /* whoever holds the old one sees no change */
    key_entry_release(entry);
    key_entry_release(before);
    assert_int_equal(find(cache, NAME), KEY_CACHE_HIT); /* for five seconds */
    advance(&clock, 5);
    assert_int_equal(find(cache, NAME), KEY_CACHE_MISS);
    advance(&clock, 592);
    entry = key_cache_put(cache, NAME, entry_of(DNS_SERVFAIL, 0)); /* 598 s after the end */
    assert_true(entry->stale);
    key_entry_release(entry);
    advance(&clock, 5);
    entry = key_cache_put(cache, NAME, entry_of(DNS_SERVFAIL, 0));
    assert_int_equal(entry->status, DNS_SERVFAIL); /* 603 s: too old */
    key_entry_release(entry);
    entry = key_cache_put(cache, NAME, entry_of(DNS_FOUND, 100));
    assert_false(entry->stale);
    key_entry_release(entry);
    key_cache_destroy(cache);
}

static void memory_is_bounded(void **state) {
    (void)state;
    struct clock_fixed clock = clock_fixed_at(1000);
    struct key_cache *cache = key_cache_create(CACHE_OCTETS, 0, &clock.clock);
    for (int i = 0; i < 5000; i++) {
        char name[64];
        snprintf(name, sizeof name, "s%d._domainkey.example.com", i);
        put(cache, span_of(name), i % 3 == 0 ? DNS_NXDOMAIN : DNS_FOUND, 300);
        assert_int_equal(find(cache, span_of(name)), KEY_CACHE_HIT);
    }
    struct key_cache_usage usage = key_cache_usage(cache);
    assert_true(usage.octets <= CACHE_OCTETS && usage.octets > CACHE_OCTETS / 2);
    assert_true(usage.entries + usage.evictions == 5000 && usage.evictions > 0);
    key_cache_destroy(cache);
    key_cache_destroy(NULL);
}

/* Threads put, get and use the same names at once. */
enum { THREADS = 4, ROUNDS = 2000, NAMES = 100 };
struct user {
    pthread_t thread;
    struct key_cache *cache;
    unsigned seed, wrong;
};

static void *use_cache(void *argument) {
    struct user *user = argument;
    for (unsigned i = 0; i < ROUNDS; i++) {
        char name[64];
        unsigned number = (user->seed + i * 7) % NAMES;
        snprintf(name, sizeof name, "s%u._domainkey.example.com", number);
        struct key_entry *entry = NULL;
        if (i % 5 == 0)
            entry = key_cache_put(user->cache, span_of(name), entry_of(number % 2 ? DNS_FOUND : DNS_TIMEOUT, 60));
        else if (key_cache_get(user->cache, span_of(name), &entry) == KEY_CACHE_MISS)
            continue;
        user->wrong += entry->status != (number % 2 ? DNS_FOUND : DNS_TIMEOUT);
        user->wrong += entry->record_count > 0 && !span_is(entry->record[0]->text, KEY);
        key_entry_release(entry);
    }
    return NULL;
}

static void threads_share_a_cache(void **state) {
    (void)state;
    struct key_cache *cache = key_cache_create(CACHE_OCTETS / 8, 0, &clock_system);
    struct user user[THREADS];
    for (unsigned i = 0; i < THREADS; i++) {
        user[i] = (struct user){.cache = cache, .seed = i * 31};
        assert_int_equal(pthread_create(&user[i].thread, NULL, use_cache, &user[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        pthread_join(user[i].thread, NULL);
        assert_int_equal(user[i].wrong, 0);
    }
    assert_true(key_cache_usage(cache).entries <= NAMES);
    key_cache_destroy(cache);
}

/* Threads that want the same name until one has met another at its lock. */
static atomic_bool met;

static void *want_one_name(void *cache) {
    while (!atomic_load(&met)) (void)find(cache, NAME);
    return NULL;
}

static void whoever_waits_for_another_is_counted(void **state) {
    (void)state;
    pthread_t thread[THREADS];
    struct key_cache *cache = key_cache_create(CACHE_OCTETS, 0, &clock_system);
    put(cache, NAME, DNS_FOUND, 300);
    for (unsigned i = 0; i < ROUNDS; i++) assert_int_equal(find(cache, NAME), KEY_CACHE_HIT);
    assert_int_equal(key_cache_usage(cache).waits, 0); /* alone */
    for (size_t i = 0; i < THREADS; i++) assert_int_equal(pthread_create(&thread[i], NULL, want_one_name, cache), 0);
    while (key_cache_usage(cache).waits == 0) sched_yield();
    atomic_store(&met, true);
    for (size_t i = 0; i < THREADS; i++) pthread_join(thread[i], NULL);
    key_cache_destroy(cache);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_live_as_long_as_wanted),
        cmocka_unit_test(a_failure_does_not_displace_what_holds),
        cmocka_unit_test(a_gone_key_is_gone),
        cmocka_unit_test(an_expired_key_is_served_only_when_wanted),
        cmocka_unit_test(memory_is_bounded),
        cmocka_unit_test(threads_share_a_cache),
        cmocka_unit_test(whoever_waits_for_another_is_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
