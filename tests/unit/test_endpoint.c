#include "base/endpoint.h" /* first, so the header is proved to stand alone */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define NAME_63 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static const struct {
    const char *text, *host;
    unsigned port;
    const char *path;
} endpoints[] = {
    {"127.0.0.1:25", "127.0.0.1", 25, NULL},
    {"[::1]:65535", "::1", 65535, NULL},
    {"[fe80::1%eth0]:1", "fe80::1%eth0", 1, NULL},
    {"mx-1.example.com:10025", "mx-1.example.com", 10025, NULL},
    {"*:25", "*", 25, NULL},
    {"unix:/run/x", NULL, 0, "/run/x"},
    {"unix:relative path", NULL, 0, "relative path"},
    {"unix:/" NAME_63 "/" NAME_63, NULL, 0, NULL}, /* longer than sun_path */
    {"unix:", NULL, 0, NULL},
    {"", NULL, 0, NULL},
    {"25", NULL, 0, NULL},
    {":25", NULL, 0, NULL},
    {"127.0.0.1", NULL, 0, NULL},
    {"127.0.0.1:", NULL, 0, NULL},
    {"127.0.0.1:0", NULL, 0, NULL},
    {"127.0.0.1:65536", NULL, 0, NULL},
    {"127.0.0.1:4294967321", NULL, 0, NULL},
    {"127.0.0.1:25x", NULL, 0, NULL},
    {"127.0.0.1:+25", NULL, 0, NULL},
    {"::1:25", NULL, 0, NULL}, /* no brackets: anybody's guess where the port begins */
    {"[::1]", NULL, 0, NULL},
    {"[]:25", NULL, 0, NULL},
    {"[::1:25", NULL, 0, NULL},
    {"[*]:25", NULL, 0, NULL},
    {"a b:25", NULL, 0, NULL},
    {NAME_63 "." NAME_63 "." NAME_63 "." NAME_63 "a:25", NULL, 0, NULL},
};

static void every_endpoint_reads_as_wanted(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof endpoints / sizeof *endpoints; i++) {
        struct endpoint got;
        char text[ENDPOINT_TEXT_MAX];
        bool wanted = endpoints[i].host != NULL || endpoints[i].path != NULL;
        if (endpoint_parse(endpoints[i].text, &got) != wanted) fail_msg("\"%s\"", endpoints[i].text);
        if (!wanted) continue;
        assert_true(got.is_unix == (endpoints[i].path != NULL) && got.port == endpoints[i].port);
        assert_string_equal(got.is_unix ? got.path : got.host, got.is_unix ? endpoints[i].path : endpoints[i].host);
        endpoint_format(&got, text);
        assert_string_equal(text, endpoints[i].text);
    }
}

static void addresses_of_this_host_are_known(void **state) {
    static const struct {
        const char *text;
        bool is_ours;
    } rows[] = {
        {"127.0.0.1:80", true},
        {"127.255.0.9:80", true},
        {"[::1]:80", true},
        {"localhost:80", true},
        {"unix:/run/x", true},
        {"0.0.0.0:80", false},
        {"128.0.0.1:80", false},
        {"[::]:80", false},
        {"[::2]:80", false},
        {"*:80", false},
        {"localhost.example.com:80", false},
        {"127.0.0.1.example.com:80", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct endpoint endpoint;
        assert_true(endpoint_parse(rows[i].text, &endpoint));
        if (endpoint_is_of_this_host(&endpoint) != rows[i].is_ours) fail_msg("\"%s\"", rows[i].text);
    }
}

/* Which of the two addresses lie in it: "" stands for a network that is refused. */
static const struct {
    const char *network, *inside, *outside;
} networks[] = {
    {"127.0.0.0/8", "127.255.1.2", "128.0.0.1"},
    {"10.1.2.3", "10.1.2.3", "10.1.2.2"},
    {"10.1.2.0/23", "10.1.3.255", "10.1.4.0"},
    {"0.0.0.0/0", "255.255.255.255", "::1"},
    {"::/0", "::1", "1.2.3.4"},
    {"::1", "::1", "::2"},
    {"2001:db8::/33", "2001:db8:7fff::1", "2001:db8:8000::"},
    {"192.0.2.0/24", "::ffff:192.0.2.7", "::ffff:192.0.3.7"}, /* mapped */
    {"10.0.0.5/8", "", ""},
    {"2001:db8::1/64", "", ""},
    {"10.0.0.0/33", "", ""},
    {"::/129", "", ""},
    {"10.0.0.0/", "", ""},
    {"10.0.0.0/8x", "", ""},
    {"10.0.0/8", "", ""},
    {"localhost", "", ""},
    {"", "", ""},
    {"/8", "", ""},
    {"1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb:cccc", "", ""},
};

static bool contains(const struct network *network, const char *address) {
    uint8_t octets[16];
    bool is_v4 = inet_pton(AF_INET, address, octets) == 1;
    assert_true(is_v4 || inet_pton(AF_INET6, address, octets) == 1);
    return network_contains(network, octets, is_v4);
}

static void every_network_holds_what_is_wanted(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof networks / sizeof *networks; i++) {
        struct network network;
        char text[NETWORK_TEXT_MAX];
        bool wanted = networks[i].inside[0] != '\0';
        if (network_parse(networks[i].network, &network) != wanted) fail_msg("\"%s\"", networks[i].network);
        if (!wanted) continue;
        if (!contains(&network, networks[i].inside)) fail_msg("%s: not %s", networks[i].network, networks[i].inside);
        if (contains(&network, networks[i].outside)) fail_msg("%s: %s", networks[i].network, networks[i].outside);
        network_format(&network, text);
        assert_string_equal(text, networks[i].network);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_endpoint_reads_as_wanted),
        cmocka_unit_test(addresses_of_this_host_are_known),
        cmocka_unit_test(every_network_holds_what_is_wanted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
