#include <errno.h>
#include <stdlib.h>
#include "base/log.h"
#include "base/metrics.h"
#include "proxy/connection.h"
#include "proxy/content_writer.h"
#include "proxy/data_pace.h"
#include "proxy/maildir.h"
#include "proxy/message_flow.h"
#include "proxy/session_state.h"
#include "proxy/smtp_reply.h"

enum { EXTRA_MAX = 8192 }; /* octets of fields that tell of the envelope */

/* Back to commands, the message's fate is told to the log. */
static enum progress finish_message(struct session *session) {
    bool hang_up = session->transaction.code == 421;
    if (session->transaction.delivered > 0) session->errors = 0; /* a session may last for many messages */
    session->state = SESSION_COMMAND;
    session_forget_transaction(session);
    return hang_up && session->client != NULL ? session_leave(session) : PROGRESS_AGAIN;
}

static void give_reply(struct session *session, const struct smtp_reply *reply, size_t count) {
    for (; count > 0 && session->replies_due > 0; count--, session->replies_due--) {
        session_pass(session, reply);
        transaction_note(&session->transaction, reply);
    }
}

/* The same reply to all who still wait for one, and the end of the message. Without memory for it, the client is cut
 * off. */
static enum progress give_made(struct session *session, struct smtp_reply *reply, bool is_made) {
    if (is_made)
        give_reply(session, reply, session->replies_due);
    else if (session->client != NULL)
        connection_fail(session->client, ENOMEM);
    smtp_reply_release(reply);
    return finish_message(session);
}

enum progress session_give_own(struct session *session, unsigned code, const char *enhanced, const char *text) {
    struct smtp_reply reply;
    smtp_reply_init(&reply);
    return give_made(session, &reply, smtp_reply_set(&reply, code, enhanced, text));
}

static enum progress give_message_fault(struct session *session) {
    struct smtp_reply reply;
    smtp_reply_init(&reply);
    return give_made(session, &reply, message_flow_set_reply(session->flow, &reply));
}

enum progress session_give_fault(struct session *session) {
    return session_give_own(session, 451, downstream_fault_enhanced(session->fault),
                            downstream_fault_text(session->fault));
}

static enum progress begin_message(struct session *session) {
    if (session->flow == NULL) {
        session_say(session, 452, "4.3.1", "Out of memory");
        session->state = SESSION_COMMAND;
        session_forget_transaction(session);
        return PROGRESS_AGAIN;
    }
    message_flow_begin(session->flow, session->setup->listener->reject_line_ends);
    session->has_message = true;
    session->messages++;
    session->delivery_us = 0;
    session->data_octets = 0;
    session->is_redirected = false;
    metrics_move(session->setup->metrics, METRIC_INFLIGHT_MESSAGES, 1);
    session->replies_due = session->setup->listener->protocol == LISTENER_LMTP ? session->transaction.accepted : 1;
    session_say(session, 354, NULL, "End data with <CR><LF>.<CR><LF>");
    return PROGRESS_AGAIN;
}

static enum progress start_maildir(struct session *session, const char *folder) {
    const struct content *content = message_flow_content(session->flow);
    session->job = calloc(1, sizeof *session->job);
    if (session->job == NULL) return session_give_own(session, 452, "4.3.1", "Out of memory");
    *session->job = (struct maildir_job){
        .folder = folder,
        .head = content->head,
        .head_count = content->head_count,
        .spool = content->spool,
        .spool_offset = content->spool_offset,
        .loop = connection_set_loop(session->setup->connections),
        .done = session_note_stored,
        .owner = session,
    };
    maildir_submit(session->setup->maildir, session->job);
    return PROGRESS_WAIT;
}

/* -- what the rules want -- */

static bool ask_rules(struct session *session) {
    const struct transaction *transaction = &session->transaction;
    const struct listener_options *listener = session->setup->listener;
    const struct authentication_envelope envelope = session_envelope(session);
    const struct message_parties parties = {
        .envelope = &envelope,
        .recipients = bytes_span(&transaction->forward_paths),
        .recipient_count = transaction->accepted,
        .tls_version = session->tls_version,
        .listener = listener->name,
        .protocol = listener->protocol == LISTENER_LMTP ? RULE_PROTOCOL_LMTP : RULE_PROTOCOL_SMTP,
    };
    return message_flow_fault(session->flow) == MESSAGE_FINE && message_flow_judge(session->flow, &parties);
}

/* In a Maildir the envelope is gone: what of it is needed to send the message on stands in fields. */
static void write_envelope(struct bytes *out, const struct session *session, bool with_recipients) {
    struct span rest = bytes_span(&session->transaction.forward_paths);
    maildir_return_path_write(out, bytes_span(&session->transaction.sender));
    if (out->failed) return;
    while (with_recipients && rest.len > 0) {
        size_t len = span_find(rest, '\n');
        size_t before = out->len;
        bytes_append_text(out, "X-Sceau-Recipient: <");
        bytes_append(out, span_first(rest, len));
        bytes_append_text(out, ">\r\n");
        if (out->failed) out->failed = false, out->len = before, rest.len = 0; /* as many as fit */
        if (rest.len > 0) rest = span_after(rest, len < rest.len ? len + 1 : len);
    }
}

/* A quarantined message is none of downstream's business any more. */
static void leave_downstream(struct session *session) {
    if (session->downstream != NULL && !downstream_is_closed(session->downstream))
        downstream_reset(session->downstream);
}

static enum progress deliver(struct session *session, const struct message_rules *rules) {
    const char *folder = rules->quarantine != NULL     ? rules->quarantine
                         : session->downstream == NULL ? session->setup->listener->maildir
                                                       : NULL;
    struct bytes extra = bytes_with_cap(EXTRA_MAX);
    if (folder != NULL && rules->redirect != NULL) message_flow_drop_redirect(session->flow);
    if (folder != NULL) write_envelope(&extra, session, rules->quarantine != NULL);
    bool no_memory = extra.failed; /* a mailbox must not get a message without its Return-Path */
    bool sealed = !no_memory && message_flow_seal(session->flow, bytes_span(&extra));
    bytes_release(&extra);
    if (no_memory) return session_give_own(session, 452, "4.3.1", "Out of memory");
    if (!sealed) return give_message_fault(session);
    session->state = SESSION_DELIVERING;
    session->delivery_us = session_now_us(session);
    if (folder != NULL) return leave_downstream(session), start_maildir(session, folder);
    if (rules->redirect != NULL) return session_redirect(session);
    if (downstream_is_closed(session->downstream)) return session_give_fault(session);
    downstream_deliver(session->downstream, message_flow_content(session->flow), session->transaction.accepted);
    return PROGRESS_WAIT;
}

static enum progress start_delivery(struct session *session) {
    if (session->setup->tester != NULL && message_flow_fault(session->flow) == MESSAGE_FINE) return session_start_test(session);
    if (!ask_rules(session)) return give_message_fault(session);
    const struct message_rules *rules = message_flow_rules(session->flow);
    switch (rules->verdict) {
    case RULE_REJECT:
    case RULE_TEMPFAIL: return session_give_own(session, rules->code, rules->enhanced, rules->text);
    case RULE_DISCARD: session->transaction.is_discarded = true; return session_give_own(session, 250, "2.0.0", "Ok");
    default: return deliver(session, rules);
    }
}

enum progress session_read_data(struct session *session) {
    size_t taken;
    if (!session->has_message) return begin_message(session);
    if (connection_state(session->client) == CONNECTION_TIMED_OUT) return PROGRESS_WAIT; /* no more time is given */
    struct span input = connection_input(session->client);
    bool whole = message_flow_take(session->flow, input, &taken);
    connection_consume(session->client, taken);
    session->data_octets += taken;
    if (!whole) {
        int64_t age_ms = message_flow_age_us(session->flow) / 1000;
        connection_expect(session->client, data_pace_wait_ms(session->setup->options, age_ms, session->data_octets));
        return PROGRESS_WAIT;
    }
    connection_expect(session->client, 0);
    if (message_flow_end(session->flow)) return start_delivery(session);
    session->state = SESSION_VERIFYING;
    return PROGRESS_WAIT;
}

enum progress session_await_verdict(struct session *session) {
    if (!session->is_verified) return PROGRESS_WAIT;
    session->is_verified = false;
    return start_delivery(session);
}

static enum progress take_final_reply(struct session *session) {
    const struct smtp_reply *reply = session->reply;
    /* One reply for each recipient comes from LMTP only; all others count for all of them. */
    bool single = session->setup->server->is_lmtp && session->reply_step == DOWNSTREAM_END && !session->is_redirected;
    session->reply = NULL;
    give_reply(session, reply, single ? 1 : session->replies_due);
    if (session->replies_due == 0)
        metrics_observe(session->setup->metrics, METRIC_DOWNSTREAM_DURATION, METRIC_DOWNSTREAM_STEP_MESSAGE,
                        (uint64_t)(session_now_us(session) - session->delivery_us));
    return session->replies_due > 0 ? PROGRESS_WAIT : finish_message(session);
}

static enum progress take_stored(struct session *session) {
    struct maildir_job *job = session->job;
    enum maildir_status status = job->status;
    struct log_line line;
    session->is_stored = false;
    session->job = NULL;
    if (status != MAILDIR_OK) {
        metrics_count(session->setup->metrics, METRIC_FAULTS, METRIC_FAULT_MAILDIR, 0);
        log_begin(&line, LOG_LEVEL_WARNING, "maildir");
        log_text(&line, "folder", job->folder);
        log_text(&line, "fault", maildir_status_text(status));
        if (job->error != 0) log_text(&line, "detail", strerrordesc_np(job->error));
        log_end(&line);
    }
    free(job);
    if (status == MAILDIR_OK) return session_give_own(session, 250, "2.0.0", "Ok: delivered");
    if (status == MAILDIR_NO_SPACE) return session_give_own(session, 452, "4.3.1", maildir_status_text(status));
    return session_give_own(session, 451, "4.3.0", maildir_status_text(status));
}

enum progress session_await_delivery(struct session *session) {
    if (session->is_stored) return take_stored(session);
    if (session->job != NULL) return session->has_fault = false, PROGRESS_WAIT; /* downstream has no part in it */
    if (session->reply != NULL) return take_final_reply(session);
    if (session->has_fault) return session->has_fault = false, session_give_fault(session);
    return PROGRESS_WAIT;
}
