#include "proxy/downstream.h"
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/ascii.h"
#include "base/bytes.h"
#include "base/log.h"
#include "base/loop.h"
#include "proxy/connection.h"
#include "proxy/content_writer.h"
#include "proxy/smtp_reply.h"
#include "proxy/tls.h"
#include "proxy/xforward.h"

enum {
    COMMANDS_MAX = 24,                                   /* in flight and waiting: RSET, XFORWARD's few lines, MAIL */
    INTRODUCTION_MAX = 8192,
    CONTENT_BLOCK = 32768,                               /* octets made ready at a time */
    CONTENT_UNSENT = 131072,                             /* beyond it the socket is asked first */
    UNSENT_MAX = CONTENT_UNSENT + CONTENT_BLOCK + 65536, /* plus a command line */
};

enum command { COMMAND_MAIL, COMMAND_RCPT, COMMAND_DATA, COMMAND_XFORWARD, COMMAND_RSET, COMMAND_XCLIENT, COMMAND_HELLO };

enum downstream_state { CLOSED, CONNECTING, GREETING, EHLO, HELO, STARTTLS, SECURING, TALKING, CONTENT, FINAL };

enum progress { PROGRESS_AGAIN, PROGRESS_WAIT };

struct downstream {
    const struct downstream_server *server;
    struct connection_set *set;
    const struct downstream_events *events;
    void *owner;
    enum downstream_state state;
    struct connection *connection;
    size_t address_at; /* the next address to try */
    bool avoids_tls;   /* it failed where it may: once more without */
    struct smtp_capabilities capabilities;
    struct smtp_reply reply;
    struct bytes lines; /* of the commands that wait, each with its CRLF */
    struct {
        enum command kind;
        size_t len;
    } command[COMMANDS_MAX];
    size_t in_flight, waiting; /* command[0..in_flight) were sent, the next waiting ones are in lines */
    bool in_transaction;
    struct bytes introduction; /* whom this connection was told of: XCLIENT's lines and the EHLO behind them */
    bool is_introduced;        /* ... and the server took it */
    struct content_writer writer; /* of the message that is being delivered */
    bool is_whole;                /* the writer has come to its end */
    size_t replies_due;
    struct loop_task notice; /* a fault found out inside a call, told from the loop */
    unsigned depth;          /* events on the stack */
    bool is_dead;
};

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
    forget_transaction(downstream);
}

static enum progress fail(struct downstream *downstream, enum downstream_fault fault, const char *detail) {
    hang_up(downstream);
    loop_defer_cancel(&downstream->notice);
    downstream->events->failed(downstream->owner, fault, detail);
    return PROGRESS_WAIT;
}

static enum progress fail_for(struct downstream *downstream, enum smtp_reply_status status) {
    bool memory = status == SMTP_REPLY_NO_MEMORY;
    return fail(downstream, memory ? DOWNSTREAM_NO_MEMORY : DOWNSTREAM_MALFORMED, smtp_reply_status_text(status));
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
static void add_lines(struct downstream *downstream, enum command kind, size_t before) {
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
    add_lines(downstream, COMMAND_XFORWARD, before);
}

/* The server said something that answers nothing. */
static bool is_out_of_step(const struct downstream *downstream) {
    return downstream->in_flight == 0 && connection_input(downstream->connection).len > 0;
}

/* Sends what was appended; without memory for the lines the conversation is lost, which is told from the loop. */
static void submit(struct downstream *downstream) {
    if (downstream->lines.failed) {
        if (list_is_empty(&downstream->notice.node))
            loop_defer(connection_set_loop(downstream->set), &downstream->notice);
    } else if (!is_out_of_step(downstream)) {
        send_waiting(downstream);
    } /* else talk, which is on the stack, finds out: what is there already cannot be the answer to this command */
}

void downstream_mail(struct downstream *downstream, const struct forwarded_client *client, struct span line) {
    assert(downstream->state == TALKING);
    if (client != NULL && downstream->capabilities.xforward != 0) append_xforward(downstream, client);
    append_command(downstream, COMMAND_MAIL, line);
    downstream->in_transaction = true;
    submit(downstream);
}

void downstream_rcpt(struct downstream *downstream, struct span line) {
    assert(downstream->state == TALKING);
    append_command(downstream, COMMAND_RCPT, line);
    submit(downstream);
}

void downstream_reset(struct downstream *downstream) {
    if (downstream->state != TALKING || !downstream->in_transaction) return;
    downstream->in_transaction = false;
    append_command(downstream, COMMAND_RSET, span_of("RSET"));
    submit(downstream);
}

void downstream_deliver(struct downstream *downstream, const struct content *content, size_t recipients) {
    assert(downstream->state == TALKING && recipients > 0);
    downstream->replies_due = downstream->server->is_lmtp ? recipients : 1;
    content_writer_init(&downstream->writer, content);
    downstream->is_whole = false;
    append_command(downstream, COMMAND_DATA, span_of("DATA"));
    submit(downstream);
}

/* -- XCLIENT -- */

/* What stands behind EHLO: the client's own name, which the server judges, or ours when that is no word. */
static struct span hello_name(const struct downstream *downstream, const struct forwarded_client *client) {
    struct span name = xforward_text(client, XFORWARD_HELO);
    for (size_t i = 0; i < name.len; i++)
        if (!ascii_is_graph(name.ptr[i])) return span_of(downstream->server->hello_name);
    return name.len > 0 ? name : span_of(downstream->server->hello_name);
}

static const char *hello_verb(const struct downstream *downstream) {
    return downstream->server->is_lmtp ? "LHLO" : "EHLO";
}

static void write_introduction(const struct downstream *downstream, const struct forwarded_client *client,
                               struct bytes *out) {
    bool has_address = xforward_text(client, XFORWARD_ADDR).len > 0;
    if (!has_address && downstream->introduction.len == 0) return;
    if (xforward_write(XCLIENT_COMMAND, out, client, downstream->capabilities.xclient) == 0) return;
    bytes_append_format(out, "%s ", hello_verb(downstream));
    bytes_append(out, hello_name(downstream, client));
    bytes_append_text(out, "\r\n");
}

/* Octets of the introduction's last line. */
static size_t hello_len(const struct downstream *downstream) {
    struct span text = bytes_span(&downstream->introduction);
    size_t start = text.len - 1;
    while (start > 0 && text.ptr[start - 1] != '\n') start--;
    return text.len - start;
}

bool downstream_introduce(struct downstream *downstream, const struct forwarded_client *client) {
    assert(downstream->state == TALKING && !downstream->in_transaction);
    struct bytes text = bytes_with_cap(INTRODUCTION_MAX);
    if (downstream->capabilities.xclient != 0) write_introduction(downstream, client, &text);
    if (!text.failed && (text.len == 0 || span_equal(bytes_span(&text), bytes_span(&downstream->introduction)))) {
        bytes_release(&text);
        return false;
    }
    bytes_release(&downstream->introduction);
    downstream->introduction = text;
    downstream->is_introduced = false;
    if (text.failed) {
        downstream->lines.failed = true;
    } else {
        size_t before = downstream->lines.len;
        struct span whole = bytes_span(&downstream->introduction);
        bytes_append(&downstream->lines, span_first(whole, whole.len - hello_len(downstream)));
        add_lines(downstream, COMMAND_XCLIENT, before);
    }
    submit(downstream);
    return true;
}

static enum progress be_ready(struct downstream *downstream) {
    smtp_reply_release(&downstream->reply);
    downstream->events->ready(downstream->owner);
    return PROGRESS_AGAIN;
}

/* A server that will not hear of the client takes us for it, as one does that does not offer XCLIENT. */
static enum progress answer_xclient(struct downstream *downstream) {
    if (smtp_reply_class(&downstream->reply) == 2) downstream->is_introduced = true;
    if (downstream->waiting == 0 && !downstream->is_introduced) return be_ready(downstream);
    smtp_reply_clear(&downstream->reply);
    if (downstream->waiting > 0) return PROGRESS_AGAIN;
    size_t before = downstream->lines.len, len = hello_len(downstream);
    struct span whole = bytes_span(&downstream->introduction);
    bytes_append(&downstream->lines, span_after(whole, whole.len - len));
    add_command(downstream, COMMAND_HELLO, before);
    submit(downstream);
    return PROGRESS_AGAIN;
}

static enum progress answer_hello(struct downstream *downstream) {
    unsigned xclient = downstream->capabilities.xclient; /* who was introduced once must be able to go */
    if (smtp_reply_class(&downstream->reply) != 2)
        return fail(downstream, DOWNSTREAM_UNWILLING, "EHLO or LHLO was refused after XCLIENT");
    smtp_capabilities_read(&downstream->reply, &downstream->capabilities);
    downstream->capabilities.xclient = xclient;
    return be_ready(downstream);
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
        if (progress == CONTENT_UNREADABLE) return fail(downstream, DOWNSTREAM_SPOOL, "spool");
        downstream->is_whole = progress == CONTENT_END;
        connection_expect(downstream->connection, downstream->server->data_timeout_ms);
        connection_flush(downstream->connection);
        if (connection_state(downstream->connection) != CONNECTION_OPEN) return PROGRESS_WAIT;
    }
    return downstream->is_whole ? PROGRESS_AGAIN : PROGRESS_WAIT;
}

/* -- replies -- */

static enum smtp_reply_status read_reply(struct downstream *downstream) {
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

/* No reply stands out any more: wait for the owner, for as long as he likes. */
static void rest(struct downstream *downstream) {
    smtp_reply_release(&downstream->reply);
    connection_expect(downstream->connection, 0);
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
        smtp_reply_clear(&downstream->reply);
        connection_expect(downstream->connection, downstream->server->data_timeout_ms);
        downstream->state = CONTENT;
        return PROGRESS_AGAIN;
    }
    /* A 2xx to DATA is nonsense that would be read as an acknowledgement. */
    if (smtp_reply_class(&downstream->reply) < 4)
        return fail(downstream, DOWNSTREAM_MALFORMED, "DATA was not answered with 354");
    return hand_up(downstream, DOWNSTREAM_DATA);
}

static enum progress answer_command(struct downstream *downstream) {
    enum command kind = take_command(downstream);
    if (downstream->in_flight == 0 && downstream->waiting == 0) connection_expect(downstream->connection, 0);
    /* A client that was passed this would go on with something else than its next command. */
    if (smtp_reply_class(&downstream->reply) == 3 && kind != COMMAND_DATA)
        return fail(downstream, DOWNSTREAM_MALFORMED, "3xx to another command than DATA");
    switch (kind) {
    case COMMAND_DATA: return answer_data(downstream);
    case COMMAND_MAIL:
        if (smtp_reply_class(&downstream->reply) != 2) downstream->in_transaction = false;
        return hand_up(downstream, DOWNSTREAM_MAIL);
    case COMMAND_RCPT: return hand_up(downstream, DOWNSTREAM_RCPT);
    case COMMAND_XCLIENT: return answer_xclient(downstream);
    case COMMAND_HELLO: return answer_hello(downstream);
    case COMMAND_RSET:
        if (smtp_reply_class(&downstream->reply) != 2)
            return fail(downstream, DOWNSTREAM_MALFORMED, "RSET was refused");
        break;
    case COMMAND_XFORWARD: break; /* the server knows its client a little less well, that is all */
    }
    smtp_reply_clear(&downstream->reply);
    return PROGRESS_AGAIN;
}

/* -- states -- */

static void on_changed(void *owner);

static enum progress stay(struct downstream *downstream) { return (void)downstream, PROGRESS_WAIT; }

/* Tries the addresses in order until one can at least be tried. */
static bool connect_next(struct downstream *downstream) {
    const struct downstream_server *server = downstream->server;
    connection_destroy(downstream->connection);
    downstream->connection = NULL;
    downstream->state = CONNECTING;
    while (downstream->connection == NULL && downstream->address_at < server->address_count)
        downstream->connection = connection_connect(downstream->set, &server->address[downstream->address_at++],
                                                    UNSENT_MAX, on_changed, downstream);
    if (downstream->connection == NULL) return false;
    connection_expect(downstream->connection, server->greeting_timeout_ms);
    return true;
}

static enum progress await_connection(struct downstream *downstream) {
    if (connection_state(downstream->connection) == CONNECTION_CONNECTING) return PROGRESS_WAIT;
    downstream->state = GREETING;
    return PROGRESS_AGAIN;
}

static enum progress say_hello(struct downstream *downstream, const char *verb, enum downstream_state next) {
    if (is_out_of_step(downstream)) return fail(downstream, DOWNSTREAM_MALFORMED, "the server spoke unasked");
    struct bytes line = bytes_with_cap(512);
    bool whole = bytes_append_format(&line, "%s %s\r\n", verb, downstream->server->hello_name);
    if (whole) connection_send(downstream->connection, bytes_span(&line));
    bytes_release(&line);
    if (!whole) return fail(downstream, DOWNSTREAM_NO_MEMORY, strerrordesc_np(ENOMEM)); /* else both would wait */
    smtp_reply_clear(&downstream->reply);
    connection_flush(downstream->connection);
    downstream->state = next;
    return PROGRESS_AGAIN;
}

static enum progress await_greeting(struct downstream *downstream) {
    enum smtp_reply_status status = read_reply(downstream);
    if (status == SMTP_REPLY_MORE) return PROGRESS_WAIT;
    if (status != SMTP_REPLY_COMPLETE) return fail_for(downstream, status);
    if (downstream->reply.code != 220) return fail(downstream, DOWNSTREAM_UNWILLING, "greeting is not 220");
    return say_hello(downstream, hello_verb(downstream), EHLO);
}

static enum progress start_talking(struct downstream *downstream) {
    if (is_out_of_step(downstream)) return fail(downstream, DOWNSTREAM_MALFORMED, "the server spoke unasked");
    rest(downstream);
    downstream->state = TALKING;
    downstream->events->ready(downstream->owner);
    return PROGRESS_AGAIN;
}

/* What EHLO's reply offers, or the lack of it, decides how we go on. */
static enum progress choose_security(struct downstream *downstream) {
    enum tls_policy policy = downstream->server->tls_policy;
    bool wants = policy != TLS_OFF && !downstream->avoids_tls && !connection_is_secure(downstream->connection);
    if (!wants) return start_talking(downstream);
    if (!downstream->capabilities.starttls)
        return policy == TLS_MAY ? start_talking(downstream)
                                 : fail(downstream, DOWNSTREAM_TLS, "the server does not offer STARTTLS");
    if (is_out_of_step(downstream)) return fail(downstream, DOWNSTREAM_MALFORMED, "the server spoke unasked");
    smtp_reply_clear(&downstream->reply);
    connection_send(downstream->connection, span_of("STARTTLS\r\n"));
    connection_expect(downstream->connection, downstream->server->reply_timeout_ms);
    connection_flush(downstream->connection);
    downstream->state = STARTTLS;
    return PROGRESS_AGAIN;
}

static enum progress await_starttls(struct downstream *downstream) {
    const struct downstream_server *server = downstream->server;
    enum smtp_reply_status status = read_reply(downstream);
    if (status == SMTP_REPLY_MORE) return PROGRESS_WAIT;
    if (status != SMTP_REPLY_COMPLETE) return fail_for(downstream, status);
    if (downstream->reply.code != 220)
        return server->tls_policy == TLS_MAY ? start_talking(downstream)
                                             : fail(downstream, DOWNSTREAM_TLS, "STARTTLS was refused");
    /* whoever put it there, it would be read as said inside. */
    if (is_out_of_step(downstream)) return fail(downstream, DOWNSTREAM_TLS, "octets behind the reply to STARTTLS");
    struct tls *tls = tls_create(server->tls, server->host[0] != '\0' ? server->host : NULL);
    if (tls == NULL) return fail(downstream, DOWNSTREAM_NO_MEMORY, strerrordesc_np(ENOMEM));
    smtp_reply_clear(&downstream->reply);
    memset(&downstream->capabilities, 0, sizeof downstream->capabilities);
    connection_start_tls(downstream->connection, tls);
    connection_expect(downstream->connection, server->tls_handshake_timeout_ms);
    downstream->state = SECURING;
    return PROGRESS_AGAIN;
}

static enum progress await_security(struct downstream *downstream) {
    if (!connection_is_secure(downstream->connection)) return PROGRESS_WAIT;
    connection_expect(downstream->connection, downstream->server->greeting_timeout_ms);
    return say_hello(downstream, downstream->server->is_lmtp ? "LHLO" : "EHLO", EHLO);
}

static enum progress await_ehlo(struct downstream *downstream) {
    enum smtp_reply_status status = read_reply(downstream);
    if (status == SMTP_REPLY_MORE) return PROGRESS_WAIT;
    if (status != SMTP_REPLY_COMPLETE) return fail_for(downstream, status);
    if (smtp_reply_class(&downstream->reply) == 5 && !downstream->server->is_lmtp &&
        (downstream->server->tls_policy <= TLS_MAY || connection_is_secure(downstream->connection)))
        return say_hello(downstream, "HELO", HELO);
    if (smtp_reply_class(&downstream->reply) != 2)
        return fail(downstream, DOWNSTREAM_UNWILLING, "EHLO or LHLO was refused");
    smtp_capabilities_read(&downstream->reply, &downstream->capabilities);
    return choose_security(downstream);
}

static enum progress await_helo(struct downstream *downstream) {
    enum smtp_reply_status status = read_reply(downstream);
    if (status == SMTP_REPLY_MORE) return PROGRESS_WAIT;
    if (status != SMTP_REPLY_COMPLETE) return fail_for(downstream, status);
    if (smtp_reply_class(&downstream->reply) != 2) return fail(downstream, DOWNSTREAM_UNWILLING, "HELO was refused");
    return start_talking(downstream);
}

static enum progress talk(struct downstream *downstream) {
    if (downstream->in_flight == 0) {
        /* Whatever a server says unasked, it is about to leave (421), or the two of us are out of step. */
        if (is_out_of_step(downstream)) return fail(downstream, DOWNSTREAM_LOST, "the server spoke unasked");
        if (downstream->waiting > 0) send_waiting(downstream);
        return PROGRESS_WAIT;
    }
    enum smtp_reply_status status = read_reply(downstream);
    if (status == SMTP_REPLY_MORE) return PROGRESS_WAIT;
    if (status != SMTP_REPLY_COMPLETE) return fail_for(downstream, status);
    return answer_command(downstream);
}

/* A reply before the end of data: the server gives up. It is the answer, and the conversation is over. */
static enum progress give_up(struct downstream *downstream) {
    size_t due = downstream->replies_due;
    if (smtp_reply_class(&downstream->reply) < 4)
        return fail(downstream, DOWNSTREAM_MALFORMED, "answer before the end of data");
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
        enum smtp_reply_status status = read_reply(downstream);
        if (status == SMTP_REPLY_COMPLETE) return give_up(downstream);
        if (status != SMTP_REPLY_MORE) return fail_for(downstream, status);
    }
    if (connection_state(downstream->connection) != CONNECTION_OPEN) return PROGRESS_WAIT;
    if (connection_unsent(downstream->connection) > 0) return PROGRESS_WAIT;
    if (!downstream->is_whole) return send_content(downstream);
    connection_expect(downstream->connection, downstream->server->final_reply_timeout_ms);
    downstream->state = FINAL;
    return PROGRESS_AGAIN;
}

static enum progress await_final(struct downstream *downstream) {
    enum smtp_reply_status status = read_reply(downstream);
    if (status == SMTP_REPLY_MORE) return PROGRESS_WAIT;
    if (status != SMTP_REPLY_COMPLETE) return fail_for(downstream, status);
    if (smtp_reply_class(&downstream->reply) == 3)
        return fail(downstream, DOWNSTREAM_MALFORMED, "3xx to the end of data");
    connection_expect(downstream->connection, downstream->server->final_reply_timeout_ms); /* of the next recipient */
    if (--downstream->replies_due == 0) {
        downstream->in_transaction = false;
        downstream->state = TALKING;
        connection_expect(downstream->connection, 0);
    }
    return hand_up(downstream, DOWNSTREAM_END);
}

static const struct step {
    const char *name;
    enum progress (*run)(struct downstream *downstream);
} steps[] = {
    [CLOSED] = {"closed", stay},                     /* -> CONNECTING (downstream_open) */
    [CONNECTING] = {"connecting", await_connection}, /* -> GREETING */
    [GREETING] = {"greeting", await_greeting},       /* -> EHLO */
    [EHLO] = {"ehlo", await_ehlo},                   /* -> TALKING | HELO | STARTTLS */
    [HELO] = {"helo", await_helo},                   /* -> TALKING */
    [STARTTLS] = {"starttls", await_starttls},       /* -> SECURING | TALKING (refused, which it may) */
    [SECURING] = {"securing", await_security},       /* -> EHLO | CONNECTING (failed, which it may) */
    [TALKING] = {"talking", talk},                   /* -> CONTENT (354) */
    [CONTENT] = {"content", pump},                   /* -> FINAL | CLOSED (an early answer) */
    [FINAL] = {"final", await_final},                /* -> TALKING */
};                                                   /* every fault: -> CLOSED */

static enum downstream_fault fault_now(const struct downstream *downstream, bool timed_out) {
    if (downstream->state == SECURING) return DOWNSTREAM_TLS;
    if (downstream->state > GREETING) return timed_out ? DOWNSTREAM_TIMEOUT : DOWNSTREAM_LOST;
    return timed_out ? DOWNSTREAM_SILENT : DOWNSTREAM_REFUSED;
}

/* Where TLS is not required, a server that cannot do it gets the mail all the same, on a new connection. */
static bool connect_without_tls(struct downstream *downstream, const char *detail) {
    struct log_line line;
    if (downstream->state != SECURING || downstream->server->tls_policy != TLS_MAY) return false;
    log_begin(&line, LOG_LEVEL_WARNING, "downstream");
    log_text(&line, "fault", "TLS failed, once more without");
    log_text(&line, "detail", detail);
    log_end(&line);
    downstream->avoids_tls = true;
    downstream->address_at--;
    return connect_next(downstream);
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
    if (downstream->state <= GREETING && connect_next(downstream)) return;
    if (connect_without_tls(downstream, detail)) return;
    fail(downstream, fault, detail);
}

static void on_changed(void *owner) {
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
    fail(downstream, DOWNSTREAM_NO_MEMORY, strerrordesc_np(ENOMEM));
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
    if (!connect_next(downstream)) loop_defer(connection_set_loop(downstream->set), &downstream->notice);
}

bool downstream_is_closed(const struct downstream *downstream) { return downstream->state == CLOSED; }

bool downstream_is_committed(const struct downstream *downstream) { return downstream->state == FINAL; }

const struct smtp_capabilities *downstream_capabilities(const struct downstream *downstream) {
    return &downstream->capabilities;
}
