#include "http/stats_keys.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

static struct stats_key *use(struct stats_keys *keys, uint32_t *list, const char *selector, uint8_t fingerprint) {
    uint8_t octets[DIGEST_OCTETS];
    memset(octets, fingerprint, sizeof octets);
    return stats_keys_use(keys, list, span_of(selector), fingerprint > 0 ? octets : NULL);
}

static void expect(const struct stats_keys *keys, const uint32_t *list, const char *want) {
    char got[256] = "";
    size_t at = 0;
    for (const struct stats_key *key = stats_keys_first(keys, list); key != NULL; key = stats_keys_next(keys, key))
        at += (size_t)snprintf(got + at, sizeof got - at, "%.*s:%u ", key->selector_len, key->selector,
                               key->fingerprint[0]);
    assert_string_equal(got, want);
}

static void a_key_is_selector_and_fingerprint(void **state) {
    (void)state;
    struct stats_keys *keys = stats_keys_create(16);
    uint32_t list = STATS_KEYS_NONE;
    expect(keys, &list, "");
    use(keys, &list, "a", 1)->count[DOMAIN_PASS] = 7;
    use(keys, &list, "a", 2);
    use(keys, &list, "a", 0);
    use(keys, &list, "ab", 1);
    expect(keys, &list, "ab:1 a:0 a:2 a:1 ");
    assert_int_equal(use(keys, &list, "a", 1)->count[DOMAIN_PASS], 7);
    expect(keys, &list, "a:1 ab:1 a:0 a:2 ");
    stats_keys_forget(keys, &list);
    expect(keys, &list, "");
    assert_int_equal(use(keys, &list, "a", 1)->count[DOMAIN_PASS], 0);
    stats_keys_destroy(keys);
    stats_keys_destroy(NULL);
}

static void a_domain_has_the_newest_and_takes_no_others_keys(void **state) {
    (void)state;
    struct stats_keys *keys = stats_keys_create(16);
    uint32_t quiet = STATS_KEYS_NONE, busy = STATS_KEYS_NONE;
    char name[8];
    use(keys, &quiet, "only", 1);
    for (unsigned i = 0; i < 1000; i++) {
        snprintf(name, sizeof name, "s%u", i);
        use(keys, &busy, name, 1);
    }
    expect(keys, &quiet, "only:1 ");
    expect(keys, &busy, "s999:1 s998:1 s997:1 s996:1 s995:1 s994:1 s993:1 s992:1 ");
    stats_keys_destroy(keys);
}

/* Many domains and a spent pool: the key that is unused for longest goes, whoever's it is; lists stay sound. */
static void a_spent_pool_gives_up_what_is_unused_for_longest(void **state) {
    (void)state;
    enum { DOMAINS = 40, POOL = 16 };
    struct stats_keys *keys = stats_keys_create(POOL);
    uint32_t lists[DOMAINS];
    char name[8];
    for (unsigned i = 0; i < DOMAINS; i++) lists[i] = STATS_KEYS_NONE;
    for (unsigned i = 0; i < 5000; i++) {
        snprintf(name, sizeof name, "k%u", i * 7 % 11);
        use(keys, &lists[i * 13 % DOMAINS], name, 1);
        if (i % 97 == 0) stats_keys_forget(keys, &lists[i % DOMAINS]);
    }
    for (unsigned i = 0; i < POOL; i++) use(keys, &lists[i], "new", 1);
    for (unsigned i = 0; i < DOMAINS; i++) expect(keys, &lists[i], i < POOL ? "new:1 " : "");
    stats_keys_destroy(keys);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_is_selector_and_fingerprint),
        cmocka_unit_test(a_domain_has_the_newest_and_takes_no_others_keys),
        cmocka_unit_test(a_spent_pool_gives_up_what_is_unused_for_longest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
