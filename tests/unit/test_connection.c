#include "proxy/connection.h"
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>
#include "base/bytes.h"
#include "base/clock.h"
#include "base/loop.h"
#include "proxy/socket_address.h"

/* One connection over a socket pair; the test holds the other end. */
struct bench {
    struct loop *loop;
    struct connection_set *set;
    struct connection *connection;
    int far;
    unsigned calls;
    struct bytes got;
    bool keeps, destroys;
    struct loop_timer *stop;
};

static void stop(void *owner) { loop_stop(((struct bench *)owner)->loop); }

static void run_for(struct bench *bench, int64_t ms) {
    loop_timer_start(bench->stop, ms);
    assert_true(loop_run(bench->loop));
}

static void changed(void *owner) {
    struct bench *bench = owner;
    bench->calls++;
    if (bench->destroys) {
        connection_destroy(bench->connection);
        bench->connection = NULL;
        return;
    }
    if (bench->keeps) return;
    struct span input = connection_input(bench->connection);
    bytes_append(&bench->got, input);
    connection_consume(bench->connection, input.len);
}

static void set_up(struct bench *bench) {
    int pair[2];
    memset(bench, 0, sizeof *bench);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
    bench->loop = loop_create();
    bench->set = connection_set_create(bench->loop, &clock_system);
    bench->stop = loop_timer_create(bench->loop, stop, bench);
    bench->got = bytes_with_cap(1 << 24);
    bench->far = pair[1];
    bench->connection = connection_create(bench->set, pair[0], 1 << 22, changed, bench);
    assert_non_null(bench->connection);
}

static void tear_down(struct bench *bench) {
    connection_destroy(bench->connection);
    if (bench->far >= 0) close(bench->far);
    loop_timer_destroy(bench->stop);
    connection_set_destroy(bench->set);
    loop_destroy(bench->loop);
    bytes_release(&bench->got);
}

static void octets_arrive_and_the_end_is_told(void **state) {
    struct bench bench;
    (void)state;
    set_up(&bench);
    assert_int_equal(write(bench.far, "abc", 3), 3);
    run_for(&bench, 20);
    assert_true(span_is(bytes_span(&bench.got), "abc"));
    assert_int_equal(connection_state(bench.connection), CONNECTION_OPEN);
    close(bench.far);
    bench.far = -1;
    run_for(&bench, 20);
    assert_int_equal(connection_state(bench.connection), CONNECTION_ENDED);
    assert_int_equal(bench.calls, 2); /* and not again and again: nothing is left to read */
    tear_down(&bench);
}

static void what_is_left_is_kept_and_stops_the_reading(void **state) {
    struct bench bench;
    static char block[200000];
    size_t written = 0;
    (void)state;
    set_up(&bench);
    for (size_t i = 0; i < sizeof block; i++) block[i] = (char)('a' + i % 23);
    bench.keeps = true;
    for (int i = 0; i < 50 && written < sizeof block; i++) {
        ssize_t count = write(bench.far, block + written, sizeof block - written);
        if (count > 0) written += (size_t)count;
        run_for(&bench, 2);
    }
    size_t kept = connection_input(bench.connection).len;
    assert_true(kept > CONNECTION_KEPT_MAX && kept <= CONNECTION_KEPT_MAX + CONNECTION_READ_MAX);
    bench.keeps = false;
    changed(&bench); /* the owner takes it, outside an event: reading goes on by itself */
    for (int i = 0; i < 200 && bench.got.len < sizeof block; i++) {
        ssize_t count = write(bench.far, block + written, sizeof block - written);
        if (count > 0) written += (size_t)count;
        run_for(&bench, 2);
    }
    assert_int_equal(bench.got.len, sizeof block);
    assert_memory_equal(bench.got.ptr, block, sizeof block);
    tear_down(&bench);
}

static void a_full_socket_makes_octets_wait_and_reports_when_they_left(void **state) {
    struct bench bench;
    static char block[1 << 20], got[1 << 20];
    size_t taken = 0;
    (void)state;
    set_up(&bench);
    memset(block, 'x', sizeof block);
    assert_true(connection_send(bench.connection, (struct span){block, sizeof block}));
    connection_flush(bench.connection);
    assert_true(connection_unsent(bench.connection) > 0);
    assert_int_equal(bench.calls, 0);
    for (int i = 0; i < 1000 && taken < sizeof got; i++) {
        ssize_t count = read(bench.far, got + taken, sizeof got - taken);
        if (count > 0) taken += (size_t)count;
        run_for(&bench, 1);
    }
    assert_int_equal(taken, sizeof got);
    assert_memory_equal(got, block, sizeof got);
    assert_int_equal(connection_unsent(bench.connection), 0);
    assert_int_equal(bench.calls, 1);
    tear_down(&bench);
}

static void too_much_unsent_fails_from_the_loop(void **state) {
    struct bench bench;
    static char block[(1 << 22) + 1];
    (void)state;
    set_up(&bench);
    assert_false(connection_send(bench.connection, (struct span){block, sizeof block}));
    assert_int_equal(bench.calls, 0); /* never inside the call */
    run_for(&bench, 5);
    assert_int_equal(bench.calls, 1);
    assert_int_equal(connection_state(bench.connection), CONNECTION_FAILED);
    assert_int_equal(connection_error(bench.connection), ENOBUFS);
    tear_down(&bench);
}

static void a_peer_that_is_gone_fails_the_write_from_the_loop(void **state) {
    struct bench bench;
    (void)state;
    set_up(&bench);
    close(bench.far);
    bench.far = -1;
    assert_true(connection_send(bench.connection, span_of("hello")));
    connection_flush(bench.connection);
    assert_int_equal(bench.calls, 0);
    run_for(&bench, 5);
    assert_int_equal(connection_state(bench.connection), CONNECTION_FAILED);
    tear_down(&bench);
}

static void time_runs_out_once_and_can_be_renewed(void **state) {
    struct bench bench;
    (void)state;
    set_up(&bench);
    connection_expect(bench.connection, 50);
    connection_expect(bench.connection, 400); /* later than the timer that runs */
    run_for(&bench, 100);
    assert_int_equal(bench.calls, 0);
    run_for(&bench, 500);
    assert_int_equal(bench.calls, 1);
    assert_int_equal(connection_state(bench.connection), CONNECTION_TIMED_OUT);
    connection_expect(bench.connection, 0);
    assert_int_equal(connection_state(bench.connection), CONNECTION_OPEN);
    run_for(&bench, 40);
    assert_int_equal(bench.calls, 1);
    connection_expect(bench.connection, 10); /* earlier than before */
    run_for(&bench, 40);
    assert_int_equal(bench.calls, 2);
    tear_down(&bench);
}

static void an_owner_may_destroy_inside_its_callback(void **state) {
    struct bench bench;
    (void)state;
    set_up(&bench);
    bench.destroys = true;
    assert_int_equal(write(bench.far, "abc", 3), 3);
    run_for(&bench, 10);
    assert_int_equal(bench.calls, 1);
    assert_null(bench.connection);
    tear_down(&bench);
}

static void lingering_sends_the_last_words_and_waits_for_the_peer(void **state) {
    struct bench bench;
    char text[16];
    (void)state;
    set_up(&bench);
    assert_int_equal(write(bench.far, "unread commands", 15), 15);
    assert_true(connection_send(bench.connection, span_of("bye")));
    connection_linger(bench.connection);
    bench.connection = NULL;
    run_for(&bench, 10);
    assert_int_equal(bench.calls, 0); /* it is nobody's any more */
    assert_int_equal(read(bench.far, text, sizeof text), 3);
    assert_memory_equal(text, "bye", 3);
    assert_int_equal(read(bench.far, text, sizeof text), 0);
    assert_int_equal(write(bench.far, "more", 4), 4); /* still taken, no reset */
    close(bench.far);
    bench.far = -1;
    run_for(&bench, 10);
    tear_down(&bench);
}

static void connecting_to_nobody_is_told_from_the_loop(void **state) {
    struct bench bench;
    struct socket_address address[SOCKET_ADDRESS_MAX];
    struct endpoint endpoint = {.is_unix = true, .path = "/nonexistent/socket"};
    size_t count;
    (void)state;
    set_up(&bench);
    connection_destroy(bench.connection);
    assert_null(socket_address_resolve(&endpoint, false, address, &count));
    bench.connection = connection_connect(bench.set, address, 1024, changed, &bench);
    assert_non_null(bench.connection);
    assert_int_equal(bench.calls, 0);
    run_for(&bench, 10);
    assert_int_equal(bench.calls, 1);
    assert_int_equal(connection_state(bench.connection), CONNECTION_FAILED);
    assert_int_equal(connection_error(bench.connection), ENOENT);
    tear_down(&bench);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(octets_arrive_and_the_end_is_told),
        cmocka_unit_test(what_is_left_is_kept_and_stops_the_reading),
        cmocka_unit_test(a_full_socket_makes_octets_wait_and_reports_when_they_left),
        cmocka_unit_test(too_much_unsent_fails_from_the_loop),
        cmocka_unit_test(a_peer_that_is_gone_fails_the_write_from_the_loop),
        cmocka_unit_test(time_runs_out_once_and_can_be_renewed),
        cmocka_unit_test(an_owner_may_destroy_inside_its_callback),
        cmocka_unit_test(lingering_sends_the_last_words_and_waits_for_the_peer),
        cmocka_unit_test(connecting_to_nobody_is_told_from_the_loop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
