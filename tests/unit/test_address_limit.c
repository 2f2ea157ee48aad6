#include "proxy/address_limit.h" /* first, so the header is proved to stand alone */
#include <arpa/inet.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "proxy/socket_address.h"

static struct socket_address address_of(const char *text) {
    struct socket_address address;
    uint8_t octets[16];
    bool is_v4 = strchr(text, ':') == NULL;
    assert_int_equal(inet_pton(is_v4 ? AF_INET : AF_INET6, text, octets), 1);
    socket_address_set(&address, octets, is_v4, 4711);
    return address;
}

/* Two sessions of one address are there; is there room for other? */
static const struct { const char *one, *other; bool has_room; } rows[] = {
    {"192.0.2.1", "192.0.2.1", false},
    {"192.0.2.1", "192.0.2.2", true},
    {"192.0.2.1", "::ffff:192.0.2.1", false},
    {"2001:db8::1", "2001:db8::ffff:1", false}, /* the same /64 */
    {"2001:db8::1", "2001:db8:0:1::1", true},
    {"::1", "0.0.0.1", true},
    {"c000:201::", "192.0.2.1", true},
};

static void every_row_counts_as_wanted(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct address_limit *limit = address_limit_create();
        struct socket_address one = address_of(rows[i].one), other = address_of(rows[i].other);
        struct address_place *place[3];
        assert_true(address_limit_enter(limit, &one, 2, &place[0]) && address_limit_enter(limit, &one, 2, &place[1]));
        bool has_room = address_limit_enter(limit, &other, 2, &place[2]);
        if (has_room != rows[i].has_room) fail_msg("row %zu", i);
        assert_true((place[2] != NULL) == has_room);
        for (size_t k = 0; k < 3; k++) address_limit_leave(limit, place[k]);
        address_limit_destroy(limit);
    }
}

static void who_leaves_makes_room(void **state) {
    struct address_limit *limit = address_limit_create();
    struct socket_address address = address_of("192.0.2.1");
    struct address_place *first, *second;
    (void)state;
    for (int i = 0; i < 3; i++) {
        assert_true(address_limit_enter(limit, &address, 1, &first));
        assert_false(address_limit_enter(limit, &address, 1, &second));
        address_limit_leave(limit, first);
    }
    address_limit_destroy(limit);
}

static void what_has_no_address_is_not_counted(void **state) {
    struct address_limit *limit = address_limit_create();
    struct socket_address path = {.storage.ss_family = AF_UNIX}, address = address_of("::1");
    struct address_place *place;
    (void)state;
    for (int i = 0; i < 3; i++) assert_true(address_limit_enter(limit, &path, 1, &place) && place == NULL);
    for (int i = 0; i < 3; i++) assert_true(address_limit_enter(NULL, &address, 1, &place) && place == NULL);
    address_limit_leave(limit, NULL);
    address_limit_destroy(limit);
}

static void *come_and_go(void *argument) {
    struct address_limit *limit = argument;
    for (unsigned i = 0; i < 20000; i++) {
        const uint8_t octets[4] = {192, 0, 2, (uint8_t)(i % 3)};
        struct socket_address address;
        struct address_place *place;
        socket_address_set(&address, octets, true, 1);
        if (address_limit_enter(limit, &address, 2, &place)) address_limit_leave(limit, place);
    }
    return NULL;
}

static void threads_share_the_counts(void **state) {
    struct address_limit *limit = address_limit_create();
    pthread_t thread[3];
    struct address_place *place;
    (void)state;
    for (size_t i = 0; i < 3; i++) assert_int_equal(pthread_create(&thread[i], NULL, come_and_go, limit), 0);
    for (size_t i = 0; i < 3; i++) pthread_join(thread[i], NULL);
    struct socket_address address = address_of("192.0.2.1");
    assert_true(address_limit_enter(limit, &address, 1, &place)); /* all have left */
    address_limit_leave(limit, place);
    address_limit_destroy(limit);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_counts_as_wanted),
        cmocka_unit_test(who_leaves_makes_room),
        cmocka_unit_test(what_has_no_address_is_not_counted),
        cmocka_unit_test(threads_share_the_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
