#include "base/loop.h"
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>
#include "base/clock.h"

/* What the callbacks of one test share; `trace` keeps the order in which they ran. */
struct scene {
    struct loop *loop;
    char trace[64];
    size_t count;
    struct loop_timer *timer, *other;
    struct loop_watch *watch;
    int fd;
};

static void note(struct scene *scene, char c) {
    if (scene->count < sizeof scene->trace - 1) scene->trace[scene->count++] = c;
}

static struct scene scene_open(void) {
    struct scene scene = {.loop = loop_create(), .fd = -1};
    assert_non_null(scene.loop);
    return scene;
}

static void on_stop(void *owner) {
    struct scene *scene = owner;
    note(scene, 's');
    loop_stop(scene->loop);
}

static void on_first(void *owner) { note(owner, '1'); }

static void timers_run_in_order_of_time(void **state) {
    (void)state;
    struct scene scene = scene_open();
    struct loop_timer *late = loop_timer_create(scene.loop, on_stop, &scene);
    struct loop_timer *early = loop_timer_create(scene.loop, on_first, &scene);
    struct loop_timer *never = loop_timer_create(scene.loop, on_first, &scene);
    int64_t start_us = clock_monotonic_us(&clock_system);
    loop_timer_start(late, 60);
    loop_timer_start(early, 1000);
    loop_timer_start(early, 5); /* anew */
    loop_timer_start(never, 10);
    loop_timer_stop(never);
    loop_timer_stop(never);
    assert_true(loop_run(scene.loop));
    assert_string_equal(scene.trace, "1s");
    assert_true(clock_monotonic_us(&clock_system) - start_us >= 40000);
    loop_timer_destroy(late);
    loop_timer_destroy(early);
    loop_timer_destroy(never);
    loop_timer_destroy(NULL);
    loop_destroy(scene.loop);
}

static void destroys_itself_and_another(void *owner) {
    struct scene *scene = owner;
    note(scene, 'd');
    loop_timer_destroy(scene->timer);
    loop_timer_destroy(scene->other);
    loop_stop(scene->loop);
}

static void a_callback_may_destroy_timers_that_are_due(void **state) {
    (void)state;
    struct scene scene = scene_open();
    scene.timer = loop_timer_create(scene.loop, destroys_itself_and_another, &scene);
    scene.other = loop_timer_create(scene.loop, on_first, &scene); /* due in the same turn, must not run */
    loop_timer_start(scene.timer, -1);
    loop_timer_start(scene.other, 0);
    usleep(10000);
    assert_true(loop_run(scene.loop));
    assert_string_equal(scene.trace, "d");
    loop_destroy(scene.loop);
}

static void on_ready(void *owner, unsigned events) {
    struct scene *scene = owner;
    char c;
    if (events == LOOP_WRITE) {
        note(scene, 'w');
        assert_true(loop_watch_want(scene->watch, LOOP_READ));
        assert_int_equal(write(scene->fd, "xyz", 3), 3);
        return;
    }
    assert_int_equal(events, LOOP_READ);
    if (read(scene->fd, &c, 1) == 1) {
        note(scene, c); /* one octet a call: level triggered */
        return;
    }
    note(scene, 'e');
    loop_watch_destroy(scene->watch);
    loop_stop(scene->loop);
}

/* The other end of the pair sends back what it gets, then hangs up. */
static void *echo(void *arg) {
    char buffer[8];
    int fd = *(int *)arg;
    ssize_t got = read(fd, buffer, sizeof buffer);
    if (got > 0 && write(fd, buffer, (size_t)got) != got) abort();
    close(fd);
    return NULL;
}

static void watches_tell_read_and_write(void **state) {
    (void)state;
    struct scene scene = scene_open();
    int pair[2];
    pthread_t thread;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    scene.fd = pair[0];
    scene.watch = loop_watch_create(scene.loop, pair[0], on_ready, &scene);
    assert_true(loop_watch_want(scene.watch, 0));
    assert_true(loop_watch_want(scene.watch, LOOP_READ | LOOP_WRITE));
    assert_true(loop_watch_want(scene.watch, LOOP_READ | LOOP_WRITE));
    assert_int_equal(pthread_create(&thread, NULL, echo, &pair[1]), 0);
    assert_true(loop_run(scene.loop));
    pthread_join(thread, NULL);
    assert_string_equal(scene.trace, "wxyze");
    close(pair[0]);
    loop_watch_destroy(NULL);
    loop_destroy(scene.loop);
}

static void a_descriptor_that_cannot_be_watched_is_told(void **state) {
    (void)state;
    struct scene scene = scene_open();
    char name[] = "/tmp/sceau_test_loop_XXXXXX";
    int fd = mkstemp(name); /* epoll refuses regular files */
    assert_true(fd >= 0);
    unlink(name);
    scene.watch = loop_watch_create(scene.loop, fd, on_ready, &scene);
    assert_false(loop_watch_want(scene.watch, LOOP_READ));
    assert_true(loop_watch_want(scene.watch, 0));
    loop_watch_destroy(scene.watch);
    close(fd);
    loop_destroy(scene.loop);
}

struct noting_task {
    struct loop_task task; /* first */
    struct scene *scene;
    char letter;
    struct noting_task *then; /* deferred by run */
};

static void run_noting(struct loop_task *task) {
    struct noting_task *noting = (struct noting_task *)(void *)task;
    note(noting->scene, noting->letter);
    if (noting->letter == 's') loop_stop(noting->scene->loop);
    if (noting->then != NULL) loop_defer(noting->scene->loop, &noting->then->task);
}

static struct noting_task noting(struct scene *scene, char letter) {
    return (struct noting_task){.task.run = run_noting, .scene = scene, .letter = letter};
}

static void deferred_tasks_run_in_order_unless_cancelled(void **state) {
    (void)state;
    struct scene scene = scene_open();
    struct noting_task a = noting(&scene, 'a'), b = noting(&scene, 'b'), c = noting(&scene, 'c'), s = noting(&scene, 's');
    list_init(&b.task.node);
    loop_defer_cancel(&b.task); /* not waiting */
    loop_defer(scene.loop, &a.task);
    loop_defer(scene.loop, &b.task);
    loop_defer(scene.loop, &c.task);
    assert_int_equal(scene.count, 0); /* not from inside the call */
    loop_defer_cancel(&b.task);
    loop_defer_cancel(&b.task);
    c.then = &s;
    assert_true(loop_run(scene.loop));
    assert_string_equal(scene.trace, "acs");
    loop_destroy(scene.loop);
}

static struct noting_task *to_cancel;

static void run_cancelling(struct loop_task *task) {
    note(((struct noting_task *)(void *)task)->scene, 'x');
    loop_defer_cancel(&to_cancel->task);
}

static void a_running_task_may_cancel_one_of_the_same_turn(void **state) {
    (void)state;
    struct scene scene = scene_open();
    struct noting_task x = noting(&scene, 'x'), a = noting(&scene, 'a'), s = noting(&scene, 's');
    x.task.run = run_cancelling;
    to_cancel = &a;
    loop_defer(scene.loop, &x.task);
    loop_defer(scene.loop, &a.task);
    loop_defer(scene.loop, &s.task);
    assert_true(loop_run(scene.loop));
    assert_string_equal(scene.trace, "xs");
    loop_destroy(scene.loop);
}

static void a_task_that_defers_itself_starves_nobody(void **state) {
    (void)state;
    struct scene scene = scene_open();
    struct noting_task again = noting(&scene, 'g');
    again.then = &again;
    struct loop_timer *timer = loop_timer_create(scene.loop, on_stop, &scene);
    loop_timer_start(timer, 20);
    loop_defer(scene.loop, &again.task);
    assert_true(loop_run(scene.loop));
    assert_int_equal(scene.trace[0], 'g');
    loop_timer_destroy(timer);
    loop_destroy(scene.loop);
}

enum { POSTERS = 4, POSTS = 2000 };

struct posted {
    struct loop_task task; /* first */
    struct poster *poster;
    unsigned number;
};

struct poster {
    struct loop *loop;
    struct posted *posts;
    unsigned expected; /* loop's thread only: the next number to come */
    unsigned *left;
};

static void run_posted(struct loop_task *task) {
    struct posted *posted = (struct posted *)(void *)task;
    assert_int_equal(posted->number, posted->poster->expected++); /* the order of posting */
    if (--*posted->poster->left == 0) loop_stop(posted->poster->loop);
}

static void *post_all(void *arg) {
    struct poster *poster = arg;
    for (unsigned i = 0; i < POSTS; i++) loop_post(poster->loop, &poster->posts[i].task);
    return NULL;
}

static void posts_of_four_threads_all_arrive_in_order(void **state) {
    (void)state;
    struct scene scene = scene_open();
    struct poster posters[POSTERS];
    pthread_t threads[POSTERS];
    unsigned left = POSTERS * POSTS;
    for (size_t i = 0; i < POSTERS; i++) {
        posters[i] = (struct poster){.loop = scene.loop, .posts = calloc(POSTS, sizeof *posters[i].posts), .left = &left};
        assert_non_null(posters[i].posts);
        for (unsigned j = 0; j < POSTS; j++)
            posters[i].posts[j] = (struct posted){.task.run = run_posted, .poster = &posters[i], .number = j};
        assert_int_equal(pthread_create(&threads[i], NULL, post_all, &posters[i]), 0);
    }
    assert_true(loop_run(scene.loop));
    assert_int_equal(left, 0);
    for (size_t i = 0; i < POSTERS; i++) {
        pthread_join(threads[i], NULL);
        free(posters[i].posts);
    }
    loop_destroy(scene.loop);
}

static void what_was_posted_before_a_stop_still_runs(void **state) {
    (void)state;
    struct scene scene = scene_open();
    struct noting_task a = noting(&scene, 'a'), b = noting(&scene, 'b');
    loop_post(scene.loop, &a.task);
    loop_stop(scene.loop); /* before loop_run */
    assert_true(loop_run(scene.loop));
    assert_string_equal(scene.trace, "a");
    loop_stop(scene.loop);
    assert_true(loop_run(scene.loop)); /* and it may run again */
    loop_post(scene.loop, &b.task);    /* forgotten */
    loop_destroy(scene.loop);
    loop_destroy(NULL);
    assert_string_equal(scene.trace, "a");
}

static void run_taking_back(struct loop_task *task) {
    struct scene *scene = ((struct noting_task *)(void *)task)->scene;
    note(scene, 'x');
    loop_post_cancel(scene->loop, &to_cancel->task);
}

static void a_posted_task_may_be_taken_back(void **state) {
    (void)state;
    struct scene scene = scene_open();
    struct noting_task a = noting(&scene, 'a'), b = noting(&scene, 'b'), x = noting(&scene, 'x'), s = noting(&scene, 's');
    list_init(&a.task.node);
    loop_post_cancel(scene.loop, &a.task); /* not waiting */
    loop_post(scene.loop, &a.task);
    loop_post_cancel(scene.loop, &a.task);
    x.task.run = run_taking_back;
    to_cancel = &b;
    loop_post(scene.loop, &x.task);
    loop_post(scene.loop, &b.task); /* taken back by x, which runs just before it */
    loop_post(scene.loop, &s.task);
    assert_true(loop_run(scene.loop));
    assert_string_equal(scene.trace, "xs");
    loop_destroy(scene.loop);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(timers_run_in_order_of_time),
        cmocka_unit_test(a_callback_may_destroy_timers_that_are_due),
        cmocka_unit_test(watches_tell_read_and_write),
        cmocka_unit_test(a_descriptor_that_cannot_be_watched_is_told),
        cmocka_unit_test(deferred_tasks_run_in_order_unless_cancelled),
        cmocka_unit_test(a_running_task_may_cancel_one_of_the_same_turn),
        cmocka_unit_test(a_task_that_defers_itself_starves_nobody),
        cmocka_unit_test(posts_of_four_threads_all_arrive_in_order),
        cmocka_unit_test(what_was_posted_before_a_stop_still_runs),
        cmocka_unit_test(a_posted_task_may_be_taken_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
