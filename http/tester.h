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
#include <stddef.h>
#include <stdint.h>
#include "base/bytes.h"
#include "base/span.h"
#include "http/tester_report.h"
#include "http/tester_token.h"
#include "verifier/phrase.h"
#include "verifier/verifier_policy.h"

struct clock;
struct dns_source;
struct event_stream;
struct key_source;
struct loop;
struct metrics;
struct tester;

enum {
    TESTER_MESSAGES_MAX = 5,   /* of one test by mail */
    TESTER_LIFE_S = 3600,      /* its address takes mail for so long */
    TESTER_EVENT_SIGNATURES_MAX = 8, /* signatures of a message that have events; the report has all */
    TESTER_EVENTS_MAX = 64,    /* of one test, kept for those who come back */
    TESTER_COMMENT_S = 15,     /* a silent stream gets a comment */
    TESTER_WATCHERS_MAX = 1000,
    TESTER_WATCHERS_PER_CLIENT_MAX = 8,
    TESTER_PASTE_MAX = 1 << 20,
    TESTER_UPLOAD_MAX = 10 << 20,
    TESTER_SELECTORS_MAX = 8,  /* of one question */
};

/* The way to keys and DNS, on the desk's thread. acquire: a client for loop, and its two sources, valid until release; NULL:
 * none now. One client may be acquired by many jobs; a reload hands out a new one, the old one stays until its last job
 * releases it. */
struct tester_resolver {
    void *(*acquire)(void *owner, struct loop *loop, struct key_source **keys, struct dns_source **dns);
    void (*release)(void *owner, void *client);
    /* The desk's thread is about to end and holds no client any more. */
    void (*end)(void *owner);
    void *owner;
};

struct tester_setup {
    const char *domain;       /* of the test addresses; "": no tests by mail */
    const char *base_url;     /* "https://tester.example", without final slash; "": links have no host */
    int64_t retention_s;
    bool may_keep_messages;   /* whether people may have their message kept */
    unsigned tests_per_minute; /* that one client may open; questions that are asked count as well */
    unsigned dns_per_minute;  /* names that are looked up for one client */
    unsigned dns_per_minute_total;
    size_t tests_max;
    size_t memory_max;        /* octets of all reports, kept messages and those that wait */
    const char *authserv_id;  /* our name, for SPF's r macro */
    struct verifier_policy policy;
    const struct clock *clock;
    struct metrics *metrics;  /* may be NULL */
    struct tester_resolver resolver;
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

/* Where a test or question comes from: the label of the metric. */
enum tester_source { TESTER_BY_MAIL, TESTER_BY_PASTE, TESTER_BY_UPLOAD, TESTER_BY_API, TESTER_BY_DOMAIN, TESTER_SOURCE_COUNT };

/* Who asks, for the caps: the address as text, IPv6 by its /64; empty: not counted apart. */
struct tester_client {
    struct span address;
};

/* A message to be tested; copied. */
struct tester_message {
    struct span octets;
    bool is_header_alone; /* pasted header fields: line ends and folds are repaired, no body is expected */
    bool is_pasted;       /* line ends may be bare LF */
    bool is_to_be_kept;   /* where setup allows it */
    /* What SMTP told, when it came by mail. */
    bool has_envelope;
    bool has_address, is_v4;
    uint8_t address[16];
    struct span helo, mail_from, client; /* client: address as text */
    const char *tls;      /* static; NULL: in clear */
    unsigned left_out;    /* bits of authentication.h: checks that make no sense where it came in */
};

/* Key records to be looked at; copied. */
struct tester_question {
    struct span domain;
    size_t selector_count;
    struct span selector[TESTER_SELECTORS_MAX];
    struct span expected_cname[TESTER_SELECTORS_MAX]; /* may be empty */
    struct span provider_answer; /* as pasted; may be empty, and may stand in for domain and selectors */
    struct span record;          /* not published yet: judged in the first selector's place; may be empty */
};

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

/* Lets stream (a reference is taken) have the events of token behind the id after, at once those there were. The stream
 * ends behind END: when the address has expired and no message is under way, after the report of a test of a text, or when
 * the test is deleted. */
enum tester_status tester_watch(struct tester *tester, struct span token, struct tester_client client, uint64_t after,
                                const struct tester_writer *writer, struct event_stream *stream);

/* ---- questions that are answered once ---- */

/* Called in the desk's thread, without its lock; report NULL: no memory. What it appends goes to the stream, which then
 * ends. */
struct tester_answer {
    void (*write)(struct bytes *out, const struct tester_report *report, enum language language);
    enum language language;
    struct event_stream *stream; /* a reference is taken */
};
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
