/* http/tester_events.h -- what happens to a test, told as it happens: to those who watch it live, and for a while to those
 * who come later. Here is what an event says and how it is written as a server-sent event; pages write rows instead.
 * Pure data and text. */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include "base/bytes.h"
#include "http/tester_report.h"
#include "verifier/phrase.h"

enum {
    TESTER_EVENT_SIGNATURES_MAX = 8, /* signatures of a message that have events; the report has all */
    TESTER_EVENTS_MAX = 64,          /* of one test, kept for those who come back */
    TESTER_COMMENT_S = 15,           /* a silent stream gets a comment */
};

#define TESTER_EVENTS(X)                                                                                               \
    X(TESTER_EVENT_RECEIVED, "received")   /* a message came: arrival */                                               \
    X(TESTER_EVENT_SIGNATURE, "signature") /* what it is, one for each: report, index */                               \
    X(TESTER_EVENT_KEY, "key")             /* of the signature before */                                               \
    X(TESTER_EVENT_HEADER, "header")       /* likewise: its header part */                                             \
    X(TESTER_EVENT_BODY, "body")           /* likewise: its body */                                                    \
    X(TESTER_EVENT_ARC, "arc")                                                                                         \
    X(TESTER_EVENT_SPF, "spf")                                                                                         \
    X(TESTER_EVENT_DMARC, "dmarc")                                                                                     \
    X(TESTER_EVENT_REPORT, "report")       /* all of this message is known */                                          \
    X(TESTER_EVENT_FAILED, "failed")       /* no memory for this message: send it again */                             \
    X(TESTER_EVENT_END, "end")             /* nothing more will come: the stream ends */
#define X(id, word) id,
enum tester_event_kind { TESTER_EVENTS(X) TESTER_EVENT_KIND_COUNT };
#undef X
const char *tester_event_word(enum tester_event_kind kind);

struct tester_event {
    uint64_t id;             /* 1 for the first of a test */
    enum tester_event_kind kind;
    int64_t at_s;
    unsigned message;        /* 0 for the first that came */
    size_t signature;        /* of SIGNATURE, KEY, HEADER, BODY */
    struct tester_arrival arrival;      /* of RECEIVED; its spans are of the test */
    const struct tester_report *report; /* NULL for RECEIVED, FAILED and END */
};

/* How events become octets of a stream: server-sent events (tester_events_json), or a page's rows. Called with the desk's
 * lock held, by any thread; must not call the desk, and be quick. */
struct tester_writer {
    void (*write)(struct bytes *out, const struct tester_event *event, enum language language);
    const char *comment; /* written every TESTER_COMMENT_S while nothing happens: ": \n\n", "<!-- -->\n" */
    enum language language;
};
extern const struct tester_writer tester_events_json;
