#include "http/tester_test.h"
#include <stdio.h>
#include <stdlib.h>
#include "http/event_stream.h"

enum { WORDS_MAX = 4096, EVENT_TEXT_MAX = 16 * 1024 };

struct test *test_create(enum tester_source source, struct span client, int64_t now_s, int64_t retention_s) {
    struct test *test = calloc(1, sizeof *test);
    if (test == NULL) return NULL;
    list_init(&test->node);
    list_init(&test->watchers);
    if (!tester_token_make(test->token)) return free(test), NULL;
    if (client.len < sizeof test->client) (void)snprintf(test->client, sizeof test->client, "%.*s", (int)client.len, client.ptr);
    test->source = source;
    test->opened_s = now_s;
    test->expires_s = now_s + (source == TESTER_BY_MAIL ? TESTER_LIFE_S : 0);
    test->deleted_s = now_s + retention_s;
    return test;
}

static void forget_watcher(struct watcher *watcher) {
    list_remove(&watcher->node);
    event_stream_end(watcher->stream);
    event_stream_release(watcher->stream);
    free(watcher);
}

static size_t forget_watchers(struct test *test) {
    size_t count = 0;
    for (; !list_is_empty(&test->watchers); count++) forget_watcher(LIST_ENTRY(test->watchers.next, struct watcher, node));
    return count;
}

size_t test_octets(const struct test *test) {
    size_t octets = sizeof *test + (test->ring != NULL ? TESTER_EVENTS_MAX * sizeof *test->ring : 0);
    for (unsigned i = 0; i < test->received; i++) {
        octets += test->message[i].words.room;
        if (test->message[i].report != NULL) octets += tester_report_octets(test->message[i].report);
        if (test->message[i].masked != NULL) octets += tester_report_octets(test->message[i].masked);
    }
    return octets;
}

/* ---- events ---- */

static struct tester_event event_of(const struct test *test, uint64_t id) {
    const struct test_event *kept = &test->ring[(id - 1) % TESTER_EVENTS_MAX];
    const struct test_message *message = &test->message[kept->message];
    struct tester_event event = {.id = id, .kind = (enum tester_event_kind)kept->kind, .at_s = kept->at_s,
                                 .message = kept->message, .signature = kept->signature};
    if (event.kind == TESTER_EVENT_RECEIVED)
        event.arrival = message->arrival;
    else if (event.kind != TESTER_EVENT_FAILED && event.kind != TESTER_EVENT_END)
        event.report = message->report;
    return event;
}

/* False: the stream has ended. */
static bool write_event(const struct tester_writer *writer, const struct tester_event *event, struct event_stream *stream) {
    struct bytes text = bytes_with_cap(EVENT_TEXT_MAX);
    writer->write(&text, event, writer->language);
    bool is_open = !text.failed && (text.len == 0 || event_stream_write(stream, bytes_span(&text)));
    bytes_release(&text);
    return is_open;
}

/* Without memory for the ring there are no events; the reports stay. */
static void tell(struct test *test, enum tester_event_kind kind, unsigned message, size_t signature, int64_t now_s) {
    if (test->ring == NULL) test->ring = calloc(TESTER_EVENTS_MAX, sizeof *test->ring);
    if (test->ring == NULL) return;
    test->ring[test->events++ % TESTER_EVENTS_MAX] =
        (struct test_event){now_s, (uint8_t)kind, (uint8_t)message, (uint16_t)signature};
    const struct tester_event event = event_of(test, test->events);
    for (struct list *node = test->watchers.next; node != &test->watchers; node = node->next) {
        struct watcher *watcher = LIST_ENTRY(node, struct watcher, node);
        (void)write_event(watcher->writer, &event, watcher->stream); /* who is gone is seen to by the desk's next look */
    }
}

bool test_replay(const struct test *test, uint64_t after, const struct tester_writer *writer, struct event_stream *stream) {
    uint64_t oldest = test->events > TESTER_EVENTS_MAX ? test->events - TESTER_EVENTS_MAX : 0;
    bool is_open = true;
    for (uint64_t id = (after > oldest ? after : oldest) + 1; id <= test->events && is_open; id++) {
        const struct tester_event event = event_of(test, id);
        is_open = write_event(writer, &event, stream);
    }
    if (!is_open || test->has_ended) event_stream_end(stream);
    return is_open && !test->has_ended;
}

size_t test_end_if_over(struct test *test, int64_t now_s) {
    if (test->has_ended || test->under_way > 0 || test_takes_mail(test, now_s)) return 0;
    tell(test, TESTER_EVENT_END, 0, 0, now_s);
    test->has_ended = true;
    return forget_watchers(test);
}

size_t test_look_after_watchers(struct test *test, int64_t now_us) {
    size_t gone = 0;
    for (struct list *node = test->watchers.next, *next; node != &test->watchers; node = next) {
        struct watcher *watcher = LIST_ENTRY(node, struct watcher, node);
        next = node->next;
        if (now_us - watcher->written_us < (int64_t)TESTER_COMMENT_S * 1000000) continue;
        watcher->written_us = now_us;
        if (event_stream_write(watcher->stream, span_of(watcher->writer->comment))) continue;
        forget_watcher(watcher);
        gone++;
    }
    return gone;
}

/* ---- messages ---- */

bool test_takes_mail(const struct test *test, int64_t now_s) {
    return test->source == TESTER_BY_MAIL && now_s < test->expires_s && test->received < TESTER_MESSAGES_MAX;
}

/* A copy behind words; bytes may move, so spans are set once all stand there. */
static void point(struct span *to, const struct bytes *words, size_t *at, size_t len) {
    *to = (struct span){len > 0 ? words->ptr + *at : NULL, len};
    *at += len;
}

bool test_receive(struct test *test, const struct tester_message *message, int64_t now_s) {
    struct test_message *own = &test->message[test->received];
    size_t at = 0;
    own->words = bytes_with_cap(WORDS_MAX);
    bytes_append(&own->words, message->client);
    bytes_append(&own->words, message->helo);
    bytes_append(&own->words, message->mail_from);
    if (own->words.failed) return bytes_release(&own->words), false;
    own->arrival = (struct tester_arrival){.at_s = now_s, .octets = message->octets.len, .is_header_alone = message->is_header_alone,
                                           .has_envelope = message->has_envelope, .tls = message->tls};
    point(&own->arrival.client, &own->words, &at, message->client.len);
    point(&own->arrival.helo, &own->words, &at, message->helo.len);
    point(&own->arrival.mail_from, &own->words, &at, message->mail_from.len);
    test->under_way++;
    tell(test, TESTER_EVENT_RECEIVED, test->received++, 0, now_s);
    return true;
}

static void tell_signatures(struct test *test, unsigned message, int64_t now_s) {
    static const enum tester_event_kind kinds[] = {TESTER_EVENT_SIGNATURE, TESTER_EVENT_KEY, TESTER_EVENT_HEADER, TESTER_EVENT_BODY};
    const struct tester_report *report = test->message[message].report;
    size_t count = report->signature_count < TESTER_EVENT_SIGNATURES_MAX ? report->signature_count : TESTER_EVENT_SIGNATURES_MAX;
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) tell(test, kinds[k], message, i, now_s);
}

void test_take_report(struct test *test, unsigned message, const struct tester_report *report, int64_t now_s) {
    test->under_way--;
    test->message[message].report = report;
    if (report == NULL) {
        tell(test, TESTER_EVENT_FAILED, message, 0, now_s);
        return;
    }
    const struct message_result *result = report->result;
    tell_signatures(test, message, now_s);
    if (result != NULL && result->arc.is_evaluated && result->arc.sets > 0) tell(test, TESTER_EVENT_ARC, message, 0, now_s);
    if (result != NULL && (result->spf[SPF_HELO].is_evaluated || result->spf[SPF_MAIL_FROM].is_evaluated))
        tell(test, TESTER_EVENT_SPF, message, 0, now_s);
    if (result != NULL && result->dmarc.is_evaluated) tell(test, TESTER_EVENT_DMARC, message, 0, now_s);
    tell(test, TESTER_EVENT_REPORT, message, 0, now_s);
}

size_t test_destroy(struct test *test) {
    if (!test->has_ended) tell(test, TESTER_EVENT_END, 0, 0, test->deleted_s);
    size_t watchers = forget_watchers(test);
    for (unsigned i = 0; i < test->received; i++) {
        tester_report_release(test->message[i].report);
        tester_report_release(test->message[i].masked);
        bytes_release(&test->message[i].words);
    }
    free(test->ring);
    free(test);
    return watchers;
}
