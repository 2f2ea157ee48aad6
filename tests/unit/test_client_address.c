#include "http/client_address.h" /* first, so the header is proved to stand alone */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>

static const struct {
    const char *peer, *forwarded; /* peer NULL: a unix socket */
    bool trusts;
    const char *want;
} rows[] = {
    {"192.0.2.1", "", false, "192.0.2.1"},
    {"2001:db8::1", "", false, "2001:db8::1"},
    {"::ffff:192.0.2.1", "", false, "192.0.2.1"},
    {NULL, "", false, ""},
    /* a reverse proxy of this host */
    {"127.0.0.1", "192.0.2.7", true, "192.0.2.7"},
    {"127.9.9.9", "192.0.2.7", true, "192.0.2.7"},
    {"::1", "10.0.0.1, 2001:DB8::7 ", true, "2001:db8::7"},
    {"::ffff:127.0.0.1", "192.0.2.7", true, "192.0.2.7"},
    {NULL, "192.0.2.7", true, "192.0.2.7"},
    {"127.0.0.1", "192.0.2.7", false, "127.0.0.1"},
    /* whoever comes from elsewhere may say what he likes */
    {"192.0.2.1", "10.0.0.1", true, "192.0.2.1"},
    {"2001:db8::1", "10.0.0.1", true, "2001:db8::1"},
    /* the last element is the proxy's, the others are the client's own words */
    {"127.0.0.1", "10.0.0.1, nonsense", true, "127.0.0.1"},
    {"127.0.0.1", "nonsense, 192.0.2.7", true, "192.0.2.7"},
    {"127.0.0.1", ",", true, "127.0.0.1"},
    {"127.0.0.1", "192.0.2.7:80", true, "127.0.0.1"},
    {"127.0.0.1", "1111111111111111111111111111111111111111111111111111111111111", true, "127.0.0.1"},
    {NULL, "x", true, ""},
};

static void every_row_is_told(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct sockaddr_in four = {.sin_family = AF_INET};
        struct sockaddr_in6 six = {.sin6_family = AF_INET6};
        const struct sockaddr *address = NULL;
        if (rows[i].peer != NULL && inet_pton(AF_INET, rows[i].peer, &four.sin_addr) == 1) address = (const void *)&four;
        else if (rows[i].peer != NULL && inet_pton(AF_INET6, rows[i].peer, &six.sin6_addr) == 1) address = (const void *)&six;
        char storage[CLIENT_ADDRESS_MAX];
        struct span got = client_address(address, rows[i].trusts, span_of(rows[i].forwarded), storage);
        if (!span_is(got, rows[i].want)) fail_msg("row %zu: \"%.*s\"", i, (int)got.len, got.len > 0 ? got.ptr : "");
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_row_is_told)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
