#include "proxy/session.h"
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "base/bytes.h"
#include "base/log.h"
#include "base/loop.h"
#include "proxy/address_limit.h"
#include "proxy/connection.h"
#include "proxy/downstream.h"
#include "proxy/message_flow.h"
#include "proxy/spool.h"
#include "tests/unit/fake_server.h"

/* One session between a client, whose octets the test writes, and a fake server. */
struct bench {
    struct loop *loop;
    struct connection_set *set;
    struct loop_timer *timer;
    struct fake_server server;
    struct options options;
    struct listener_options listener;
    struct downstream_server downstream;
    struct spool_account account;
    struct spool_pool *spools;
    struct message_setup messages;
    struct message_pool *pool;
    struct session_setup setup;
    struct key_source keys;
    struct dns_source dns;     /* given to messages by the tests that want it */
    struct session *session;   /* NULL once it has ended */
    int client;
    struct bytes said;         /* what the client was told */
    bool client_ended;         /* ... and whether that was all */
    unsigned key_questions, dns_questions, dns_cancels;
};

static void stop(void *owner) { loop_stop(((struct bench *)owner)->loop); }

static void read_client(struct bench *bench) {
    char block[4096];
    ssize_t count;
    while (bench->client >= 0 && (count = read(bench->client, block, sizeof block)) >= 0) {
        if (count == 0) {
            bench->client_ended = true;
            return;
        }
        bytes_append(&bench->said, (struct span){block, (size_t)count});
    }
}

static void run(struct bench *bench, int64_t ms) {
    loop_timer_start(bench->timer, ms);
    assert_true(loop_run(bench->loop));
    read_client(bench);
}

static void ended(void *owner, struct session *session) {
    struct bench *bench = owner;
    assert_ptr_equal(session, bench->session);
    bench->session = NULL;
}

/* Keys that never come. */
static enum key_progress ask_nobody(struct key_source *source, struct span name, struct key_request *request, struct key_entry **entry) {
    struct bench *bench = LIST_ENTRY(source, struct bench, keys);
    (void)name;
    (void)request;
    (void)entry;
    bench->key_questions++;
    return KEY_PENDING;
}
static void cancel(struct key_source *source, struct key_request *request) { (void)source, (void)request; }

/* Nor does any other answer. */
static enum dns_progress never_answer(struct dns_source *source, struct span name, enum dns_type type, struct dns_query *query,
                                      struct dns_answer *answer) {
    struct bench *bench = LIST_ENTRY(source, struct bench, dns);
    (void)name, (void)type, (void)query, (void)answer;
    bench->dns_questions++;
    return DNS_PENDING;
}
static void cancel_query(struct dns_source *source, struct dns_query *query) {
    struct bench *bench = LIST_ENTRY(source, struct bench, dns);
    (void)query;
    bench->dns_cancels++;
}

static struct session *connect_from(struct bench *bench, const struct socket_address *peer, int *client) {
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
    *client = pair[1];
    return session_create(&bench->setup, pair[0], peer, 0xabc);
}

static void connect_client(struct bench *bench) {
    struct socket_address peer = {.storage.ss_family = AF_UNIX, .len = sizeof(sa_family_t)};
    bench->session = connect_from(bench, &peer, &bench->client);
    assert_non_null(bench->session);
}

enum kind { SMTP_TO_SMTP, LMTP_TO_LMTP, SMTP_TO_LMTP, LMTP_TO_SMTP };

static void set_up(struct bench *bench, enum kind kind, const struct fake_rule *rules) {
    bool lmtp_listener = kind == LMTP_TO_LMTP || kind == LMTP_TO_SMTP, lmtp_next = kind == LMTP_TO_LMTP || kind == SMTP_TO_LMTP;
    memset(bench, 0, sizeof *bench);
    bench->loop = loop_create();
    bench->set = connection_set_create(bench->loop, &clock_system);
    bench->timer = loop_timer_create(bench->loop, stop, bench);
    fake_server_start(&bench->server, bench->loop, rules);
    bench->options = (struct options){
        .message_max = 65536, .recipients_max = 3, .command_line_max = 512, .errors_max = 4, .command_timeout_ms = 2000, .data_timeout_ms = 2000,
        .data_total_timeout_ms = 10000, .empty_commands_max = 100, .greeting_timeout_ms = 1000, .sessions_per_address_max = 2,
    };
    bench->listener = (struct listener_options){
        .name = (char *)(uintptr_t)"test", .protocol = lmtp_listener ? LISTENER_LMTP : LISTENER_SMTP, .reject_line_ends = true,
    };
    bench->downstream = (struct downstream_server){
        .is_lmtp = lmtp_next, .address = {bench->server.address[0]}, .address_count = 1, .hello_name = "mx.example",
        .greeting_timeout_ms = 300, .reply_timeout_ms = 300, .data_timeout_ms = 300, .final_reply_timeout_ms = 300,
    };
    bench->account.max = 1 << 24;
    bench->spools = spool_pool_create((struct spool_limits){1 << 24, 1 << 24, 1 << 24}, &bench->account, -1);
    bench->keys = (struct key_source){ask_nobody, cancel};
    bench->messages = (struct message_setup){
        .policy = verifier_policy_default, .message_max = 65536, .budget_ms = 60, .spf_budget_ms = 20000, .keys = &bench->keys,
        .clock = &clock_system, .loop = bench->loop, .spools = bench->spools,
    };
    bench->messages.policy.header.section_max = 8192;
    assert_true(authserv_id_init(&bench->messages.authserv_id, span_of("mx.example")));
    bench->pool = message_pool_create(&bench->messages);
    bench->setup = (struct session_setup){
        .options = &bench->options, .listener = &bench->listener, .server = &bench->downstream, .messages = bench->pool,
        .connections = bench->set, .name = "mx.example", .ended = ended, .owner = bench,
    };
    bench->said = bytes_with_cap(1 << 20);
    connect_client(bench);
}

static void tear_down(struct bench *bench) {
    if (bench->session != NULL) session_abort(bench->session);
    assert_null(bench->session);
    if (bench->client >= 0) close(bench->client);
    fake_server_stop(&bench->server);
    message_pool_destroy(bench->pool);
    spool_pool_destroy(bench->spools);
    assert_int_equal(atomic_load(&bench->account.used), 0);
    loop_timer_destroy(bench->timer);
    connection_set_destroy(bench->set);
    loop_destroy(bench->loop);
    bytes_release(&bench->said);
}

static void say(struct bench *bench, const char *text) {
    size_t len = strlen(text);
    assert_int_equal(write(bench->client, text, len), (ssize_t)len);
}

/* Runs until the client heard what it should, or long enough to be sure that it will not. */
static void run_until(struct bench *bench, const char *wanted) {
    for (int i = 0; i < 200 && !span_is(bytes_span(&bench->said), wanted); i++) run(bench, 5);
}

static bool has_heard(const struct bench *bench, const char *text) {
    return bench->server.heard.len > 0 && memmem(bench->server.heard.ptr, bench->server.heard.len, text, strlen(text)) != NULL;
}

static bool has_said(const struct bench *bench, const char *text) {
    return bench->said.len > 0 && memmem(bench->said.ptr, bench->said.len, text, strlen(text)) != NULL;
}

#define HI "220 mx.example ESMTP sceau\r\n"
#define LHI "220 mx.example LMTP sceau\r\n"
#define OFFERS(max) "250-mx.example\r\n250-PIPELINING\r\n250-SIZE 65536\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250-ENHANCEDSTATUSCODES\r\n" \
                    "250-XFORWARD NAME ADDR PORT PROTO HELO IDENT SOURCE\r\n" \
                    "250-XCLIENT NAME ADDR PORT PROTO HELO LOGIN DESTADDR DESTPORT\r\n250 LIMITS RCPTMAX=" max "\r\n"
#define OK "250 2.0.0 Ok\r\n"
#define GO "354 End data with <CR><LF>.<CR><LF>\r\n"
#define BYE "221 2.0.0 Bye\r\n"
#define QUEUED "250 2.0.0 Ok: queued as 4ABC\r\n"
#define SERVER {"", "220 hi\r\n"}, {"EHLO", "250-next\r\n250 SIZE\r\n"}, {"LHLO", "250 next\r\n"}
#define MAIL_RCPT "MAIL FROM:<s@x.example>\r\nRCPT TO:<a@x.example>\r\n"

static const struct row {
    const char *name;
    enum kind kind;
    struct fake_rule rules[10];
    const char *client, *wanted;
} rows[] = {
    {"one message", SMTP_TO_SMTP, {SERVER, {"DATA", "354 go\r\n"}, {".", QUEUED}},
     "EHLO c\r\n" MAIL_RCPT "DATA\r\nSubject: x\r\n\r\nbody\r\n.\r\nQUIT\r\n", HI OFFERS("3") OK OK GO QUEUED BYE},
    {"two messages, verbs in any case", SMTP_TO_SMTP, {SERVER, {"DATA", "354 go\r\n"}, {".", QUEUED}},
     "ehlo c\r\n" MAIL_RCPT "data\r\n\r\n.\r\nMail From:<>\r\nrcpt to:<b@x.example>\r\nDATA\r\na: b\r\n.\r\nquit\r\n",
     HI OFFERS("3") OK OK GO QUEUED OK OK GO QUEUED BYE},
    {"replies pass as they are", SMTP_TO_SMTP, {SERVER, {"MAIL", "250-2.1.0 one\r\n250 2.1.0 two\r\n"}, {"RCPT TO:<a@", "550 5.1.1 nobody\r\n"}, {"RCPT", "250 2.1.5 fine\r\n"},
      {"DATA", "354 go\r\n"}, {".", "554 5.7.1 no\r\n"}},
     "EHLO c\r\n" MAIL_RCPT "RCPT TO:<b@x.example>\r\nDATA\r\nx: y\r\n\r\n.\r\nQUIT\r\n",
     HI OFFERS("3") "250-2.1.0 one\r\n250 2.1.0 two\r\n550 5.1.1 nobody\r\n250 2.1.5 fine\r\n" GO "554 5.7.1 no\r\n" BYE},
    {"lmtp: each its own", LMTP_TO_LMTP, {SERVER, {"DATA", "354 go\r\n"}, {".", "250 2.0.0 a\r\n452 4.2.2 b\r\n"}},
     "LHLO c\r\n" MAIL_RCPT "RCPT TO:<b@x.example>\r\nDATA\r\nx: y\r\n\r\n.\r\nQUIT\r\n",
     LHI OFFERS("3") OK OK OK GO "250 2.0.0 a\r\n452 4.2.2 b\r\n" BYE},
    {"lmtp: the refused one gets no final reply", LMTP_TO_LMTP, {SERVER, {"RCPT TO:<a@", "550 5.1.1 nobody\r\n"}, {"DATA", "354 go\r\n"}, {".", "250 2.0.0 b\r\n"}},
     "LHLO c\r\n" MAIL_RCPT "RCPT TO:<b@x.example>\r\nDATA\r\nx: y\r\n\r\n.\r\nQUIT\r\n",
     LHI OFFERS("3") OK "550 5.1.1 nobody\r\n" OK GO "250 2.0.0 b\r\n" BYE},
    {"lmtp in front of smtp: one for each", LMTP_TO_SMTP, {SERVER, {"DATA", "354 go\r\n"}, {".", QUEUED}},
     "LHLO c\r\n" MAIL_RCPT "RCPT TO:<b@x.example>\r\nDATA\r\nx: y\r\n\r\n.\r\nQUIT\r\n", LHI OFFERS("3") OK OK OK GO QUEUED QUEUED BYE},
    {"smtp in front of lmtp: one recipient", SMTP_TO_LMTP, {SERVER, {"DATA", "354 go\r\n"}, {".", "250 2.0.0 a\r\n"}},
     "EHLO c\r\n" MAIL_RCPT "RCPT TO:<b@x.example>\r\nDATA\r\nx: y\r\n\r\n.\r\nQUIT\r\n",
     HI OFFERS("1") OK OK "452 4.5.3 Too many recipients: send the message again for the others\r\n" GO "250 2.0.0 a\r\n" BYE},
    {"lmtp: data refused goes to all", LMTP_TO_LMTP, {SERVER, {"DATA", "451 4.3.0 later\r\n"}},
     "LHLO c\r\n" MAIL_RCPT "RCPT TO:<b@x.example>\r\nDATA\r\nx: y\r\n\r\n.\r\nQUIT\r\n",
     LHI OFFERS("3") OK OK OK GO "451 4.3.0 later\r\n451 4.3.0 later\r\n" BYE},
    {"lmtp: dies after the first", LMTP_TO_LMTP, {SERVER, {"DATA", "354 go\r\n"}, {".", "250 2.0.0 a\r\n"}},
     "LHLO c\r\n" MAIL_RCPT "RCPT TO:<b@x.example>\r\nDATA\r\nx: y\r\n\r\n.\r\nQUIT\r\n",
     LHI OFFERS("3") OK OK OK GO "250 2.0.0 a\r\n451 4.4.2 next server timed out\r\n" BYE},
    {"order of commands", SMTP_TO_SMTP, {SERVER},
     "MAIL FROM:<a@b>\r\nEHLO c\r\nDATA\r\nRCPT TO:<a@b>\r\nQUIT\r\n",
     HI "503 5.5.1 Say EHLO or HELO first\r\n" OFFERS("3") "503 5.5.1 Say MAIL first\r\n503 5.5.1 Say MAIL first\r\n" BYE},
    {"nested MAIL, DATA without recipients", SMTP_TO_SMTP, {SERVER, {"RCPT", "550 5.1.1 nobody\r\n"}},
     "EHLO c\r\nMAIL FROM:<a@b>\r\nMAIL FROM:<a@b>\r\nDATA\r\nRCPT TO:<a@b>\r\nDATA\r\nQUIT\r\n",
     HI OFFERS("3") OK "503 5.5.1 Nested MAIL command\r\n503 5.5.1 Say RCPT first\r\n550 5.1.1 nobody\r\n554 5.5.1 No valid recipients\r\n" BYE},
    {"the other ones", SMTP_TO_SMTP, {SERVER},
     "NOOP x\r\nVRFY a\r\nRSET\r\nSTARTTLS\r\nHELO c\r\nLHLO c\r\nQUIT\r\n",
     HI OK "252 2.1.5 Cannot verify the user, send mail to find out\r\n" OK "502 5.5.1 Command not implemented\r\n250 mx.example\r\n500 5.5.1 This is SMTP: say EHLO\r\n" BYE},
    {"too many errors", SMTP_TO_SMTP, {SERVER},
     "FOO\r\nFOO\r\nAUTH x\r\nFOO\r\nNOOP\r\n",
     HI "500 5.5.2 Command not recognized\r\n500 5.5.2 Command not recognized\r\n502 5.5.1 Command not implemented\r\n500 5.5.2 Command not recognized\r\n421 4.7.0 Too many errors\r\n"},
    {"what follows BDAT is no command", SMTP_TO_SMTP, {SERVER},
     "EHLO c\r\n" MAIL_RCPT "BDAT 6 LAST\r\nQUIT\r\n", HI OFFERS("3") OK OK "502 5.5.1 Command not implemented, goodbye\r\n"},
    {"a web client", SMTP_TO_SMTP, {SERVER}, "POST / HTTP/1.1\r\nHost: x\r\n\r\n", HI "502 5.5.1 Command not implemented, goodbye\r\n"},
    {"bare LF is no line end", SMTP_TO_SMTP, {SERVER}, "NOOP\nQUIT\r\nQUIT\r\n", HI "500 5.5.2 Line ends must be CRLF\r\n" BYE},
    {"too many recipients", SMTP_TO_SMTP, {SERVER},
     "EHLO c\r\n" MAIL_RCPT "RCPT TO:<b@b>\r\nRCPT TO:<c@b>\r\nRCPT TO:<d@b>\r\nQUIT\r\n",
     HI OFFERS("3") OK OK OK OK "452 4.5.3 Too many recipients: send the message again for the others\r\n" BYE},
    {"declared too large", SMTP_TO_SMTP, {SERVER}, "EHLO c\r\nMAIL FROM:<a@b> SIZE=65537\r\nMAIL FROM:<a@b> SIZE=65536\r\nQUIT\r\n",
     HI OFFERS("3") "552 5.3.4 Message larger than the limit announced with SIZE\r\n" OK BYE},
    {"bare LF in the message: told at its end, the session goes on", SMTP_TO_SMTP, {SERVER},
     "EHLO c\r\n" MAIL_RCPT "DATA\r\nx: y\r\n\r\na\n.\nb\r\n.\r\nNOOP\r\nQUIT\r\n", HI OFFERS("3") OK OK GO "550 5.6.0 LF without CR in the message\r\n" OK BYE},
    {"smuggled end stays content", SMTP_TO_SMTP, {SERVER},
     "EHLO c\r\n" MAIL_RCPT "DATA\r\nx: y\r\n\r\na\r\n.\rMAIL FROM:<evil@x>\r\n.\r\nQUIT\r\n", HI OFFERS("3") OK OK GO "550 5.6.0 CR without LF in the message\r\n" BYE},
    {"downstream greets 5xx", SMTP_TO_SMTP, {{"", "554 5.3.2 no\r\n"}}, "EHLO c\r\nMAIL FROM:<a@b>\r\n", HI "421 4.3.2 next server takes no mail now\r\n"},
    {"downstream lost at RCPT, then back", SMTP_TO_SMTP, {SERVER, {"RCPT TO:<a@", NULL}},
     "EHLO c\r\n" MAIL_RCPT "RCPT TO:<b@b>\r\nDATA\r\nMAIL FROM:<t@x.example>\r\nRCPT TO:<b@b>\r\nQUIT\r\n",
     HI OFFERS("3") OK "451 4.4.2 connection to the next server lost\r\n451 4.4.2 connection to the next server lost\r\n451 4.4.2 connection to the next server lost\r\n" OK OK BYE},
    {"downstream says 421", SMTP_TO_SMTP, {SERVER, {"RCPT", "421 4.3.2 leaving\r\n"}},
     "EHLO c\r\n" MAIL_RCPT "NOOP\r\n", HI OFFERS("3") OK "421 4.3.2 leaving\r\n"},
    {"an address that downstream cannot take", SMTP_TO_SMTP, {SERVER},
     "EHLO c\r\nMAIL FROM:<\xc3\xa9@x.example> SMTPUTF8\r\nMAIL FROM:<a@b> SMTPUTF8 BODY=8BITMIME\r\nRCPT TO:<\xc3\xa9@x.example>\r\nQUIT\r\n",
     HI OFFERS("3") "553 5.6.7 Address needs SMTPUTF8, which the next server lacks\r\n" OK "553 5.6.7 Address needs SMTPUTF8, which the next server lacks\r\n" BYE},
    {"what downstream says unasked answers nothing", SMTP_TO_SMTP,
     {SERVER, {"DATA", "354 go\r\n"}, {".", QUEUED "250 2.0.0 extra\r\n"}, {"RCPT TO:<no@", "550 5.1.1 nobody\r\n"}},
     "EHLO c\r\n" MAIL_RCPT "DATA\r\nx: y\r\n\r\n.\r\nMAIL FROM:<s@x.example>\r\nRCPT TO:<no@b>\r\nQUIT\r\n",
     HI OFFERS("3") OK OK GO QUEUED OK "550 5.1.1 nobody\r\n" BYE},
    {"lmtp: more replies than recipients", LMTP_TO_LMTP, {SERVER, {"DATA", "354 go\r\n"}, {".", "250 2.0.0 a\r\n250 2.0.0 b\r\n250 2.0.0 c\r\n"}},
     "LHLO c\r\n" MAIL_RCPT "DATA\r\nx: y\r\n\r\n.\r\n" MAIL_RCPT "DATA\r\nx: y\r\n\r\n.\r\nQUIT\r\n",
     LHI OFFERS("3") OK OK GO "250 2.0.0 a\r\n" OK OK GO "250 2.0.0 a\r\n" BYE},
    {"3xx to RCPT", SMTP_TO_SMTP, {SERVER, {"RCPT", "354 go\r\n"}},
     "EHLO c\r\n" MAIL_RCPT "QUIT\r\n", HI OFFERS("3") OK "451 4.5.0 next server sent something that is no reply\r\n" BYE},
    {"what was sent right behind a refused MAIL is no mistake", SMTP_TO_SMTP, {SERVER, {"MAIL", "451 4.7.1 later\r\n"}},
     "EHLO c\r\n" MAIL_RCPT "RCPT TO:<b@b>\r\nRCPT TO:<c@b>\r\nDATA\r\nRSET\r\nRCPT TO:<d@b>\r\nQUIT\r\n",
     HI OFFERS("3") "451 4.7.1 later\r\n" "503 5.5.1 MAIL was refused\r\n" "503 5.5.1 MAIL was refused\r\n" "503 5.5.1 MAIL was refused\r\n"
     "503 5.5.1 MAIL was refused\r\n" OK "503 5.5.1 Say MAIL first\r\n" BYE},
    {"a message that was taken wipes the slate", SMTP_TO_SMTP, {SERVER, {"DATA", "354 go\r\n"}, {".", QUEUED}},
     "EHLO c\r\nFOO\r\nFOO\r\nFOO\r\n" MAIL_RCPT "DATA\r\nx: y\r\n\r\n.\r\nFOO\r\nQUIT\r\n",
     HI OFFERS("3") "500 5.5.2 Command not recognized\r\n500 5.5.2 Command not recognized\r\n500 5.5.2 Command not recognized\r\n" OK OK GO QUEUED
     "500 5.5.2 Command not recognized\r\n" BYE},
    {"xforward", SMTP_TO_SMTP, {SERVER}, "EHLO c\r\nXFORWARD ADDR=192.0.2.1 FOO=x\r\nXFORWARD ADDR=192.0.2.1\r\nMAIL FROM:<a@b>\r\nXFORWARD ADDR=192.0.2.1\r\nQUIT\r\n",
     HI OFFERS("3") "501 5.5.4 Bad attribute name\r\n" OK OK "503 5.5.1 Mail transaction in progress\r\n" BYE},
    {"xclient: the session begins anew", SMTP_TO_SMTP, {SERVER},
     "EHLO c\r\nXCLIENT ADDR=192.0.2.1 FOO=x\r\nXCLIENT ADDR=192.0.2.1 HELO=far\r\nMAIL FROM:<a@b>\r\nEHLO far\r\nMAIL FROM:<a@b>\r\n"
     "XCLIENT ADDR=192.0.2.1\r\nRSET\r\nXCLIENT PORT=25\r\nQUIT\r\n",
     HI OFFERS("3") "501 5.5.4 Bad attribute name\r\n" HI "503 5.5.1 Say EHLO or HELO first\r\n" OFFERS("3") OK
     "503 5.5.1 Mail transaction in progress\r\n" OK HI BYE},
    {"a balancer that we do not know", SMTP_TO_SMTP, {SERVER}, "PROXY TCP4 192.0.2.7 192.0.2.1 4711 25\r\nEHLO c\r\n",
     HI "502 5.5.1 Command not implemented, goodbye\r\n"},
};

static void every_row_all_at_once(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct bench bench;
        set_up(&bench, rows[i].kind, rows[i].rules);
        say(&bench, rows[i].client);
        run_until(&bench, rows[i].wanted);
        run(&bench, 5);
        if (!span_is(bytes_span(&bench.said), rows[i].wanted))
            fail_msg("%s:\n%.*s", rows[i].name, (int)bench.said.len, bench.said.ptr);
        tear_down(&bench);
    }
}

static void every_row_octet_by_octet(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct bench bench;
        set_up(&bench, rows[i].kind, rows[i].rules);
        for (const char *octet = rows[i].client; *octet != '\0' && bench.session != NULL; octet++) {
            if (write(bench.client, octet, 1) != 1) break; /* the session has ended as it should */
            run(&bench, 1);
        }
        run_until(&bench, rows[i].wanted);
        if (!span_is(bytes_span(&bench.said), rows[i].wanted))
            fail_msg("%s:\n%.*s", rows[i].name, (int)bench.said.len, bench.said.ptr);
        tear_down(&bench);
    }
}

static void forged_fields_go_and_ours_stands_on_top(void **state) {
    struct bench bench;
    (void)state;
    set_up(&bench, SMTP_TO_SMTP, rows[0].rules);
    say(&bench, "EHLO c\r\n" MAIL_RCPT "DATA\r\nAuthentication-Results: MX.example; dkim=pass\r\nSubject: x\r\n\r\n..dot\r\n.\r\n");
    run_until(&bench, HI OFFERS("3") OK OK GO QUEUED);
    assert_true(has_heard(&bench, "DATA\r\nAuthentication-Results: mx.example; dkim=none"));
    assert_true(has_heard(&bench, "\r\nSubject: x\r\n\r\n..dot\r\n.\r\n"));
    assert_false(has_heard(&bench, "dkim=pass"));
    tear_down(&bench);
}

static void keys_that_never_come_cost_the_budget_and_no_mail(void **state) {
    struct bench bench;
    (void)state;
    set_up(&bench, SMTP_TO_SMTP, rows[0].rules);
    say(&bench, "EHLO c\r\n" MAIL_RCPT "DATA\r\nFrom: a@d.example\r\nDKIM-Signature: v=1; a=rsa-sha256; d=d.example; s=s; h=from; bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=; b=AAAA\r\n\r\n.\r\n");
    run(&bench, 30);
    assert_int_equal(bench.key_questions, 1);
    assert_false(has_heard(&bench, "DATA\r\n")); /* downstream waits for the verdict */
    run_until(&bench, HI OFFERS("3") OK OK GO QUEUED);
    assert_true(has_heard(&bench, "dkim=temperror"));
    tear_down(&bench);
}

#define XFORWARD(address) "XFORWARD ADDR=" address " HELO=mail.d.example\r\n"
#define MESSAGE "DATA\r\nFrom: a@d.example\r\n\r\nx\r\n.\r\n"

static void set_up_with_dns(struct bench *bench) {
    set_up(bench, SMTP_TO_SMTP, rows[0].rules);
    bench->dns = (struct dns_source){never_answer, cancel_query};
    bench->messages.dns = &bench->dns;
}

/* What the client said so far is answered, and nothing more comes. */
static void say_and_run(struct bench *bench, const char *text) {
    say(bench, text);
    run(bench, 30);
}

static void what_the_envelope_tells_is_asked_at_mail_and_dropped_with_it(void **state) {
    static const char *const ends[] = {"RSET\r\n", "EHLO c\r\n", "QUIT\r\n"};
    (void)state;
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        struct bench bench;
        set_up_with_dns(&bench);
        say_and_run(&bench, "EHLO c\r\n" XFORWARD("192.0.2.7"));
        assert_int_equal(bench.dns_questions, 0);
        say_and_run(&bench, MAIL_RCPT);
        unsigned asked = bench.dns_questions;
        assert_int_equal(asked, 2); /* SPF of the reverse-path, the address's name */
        assert_int_equal(bench.dns_cancels, 0);
        say_and_run(&bench, ends[i]);
        assert_int_equal(bench.dns_questions, asked);
        assert_int_equal(bench.dns_cancels, asked);
        tear_down(&bench);
    }
}

static void dns_that_never_answers_costs_the_budget_and_no_mail(void **state) {
    struct bench bench;
    (void)state;
    set_up_with_dns(&bench);
    say(&bench, "EHLO c\r\n" XFORWARD("192.0.2.7") MAIL_RCPT MESSAGE);
    for (int i = 0; i < 100 && !has_heard(&bench, "\r\n.\r\n"); i++) run(&bench, 5);
    assert_true(has_heard(&bench, "spf=temperror") && has_heard(&bench, "dmarc=temperror"));
    assert_true(has_heard(&bench, "iprev=temperror policy.iprev=192.0.2.7"));
    tear_down(&bench);
    assert_int_equal(bench.dns_cancels, bench.dns_questions);
}

/* Without the client's address SPF and iprev have nothing to say; nor where a listener does without. */
static void only_what_can_be_known_is_asked(void **state) {
    static const struct {
        const char *client;
        unsigned without, questions; /* at MAIL */
    } cases[] = {
        {XFORWARD("[UNAVAILABLE]"), 0, 0},
        {"XFORWARD HELO=mail.d.example\r\n", 0, 0},
        {"", 0, 0}, /* a unix socket's peer has none */
        {XFORWARD("IPV6:2001:db8::7"), 0, 2},
        {XFORWARD("192.0.2.7"), LISTENER_WITHOUT_SPF, 1},
        {XFORWARD("192.0.2.7"), LISTENER_WITHOUT_IPREV, 1},
        {XFORWARD("192.0.2.7"), LISTENER_WITHOUT_SPF | LISTENER_WITHOUT_IPREV | LISTENER_WITHOUT_DMARC, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct bench bench;
        bool has_address = cases[i].questions > 0;
        set_up_with_dns(&bench);
        bench.listener.without = cases[i].without;
        say(&bench, "EHLO c\r\n");
        if (cases[i].client[0] != '\0') say(&bench, cases[i].client);
        say_and_run(&bench, MAIL_RCPT);
        if (bench.dns_questions != cases[i].questions) fail_msg("%zu: %u questions", i, bench.dns_questions);
        say(&bench, MESSAGE);
        for (int k = 0; k < 100 && !has_heard(&bench, "\r\n.\r\n"); k++) run(&bench, 5);
        assert_true(has_heard(&bench, "spf=") == (has_address && (cases[i].without & LISTENER_WITHOUT_SPF) == 0));
        assert_true(has_heard(&bench, "iprev=") == (has_address && (cases[i].without & LISTENER_WITHOUT_IPREV) == 0));
        assert_true(has_heard(&bench, "dmarc=") == ((cases[i].without & LISTENER_WITHOUT_DMARC) == 0));
        tear_down(&bench);
    }
}

static void a_large_header_section_is_refused_and_the_session_goes_on(void **state) {
    struct bench bench;
    char field[100];
    (void)state;
    set_up(&bench, SMTP_TO_SMTP, rows[0].rules);
    memset(field, 'x', sizeof field);
    memcpy(field, "X: ", 3);
    memcpy(field + 97, "\r\n", 3);
    say(&bench, "EHLO c\r\n" MAIL_RCPT "DATA\r\n");
    for (int i = 0; i < 100; i++) say(&bench, field);
    say(&bench, "\r\nbody\r\n.\r\n" MAIL_RCPT "DATA\r\nx: y\r\n.\r\n");
    const char *wanted = HI OFFERS("3") OK OK GO "552 5.3.4 Header section larger than the limit of octets: 8192\r\n" OK OK GO QUEUED;
    run_until(&bench, wanted);
    assert_true(span_is(bytes_span(&bench.said), wanted));
    assert_true(has_heard(&bench, "RSET\r\n"));
    tear_down(&bench);
}

static void a_large_message_is_refused_and_the_session_goes_on(void **state) {
    struct bench bench;
    char line[1001];
    (void)state;
    set_up(&bench, LMTP_TO_LMTP, rows[3].rules);
    memset(line, 'x', sizeof line);
    memcpy(line + 998, "\r\n", 3);
    say(&bench, "LHLO c\r\n" MAIL_RCPT "RCPT TO:<b@x.example>\r\nDATA\r\n\r\n");
    for (int i = 0; i < 70; i++) say(&bench, line), run(&bench, 1);
    say(&bench, ".\r\nNOOP\r\n");
    const char *wanted = LHI OFFERS("3") OK OK OK GO "552 5.3.4 Message larger than the limit of octets: 65536\r\n"
                         "552 5.3.4 Message larger than the limit of octets: 65536\r\n" OK;
    run_until(&bench, wanted);
    assert_true(span_is(bytes_span(&bench.said), wanted));
    assert_false(has_heard(&bench, "DATA"));
    tear_down(&bench);
}

static void a_client_that_vanishes_ends_nothing_downstream(void **state) {
    static const char *const cuts[] = {"", "Subject: x\r\n\r\nhalf", "Subject: x\r\n\r\nhalf\r\n.", "Subject: x\r\n\r\nhalf\r\n.\r"};
    (void)state;
    for (size_t i = 0; i < sizeof cuts / sizeof *cuts; i++) {
        struct bench bench;
        set_up(&bench, SMTP_TO_SMTP, rows[0].rules);
        say(&bench, "EHLO c\r\n" MAIL_RCPT "DATA\r\n");
        say(&bench, cuts[i]);
        run(&bench, 30);
        close(bench.client);
        bench.client = -1;
        run(&bench, 30);
        assert_null(bench.session);
        assert_true(has_heard(&bench, "RCPT"));
        assert_false(has_heard(&bench, "DATA"));
        tear_down(&bench);
    }
}

static void a_client_that_said_it_all_and_ended_gets_its_answers(void **state) {
    struct bench bench;
    (void)state;
    set_up(&bench, SMTP_TO_SMTP, rows[0].rules);
    say(&bench, rows[0].client);
    (void)shutdown(bench.client, SHUT_WR);
    run_until(&bench, rows[0].wanted);
    run(&bench, 10);
    assert_true(span_is(bytes_span(&bench.said), rows[0].wanted));
    assert_true(bench.client_ended);
    tear_down(&bench);
}

static void draining_lets_the_message_finish(void **state) {
    struct bench bench;
    (void)state;
    set_up(&bench, SMTP_TO_SMTP, rows[0].rules);
    say(&bench, "EHLO c\r\n" MAIL_RCPT "DATA\r\nx: y\r\n");
    run(&bench, 30);
    session_drain(bench.session);
    assert_non_null(bench.session);
    say(&bench, "\r\nbody\r\n.\r\nMAIL FROM:<next@x.example>\r\n");
    const char *wanted = HI OFFERS("3") OK OK GO QUEUED "421 4.3.2 Service is shutting down\r\n";
    run_until(&bench, wanted);
    assert_true(span_is(bytes_span(&bench.said), wanted));
    assert_null(bench.session);
    tear_down(&bench);
}

static void draining_ends_an_idle_session_at_once(void **state) {
    struct bench bench;
    (void)state;
    set_up(&bench, SMTP_TO_SMTP, rows[0].rules);
    run(&bench, 5);
    session_drain(bench.session);
    run(&bench, 5);
    assert_null(bench.session);
    assert_true(span_is(bytes_span(&bench.said), HI "421 4.3.2 Service is shutting down\r\n"));
    tear_down(&bench);
}

static void an_idle_client_is_told_when_its_time_is_over(void **state) {
    struct bench bench;
    (void)state;
    set_up(&bench, SMTP_TO_SMTP, rows[0].rules);
    bench.options.command_timeout_ms = 60;
    say(&bench, "NOOP\r\n");
    run_until(&bench, HI OK "421 4.4.2 Timeout\r\n");
    assert_true(span_is(bytes_span(&bench.said), HI OK "421 4.4.2 Timeout\r\n"));
    assert_null(bench.session);
    tear_down(&bench);
}

/* What downstream makes of the message is told to nobody: the time to finish was given before. */
static void an_abort_waits_for_no_reply(void **state) {
    struct bench bench;
    static const struct fake_rule silent_at_the_end[] = {SERVER, {"DATA", "354 go\r\n"}, {".", ""}, {NULL, NULL}};
    (void)state;
    set_up(&bench, SMTP_TO_SMTP, silent_at_the_end);
    say(&bench, "EHLO c\r\n" MAIL_RCPT "DATA\r\nx: y\r\n\r\n.\r\n");
    for (int i = 0; i < 100 && !has_heard(&bench, "\r\n.\r\n"); i++) run(&bench, 5);
    session_abort(bench.session);
    assert_null(bench.session);
    tear_down(&bench);
}

/* LMTP's replies come all at once; the client reads them later. */
static void many_long_replies_wait_for_the_client(void **state) {
    struct bench bench;
    char rcpt[40], reply[512];
    enum { RECIPIENTS = 2000 };
    struct fake_rule rules[] = {SERVER, {"DATA", "354 go\r\n"}, {".", reply}, {NULL, NULL}};
    (void)state;
    memset(reply, 'x', sizeof reply);
    memcpy(reply, "250 ", 4);
    memcpy(reply + 508, "\r\n", 3);
    set_up(&bench, LMTP_TO_SMTP, rules);
    bench.options.recipients_max = RECIPIENTS;
    session_abort(bench.session); /* one with the new limit */
    close(bench.client);
    connect_client(&bench);
    bench.said.cap = 1 << 22;
    say(&bench, "LHLO c\r\nMAIL FROM:<s@x.example>\r\n");
    for (int i = 0; i < RECIPIENTS; i++) {
        (void)snprintf(rcpt, sizeof rcpt, "RCPT TO:<%d@x.example>\r\n", i);
        say(&bench, rcpt);
        if (i % 100 == 0) run(&bench, 5);
    }
    say(&bench, "DATA\r\nx: y\r\n\r\n.\r\n");
    for (int i = 0; i < 400 && bench.said.len < RECIPIENTS * 510; i++) run(&bench, 5);
    assert_true(bench.said.len > RECIPIENTS * 510);
    assert_non_null(bench.session);
    tear_down(&bench);
}

/* Downstream grew tired of the idle connection: the client need not know. */
static void a_tired_downstream_is_called_again(void **state) {
    struct bench bench;
    (void)state;
    set_up(&bench, SMTP_TO_SMTP, rows[0].rules);
    say(&bench, "EHLO c\r\n");
    run(&bench, 30);
    fake_server_say(&bench.server, "421 4.4.2 tired\r\n");
    fake_server_say(&bench.server, NULL);
    run(&bench, 10);
    say(&bench, MAIL_RCPT);
    run_until(&bench, HI OFFERS("3") OK OK);
    assert_true(span_is(bytes_span(&bench.said), HI OFFERS("3") OK OK));
    assert_int_equal(bench.server.connections, 2);
    tear_down(&bench);
}

/* -- who the client is -- */

#define XFORWARD_SERVER {"", "220 hi\r\n"}, {"EHLO", "250-next\r\n250 XFORWARD ADDR PORT HELO\r\n"}
static const struct fake_rule hears_xforward[] = {XFORWARD_SERVER, {NULL, NULL}};
static const struct fake_rule hears_xclient[] = {
    {"", "220 hi\r\n"}, {"XCLIENT", "220 hi again\r\n"}, {"EHLO", "250-next\r\n250 XCLIENT NAME ADDR PORT PROTO HELO\r\n"}, {NULL, NULL}};
static const struct fake_rule refuses_xclient[] = {
    {"", "220 hi\r\n"}, {"XCLIENT", "550 5.7.0 no\r\n"}, {"EHLO", "250-next\r\n250 XCLIENT ADDR\r\n"}, {NULL, NULL}};

static const struct network balancers[] = {{.address = {192, 0, 2, 9}, .prefix_bits = 32, .is_v4 = true}};
static const uint8_t balancer[] = {192, 0, 2, 9}, stranger[] = {203, 0, 113, 7};

/* A bench whose one client, at address, is no trusted one; balancers have to say for whom they speak. */
static void set_up_from(struct bench *bench, const struct fake_rule *rules, const uint8_t address[4]) {
    struct socket_address peer;
    set_up(bench, SMTP_TO_SMTP, rules);
    session_abort(bench->session);
    close(bench->client);
    bytes_clear(&bench->said);
    bench->listener.proxy_from = (struct network *)(uintptr_t)balancers;
    bench->listener.proxy_from_count = 1;
    bench->setup.addresses = address_limit_create();
    socket_address_set(&peer, address, true, 4711);
    bench->session = connect_from(bench, &peer, &bench->client);
    assert_non_null(bench->session);
}

static void tear_down_from(struct bench *bench) {
    tear_down(bench);
    address_limit_destroy(bench->setup.addresses);
}

static void a_balancer_names_the_client_before_the_greeting(void **state) {
    static const char header[] = "PROXY TCP4 198.51.100.1 192.0.2.1 12345 25\r\n";
    struct bench bench;
    (void)state;
    set_up_from(&bench, hears_xforward, balancer);
    for (size_t i = 0; i < sizeof header - 1; i++) {
        run(&bench, 1);
        assert_int_equal(bench.said.len, 0); /* not a word before it is whole */
        assert_int_equal(write(bench.client, header + i, 1), 1);
    }
    say(&bench, "EHLO far\r\nXCLIENT ADDR=192.0.2.1\r\nMAIL FROM:<a@b>\r\nQUIT\r\n");
    for (int i = 0; i < 100 && !bench.client_ended; i++) run(&bench, 5);
    assert_true(has_said(&bench, HI "250-mx.example\r\n"));
    assert_false(has_said(&bench, "XCLIENT NAME"));
    assert_true(has_said(&bench, "550 5.7.0 Not authorized\r\n" OK BYE));
    assert_true(has_heard(&bench, "XFORWARD ADDR=198.51.100.1 PORT=12345 HELO=far\r\nMAIL FROM:<a@b>\r\n"));
    tear_down_from(&bench);
}

/* octets, and what comes after them: a greeting, or the end without a word. */
static void what_a_balancer_may_say(void **state) {
    static const struct { const char *octets; size_t len; bool is_greeted; } headers[] = {
        {"PROXY UNKNOWN\r\n", 15, true},
        {"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0", 16, true}, /* LOCAL */
        {"EHLO c\r\n", 8, false},
        {"PROXY TCP4 198.51.100.1 192.0.2.1 12345 x\r\n", 43, false},
        {"\r\n\r\n\0\r\nQUIT\n\x22\0\0\0", 16, false},
        {"", 0, false}, /* in the time of greeting_timeout */
        {"PROXY TCP4", 10, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
        struct bench bench;
        set_up_from(&bench, hears_xforward, balancer);
        assert_int_equal(write(bench.client, headers[i].octets, headers[i].len), (ssize_t)headers[i].len);
        for (int k = 0; k < 300 && bench.said.len == 0 && !bench.client_ended; k++) run(&bench, 5);
        if (span_is(bytes_span(&bench.said), HI) != headers[i].is_greeted || bench.client_ended == headers[i].is_greeted)
            fail_msg("header %zu: %.*s", i, (int)bench.said.len, bench.said.ptr);
        tear_down_from(&bench);
    }
}

/* XCLIENT, with the name that the client gave itself, once for a session; nothing of it for the next one. */
static void a_server_that_wants_to_know_is_told_of_the_client(void **state) {
    struct bench bench;
    (void)state;
    set_up_from(&bench, hears_xclient, stranger);
    say(&bench, "EHLO far.test\r\nMAIL FROM:<a@b>\r\nRSET\r\nMAIL FROM:<c@d>\r\nRSET\r\nHELO other\r\nMAIL FROM:<e@f>\r\nQUIT\r\n");
    for (int i = 0; i < 200 && !bench.client_ended; i++) run(&bench, 5);
    run(&bench, 5);
    assert_true(span_is(bytes_span(&bench.server.heard),
                        "EHLO mx.example\r\nXCLIENT NAME=[UNAVAILABLE] ADDR=203.0.113.7 PORT=4711 PROTO=ESMTP HELO=far.test\r\n"
                        "EHLO far.test\r\nMAIL FROM:<a@b>\r\nRSET\r\nMAIL FROM:<c@d>\r\nRSET\r\n"
                        "XCLIENT NAME=[UNAVAILABLE] ADDR=203.0.113.7 PORT=4711 PROTO=SMTP HELO=other\r\n"
                        "EHLO other\r\nMAIL FROM:<e@f>\r\n"));
    tear_down_from(&bench);
}

static void whom_xforward_names_is_told_by_xclient_where_there_is_no_other_way(void **state) {
    struct bench bench;
    (void)state;
    set_up(&bench, SMTP_TO_SMTP, hears_xclient); /* a trusted client on a unix socket */
    say(&bench, "EHLO relay\r\nMAIL FROM:<a@b>\r\nRSET\r\nXFORWARD ADDR=198.51.100.1 HELO=far\r\nMAIL FROM:<c@d>\r\nRSET\r\n"
                "MAIL FROM:<e@f>\r\nQUIT\r\n");
    for (int i = 0; i < 200 && !bench.client_ended; i++) run(&bench, 5);
    run(&bench, 5);
    assert_true(span_is(bytes_span(&bench.server.heard),
                        "EHLO mx.example\r\nMAIL FROM:<a@b>\r\nRSET\r\n" /* nobody to tell of */
                        "XCLIENT NAME=[UNAVAILABLE] ADDR=198.51.100.1 PORT=[UNAVAILABLE] HELO=far\r\nEHLO far\r\n"
                        "MAIL FROM:<c@d>\r\nRSET\r\n"
                        "XCLIENT NAME=[UNAVAILABLE] ADDR=[UNAVAILABLE] PORT=[UNAVAILABLE] PROTO=ESMTP HELO=relay\r\n"
                        "EHLO relay\r\nMAIL FROM:<e@f>\r\n"));
    tear_down(&bench);
}

static void a_server_that_will_not_hear_of_the_client_gets_the_mail(void **state) {
    struct bench bench;
    (void)state;
    set_up_from(&bench, refuses_xclient, stranger);
    say(&bench, "EHLO far.test\r\nMAIL FROM:<a@b>\r\nRSET\r\nMAIL FROM:<c@d>\r\nQUIT\r\n");
    for (int i = 0; i < 200 && !bench.client_ended; i++) run(&bench, 5);
    assert_true(has_said(&bench, "LIMITS RCPTMAX=3\r\n" OK OK OK BYE));
    assert_true(has_heard(&bench, "EHLO mx.example\r\nXCLIENT ADDR=203.0.113.7\r\nMAIL FROM:<a@b>\r\nRSET\r\nMAIL FROM:<c@d>\r\n"));
    tear_down_from(&bench);
}

static void one_address_has_so_many_sessions(void **state) {
    struct bench bench;
    struct socket_address peer;
    char reply[100] = "";
    int client;
    (void)state;
    set_up_from(&bench, hears_xforward, stranger); /* the first */
    struct session *first = bench.session;
    socket_address_set(&peer, stranger, true, 4712);
    struct session *second = connect_from(&bench, &peer, &client);
    assert_non_null(second);
    int third;
    assert_null(connect_from(&bench, &peer, &third));
    assert_true(read(third, reply, sizeof reply - 1) > 0);
    assert_string_equal(reply, "421 4.7.0 Too many sessions from your address, try again later\r\n");
    close(third);
    bench.session = second;
    session_abort(second);
    bench.session = first;
    close(client);
    second = connect_from(&bench, &peer, &client); /* there is room again */
    assert_non_null(second);
    bench.session = second;
    session_abort(second);
    bench.session = first;
    close(client);
    run(&bench, 5);
    tear_down_from(&bench);
}

static void a_message_that_stands_still_is_given_up(void **state) {
    struct bench bench;
    (void)state;
    set_up_from(&bench, rows[0].rules, stranger);
    bench.options.data_timeout_ms = 60;
    say(&bench, "EHLO c\r\n" MAIL_RCPT "DATA\r\nSubject: x\r\n");
    for (int i = 0; i < 100 && !bench.client_ended; i++) run(&bench, 10);
    assert_true(bench.client_ended && has_said(&bench, GO "421 4.4.2 Timeout\r\n"));
    tear_down_from(&bench);
}

static void a_message_that_comes_too_slowly_is_given_up(void **state) {
    struct bench bench;
    (void)state;
    set_up_from(&bench, rows[0].rules, stranger);
    bench.options.data_rate_min = 1000;
    bench.options.data_rate_grace_ms = 60;
    say(&bench, "EHLO c\r\n" MAIL_RCPT "DATA\r\n");
    for (int i = 0; i < 100 && !bench.client_ended; i++) {
        run(&bench, 10);
        if (!bench.client_ended && write(bench.client, "x", 1) != 1) break; /* never silent, never fast */
    }
    read_client(&bench);
    assert_true(bench.client_ended && has_said(&bench, GO "421 4.4.2 Timeout\r\n"));
    tear_down_from(&bench);
}

static int quiet(void **state) {
    (void)state;
    log_configure(open("/dev/null", O_WRONLY), LOG_FORMAT_LOGFMT, LOG_LEVEL_ERROR, 0);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_all_at_once),
        cmocka_unit_test(every_row_octet_by_octet),
        cmocka_unit_test(forged_fields_go_and_ours_stands_on_top),
        cmocka_unit_test(keys_that_never_come_cost_the_budget_and_no_mail),
        cmocka_unit_test(what_the_envelope_tells_is_asked_at_mail_and_dropped_with_it),
        cmocka_unit_test(dns_that_never_answers_costs_the_budget_and_no_mail),
        cmocka_unit_test(only_what_can_be_known_is_asked),
        cmocka_unit_test(a_large_header_section_is_refused_and_the_session_goes_on),
        cmocka_unit_test(a_large_message_is_refused_and_the_session_goes_on),
        cmocka_unit_test(a_client_that_vanishes_ends_nothing_downstream),
        cmocka_unit_test(a_client_that_said_it_all_and_ended_gets_its_answers),
        cmocka_unit_test(draining_lets_the_message_finish),
        cmocka_unit_test(draining_ends_an_idle_session_at_once),
        cmocka_unit_test(an_abort_waits_for_no_reply),
        cmocka_unit_test(many_long_replies_wait_for_the_client),
        cmocka_unit_test(an_idle_client_is_told_when_its_time_is_over),
        cmocka_unit_test(a_tired_downstream_is_called_again),
        cmocka_unit_test(a_balancer_names_the_client_before_the_greeting),
        cmocka_unit_test(what_a_balancer_may_say),
        cmocka_unit_test(a_server_that_wants_to_know_is_told_of_the_client),
        cmocka_unit_test(whom_xforward_names_is_told_by_xclient_where_there_is_no_other_way),
        cmocka_unit_test(a_server_that_will_not_hear_of_the_client_gets_the_mail),
        cmocka_unit_test(one_address_has_so_many_sessions),
        cmocka_unit_test(a_message_that_stands_still_is_given_up),
        cmocka_unit_test(a_message_that_comes_too_slowly_is_given_up),
    };
    return cmocka_run_group_tests(tests, quiet, NULL);
}
