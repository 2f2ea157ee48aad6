#include "base/mailbox.h"
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "base/loop.h"

struct scene {
    struct loop *loop;
    struct mailbox *mailbox;
    char text[256]; /* the records that arrived, a comma behind each */
    size_t len;
};

static void note(void *owner, struct span record) {
    struct scene *scene = owner;
    scene->len += (size_t)snprintf(scene->text + scene->len, sizeof scene->text - scene->len, "%.*s,", (int)record.len,
                                   record.ptr);
    if (span_is(record, "again")) assert_true(mailbox_post(scene->mailbox, span_of("late")));
    if (span_is(record, "close")) mailbox_close(scene->mailbox);
    if (span_is(record, "stop")) loop_stop(scene->loop);
}

static struct scene *open_scene(size_t octets_max) {
    struct scene *scene = calloc(1, sizeof *scene);
    scene->loop = loop_create();
    scene->mailbox = mailbox_create(scene->loop, octets_max, note, scene);
    assert_non_null(scene->mailbox);
    return scene;
}

static void close_scene(struct scene *scene) {
    loop_destroy(scene->loop);
    mailbox_destroy(scene->mailbox);
    free(scene);
}

static void records_arrive_in_order(void **state) {
    (void)state;
    struct scene *scene = open_scene(1000);
    assert_true(mailbox_post(scene->mailbox, span_of("one")));
    assert_true(mailbox_post(scene->mailbox, span_of("again")));
    assert_true(mailbox_post(scene->mailbox, span_of("two")));
    assert_int_equal(scene->len, 0); /* not from inside of the call */
    loop_stop(scene->loop);
    assert_true(loop_run(scene->loop));
    assert_string_equal(scene->text, "one,again,two,");
    loop_stop(scene->loop);
    assert_true(loop_run(scene->loop));
    assert_string_equal(scene->text, "one,again,two,late,");
    mailbox_close(scene->mailbox);
    mailbox_close(scene->mailbox);
    close_scene(scene);
}

static void a_full_mailbox_takes_no_half_records(void **state) {
    (void)state;
    struct scene *scene = open_scene(20);
    assert_true(mailbox_post(scene->mailbox, span_of("12345678"))); /* 12 octets */
    assert_false(mailbox_post(scene->mailbox, span_of("12345")));   /* 9 */
    assert_true(mailbox_post(scene->mailbox, span_of("1234")));     /* 8 */
    assert_false(mailbox_post(scene->mailbox, span_of("1")));
    loop_stop(scene->loop);
    assert_true(loop_run(scene->loop));
    assert_string_equal(scene->text, "12345678,1234,");
    assert_true(mailbox_post(scene->mailbox, span_of("5")));
    loop_stop(scene->loop);
    assert_true(loop_run(scene->loop));
    assert_string_equal(scene->text, "12345678,1234,5,");
    close_scene(scene);
}

static void nothing_arrives_once_closed(void **state) {
    (void)state;
    struct scene *scene = open_scene(1000);
    assert_true(mailbox_post(scene->mailbox, span_of("one")));
    assert_true(mailbox_post(scene->mailbox, span_of("close")));
    assert_true(mailbox_post(scene->mailbox, span_of("two"))); /* in the same batch */
    loop_stop(scene->loop);
    assert_true(loop_run(scene->loop));
    assert_string_equal(scene->text, "one,close,");
    assert_false(mailbox_post(scene->mailbox, span_of("three")));
    close_scene(scene);

    scene = open_scene(1000);
    assert_true(mailbox_post(scene->mailbox, span_of("one")));
    mailbox_close(scene->mailbox); /* with the loop's task waiting */
    loop_stop(scene->loop);
    assert_true(loop_run(scene->loop));
    assert_string_equal(scene->text, "");
    close_scene(scene);
}

enum { POSTERS = 4, POSTS = 5000 };
static struct {
    struct loop *loop;
    struct mailbox *mailbox;
    unsigned next[POSTERS], left;
} crowd;
struct letter {
    uint32_t poster, number;
};

static void count(void *owner, struct span record) {
    struct letter letter;
    (void)owner;
    assert_int_equal(record.len, sizeof letter);
    memcpy(&letter, record.ptr, sizeof letter);
    assert_int_equal(letter.number, crowd.next[letter.poster]++);
    if (--crowd.left == 0) loop_stop(crowd.loop);
}

static void *post_all(void *arg) {
    struct letter letter = {.poster = *(uint32_t *)arg};
    for (; letter.number < POSTS; letter.number++) {
        bool good = mailbox_post(crowd.mailbox, (struct span){(char *)&letter, sizeof letter});
        if (!good) abort();
    }
    return NULL;
}

static void letters_of_four_threads_all_arrive_in_order(void **state) {
    (void)state;
    pthread_t thread[POSTERS];
    uint32_t number[POSTERS];
    crowd.loop = loop_create();
    crowd.mailbox = mailbox_create(crowd.loop, 1 << 20, count, NULL);
    crowd.left = POSTERS * POSTS;
    for (uint32_t i = 0; i < POSTERS; i++) {
        number[i] = i;
        assert_int_equal(pthread_create(&thread[i], NULL, post_all, &number[i]), 0);
    }
    assert_true(loop_run(crowd.loop));
    assert_int_equal(crowd.left, 0);
    for (int i = 0; i < POSTERS; i++) pthread_join(thread[i], NULL);
    mailbox_close(crowd.mailbox);
    loop_destroy(crowd.loop);
    mailbox_destroy(crowd.mailbox);
    mailbox_destroy(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_arrive_in_order),
        cmocka_unit_test(a_full_mailbox_takes_no_half_records),
        cmocka_unit_test(nothing_arrives_once_closed),
        cmocka_unit_test(letters_of_four_threads_all_arrive_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
