/* http/tester.h -- the tester's desk: tests that people open, messages and questions they bring, the thread that works on
 * them, and who watches (tester.md chapters 3 to 5).
 * Three ways in: a test by mail (tester_open: an address that lives an hour and takes five messages), a test of a text
 * (tester_open with a message), and a question that is answered once and not kept (tester_ask). All verifying and all DNS is
 * done in the desk's own thread; calls from other threads only copy, look up and queue.
 * Everything stays in memory: a test is forgotten after its retention, when it is deleted, or, the oldest first, when there
 * are too many; the octets of a message are dropped once the report is made, unless it is to be kept.
 * Caps: tests a client may open and names it may have looked up in a minute, names of all clients, jobs that wait, tests,
 * memory, watchers. Who is over one gets TESTER_TOO_MANY and should come again after retry_after_s.
 * Thread rule: any thread; one lock, held for a look-up or a copy of at most one message; the streams' locks are taken
 * inside of it. Callbacks (tester_writer) are called with that lock held and must not call the desk. */
#pragma once
#include <stdbool.h>
#include "http/tester_events.h"
#include "http/tester_input.h"
#include "http/tester_report.h"
#include "http/tester_setup.h"
#include "http/tester_token.h"

struct tester;

enum {
    TESTER_WATCHERS_MAX = 1000,
    TESTER_WATCHERS_PER_CLIENT_MAX = 8,
};

/* Texts of setup are copied, what it points to otherwise is borrowed until destroy. NULL: no memory. */
struct tester *tester_create(const struct tester_setup *setup);
/* Starts the thread; until then jobs wait. False: no thread. */
bool tester_start(struct tester *tester);
/* Ends streams and the thread. Accepts NULL. */
void tester_destroy(struct tester *tester);
const struct tester_setup *tester_facts(const struct tester *tester); /* for pages: retention, domain, caps */

#define TESTER_STATUSES(X)                                                                                             \
    X(TESTER_OK, "done")                                                                                               \
    X(TESTER_UNKNOWN, "no such test: it never was, or it has been deleted")                                            \
    X(TESTER_EXPIRED, "this address takes no more mail: open a new test")                                              \
    X(TESTER_TOO_MANY, "too many tests or questions: try again in a moment")                                           \
    X(TESTER_TOO_LARGE, "the message is larger than the tester takes")                                                 \
    X(TESTER_BAD_QUESTION, "a domain or selector is no domain name")                                                   \
    X(TESTER_NO_MEMORY, "out of memory")
#define X(id, text) id,
enum tester_status { TESTER_STATUSES(X) TESTER_STATUS_COUNT };
#undef X
const char *tester_status_text(enum tester_status status);

/* What somebody is given who opens a test. */
struct tester_ticket {
    char token[TESTER_TOKEN_LENGTH + 1];
    int64_t expires_s;        /* the address takes mail until then */
    int64_t deleted_s;        /* the test is forgotten then */
    unsigned retry_after_s;   /* of TESTER_TOO_MANY */
};
/* message NULL: a test by mail. Else it is queued at once. */
enum tester_status tester_open(struct tester *tester, enum tester_source source, struct tester_client client,
                               const struct tester_message *message, struct tester_ticket *ticket);

/* ---- looking at a test ---- */

struct tester_view {
    char token[TESTER_TOKEN_LENGTH + 1]; /* empty when it was found by its share token */
    char share[TESTER_TOKEN_LENGTH + 1]; /* empty: not shared */
    enum tester_source source;
    int64_t opened_s, expires_s, deleted_s;
    bool takes_mail;        /* its address still does */
    unsigned received;      /* messages that came */
    size_t report_count;    /* of those, the ones that are done; in order of arrival */
    const struct tester_report *report[TESTER_MESSAGES_MAX]; /* masked when it was found by its share token */
};
enum tester_status tester_find(struct tester *tester, struct span token, struct tester_view *view);
enum tester_status tester_find_shared(struct tester *tester, struct span share, struct tester_view *view);
void tester_view_release(struct tester_view *view);

/* Gives out the token of a link that shows the test masked, the same one each time. */
enum tester_status tester_share(struct tester *tester, struct span token, char share[TESTER_TOKEN_LENGTH + 1]);
/* Forgets the test with all that was found; its watchers are told. */
enum tester_status tester_delete(struct tester *tester, struct span token);

/* ---- watching a test ---- */

/* Lets stream (a reference is taken) have the events of token behind the id after, at once those there were. The stream
 * ends behind END: when the address has expired and no message is under way, after the report of a test of a text, or when
 * the test is deleted. */
enum tester_status tester_watch(struct tester *tester, struct span token, struct tester_client client, uint64_t after,
                                const struct tester_writer *writer, struct event_stream *stream);

/* ---- questions that are answered once ---- */

enum tester_status tester_verify(struct tester *tester, enum tester_source source, struct tester_client client,
                                 const struct tester_message *message, const struct tester_answer *answer,
                                 unsigned *retry_after_s);
enum tester_status tester_ask(struct tester *tester, enum tester_source source, struct tester_client client,
                              const struct tester_question *question, const struct tester_answer *answer,
                              unsigned *retry_after_s);

/* ---- mail ---- */

/* At RCPT: TESTER_OK when local_part is the token of a test that still takes mail. */
enum tester_status tester_accepts(struct tester *tester, struct span local_part);
/* At the end of data: queues the message for that test. */
enum tester_status tester_receive(struct tester *tester, struct span local_part, const struct tester_message *message);
