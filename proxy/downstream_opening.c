#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "base/ascii.h"
#include "base/log.h"
#include "proxy/connection.h"
#include "proxy/downstream.h"
#include "proxy/downstream_state.h"
#include "proxy/tls.h"
#include "proxy/xforward.h"

/* Tries the addresses in order until one can at least be tried; false with errno when there is none. */
bool downstream_connect_next(struct downstream *downstream) {
    const struct downstream_server *server = downstream->server;
    connection_destroy(downstream->connection);
    downstream->connection = NULL;
    downstream->state = CONNECTING;
    while (downstream->connection == NULL && downstream->address_at < server->address_count)
        downstream->connection = connection_connect(downstream->set, &server->address[downstream->address_at++],
                                                    UNSENT_MAX, downstream_changed, downstream);
    if (downstream->connection == NULL) return false;
    connection_expect(downstream->connection, server->greeting_timeout_ms);
    return true;
}

enum progress downstream_await_connection(struct downstream *downstream) {
    if (connection_state(downstream->connection) == CONNECTION_CONNECTING) return PROGRESS_WAIT;
    downstream->state = GREETING;
    return PROGRESS_AGAIN;
}

static const char *hello_verb(const struct downstream *downstream) {
    return downstream->server->is_lmtp ? "LHLO" : "EHLO";
}

static enum progress say_hello(struct downstream *downstream, const char *verb, enum downstream_state next) {
    if (downstream_is_out_of_step(downstream))
        return downstream_fail(downstream, DOWNSTREAM_MALFORMED, "the server spoke unasked");
    struct bytes line = bytes_with_cap(512);
    bool whole = bytes_append_format(&line, "%s %s\r\n", verb, downstream->server->hello_name);
    if (whole) connection_send(downstream->connection, bytes_span(&line));
    bytes_release(&line);
    if (!whole) return downstream_fail(downstream, DOWNSTREAM_NO_MEMORY, strerrordesc_np(ENOMEM)); /* else both would wait */
    smtp_reply_clear(&downstream->reply);
    connection_flush(downstream->connection);
    downstream->state = next;
    return PROGRESS_AGAIN;
}

enum progress downstream_await_greeting(struct downstream *downstream) {
    enum smtp_reply_status status = downstream_read_reply(downstream);
    if (status == SMTP_REPLY_MORE) return PROGRESS_WAIT;
    if (status != SMTP_REPLY_COMPLETE) return downstream_fail_for(downstream, status);
    if (downstream->reply.code != 220) return downstream_fail(downstream, DOWNSTREAM_UNWILLING, "greeting is not 220");
    return say_hello(downstream, hello_verb(downstream), EHLO);
}

static enum progress start_talking(struct downstream *downstream) {
    if (downstream_is_out_of_step(downstream))
        return downstream_fail(downstream, DOWNSTREAM_MALFORMED, "the server spoke unasked");
    smtp_reply_release(&downstream->reply);
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
                                 : downstream_fail(downstream, DOWNSTREAM_TLS, "the server does not offer STARTTLS");
    if (downstream_is_out_of_step(downstream))
        return downstream_fail(downstream, DOWNSTREAM_MALFORMED, "the server spoke unasked");
    smtp_reply_clear(&downstream->reply);
    connection_send(downstream->connection, span_of("STARTTLS\r\n"));
    connection_expect(downstream->connection, downstream->server->reply_timeout_ms);
    connection_flush(downstream->connection);
    downstream->state = STARTTLS;
    return PROGRESS_AGAIN;
}

enum progress downstream_await_starttls(struct downstream *downstream) {
    const struct downstream_server *server = downstream->server;
    enum smtp_reply_status status = downstream_read_reply(downstream);
    if (status == SMTP_REPLY_MORE) return PROGRESS_WAIT;
    if (status != SMTP_REPLY_COMPLETE) return downstream_fail_for(downstream, status);
    if (downstream->reply.code != 220)
        return server->tls_policy == TLS_MAY ? start_talking(downstream)
                                             : downstream_fail(downstream, DOWNSTREAM_TLS, "STARTTLS was refused");
    /* whoever put it there, it would be read as said inside. */
    if (downstream_is_out_of_step(downstream))
        return downstream_fail(downstream, DOWNSTREAM_TLS, "octets behind the reply to STARTTLS");
    struct tls *tls = tls_create(server->tls, server->host[0] != '\0' ? server->host : NULL);
    if (tls == NULL) return downstream_fail(downstream, DOWNSTREAM_NO_MEMORY, strerrordesc_np(ENOMEM));
    smtp_reply_clear(&downstream->reply);
    memset(&downstream->capabilities, 0, sizeof downstream->capabilities);
    connection_start_tls(downstream->connection, tls);
    connection_expect(downstream->connection, server->tls_handshake_timeout_ms);
    downstream->state = SECURING;
    return PROGRESS_AGAIN;
}

enum progress downstream_await_security(struct downstream *downstream) {
    if (!connection_is_secure(downstream->connection)) return PROGRESS_WAIT;
    connection_expect(downstream->connection, downstream->server->greeting_timeout_ms);
    return say_hello(downstream, hello_verb(downstream), EHLO);
}

enum progress downstream_await_ehlo(struct downstream *downstream) {
    enum smtp_reply_status status = downstream_read_reply(downstream);
    if (status == SMTP_REPLY_MORE) return PROGRESS_WAIT;
    if (status != SMTP_REPLY_COMPLETE) return downstream_fail_for(downstream, status);
    if (smtp_reply_class(&downstream->reply) == 5 && !downstream->server->is_lmtp &&
        (downstream->server->tls_policy <= TLS_MAY || connection_is_secure(downstream->connection)))
        return say_hello(downstream, "HELO", HELO);
    if (smtp_reply_class(&downstream->reply) != 2)
        return downstream_fail(downstream, DOWNSTREAM_UNWILLING, "EHLO or LHLO was refused");
    smtp_capabilities_read(&downstream->reply, &downstream->capabilities);
    return choose_security(downstream);
}

enum progress downstream_await_helo(struct downstream *downstream) {
    enum smtp_reply_status status = downstream_read_reply(downstream);
    if (status == SMTP_REPLY_MORE) return PROGRESS_WAIT;
    if (status != SMTP_REPLY_COMPLETE) return downstream_fail_for(downstream, status);
    if (smtp_reply_class(&downstream->reply) != 2)
        return downstream_fail(downstream, DOWNSTREAM_UNWILLING, "HELO was refused");
    return start_talking(downstream);
}

/* Where TLS is not required, a server that cannot do it gets the mail all the same, on a new connection. */
bool downstream_connect_without_tls(struct downstream *downstream, const char *detail) {
    struct log_line line;
    if (downstream->state != SECURING || downstream->server->tls_policy != TLS_MAY) return false;
    log_begin(&line, LOG_LEVEL_WARNING, "downstream");
    log_text(&line, "fault", "TLS failed, once more without");
    log_text(&line, "detail", detail);
    log_end(&line);
    downstream->avoids_tls = true;
    downstream->address_at--;
    return downstream_connect_next(downstream);
}

/* -- XCLIENT -- */

/* What stands behind EHLO: the client's own name, which the server judges, or ours when that is no word. */
static struct span hello_name(const struct downstream *downstream, const struct forwarded_client *client) {
    struct span name = xforward_text(client, XFORWARD_HELO);
    for (size_t i = 0; i < name.len; i++)
        if (!ascii_is_graph(name.ptr[i])) return span_of(downstream->server->hello_name);
    return name.len > 0 ? name : span_of(downstream->server->hello_name);
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
    downstream->knows_another |= downstream->is_introduced;
    downstream->is_introduced = false;
    if (text.failed) {
        downstream->lines.failed = true;
    } else {
        size_t before = downstream->lines.len;
        struct span whole = bytes_span(&downstream->introduction);
        bytes_append(&downstream->lines, span_first(whole, whole.len - hello_len(downstream)));
        downstream_add_lines(downstream, COMMAND_XCLIENT, before);
    }
    downstream_submit(downstream);
    return true;
}

enum progress downstream_be_ready(struct downstream *downstream) {
    smtp_reply_release(&downstream->reply);
    downstream->events->ready(downstream->owner);
    return PROGRESS_AGAIN;
}

/* A server that will not hear of the client takes us for it, as one does that does not offer XCLIENT; but one that would
 * take it for another client gets no mail of it. */
enum progress downstream_answer_xclient(struct downstream *downstream) {
    if (smtp_reply_class(&downstream->reply) == 2)
        downstream->is_introduced = true;
    else if (downstream->knows_another)
        return downstream_fail(downstream, DOWNSTREAM_LOST, "XCLIENT was refused, and the server knows another client");
    if (downstream->waiting == 0 && !downstream->is_introduced) return downstream_be_ready(downstream);
    smtp_reply_clear(&downstream->reply);
    if (downstream->waiting > 0) return PROGRESS_AGAIN;
    size_t before = downstream->lines.len, len = hello_len(downstream);
    struct span whole = bytes_span(&downstream->introduction);
    bytes_append(&downstream->lines, span_after(whole, whole.len - len));
    downstream_add_lines(downstream, COMMAND_HELLO, before);
    downstream_submit(downstream);
    return PROGRESS_AGAIN;
}

enum progress downstream_answer_hello(struct downstream *downstream) {
    unsigned xclient = downstream->capabilities.xclient; /* who was introduced once must be able to go */
    if (smtp_reply_class(&downstream->reply) != 2)
        return downstream_fail(downstream, DOWNSTREAM_UNWILLING, "EHLO or LHLO was refused after XCLIENT");
    smtp_capabilities_read(&downstream->reply, &downstream->capabilities);
    downstream->capabilities.xclient = xclient;
    return downstream_be_ready(downstream);
}
