#include "proxy/session.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "proxy/address_limit.h"
#include "proxy/connection.h"
#include "proxy/downstream_pool.h"
#include "proxy/maildir.h"
#include "proxy/message_flow.h"
#include "proxy/message_log.h"
#include "proxy/session_state.h"
#include "proxy/smtp_reply.h"
#include "proxy/xforward.h"

enum {
    REPLIES_UNSENT = 16384, /* beyond it the client has to read before more of its commands are carried out */
    UNSENT_MAX = 1 << 18,   /* and a line for each recipient: LMTP's final replies may come all at once */
    REPLY_ROOM = 65536,
};

static void run(struct session *session);

/* -- replies -- */

/* A client that cannot be answered must not wait for the answer. */
static void send_text(struct session *session, struct bytes *text) {
    if (session->client != NULL && text->failed) connection_fail(session->client, ENOMEM);
    if (session->client != NULL) connection_send(session->client, bytes_span(text));
    if (session->client != NULL && connection_unsent(session->client) > REPLIES_UNSENT)
        connection_flush(session->client);
    bytes_release(text);
}

void session_pass(struct session *session, const struct smtp_reply *reply) {
    struct bytes text = bytes_with_cap(REPLY_ROOM);
    smtp_reply_write(&text, reply);
    send_text(session, &text);
}

void session_say(struct session *session, unsigned code, const char *enhanced, const char *text) {
    struct bytes line = bytes_with_cap(REPLY_ROOM);
    smtp_reply_write_own(&line, code, enhanced, span_of(text));
    send_text(session, &line);
}

enum progress session_complain(struct session *session, unsigned code, const char *enhanced, const char *text) {
    session_say(session, code, enhanced, text);
    metrics_count(session->setup->metrics, METRIC_INPUT_ERRORS, METRIC_INPUT_COMMAND, 0);
    if (++session->errors < (unsigned)session->setup->options->errors_max) return PROGRESS_AGAIN;
    session_say(session, 421, "4.7.0", "Too many errors");
    return session_leave(session);
}

static void say_fault(struct session *session, unsigned code) {
    session_say(session, code, downstream_fault_enhanced(session->fault), downstream_fault_text(session->fault));
}

int64_t session_now_us(const struct session *session) {
    return clock_monotonic_us(connection_set_clock(session->setup->connections));
}

/* How long downstream took over what it was asked last. */
static void observe(const struct session *session, unsigned step) {
    metrics_observe(session->setup->metrics, METRIC_DOWNSTREAM_DURATION, step,
                    (uint64_t)(session_now_us(session) - session->asked_us));
}

/* -- ends -- */

static void write_record(struct session *session, enum message_end end) {
    char id[40], client[SOCKET_ADDRESS_TEXT_MAX];
    struct message_record record = {
        .id = id,
        .listener = session->setup->listener->name,
        .client = client,
        .helo = bytes_span(&session->helo),
        .tls = session->tls_version,
        .transaction = &session->transaction,
        .flow = session->flow,
        .end = end,
        .deliver_us = session->delivery_us > 0 ? session_now_us(session) - session->delivery_us : 0,
        .metrics = session->setup->metrics,
        .domains = session->setup->domains,
        .events = session->setup->events,
    };
    (void)snprintf(id, sizeof id, "%llx.%u", (unsigned long long)session->id, session->messages);
    socket_address_text(&session->peer, client);
    if (session->forwarded != NULL) {
        struct span address = xforward_text(session->forwarded, XFORWARD_ADDR);
        struct span helo = xforward_text(session->forwarded, XFORWARD_HELO);
        if (address.len > 0) (void)snprintf(client, sizeof client, "%.*s", (int)address.len, address.ptr);
        if (helo.len > 0) record.helo = helo;
        record.queue_id = xforward_text(session->forwarded, XFORWARD_IDENT);
    }
    message_log_write(&record);
    metrics_move(session->setup->metrics, METRIC_INFLIGHT_MESSAGES, -1);
}

static enum message_end end_of(const struct transaction *transaction) {
    if (transaction->is_discarded) return MESSAGE_DISCARDED;
    if (transaction->delivered > 0) return MESSAGE_DELIVERED;
    if (transaction->code == 0) return MESSAGE_ABANDONED;
    return transaction->code >= 500 ? MESSAGE_REFUSED : MESSAGE_DEFERRED;
}

void session_drop_checks(struct session *session) {
    message_flow_release(session->flow);
    session->flow = NULL;
}

void session_forget_transaction(struct session *session) {
    if (session->has_message) write_record(session, end_of(&session->transaction));
    session->has_message = false;
    session_drop_checks(session);
    if (session->downstream != NULL && !downstream_is_closed(session->downstream))
        downstream_reset(session->downstream);
    transaction_reset(&session->transaction);
    free(session->forwarded);
    session->forwarded = NULL;
}

void session_refuse_mail(struct session *session) {
    session->state = SESSION_COMMAND;
    session_drop_checks(session);
    transaction_reset(&session->transaction);
    session->transaction.is_refused = true;
}

enum progress session_leave(struct session *session) {
    connection_linger(session->client);
    session->client = NULL;
    session->state = SESSION_ENDED;
    return PROGRESS_WAIT;
}

static void release(struct session *session) {
    if (session->has_message) write_record(session, end_of(&session->transaction));
    downstream_pool_give(session->setup->downstreams, session->setup->server, session->downstream);
    connection_destroy(session->client);
    message_flow_release(session->flow);
    transaction_reset(&session->transaction);
    bytes_release(&session->transaction.mail_line);
    line_reader_release(&session->lines);
    bytes_release(&session->helo);
    free(session->introduced);
    free(session->forwarded);
    address_limit_leave(session->setup->addresses, session->place);
    if (session->setup->ended != NULL) session->setup->ended(session->setup->owner, session);
    free(session);
}

static void log_fault_of(const struct session *session, const char *detail) {
    struct log_line line;
    char id[20];
    (void)snprintf(id, sizeof id, "%llx", (unsigned long long)session->id);
    log_begin(&line, LOG_LEVEL_WARNING, "downstream");
    log_text(&line, "id", id);
    log_text(&line, "listener", session->setup->listener->name);
    log_text(&line, "fault", downstream_fault_text(session->fault));
    log_text(&line, "detail", detail);
    log_end(&line);
}

/* -- COMMAND -- */

static enum progress wait_for_command(struct session *session) {
    if (!session->is_prompted) connection_expect(session->client, session->setup->options->command_timeout_ms);
    session->is_prompted = true;
    return PROGRESS_WAIT;
}

static enum progress run_line(struct session *session, enum line_status status, struct span line) {
    session->is_prompted = false;
    switch (status) {
    case LINE_READY: return session_command_run(session, line);
    case LINE_BARE_LF:
        metrics_count(session->setup->metrics, METRIC_INPUT_ERRORS, METRIC_INPUT_LINE_ENDS, 0);
        return session_complain(session, 500, "5.5.2", "Line ends must be CRLF");
    case LINE_TOO_LONG:
        metrics_count(session->setup->metrics, METRIC_INPUT_ERRORS, METRIC_INPUT_LINE_LENGTH, 0);
        return session_complain(session, 500, "5.5.2", "Command line too long");
    default: return session_complain(session, 452, "4.3.1", "Out of memory");
    }
}

static enum progress read_command(struct session *session) {
    struct span line;
    size_t taken;
    if (session->client == NULL) return session_leave(session);
    if (session->is_draining && !session->transaction.is_open) {
        session_say(session, 421, "4.3.2", "Service is shutting down");
        return session_leave(session);
    }
    if (connection_unsent(session->client) > REPLIES_UNSENT) {
        connection_flush(session->client);
        if (connection_unsent(session->client) > REPLIES_UNSENT) return wait_for_command(session);
    }
    struct span input = connection_input(session->client);
    enum line_status status = line_reader_next(&session->lines, input, &taken, &line);
    enum progress progress = status == LINE_MORE ? wait_for_command(session) : run_line(session, status, line);
    /* Now, and not before: the line lies in the input. */
    if (session->client != NULL) connection_consume(session->client, taken);
    return progress;
}

/* -- OPENING, ASKING -- */

/* Downstream may have grown tired of an idle connection just as it was needed: nothing is lost yet, once more on a new
 * one. */
static bool retry(struct session *session) {
    if (session->is_retried || (session->fault != DOWNSTREAM_LOST && session->fault != DOWNSTREAM_STALE)) return false;
    session->is_retried = true;
    return session_prepare_downstream(session);
}

static enum progress await_opening(struct session *session) {
    connection_expect(session->client, 0);
    if (session->is_ready) {
        session->is_ready = false;
        observe(session, METRIC_DOWNSTREAM_STEP_CONNECT);
        session->state = SESSION_COMMAND;
        return session->awaited == SMTP_MAIL ? session_mail_send(session) : session_hello_answer(session);
    }
    if (!session->has_fault) return PROGRESS_WAIT;
    session->has_fault = false;
    if (retry(session)) return PROGRESS_AGAIN;
    if (session->awaited != SMTP_MAIL) { /* without downstream we do not know what to offer */
        say_fault(session, 421);
        return session_leave(session);
    }
    say_fault(session, 451);
    session_refuse_mail(session);
    return PROGRESS_AGAIN;
}

static enum progress answer_asked(struct session *session) {
    const struct smtp_reply *reply = session->reply;
    bool accepted = smtp_reply_class(reply) == 2;
    session->reply = NULL;
    observe(session, session->awaited == SMTP_RCPT ? METRIC_DOWNSTREAM_STEP_RCPT : METRIC_DOWNSTREAM_STEP_MAIL);
    session_pass(session, reply);
    if (reply->code == 421) return session_leave(session); /* it says that the connection ends: so it does */
    session->state = SESSION_COMMAND;
    if (session->awaited == SMTP_RCPT)
        transaction_settle(&session->transaction, accepted);
    else if (accepted)
        session_open_transaction(session);
    else
        session_refuse_mail(session);
    return PROGRESS_AGAIN;
}

static enum progress await_answer(struct session *session) {
    connection_expect(session->client, 0);
    if (session->reply != NULL) return answer_asked(session);
    if (!session->has_fault) return PROGRESS_WAIT;
    session->has_fault = false;
    if (session->awaited == SMTP_MAIL && retry(session)) return PROGRESS_AGAIN;
    say_fault(session, 451);
    bool was_open = session->transaction.is_open;
    session_refuse_mail(session);
    session->transaction.is_lost = was_open;
    return PROGRESS_AGAIN;
}

static enum progress stay(struct session *session) { return (void)session, PROGRESS_WAIT; }

/* -- the machine -- */

static const struct step {
    const char *name;
    enum progress (*run)(struct session *session);
} steps[] = {
    [SESSION_ARRIVING] = {"arriving", session_read_proxy_header}, /* -> COMMAND | ENDED (no header, too many) */
    [SESSION_COMMAND] = {"command",
                         read_command}, /* -> OPENING (EHLO, MAIL) | ASKING (MAIL, RCPT) | DATA | STARTTLS | ENDED */
    [SESSION_STARTTLS] = {"starttls", session_begin_tls}, /* -> SECURING | COMMAND (454) | ENDED (octets behind it) */
    [SESSION_SECURING] = {"securing", session_await_tls}, /* -> COMMAND | ENDED (no TLS) */
    [SESSION_OPENING] = {"opening", await_opening}, /* -> COMMAND (EHLO answered, fault) | ASKING (MAIL) | ENDED */
    [SESSION_ASKING] = {"asking", await_answer},    /* -> COMMAND | OPENING (once more) | ENDED (421) */
    [SESSION_DATA] = {"data", session_read_data},   /* -> VERIFYING, or as that */
    [SESSION_VERIFYING] = {"verifying", session_await_verdict}, /* -> DELIVERING | REDIRECTING | COMMAND (rules, memory) */
    [SESSION_REDIRECTING] = {"redirecting", session_await_redirection}, /* -> DELIVERING | COMMAND (refused, fault) */
    [SESSION_DELIVERING] = {"delivering", session_await_delivery}, /* -> COMMAND | ENDED (421) */
    [SESSION_ENDED] = {"ended", stay},
};

/* The message is not ours to withdraw any more: whoever has it tells the outcome, and the log keeps it. */
static bool must_wait(const struct session *session) {
    if (session->state != SESSION_DELIVERING) return false;
    return session->job != NULL || (session->downstream != NULL && downstream_is_committed(session->downstream));
}

/* The client has gone, or was too slow. */
static void look_after_client(struct session *session) {
    if (session->client == NULL) {
        if (!must_wait(session)) session->state = SESSION_ENDED;
        return;
    }
    switch (connection_state(session->client)) {
    case CONNECTION_CONNECTING:
    case CONNECTION_OPEN: return;
    case CONNECTION_TIMED_OUT:
        metrics_count(session->setup->metrics, METRIC_INPUT_ERRORS, METRIC_INPUT_TIMEOUT, 0);
        session_say(session, 421, "4.4.2", "Timeout");
        session_leave(session);
        return;
    case CONNECTION_ENDED: /* it may have said all it wanted at once: that is carried out to the last command */
        if (connection_input(session->client).len > 0 || must_wait(session)) return;
        session_leave(session);
        return;
    case CONNECTION_FAILED:
        if (!must_wait(session)) session->state = SESSION_ENDED;
        return;
    }
}

static void run(struct session *session) {
    while (steps[session->state].run(session) == PROGRESS_AGAIN) {}
    session->reply = NULL; /* an answer nobody waited for, to a command that a fault had settled */
    session->has_fault = session->is_ready = false;
    if (session->client != NULL) connection_flush(session->client);
    if (session->state != SESSION_ENDED) look_after_client(session);
    if (session->state == SESSION_ENDED) release(session);
}

/* -- events -- */

void session_note_verified(void *owner) {
    struct session *session = owner;
    session->is_verified = true;
    run(session);
}

void session_note_stored(struct maildir_job *job) {
    struct session *session = job->owner;
    session->is_stored = true;
    run(session);
}

static void on_client(void *owner) { run(owner); }

static void on_ready(void *owner) {
    struct session *session = owner;
    session->is_ready = true;
    run(session);
}

static void on_replied(void *owner, enum downstream_step step, const struct smtp_reply *reply) {
    struct session *session = owner;
    session->reply = reply;
    session->reply_step = step;
    run(session);
}

static void on_failed(void *owner, enum downstream_fault fault, const char *detail) {
    struct session *session = owner;
    bool is_idle = session->state == SESSION_COMMAND && !session->transaction.is_open;
    session->has_fault = true;
    session->fault = fault;
    metrics_count(session->setup->metrics, METRIC_DOWNSTREAM_FAULTS, fault, 0);
    if (!is_idle && fault != DOWNSTREAM_STALE) log_fault_of(session, detail);
    run(session);
}

_Static_assert((int)METRIC_DOWNSTREAM_FAULT_COUNT == (int)DOWNSTREAM_FAULT_COUNT, "a fault is its label");
static const struct downstream_events downstream_events = {on_ready, on_replied, on_failed};

void session_open_downstream(struct session *session) {
    const struct session_setup *setup = session->setup;
    struct downstream *waiting = NULL;
    if (!session->is_retried)
        waiting = downstream_pool_take(setup->downstreams, setup->server, &downstream_events, session);
    session->state = SESSION_OPENING;
    session->asked_us = session_now_us(session);
    metrics_count(setup->metrics, METRIC_DOWNSTREAM_CONNECTIONS,
                  waiting != NULL ? METRIC_DOWNSTREAM_REUSED : METRIC_DOWNSTREAM_NEW, 0);
    if (waiting != NULL) {
        downstream_destroy(session->downstream);
        session->downstream = waiting;
        return;
    }
    session->is_retried = true; /* this connection is as new as one can be */
    downstream_open(session->downstream);
}

/* -- life -- */

static void count_shortage(const struct session_setup *setup) {
    metrics_count(setup->metrics, METRIC_REJECTED_CONNECTIONS, METRIC_REJECT_RESOURCES, 0);
}

/* A session that has not begun. */
static struct session *discard(struct session *session) {
    downstream_destroy(session->downstream);
    free(session);
    return NULL;
}

struct session *session_create(const struct session_setup *setup, int fd, const struct socket_address *peer,
                               uint64_t id) {
    struct session *session = calloc(1, sizeof *session);
    if (session == NULL) return close(fd), count_shortage(setup), NULL;
    session->setup = setup;
    session->id = id;
    session->peer = *peer;
    session->helo = bytes_with_cap(512);
    list_init(&session->node);
    line_reader_init(&session->lines, (size_t)setup->options->command_line_max);
    transaction_init(&session->transaction);
    size_t unsent_max = UNSENT_MAX + (size_t)setup->options->recipients_max * (SMTP_REPLY_LINE_MAX + 2);
    session->client = connection_create(setup->connections, fd, unsent_max, on_client, session);
    if (setup->server != NULL)
        session->downstream = downstream_create(setup->server, setup->connections, &downstream_events, session);
    if (session->client == NULL || (setup->server != NULL && session->downstream == NULL)) {
        count_shortage(setup);
        connection_destroy(session->client);
        return discard(session);
    }
    if (session_is_from_balancer(session)) { /* ARRIVING */
        connection_expect(session->client, setup->options->greeting_timeout_ms);
        return session;
    }
    if (!session_welcome(session)) {
        connection_linger(session->client);
        return discard(session);
    }
    connection_flush(session->client);
    wait_for_command(session);
    return session;
}

struct list *session_node(struct session *session) {
    return &session->node;
}
struct session *session_of_node(struct list *node) {
    return LIST_ENTRY(node, struct session, node);
}

void session_drain(struct session *session) {
    session->is_draining = true;
    run(session);
}

void session_abort(struct session *session) {
    connection_destroy(session->client);
    session->client = NULL;
    if (session->job != NULL) return; /* it reads our message: its end is ours */
    session->state = SESSION_ENDED;
    release(session);
}
