#include "proxy/downstream.h"
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "proxy/connection.h"
#include "proxy/downstream_state.h"
#include "proxy/xforward.h"

static const char *const fault_enhanced[] = {
#define X(id, enhanced, text) [id] = enhanced,
    DOWNSTREAM_FAULTS(X)
#undef X
};
static const char *const fault_text[] = {
#define X(id, enhanced, text) [id] = text,
    DOWNSTREAM_FAULTS(X)
#undef X
};
const char *downstream_fault_enhanced(enum downstream_fault fault) { return fault_enhanced[fault]; }
const char *downstream_fault_text(enum downstream_fault fault) { return fault_text[fault]; }

/* -- what the owner hears -- */

static void release(struct downstream *downstream) {
    smtp_reply_release(&downstream->reply);
    bytes_release(&downstream->lines);
    bytes_release(&downstream->introduction);
    connection_destroy(downstream->connection);
    free(downstream);
}

static void forget_transaction(struct downstream *downstream) {
    downstream->in_flight = downstream->waiting = 0;
    bytes_release(&downstream->lines);
    downstream->lines.failed = false;
    smtp_reply_release(&downstream->reply);
    downstream->replies_due = 0;
    downstream->in_transaction = false;
}

static void hang_up(struct downstream *downstream) {
    connection_destroy(downstream->connection);
    downstream->connection = NULL;
    downstream->state = CLOSED;
    bytes_release(&downstream->introduction);
    downstream->is_unproven = downstream->has_refused = false;
    downstream->is_introduced = downstream->knows_another = false;
    downstream->uses = 0;
    forget_transaction(downstream);
}

enum progress downstream_fail(struct downstream *downstream, enum downstream_fault fault, const char *detail) {
    if (downstream->is_unproven && fault != DOWNSTREAM_NO_MEMORY) fault = DOWNSTREAM_STALE;
    hang_up(downstream);
    loop_defer_cancel(&downstream->notice);
    downstream->events->failed(downstream->owner, fault, detail);
    return PROGRESS_WAIT;
}

enum progress downstream_fail_for(struct downstream *downstream, enum smtp_reply_status status) {
    bool memory = status == SMTP_REPLY_NO_MEMORY;
    return downstream_fail(downstream, memory ? DOWNSTREAM_NO_MEMORY : DOWNSTREAM_MALFORMED,
                           smtp_reply_status_text(status));
}

/* -- commands -- */

/* Their replies change what may follow (RFC 2920 section 3.1). */
static bool stands_alone(enum command kind) { return kind == COMMAND_XCLIENT || kind == COMMAND_HELLO; }

static bool may_send_next(const struct downstream *downstream) {
    if (downstream->waiting == 0 || downstream->in_flight == 0) return downstream->waiting > 0;
    return downstream->capabilities.pipelining && !stands_alone(downstream->command[downstream->in_flight].kind) &&
           !stands_alone(downstream->command[downstream->in_flight - 1].kind);
}

static void send_waiting(struct downstream *downstream) {
    while (may_send_next(downstream)) {
        size_t len = downstream->command[downstream->in_flight].len;
        if (!connection_send(downstream->connection, span_first(bytes_span(&downstream->lines), len))) return;
        bytes_drop_first(&downstream->lines, len);
        downstream->in_flight++;
        downstream->waiting--;
    }
    if (downstream->waiting == 0) bytes_release(&downstream->lines);
    connection_expect(downstream->connection, downstream->server->reply_timeout_ms);
    connection_flush(downstream->connection);
}

/* Notes a command whose line has just been appended to lines, which held before octets without it. */
static void add_command(struct downstream *downstream, enum command kind, size_t before) {
    assert(downstream->in_flight + downstream->waiting < COMMANDS_MAX);
    size_t at = downstream->in_flight + downstream->waiting++;
    downstream->command[at].kind = kind;
    downstream->command[at].len = downstream->lines.len - before;
}

static void append_command(struct downstream *downstream, enum command kind, struct span line) {
    size_t before = downstream->lines.len;
    bytes_append(&downstream->lines, line);
    bytes_append_text(&downstream->lines, "\r\n");
    add_command(downstream, kind, before);
}

/* Notes the commands, one a line, that stand in lines from before on. */
void downstream_add_lines(struct downstream *downstream, enum command kind, size_t before) {
    while (before < downstream->lines.len) {
        size_t len = span_find(span_after(bytes_span(&downstream->lines), before), '\n') + 1;
        size_t at = downstream->in_flight + downstream->waiting++;
        assert(at < COMMANDS_MAX - 1);
        downstream->command[at].kind = kind;
        downstream->command[at].len = len;
        before += len;
    }
}

static void append_xforward(struct downstream *downstream, const struct forwarded_client *client) {
    size_t before = downstream->lines.len;
    xforward_write(XFORWARD_COMMAND, &downstream->lines, client, downstream->capabilities.xforward);
    downstream_add_lines(downstream, COMMAND_XFORWARD, before);
}

/* The server said something that answers nothing. */
bool downstream_is_out_of_step(const struct downstream *downstream) {
    return downstream->in_flight == 0 && connection_input(downstream->connection).len > 0;
}

static void fail_soon(struct downstream *downstream, int error) {
    downstream->notice_error = error;
    if (list_is_empty(&downstream->notice.node)) loop_defer(connection_set_loop(downstream->set), &downstream->notice);
}

/* Sends what was appended; without memory for the lines the conversation is lost, which is told from the loop. */
void downstream_submit(struct downstream *downstream) {
    if (downstream->lines.failed) {
        fail_soon(downstream, ENOMEM);
    } else if (!downstream_is_out_of_step(downstream)) {
        send_waiting(downstream);
    } /* else talk, which is on the stack, finds out: what is there already cannot be the answer to this command */
}

void downstream_mail(struct downstream *downstream, const struct forwarded_client *client, struct span line) {
    assert(downstream->state == TALKING);
    if (client != NULL && downstream->capabilities.xforward != 0) append_xforward(downstream, client);
    append_command(downstream, COMMAND_MAIL, line);
    downstream->in_transaction = true;
    downstream_submit(downstream);
}

void downstream_rcpt(struct downstream *downstream, struct span line) {
    assert(downstream->state == TALKING);
    append_command(downstream, COMMAND_RCPT, line);
    downstream_submit(downstream);
}

void downstream_reset(struct downstream *downstream) {
    if (downstream->state != TALKING || !downstream->in_transaction) return;
    downstream->in_transaction = false;
    append_command(downstream, COMMAND_RSET, span_of("RSET"));
    downstream_submit(downstream);
}

void downstream_deliver(struct downstream *downstream, const struct content *content, size_t recipients) {
    assert(downstream->state == TALKING && recipients > 0);
    downstream->replies_due = downstream->server->is_lmtp ? recipients : 1;
    content_writer_init(&downstream->writer, content);
    downstream->is_whole = false;
    append_command(downstream, COMMAND_DATA, span_of("DATA"));
    downstream_submit(downstream);
}

/* -- content -- */

/* Makes up to CONTENT_BLOCK octets of the wire's form ready for sending. */
static enum content_progress fill_block(struct downstream *downstream) {
    size_t written;
    char *out = connection_reserve(downstream->connection, CONTENT_BLOCK);
    if (out == NULL) return CONTENT_MORE; /* the connection has failed, and reports it */
    enum content_progress progress = content_writer_fill(&downstream->writer, out, CONTENT_BLOCK, &written);
    connection_commit(downstream->connection, written);
    return progress;
}

/* Fills and flushes until the socket is full or has been handed all. */
static enum progress send_content(struct downstream *downstream) {
    while (!downstream->is_whole && connection_unsent(downstream->connection) == 0) {
        enum content_progress progress;
        do progress = fill_block(downstream);
        while (progress == CONTENT_MORE && connection_state(downstream->connection) == CONNECTION_OPEN &&
               connection_unsent(downstream->connection) < CONTENT_UNSENT);
        if (progress == CONTENT_UNREADABLE) return downstream_fail(downstream, DOWNSTREAM_SPOOL, "spool");
        downstream->is_whole = progress == CONTENT_END;
        connection_expect(downstream->connection, downstream->server->data_timeout_ms);
        connection_flush(downstream->connection);
        if (connection_state(downstream->connection) != CONNECTION_OPEN) return PROGRESS_WAIT;
    }
    return downstream->is_whole ? PROGRESS_AGAIN : PROGRESS_WAIT;
}

/* -- replies -- */

enum smtp_reply_status downstream_read_reply(struct downstream *downstream) {
    size_t taken;
    enum smtp_reply_status status =
        smtp_reply_update(&downstream->reply, connection_input(downstream->connection), &taken);
    connection_consume(downstream->connection, taken);
    return status;
}

/* Hands the reply up; the owner may do anything meanwhile. */
static enum progress hand_up(struct downstream *downstream, enum downstream_step step) {
    struct smtp_reply reply = downstream->reply; /* the owner's next call may need ours */
    smtp_reply_init(&downstream->reply);
    downstream->events->replied(downstream->owner, step, &reply);
    smtp_reply_release(&reply);
    return PROGRESS_AGAIN;
}

static enum command take_command(struct downstream *downstream) {
    enum command kind = downstream->command[0].kind;
    downstream->in_flight--;
    memmove(downstream->command, downstream->command + 1,
            (downstream->in_flight + downstream->waiting) * sizeof *downstream->command);
    return kind;
}

static enum progress answer_data(struct downstream *downstream) {
    if (downstream->reply.code == 354) {
        downstream->has_refused = false; /* until the message is */
        smtp_reply_clear(&downstream->reply);
        connection_expect(downstream->connection, downstream->server->data_timeout_ms);
        downstream->state = CONTENT;
        return PROGRESS_AGAIN;
    }
    /* A 2xx to DATA is nonsense that would be read as an acknowledgement. */
    if (smtp_reply_class(&downstream->reply) < 4)
        return downstream_fail(downstream, DOWNSTREAM_MALFORMED, "DATA was not answered with 354");
    return hand_up(downstream, DOWNSTREAM_DATA);
}

static enum progress answer_command(struct downstream *downstream) {
    enum command kind = take_command(downstream);
    /* A client that was passed this would go on with something else than its next command. */
    if (smtp_reply_class(&downstream->reply) == 3 && kind != COMMAND_DATA)
        return downstream_fail(downstream, DOWNSTREAM_MALFORMED, "3xx to another command than DATA");
    if (smtp_reply_class(&downstream->reply) > 3) downstream->has_refused = true;
    switch (kind) {
    case COMMAND_DATA: return answer_data(downstream);
    case COMMAND_MAIL:
        if (downstream->is_unproven && downstream->reply.code == 421)
            return downstream_fail(downstream, DOWNSTREAM_STALE, "the server ends the connection");
        downstream->is_unproven = false;
        if (smtp_reply_class(&downstream->reply) != 2) downstream->in_transaction = false;
        return hand_up(downstream, DOWNSTREAM_MAIL);
    case COMMAND_RCPT: return hand_up(downstream, DOWNSTREAM_RCPT);
    case COMMAND_XCLIENT: return downstream_answer_xclient(downstream);
    case COMMAND_REVIVE: return downstream_answer_revival(downstream);
    case COMMAND_HELLO: return downstream_answer_hello(downstream);
    case COMMAND_RSET:
        if (smtp_reply_class(&downstream->reply) != 2)
            return downstream_fail(downstream, DOWNSTREAM_MALFORMED, "RSET was refused");
        break;
    case COMMAND_XFORWARD: break; /* the server knows its client a little less well, that is all */
    case COMMAND_NOOP: break;
    }
    smtp_reply_clear(&downstream->reply);
    return PROGRESS_AGAIN;
}

/* -- states -- */

void downstream_changed(void *owner);

static enum progress stay(struct downstream *downstream) { return (void)downstream, PROGRESS_WAIT; }

/* Nothing is under way: wait for the owner, for as long as he likes, but do not let the server wait too long. */
static enum progress rest(struct downstream *downstream) {
    bool is_time = connection_state(downstream->connection) == CONNECTION_TIMED_OUT;
    connection_expect(downstream->connection, downstream->in_transaction ? downstream->server->keep_alive_ms : 0);
    if (!downstream->in_transaction || !is_time) return PROGRESS_WAIT;
    append_command(downstream, COMMAND_NOOP, span_of("NOOP"));
    downstream_submit(downstream);
    return PROGRESS_WAIT;
}

static enum progress talk(struct downstream *downstream) {
    if (downstream->in_flight == 0) {
        /* Whatever a server says unasked, it is about to leave (421), or the two of us are out of step. */
        if (downstream_is_out_of_step(downstream))
            return downstream_fail(downstream, DOWNSTREAM_LOST, "the server spoke unasked");
        if (downstream->waiting == 0) return rest(downstream);
        send_waiting(downstream);
        return PROGRESS_WAIT;
    }
    enum smtp_reply_status status = downstream_read_reply(downstream);
    if (status == SMTP_REPLY_MORE) return PROGRESS_WAIT;
    if (status != SMTP_REPLY_COMPLETE) return downstream_fail_for(downstream, status);
    return answer_command(downstream);
}

/* A reply before the end of data: the server gives up. It is the answer, and the conversation is over. */
static enum progress give_up(struct downstream *downstream) {
    size_t due = downstream->replies_due;
    if (smtp_reply_class(&downstream->reply) < 4)
        return downstream_fail(downstream, DOWNSTREAM_MALFORMED, "answer before the end of data");
    struct smtp_reply reply = downstream->reply;
    smtp_reply_init(&downstream->reply);
    hang_up(downstream);
    for (size_t i = 0; i < due && !downstream->is_dead; i++)
        downstream->events->replied(downstream->owner, DOWNSTREAM_END, &reply);
    smtp_reply_release(&reply);
    return PROGRESS_WAIT;
}

static enum progress pump(struct downstream *downstream) {
    if (connection_input(downstream->connection).len > 0) {
        enum smtp_reply_status status = downstream_read_reply(downstream);
        if (status == SMTP_REPLY_COMPLETE) return give_up(downstream);
        if (status != SMTP_REPLY_MORE) return downstream_fail_for(downstream, status);
    }
    if (connection_state(downstream->connection) != CONNECTION_OPEN) return PROGRESS_WAIT;
    if (connection_unsent(downstream->connection) > 0) return PROGRESS_WAIT;
    if (!downstream->is_whole) return send_content(downstream);
    connection_expect(downstream->connection, downstream->server->final_reply_timeout_ms);
    downstream->state = FINAL;
    return PROGRESS_AGAIN;
}

static enum progress await_final(struct downstream *downstream) {
    enum smtp_reply_status status = downstream_read_reply(downstream);
    if (status == SMTP_REPLY_MORE) return PROGRESS_WAIT;
    if (status != SMTP_REPLY_COMPLETE) return downstream_fail_for(downstream, status);
    if (smtp_reply_class(&downstream->reply) == 3)
        return downstream_fail(downstream, DOWNSTREAM_MALFORMED, "3xx to the end of data");
    if (smtp_reply_class(&downstream->reply) > 3) downstream->has_refused = true;
    connection_expect(downstream->connection, downstream->server->final_reply_timeout_ms); /* of the next recipient */
    if (--downstream->replies_due == 0) {
        downstream->in_transaction = false;
        downstream->state = TALKING;
    }
    return hand_up(downstream, DOWNSTREAM_END);
}

static const struct step {
    const char *name;
    enum progress (*run)(struct downstream *downstream);
} steps[] = {
    [CLOSED] = {"closed", stay},                     /* -> CONNECTING (downstream_open) */
    [CONNECTING] = {"connecting", downstream_await_connection}, /* -> GREETING */
    [GREETING] = {"greeting", downstream_await_greeting},       /* -> EHLO */
    [EHLO] = {"ehlo", downstream_await_ehlo},                   /* -> TALKING | HELO | STARTTLS */
    [HELO] = {"helo", downstream_await_helo},                   /* -> TALKING */
    [STARTTLS] = {"starttls", downstream_await_starttls},       /* -> SECURING | TALKING (refused, which it may) */
    [SECURING] = {"securing", downstream_await_security},       /* -> EHLO | CONNECTING (failed, which it may) */
    [TALKING] = {"talking", talk},                   /* -> CONTENT (354) */
    [CONTENT] = {"content", pump},                   /* -> FINAL | CLOSED (an early answer) */
    [FINAL] = {"final", await_final},                /* -> TALKING */
};                                                   /* every fault: -> CLOSED */

static enum downstream_fault fault_now(const struct downstream *downstream, bool timed_out) {
    if (downstream->state == SECURING) return DOWNSTREAM_TLS;
    if (downstream->state > GREETING) return timed_out ? DOWNSTREAM_TIMEOUT : DOWNSTREAM_LOST;
    return timed_out ? DOWNSTREAM_SILENT : DOWNSTREAM_REFUSED;
}

/* The connection is over: what came before was answered by the steps. */
static void end(struct downstream *downstream, enum connection_state state) {
    enum downstream_fault fault = fault_now(downstream, state == CONNECTION_TIMED_OUT);
    const char *failure = connection_tls_failure(downstream->connection);
    int error = connection_error(downstream->connection);
    char detail[160];
    (void)snprintf(detail, sizeof detail, "%s",
                   failure != NULL                 ? failure
                   : error != 0                    ? strerrordesc_np(error)
                   : state == CONNECTION_TIMED_OUT ? "time is up"
                                                   : "closed by the server");
    if (downstream->state <= GREETING && downstream_connect_next(downstream)) return;
    if (downstream_connect_without_tls(downstream, detail)) return;
    downstream_fail(downstream, fault, detail);
}

void downstream_changed(void *owner) {
    struct downstream *downstream = owner;
    downstream->depth++;
    while (!downstream->is_dead && downstream->connection != NULL &&
           steps[downstream->state].run(downstream) == PROGRESS_AGAIN) {}
    if (!downstream->is_dead && downstream->connection != NULL) {
        enum connection_state state = connection_state(downstream->connection);
        if (state != CONNECTION_OPEN && state != CONNECTION_CONNECTING) end(downstream, state);
    }
    if (--downstream->depth == 0 && downstream->is_dead) release(downstream);
}

/* -- life -- */

static void run_notice(struct loop_task *task) {
    struct downstream *downstream = LIST_ENTRY(task, struct downstream, notice);
    downstream->depth++;
    downstream_fail(downstream, DOWNSTREAM_NO_MEMORY, strerrordesc_np(downstream->notice_error));
    if (--downstream->depth == 0 && downstream->is_dead) release(downstream);
}

struct downstream *downstream_create(const struct downstream_server *server, struct connection_set *set,
                                     const struct downstream_events *events, void *owner) {
    struct downstream *downstream = calloc(1, sizeof *downstream);
    if (downstream == NULL) return NULL;
    downstream->server = server;
    downstream->set = set;
    downstream->events = events;
    downstream->owner = owner;
    downstream->lines = bytes_with_cap(1 << 17);
    downstream->introduction = bytes_with_cap(INTRODUCTION_MAX);
    smtp_reply_init(&downstream->reply);
    downstream->notice.run = run_notice;
    list_init(&downstream->notice.node);
    return downstream;
}

void downstream_destroy(struct downstream *downstream) {
    if (downstream == NULL) return;
    loop_defer_cancel(&downstream->notice);
    if (downstream->state == TALKING && !downstream->in_transaction &&
        downstream->in_flight + downstream->waiting == 0) {
        connection_send(downstream->connection, span_of("QUIT\r\n"));
        connection_linger(downstream->connection);
        downstream->connection = NULL;
    }
    if (downstream->depth == 0) {
        release(downstream);
        return;
    }
    hang_up(downstream);
    downstream->is_dead = true; /* on_changed is on the stack and releases it */
}

void downstream_open(struct downstream *downstream) {
    assert(downstream->state == CLOSED);
    downstream->address_at = 0;
    downstream->avoids_tls = false;
    memset(&downstream->capabilities, 0, sizeof downstream->capabilities);
    if (!downstream_connect_next(downstream)) fail_soon(downstream, errno);
}

bool downstream_is_closed(const struct downstream *downstream) { return downstream->state == CLOSED; }

bool downstream_is_committed(const struct downstream *downstream) { return downstream->state == FINAL; }

const struct smtp_capabilities *downstream_capabilities(const struct downstream *downstream) {
    return &downstream->capabilities;
}
