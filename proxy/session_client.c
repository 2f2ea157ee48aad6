/* Who the client is: its address behind a balancer (PROXY), what a trusted one says of others (XCLIENT for the session,
 * XFORWARD for one message), and how downstream is told. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/log.h"
#include "base/metrics.h"
#include "proxy/address_limit.h"
#include "proxy/connection.h"
#include "proxy/proxy_protocol.h"
#include "proxy/session_state.h"
#include "proxy/smtp_reply.h"
#include "proxy/xforward.h"

struct introduction {
    struct forwarded_client said;
    struct socket_address before; /* the peer that it replaced */
};

static bool is_among(const struct network *network, size_t count, const struct socket_address *address) {
    uint8_t octets[16];
    bool is_v4;
    if (!socket_address_octets(address, octets, &is_v4)) return false;
    for (size_t i = 0; i < count; i++)
        if (network_contains(&network[i], octets, is_v4)) return true;
    return false;
}

/* -- arrival -- */

/* One line for what an operator can act on: a balancer that says nonsense, a client that takes too much. */
static void log_refusal(const struct session *session, const char *event, const char *fault) {
    char id[20], client[SOCKET_ADDRESS_TEXT_MAX];
    struct log_line line;
    (void)snprintf(id, sizeof id, "%llx", (unsigned long long)session->id);
    socket_address_text(&session->peer, client);
    log_begin(&line, LOG_LEVEL_WARNING, event);
    log_text(&line, "id", id);
    log_text(&line, "listener", session->setup->listener->name);
    log_text(&line, "client", client);
    log_text(&line, "fault", fault);
    log_end(&line);
}

bool session_is_from_balancer(const struct session *session) {
    const struct listener_options *listener = session->setup->listener;
    return is_among(listener->proxy_from, listener->proxy_from_count, &session->peer);
}

/* A peer on our unix socket was let in by the file's permissions; of a balancer's unix socket we know nothing. */
static bool is_trusted(const struct session *session) {
    const struct listener_options *listener = session->setup->listener;
    if (session->peer.storage.ss_family == AF_UNIX) return !session->is_proxied;
    return is_among(listener->trust, listener->trust_count, &session->peer);
}

static void greet(struct session *session) {
    struct bytes text = bytes_with_cap(512);
    bool is_lmtp = session->setup->listener->protocol == LISTENER_LMTP;
    bytes_append_format(&text, "%s %s sceau", session->setup->name, is_lmtp ? "LMTP" : "ESMTP");
    bytes_append(&text, (struct span){"", 1});
    session_say(session, 220, NULL, text.failed ? "sceau" : text.ptr);
    bytes_release(&text);
}

bool session_welcome(struct session *session) {
    unsigned most = (unsigned)session->setup->options->sessions_per_address_max;
    session->is_trusted = is_trusted(session); /* whoever we trust speaks for many: it is not counted */
    if (session->is_trusted || address_limit_enter(session->setup->addresses, &session->peer, most, &session->place)) {
        session->state = SESSION_COMMAND;
        greet(session);
        return true;
    }
    log_refusal(session, "refused", "more sessions than limits.sessions_per_address");
    metrics_count(session->setup->metrics, METRIC_REJECTED_CONNECTIONS, METRIC_REJECT_ADDRESS, 0);
    session_say(session, 421, "4.7.0", "Too many sessions from your address, try again later");
    return false;
}

static enum progress refuse_header(struct session *session, const char *fault) {
    log_refusal(session, "proxy_protocol", fault);
    metrics_count(session->setup->metrics, METRIC_REJECTED_CONNECTIONS, METRIC_REJECT_PROXY_HEADER, 0);
    return session_leave(session);
}

/* No header yet: wait on, unless none can come any more. */
static enum progress wait_for_header(struct session *session) {
    enum connection_state state = connection_state(session->client);
    if (session->is_draining) return session_leave(session);
    if (state == CONNECTION_OPEN) return PROGRESS_WAIT;
    if (state == CONNECTION_TIMED_OUT) return refuse_header(session, "no PROXY header in time");
    /* A balancer that only looks whether somebody listens sends nothing at all. */
    if (connection_input(session->client).len == 0) return session_leave(session);
    return refuse_header(session, proxy_protocol_status_text(PROXY_PROTOCOL_MORE));
}

enum progress session_read_proxy_header(struct session *session) {
    struct proxy_header header;
    size_t taken;
    enum proxy_protocol_status status = proxy_protocol_read(connection_input(session->client), &header, &taken);
    if (status == PROXY_PROTOCOL_MORE) return wait_for_header(session);
    if (status != PROXY_PROTOCOL_OK) return refuse_header(session, proxy_protocol_status_text(status));
    connection_consume(session->client, taken);
    session->is_proxied = header.has_client;
    if (header.has_client) session->peer = header.client;
    return session_welcome(session) ? PROGRESS_AGAIN : session_leave(session);
}

/* -- XFORWARD, XCLIENT -- */

/* Answers what both commands have in common to refuse; true: *progress says how to go on. */
static bool is_refused(struct session *session, enum progress *progress) {
    if (!session->is_trusted)
        *progress = session_complain(session, 550, "5.7.0", "Not authorized");
    else if (session->transaction.is_open)
        *progress = session_complain(session, 503, "5.5.1", "Mail transaction in progress");
    else
        return false;
    return true;
}

static enum progress refuse_without_memory(struct session *session) {
    session_say(session, 452, "4.3.1", "Out of memory");
    return PROGRESS_AGAIN;
}

enum progress session_xforward(struct session *session, struct span argument) {
    enum progress progress;
    if (is_refused(session, &progress)) return progress;
    if (session->forwarded == NULL) session->forwarded = calloc(1, sizeof *session->forwarded);
    if (session->forwarded == NULL) return refuse_without_memory(session);
    enum xforward_status status = xforward_parse(XFORWARD_COMMAND, argument, session->forwarded);
    if (status != XFORWARD_OK) return session_complain(session, 501, "5.5.4", xforward_status_text(status));
    session_say(session, 250, "2.0.0", "Ok");
    return PROGRESS_AGAIN;
}

/* The port of XCLIENT, which has checked it; 0: not known. */
static uint16_t port_of(const struct forwarded_client *client) {
    struct span digits = xforward_text(client, XFORWARD_PORT);
    unsigned port = 0;
    for (size_t i = 0; i < digits.len; i++) port = port * 10 + (unsigned)(digits.ptr[i] - '0');
    return (uint16_t)port;
}

/* From now on the session is that client's. Whom we trust remains who connected to us: XCLIENT must not open doors. */
static void become(struct session *session, const struct forwarded_client *client) {
    uint8_t octets[16];
    bool is_v4;
    struct span helo = xforward_text(client, XFORWARD_HELO);
    if (xforward_address(client, octets, &is_v4))
        socket_address_set(&session->peer, octets, is_v4, port_of(client));
    else if (client->value[XFORWARD_ADDR].state != XFORWARD_ABSENT)
        memset(&session->peer, 0, sizeof session->peer);
    bytes_clear(&session->helo);
    bytes_append(&session->helo, helo);
}

enum progress session_xclient(struct session *session, struct span argument) {
    enum progress progress;
    if (is_refused(session, &progress)) return progress;
    if (session->introduced == NULL) {
        session->introduced = calloc(1, sizeof *session->introduced);
        if (session->introduced == NULL) return refuse_without_memory(session);
        session->introduced->before = session->peer;
    }
    enum xforward_status status = xforward_parse(XCLIENT_COMMAND, argument, &session->introduced->said);
    if (status != XFORWARD_OK) return session_complain(session, 501, "5.5.4", xforward_status_text(status));
    session_forget_transaction(session);
    become(session, &session->introduced->said);
    session->has_hello = false;
    greet(session); /* the session begins anew, but for what XCLIENT said: the next one adds to it */
    return PROGRESS_AGAIN;
}

void session_forget_introduction(struct session *session) {
    if (session->introduced == NULL) return;
    session->peer = session->introduced->before;
    free(session->introduced);
    session->introduced = NULL;
}

/* -- what downstream is told -- */

/* The client of this session. */
static void describe(const struct session *session, struct forwarded_client *out) {
    static const enum xforward_attribute told[] = {XFORWARD_NAME, XFORWARD_LOGIN, XFORWARD_DESTADDR, XFORWARD_DESTPORT};
    bool is_lmtp = session->setup->listener->protocol == LISTENER_LMTP;
    char text[SOCKET_ADDRESS_TEXT_MAX];
    uint8_t octets[16];
    bool is_v4;
    memset(out, 0, sizeof *out);
    if (socket_address_octets(&session->peer, octets, &is_v4)) {
        socket_address_text(&session->peer, text);
        xforward_set(out, XFORWARD_ADDR, span_of(text));
    }
    uint16_t port = socket_address_port(&session->peer);
    if (port != 0) {
        (void)snprintf(text, sizeof text, "%u", port);
        xforward_set(out, XFORWARD_PORT, span_of(text));
    }
    xforward_set(out, XFORWARD_HELO, bytes_span(&session->helo));
    xforward_set(out, XFORWARD_PROTO, span_of(is_lmtp ? "LMTP" : session->is_esmtp ? "ESMTP" : "SMTP"));
    /* Trusted or not: it handed us mail from elsewhere, and Postfix rewrites the header of what it takes for local. */
    xforward_set(out, XFORWARD_SOURCE, span_of("REMOTE"));
    if (session->introduced == NULL) return;
    for (size_t i = 0; i < sizeof told / sizeof *told; i++)
        out->value[told[i]] = session->introduced->said.value[told[i]];
}

const struct forwarded_client *session_message_client(const struct session *session, struct forwarded_client *storage) {
    if (session->forwarded != NULL) return session->forwarded;
    describe(session, storage);
    return storage;
}

bool session_prepare_downstream(struct session *session) {
    struct forwarded_client storage;
    const struct forwarded_client *client = &storage;
    if (session->downstream == NULL) return false;
    if (downstream_is_closed(session->downstream)) {
        session_open_downstream(session);
        return true;
    }
    /* A server that has both hears of the session by XCLIENT, of the message by XFORWARD. */
    if (downstream_capabilities(session->downstream)->xclient == 0) return false;
    if (downstream_capabilities(session->downstream)->xforward == 0)
        client = session_message_client(session, &storage);
    else
        describe(session, &storage);
    session->asked_us = session_now_us(session);
    if (!downstream_introduce(session->downstream, client)) return false;
    session->state = SESSION_OPENING;
    return true;
}
