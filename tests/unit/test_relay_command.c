#include "proxy/relay_command.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "proxy/smtp_capabilities.h"
#include "proxy/smtp_command.h"

#define ALL {.size = true, .eight_bit_mime = true, .smtputf8 = true, .dsn = true, .auth = true}

static const struct { const char *line; struct smtp_capabilities to; const char *wanted; } rows[] = {
    {"mail from:<a@x.example> size=10 body=8bitmime", ALL, "MAIL FROM:<a@x.example> SIZE=10 BODY=8bitmime"},
    {"MAIL FROM:<a@x.example> SIZE=10 BODY=8BITMIME", {0}, "MAIL FROM:<a@x.example>"}, /* they only inform */
    {"MAIL FROM:<> SMTPUTF8 BODY=8BITMIME", {.eight_bit_mime = true}, "MAIL FROM:<> BODY=8BITMIME"},
    {"MAIL FROM:<a@x.example> RET=HDRS ENVID=q+2B1 AUTH=<>", ALL, "MAIL FROM:<a@x.example> RET=HDRS ENVID=q+2B1 AUTH=<>"},
    {"MAIL FROM:<a@x.example> RET=HDRS ENVID=q+2B1 AUTH=<>", {.size = true}, "MAIL FROM:<a@x.example>"},
    {"RCPT TO:<b@x.example> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;b@y.example", ALL,
     "RCPT TO:<b@x.example> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;b@y.example"},
    {"RCPT TO:<b@x.example> NOTIFY=NEVER", {0}, "RCPT TO:<b@x.example>"},
    {"RCPT TO: b@x.example", {0}, "RCPT TO:<b@x.example>"},                  /* made anew, never copied */
    {"RCPT TO:<@relay.example:b@x.example>", {0}, "RCPT TO:<b@x.example>"},  /* RFC 5321 appendix C */
    {"RCPT TO:<\"b c\"@x.example>", {0}, "RCPT TO:<\"b c\"@x.example>"},
    {"RCPT TO:<\xc3\xa9@x.example>", ALL, "RCPT TO:<\xc3\xa9@x.example>"},
    {"RCPT TO:<\xc3\xa9@x.example>", {0}, NULL},                             /* RFC 6531 3.5 */
    {"MAIL FROM:<\xc3\xa9@x.example> SMTPUTF8", {.size = true}, NULL},
};

static void every_row_is_written_as_wanted(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct bytes out = bytes_with_cap(2048);
        struct smtp_command command;
        size_t len = strlen(rows[i].line);
        char *exact = memcpy(malloc(len), rows[i].line, len);
        assert_int_equal(smtp_command_parse((struct span){exact, len}, &command), SMTP_COMMAND_OK);
        bool written = relay_command_write(&out, &command, &rows[i].to);
        if (written != (rows[i].wanted != NULL) || (written && !span_is(bytes_span(&out), rows[i].wanted)) || (!written && out.len > 0))
            fail_msg("%s: \"%.*s\"", rows[i].line, (int)out.len, out.ptr);
        bytes_release(&out);
        free(exact);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_row_is_written_as_wanted)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
