#include "proxy/downstream_pool.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "base/loop.h"
#include "proxy/content_writer.h"
#include "proxy/downstream.h"
#include "proxy/smtp_reply.h"
#include "proxy/spool.h"
#include "proxy/xforward.h"
#include "tests/unit/fake_server.h"

enum { PATIENCE_MS = 20000 }; /* for what must come: a busy machine takes its time */

/* A pool, a server behind it, and one owner who writes down what it is told. */
struct bench {
    struct loop *loop;
    struct connection_set *set;
    struct loop_timer *timer, *glance;
    bool (*wanted)(const struct bench *bench);
    struct fake_server server;
    struct downstream_server options;
    atomic_uint idle, idle_in_all;
    struct downstream_pool *pool;
    struct spool_account account;
    struct spool_pool *spools;
    struct spool *spool;
    struct span head[1];
    struct content content;
    struct bytes story;
};

#define GREETS {"", "220 hi\r\n"}, {"EHLO", "250-next\r\n250-XFORWARD ADDR\r\n250 PIPELINING\r\n"}, {"DATA", "354 go\r\n"}
static const struct fake_rule kind[] = {GREETS, {NULL, NULL}};
static const struct fake_rule refuses_rcpt[] = {GREETS, {"RCPT TO:<b@", "550 5.1.1 no\r\n"}, {NULL, NULL}};
static const struct fake_rule refuses_all[] = {GREETS, {".", "554 5.7.1 no\r\n"}, {NULL, NULL}};
static const struct fake_rule refuses_xforward[] = {GREETS, {"XFORWARD", "550 5.7.0 no\r\n"}, {NULL, NULL}};
static const struct fake_rule knows_xclient[] = {
    {"", "220 hi\r\n"}, {"EHLO", "250-next\r\n250 XCLIENT ADDR\r\n"}, {"XCLIENT", "220 hi\r\n"}, {"DATA", "354 go\r\n"}, {NULL, NULL}};
static const struct fake_rule refuses_rset[] = {GREETS, {"RSET", "421 4.4.2 tired\r\n"}, {NULL, NULL}};
static const struct fake_rule silent_at_rset[] = {GREETS, {"RSET", ""}, {NULL, NULL}};
static const struct fake_rule tired_at_mail[] = {GREETS, {"MAIL", "421 4.7.0 too many messages\r\n"}, {NULL, NULL}};
static const struct fake_rule gone_at_mail[] = {GREETS, {"MAIL", NULL}, {NULL, NULL}};
static const struct fake_rule gone_at_rcpt[] = {GREETS, {"RCPT", NULL}, {NULL, NULL}};
static const struct fake_rule refuses_mail[] = {GREETS, {"MAIL", "450 4.7.1 later\r\n"}, {NULL, NULL}};

static void stop(void *owner) { loop_stop(((struct bench *)owner)->loop); }

static void look(void *owner) {
    struct bench *bench = owner;
    if (bench->wanted(bench)) loop_stop(bench->loop);
    else loop_timer_start(bench->glance, 1);
}

/* Runs until it is so; at most PATIENCE_MS. */
static void run_until(struct bench *bench, bool (*wanted)(const struct bench *bench)) {
    bench->wanted = wanted;
    loop_timer_start(bench->timer, PATIENCE_MS);
    loop_timer_start(bench->glance, 0);
    assert_true(loop_run(bench->loop));
    loop_timer_stop(bench->timer);
    loop_timer_stop(bench->glance);
    if (!wanted(bench)) fail_msg("waited in vain; heard: %.*s told: %.*s", (int)bench->server.heard.len,
                                 bench->server.heard.ptr, (int)bench->story.len, bench->story.ptr);
}

static void ready(void *owner) { bytes_append_text(&((struct bench *)owner)->story, "ready\n"); }
static void replied(void *owner, enum downstream_step step, const struct smtp_reply *reply) {
    static const char *const words[] = {"mail", "rcpt", "data", "end"};
    bytes_append_format(&((struct bench *)owner)->story, "%s %u\n", words[step], reply->code);
}
static void failed(void *owner, enum downstream_fault fault, const char *detail) {
    (void)detail;
    bytes_append_format(&((struct bench *)owner)->story, "failed %s\n", downstream_fault_text(fault));
}
static const struct downstream_events events = {ready, replied, failed};

static void set_up(struct bench *bench, const struct fake_rule *rules, struct downstream_pool_limits limits) {
    memset(bench, 0, sizeof *bench);
    bench->loop = loop_create();
    bench->set = connection_set_create(bench->loop, &clock_system);
    bench->timer = loop_timer_create(bench->loop, stop, bench);
    bench->glance = loop_timer_create(bench->loop, look, bench);
    fake_server_start(&bench->server, bench->loop, rules);
    bench->options = (struct downstream_server){
        .address = {bench->server.address[0]}, .address_count = 1, .hello_name = "mx.example", .idle = &bench->idle,
        .greeting_timeout_ms = 300, .reply_timeout_ms = 20000, .data_timeout_ms = 20000, .final_reply_timeout_ms = 20000,
    };
    bench->account.max = 1 << 20;
    bench->spools = spool_pool_create((struct spool_limits){1 << 20, 1 << 20, 1 << 20}, &bench->account, -1);
    bench->spool = spool_create(bench->spools);
    bench->head[0] = span_of("Subject: x\r\n\r\n");
    bench->content = (struct content){bench->head, 1, bench->spool, 0};
    bench->story = bytes_with_cap(1 << 16);
    bench->pool = downstream_pool_create(limits, bench->set, &bench->idle_in_all, NULL);
}

static const struct downstream_pool_limits usual = {.per_server = 2, .total = 3, .idle_ms = 60000, .uses = 10};

static void tear_down(struct bench *bench) {
    downstream_pool_destroy(bench->pool);
    assert_int_equal(atomic_load(&bench->idle), 0);
    assert_int_equal(atomic_load(&bench->idle_in_all), 0);
    fake_server_stop(&bench->server);
    spool_destroy(bench->spool);
    spool_pool_destroy(bench->spools);
    loop_timer_destroy(bench->timer);
    loop_timer_destroy(bench->glance);
    connection_set_destroy(bench->set);
    loop_destroy(bench->loop);
    bytes_release(&bench->story);
}

static bool story_ends(const struct bench *bench, const char *text) {
    return span_ends_nocase(bytes_span(&bench->story), span_of(text));
}
static bool has_heard(const struct bench *bench, const char *text) {
    return memmem(bench->server.heard.ptr, bench->server.heard.len, text, strlen(text)) != NULL;
}
static bool is_answered(const struct bench *bench) { return bench->story.len > 0; }
static bool is_ready(const struct bench *bench) { return story_ends(bench, "ready\n"); }
static bool has_said_quit(const struct bench *bench) { return has_heard(bench, "QUIT\r\n"); }
static bool none_waits(const struct bench *bench) { return atomic_load(&bench->idle) == 0; }
static bool has_failed(const struct bench *bench) { return memmem(bench->story.ptr, bench->story.len, "failed", 6) != NULL; }

static struct downstream *open_new(struct bench *bench) {
    struct downstream *downstream = downstream_create(&bench->options, bench->set, &events, bench);
    downstream_open(downstream);
    run_until(bench, is_ready);
    bytes_clear(&bench->story);
    return downstream;
}

static struct downstream *take(struct bench *bench) {
    return downstream_pool_take(bench->pool, &bench->options, &events, bench);
}

static void give(struct bench *bench, struct downstream *downstream) {
    downstream_pool_give(bench->pool, &bench->options, downstream);
    bytes_clear(&bench->story);
}

static void say(struct bench *bench, struct downstream *downstream, void (*command)(struct downstream *, struct span), const char *line) {
    bytes_clear(&bench->story);
    command(downstream, span_of(line));
    run_until(bench, is_answered);
}

static void mail(struct downstream *downstream, struct span line) {
    struct forwarded_client client = {0};
    xforward_set(&client, XFORWARD_ADDR, span_of("192.0.2.7"));
    downstream_mail(downstream, &client, line);
}

/* One message to a@ and, when it is taken there, b@. */
static void send_message(struct bench *bench, struct downstream *downstream) {
    say(bench, downstream, mail, "MAIL FROM:<s@x>");
    say(bench, downstream, downstream_rcpt, "RCPT TO:<a@x>");
    say(bench, downstream, downstream_rcpt, "RCPT TO:<b@x>");
    bytes_clear(&bench->story);
    downstream_deliver(downstream, &bench->content, 1);
    run_until(bench, is_answered);
}

static void a_connection_serves_the_next_session(void **state) {
    struct bench bench;
    (void)state;
    set_up(&bench, kind, usual);
    struct downstream *first = open_new(&bench);
    send_message(&bench, first);
    give(&bench, first);
    assert_int_equal(atomic_load(&bench.idle), 1);
    assert_ptr_equal(take(&bench), first);
    assert_int_equal(atomic_load(&bench.idle), 0);
    assert_int_equal(bench.story.len, 0); /* never inside the call */
    run_until(&bench, is_ready);
    send_message(&bench, first);
    assert_true(story_ends(&bench, "end 250\n"));
    assert_int_equal(bench.server.connections, 1);
    assert_true(has_heard(&bench, ".\r\nRSET\r\nXFORWARD ADDR=192.0.2.7\r\nMAIL"));
    assert_null(take(&bench));
    give(&bench, first);
    downstream_pool_close(bench.pool);
    run_until(&bench, has_said_quit);
    tear_down(&bench);
}

/* What happened on a connection that nobody else gets. */
static const struct {
    const char *name;
    const struct fake_rule *rules;
    bool is_introduced, is_left_open;
} bad_rows[] = {
    {"a recipient refused, and no message since", refuses_rcpt, false, true},
    {"the message refused", refuses_all, false, false},
    {"XFORWARD refused behind a message", refuses_xforward, false, true},
    {"told of a client by XCLIENT", knows_xclient, true, false},
    {"in a transaction", kind, false, true},
};

static void a_connection_with_a_past_is_not_kept(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof bad_rows / sizeof *bad_rows; i++) {
        struct bench bench;
        set_up(&bench, bad_rows[i].rules, usual);
        struct downstream *downstream = open_new(&bench);
        struct forwarded_client client = {0};
        xforward_set(&client, XFORWARD_ADDR, span_of("192.0.2.7"));
        if (bad_rows[i].is_introduced) {
            assert_true(downstream_introduce(downstream, &client));
            run_until(&bench, is_ready);
        }
        if (bad_rows[i].is_left_open) {
            say(&bench, downstream, mail, "MAIL FROM:<s@x>");
            say(&bench, downstream, downstream_rcpt, "RCPT TO:<b@x>");
            if (bad_rows[i].rules != kind) downstream_reset(downstream);
        } else {
            send_message(&bench, downstream);
        }
        give(&bench, downstream);
        if (atomic_load(&bench.idle) != 0 || take(&bench) != NULL) fail_msg("%s: it was kept", bad_rows[i].name);
        tear_down(&bench);
    }
}

/* The transaction that was given up is tidied away while it waits; one recipient refused is forgiven by the message. */
static void a_message_makes_good(void **state) {
    struct bench bench;
    (void)state;
    set_up(&bench, refuses_rcpt, usual);
    struct downstream *downstream = open_new(&bench);
    send_message(&bench, downstream);
    say(&bench, downstream, mail, "MAIL FROM:<s@x>");
    downstream_reset(downstream); /* its answer comes while it waits */
    give(&bench, downstream);
    assert_ptr_equal(take(&bench), downstream);
    run_until(&bench, is_ready);
    assert_true(has_heard(&bench, "RSET\r\nRSET\r\n"));
    downstream_destroy(downstream);
    tear_down(&bench);
}

/* What becomes of a connection that had waited too long. */
static const struct {
    const char *name;
    const struct fake_rule *rules;
    const char *story;
} stale_rows[] = {
    {"RSET gets 421", refuses_rset, "failed connection kept for reuse is of no use any more\n"},
    {"RSET gets no answer", silent_at_rset, "failed connection kept for reuse is of no use any more\n"},
    {"MAIL gets 421", tired_at_mail, "ready\nfailed connection kept for reuse is of no use any more\n"},
    {"gone at MAIL", gone_at_mail, "ready\nfailed connection kept for reuse is of no use any more\n"},
    {"MAIL refused: that is its reply", refuses_mail, "ready\nmail 450\n"},
    {"gone at RCPT: MAIL was accepted", gone_at_rcpt, "ready\nmail 250\nfailed connection to the next server lost\n"},
};

static bool is_settled(const struct bench *bench) { return has_failed(bench) || story_ends(bench, "mail 450\n"); }
static bool is_past_mail(const struct bench *bench) { return is_settled(bench) || story_ends(bench, "mail 250\n"); }
static bool is_past_revival(const struct bench *bench) { return is_settled(bench) || is_ready(bench); }

static void an_old_connection_says_that_it_was_old(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof stale_rows / sizeof *stale_rows; i++) {
        struct bench bench;
        set_up(&bench, kind, usual);
        give(&bench, open_new(&bench));
        bench.server.rules = stale_rows[i].rules;
        struct downstream *downstream = take(&bench);
        assert_non_null(downstream);
        run_until(&bench, is_past_revival);
        if (!has_failed(&bench)) mail(downstream, span_of("MAIL FROM:<s@x>")), run_until(&bench, is_past_mail);
        if (!is_settled(&bench)) downstream_rcpt(downstream, span_of("RCPT TO:<a@x>")), run_until(&bench, is_settled);
        if (!span_is(bytes_span(&bench.story), stale_rows[i].story))
            fail_msg("%s: %.*s", stale_rows[i].name, (int)bench.story.len, bench.story.ptr);
        downstream_destroy(downstream);
        tear_down(&bench);
    }
}

static void whatever_the_server_says_or_does_ends_the_wait(void **state) {
    static const char *const words[] = {"421 4.4.2 tired\r\n", "250 2.0.0 Ok\r\n", "x", NULL};
    (void)state;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        struct bench bench;
        set_up(&bench, kind, usual);
        give(&bench, open_new(&bench));
        assert_int_equal(atomic_load(&bench.idle), 1);
        fake_server_say(&bench.server, words[i]);
        run_until(&bench, none_waits);
        assert_null(take(&bench));
        assert_int_equal(bench.story.len, 0);
        tear_down(&bench);
    }
}

static void limits_hold(void **state) {
    struct bench bench;
    struct downstream_server other;
    struct downstream *downstream[4];
    struct connection *peer[4];
    atomic_uint idle_there = 0;
    (void)state;
    set_up(&bench, kind, usual);
    other = bench.options;
    other.idle = &idle_there;
    for (size_t i = 0; i < 4; i++) downstream[i] = downstream_create(&bench.options, bench.set, &events, &bench);
    for (size_t i = 0; i < 4; i++) {
        downstream_open(downstream[i]);
        bytes_clear(&bench.story);
        run_until(&bench, is_ready);
        peer[i] = bench.server.peer; /* open, while the next one is served */
        bench.server.peer = NULL;
    }
    bytes_clear(&bench.story);
    for (size_t i = 0; i < 2; i++) give(&bench, downstream[i]);
    assert_int_equal(atomic_load(&bench.idle), 2);
    downstream_pool_give(bench.pool, &bench.options, downstream[2]); /* per_server */
    assert_int_equal(atomic_load(&bench.idle), 2);
    downstream_pool_give(bench.pool, &other, downstream[3]); /* total has room for it */
    assert_int_equal(atomic_load(&idle_there), 1);
    assert_int_equal(atomic_load(&bench.idle_in_all), 3);
    assert_ptr_equal(take(&bench), downstream[1]); /* the newest of its own server */
    downstream_destroy(downstream[1]);
    downstream_pool_shed(bench.pool);
    assert_int_equal(atomic_load(&bench.idle_in_all), 0);
    for (size_t i = 0; i < 4; i++) connection_destroy(peer[i]);
    tear_down(&bench);
}

static void a_connection_is_used_so_often(void **state) {
    struct bench bench;
    struct downstream_pool_limits limits = usual;
    (void)state;
    limits.uses = 3;
    set_up(&bench, kind, limits);
    struct downstream *downstream = open_new(&bench);
    for (int i = 0; i < 2; i++) {
        give(&bench, downstream);
        assert_ptr_equal(take(&bench), downstream);
        run_until(&bench, is_ready);
    }
    give(&bench, downstream);
    assert_null(take(&bench));
    run_until(&bench, has_said_quit);
    tear_down(&bench);
}

static void a_connection_waits_so_long(void **state) {
    struct bench bench;
    struct downstream_pool_limits limits = usual;
    (void)state;
    limits.idle_ms = 50;
    set_up(&bench, kind, limits);
    give(&bench, open_new(&bench));
    run_until(&bench, none_waits);
    run_until(&bench, has_said_quit);
    tear_down(&bench);
}

static void without_a_pool_nothing_waits(void **state) {
    struct bench bench;
    (void)state;
    set_up(&bench, kind, usual);
    assert_null(downstream_pool_take(NULL, &bench.options, &events, &bench));
    downstream_pool_give(NULL, &bench.options, open_new(&bench));
    run_until(&bench, has_said_quit);
    downstream_pool_give(bench.pool, &bench.options, NULL);
    downstream_pool_close(bench.pool);
    bench.options.idle = NULL;
    give(&bench, open_new(&bench));
    assert_null(take(&bench));
    tear_down(&bench);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_connection_serves_the_next_session),
        cmocka_unit_test(a_connection_with_a_past_is_not_kept),
        cmocka_unit_test(a_message_makes_good),
        cmocka_unit_test(an_old_connection_says_that_it_was_old),
        cmocka_unit_test(whatever_the_server_says_or_does_ends_the_wait),
        cmocka_unit_test(limits_hold),
        cmocka_unit_test(a_connection_is_used_so_often),
        cmocka_unit_test(a_connection_waits_so_long),
        cmocka_unit_test(without_a_pool_nothing_waits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
