#include "http/space_saving.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

static struct span name_of(char room[32], const char *stem, unsigned number) {
    return (struct span){room, (size_t)snprintf(room, 32, "%s%u.example", stem, number)};
}

static void counts_are_exact_while_there_is_room(void **state) {
    (void)state;
    struct space_saving *table = space_saving_create(3);
    char room[32];
    for (unsigned i = 0; i < 3; i++)
        for (unsigned j = 0; j <= i; j++) assert_true(space_saving_add(table, name_of(room, "d", i), j % 3));
    assert_int_equal(space_saving_count(table), 3);
    struct space_saving_slot *slot = space_saving_find(table, name_of(room, "d", 2));
    assert_int_equal(slot->count[0] + slot->count[1] + slot->count[2], 3);
    assert_int_equal(slot->count[1], 1);
    assert_int_equal(space_saving_weight(table, slot), 3);
    assert_null(space_saving_find(table, span_of("d2.exampl")));
    assert_int_equal(space_saving_evictions(table), 0);
    space_saving_destroy(table);
    space_saving_destroy(NULL);
}

static void the_lightest_goes_and_leaves_its_weight(void **state) {
    (void)state;
    struct space_saving *table = space_saving_create(2);
    for (int i = 0; i < 5; i++) space_saving_add(table, span_of("heavy"), 0);
    for (int i = 0; i < 3; i++) space_saving_add(table, span_of("light"), 0);
    uint64_t serial = space_saving_find(table, span_of("light"))->serial;
    assert_true(space_saving_add(table, span_of("new"), 2));
    assert_null(space_saving_find(table, span_of("light")));
    struct space_saving_slot *slot = space_saving_find(table, span_of("new"));
    assert_int_equal(slot->error, 3);
    assert_int_equal(space_saving_weight(table, slot), 1);
    assert_int_equal(slot->count[0] + slot->count[1], 0);
    assert_int_equal(slot->count[2], 1);
    assert_true(slot->serial > serial);
    assert_int_equal(space_saving_evictions(table), 1);
    space_saving_destroy(table);
}

static void a_pinned_name_stays(void **state) {
    (void)state;
    struct space_saving *table = space_saving_create(2);
    space_saving_add(table, span_of("pinned"), 0);
    space_saving_pin(table, space_saving_find(table, span_of("pinned")), true);
    char room[32];
    for (unsigned i = 0; i < 100; i++) assert_true(space_saving_add(table, name_of(room, "d", i), 0));
    assert_int_equal(space_saving_find(table, span_of("pinned"))->count[0], 1);
    space_saving_halve(table);
    struct space_saving_slot *other = space_saving_find(table, name_of(room, "d", 99));
    space_saving_pin(table, other, true);
    assert_false(space_saving_add(table, span_of("no slot left"), 0));
    assert_true(space_saving_add(table, span_of("pinned"), 0));
    space_saving_pin(table, space_saving_find(table, span_of("pinned")), false);
    assert_true(space_saving_add(table, span_of("takes its place"), 0));
    assert_null(space_saving_find(table, span_of("pinned")));
    space_saving_destroy(table);
}

/* 50 names with half of all events, among 200,000 that come once: every one of the 50 is kept, its error is bounded. */
static void frequent_names_survive_a_crowd(void **state) {
    (void)state;
    enum { SLOTS = 1000, FREQUENT = 50, ROUNDS = 4000 };
    struct space_saving *table = space_saving_create(SLOTS);
    char room[32];
    unsigned crowd = 0;
    for (unsigned round = 0; round < ROUNDS; round++)
        for (unsigned i = 0; i < FREQUENT; i++) {
            space_saving_add(table, name_of(room, "frequent", i), 0);
            space_saving_add(table, name_of(room, "once", crowd++), 1);
        }
    uint64_t sum = 0;
    for (uint32_t i = 0; i < space_saving_count(table); i++) {
        struct space_saving_slot *slot = space_saving_at(table, i);
        assert_true(slot->error <= 2 * FREQUENT * ROUNDS / SLOTS); /* the paper's bound: all events by slots */
        sum += slot->error + space_saving_weight(table, slot);
    }
    assert_int_equal(sum, 2 * FREQUENT * ROUNDS); /* and its invariant: the weights are all events */
    for (unsigned i = 0; i < FREQUENT; i++) {
        struct space_saving_slot *slot = space_saving_find(table, name_of(room, "frequent", i));
        assert_non_null(slot);
        assert_true(slot->count[0] >= ROUNDS * 9 / 10);
    }
    space_saving_destroy(table);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_are_exact_while_there_is_room),
        cmocka_unit_test(the_lightest_goes_and_leaves_its_weight),
        cmocka_unit_test(a_pinned_name_stays),
        cmocka_unit_test(frequent_names_survive_a_crowd),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
