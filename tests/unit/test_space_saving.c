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

static uint32_t add(struct space_saving *table, const char *name) {
    bool entered;
    return space_saving_add(table, span_of(name), 1, &entered);
}

static void weights_are_exact_while_there_is_room(void **state) {
    (void)state;
    struct space_saving *table = space_saving_create(3);
    char room[32];
    bool entered;
    for (unsigned i = 0; i < 3; i++)
        for (unsigned j = 0; j <= i; j++) {
            assert_int_not_equal(space_saving_add(table, name_of(room, "d", i), 1, &entered), SPACE_SAVING_NONE);
            assert_int_equal(entered, j == 0);
        }
    assert_int_equal(space_saving_count(table), 3);
    uint32_t slot = space_saving_find(table, name_of(room, "d", 2));
    assert_int_equal(space_saving_weight(table, slot), 3);
    assert_true(span_is(space_saving_name(table, slot), "d2.example"));
    assert_int_equal(space_saving_add(table, name_of(room, "d", 2), 40, &entered), slot);
    assert_int_equal(space_saving_weight(table, slot), 43);
    assert_int_equal(space_saving_find(table, span_of("d2.exampl")), SPACE_SAVING_NONE);
    assert_int_equal(space_saving_evictions(table), 0);
    space_saving_destroy(table);
    space_saving_destroy(NULL);
}

static void the_lightest_goes_and_leaves_its_weight(void **state) {
    (void)state;
    struct space_saving *table = space_saving_create(2);
    for (int i = 0; i < 5; i++) add(table, "heavy");
    for (int i = 0; i < 3; i++) add(table, "light");
    bool entered;
    uint32_t light = space_saving_find(table, span_of("light"));
    assert_int_equal(space_saving_add(table, span_of("new"), 1, &entered), light); /* the slot is the same */
    assert_true(entered);
    assert_int_equal(space_saving_find(table, span_of("light")), SPACE_SAVING_NONE);
    assert_int_equal(space_saving_error(table, light), 3);
    assert_int_equal(space_saving_weight(table, light), 1);
    assert_int_equal(space_saving_evictions(table), 1);
    space_saving_destroy(table);
}

static void a_pinned_name_stays(void **state) {
    (void)state;
    struct space_saving *table = space_saving_create(2);
    uint32_t pinned = add(table, "pinned");
    space_saving_pin(table, pinned, true);
    char room[32];
    bool entered;
    for (unsigned i = 0; i < 100; i++)
        assert_int_not_equal(space_saving_add(table, name_of(room, "d", i), 1, &entered), SPACE_SAVING_NONE);
    assert_int_equal(space_saving_find(table, span_of("pinned")), pinned);
    space_saving_halve(table);
    space_saving_pin(table, space_saving_find(table, name_of(room, "d", 99)), true);
    assert_int_equal(space_saving_add(table, span_of("no slot left"), 1, &entered), SPACE_SAVING_NONE);
    assert_false(entered);
    assert_int_equal(add(table, "pinned"), pinned);
    space_saving_pin(table, pinned, false);
    assert_int_equal(add(table, "takes its place"), pinned);
    assert_int_equal(space_saving_find(table, span_of("pinned")), SPACE_SAVING_NONE);
    space_saving_destroy(table);
}

/* 50 names with half of all events, among 200,000 that come once: every one of the 50 is kept, its error is bounded. */
static void frequent_names_survive_a_crowd(void **state) {
    (void)state;
    enum { SLOTS = 1000, FREQUENT = 50, ROUNDS = 4000 };
    struct space_saving *table = space_saving_create(SLOTS);
    char room[32];
    bool entered;
    unsigned crowd = 0;
    for (unsigned round = 0; round < ROUNDS; round++)
        for (unsigned i = 0; i < FREQUENT; i++) {
            space_saving_add(table, name_of(room, "frequent", i), 1, &entered);
            space_saving_add(table, name_of(room, "once", crowd++), 1, &entered);
        }
    uint64_t sum = 0;
    for (uint32_t slot = 0; slot < space_saving_count(table); slot++) {
        assert_true(space_saving_error(table, slot) <= 2 * FREQUENT * ROUNDS / SLOTS); /* the paper's bound: all by slots */
        sum += space_saving_error(table, slot) + space_saving_weight(table, slot);
    }
    assert_int_equal(sum, 2 * FREQUENT * ROUNDS); /* and its invariant: the weights are all events */
    for (unsigned i = 0; i < FREQUENT; i++) {
        uint32_t slot = space_saving_find(table, name_of(room, "frequent", i));
        assert_int_not_equal(slot, SPACE_SAVING_NONE);
        assert_true(space_saving_weight(table, slot) >= ROUNDS * 9 / 10);
    }
    space_saving_destroy(table);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(weights_are_exact_while_there_is_room),
        cmocka_unit_test(the_lightest_goes_and_leaves_its_weight),
        cmocka_unit_test(a_pinned_name_stays),
        cmocka_unit_test(frequent_names_survive_a_crowd),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
