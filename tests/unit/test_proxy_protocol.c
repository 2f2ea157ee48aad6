#include "proxy/proxy_protocol.h" /* first, so the header is proved to stand alone */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "tests/support/exact.h"

#define LIT(text) {text, sizeof(text) - 1}
#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"
/* 192.0.2.7:12345 to 198.51.100.1:25 */
#define V4 "\xc0\x00\x02\x07\xc6\x33\x64\x01\x30\x39\x00\x19"
#define V6 "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x07" "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01" "\xff\xff\x00\x19"
#define MAPPED "\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\x00\x02\x07" "\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\x00\x02\x01" "\x00\x01\x00\x19"
#define TEN "\0\0\0\0\0\0\0\0\0\0"
#define PATH "/run/client" TEN TEN TEN TEN TEN TEN TEN TEN TEN "\0\0\0\0\0\0\0"
#define LINE_OF_107 "PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n"

/* client: text and port, NULL: none told. A whole header is followed by "EHLO", which is not its part. */
static const struct row { struct span octets; enum proxy_protocol_status status; const char *client; uint16_t port; } rows[] = {
    /* version 1: section 2.1 */
    {LIT("PROXY TCP4 192.0.2.7 198.51.100.1 12345 25\r\n"), PROXY_PROTOCOL_OK, "192.0.2.7", 12345},
    {LIT("PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n"), PROXY_PROTOCOL_OK, "255.255.255.255", 65535},
    {LIT("PROXY TCP6 2001:db8::7 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 0 25\r\n"), PROXY_PROTOCOL_OK, "2001:db8::7", 0},
    {LIT("PROXY TCP6 ::ffff:192.0.2.7 ::1 1 25\r\n"), PROXY_PROTOCOL_OK, "192.0.2.7", 1},
    {LIT("PROXY UNKNOWN\r\n"), PROXY_PROTOCOL_OK, NULL, 0},
    {LIT(LINE_OF_107), PROXY_PROTOCOL_OK, NULL, 0},
    {LIT("PROXY UNKNOWN whatever \x01\r\n"), PROXY_PROTOCOL_OK, NULL, 0},
    {LIT("PROXY UNKNOWNS\r\n"), PROXY_PROTOCOL_BAD_LINE, NULL, 0},
    {LIT("PROXY TCP4\r\n"), PROXY_PROTOCOL_BAD_LINE, NULL, 0},
    {LIT("PROXY TCP5 192.0.2.7 198.51.100.1 12345 25\r\n"), PROXY_PROTOCOL_BAD_LINE, NULL, 0},
    {LIT("PROXY tcp4 192.0.2.7 198.51.100.1 12345 25\r\n"), PROXY_PROTOCOL_BAD_LINE, NULL, 0},
    {LIT("PROXY  TCP4 192.0.2.7 198.51.100.1 12345 25\r\n"), PROXY_PROTOCOL_BAD_LINE, NULL, 0},
    {LIT("PROXY TCP4  192.0.2.7 198.51.100.1 12345 25\r\n"), PROXY_PROTOCOL_BAD_LINE, NULL, 0},
    {LIT("PROXY TCP4 192.0.2.7 198.51.100.1 12345\r\n"), PROXY_PROTOCOL_BAD_LINE, NULL, 0},
    {LIT("PROXY TCP4 192.0.2.7 198.51.100.1 12345 25 1\r\n"), PROXY_PROTOCOL_BAD_LINE, NULL, 0},
    {LIT("PROXY TCP4 192.0.2.7 198.51.100.1 12345 25 \r\n"), PROXY_PROTOCOL_BAD_LINE, NULL, 0},
    {LIT("PROXY TCP4 192.0.2.7 198.51.100.1 12345 25\n"), PROXY_PROTOCOL_BAD_LINE, NULL, 0},
    {LIT("PROXY TCP4 192.0.2.7\r198.51.100.1 12345 25\r\n"), PROXY_PROTOCOL_BAD_LINE, NULL, 0},
    {LIT("PROXY \r\n"), PROXY_PROTOCOL_BAD_LINE, NULL, 0},
    {LIT("PROXY TCP4 192.0.2 198.51.100.1 12345 25\r\n"), PROXY_PROTOCOL_BAD_ADDRESS, NULL, 0},
    {LIT("PROXY TCP4 192.0.2.7 198.51.100.256 12345 25\r\n"), PROXY_PROTOCOL_BAD_ADDRESS, NULL, 0},
    {LIT("PROXY TCP4 ::1 ::1 12345 25\r\n"), PROXY_PROTOCOL_BAD_ADDRESS, NULL, 0},
    {LIT("PROXY TCP6 192.0.2.7 198.51.100.1 12345 25\r\n"), PROXY_PROTOCOL_BAD_ADDRESS, NULL, 0},
    {LIT("PROXY TCP6 ::1%lo ::1 1 25\r\n"), PROXY_PROTOCOL_BAD_ADDRESS, NULL, 0},
    {LIT("PROXY TCP4 192.0.2.7\0 198.51.100.1 12345 25\r\n"), PROXY_PROTOCOL_BAD_ADDRESS, NULL, 0},
    {LIT("PROXY TCP4 192.0.2.7 198.51.100.1 65536 25\r\n"), PROXY_PROTOCOL_BAD_ADDRESS, NULL, 0},
    {LIT("PROXY TCP4 192.0.2.7 198.51.100.1 012 25\r\n"), PROXY_PROTOCOL_BAD_ADDRESS, NULL, 0},
    {LIT("PROXY TCP4 192.0.2.7 198.51.100.1 12 +25\r\n"), PROXY_PROTOCOL_BAD_ADDRESS, NULL, 0},
    {LIT("PROXY UNKNOWN x" LINE_OF_107), PROXY_PROTOCOL_LINE_TOO_LONG, NULL, 0},
    /* version 2: section 2.2 */
    {LIT(SIGNATURE "\x21\x11\x00\x0c" V4), PROXY_PROTOCOL_OK, "192.0.2.7", 12345},
    {LIT(SIGNATURE "\x21\x21\x00\x24" V6), PROXY_PROTOCOL_OK, "2001:db8::7", 65535},
    {LIT(SIGNATURE "\x21\x21\x00\x24" MAPPED), PROXY_PROTOCOL_OK, "192.0.2.7", 1},
    {LIT(SIGNATURE "\x21\x31\x00\xd8" PATH PATH), PROXY_PROTOCOL_OK, "unix", 0},
    {LIT(SIGNATURE "\x21\x00\x00\x00"), PROXY_PROTOCOL_OK, NULL, 0},
    {LIT(SIGNATURE "\x21\x00\x00\x05" "\x01\xff\xff\x00\x00"), PROXY_PROTOCOL_OK, NULL, 0}, /* unknown family: skipped unread */
    {LIT(SIGNATURE "\x20\x00\x00\x00"), PROXY_PROTOCOL_OK, NULL, 0},
    {LIT(SIGNATURE "\x20\x11\x00\x0c" V4), PROXY_PROTOCOL_OK, NULL, 0}, /* LOCAL: the addresses are to be ignored */
    {LIT(SIGNATURE "\x20\x99\x00\x03" "\x01\xff\xff"), PROXY_PROTOCOL_OK, NULL, 0},
    {LIT(SIGNATURE "\x21\x11\x00\x16" V4 "\x04\x00\x03" "abc" "\x05\x00\x01" "z"), PROXY_PROTOCOL_OK, "192.0.2.7", 12345},
    {LIT(SIGNATURE "\x21\x11\x00\x0f" V4 "\x04\x00\x00"), PROXY_PROTOCOL_OK, "192.0.2.7", 12345},
    {LIT(SIGNATURE "\x21\x11\x00\x0e" V4 "\x04\x00"), PROXY_PROTOCOL_BAD_TLV, NULL, 0},
    {LIT(SIGNATURE "\x21\x11\x00\x12" V4 "\x04\x00\x04" "abc"), PROXY_PROTOCOL_BAD_TLV, NULL, 0},
    {LIT(SIGNATURE "\x21\x11\x00\x0b" V4), PROXY_PROTOCOL_BAD_LENGTH, NULL, 0},
    {LIT(SIGNATURE "\x21\x21\x00\x0c" V4), PROXY_PROTOCOL_BAD_LENGTH, NULL, 0},
    {LIT(SIGNATURE "\x21\x12\x00\x0c" V4), PROXY_PROTOCOL_BAD_FAMILY, NULL, 0}, /* a datagram */
    {LIT(SIGNATURE "\x21\x41\x00\x0c" V4), PROXY_PROTOCOL_BAD_FAMILY, NULL, 0},
    {LIT(SIGNATURE "\x22\x11\x00\x0c" V4), PROXY_PROTOCOL_BAD_VERSION, NULL, 0},
    {LIT(SIGNATURE "\x11\x11\x00\x0c" V4), PROXY_PROTOCOL_BAD_VERSION, NULL, 0},
    {LIT(SIGNATURE "\x20\x11\x0f\xf1"), PROXY_PROTOCOL_TOO_LONG, NULL, 0},
    {LIT(SIGNATURE "\x21\x11\xff\xff" V4), PROXY_PROTOCOL_TOO_LONG, NULL, 0},
    /* neither */
    {LIT("EHLO"), PROXY_PROTOCOL_NONE, NULL, 0},
    {LIT("\r\n\r\n\0\r\nQUIT\r\n"), PROXY_PROTOCOL_NONE, NULL, 0},
    {LIT("\r\nEHLO c\r\n"), PROXY_PROTOCOL_NONE, NULL, 0},
    {LIT("proxy TCP4 192.0.2.7 198.51.100.1 12345 25\r\n"), PROXY_PROTOCOL_NONE, NULL, 0},
    {LIT("PROXY\r\n"), PROXY_PROTOCOL_NONE, NULL, 0},
};

static enum proxy_protocol_status read_exact(struct span octets, struct proxy_header *out, size_t *taken) {
    struct span exact = exact_copy(octets);
    enum proxy_protocol_status status = proxy_protocol_read(exact, out, taken);
    exact_free(exact);
    if (status != PROXY_PROTOCOL_OK) assert_int_equal(*taken, 0);
    return status;
}

static void check_row(size_t i, const struct proxy_header *header, enum proxy_protocol_status status) {
    char text[SOCKET_ADDRESS_TEXT_MAX];
    if (status != rows[i].status) fail_msg("row %zu: %s", i, proxy_protocol_status_text(status));
    if (status != PROXY_PROTOCOL_OK) return;
    if (header->has_client != (rows[i].client != NULL)) fail_msg("row %zu: client %d", i, header->has_client);
    if (!header->has_client) return;
    socket_address_text(&header->client, text);
    if (strcmp(text, rows[i].client) != 0 || socket_address_port(&header->client) != rows[i].port)
        fail_msg("row %zu: %s %u", i, text, socket_address_port(&header->client));
}

/* Every cut: not whole until it is, and never another answer than that of the whole. */
static void every_row_at_every_cut(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct proxy_header header;
        size_t taken;
        for (size_t len = 0; len < rows[i].octets.len; len++) {
            enum proxy_protocol_status status = read_exact(span_first(rows[i].octets, len), &header, &taken);
            if (status != PROXY_PROTOCOL_MORE && (status != rows[i].status || status == PROXY_PROTOCOL_OK))
                fail_msg("row %zu, first %zu octets: %s", i, len, proxy_protocol_status_text(status));
        }
        enum proxy_protocol_status status = read_exact(rows[i].octets, &header, &taken);
        check_row(i, &header, status);
        if (status == PROXY_PROTOCOL_OK) assert_int_equal(taken, rows[i].octets.len);
    }
}

static void what_follows_is_the_clients(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char octets[1024];
        struct proxy_header header;
        size_t taken, len = rows[i].octets.len;
        if (rows[i].status != PROXY_PROTOCOL_OK) continue;
        memcpy(octets, rows[i].octets.ptr, len);
        memcpy(octets + len, "EHLO", 4);
        check_row(i, &header, read_exact((struct span){octets, len + 4}, &header, &taken));
        assert_int_equal(taken, len);
    }
}

/* The longest header is whole with its last octet; one octet more was refused by the rows. */
static void the_longest_header_is_read(void **state) {
    char octets[PROXY_PROTOCOL_MAX] = SIGNATURE "\x21\x11\x0f\xf0" V4 "\x04\x0f\xe1";
    struct proxy_header header;
    size_t taken;
    (void)state;
    assert_int_equal(read_exact((struct span){octets, sizeof octets - 1}, &header, &taken), PROXY_PROTOCOL_MORE);
    assert_int_equal(read_exact((struct span){octets, sizeof octets}, &header, &taken), PROXY_PROTOCOL_OK);
    assert_int_equal(taken, sizeof octets);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_at_every_cut),
        cmocka_unit_test(what_follows_is_the_clients),
        cmocka_unit_test(the_longest_header_is_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
