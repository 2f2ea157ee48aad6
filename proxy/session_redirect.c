#include "base/bytes.h"
#include "proxy/downstream.h"
#include "proxy/message_flow.h"
#include "proxy/session_state.h"
#include "proxy/smtp_reply.h"
#include "proxy/xforward.h"

/* The recipients of the envelope were accepted long before the rules were asked, so the transaction is taken back and
 * begun once more. Nothing of the message has been sent by then. */
enum progress session_redirect(struct session *session) {
    struct forwarded_client storage;
    struct bytes line = bytes_with_cap(TRANSACTION_LINE_MAX);
    if (downstream_is_closed(session->downstream)) return session_give_fault(session);
    bool is_sayable = session_write_mail(session, &line) && !line.failed;
    if (is_sayable) {
        downstream_reset(session->downstream);
        downstream_mail(session->downstream, session_message_client(session, &storage), bytes_span(&line));
        session->state = SESSION_REDIRECTING;
        session->is_redirected = true;
    }
    bytes_release(&line);
    return is_sayable ? PROGRESS_WAIT : session_give_own(session, 452, "4.3.1", "Out of memory");
}

static enum progress send_recipient(struct session *session) {
    struct bytes line = bytes_with_cap(TRANSACTION_LINE_MAX);
    bytes_append_format(&line, "RCPT TO:<%s>", message_flow_rules(session->flow)->redirect);
    bool is_whole = !line.failed;
    if (is_whole) downstream_rcpt(session->downstream, bytes_span(&line));
    bytes_release(&line);
    return is_whole ? PROGRESS_WAIT : session_give_own(session, 452, "4.3.1", "Out of memory");
}

/* The client said another recipient and must not be told that this one is wrong: it comes again when that is mended. */
enum progress session_await_redirection(struct session *session) {
    const struct smtp_reply *reply = session->reply;
    if (session->has_fault) return session->has_fault = false, session_give_fault(session);
    if (reply == NULL) return PROGRESS_WAIT;
    session->reply = NULL;
    if (smtp_reply_class(reply) != 2)
        return session_give_own(session, 451, "4.3.5", "The next server refuses the recipient that a rule names");
    if (session->reply_step == DOWNSTREAM_MAIL) return send_recipient(session);
    session->state = SESSION_DELIVERING;
    downstream_deliver(session->downstream, message_flow_content(session->flow), 1);
    return PROGRESS_WAIT;
}
