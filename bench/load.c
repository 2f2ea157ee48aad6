#include "bench/load.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/timerfd.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/list.h"
#include "base/loop.h"
#include "proxy/connection.h"
#include "proxy/smtp_reply.h"
#include "proxy/socket_address.h"
#include "proxy/tls.h"

enum { PIECE = 65536, UNSENT_MAX = 4 * PIECE, PATIENCE_MS = 300000 };

struct load {
    const struct load_plan *plan;
    struct load_result *result;
    struct loop *loop;
    struct connection_set *set;
    struct tls_context *tls;
    struct loop_watch *pace;
    int pace_fd;
    struct session *sessions;
    struct list idle;         /* sessions that wait until a message is due */
    unsigned greeted, open;   /* sessions that were ready once, before the start; sessions with a connection */
    bool has_started;
    uint64_t taken, due;      /* messages that a session took; that are due by now, at a pace */
    int64_t start_us;
};

struct session {
    struct list node; /* in idle */
    struct load *load;
    struct connection *connection;
    struct smtp_reply reply;
    enum state { GREETING, HELLO, STARTTLS, HANDSHAKE, READY, ENVELOPE, CONTENT, GOODBYE, GONE } state;
    bool is_secure;
    unsigned replies_wanted;  /* ENVELOPE: of MAIL, RCPT and DATA */
    unsigned messages;        /* taken in this connection */
    struct span content, unsent;
    int64_t mail_us, end_us;  /* end_us 0: the content has not left yet */
};

static int64_t now_us(void) { return clock_monotonic_us(&clock_system); }

/* ---- The end of a session, and of the whole ---- */

static void open_session(struct session *session);

static void close_session(struct session *session) {
    struct load *load = session->load;
    connection_destroy(session->connection);
    session->connection = NULL;
    session->state = GONE;
    load->open--;
    if (load->has_started && load->taken < load->plan->messages) open_session(session);
    if (load->open == 0) loop_stop(load->loop);
}

/* A message that failed is not sent again, and the session is not trusted with another. */
static void fail(struct session *session, const char *what) {
    struct load *load = session->load;
    if (load->result->failed++ == 0) {
        struct span line = session->reply.line_count > 0 ? smtp_reply_line(&session->reply, 0) : (struct span){"", 0};
        snprintf(load->result->failure, sizeof load->result->failure, "%s: %u %.*s", what, session->reply.code, (int)line.len, line.ptr);
    }
    if (!load->has_started) { /* the others would wait for it */
        loop_stop(load->loop);
        return;
    }
    close_session(session);
}

/* ---- One message ---- */

static void say(struct session *session, const char *text) {
    (void)connection_send(session->connection, span_of(text)); /* a failure is reported by changed */
    connection_flush(session->connection);
}

/* One piece at a time, so that no session copies a whole message into its buffer. */
static void send_content(struct session *session) {
    while (session->unsent.len > 0 && connection_unsent(session->connection) == 0) {
        size_t len = session->unsent.len < PIECE ? session->unsent.len : PIECE;
        if (!connection_send(session->connection, span_first(session->unsent, len))) return;
        connection_flush(session->connection);
        session->unsent = span_after(session->unsent, len);
    }
    if (session->unsent.len == 0 && session->end_us == 0 && connection_unsent(session->connection) == 0) session->end_us = now_us();
}

static void start_message(struct session *session) {
    struct load *load = session->load;
    session->content = session->unsent = load->plan->content[load->taken++ % load->plan->content_count];
    session->messages++;
    session->replies_wanted = 3;
    session->end_us = 0;
    session->state = ENVELOPE;
    session->mail_us = now_us();
    connection_expect(session->connection, PATIENCE_MS);
    say(session, "MAIL FROM:<newsletter@news.example.com>\r\nRCPT TO:<reader@example.org>\r\nDATA\r\n");
}

static void say_goodbye(struct session *session) {
    session->state = GOODBYE;
    say(session, "QUIT\r\n");
}

/* The session is ready for a message: take one, wait for one, or leave. */
static void go_on(struct session *session) {
    struct load *load = session->load;
    const struct load_plan *plan = load->plan;
    session->state = READY;
    if (load->taken == plan->messages || (plan->per_session > 0 && session->messages == plan->per_session)) say_goodbye(session);
    else if (plan->per_s == 0 || load->due > load->taken) start_message(session);
    else list_append(&load->idle, &session->node);
}

static void finish_message(struct session *session) {
    struct load_result *result = session->load->result;
    int64_t now = now_us();
    if (session->end_us == 0) { /* a reply to what was not said */
        fail(session, "final reply before the end of data");
        return;
    }
    result->sent++;
    result->octets += session->content.len - 3;
    result->seconds = (double)(now - session->load->start_us) / 1e6;
    histogram_add(&result->from_mail, (uint64_t)(now - session->mail_us));
    histogram_add(&result->from_end, (uint64_t)(now - session->end_us));
    go_on(session);
}

/* ---- The pace ---- */

static void release_due(struct load *load) {
    while (!list_is_empty(&load->idle) && (load->due > load->taken || load->taken == load->plan->messages)) {
        struct session *session = LIST_ENTRY(list_take_first(&load->idle), struct session, node);
        if (load->taken < load->plan->messages) start_message(session);
        else say_goodbye(session);
    }
}

static void pace(void *owner, unsigned events) {
    struct load *load = owner;
    uint64_t count;
    (void)events;
    if (read(load->pace_fd, &count, sizeof count) != (ssize_t)sizeof count) return;
    load->due = load->due + count < load->plan->messages ? load->due + count : load->plan->messages;
    release_due(load);
    load->result->late += count < load->due - load->taken ? count : load->due - load->taken;
}

static bool start_pace(struct load *load) {
    int64_t every_ns = 1000000000 / (int64_t)load->plan->per_s;
    const struct timespec every = {.tv_sec = every_ns / 1000000000, .tv_nsec = every_ns % 1000000000};
    return timerfd_settime(load->pace_fd, 0, &(struct itimerspec){.it_interval = every, .it_value = every}, NULL) == 0;
}

/* All sessions are open: the first messages leave. */
static void start(struct load *load) {
    if (load->plan->per_s > 0 && !start_pace(load)) {
        fail(&load->sessions[0], strerror(errno));
        return;
    }
    load->has_started = true;
    load->start_us = now_us();
    for (unsigned i = 0; i < load->plan->sessions; i++) go_on(&load->sessions[i]);
}

/* ---- Replies ---- */

static void hello(struct session *session) {
    session->state = HELLO;
    say(session, session->load->plan->lmtp ? "LHLO load.test\r\n" : "EHLO load.test\r\n");
}

static void on_greeting(struct session *session) { hello(session); }

static void on_hello(struct session *session) {
    struct load *load = session->load;
    if (load->tls != NULL && !session->is_secure) {
        session->state = STARTTLS;
        say(session, "STARTTLS\r\n");
        return;
    }
    session->state = READY;
    if (load->has_started) go_on(session);
    else if (++load->greeted == load->plan->sessions) start(load);
}

static void on_starttls(struct session *session) {
    struct tls *tls = tls_create(session->load->tls, NULL);
    if (tls == NULL) {
        connection_fail(session->connection, ENOMEM);
        return;
    }
    session->state = HANDSHAKE;
    connection_start_tls(session->connection, tls);
}

static void on_envelope(struct session *session) {
    if (--session->replies_wanted > 0) return;
    session->state = CONTENT;
    send_content(session);
}

static const struct step {
    const char *name;
    unsigned code; /* wanted */
    void (*replied)(struct session *session);
} steps[] = {
    [GREETING] = {"greeting", 220, on_greeting},
    [HELLO] = {"EHLO", 250, on_hello},
    [STARTTLS] = {"STARTTLS", 220, on_starttls},
    [HANDSHAKE] = {"handshake", 0, NULL},
    [READY] = {"idle", 0, NULL},
    [ENVELOPE] = {"MAIL, RCPT, DATA", 250, on_envelope},
    [CONTENT] = {"end of data", 250, finish_message},
    [GOODBYE] = {"QUIT", 221, close_session},
};

static void take_reply(struct session *session) {
    const struct step *step = &steps[session->state];
    unsigned wanted = session->state == ENVELOPE && session->replies_wanted == 1 ? 354 : step->code;
    if (step->replied == NULL || session->reply.code != wanted) fail(session, step->name);
    else step->replied(session);
}

/* Whether there may be more replies in what arrived. What a reply ended has no input any more. */
static bool read_reply(struct session *session) {
    size_t taken;
    struct span input = connection_input(session->connection);
    if (input.len == 0) return false;
    enum smtp_reply_status status = smtp_reply_update(&session->reply, input, &taken);
    connection_consume(session->connection, taken);
    if (status == SMTP_REPLY_MORE) return false;
    if (status == SMTP_REPLY_COMPLETE) take_reply(session);
    else fail(session, smtp_reply_status_text(status));
    smtp_reply_clear(&session->reply);
    return session->connection != NULL;
}

static void end(struct session *session, enum connection_state state) {
    const char *why = connection_tls_failure(session->connection);
    if (why == NULL && state == CONNECTION_FAILED) why = strerror(connection_error(session->connection));
    list_remove(&session->node); /* when it was idle */
    if (session->state == GOODBYE) close_session(session); /* some end without a word */
    else fail(session, why != NULL ? why : steps[session->state].name);
}

static void changed(void *owner) {
    struct session *session = owner;
    if (session->state == HANDSHAKE && connection_is_secure(session->connection)) {
        session->is_secure = true;
        hello(session);
    }
    while (read_reply(session)) { }
    if (session->connection == NULL) return;
    if (session->state == CONTENT) send_content(session);
    enum connection_state state = connection_state(session->connection);
    if (state != CONNECTION_CONNECTING && state != CONNECTION_OPEN) end(session, state);
}

/* ---- The whole ---- */

static void open_session(struct session *session) {
    struct load *load = session->load;
    session->state = GREETING;
    session->is_secure = false;
    session->messages = 0;
    list_init(&session->node);
    session->connection = connection_connect(load->set, load->plan->to, UNSENT_MAX, changed, session);
    if (session->connection == NULL) {
        session->state = GONE;
        if (load->result->failed++ == 0) snprintf(load->result->failure, sizeof load->result->failure, "connect: %s", strerror(errno));
        return;
    }
    load->open++;
    connection_expect(session->connection, PATIENCE_MS);
}

static bool prepare(struct load *load) {
    const struct load_plan *plan = load->plan;
    char *error = NULL;
    load->loop = loop_create();
    load->set = load->loop != NULL ? connection_set_create(load->loop, &clock_system) : NULL;
    load->sessions = calloc(plan->sessions, sizeof *load->sessions);
    if (load->set == NULL || load->sessions == NULL) return false;
    for (unsigned i = 0; i < plan->sessions; i++) {
        load->sessions[i].load = load;
        smtp_reply_init(&load->sessions[i].reply);
    }
    if (plan->tls) {
        load->tls = tls_context_create_client(false, NULL, &error);
        free(error);
        if (load->tls == NULL) return false;
    }
    if (plan->per_s == 0) return true;
    load->pace_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    load->pace = load->pace_fd >= 0 ? loop_watch_create(load->loop, load->pace_fd, pace, load) : NULL;
    return load->pace != NULL && loop_watch_want(load->pace, LOOP_READ);
}

static void release(struct load *load) {
    for (unsigned i = 0; load->sessions != NULL && i < load->plan->sessions; i++) {
        connection_destroy(load->sessions[i].connection);
        smtp_reply_release(&load->sessions[i].reply);
    }
    free(load->sessions);
    loop_watch_destroy(load->pace);
    if (load->pace_fd >= 0) close(load->pace_fd);
    tls_context_release(load->tls);
    connection_set_destroy(load->set);
    loop_destroy(load->loop);
}

bool load_run(const struct load_plan *plan, struct load_result *result) {
    struct load load = {.plan = plan, .result = result, .pace_fd = -1};
    *result = (struct load_result){0};
    list_init(&load.idle);
    bool ok = prepare(&load);
    for (unsigned i = 0; ok && i < plan->sessions; i++) open_session(&load.sessions[i]);
    if (ok && load.open == plan->sessions) ok = loop_run(load.loop);
    release(&load);
    return ok;
}
