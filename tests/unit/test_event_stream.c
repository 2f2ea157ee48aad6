#include "http/event_stream.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

struct connection { unsigned suspended, resumed; };
static void suspend(void *owner) { ((struct connection *)owner)->suspended++; }
static void resume(void *owner) { ((struct connection *)owner)->resumed++; }

static void what_is_written_comes_in_order(void **state) {
    (void)state;
    struct connection connection = {0};
    struct event_stream *stream = event_stream_create();
    char out[8];
    size_t len;
    assert_true(event_stream_write(stream, span_of("early ")));
    event_stream_attach(stream, suspend, resume, &connection);
    assert_true(event_stream_take(stream, out, 4, &len) == EVENT_STREAM_OPEN && len == 4 && memcmp(out, "earl", 4) == 0);
    assert_true(event_stream_take(stream, out, 8, &len) == EVENT_STREAM_OPEN && len == 2);
    assert_true(event_stream_take(stream, out, 8, &len) == EVENT_STREAM_OPEN && len == 0 && connection.suspended == 1);
    assert_true(event_stream_write(stream, span_of("x")) && event_stream_write(stream, span_of("y")));
    assert_int_equal(connection.resumed, 1); /* once is enough */
    event_stream_end(stream);
    assert_false(event_stream_write(stream, span_of("too late")));
    assert_true(event_stream_take(stream, out, 8, &len) == EVENT_STREAM_OPEN && len == 2);
    assert_true(event_stream_take(stream, out, 8, &len) == EVENT_STREAM_ENDED && len == 0);
    assert_int_equal(connection.suspended, 1);
    event_stream_release(stream);
    event_stream_release(NULL);
}

static void the_end_wakes_a_waiting_connection(void **state) {
    (void)state;
    struct connection connection = {0};
    struct event_stream *stream = event_stream_create();
    char out[8];
    size_t len;
    event_stream_attach(stream, suspend, resume, &connection);
    (void)event_stream_take(stream, out, 8, &len);
    event_stream_cancel(stream);
    assert_int_equal(connection.resumed, 1);
    assert_int_equal(event_stream_take(stream, out, 8, &len), EVENT_STREAM_ENDED);
    event_stream_release(stream);
}

static void a_slow_client_and_one_that_left_end_it(void **state) {
    (void)state;
    struct connection connection = {0};
    struct event_stream *slow = event_stream_create(), *left = event_stream_create();
    char block[1024] = {0};
    for (int i = 0; i < EVENT_STREAM_PENDING_MAX / 1024; i++) assert_true(event_stream_write(slow, (struct span){block, sizeof block}));
    assert_false(event_stream_write(slow, span_of("x")));
    assert_false(event_stream_write(slow, (struct span){block, 0}));
    event_stream_release(slow);
    struct event_stream *writer = event_stream_acquire(left);
    size_t len;
    event_stream_attach(left, suspend, resume, &connection);
    (void)event_stream_take(left, block, sizeof block, &len);
    event_stream_detach(left);
    event_stream_release(left);
    assert_false(event_stream_write(writer, span_of("x")));
    event_stream_end(writer);
    assert_int_equal(connection.resumed, 0); /* there is no connection any more */
    event_stream_release(writer);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_comes_in_order),
        cmocka_unit_test(the_end_wakes_a_waiting_connection),
        cmocka_unit_test(a_slow_client_and_one_that_left_end_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
