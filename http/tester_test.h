/* http/tester_test.h -- one test: its tokens, its messages' reports, its events, and who watches it. Part of the desk.
 * Thread rule: whoever holds the desk's lock. Streams' locks are taken inside. */
#pragma once
#include "base/list.h"
#include "http/tester_events.h"
#include "http/tester_input.h"
#include "http/tester_token.h"

/* One event as it is kept; what it tells of stands in the test. */
struct test_event {
    int64_t at_s;
    uint8_t kind, message;
    uint16_t signature;
};

/* One message of a test. */
struct test_message {
    struct bytes words; /* what arrival's spans point to */
    struct tester_arrival arrival;
    const struct tester_report *report, *masked; /* NULL: not there yet; not asked for yet */
};

struct test {
    struct list node; /* by age */
    char token[TESTER_TOKEN_LENGTH + 1], share[TESTER_TOKEN_LENGTH + 1]; /* share empty: not shared */
    char client[48];  /* the opener's, for the lookups of its messages; may be empty */
    enum tester_source source;
    int64_t opened_s, expires_s, deleted_s;
    unsigned received, under_way;
    bool has_ended; /* END was told */
    struct test_message message[TESTER_MESSAGES_MAX];
    uint64_t events; /* so far */
    struct test_event *ring; /* TESTER_EVENTS_MAX; NULL before the first event */
    struct list watchers;
};

struct watcher {
    struct list node; /* the test's */
    struct test *test;
    struct event_stream *stream; /* owned reference */
    const struct tester_writer *writer;
    uint64_t client_hash;
    int64_t written_us;
};

/* NULL: no memory. */
struct test *test_create(enum tester_source source, struct span client, int64_t now_s, int64_t retention_s);
/* Ends its streams. Returns how many watchers there were, who are gone. */
size_t test_destroy(struct test *test);
size_t test_octets(const struct test *test); /* of reports and all that comes with it */

/* A message came: false: no memory. message points into nothing of the test. */
bool test_receive(struct test *test, const struct tester_message *message, int64_t now_s);
/* Takes the reference; NULL: it failed. */
void test_take_report(struct test *test, unsigned message, const struct tester_report *report, int64_t now_s);
/* Nothing more can come: tells END, once, after which nobody watches. Returns how many watchers there were. */
size_t test_end_if_over(struct test *test, int64_t now_s);
bool test_takes_mail(const struct test *test, int64_t now_s);

/* Writes the events behind the id after, and END where it has been told: then the stream ends and false is returned, as well
 * as when it ended by itself. */
bool test_replay(const struct test *test, uint64_t after, const struct tester_writer *writer, struct event_stream *stream);
/* The watchers whose client is gone go, and are counted off; silent ones get a comment. */
size_t test_look_after_watchers(struct test *test, int64_t now_us);
