#include "proxy/listener.h"
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

static struct listener_options at(const char *endpoint) {
    struct listener_options listener = {.name = (char *)(uintptr_t)"edge"};
    assert_true(endpoint_parse(endpoint, &listener.listen));
    return listener;
}

static uint16_t port_of(int fd) {
    struct sockaddr_in address;
    socklen_t len = sizeof address;
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    return ntohs(address.sin_port);
}

static void close_all(const int *fd, size_t count) {
    for (size_t i = 0; i < count; i++) close(fd[i]);
}

/* Every worker has a socket of its own on the address; a second daemon has none, though the kernel would let it share. */
static void a_port_is_shared_among_workers_and_with_nobody_else(void **state) {
    char text[64], *error;
    int probe[1], fd[3], other[3];
    struct listener_options any = at("127.0.0.1:1");
    (void)state;
    any.listen.port = 0;
    assert_true(listener_open(&any, -1, probe, 1, &error)); /* a free port */
    (void)snprintf(text, sizeof text, "127.0.0.1:%u", port_of(probe[0]));
    close_all(probe, 1);
    struct listener_options listener = at(text);
    assert_true(listener_open(&listener, -1, fd, 3, &error));
    for (size_t i = 0; i < 3; i++) assert_int_equal(port_of(fd[i]), listener.listen.port);
    assert_false(listener_open(&listener, -1, other, 3, &error));
    (void)snprintf(text, sizeof text, "on 127.0.0.1:%u: Address already in use", listener.listen.port);
    assert_non_null(strstr(error, text));
    assert_non_null(strstr(error, "\"edge\""));
    free(error);
    close_all(fd, 3);
    assert_true(listener_open(&listener, -1, fd, 3, &error)); /* free again */
    close_all(fd, 3);
}

static void a_unix_socket_is_one_for_all_and_replaces_only_dead_ones(void **state) {
    char path[64], text[80], *error;
    int fd[2], other[2];
    (void)state;
    (void)snprintf(path, sizeof path, "/tmp/sceau-test-listener-%d", (int)getpid());
    (void)snprintf(text, sizeof text, "unix:%s", path);
    struct listener_options listener = at(text);
    assert_true(listener_open(&listener, -1, fd, 2, &error));
    assert_false(listener_open(&listener, -1, other, 2, &error));
    assert_non_null(strstr(error, "Address already in use"));
    free(error);
    close_all(fd, 2);
    assert_true(listener_open(&listener, -1, fd, 2, &error)); /* the file is still there, its owner is not */
    close_all(fd, 2);
    (void)unlink(path);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_false(listener_open(&listener, -1, fd, 2, &error)); /* what is no socket is not ours to remove */
    free(error);
    assert_int_equal(rmdir(path), 0);
}

static void same_addresses_are_the_same(void **state) {
    struct listener_options a = at("127.0.0.1:25"), b = at("127.0.0.1:26"), c = at("127.0.0.2:25"), d = at("unix:/run/x"), e = at("unix:/run/y");
    (void)state;
    assert_true(listener_same_address(&a.listen, &a.listen));
    assert_false(listener_same_address(&a.listen, &b.listen));
    assert_false(listener_same_address(&a.listen, &c.listen));
    assert_false(listener_same_address(&a.listen, &d.listen));
    assert_true(listener_same_address(&d.listen, &d.listen));
    assert_false(listener_same_address(&d.listen, &e.listen));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_port_is_shared_among_workers_and_with_nobody_else),
        cmocka_unit_test(a_unix_socket_is_one_for_all_and_replaces_only_dead_ones),
        cmocka_unit_test(same_addresses_are_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
