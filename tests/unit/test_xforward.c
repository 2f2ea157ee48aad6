#include "proxy/xforward.h" /* first, so the header is proved to stand alone */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "tests/support/exact.h"

enum { ALL = (1 << XFORWARD_LOGIN) - 1, EVERYTHING = (1 << XFORWARD_COUNT) - 1 };

/* want: the one command written again for a server that offers all. */
static const struct { const char *argument; enum xforward_status status; const char *want; } rows[] = {
    {"NAME=spike.porcupine.org ADDR=168.100.189.2 PROTO=ESMTP", XFORWARD_OK,
     "NAME=spike.porcupine.org ADDR=168.100.189.2 PORT=[UNAVAILABLE] PROTO=ESMTP HELO=[UNAVAILABLE] "
     "IDENT=[UNAVAILABLE] SOURCE=[UNAVAILABLE]"}, /* the README's example */
    {"name=[UNAVAILABLE] addr=ipv6:2001:DB8:0::1 port=65535 source=local", XFORWARD_OK,
     "NAME=[UNAVAILABLE] ADDR=IPV6:2001:db8::1 PORT=65535 PROTO=[UNAVAILABLE] HELO=[UNAVAILABLE] "
     "IDENT=[UNAVAILABLE] SOURCE=local"},
    {"NAME=[TEMPUNAVAIL] HELO=a+2Bb+3Dc+20d IDENT=4Q1+2b", XFORWARD_OK,
     "NAME=[TEMPUNAVAIL] ADDR=[UNAVAILABLE] PORT=[UNAVAILABLE] PROTO=[UNAVAILABLE] HELO=a+2Bb+3Dc+20d IDENT=4Q1+2B "
     "SOURCE=[UNAVAILABLE]"},
    {"HELO=a+0D+0Ab+00+ff", XFORWARD_OK,
     "NAME=[UNAVAILABLE] ADDR=[UNAVAILABLE] PORT=[UNAVAILABLE] PROTO=[UNAVAILABLE] HELO=a??b?? IDENT=[UNAVAILABLE] "
     "SOURCE=[UNAVAILABLE]"}, /* nothing that ends a line survives */
    {"ADDR=IPV6:::ffff:192.0.2.1", XFORWARD_OK,
     "NAME=[UNAVAILABLE] ADDR=IPV6:::ffff:192.0.2.1 PORT=[UNAVAILABLE] PROTO=[UNAVAILABLE] HELO=[UNAVAILABLE] "
     "IDENT=[UNAVAILABLE] SOURCE=[UNAVAILABLE]"},
    {"", XFORWARD_SYNTAX, NULL},
    {"NAME", XFORWARD_SYNTAX, NULL},
    {"NAME=a ADDR", XFORWARD_SYNTAX, NULL},
    {"FOO=a", XFORWARD_UNKNOWN, NULL},
    {"=a", XFORWARD_UNKNOWN, NULL},
    {"NAME=", XFORWARD_BAD_VALUE, NULL},
    {"NAME=a+4", XFORWARD_BAD_VALUE, NULL},
    {"NAME=a+", XFORWARD_BAD_VALUE, NULL},
    {"NAME=a+g0", XFORWARD_BAD_VALUE, NULL},
    {"ADDR=[TEMPUNAVAIL]", XFORWARD_BAD_VALUE, NULL},
    {"ADDR=1.2.3", XFORWARD_BAD_VALUE, NULL},
    {"ADDR=IPV6:1.2.3.4.5", XFORWARD_BAD_VALUE, NULL},
    {"ADDR=IPV6:2001:db8::g", XFORWARD_BAD_VALUE, NULL},
    {"ADDR=1:2:3:4:5:6:7:8:9:10:11:12:13:14:15:16:17:18:19:20:21", XFORWARD_BAD_VALUE, NULL},
    {"PORT=65536", XFORWARD_BAD_VALUE, NULL},
    {"PORT=-1", XFORWARD_BAD_VALUE, NULL},
    {"PORT=999999", XFORWARD_BAD_VALUE, NULL},
    {"SOURCE=ELSEWHERE", XFORWARD_BAD_VALUE, NULL},
    {"LOGIN=a", XFORWARD_UNKNOWN, NULL}, /* XCLIENT's */
    {"DESTADDR=192.0.2.1", XFORWARD_UNKNOWN, NULL},
};

static void check_written(size_t row, const struct forwarded_client *client, const char *want) {
    struct bytes out = bytes_with_cap(4096), wanted = bytes_with_cap(4096);
    bytes_append_format(&wanted, "XFORWARD %s\r\n", want);
    assert_int_equal(xforward_write(XFORWARD_COMMAND, &out, client, EVERYTHING), 1);
    if (!span_equal(bytes_span(&out), bytes_span(&wanted))) fail_msg("row %zu: %.*s", row, (int)out.len, out.ptr);
    bytes_release(&out);
    bytes_release(&wanted);
}

static void every_row_is_read_and_written_again(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct span argument = exact_copy(span_of(rows[i].argument));
        struct forwarded_client client = {0}, before = {0};
        enum xforward_status status = xforward_parse(XFORWARD_COMMAND, argument, &client);
        if (status != rows[i].status) fail_msg("row %zu: %s", i, xforward_status_text(status));
        if (status == XFORWARD_OK)
            check_written(i, &client, rows[i].want);
        else
            assert_memory_equal(&client, &before, sizeof client);
        exact_free(argument);
    }
}

static void several_commands_add_up(void **state) {
    struct forwarded_client client = {0};
    uint8_t address[16];
    bool is_v4;
    (void)state;
    assert_false(xforward_address(&client, address, &is_v4));
    assert_int_equal(xforward_parse(XFORWARD_COMMAND, span_of("ADDR=192.0.2.7 NAME=a"), &client), XFORWARD_OK);
    assert_int_equal(xforward_parse(XFORWARD_COMMAND, span_of("HELO=b"), &client), XFORWARD_OK);
    assert_int_equal(xforward_parse(XFORWARD_COMMAND, span_of("HELO=c FOO=d"), &client), XFORWARD_UNKNOWN);
    assert_true(span_is(xforward_text(&client, XFORWARD_HELO), "b"));
    assert_true(span_is(xforward_text(&client, XFORWARD_NAME), "a"));
    assert_int_equal(xforward_text(&client, XFORWARD_IDENT).len, 0);
    assert_true(xforward_address(&client, address, &is_v4) && is_v4);
    assert_memory_equal(address, "\xc0\x00\x02\x07\0\0\0\0\0\0\0\0\0\0\0", 16);
    assert_int_equal(xforward_parse(XFORWARD_COMMAND, span_of("ADDR=IPV6:::1"), &client), XFORWARD_OK);
    assert_true(xforward_address(&client, address, &is_v4) && !is_v4);
    assert_int_equal(address[15], 1);
}

static void a_client_speaks_for_itself(void **state) {
    struct forwarded_client client = {0};
    char text[300];
    (void)state;
    memset(text, 'x', sizeof text);
    xforward_set(&client, XFORWARD_NAME, (struct span){text, sizeof text});
    xforward_set(&client, XFORWARD_ADDR, span_of("2001:0db8::00"));
    xforward_set(&client, XFORWARD_HELO, span_of("a\r\nb"));
    xforward_set(&client, XFORWARD_PORT, span_of("http"));
    assert_int_equal(xforward_text(&client, XFORWARD_NAME).len, XFORWARD_VALUE_MAX);
    assert_true(span_is(xforward_text(&client, XFORWARD_ADDR), "2001:db8::"));
    assert_true(span_is(xforward_text(&client, XFORWARD_HELO), "a??b"));
    assert_int_equal(client.value[XFORWARD_PORT].state, XFORWARD_UNAVAILABLE);
    xforward_set(&client, XFORWARD_ADDR, span_of("unix"));
    assert_int_equal(client.value[XFORWARD_ADDR].state, XFORWARD_UNAVAILABLE);
}

static void only_what_is_offered_is_said(void **state) {
    struct forwarded_client client = {0};
    struct bytes out = bytes_with_cap(4096);
    (void)state;
    assert_int_equal(xforward_write(XFORWARD_COMMAND, &out, &client, EVERYTHING), 0); /* nothing known: nothing said */
    assert_int_equal(xforward_parse(XFORWARD_COMMAND, span_of("NAME=a HELO=b"), &client), XFORWARD_OK);
    assert_int_equal(xforward_write(XFORWARD_COMMAND, &out, &client, 0), 0);
    assert_int_equal(out.len, 0);
    assert_int_equal(xforward_write(XFORWARD_COMMAND, &out, &client, xforward_offer_read(XFORWARD_COMMAND, span_of("helo  X ADDR"))), 1);
    assert_true(span_is(bytes_span(&out), "XFORWARD ADDR=[UNAVAILABLE] HELO=b\r\n"));
    assert_int_equal(xforward_offer_read(XFORWARD_COMMAND, span_of(xforward_offer(XFORWARD_COMMAND))), ALL);
    bytes_release(&out);
}

/* Values of 255 octets, plain or each to be written as +XX: no command over 512 octets, and what was said is heard. */
static void long_values_take_several_commands(void **state) {
    (void)state;
    for (int encoded = 0; encoded < 2; encoded++) {
        struct forwarded_client client = {0}, heard = {0};
        struct bytes out = bytes_with_cap(8192);
        char text[XFORWARD_VALUE_MAX];
        memset(text, encoded ? '=' : 'x', sizeof text);
        xforward_set(&client, XFORWARD_NAME, (struct span){text, sizeof text});
        xforward_set(&client, XFORWARD_HELO, (struct span){text, sizeof text});
        xforward_set(&client, XFORWARD_IDENT, (struct span){text, sizeof text});
        unsigned commands = xforward_write(XFORWARD_COMMAND, &out, &client, EVERYTHING), lines = 0;
        for (struct span rest = bytes_span(&out); rest.len > 0; lines++) {
            size_t lf = span_find(rest, '\n');
            assert_true(lf < rest.len && lf + 1 <= 512 && lf > 11);
            assert_memory_equal(rest.ptr, "XFORWARD ", 9);
            assert_int_equal(xforward_parse(XFORWARD_COMMAND, (struct span){rest.ptr + 9, lf - 10}, &heard), XFORWARD_OK);
            rest = span_after(rest, lf + 1);
        }
        assert_int_equal(lines, commands);
        assert_int_equal(xforward_text(&heard, XFORWARD_HELO).len, encoded ? 160 : 255);
        bytes_release(&out);
    }
}

/* What a server hears that offers all of XCLIENT's attributes. */
static const struct { const char *argument; enum xforward_status status; const char *want; } xclient_rows[] = {
    {"NAME=spike.porcupine.org ADDR=168.100.189.2", XFORWARD_OK,
     "NAME=spike.porcupine.org ADDR=168.100.189.2 PORT=[UNAVAILABLE] HELO=[UNAVAILABLE] LOGIN=[UNAVAILABLE]"},
    {"addr=IPV6:2001:DB8::1 port=25 proto=esmtp helo=far+2Etest login=a+20b destaddr=192.0.2.1 destport=25", XFORWARD_OK,
     "NAME=[UNAVAILABLE] ADDR=IPV6:2001:db8::1 PORT=25 PROTO=esmtp HELO=far.test LOGIN=a+20b DESTADDR=192.0.2.1 DESTPORT=25"},
    {"NAME=[TEMPUNAVAIL] PROTO=LMTP DESTADDR=[UNAVAILABLE]", XFORWARD_OK,
     "NAME=[TEMPUNAVAIL] ADDR=[UNAVAILABLE] PORT=[UNAVAILABLE] PROTO=ESMTP HELO=[UNAVAILABLE] LOGIN=[UNAVAILABLE] "
     "DESTADDR=[UNAVAILABLE]"},
    {"NAME=no+20name HELO=a+0Ab PROTO=X", XFORWARD_OK, /* Postfix would refuse that NAME and that PROTO */
     "NAME=[UNAVAILABLE] ADDR=[UNAVAILABLE] PORT=[UNAVAILABLE] HELO=a?b LOGIN=[UNAVAILABLE]"},
    {"DESTADDR=IPV6:::1 NAME=a..b", XFORWARD_OK,
     "NAME=[UNAVAILABLE] ADDR=[UNAVAILABLE] PORT=[UNAVAILABLE] HELO=[UNAVAILABLE] LOGIN=[UNAVAILABLE] DESTADDR=IPV6:::1"},
    {"IDENT=4Q1", XFORWARD_UNKNOWN, NULL}, /* XFORWARD's */
    {"SOURCE=LOCAL", XFORWARD_UNKNOWN, NULL},
    {"DESTADDR=here", XFORWARD_BAD_VALUE, NULL},
    {"DESTPORT=smtp", XFORWARD_BAD_VALUE, NULL},
    {"ADDR", XFORWARD_SYNTAX, NULL},
};

static void every_xclient_row_is_read_and_written_again(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof xclient_rows / sizeof *xclient_rows; i++) {
        struct forwarded_client client = {0}, untouched = {0};
        struct span argument = exact_copy(span_of(xclient_rows[i].argument));
        enum xforward_status status = xforward_parse(XCLIENT_COMMAND, argument, &client);
        exact_free(argument);
        if (status != xclient_rows[i].status) fail_msg("row %zu: %s", i, xforward_status_text(status));
        if (status != XFORWARD_OK) assert_memory_equal(&client, &untouched, sizeof client);
        struct bytes out = bytes_with_cap(4096), wanted = bytes_with_cap(4096);
        if (xclient_rows[i].want != NULL) bytes_append_format(&wanted, "XCLIENT %s\r\n", xclient_rows[i].want);
        xforward_write(XCLIENT_COMMAND, &out, &client, EVERYTHING);
        if (!span_equal(bytes_span(&out), bytes_span(&wanted))) fail_msg("row %zu: %.*s", i, (int)out.len, out.ptr);
        bytes_release(&out);
        bytes_release(&wanted);
    }
    assert_int_equal(xforward_offer_read(XCLIENT_COMMAND, span_of(xforward_offer(XCLIENT_COMMAND))),
                     EVERYTHING & ~(1 << XFORWARD_IDENT | 1 << XFORWARD_SOURCE));
    assert_int_equal(xforward_offer_read(XCLIENT_COMMAND, span_of("IDENT SOURCE")), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_is_read_and_written_again), cmocka_unit_test(several_commands_add_up),
        cmocka_unit_test(a_client_speaks_for_itself),          cmocka_unit_test(only_what_is_offered_is_said),
        cmocka_unit_test(long_values_take_several_commands),   cmocka_unit_test(every_xclient_row_is_read_and_written_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
