#include "proxy/downstream.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "base/bytes.h"
#include "base/loop.h"
#include "proxy/connection.h"
#include "proxy/content_writer.h"
#include "proxy/smtp_reply.h"
#include "proxy/spool.h"
#include "proxy/xforward.h"
#include "tests/unit/fake_server.h"

struct bench {
    struct loop *loop;
    struct connection_set *set;
    struct fake_server server;
    struct downstream_server options;
    struct downstream *downstream;
    struct loop_timer *timer;
    struct spool_account account;
    struct spool_pool *pool;
    struct spool *spool;
    struct span head[1];
    struct content content;
    struct bytes story;      /* what was told, one line an event */
    bool destroys_on_reply;
};

static void stop(void *owner) { loop_stop(((struct bench *)owner)->loop); }

static void run(struct bench *bench, int64_t ms) {
    loop_timer_start(bench->timer, ms);
    assert_true(loop_run(bench->loop));
}

static void ready(void *owner) { bytes_append_text(&((struct bench *)owner)->story, "ready\n"); }

static void replied(void *owner, enum downstream_step step, const struct smtp_reply *reply) {
    static const char *const words[] = {"mail", "rcpt", "data", "end"};
    struct bench *bench = owner;
    struct span line = reply->line_count > 0 ? smtp_reply_line(reply, 0) : (struct span){"", 0};
    bytes_append_format(&bench->story, "%s %u %.*s\n", words[step], reply->code, (int)line.len, line.ptr);
    if (!bench->destroys_on_reply) return;
    downstream_destroy(bench->downstream);
    bench->downstream = NULL;
}

static void failed(void *owner, enum downstream_fault fault, const char *detail) {
    struct bench *bench = owner;
    (void)detail;
    bytes_append_format(&bench->story, "failed %s\n", downstream_fault_text(fault));
}

static const struct downstream_events events = {ready, replied, failed};

static void set_up(struct bench *bench, const struct fake_rule *rules, bool is_lmtp) {
    memset(bench, 0, sizeof *bench);
    bench->loop = loop_create();
    bench->set = connection_set_create(bench->loop, &clock_system);
    bench->timer = loop_timer_create(bench->loop, stop, bench);
    fake_server_start(&bench->server, bench->loop, rules);
    bench->options = (struct downstream_server){
        .is_lmtp = is_lmtp, .address = {bench->server.address[0]}, .address_count = 1, .hello_name = "mx.example",
        .greeting_timeout_ms = 200, .reply_timeout_ms = 200, .data_timeout_ms = 200, .final_reply_timeout_ms = 200,
    };
    bench->account.max = 1 << 24;
    bench->pool = spool_pool_create((struct spool_limits){1 << 24, 1 << 24, 1 << 24}, &bench->account, -1);
    bench->spool = spool_create(bench->pool);
    assert_int_equal(spool_append(bench->spool, span_of("Subject: x\r\n\r\n.dot\r\nbody\r\n")), SPOOL_OK);
    bench->head[0] = span_of("A-R: ours\r\nSubject: x\r\n\r\n");
    bench->content = (struct content){bench->head, 1, bench->spool, 14};
    bench->story = bytes_with_cap(1 << 16);
    bench->downstream = downstream_create(&bench->options, bench->set, &events, bench);
}

static void tear_down(struct bench *bench) {
    downstream_destroy(bench->downstream);
    fake_server_stop(&bench->server);
    spool_destroy(bench->spool);
    spool_pool_destroy(bench->pool);
    loop_timer_destroy(bench->timer);
    connection_set_destroy(bench->set);
    loop_destroy(bench->loop);
    bytes_release(&bench->story);
}

#define EHLO_REPLY "250-next.example\r\n250-PIPELINING\r\n250-SIZE 1000\r\n250-DSN\r\n250-XFORWARD NAME ADDR\r\n250 8BITMIME\r\n"

/* One whole message to two recipients; what the server did to whom. */
static const struct {
    const char *name;
    bool is_lmtp;
    struct fake_rule rules[8];
    const char *story;
} rows[] = {
    {"delivered", false, {{"", "220 hi\r\n"}, {"EHLO", EHLO_REPLY}, {"DATA", "354 go\r\n"}, {".", "250 2.0.0 Ok: queued as 4ABC\r\n"}},
     "ready\nmail 250 2.0.0 Ok\nrcpt 250 2.0.0 Ok\nrcpt 250 2.0.0 Ok\nend 250 2.0.0 Ok: queued as 4ABC\n"},
    {"lmtp: one reply a recipient", true, {{"", "220 hi\r\n"}, {"LHLO", EHLO_REPLY}, {"DATA", "354 go\r\n"}, {".", "250 2.0.0 a\r\n452 4.2.2 b\r\n"}},
     "ready\nmail 250 2.0.0 Ok\nrcpt 250 2.0.0 Ok\nrcpt 250 2.0.0 Ok\nend 250 2.0.0 a\nend 452 4.2.2 b\n"},
    {"lmtp: dies between the two", true, {{"", "220 hi\r\n"}, {"LHLO", EHLO_REPLY}, {"DATA", "354 go\r\n"}, {".", "250 2.0.0 a\r\n"}},
     "ready\nmail 250 2.0.0 Ok\nrcpt 250 2.0.0 Ok\nrcpt 250 2.0.0 Ok\nend 250 2.0.0 a\nfailed next server timed out\n"},
    {"helo for those without ehlo", false, {{"", "220 hi\r\n"}, {"EHLO", "502 what\r\n"}, {"HELO", "250 hello\r\n"}, {"DATA", "354 go\r\n"}, {".", "250 fine\r\n"}},
     "ready\nmail 250 2.0.0 Ok\nrcpt 250 2.0.0 Ok\nrcpt 250 2.0.0 Ok\nend 250 fine\n"},
    {"data refused", false, {{"", "220 hi\r\n"}, {"EHLO", EHLO_REPLY}, {"DATA", "451 4.3.0 later\r\n"}},
     "ready\nmail 250 2.0.0 Ok\nrcpt 250 2.0.0 Ok\nrcpt 250 2.0.0 Ok\ndata 451 4.3.0 later\n"},
    {"250 to DATA is no acknowledgement", false, {{"", "220 hi\r\n"}, {"EHLO", EHLO_REPLY}, {"DATA", "250 done\r\n"}},
     "ready\nmail 250 2.0.0 Ok\nrcpt 250 2.0.0 Ok\nrcpt 250 2.0.0 Ok\nfailed next server sent something that is no reply\n"},
    {"hangs at the end", false, {{"", "220 hi\r\n"}, {"EHLO", EHLO_REPLY}, {"DATA", "354 go\r\n"}, {".", ""}},
     "ready\nmail 250 2.0.0 Ok\nrcpt 250 2.0.0 Ok\nrcpt 250 2.0.0 Ok\nfailed next server timed out\n"},
    {"hangs up at the end", false, {{"", "220 hi\r\n"}, {"EHLO", EHLO_REPLY}, {"DATA", "354 go\r\n"}, {".", NULL}},
     "ready\nmail 250 2.0.0 Ok\nrcpt 250 2.0.0 Ok\nrcpt 250 2.0.0 Ok\nfailed connection to the next server lost\n"},
    {"nonsense at the end", false, {{"", "220 hi\r\n"}, {"EHLO", EHLO_REPLY}, {"DATA", "354 go\r\n"}, {".", "fine by me\r\n"}},
     "ready\nmail 250 2.0.0 Ok\nrcpt 250 2.0.0 Ok\nrcpt 250 2.0.0 Ok\nfailed next server sent something that is no reply\n"},
    {"an acknowledgement before the content is none", false, {{"", "220 hi\r\n"}, {"EHLO", EHLO_REPLY}, {"DATA", "354 go\r\n250 2.0.0 have it\r\n"}},
     "ready\nmail 250 2.0.0 Ok\nrcpt 250 2.0.0 Ok\nrcpt 250 2.0.0 Ok\nfailed next server sent something that is no reply\n"},
    {"3xx to RCPT is no reply to it", false, {{"", "220 hi\r\n"}, {"EHLO", EHLO_REPLY}, {"RCPT", "354 go\r\n"}},
     "ready\nmail 250 2.0.0 Ok\nfailed next server sent something that is no reply\n"},
    {"speaks before its turn", false, {{"", "220 hi\r\n250 2.0.0 Ok\r\n"}}, "failed next server sent something that is no reply\n"},
    {"says more than was asked", false, {{"", "220 hi\r\n"}, {"EHLO", EHLO_REPLY "250 2.0.0 Ok\r\n"}}, "failed next server sent something that is no reply\n"},
    {"greets 4xx", false, {{"", "421 4.3.2 busy\r\n"}}, "failed next server takes no mail now\n"},
    {"greets 5xx", false, {{"", "554 5.3.2 no\r\n"}}, "failed next server takes no mail now\n"},
    {"is silent", false, {{"", ""}}, "failed next server does not answer\n"},
    {"hangs up at once", false, {{"", NULL}}, "failed next server cannot be reached\n"},
    {"lhlo refused", true, {{"", "220 hi\r\n"}, {"LHLO", "500 no\r\n"}}, "failed next server takes no mail now\n"},
    {"mail: hang up", false, {{"", "220 hi\r\n"}, {"EHLO", EHLO_REPLY}, {"MAIL", NULL}}, "ready\nfailed connection to the next server lost\n"},
    {"rcpt: silence", false, {{"", "220 hi\r\n"}, {"EHLO", EHLO_REPLY}, {"RCPT", ""}}, "ready\nmail 250 2.0.0 Ok\nfailed next server timed out\n"},
};

static bool is_open(const struct bench *bench) { return bench->downstream != NULL && !downstream_is_closed(bench->downstream); }

static void send_message(struct bench *bench) {
    static const char *const lines[] = {"RCPT TO:<a@x.example>", "RCPT TO:<b@x.example>"};
    downstream_open(bench->downstream);
    run(bench, 40);
    if (!span_is(bytes_span(&bench->story), "ready\n")) return;
    downstream_mail(bench->downstream, NULL, span_of("MAIL FROM:<s@x.example>"));
    run(bench, 20);
    for (size_t i = 0; i < 2 && is_open(bench); i++) {
        downstream_rcpt(bench->downstream, span_of(lines[i]));
        run(bench, 20);
    }
    if (is_open(bench) && span_ends_nocase(bytes_span(&bench->story), span_of("rcpt 250 2.0.0 Ok\n")))
        downstream_deliver(bench->downstream, &bench->content, 2);
}

static void every_row_is_told_as_wanted(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct bench bench;
        set_up(&bench, rows[i].rules, rows[i].is_lmtp);
        send_message(&bench);
        run(&bench, 320);
        if (!span_is(bytes_span(&bench.story), rows[i].story))
            fail_msg("%s: %.*s", rows[i].name, (int)bench.story.len, bench.story.ptr);
        tear_down(&bench);
    }
}

static bool has_heard(const struct bench *bench, const char *text) {
    return memmem(bench->server.heard.ptr, bench->server.heard.len, text, strlen(text)) != NULL;
}

static void the_server_hears_what_it_should(void **state) {
    struct bench bench;
    struct forwarded_client client = {0};
    (void)state;
    set_up(&bench, rows[0].rules, false);
    downstream_open(bench.downstream);
    run(&bench, 40);
    assert_true(downstream_capabilities(bench.downstream)->dsn);
    xforward_set(&client, XFORWARD_ADDR, span_of("192.0.2.7"));
    downstream_mail(bench.downstream, &client, span_of("MAIL FROM:<s@x.example>"));
    run(&bench, 20);
    downstream_rcpt(bench.downstream, span_of("RCPT TO:<a@x.example>"));
    run(&bench, 20);
    downstream_reset(bench.downstream);
    downstream_mail(bench.downstream, NULL, span_of("MAIL FROM:<t@x.example>"));
    run(&bench, 20);
    downstream_rcpt(bench.downstream, span_of("RCPT TO:<a@x.example>"));
    run(&bench, 20);
    downstream_deliver(bench.downstream, &bench.content, 1);
    run(&bench, 40);
    downstream_destroy(bench.downstream);
    bench.downstream = NULL;
    run(&bench, 20);
    assert_true(span_is(bytes_span(&bench.server.heard),
                        "EHLO mx.example\r\nXFORWARD NAME=[UNAVAILABLE] ADDR=192.0.2.7\r\nMAIL FROM:<s@x.example>\r\n"
                        "RCPT TO:<a@x.example>\r\nRSET\r\nMAIL FROM:<t@x.example>\r\nRCPT TO:<a@x.example>\r\nDATA\r\n"
                        "A-R: ours\r\nSubject: x\r\n\r\n..dot\r\nbody\r\n.\r\nQUIT\r\n"));
    assert_int_equal(bench.server.connections, 1);
    tear_down(&bench);
}

static void a_transaction_that_is_dropped_never_ends_its_data(void **state) {
    struct bench bench;
    (void)state;
    set_up(&bench, rows[6].rules, false);
    send_message(&bench);
    downstream_destroy(bench.downstream); /* before 354 */
    bench.downstream = NULL;
    run(&bench, 40);
    assert_false(has_heard(&bench, "\r\n.\r\n"));
    assert_false(has_heard(&bench, "QUIT"));
    tear_down(&bench);
}

static void a_large_message_waits_for_the_socket(void **state) {
    struct bench bench;
    char line[1000];
    (void)state;
    set_up(&bench, rows[0].rules, false);
    memset(line, '.', sizeof line);
    memcpy(line + sizeof line - 2, "\r\n", 2);
    for (int i = 0; i < 5000; i++) assert_int_equal(spool_append(bench.spool, (struct span){line, sizeof line}), SPOOL_OK);
    send_message(&bench);
    run(&bench, 400);
    assert_true(has_heard(&bench, "body\r\n....."));
    assert_true(bench.server.heard.len > 5000 * (sizeof line + 1));
    assert_true(span_ends_nocase(bytes_span(&bench.story), span_of("end 250 2.0.0 Ok: queued as 4ABC\n")));
    tear_down(&bench);
}

/* Its 250 stands for nothing while we still hold a part of the message. */
static void an_acknowledgement_of_a_part_is_none(void **state) {
    int sockets[2], room;
    socklen_t len = sizeof room;
    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets), 0);
    assert_int_equal(getsockopt(sockets[0], SOL_SOCKET, SO_SNDBUF, &room, &len), 0);
    close(sockets[0]);
    close(sockets[1]);
    for (int more = 64; more <= 320; more += 32) { /* KiB beyond what the sockets hold */
        struct bench bench;
        char line[1024];
        set_up(&bench, rows[0].rules, false);
        bench.options.data_timeout_ms = 20000; /* a busy machine is no silent server */
        bench.server.is_deaf = true;
        memset(line, 'x', sizeof line);
        memcpy(line + sizeof line - 2, "\r\n", 2);
        for (int i = 0; i < room / 1024 + more; i++)
            assert_int_equal(spool_append(bench.spool, (struct span){line, sizeof line}), SPOOL_OK);
        send_message(&bench);
        run(&bench, 40);
        assert_false(downstream_is_committed(bench.downstream));
        fake_server_say(&bench.server, "250 2.0.0 have it\r\n");
        const struct span want = span_of("failed next server sent something that is no reply\n");
        for (int turn = 0; turn < 100 && !span_ends_nocase(bytes_span(&bench.story), want); turn++) run(&bench, 40);
        assert_true(span_ends_nocase(bytes_span(&bench.story), want));
        tear_down(&bench);
    }
}

static void say_final(void *owner) { fake_server_say(&((struct bench *)owner)->server, "250 2.0.0 Ok\r\n"); }

/* A server that stores for one recipient after the other has the time limit for each. */
static void each_recipient_has_its_time(void **state) {
    struct bench bench;
    (void)state;
    set_up(&bench, rows[6].rules, true);
    struct loop_timer *timer = loop_timer_create(bench.loop, say_final, &bench);
    send_message(&bench);
    for (int i = 0; i < 2; i++) {
        loop_timer_start(timer, 130);
        run(&bench, 140);
    }
    loop_timer_destroy(timer);
    assert_true(span_ends_nocase(bytes_span(&bench.story), span_of("end 250 2.0.0 Ok\nend 250 2.0.0 Ok\n")));
    tear_down(&bench);
}

/* The client takes its time for the message, longer than the server waits for a command. */
static void a_server_that_waits_for_a_message_is_kept_awake(void **state) {
    struct bench bench;
    (void)state;
    set_up(&bench, rows[0].rules, false);
    bench.options.keep_alive_ms = 30;
    downstream_open(bench.downstream);
    run(&bench, 100);
    assert_false(has_heard(&bench, "NOOP")); /* no transaction: it may go */
    downstream_mail(bench.downstream, NULL, span_of("MAIL FROM:<s@x.example>"));
    run(&bench, 20);
    downstream_rcpt(bench.downstream, span_of("RCPT TO:<a@x.example>"));
    run(&bench, 100);
    assert_true(has_heard(&bench, "RCPT TO:<a@x.example>\r\nNOOP\r\nNOOP\r\n"));
    downstream_deliver(bench.downstream, &bench.content, 1);
    run(&bench, 100);
    assert_true(span_is(bytes_span(&bench.story), "ready\nmail 250 2.0.0 Ok\nrcpt 250 2.0.0 Ok\nend 250 2.0.0 Ok: queued as 4ABC\n"));
    assert_true(span_ends_nocase(bytes_span(&bench.server.heard), span_of("body\r\n.\r\n")));
    tear_down(&bench);
}

static void a_silent_address_is_not_the_last(void **state) {
    struct bench bench;
    struct fake_server silent;
    static const struct fake_rule silence[] = {{"", ""}, {NULL, NULL}};
    (void)state;
    set_up(&bench, rows[0].rules, false);
    fake_server_start(&silent, bench.loop, silence);
    bench.options.address[1] = bench.options.address[0];
    bench.options.address[0] = silent.address[0];
    bench.options.address_count = 2;
    downstream_open(bench.downstream);
    run(&bench, 300);
    assert_true(span_is(bytes_span(&bench.story), "ready\n"));
    tear_down(&bench);
    fake_server_stop(&silent);
}

static void an_owner_may_destroy_in_an_event(void **state) {
    struct bench bench;
    (void)state;
    set_up(&bench, rows[0].rules, false);
    downstream_open(bench.downstream);
    run(&bench, 40);
    bench.destroys_on_reply = true;
    downstream_mail(bench.downstream, NULL, span_of("MAIL FROM:<s@x.example>"));
    run(&bench, 40);
    assert_null(bench.downstream);
    tear_down(&bench);
}

static void nobody_there_is_told_from_the_loop(void **state) {
    struct bench bench;
    (void)state;
    set_up(&bench, rows[0].rules, false);
    fake_server_stop(&bench.server);
    downstream_open(bench.downstream);
    assert_int_equal(bench.story.len, 0);
    run(&bench, 20);
    assert_true(span_is(bytes_span(&bench.story), "failed next server cannot be reached\n"));
    assert_true(downstream_is_closed(bench.downstream));
    fake_server_start(&bench.server, bench.loop, rows[0].rules);
    bench.options.address[0] = bench.server.address[0];
    downstream_open(bench.downstream); /* and again, now that it is back */
    run(&bench, 40);
    assert_true(span_ends_nocase(bytes_span(&bench.story), span_of("ready\n")));
    tear_down(&bench);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_is_told_as_wanted),
        cmocka_unit_test(the_server_hears_what_it_should),
        cmocka_unit_test(a_transaction_that_is_dropped_never_ends_its_data),
        cmocka_unit_test(a_large_message_waits_for_the_socket),
        cmocka_unit_test(an_acknowledgement_of_a_part_is_none),
        cmocka_unit_test(each_recipient_has_its_time),
        cmocka_unit_test(a_server_that_waits_for_a_message_is_kept_awake),
        cmocka_unit_test(a_silent_address_is_not_the_last),
        cmocka_unit_test(an_owner_may_destroy_in_an_event),
        cmocka_unit_test(nobody_there_is_told_from_the_loop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
