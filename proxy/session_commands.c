#include "proxy/session_state.h"
#include <stdlib.h>
#include <string.h>
#include "http/tester.h"
#include "proxy/connection.h"
#include "proxy/message_flow.h"
#include "proxy/relay_command.h"
#include "proxy/smtp_reply.h"
#include "proxy/xforward.h"
#include "verifier/authentication.h"

enum {
    HELO_MAX = 255,
};

static bool is_lmtp(const struct session *session) { return session->setup->listener->protocol == LISTENER_LMTP; }

static const struct smtp_capabilities *capabilities(const struct session *session) {
    /* A Maildir takes everything. */
    static const struct smtp_capabilities all = {.size = true, .eight_bit_mime = true, .smtputf8 = true};
    return session->downstream != NULL ? downstream_capabilities(session->downstream) : &all;
}

static bool is_connected(const struct session *session) {
    return session->downstream == NULL || !downstream_is_closed(session->downstream);
}

static enum progress fine(struct session *session, const char *enhanced, const char *text) {
    session_say(session, 250, enhanced, text);
    return PROGRESS_AGAIN;
}

/* -- EHLO, LHLO, HELO -- */

static uint64_t size_limit(const struct session *session) {
    const struct smtp_capabilities *next = capabilities(session);
    uint64_t ours = (uint64_t)session->setup->options->message_max;
    if (session->setup->tester != NULL && ours > TESTER_UPLOAD_MAX) ours = TESTER_UPLOAD_MAX;
    return next->has_size_limit && next->size_limit > 0 && next->size_limit < ours ? next->size_limit : ours;
}

/* SMTP has one reply for all recipients, LMTP one for each: in front of LMTP, SMTP can answer for one only. A test is one
 * message to one address. */
static size_t recipients_max(const struct session *session) {
    bool single = !is_lmtp(session) && session->setup->server != NULL && session->setup->server->is_lmtp;
    return single || session->setup->tester != NULL ? 1 : (size_t)session->setup->options->recipients_max;
}

static void write_offers(const struct session *session, struct bytes *text) {
    bytes_append_format(text, "%s\nPIPELINING\nSIZE ", session->setup->name);
    bytes_append_uint(text, size_limit(session));
    bytes_append_text(text, "\n8BITMIME\nSMTPUTF8\nENHANCEDSTATUSCODES");
    if (session_offers_tls(session)) bytes_append_text(text, "\nSTARTTLS");
    if (capabilities(session)->dsn) bytes_append_text(text, "\nDSN");
    if (session->is_trusted)
        bytes_append_format(text, "\n%s\n%s", xforward_offer(XFORWARD_COMMAND), xforward_offer(XCLIENT_COMMAND));
    bytes_append_text(text, "\nLIMITS RCPTMAX=");
    bytes_append_uint(text, recipients_max(session));
    bytes_append(text, (struct span){"", 1});
}

enum progress session_hello_answer(struct session *session) {
    if (session_prepare_downstream(session)) return PROGRESS_AGAIN;
    session->has_hello = true;
    if (!session->is_esmtp) return fine(session, NULL, session->setup->name);
    struct bytes text = bytes_with_cap(1024);
    write_offers(session, &text);
    if (!text.failed)
        session_say(session, 250, NULL, text.ptr);
    else
        session_say(session, 421, "4.3.0", "Out of memory");
    bytes_release(&text);
    return PROGRESS_AGAIN;
}

static enum progress hello(struct session *session, const struct smtp_command *command) {
    if (is_lmtp(session) != (command->verb == SMTP_LHLO))
        return session_complain(session, 500, "5.5.1",
                                is_lmtp(session) ? "This is LMTP: say LHLO" : "This is SMTP: say EHLO");
    session_forget_transaction(session);
    bytes_clear(&session->helo);
    struct span name = span_first(command->argument, command->argument.len < HELO_MAX ? command->argument.len : HELO_MAX);
    if (!bytes_append(&session->helo, name)) { /* SPF must not be asked about another name */
        session_say(session, 452, "4.3.1", "Out of memory");
        return PROGRESS_AGAIN;
    }
    session->awaited = command->verb;
    session->is_esmtp = command->verb != SMTP_HELO;
    session->is_retried = false;
    return session_hello_answer(session);
}

/* -- MAIL, RCPT, DATA -- */

/* No room for the line to downstream: what there is of it must not be sent. */
static enum progress refuse_without_memory(struct session *session, struct bytes *line) {
    bytes_release(line);
    session_say(session, 452, "4.3.1", "Out of memory");
    return PROGRESS_AGAIN;
}

bool session_write_mail(const struct session *session, struct bytes *line) {
    struct smtp_command command;
    smtp_command_parse(bytes_span(&session->transaction.mail_line), &command); /* it was good when it came */
    return relay_command_write(line, &command, capabilities(session));
}

enum progress session_mail_send(struct session *session) {
    struct forwarded_client storage;
    if (session_prepare_downstream(session)) return PROGRESS_AGAIN;
    struct bytes line = bytes_with_cap(TRANSACTION_LINE_MAX);
    if (!session_write_mail(session, &line)) {
        session_refuse_mail(session);
        return session_complain(session, 553, "5.6.7", "Address needs SMTPUTF8, which the next server lacks");
    }
    if (line.failed) {
        session_refuse_mail(session);
        return refuse_without_memory(session, &line);
    }
    session->state = SESSION_ASKING;
    session->asked_us = session_now_us(session);
    downstream_mail(session->downstream, session_message_client(session, &storage), bytes_span(&line));
    bytes_release(&line);
    return PROGRESS_AGAIN;
}

static enum progress mail(struct session *session, const struct smtp_command *command, struct span line) {
    struct transaction *transaction = &session->transaction;
    if (!session->has_hello)
        return session_complain(session, 503, "5.5.1", is_lmtp(session) ? "Say LHLO first" : "Say EHLO or HELO first");
    if (transaction->is_open) return session_complain(session, 503, "5.5.1", "Nested MAIL command");
    if (command->has_size && command->size > size_limit(session)) {
        session_refuse_mail(session);
        session_say(session, 552, "5.3.4", "Message larger than the limit announced with SIZE");
        return PROGRESS_AGAIN;
    }
    session_drop_checks(session);
    transaction_reset(transaction);
    if (!bytes_append(&transaction->mail_line, line) || !bytes_append(&transaction->sender, command->path)) {
        session_refuse_mail(session);
        session_say(session, 452, "4.3.1", "Out of memory");
        return PROGRESS_AGAIN;
    }
    session->chatter = 0;
    session->is_retried = false;
    session->awaited = SMTP_MAIL;
    if (session->downstream == NULL) {
        session_open_transaction(session);
        return fine(session, "2.1.0", "Ok");
    }
    return session_mail_send(session);
}

/* Who sends, for SPF and iprev: our client, or the one that it speaks for. Once it has used XFORWARD, what it did not
 * say is not known: its own address would be that of a relay. */
struct authentication_envelope session_envelope(const struct session *session) {
    unsigned without = session->setup->listener->without;
    struct authentication_envelope envelope = {
        .helo = bytes_span(&session->helo),
        .mail_from = bytes_span(&session->transaction.sender),
        .left_out = AUTHENTICATION_ONE_SPF | ((without & LISTENER_WITHOUT_SPF) != 0 ? AUTHENTICATION_NO_SPF : 0u) |
                    ((without & LISTENER_WITHOUT_IPREV) != 0 ? AUTHENTICATION_NO_IPREV : 0u) |
                    ((without & LISTENER_WITHOUT_DMARC) != 0 ? AUTHENTICATION_NO_DMARC : 0u),
    };
    if (session->forwarded == NULL) {
        envelope.has_address = socket_address_octets(&session->peer, envelope.address, &envelope.is_v4);
    } else {
        envelope.has_address = xforward_address(session->forwarded, envelope.address, &envelope.is_v4);
        envelope.helo = xforward_text(session->forwarded, XFORWARD_HELO);
    }
    return envelope;
}

void session_open_transaction(struct session *session) {
    const struct authentication_envelope envelope = session_envelope(session);
    session->transaction.is_open = true;
    /* Without memory DATA will say so. */
    session->flow = message_flow_open(session->setup->messages, &envelope, session_note_verified, session);
}

/* No transaction at downstream: lost there, or never begun here. */
static bool needs_transaction(struct session *session, enum progress *progress) {
    struct transaction *transaction = &session->transaction;
    *progress = PROGRESS_AGAIN;
    if (transaction->is_open && !is_connected(session)) {
        transaction->is_open = false;
        transaction->is_lost = true;
        session_drop_checks(session);
    }
    if (transaction->is_open) return false;
    if (transaction->is_lost)
        session_say(session, 451, downstream_fault_enhanced(session->fault), downstream_fault_text(session->fault));
    else if (transaction->is_refused)
        session_say(session, 503, "5.5.1", "MAIL was refused");
    else
        *progress = session_complain(session, 503, "5.5.1", "Say MAIL first");
    return true;
}

static enum progress rcpt(struct session *session, const struct smtp_command *command) {
    struct transaction *transaction = &session->transaction;
    enum progress progress;
    if (needs_transaction(session, &progress)) return progress;
    if (transaction->accepted >= recipients_max(session)) {
        session_say(session, 452, "4.5.3", "Too many recipients: send the message again for the others");
        return PROGRESS_AGAIN;
    }
    struct bytes line = bytes_with_cap(TRANSACTION_LINE_MAX);
    if (!relay_command_write(&line, command, capabilities(session))) {
        transaction->tried++;
        session_say(session, 553, "5.6.7", "Address needs SMTPUTF8, which the next server lacks");
        return PROGRESS_AGAIN;
    }
    if (line.failed) return refuse_without_memory(session, &line);
    if (session->setup->tester != NULL && !session_test_accepts(session, command->path)) {
        bytes_release(&line);
        transaction->tried++;
        return PROGRESS_AGAIN;
    }
    if (!transaction_try(transaction, command->path)) return refuse_without_memory(session, &line);
    if (session->downstream == NULL) {
        bytes_release(&line);
        transaction_settle(transaction, true);
        return fine(session, "2.1.5", "Ok");
    }
    session->awaited = SMTP_RCPT;
    session->state = SESSION_ASKING;
    session->asked_us = session_now_us(session);
    downstream_rcpt(session->downstream, bytes_span(&line));
    bytes_release(&line);
    return PROGRESS_AGAIN;
}

static enum progress data(struct session *session) {
    enum progress progress;
    if (needs_transaction(session, &progress)) return progress;
    if (session->transaction.tried == 0) return session_complain(session, 503, "5.5.1", "Say RCPT first");
    if (session->transaction.accepted == 0) { /* no mistake of a client that pipelines: RFC 2920 section 3.1 */
        session_say(session, 554, "5.5.1", "No valid recipients");
        return PROGRESS_AGAIN;
    }
    session->state = SESSION_DATA;
    return PROGRESS_AGAIN;
}

/* -- the others -- */

static enum progress rset(struct session *session) {
    session_forget_transaction(session);
    return fine(session, "2.0.0", "Ok");
}

static enum progress help(struct session *session) {
    session_say(session, 214, "2.0.0",
                is_lmtp(session) ? "LHLO MAIL RCPT DATA RSET NOOP VRFY HELP QUIT"
                                 : "EHLO HELO MAIL RCPT DATA RSET NOOP VRFY HELP QUIT");
    return PROGRESS_AGAIN;
}

/* What follows on the wire is no SMTP: it must not be read as commands. */
static enum progress hang_up(struct session *session) {
    session_say(session, 502, "5.5.1", "Command not implemented, goodbye");
    return session_leave(session);
}

static enum progress quit(struct session *session) {
    session_say(session, 221, "2.0.0", "Bye");
    return session_leave(session);
}

static enum progress dispatch(struct session *session, const struct smtp_command *command, struct span line) {
    if (session_needs_tls(session, command->verb))
        return session_complain(session, 530, "5.7.0", "Must issue a STARTTLS command first");
    switch (command->verb) {
    case SMTP_EHLO:
    case SMTP_LHLO:
    case SMTP_HELO: return hello(session, command);
    case SMTP_MAIL: return mail(session, command, line);
    case SMTP_RCPT: return rcpt(session, command);
    case SMTP_DATA: return data(session);
    case SMTP_RSET: return rset(session);
    case SMTP_NOOP: return fine(session, "2.0.0", "Ok");
    case SMTP_VRFY:
        session_say(session, 252, "2.1.5", "Cannot verify the user, send mail to find out");
        return PROGRESS_AGAIN;
    case SMTP_HELP: return help(session);
    case SMTP_STARTTLS: return session_starttls(session);
    case SMTP_XCLIENT: return session_xclient(session, command->argument);
    case SMTP_XFORWARD: return session_xforward(session, command->argument);
    case SMTP_QUIT: return quit(session);
    default: return session_complain(session, 502, "5.5.1", "Command not implemented");
    }
}

static bool is_chatter(enum smtp_verb verb) {
    return verb != SMTP_MAIL && verb != SMTP_RCPT && verb != SMTP_DATA && verb != SMTP_QUIT;
}

enum progress session_command_run(struct session *session, struct span line) {
    struct smtp_command command;
    enum smtp_command_status status = smtp_command_parse(line, &command);
    if (command.verb == SMTP_BDAT || smtp_verb_is_foreign(command.verb)) return hang_up(session);
    if (is_chatter(command.verb) && ++session->chatter > (unsigned)session->setup->options->empty_commands_max) {
        session_say(session, 421, "4.7.0", "Too many commands without a message");
        return session_leave(session);
    }
    if (status != SMTP_COMMAND_OK)
        return session_complain(session, smtp_command_status_code(status), smtp_command_status_enhanced(status),
                                smtp_command_status_text(status));
    return dispatch(session, &command, line);
}
