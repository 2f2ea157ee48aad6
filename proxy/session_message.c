#include <errno.h>
#include <stdlib.h>
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "proxy/connection.h"
#include "proxy/content_writer.h"
#include "proxy/data_pace.h"
#include "proxy/maildir.h"
#include "proxy/message_flow.h"
#include "proxy/session_state.h"
#include "proxy/smtp_reply.h"

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

static enum progress give_fault(struct session *session) {
    return session_give_own(session, 451, downstream_fault_enhanced(session->fault), downstream_fault_text(session->fault));
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
    metrics_move(session->setup->metrics, METRIC_INFLIGHT_MESSAGES, 1);
    session->replies_due = session->setup->listener->protocol == LISTENER_LMTP ? session->transaction.accepted : 1;
    session_say(session, 354, NULL, "End data with <CR><LF>.<CR><LF>");
    return PROGRESS_AGAIN;
}

static enum progress start_maildir(struct session *session) {
    const struct content *content = message_flow_content(session->flow);
    session->job = calloc(1, sizeof *session->job);
    if (session->job == NULL) return session_give_own(session, 452, "4.3.1", "Out of memory");
    *session->job = (struct maildir_job){
        .folder = session->setup->listener->maildir,
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

static enum progress start_delivery(struct session *session) {
    struct bytes extra = bytes_with_cap(SMTP_PATH_MAX + 64);
    if (session->setup->tester != NULL && message_flow_fault(session->flow) == MESSAGE_FINE) return session_start_test(session);
    if (session->downstream == NULL) maildir_return_path_write(&extra, bytes_span(&session->transaction.sender));
    bool sealed =
        message_flow_fault(session->flow) == MESSAGE_FINE && message_flow_seal(session->flow, bytes_span(&extra));
    bytes_release(&extra);
    if (!sealed) return give_message_fault(session);
    session->state = SESSION_DELIVERING;
    session->delivery_us = clock_monotonic_us(connection_set_clock(session->setup->connections));
    if (session->downstream == NULL) return start_maildir(session);
    if (downstream_is_closed(session->downstream)) return give_fault(session);
    downstream_deliver(session->downstream, message_flow_content(session->flow), session->transaction.accepted);
    return PROGRESS_WAIT;
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
    bool single = session->setup->server->is_lmtp && session->reply_step == DOWNSTREAM_END;
    session->reply = NULL;
    give_reply(session, reply, single ? 1 : session->replies_due);
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
    if (session->reply != NULL) return take_final_reply(session);
    if (session->has_fault) return session->has_fault = false, give_fault(session);
    return PROGRESS_WAIT;
}
