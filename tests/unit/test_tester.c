#include "http/tester.h" /* first, so the header is proved to stand alone */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>
#include <cmocka.h>
#include "base/clock.h"
#include "base/loop.h"
#include "base/metrics.h"
#include "http/event_stream.h"
#include "tests/support/fake_keys.h"
#include "tests/support/signer.h"
#include "verifier/dns_zone.h"

static const char plain[] = "From: a@d.example\r\nTo: b@e.example\r\nSubject: s\r\nDate: Mon, 1 Jan 2024 00:00:00 +0000\r\n\r\nbody\r\n";

/* The wall clock is the test's; the tester's thread reads it as well. */
struct test_clock {
    struct clock clock; /* first */
    atomic_llong unix_s;
};
static int64_t told_unix_s(const struct clock *clock) { return atomic_load(&((struct test_clock *)(uintptr_t)clock)->unix_s); }
static int64_t told_monotonic_us(const struct clock *clock) { return told_unix_s(clock) * 1000000; }

/* A desk whose keys and DNS are a zone of d.example; the thread takes them over. */
struct bench {
    struct tester *tester;
    struct tester_setup setup;
    struct test_clock clock;
    struct dns_zone *zone;
    struct fake_keys keys;
    struct signer *signer;
    struct span message;
    struct metrics *metrics;
    atomic_uint acquired, released, ended, answered;
    atomic_bool has_no_dns;
};

static void *acquire(void *owner, struct loop *loop, struct key_source **keys, struct dns_source **dns) {
    struct bench *bench = owner;
    (void)loop;
    *keys = &bench->keys.source;
    *dns = dns_zone_source(bench->zone);
    if (atomic_load(&bench->has_no_dns)) return NULL;
    atomic_fetch_add(&bench->acquired, 1);
    return bench;
}
static void release(void *owner, void *client) {
    assert_ptr_equal(owner, client);
    atomic_fetch_add(&((struct bench *)owner)->released, 1);
}
static void end(void *owner) { atomic_fetch_add(&((struct bench *)owner)->ended, 1); }

static struct bench *prepare(void) {
    struct bench *bench = calloc(1, sizeof *bench);
    char *error = NULL;
    bench->clock.clock = (struct clock){told_unix_s, told_monotonic_us};
    atomic_store(&bench->clock.unix_s, 1704067200);
    bench->zone = dns_zone_create();
    assert_true(dns_zone_add_text(bench->zone, "zone", span_of("d.example. TXT \"v=spf1 -all\"\n"), &error));
    bench->signer = signer_create_ed25519();
    bench->message = signer_sign(bench->signer, &(struct signing){.domain = "d.example", .selector = "sel"}, span_of(plain));
    fake_keys_init(&bench->keys);
    fake_keys_add(&bench->keys, "sel._domainkey.d.example", signer_record(bench->signer), DNS_FOUND);
    bench->metrics = metrics_create();
    bench->setup = (struct tester_setup){.domain = "t.example", .base_url = "https://t.example", .retention_s = 86400, .may_keep_messages = true,
                                         .tests_per_minute = 1000, .dns_per_minute = 100000, .dns_per_minute_total = 100000, .tests_max = 100,
                                         .memory_max = 64 << 20, .authserv_id = "mx.test", .policy = verifier_policy_default,
                                         .clock = &bench->clock.clock, .metrics = bench->metrics,
                                         .resolver = {acquire, release, end, bench}};
    return bench;
}

static void begin(struct bench *bench) {
    bench->tester = tester_create(&bench->setup);
    assert_true(bench->tester != NULL && tester_start(bench->tester));
}

static struct bench *open_bench(void) {
    struct bench *bench = prepare();
    begin(bench);
    return bench;
}

static void close_bench(struct bench *bench) {
    tester_destroy(bench->tester);
    assert_int_equal(atomic_load(&bench->acquired), atomic_load(&bench->released));
    assert_int_equal(atomic_load(&bench->ended), 1);
    metrics_destroy(bench->metrics);
    dns_zone_destroy(bench->zone);
    signer_destroy(bench->signer);
    free((void *)(uintptr_t)bench->message.ptr);
    free(bench);
}

static const struct tester_client client = {{"192.0.2.1", 9}};

static struct tester_ticket open_test(struct bench *bench) {
    struct tester_ticket ticket;
    assert_int_equal(tester_open(bench->tester, TESTER_BY_MAIL, client, NULL, &ticket), TESTER_OK);
    return ticket;
}

static void wait_a_little(void) { nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL); }

/* Waits until the test has so many reports. */
static struct tester_view await(struct bench *bench, const char *token, size_t count) {
    struct tester_view view;
    for (;;) {
        assert_int_equal(tester_find(bench->tester, span_of(token), &view), TESTER_OK);
        if (view.report_count >= count) return view;
        tester_view_release(&view);
        wait_a_little();
    }
}

static struct tester_message mail(const struct bench *bench) {
    return (struct tester_message){.octets = bench->message, .has_envelope = true, .client = span_of("192.0.2.9"),
                                   .helo = span_of("h.test"), .mail_from = span_of("a@d.example")};
}

static void a_test_by_mail_lives_an_hour_or_five_messages(void **state) {
    (void)state;
    struct bench *bench = open_bench();
    struct tester_ticket first = open_test(bench), second = open_test(bench);
    struct tester_message message = mail(bench);
    assert_true(first.expires_s == 1704067200 + 3600 && first.deleted_s == 1704067200 + 86400);
    assert_int_equal(tester_accepts(bench->tester, span_of("0000000000000000")), TESTER_UNKNOWN);
    assert_int_equal(tester_accepts(bench->tester, span_of("postmaster")), TESTER_UNKNOWN);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(tester_accepts(bench->tester, span_of(first.token)), TESTER_OK);
        assert_int_equal(tester_receive(bench->tester, span_of(first.token), &message), TESTER_OK);
    }
    assert_int_equal(tester_accepts(bench->tester, span_of(first.token)), TESTER_EXPIRED);
    assert_int_equal(tester_receive(bench->tester, span_of(first.token), &message), TESTER_EXPIRED);
    struct tester_view view = await(bench, first.token, 5);
    assert_true(view.received == 5 && !view.takes_mail && view.report[4]->result->dkim[0].result == RESULT_PASS);
    tester_view_release(&view);
    atomic_fetch_add(&bench->clock.unix_s, 3600);
    assert_int_equal(tester_accepts(bench->tester, span_of(second.token)), TESTER_EXPIRED);
    atomic_fetch_add(&bench->clock.unix_s, 86400 - 3600);
    assert_int_equal(tester_find(bench->tester, span_of(first.token), &view), TESTER_UNKNOWN);
    assert_int_equal(tester_accepts(bench->tester, span_of(second.token)), TESTER_UNKNOWN);
    assert_int_equal(metrics_counter(bench->metrics, METRIC_TESTER_TESTS, METRIC_TESTER_SOURCE_MAIL, 0), 2);
    close_bench(bench);
}

static void a_link_to_share_shows_the_masked_twin_only(void **state) {
    (void)state;
    struct bench *bench = open_bench();
    struct tester_ticket ticket;
    struct tester_view view;
    struct tester_message message = {.octets = bench->message, .is_to_be_kept = true};
    char share[TESTER_TOKEN_LENGTH + 1], again[TESTER_TOKEN_LENGTH + 1];
    assert_int_equal(tester_open(bench->tester, TESTER_BY_PASTE, client, &message, &ticket), TESTER_OK);
    view = await(bench, ticket.token, 1);
    assert_true(view.source == TESTER_BY_PASTE && !view.takes_mail && span_equal(view.report[0]->message.text, bench->message));
    tester_view_release(&view);
    assert_int_equal(tester_accepts(bench->tester, span_of(ticket.token)), TESTER_UNKNOWN); /* it has no address */
    assert_int_equal(tester_share(bench->tester, span_of(ticket.token), share), TESTER_OK);
    assert_int_equal(tester_share(bench->tester, span_of(ticket.token), again), TESTER_OK);
    assert_string_equal(share, again);
    assert_string_not_equal(share, ticket.token);
    assert_int_equal(tester_find(bench->tester, span_of(share), &view), TESTER_UNKNOWN);
    assert_int_equal(tester_find_shared(bench->tester, span_of(ticket.token), &view), TESTER_UNKNOWN);
    assert_int_equal(tester_find_shared(bench->tester, span_of(share), &view), TESTER_OK);
    assert_true(view.token[0] == '\0' && view.report_count == 1 && view.report[0]->is_masked && view.report[0]->message.text.len == 0);
    assert_int_equal(tester_delete(bench->tester, span_of(share)), TESTER_UNKNOWN); /* it is for reading */
    assert_int_equal(tester_delete(bench->tester, span_of(ticket.token)), TESTER_OK);
    assert_true(view.report[0]->is_masked); /* who reads goes on */
    tester_view_release(&view);
    assert_int_equal(tester_find_shared(bench->tester, span_of(share), &view), TESTER_UNKNOWN);
    assert_int_equal(tester_delete(bench->tester, span_of(ticket.token)), TESTER_UNKNOWN);
    close_bench(bench);
}

/* ---- streams ---- */

static void ignore(void *owner) { (void)owner; }

static struct event_stream *watch(struct bench *bench, const char *token, uint64_t after, const struct tester_writer *writer, enum tester_status want) {
    struct event_stream *stream = event_stream_create();
    event_stream_attach(stream, ignore, ignore, bench);
    assert_int_equal(tester_watch(bench->tester, span_of(token), (struct tester_client){{NULL, 0}}, after, writer, stream), want);
    return stream;
}

/* One letter an event. */
static void write_letter(struct bytes *out, const struct tester_event *event, enum language language) {
    assert_int_equal(language, LANGUAGE_FR);
    bytes_append_char(out, "rskhbafdRFE"[event->kind]);
    if (event->kind == TESTER_EVENT_RECEIVED) assert_true(span_is(event->arrival.helo, "h.test") && event->report == NULL);
    if (event->kind == TESTER_EVENT_REPORT) assert_int_equal(event->report->signature_count, 1);
}
static const struct tester_writer letters = {write_letter, "c", LANGUAGE_FR};

/* Reads until the stream has brought want, or ended. */
static void expect(struct event_stream *stream, const char *want, bool ends) {
    char text[256];
    size_t len = 0, more;
    enum event_stream_state stream_state = EVENT_STREAM_OPEN;
    for (int i = 0; i < 60000 && stream_state == EVENT_STREAM_OPEN && (ends || len < strlen(want)); i++) {
        stream_state = event_stream_take(stream, text + len, sizeof text - len, &more);
        len += more;
        if (more == 0) wait_a_little();
    }
    if (!span_is((struct span){text, len}, want)) fail_msg("\"%.*s\", not \"%s\"", (int)len, text, want);
    assert_int_equal(stream_state, ends ? EVENT_STREAM_ENDED : EVENT_STREAM_OPEN);
}

static void streams_tell_what_was_and_what_comes(void **state) {
    (void)state;
    struct bench *bench = open_bench();
    struct tester_ticket ticket = open_test(bench);
    struct tester_message message = mail(bench);
    struct event_stream *live = watch(bench, ticket.token, 0, &letters, TESTER_OK);
    assert_int_equal(metrics_gauge(bench->metrics, METRIC_TESTER_SUBSCRIBERS), 1);
    assert_int_equal(tester_receive(bench->tester, span_of(ticket.token), &message), TESTER_OK);
    expect(live, "rskhbdR", false);
    struct event_stream *late = watch(bench, ticket.token, 0, &letters, TESTER_OK), *back = watch(bench, ticket.token, 5, &letters, TESTER_OK);
    expect(late, "rskhbdR", false);
    expect(back, "dR", false);
    atomic_fetch_add(&bench->clock.unix_s, TESTER_COMMENT_S); /* silence */
    expect(late, "c", false);
    atomic_fetch_add(&bench->clock.unix_s, 3600); /* the address is over, and with it all streams */
    expect(late, "E", true);
    event_stream_release(late);
    late = watch(bench, ticket.token, 0, &letters, TESTER_OK);
    expect(late, "rskhbdRE", true);
    event_stream_release(live);
    event_stream_release(late);
    event_stream_release(back);
    live = watch(bench, "0000000000000000", 0, &letters, TESTER_UNKNOWN);
    event_stream_release(live);
    assert_int_equal(metrics_gauge(bench->metrics, METRIC_TESTER_SUBSCRIBERS), 0);
    close_bench(bench);
}

static void the_ring_keeps_the_newest(void **state) {
    (void)state;
    struct bench *bench = open_bench();
    struct tester_ticket ticket = open_test(bench);
    struct bytes many = bytes_with_cap(1 << 20);
    struct tester_message message = mail(bench);
    size_t field = span_find(bench->message, '\0') - (sizeof plain - 1);
    for (int i = 0; i < 8; i++) bytes_append(&many, span_first(bench->message, field));
    bytes_append(&many, span_of(plain));
    message.octets = bytes_span(&many);
    for (int i = 0; i < 5; i++) assert_int_equal(tester_receive(bench->tester, span_of(ticket.token), &message), TESTER_OK);
    struct tester_view view = await(bench, ticket.token, 5);
    assert_int_equal(view.report[0]->signature_count, 8);
    tester_view_release(&view);
    struct event_stream *stream = event_stream_create();
    char text[1 << 15];
    size_t len = 0, more, events = 0;
    event_stream_attach(stream, ignore, ignore, bench);
    assert_int_equal(tester_watch(bench->tester, span_of(ticket.token), client, 0, &tester_events_json, stream), TESTER_OK);
    while (event_stream_take(stream, text + len, sizeof text - len, &more) == EVENT_STREAM_OPEN) len += more;
    for (size_t i = 0; i + 7 < len; i++) events += memcmp(text + i, "\nevent:", 7) == 0;
    assert_int_equal(events, TESTER_EVENTS_MAX);
    assert_true(memcmp(text, "id: 1\n", 6) != 0); /* the oldest are gone, and ids tell it */
    event_stream_release(stream);
    bytes_release(&many);
    close_bench(bench);
}

/* ---- caps ---- */

static void caps_of_clients_and_tests_hold(void **state) {
    (void)state;
    struct bench *bench = prepare();
    struct tester_ticket ticket[4];
    struct tester_view view;
    bench->setup.tests_per_minute = 4;
    bench->setup.tests_max = 3;
    begin(bench);
    for (int i = 0; i < 4; i++) ticket[i] = open_test(bench);
    assert_int_equal(tester_find(bench->tester, span_of(ticket[0].token), &view), TESTER_UNKNOWN); /* the oldest gave way */
    assert_int_equal(tester_find(bench->tester, span_of(ticket[1].token), &view), TESTER_OK);
    assert_int_equal(tester_open(bench->tester, TESTER_BY_MAIL, client, NULL, &ticket[0]), TESTER_TOO_MANY);
    assert_in_range(ticket[0].retry_after_s, 1, 60);
    const struct tester_client other = {span_of("192.0.2.2")};
    assert_int_equal(tester_open(bench->tester, TESTER_BY_MAIL, other, NULL, &ticket[0]), TESTER_OK);
    close_bench(bench);
}

static void memory_is_bounded(void **state) {
    (void)state;
    struct bench *bench = prepare();
    struct bytes large = bytes_with_cap(TESTER_UPLOAD_MAX + 1);
    struct tester_message message = {.is_to_be_kept = true};
    struct tester_ticket ticket[8];
    struct tester_view view;
    bench->setup.memory_max = 24 << 20;
    begin(bench);
    bytes_append(&large, bench->message);
    while (large.len < (6 << 20)) bytes_append_text(&large, "line\r\n");
    message.octets = bytes_span(&large);
    for (int i = 0; i < 8; i++) {
        while (tester_open(bench->tester, TESTER_BY_UPLOAD, client, &message, &ticket[i]) == TESTER_TOO_MANY) wait_a_little();
        if (tester_find(bench->tester, span_of(ticket[i].token), &view) == TESTER_OK) tester_view_release(&view);
    }
    view = await(bench, ticket[7].token, 1);
    assert_int_equal(view.report[0]->message.octets, large.len);
    tester_view_release(&view);
    assert_int_equal(tester_find(bench->tester, span_of(ticket[0].token), &view), TESTER_UNKNOWN);
    while (large.len <= TESTER_UPLOAD_MAX) bytes_append_char(&large, 'x');
    message.octets = bytes_span(&large);
    assert_int_equal(tester_open(bench->tester, TESTER_BY_UPLOAD, client, &message, &ticket[0]), TESTER_TOO_LARGE);
    bytes_release(&large);
    close_bench(bench);
}

/* ---- questions ---- */

static _Atomic(struct bench *) answering;

static void write_answer(struct bytes *out, const struct tester_report *report, enum language language) {
    struct bench *bench = atomic_load(&answering);
    assert_int_equal(language, LANGUAGE_FR);
    bytes_append_text(out, report == NULL ? "none" : report->has_message ? "message" : "records");
    atomic_fetch_add(&bench->answered, 1);
}

static void questions_are_answered_once(void **state) {
    (void)state;
    struct bench *bench = open_bench();
    unsigned retry_after_s;
    struct tester_message message = {.octets = bench->message};
    struct tester_question question = {.domain = span_of("d.example"), .selector_count = 1, .selector = {span_of("sel")}};
    atomic_store(&answering, bench);
    for (int i = 0; i < 3; i++) {
        struct event_stream *stream = event_stream_create();
        struct tester_answer answer = {write_answer, LANGUAGE_FR, stream};
        event_stream_attach(stream, ignore, ignore, bench);
        if (i == 2) atomic_store(&bench->has_no_dns, true);
        if (i != 1)
            assert_int_equal(tester_verify(bench->tester, TESTER_BY_API, client, &message, &answer, &retry_after_s), TESTER_OK);
        else
            assert_int_equal(tester_ask(bench->tester, TESTER_BY_DOMAIN, client, &question, &answer, &retry_after_s), TESTER_OK);
        expect(stream, i == 0 ? "message" : i == 1 ? "records" : "none", true);
        event_stream_release(stream);
    }
    assert_int_equal(atomic_load(&bench->answered), 3);
    close_bench(bench);
}

static void bad_questions_are_refused(void **state) {
    (void)state;
    struct bench *bench = open_bench();
    static const struct { const char *domain, *selector, *provider; enum tester_status want; } rows[] = {
        {"d..example", "s", "", TESTER_BAD_QUESTION}, {"example", "s", "", TESTER_BAD_QUESTION},
        {"d.example", "a b", "", TESTER_BAD_QUESTION}, {"", "s", "", TESTER_BAD_QUESTION},
        {"d.example", NULL, "", TESTER_OK}, {"", NULL, "", TESTER_BAD_QUESTION}, {"", NULL, "selectorName: s", TESTER_OK},
        {"d.example", "s", "", TESTER_OK},
    };
    atomic_store(&answering, bench);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        unsigned retry_after_s;
        struct event_stream *stream = event_stream_create();
        const struct tester_answer answer = {write_answer, LANGUAGE_FR, stream};
        struct tester_question question = {.domain = span_of(rows[i].domain), .provider_answer = span_of(rows[i].provider),
                                           .selector_count = rows[i].selector != NULL};
        if (rows[i].selector != NULL) question.selector[0] = span_of(rows[i].selector);
        enum tester_status status = tester_ask(bench->tester, TESTER_BY_DOMAIN, client, &question, &answer, &retry_after_s);
        if (status != rows[i].want) fail_msg("row %zu: %s", i, tester_status_text(status));
        event_stream_release(stream);
    }
    close_bench(bench);
}

/* A message that nobody can work on is told of, and the test goes on. */
static void failures_are_told(void **state) {
    (void)state;
    struct bench *bench = open_bench();
    struct tester_ticket ticket = open_test(bench);
    struct tester_message message = mail(bench);
    atomic_store(&bench->has_no_dns, true);
    struct event_stream *live = watch(bench, ticket.token, 0, &letters, TESTER_OK);
    assert_int_equal(tester_receive(bench->tester, span_of(ticket.token), &message), TESTER_OK);
    expect(live, "rF", false);
    atomic_store(&bench->has_no_dns, false);
    assert_int_equal(tester_receive(bench->tester, span_of(ticket.token), &message), TESTER_OK);
    expect(live, "rskhbdR", false);
    assert_int_equal(tester_delete(bench->tester, span_of(ticket.token)), TESTER_OK);
    expect(live, "E", true);
    event_stream_release(live);
    close_bench(bench);
}

/* Destroyed in the middle of everything: streams end, what waits is dropped. */
static void the_desk_closes_with_work_left(void **state) {
    (void)state;
    struct bench *bench = open_bench();
    struct tester_ticket ticket = open_test(bench);
    struct tester_message message = mail(bench);
    struct event_stream *live = watch(bench, ticket.token, 0, &letters, TESTER_OK), *answers[20];
    unsigned retry_after_s;
    atomic_store(&answering, bench);
    for (int i = 0; i < 20; i++) {
        const struct tester_answer answer = {write_answer, LANGUAGE_FR, answers[i] = event_stream_create()};
        event_stream_attach(answers[i], ignore, ignore, bench);
        assert_int_equal(tester_verify(bench->tester, TESTER_BY_API, client, &message, &answer, &retry_after_s), TESTER_OK);
    }
    (void)tester_receive(bench->tester, span_of(ticket.token), &message);
    tester_destroy(bench->tester);
    bench->tester = NULL;
    char text[4096];
    size_t len;
    while (event_stream_take(live, text, sizeof text, &len) == EVENT_STREAM_OPEN) assert_true(len > 0);
    for (int i = 0; i < 20; i++) {
        while (event_stream_take(answers[i], text, sizeof text, &len) == EVENT_STREAM_OPEN) assert_true(len > 0);
        event_stream_release(answers[i]);
    }
    event_stream_release(live);
    close_bench(bench);
}

static void a_desk_that_never_started_is_closed(void **state) {
    (void)state;
    struct bench *bench = prepare();
    struct tester_message message = {.octets = bench->message};
    struct tester_ticket ticket;
    bench->tester = tester_create(&bench->setup);
    assert_int_equal(tester_open(bench->tester, TESTER_BY_PASTE, client, &message, &ticket), TESTER_OK);
    tester_destroy(bench->tester);
    bench->tester = NULL;
    atomic_store(&bench->ended, 1); /* there was no thread that could say so */
    close_bench(bench);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_test_by_mail_lives_an_hour_or_five_messages),
        cmocka_unit_test(a_link_to_share_shows_the_masked_twin_only),
        cmocka_unit_test(streams_tell_what_was_and_what_comes),
        cmocka_unit_test(the_ring_keeps_the_newest),
        cmocka_unit_test(caps_of_clients_and_tests_hold),
        cmocka_unit_test(memory_is_bounded),
        cmocka_unit_test(questions_are_answered_once),
        cmocka_unit_test(bad_questions_are_refused),
        cmocka_unit_test(failures_are_told),
        cmocka_unit_test(the_desk_closes_with_work_left),
        cmocka_unit_test(a_desk_that_never_started_is_closed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
