#include "base/lru_map.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

/* Values are counters; release counts. */
static void count_release(void *value) { ++*(int *)value; }

/* What one entry with a key of one octet costs beside what is given for it. */
static size_t overhead(void) {
    int released = 0;
    struct lru_map *map = lru_map_create(10000, count_release);
    assert_true(lru_map_put(map, span_of("k"), &released, 0));
    size_t octets = lru_map_octets(map);
    lru_map_destroy(map);
    assert_int_equal(released, 1);
    return octets;
}

static void put_get_replace_remove(void **state) {
    (void)state;
    int a = 0, b = 0;
    struct lru_map *map = lru_map_create(10000, count_release);
    assert_null(lru_map_get(map, span_of("name")));
    assert_true(lru_map_put(map, span_of("name"), &a, 100));
    assert_ptr_equal(lru_map_get(map, span_of("name")), &a);
    assert_null(lru_map_get(map, span_of("Name"))); /* case as given */
    assert_null(lru_map_get(map, (struct span){"name\0", 5}));
    assert_true(lru_map_put(map, span_of("name"), &b, 50));
    assert_int_equal(a, 1);
    assert_ptr_equal(lru_map_get(map, span_of("name")), &b);
    assert_int_equal(lru_map_count(map), 1);
    assert_true(lru_map_remove(map, span_of("name")));
    assert_false(lru_map_remove(map, span_of("name")));
    assert_int_equal(b, 1);
    assert_int_equal(lru_map_count(map), 0);
    assert_int_equal(lru_map_octets(map), 0);
    assert_int_equal(lru_map_evictions(map), 0);
    lru_map_destroy(map);
    lru_map_destroy(NULL);
}

static void the_longest_unused_goes_first(void **state) {
    (void)state;
    int values[5] = {0};
    struct lru_map *map = lru_map_create(3 * (overhead() + 100), count_release);
    assert_true(lru_map_put(map, span_of("a"), &values[0], 100));
    assert_true(lru_map_put(map, span_of("b"), &values[1], 100));
    assert_true(lru_map_put(map, span_of("c"), &values[2], 100));
    assert_non_null(lru_map_get(map, span_of("a"))); /* used: b is the oldest now */
    assert_true(lru_map_put(map, span_of("d"), &values[3], 100));
    assert_null(lru_map_get(map, span_of("b")));
    assert_int_equal(values[1], 1);
    assert_true(lru_map_put(map, span_of("e"), &values[4], 200)); /* needs the room of two: c and a go */
    assert_int_equal(values[2], 1);
    assert_int_equal(values[0], 1);
    assert_non_null(lru_map_get(map, span_of("d")));
    assert_non_null(lru_map_get(map, span_of("e")));
    assert_int_equal(lru_map_evictions(map), 3);
    lru_map_destroy(map);
    for (size_t i = 0; i < 5; i++) assert_int_equal(values[i], 1); /* each exactly once */
}

static void what_never_fits_is_refused(void **state) {
    (void)state;
    int kept = 0, refused = 0;
    struct lru_map *map = lru_map_create(overhead() + 100, count_release);
    assert_true(lru_map_put(map, span_of("a"), &kept, 100));
    assert_false(lru_map_put(map, span_of("a"), &refused, 101));
    assert_false(lru_map_put(map, span_of("b"), &refused, SIZE_MAX));
    assert_ptr_equal(lru_map_get(map, span_of("a")), &kept);
    assert_int_equal(kept + refused, 0);
    lru_map_destroy(map);
    map = lru_map_create(0, count_release);
    assert_false(lru_map_put(map, span_of("a"), &refused, 0));
    lru_map_destroy(map);
    assert_int_equal(refused, 0);
}

static void do_not_release(void *value) { (void)value; }

static void many_entries_are_all_found(void **state) {
    (void)state;
    enum { COUNT = 20000 };
    static int values[COUNT];
    struct lru_map *map = lru_map_create((size_t)1 << 30, do_not_release);
    for (int round = 0; round < 2; round++) /* the second replaces all */
        for (int i = 0; i < COUNT; i++) {
            char key[32];
            struct span name = {key, (size_t)snprintf(key, sizeof key, "sel%d._domainkey.example.com", i)};
            assert_true(lru_map_put(map, name, &values[i], 10));
        }
    assert_int_equal(lru_map_count(map), COUNT);
    for (int i = 0; i < COUNT; i++) {
        char key[32];
        struct span name = {key, (size_t)snprintf(key, sizeof key, "sel%d._domainkey.example.com", i)};
        assert_ptr_equal(lru_map_get(map, name), &values[i]);
    }
    lru_map_destroy(map);
}

static void the_bound_holds_under_churn(void **state) {
    (void)state;
    static int value;
    uint32_t random = 7;
    struct lru_map *map = lru_map_create(20000, do_not_release);
    for (int i = 0; i < 50000; i++) {
        random = random * 1664525 + 1013904223;
        struct span key = {(const char *)&random, sizeof random};
        lru_map_put(map, key, &value, random >> 22);
        assert_ptr_equal(lru_map_get(map, key), &value);
        assert_true(lru_map_octets(map) <= 20000);
        if (i % 3 == 0) assert_true(lru_map_remove(map, key));
    }
    assert_true(lru_map_evictions(map) > 0);
    lru_map_destroy(map);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(put_get_replace_remove),     cmocka_unit_test(the_longest_unused_goes_first),
        cmocka_unit_test(what_never_fits_is_refused), cmocka_unit_test(many_entries_are_all_found),
        cmocka_unit_test(the_bound_holds_under_churn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
