#include "proxy/connection.h"
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>
#include "base/bytes.h"
#include "base/clock.h"
#include "base/loop.h"
#include "proxy/socket_address.h"
#include "proxy/tls.h"
#include "tests/unit/tls_files.h"

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

/* -- TLS: the far end is another connection on the same loop -- */

static char folder[64];

struct secure_bench {
    struct bench near, far; /* server, client */
    struct tls_context *context[2];
};

static struct tls *make_tls(struct secure_bench *bench, bool is_server) {
    char certificate[128], key[128], *error;
    (void)snprintf(certificate, sizeof certificate, "%s/good.pem", folder);
    (void)snprintf(key, sizeof key, "%s/good.key", folder);
    if (bench->context[is_server] == NULL)
        bench->context[is_server] = is_server ? tls_context_create_server(certificate, key, &error)
                                              : tls_context_create_client(false, NULL, &error);
    assert_non_null(bench->context[is_server]);
    struct tls *tls = tls_create(bench->context[is_server], NULL);
    assert_non_null(tls);
    return tls;
}

static void set_up_both(struct secure_bench *bench) {
    memset(bench, 0, sizeof *bench);
    set_up(&bench->near);
    bench->far = bench->near;
    bench->far.got = bytes_with_cap(1 << 24);
    bench->far.connection = connection_create(bench->near.set, bench->near.far, 1 << 22, changed, &bench->far);
    bench->near.far = -1;
    assert_non_null(bench->far.connection);
}

static void start_both(struct secure_bench *bench) {
    connection_start_tls(bench->near.connection, make_tls(bench, true));
    connection_start_tls(bench->far.connection, make_tls(bench, false));
}

static void tear_down_both(struct secure_bench *bench) {
    connection_destroy(bench->far.connection);
    bytes_release(&bench->far.got);
    tear_down(&bench->near);
    for (int i = 0; i < 2; i++) tls_context_release(bench->context[i]);
}

static void run_until_secure(struct secure_bench *bench) {
    for (int i = 0; i < 500 && !connection_is_secure(bench->near.connection); i++) run_for(&bench->near, 2);
    assert_true(connection_is_secure(bench->near.connection) && connection_is_secure(bench->far.connection));
    assert_string_equal(connection_tls_version(bench->near.connection), "TLSv1.3");
}

static void what_waits_leaves_in_clear_and_the_rest_encrypted(void **state) {
    struct secure_bench bench;
    char raw[4096];
    (void)state;
    set_up_both(&bench);
    int raw_pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, raw_pair), 0);
    struct bench other = bench.near;
    struct connection *client = connection_create(other.set, raw_pair[0], 1 << 16, changed, &other);
    other.connection = client;
    connection_send(client, span_of("STARTTLS\r\n"));
    connection_start_tls(client, make_tls(&bench, false));
    connection_send(client, span_of("a secret"));
    connection_flush(client);
    assert_true(connection_unsent(client) >= 8); /* it waits for the handshake */
    assert_false(connection_is_secure(client));
    ssize_t count = read(raw_pair[1], raw, sizeof raw);
    assert_true(count > 12);
    assert_memory_equal(raw, "STARTTLS\r\n\x16\x03\x01", 13);
    assert_null(memmem(raw, (size_t)count, "a secret", 8));
    connection_destroy(client);
    close(raw_pair[1]);
    tear_down_both(&bench);
}

static void both_ways_much_passes_tls_with_back_pressure(void **state) {
    struct secure_bench bench;
    static char block[2][3 << 20];
    (void)state;
    set_up_both(&bench);
    start_both(&bench);
    run_until_secure(&bench);
    for (size_t i = 0; i < sizeof *block; i++) block[0][i] = (char)(i * 13 + i / 251), block[1][i] = (char)(i * 7 + i / 257);
    bench.near.keeps = true; /* this one does not read yet */
    connection_send(bench.near.connection, (struct span){block[0], sizeof *block});
    connection_send(bench.far.connection, (struct span){block[1], sizeof *block});
    connection_flush(bench.near.connection);
    connection_flush(bench.far.connection);
    for (int i = 0; i < 2000 && bench.far.got.len < sizeof *block; i++) run_for(&bench.near, 2);
    assert_int_equal(bench.far.got.len, sizeof *block);
    assert_true(connection_unsent(bench.far.connection) > 0);
    size_t kept = connection_input(bench.near.connection).len;
    assert_true(kept > CONNECTION_KEPT_MAX && kept <= CONNECTION_KEPT_MAX + CONNECTION_READ_MAX);
    bench.near.keeps = false;
    changed(&bench.near);
    for (int i = 0; i < 2000 && bench.near.got.len < sizeof *block; i++) run_for(&bench.near, 2);
    assert_int_equal(bench.near.got.len, sizeof *block);
    assert_memory_equal(bench.far.got.ptr, block[0], sizeof *block);
    assert_memory_equal(bench.near.got.ptr, block[1], sizeof *block);
    assert_int_equal(connection_unsent(bench.far.connection), 0);
    tear_down_both(&bench);
}

static void the_end_of_tls_is_an_end_only_when_said(void **state) {
    (void)state;
    for (int said = 0; said < 2; said++) {
        struct secure_bench bench;
        set_up_both(&bench);
        start_both(&bench);
        run_until_secure(&bench);
        connection_send(bench.far.connection, span_of("last words"));
        if (said == 1) {
            connection_linger(bench.far.connection);
        } else {
            connection_flush(bench.far.connection);
            connection_destroy(bench.far.connection);
        }
        bench.far.connection = NULL;
        run_for(&bench.near, 20);
        assert_true(span_is(bytes_span(&bench.near.got), "last words"));
        assert_int_equal(connection_state(bench.near.connection), said == 1 ? CONNECTION_ENDED : CONNECTION_FAILED);
        assert_int_equal(connection_error(bench.near.connection), said == 1 ? 0 : ECONNRESET);
        tear_down_both(&bench);
    }
}

static void what_is_no_handshake_fails_and_a_wrong_one_is_told_so(void **state) {
    static const struct { const char *octets; size_t len; const char *failure; size_t told; } rows[] = {
        {"MAIL FROM:<evil@there.test>\r\n", 29, "wrong version number", 0}, /* no record: there is nobody to tell */
        {"\x16\x03\x01\0\x04\x02\0\0\0", 9, "unexpected message", 7},        /* an alert */
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct secure_bench bench;
        set_up_both(&bench);
        connection_start_tls(bench.near.connection, make_tls(&bench, true));
        connection_send(bench.far.connection, (struct span){rows[i].octets, rows[i].len});
        connection_flush(bench.far.connection);
        run_for(&bench.near, 20);
        assert_int_equal(connection_state(bench.near.connection), CONNECTION_FAILED);
        assert_int_equal(connection_error(bench.near.connection), EPROTO);
        assert_string_equal(connection_tls_failure(bench.near.connection), rows[i].failure);
        assert_int_equal(bench.near.got.len, 0);
        assert_int_equal(bench.far.got.len, rows[i].told);
        tear_down_both(&bench);
    }
}

static int make_files(void **state) { return (void)state, tls_files_make(folder) ? 0 : -1; }
static int remove_files(void **state) { return (void)state, tls_files_remove(folder), 0; }

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
        cmocka_unit_test(what_waits_leaves_in_clear_and_the_rest_encrypted),
        cmocka_unit_test(both_ways_much_passes_tls_with_back_pressure),
        cmocka_unit_test(the_end_of_tls_is_an_end_only_when_said),
        cmocka_unit_test(what_is_no_handshake_fails_and_a_wrong_one_is_told_so),
    };
    return cmocka_run_group_tests(tests, make_files, remove_files);
}
