#include "http/listen_socket.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

static struct endpoint address(const char *host, unsigned port) {
    struct endpoint endpoint = {.port = (uint16_t)port};
    snprintf(endpoint.host, sizeof endpoint.host, "%s", host);
    return endpoint;
}

static const struct { const char *host, *error; /* NULL: it works */ } rows[] = {
    {"127.0.0.1", NULL},
    {"127.1.2.3", NULL},
    {"localhost", NULL},
    {"*", NULL},
    {"192.0.2.1", "http cannot listen on 192.0.2.1:0: Cannot assign requested address"},
    {"www.example.com", "http listen \"www.example.com\" is not an IP address"},
    {"", "http listen \"\" is not an IP address"},
};

static void addresses_are_read(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct endpoint endpoint = address(rows[i].host, 0);
        char *error;
        int fd = listen_socket_open(&endpoint, &error);
        if ((fd >= 0) != (rows[i].error == NULL) || (error != NULL) != (rows[i].error != NULL))
            fail_msg("%s: %s", rows[i].host, error != NULL ? error : "no error");
        if (error != NULL && strncmp(error, rows[i].error, strlen(rows[i].error)) != 0) fail_msg("%s: %s", rows[i].host, error);
        if (fd >= 0) assert_true(listen_socket_port(fd) > 0);
        if (fd >= 0) close(fd);
        free(error);
    }
}

static void a_port_in_use_is_told(void **state) {
    (void)state;
    char *error, want[128];
    struct endpoint endpoint = address("127.0.0.1", 0);
    int fd = listen_socket_open(&endpoint, &error);
    endpoint.port = (uint16_t)listen_socket_port(fd);
    assert_int_equal(listen_socket_open(&endpoint, &error), -1);
    snprintf(want, sizeof want, "http cannot listen on 127.0.0.1:%u: Address already in use", endpoint.port);
    assert_string_equal(error, want);
    free(error);
    close(fd);
}

static void a_unix_socket_left_behind_is_replaced(void **state) {
    (void)state;
    char folder[] = "/tmp/sceau_test_listen_XXXXXX", *error;
    struct endpoint endpoint = {.is_unix = true};
    assert_non_null(mkdtemp(folder));
    snprintf(endpoint.path, sizeof endpoint.path, "%s/http", folder);
    int fd = listen_socket_open(&endpoint, &error);
    assert_true(fd >= 0);
    assert_int_equal(listen_socket_port(fd), 0);
    assert_int_equal(listen_socket_open(&endpoint, &error), -1); /* somebody listens */
    assert_non_null(strstr(error, "/http: Address already in use"));
    free(error);
    close(fd);
    fd = listen_socket_open(&endpoint, &error); /* nobody does any more */
    assert_true(fd >= 0);
    close(fd);
    unlink(endpoint.path);
    FILE *file = fopen(endpoint.path, "w"); /* what is no socket stays */
    fclose(file);
    assert_int_equal(listen_socket_open(&endpoint, &error), -1);
    free(error);
    assert_int_equal(access(endpoint.path, F_OK), 0);
    unlink(endpoint.path);
    rmdir(folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_are_read),
        cmocka_unit_test(a_port_in_use_is_told),
        cmocka_unit_test(a_unix_socket_left_behind_is_replaced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
