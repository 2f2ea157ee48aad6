#include "rules/replay_counter.h" /* first, so the header is proved to stand alone */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static uint32_t add(struct replay_counter *counter, unsigned number, int64_t now_s) {
    char text[20];
    (void)snprintf(text, sizeof text, "signature%u", number);
    return replay_counter_add(counter, span_of(text), now_s);
}

static void repeats_are_counted_in_their_window(void **state) {
    struct replay_counter *counter = replay_counter_create(1 << 20, 3600);
    (void)state;
    assert_int_equal(add(counter, 1, 1000), 0);
    assert_int_equal(add(counter, 1, 1000), 1);
    assert_int_equal(add(counter, 2, 1001), 0);
    assert_int_equal(add(counter, 1, 1000 + 3599), 2);
    assert_int_equal(add(counter, 1, 1000 + 3600), 0); /* anew */
    assert_int_equal(add(counter, 1, 1000 + 3601), 1);
    assert_int_equal(add(counter, 2, 1001 + 3599), 1);
    assert_int_equal(add(counter, 1, 10), 0); /* the clock went back */
    assert_int_equal(replay_counter_add(counter, (struct span){NULL, 0}, 10), 0);
    assert_int_equal(replay_counter_add(counter, (struct span){NULL, 0}, 10), 1);
    replay_counter_destroy(counter);
    replay_counter_destroy(NULL);
}

/* The smallest counter has 512 places; a thousand times as many signatures come by, each once. */
static void a_flood_drives_out_its_own_kind(void **state) {
    struct replay_counter *counter = replay_counter_create(0, 3600);
    (void)state;
    for (unsigned i = 0; i < 10; i++)
        for (uint32_t k = 0; k < 5; k++) assert_int_equal(add(counter, i, 1000), k);
    for (unsigned i = 100; i < 500000; i++) (void)add(counter, i, 1001);
    for (unsigned i = 0; i < 10; i++) assert_int_equal(add(counter, i, 1002), 5);
    /* When its time is over, what repeated makes room too. */
    for (unsigned i = 500000; i < 600000; i++) (void)add(counter, i, 10000);
    for (unsigned i = 0; i < 10; i++) assert_int_equal(add(counter, i, 1003), 0);
    replay_counter_destroy(counter);
}

static void *add_often(void *owner) {
    for (unsigned i = 0; i < 1000; i++)
        for (unsigned k = 0; k < 20; k++) (void)add(owner, k, 1000);
    return NULL;
}

static void threads_count_together(void **state) {
    struct replay_counter *counter = replay_counter_create(1 << 20, 3600);
    pthread_t thread[4];
    (void)state;
    for (size_t i = 0; i < 4; i++) assert_int_equal(pthread_create(&thread[i], NULL, add_often, counter), 0);
    for (size_t i = 0; i < 4; i++) pthread_join(thread[i], NULL);
    for (unsigned k = 0; k < 20; k++) assert_int_equal(add(counter, k, 1000), 4000);
    replay_counter_destroy(counter);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(repeats_are_counted_in_their_window),
        cmocka_unit_test(a_flood_drives_out_its_own_kind),
        cmocka_unit_test(threads_count_together),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
