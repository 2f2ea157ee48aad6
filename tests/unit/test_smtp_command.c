#include "proxy/smtp_command.h" /* first, so the header is proved to stand alone */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "base/bytes.h"
#include "tests/support/exact.h"

#define LIT(text) {text, sizeof(text) - 1}
#define OK SMTP_COMMAND_OK
#define FROM_BAD SMTP_COMMAND_BAD_SENDER
#define TO_BAD SMTP_COMMAND_BAD_RECIPIENT
#define VALUE_BAD SMTP_COMMAND_PARAMETER_VALUE

/* want: "VERB argument" of commands without a path; "VERB local|domain KEYWORD=value ..." of MAIL and RCPT. */
static const struct row { struct span line; enum smtp_command_status status; const char *want;
} rows[] = {
    {LIT("EHLO mx.example.com"), OK, "EHLO mx.example.com"},
    {LIT("ehlo [127.0.0.1]"), OK, "EHLO [127.0.0.1]"},
    {LIT("lHlO \t a b "), OK, "LHLO a b"},
    {LIT("HELO"), SMTP_COMMAND_SYNTAX, NULL},
    {LIT("EHLO "), SMTP_COMMAND_SYNTAX, NULL},
    {LIT("DATA"), OK, "DATA "},
    {LIT("data  \t"), OK, "DATA "},
    {LIT("DATA x"), SMTP_COMMAND_NO_ARGUMENT, NULL},
    {LIT("RSET now"), SMTP_COMMAND_NO_ARGUMENT, NULL},
    {LIT("QUIT"), OK, "QUIT "},
    {LIT("NOOP anything goes"), OK, "NOOP anything goes"}, /* RFC 5321 4.1.1.9 */
    {LIT("HELP"), OK, "HELP "},
    {LIT("VRFY postmaster"), OK, "VRFY postmaster"},
    {LIT("VRFY"), SMTP_COMMAND_SYNTAX, NULL},
    {LIT("STARTTLS"), OK, "STARTTLS "},
    {LIT("XFORWARD NAME=a ADDR=1.2.3.4"), OK, "XFORWARD NAME=a ADDR=1.2.3.4"},
    {LIT("BDAT 10 LAST"), OK, "BDAT 10 LAST"},
    {LIT("AUTH PLAIN AAAA"), OK, "AUTH PLAIN AAAA"},
    {LIT("GET / HTTP/1.1"), OK, "GET / HTTP/1.1"},
    {LIT(""), SMTP_COMMAND_EMPTY, NULL},
    {LIT(" \t "), SMTP_COMMAND_EMPTY, NULL},
    {LIT("EHLOX y"), SMTP_COMMAND_UNKNOWN, NULL},
    {LIT("\x16\x03\x01"), SMTP_COMMAND_UNKNOWN, NULL},
    {LIT("NOOP\0"), SMTP_COMMAND_UNKNOWN, NULL},
    {LIT("NOOP a\0b"), SMTP_COMMAND_BAD_OCTET, NULL},
    {LIT("NOOP a\rb"), SMTP_COMMAND_BAD_OCTET, NULL},
    {LIT("MAIL FROM:<a@b>\r"), SMTP_COMMAND_BAD_OCTET, NULL},

    {LIT("MAIL FROM:<>"), OK, "MAIL |"}, /* RFC 5321 4.5.5 */
    {LIT("MAIL FROM:<a@b.example>"), OK, "MAIL a|b.example"},
    {LIT("mail from: <a@b>"), OK, "MAIL a|b"},
    {LIT("MAIL FROM:  \t<a@b>  "), OK, "MAIL a|b"},
    {LIT("MAIL FROM:a@b"), OK, "MAIL a|b"},
    {LIT("MAIL FROM:a@b SIZE=1"), OK, "MAIL a|b SIZE=1"},
    {LIT("MAIL FROM:<@one,@two.example:joe@three>"), OK, "MAIL joe|three"}, /* 4.1.2, appendix C */
    {LIT("MAIL FROM:<@one,@two>"), FROM_BAD, NULL},
    {LIT("MAIL FROM:<@one:>"), FROM_BAD, NULL},
    {LIT("MAIL FROM:<\"a b\"@c>"), OK, "MAIL \"a b\"|c"},
    {LIT("MAIL FROM:<\"a>@b\"@c>"), OK, "MAIL \"a>@b\"|c"},
    {LIT("MAIL FROM:<\"a\\\"> b\"@c> SIZE=2"), OK, "MAIL \"a\\\"> b\"|c SIZE=2"},
    {LIT("MAIL FROM:\"a b\"@c SIZE=2"), OK, "MAIL \"a b\"|c SIZE=2"},
    {LIT("MAIL FROM:<\"\"@c>"), OK, "MAIL \"\"|c"},
    {LIT("MAIL FROM:<a.\"b\".c@d>"), OK, "MAIL a.\"b\".c|d"}, /* obs-local-part */
    {LIT("MAIL FROM:<.a..b.@c>"), OK, "MAIL .a..b.|c"},
    {LIT("MAIL FROM:<!#$%&'*+-/=?^_`{|}~@c>"), OK, "MAIL !#$%&'*+-/=?^_`{|}~|c"},
    {LIT("MAIL FROM:<a@[192.0.2.1]>"), OK, "MAIL a|[192.0.2.1]"},
    {LIT("MAIL FROM:<a@[IPv6:2001:db8::1]>"), OK, "MAIL a|[IPv6:2001:db8::1]"},
    {LIT("MAIL FROM:<a@b.example.>"), OK, "MAIL a|b.example."},
    {LIT("MAIL FROM:<a@_b.example>"), OK, "MAIL a|_b.example"},
    {LIT("MAIL FROM:<root>"), OK, "MAIL root|"},
    {LIT("MAIL FROM:<\xc3\xa9@\xc3\xa9.example> SMTPUTF8"), OK, "MAIL \xc3\xa9|\xc3\xa9.example SMTPUTF8"},
    {LIT("MAIL FROM:<\xc3\xa9@b>"), OK, "MAIL \xc3\xa9|b"}, /* Postfix does not look whether it was offered */
    {LIT("MAIL FROM:<\xc3@b>"), FROM_BAD, NULL},
    {LIT("MAIL FROM:<a@\xed\xa0\x80>"), FROM_BAD, NULL},
    {LIT("MAIL FROM:<a@b"), FROM_BAD, NULL},
    {LIT("MAIL FROM:a@b>"), FROM_BAD, NULL},
    {LIT("MAIL FROM:<a@b>>"), FROM_BAD, NULL},
    {LIT("MAIL FROM:<a@b>SIZE=1"), FROM_BAD, NULL},
    {LIT("MAIL FROM:<<a@b>>"), FROM_BAD, NULL},
    {LIT("MAIL FROM:<a b@c>"), FROM_BAD, NULL},
    {LIT("MAIL FROM:<a\tb@c>"), FROM_BAD, NULL},
    {LIT("MAIL FROM:<\"a\tb\"@c>"), FROM_BAD, NULL},
    {LIT("MAIL FROM:<\"a@c>"), FROM_BAD, NULL},
    {LIT("MAIL FROM:<\"a\\"), FROM_BAD, NULL},
    {LIT("MAIL FROM:<a@b@c>"), FROM_BAD, NULL},
    {LIT("MAIL FROM:<a,b@c>"), FROM_BAD, NULL},
    {LIT("MAIL FROM:<a(b)@c>"), FROM_BAD, NULL},
    {LIT("MAIL FROM:<a@>"), FROM_BAD, NULL},
    {LIT("MAIL FROM:<@>"), FROM_BAD, NULL},
    {LIT("MAIL FROM:<a@b..c>"), FROM_BAD, NULL},
    {LIT("MAIL FROM:<a@.b>"), FROM_BAD, NULL},
    {LIT("MAIL FROM:<a@[1.2.3.4>"), FROM_BAD, NULL},
    {LIT("MAIL FROM:<a@[]>"), FROM_BAD, NULL},
    {LIT("MAIL FROM:<a@[1]2>"), FROM_BAD, NULL},
    {LIT("MAIL FROM:"), FROM_BAD, NULL},
    {LIT("MAIL FROM"), SMTP_COMMAND_SYNTAX, NULL},
    {LIT("MAIL"), SMTP_COMMAND_SYNTAX, NULL},
    {LIT("MAIL TO:<a@b>"), SMTP_COMMAND_SYNTAX, NULL},

    {LIT("RCPT TO:<Postmaster>"), OK, "RCPT Postmaster|"}, /* 4.1.1.3 */
    {LIT("RCPT TO:<a@b> NOTIFY=SUCCESS,delay ORCPT=rfc822;a+40b"), OK,
     "RCPT a|b NOTIFY=SUCCESS,delay ORCPT=rfc822;a+40b"},
    {LIT("RCPT TO:<>"), TO_BAD, NULL},
    {LIT("RCPT FROM:<a@b>"), SMTP_COMMAND_SYNTAX, NULL},
    {LIT("RCPT TO:<a@b> NOTIFY=NEVER"), OK, "RCPT a|b NOTIFY=NEVER"},
    {LIT("RCPT TO:<a@b> NOTIFY=NEVER,DELAY"), VALUE_BAD, NULL}, /* RFC 3461 4.1 */
    {LIT("RCPT TO:<a@b> NOTIFY=DELAY,"), VALUE_BAD, NULL},
    {LIT("RCPT TO:<a@b> NOTIFY="), VALUE_BAD, NULL},
    {LIT("RCPT TO:<a@b> NOTIFY"), VALUE_BAD, NULL},
    {LIT("RCPT TO:<a@b> ORCPT=a"), VALUE_BAD, NULL},
    {LIT("RCPT TO:<a@b> ORCPT=rfc822;"), VALUE_BAD, NULL},
    {LIT("RCPT TO:<a@b> ORCPT=;a"), VALUE_BAD, NULL},
    {LIT("RCPT TO:<a@b> ORCPT=rfc822;a+4"), VALUE_BAD, NULL},
    {LIT("RCPT TO:<a@b> ORCPT=rfc822;a+4g"), VALUE_BAD, NULL},
    {LIT("RCPT TO:<a@b> ORCPT=utf-8;\xc3\xa9@b"), OK, "RCPT a|b ORCPT=utf-8;\xc3\xa9@b"}, /* RFC 6533 */
    {LIT("RCPT TO:<a@b> SIZE=1"), SMTP_COMMAND_PARAMETER_UNKNOWN, NULL},

    {LIT("MAIL FROM:<a@b> size=100 body=8bitmime"), OK, "MAIL a|b SIZE=100 BODY=8bitmime"},
    {LIT("MAIL FROM:<a@b>\tBODY=7BIT  RET=HDRS ENVID=q+2Br AUTH=<>"), OK,
     "MAIL a|b BODY=7BIT RET=HDRS ENVID=q+2Br AUTH=<>"},
    {LIT("MAIL FROM:<a@b> SIZE"), VALUE_BAD, NULL},
    {LIT("MAIL FROM:<a@b> SIZE="), VALUE_BAD, NULL},
    {LIT("MAIL FROM:<a@b> SIZE=1k"), VALUE_BAD, NULL},
    {LIT("MAIL FROM:<a@b> SIZE=123456789012345678901"), VALUE_BAD, NULL}, /* RFC 1870: 20 digits */
    {LIT("MAIL FROM:<a@b> BODY=BINARYMIME"), VALUE_BAD, NULL},
    {LIT("MAIL FROM:<a@b> SMTPUTF8=1"), VALUE_BAD, NULL},
    {LIT("MAIL FROM:<a@b> RET=ALL"), VALUE_BAD, NULL},
    {LIT("MAIL FROM:<a@b> ENVID=+"), VALUE_BAD, NULL},
    {LIT("MAIL FROM:<a@b> ENVID=a=b"), VALUE_BAD, NULL},
    {LIT("MAIL FROM:<a@b> ENVID=\xff"), VALUE_BAD, NULL},
    {LIT("MAIL FROM:<a@b> SIZE=1 size=1"), SMTP_COMMAND_PARAMETER_TWICE, NULL},
    {LIT("MAIL FROM:<a@b> NOTIFY=NEVER"), SMTP_COMMAND_PARAMETER_UNKNOWN, NULL},
    {LIT("MAIL FROM:<a@b> HOLDFOR=1"), SMTP_COMMAND_PARAMETER_UNKNOWN, NULL},
    {LIT("MAIL FROM:<a@b> X-Y"), SMTP_COMMAND_PARAMETER_UNKNOWN, NULL},
    {LIT("MAIL FROM:<a@b> -Y"), SMTP_COMMAND_SYNTAX, NULL},
    {LIT("MAIL FROM:<a@b> =1"), SMTP_COMMAND_SYNTAX, NULL},
    {LIT("MAIL FROM:<a@b> <c@d>"), SMTP_COMMAND_SYNTAX, NULL},
};

static void describe(struct bytes *out, const struct smtp_command *command) {
    bytes_append_text(out, smtp_verb_word(command->verb));
    bytes_append_char(out, ' ');
    if (command->verb != SMTP_MAIL && command->verb != SMTP_RCPT) {
        bytes_append(out, command->argument);
        return;
    }
    bytes_append(out, command->local_part);
    bytes_append_char(out, '|');
    bytes_append(out, command->domain);
    for (size_t i = 0; i < command->parameter_count; i++) {
        bytes_append_char(out, ' ');
        bytes_append_text(out, smtp_parameter_word(command->parameter[i].kind));
        if (command->parameter[i].has_value) bytes_append_char(out, '=');
        bytes_append(out, command->parameter[i].value);
    }
}

static void every_row_parses_as_wanted(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct span line = exact_copy(rows[i].line);
        struct smtp_command command;
        struct bytes got = bytes_with_cap(4096);
        enum smtp_command_status status = smtp_command_parse(line, &command);
        if (status == OK) describe(&got, &command);
        if (status != rows[i].status || (status == OK && !span_is(bytes_span(&got), rows[i].want)))
            fail_msg("row %zu \"%.*s\": %s: %.*s", i, (int)line.len, line.ptr, smtp_command_status_text(status),
                     (int)got.len, got.ptr);
        bytes_release(&got);
        exact_free(line);
    }
}

static void replies_carry_the_codes_of_the_standard(void **state) {
    static const struct { const char *line; unsigned code; const char *enhanced; } wanted[] = {
        {"MAIL FROM:<a@b> NO-SUCH=1", 555, "5.5.4"}, /* RFC 5321 4.1.1.11 */
        {"MAIL FROM:<a@b> SIZE=x", 501, "5.5.4"},
        {"MAIL FROM:<a@b@c>", 501, "5.1.7"},
        {"RCPT TO:<a@b@c>", 501, "5.1.3"},
        {"SEND FROM:<a>", 500, "5.5.2"},
        {"MAIL FROM:<a@b>", 250, "2.0.0"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
        struct smtp_command command;
        enum smtp_command_status status = smtp_command_parse(span_of(wanted[i].line), &command);
        assert_int_equal(smtp_command_status_code(status), wanted[i].code);
        assert_string_equal(smtp_command_status_enhanced(status), wanted[i].enhanced);
    }
}

static void facts_of_mail_are_read(void **state) {
    struct smtp_command command;
    (void)state;
    assert_int_equal(smtp_command_parse(span_of("MAIL FROM:<\xc3\xa9@b> SIZE=99999999999999999999 SMTPUTF8"), &command),
                     OK);
    assert_true(command.has_size && command.smtputf8 && !command.path_is_ascii);
    assert_true(command.size == UINT64_MAX);
    assert_int_equal(smtp_command_parse(span_of("MAIL FROM:<a@b> SIZE=18446744073709551615"), &command), OK);
    assert_true(command.size == UINT64_MAX && command.path_is_ascii && !command.smtputf8);
    assert_non_null(smtp_command_find(&command, SMTP_SIZE));
    assert_null(smtp_command_find(&command, SMTP_BODY));
    assert_int_equal(smtp_command_parse(span_of("RCPT TO:<a@b>"), &command), OK);
    assert_false(command.has_size);
    assert_true(span_is(command.path, "a@b"));
}

/* A path of local_len octets before the @ and domain_len behind it. */
static enum smtp_command_status parse_lengths(size_t local_len, size_t domain_len) {
    struct bytes line = bytes_with_cap(8192);
    struct smtp_command command;
    bytes_append_text(&line, "RCPT TO:<");
    for (size_t i = 0; i < local_len; i++) bytes_append_char(&line, 'a');
    bytes_append_char(&line, '@');
    for (size_t i = 0; i < domain_len; i++) bytes_append_char(&line, 'b');
    bytes_append_char(&line, '>');
    enum smtp_command_status status = smtp_command_parse(bytes_span(&line), &command);
    bytes_release(&line);
    return status;
}

static void paths_have_a_length_limit(void **state) {
    (void)state;
    assert_int_equal(parse_lengths(SMTP_PATH_MAX - 1 - 200, 200), OK);
    assert_int_equal(parse_lengths(SMTP_PATH_MAX - 200, 200), TO_BAD);
    assert_int_equal(parse_lengths(10, SMTP_DOMAIN_MAX), OK);
    assert_int_equal(parse_lengths(10, SMTP_DOMAIN_MAX + 1), TO_BAD);
}

static void foreign_clients_are_told_apart(void **state) {
    (void)state;
    for (enum smtp_verb verb = 0; verb < SMTP_VERB_COUNT; verb++)
        assert_int_equal(smtp_verb_is_foreign(verb),
                         verb == SMTP_GET || verb == SMTP_POST || verb == SMTP_CONNECT || verb == SMTP_PROXY);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_parses_as_wanted),
        cmocka_unit_test(replies_carry_the_codes_of_the_standard),
        cmocka_unit_test(facts_of_mail_are_read),
        cmocka_unit_test(paths_have_a_length_limit),
        cmocka_unit_test(foreign_clients_are_told_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
