#include "proxy/socket_address.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <cmocka.h>

static const struct { const char *endpoint, *text; bool is_v4; uint8_t first, last; } rows[] = {
    {"127.0.0.1:25", "127.0.0.1", true, 127, 1},
    {"[::1]:25", "::1", false, 0, 1},
    {"[2001:db8::7]:25", "2001:db8::7", false, 0x20, 7},
    {"[::ffff:192.0.2.9]:25", "192.0.2.9", true, 192, 9}, /* a mapped address is the IPv4 one */
};

static void addresses_are_read_and_named(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct socket_address address[SOCKET_ADDRESS_MAX];
        struct endpoint endpoint;
        size_t count;
        uint8_t octets[16];
        bool is_v4;
        char text[SOCKET_ADDRESS_TEXT_MAX];
        assert_true(endpoint_parse(rows[i].endpoint, &endpoint));
        const char *reason = socket_address_resolve(&endpoint, false, address, &count);
        if (reason != NULL || count != 1) fail_msg("%s: %s", rows[i].endpoint, reason != NULL ? reason : "count");
        assert_int_equal(socket_address_port(address), 25);
        assert_true(socket_address_octets(address, octets, &is_v4));
        socket_address_text(address, text);
        if (is_v4 != rows[i].is_v4 || octets[0] != rows[i].first || octets[is_v4 ? 3 : 15] != rows[i].last ||
            strcmp(text, rows[i].text) != 0)
            fail_msg("%s: %s", rows[i].endpoint, text);
    }
}

static void a_path_is_an_address_without_network(void **state) {
    struct socket_address address[SOCKET_ADDRESS_MAX];
    struct endpoint endpoint;
    size_t count;
    uint8_t octets[16];
    bool is_v4;
    char text[SOCKET_ADDRESS_TEXT_MAX];
    (void)state;
    assert_true(endpoint_parse("unix:/run/next", &endpoint));
    assert_null(socket_address_resolve(&endpoint, false, address, &count));
    assert_int_equal(count, 1);
    assert_int_equal(address->storage.ss_family, AF_UNIX);
    assert_string_equal(((struct sockaddr_un *)&address->storage)->sun_path, "/run/next");
    assert_false(socket_address_octets(address, octets, &is_v4));
    assert_int_equal(socket_address_port(address), 0);
    socket_address_text(address, text);
    assert_string_equal(text, "unix");
}

static void a_name_that_is_none_has_a_reason(void **state) {
    struct socket_address address[SOCKET_ADDRESS_MAX];
    struct endpoint endpoint;
    size_t count;
    (void)state;
    assert_true(endpoint_parse("no-such-host.invalid:25", &endpoint));
    assert_non_null(socket_address_resolve(&endpoint, false, address, &count));
    assert_int_equal(count, 0);
}

static void an_address_is_made_of_octets(void **state) {
    static const uint8_t octets[16] = {0x20, 0x01, 0x0d, 0xb8, [15] = 7};
    struct socket_address address;
    char text[SOCKET_ADDRESS_TEXT_MAX];
    (void)state;
    socket_address_set(&address, octets, false, 65535);
    socket_address_text(&address, text);
    assert_string_equal(text, "2001:db8::7");
    assert_int_equal(socket_address_port(&address), 65535);
    socket_address_set(&address, octets, true, 25);
    socket_address_text(&address, text);
    assert_string_equal(text, "32.1.13.184");
    assert_int_equal(socket_address_port(&address), 25);
    memset(&address, 0, sizeof address);
    socket_address_text(&address, text);
    assert_string_equal(text, "unknown");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_are_read_and_named),
        cmocka_unit_test(a_path_is_an_address_without_network),
        cmocka_unit_test(an_address_is_made_of_octets),
        cmocka_unit_test(a_name_that_is_none_has_a_reason),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
