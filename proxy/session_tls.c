#include <stdio.h>
#include "base/log.h"
#include "base/metrics.h"
#include "proxy/connection.h"
#include "proxy/session_state.h"
#include "proxy/tls.h"

static void log_tls(const struct session *session, const char *fault) {
    struct log_line line;
    char id[20], client[SOCKET_ADDRESS_TEXT_MAX];
    (void)snprintf(id, sizeof id, "%llx", (unsigned long long)session->id);
    socket_address_text(&session->peer, client);
    log_begin(&line, LOG_LEVEL_WARNING, "tls");
    log_text(&line, "id", id);
    log_text(&line, "listener", session->setup->listener->name);
    log_text(&line, "client", client);
    log_text(&line, "fault", fault);
    log_end(&line);
}

bool session_offers_tls(const struct session *session) {
    return session->setup->tls != NULL && session->tls_version == NULL;
}

/* RFC 3207 section 4: every command but these; HELO for clients of old that will learn it at MAIL. */
bool session_needs_tls(const struct session *session, enum smtp_verb verb) {
    if (session->tls_version != NULL || session->setup->listener->tls != TLS_REQUIRE) return false;
    switch (verb) {
    case SMTP_EHLO:
    case SMTP_LHLO:
    case SMTP_HELO:
    case SMTP_STARTTLS:
    case SMTP_NOOP:
    case SMTP_QUIT: return false;
    default: return true;
    }
}

enum progress session_starttls(struct session *session) {
    if (session->tls_version != NULL) return session_complain(session, 503, "5.5.1", "TLS is active already");
    if (session->setup->tls == NULL) return session_complain(session, 502, "5.5.1", "Command not implemented");
    session->state = SESSION_STARTTLS; /* once the line is off the input */
    return PROGRESS_AGAIN;
}

/* Whatever stands behind the command came in clear, from whomever: it must never be taken for said inside. */
enum progress session_begin_tls(struct session *session) {
    if (session->client == NULL) return session_leave(session);
    if (connection_input(session->client).len > 0) {
        log_tls(session, "octets behind STARTTLS");
        metrics_count(session->setup->metrics, METRIC_INPUT_ERRORS, METRIC_INPUT_COMMAND, 0);
        session_say(session, 421, "4.7.0", "Nothing may follow STARTTLS before its reply");
        return session_leave(session);
    }
    session->state = SESSION_COMMAND;
    struct tls *tls =
        connection_state(session->client) == CONNECTION_OPEN ? tls_create(session->setup->tls, NULL) : NULL;
    if (tls == NULL) {
        session_say(session, 454, "4.7.0", "TLS is not available now");
        return PROGRESS_AGAIN;
    }
    session_say(session, 220, "2.0.0", "Ready to start TLS");
    connection_start_tls(session->client, tls);
    connection_expect(session->client, session->setup->options->tls_handshake_timeout_ms);
    session->state = SESSION_SECURING;
    return PROGRESS_AGAIN;
}

/* RFC 3207 section 4.2: the session is as after the greeting. What downstream was told of it is taken back. */
static enum progress begin_anew(struct session *session) {
    session_forget_transaction(session);
    session_forget_introduction(session);
    line_reader_release(&session->lines);
    bytes_clear(&session->helo);
    session->has_hello = session->is_esmtp = session->is_prompted = false;
    session->tls_version = connection_tls_version(session->client);
    session->state = SESSION_COMMAND;
    return PROGRESS_AGAIN;
}

/* There are no words for it: what would be sent in clear is no TLS, and inside there is none yet. */
static enum progress give_up(struct session *session, const char *fault) {
    log_tls(session, fault);
    session->state = SESSION_ENDED;
    return PROGRESS_WAIT;
}

enum progress session_await_tls(struct session *session) {
    if (session->client == NULL) return session_leave(session);
    if (connection_is_secure(session->client)) return begin_anew(session);
    const char *failure = connection_tls_failure(session->client);
    switch (connection_state(session->client)) {
    case CONNECTION_CONNECTING:
    case CONNECTION_OPEN: return PROGRESS_WAIT;
    case CONNECTION_TIMED_OUT:
        metrics_count(session->setup->metrics, METRIC_INPUT_ERRORS, METRIC_INPUT_TIMEOUT, 0);
        return give_up(session, "the handshake took too long");
    case CONNECTION_ENDED:
    case CONNECTION_FAILED: break;
    }
    return give_up(session, failure != NULL ? failure : "the client left in the handshake");
}
