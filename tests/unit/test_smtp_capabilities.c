#include "proxy/smtp_capabilities.h" /* first, so the header is proved to stand alone */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "proxy/xforward.h"

static struct smtp_capabilities read(const char *text) {
    struct smtp_reply reply;
    struct smtp_capabilities got;
    smtp_reply_init(&reply);
    assert_true(smtp_reply_set(&reply, 250, NULL, text));
    smtp_capabilities_read(&reply, &got);
    smtp_reply_release(&reply);
    return got;
}

static void postfix_offers_are_understood(void **state) {
    (void)state;
    struct smtp_capabilities got =
        read("mail.example.com\nPIPELINING\nSIZE 10240000\nETRN\nSTARTTLS\nXCLIENT NAME ADDR\nXFORWARD NAME ADDR PROTO "
             "HELO SOURCE PORT IDENT\nENHANCEDSTATUSCODES\n8BITMIME\nDSN\nSMTPUTF8\nCHUNKING\nAUTH PLAIN");
    assert_true(got.pipelining && got.size && got.has_size_limit && got.starttls && got.dsn);
    assert_int_equal(got.xclient, 1u << XFORWARD_NAME | 1u << XFORWARD_ADDR);
    assert_true(got.enhanced_status_codes && got.eight_bit_mime && got.smtputf8 && got.chunking && got.auth);
    assert_true(got.size_limit == 10240000);
    assert_int_equal(got.xforward, (1u << XFORWARD_LOGIN) - 1);
    assert_false(got.has_rcpt_max || got.has_mail_max);
}

static void the_greeting_offers_nothing(void **state) {
    (void)state;
    struct smtp_capabilities got = read("PIPELINING\n8bitmime");
    assert_false(got.pipelining);
    assert_true(got.eight_bit_mime);
}

static const struct { const char *text; bool size, has_limit; uint64_t limit; } sizes[] = {
    {"mx\nSIZE", true, false, 0},
    {"mx\nSIZE 0", true, false, 0}, /* RFC 1870 section 4: no fixed maximum */
    {"mx\nsize 1", true, true, 1},
    {"mx\nSIZE=35882577", true, true, 35882577},
    {"mx\nSIZE 10MB", true, false, 0},
    {"mx\nSIZE 99999999999999999999999", true, true, UINT64_MAX},
    {"mx\nSIZES 1", false, false, 0},
    {"mx", false, false, 0},
};

static void size_is_read(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct smtp_capabilities got = read(sizes[i].text);
        if (got.size != sizes[i].size || got.has_size_limit != sizes[i].has_limit ||
            (got.has_size_limit && got.size_limit != sizes[i].limit))
            fail_msg("%s", sizes[i].text);
    }
}

static void limits_are_read(void **state) {
    (void)state;
    struct smtp_capabilities got = read("mx\nLIMITS RCPTMAX=20 MAILMAX=5 RCPTDOMAINMAX=1 X"); /* RFC 9422 */
    assert_true(got.has_rcpt_max && got.rcpt_max == 20 && got.has_mail_max && got.mail_max == 5);
    got = read("mx\nLIMITS RCPTMAX=0 MAILMAX=many");
    assert_false(got.has_rcpt_max || got.has_mail_max);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(postfix_offers_are_understood),
        cmocka_unit_test(the_greeting_offers_nothing),
        cmocka_unit_test(size_is_read),
        cmocka_unit_test(limits_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
