/* proxy/session_state.h -- the inside of a session, shared by session.c (machine and events), session_client.c (who the
 * client is), session_commands.c (what each command does), session_tls.c (STARTTLS), session_message.c (from DATA to the
 * final reply) and session_redirect.c (another recipient). Of no use to anybody else; see session.h. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "base/bytes.h"
#include "base/list.h"
#include "proxy/downstream.h"
#include "proxy/line_reader.h"
#include "proxy/session_setup.h"
#include "proxy/smtp_command.h"
#include "proxy/socket_address.h"
#include "proxy/transaction.h"
#include "verifier/authentication.h"

struct address_place;
struct connection;
struct forwarded_client;
struct introduction;
struct maildir_job;
struct message_flow;
struct smtp_reply;

enum progress { PROGRESS_AGAIN, PROGRESS_WAIT };

enum session_state {
    SESSION_ARRIVING,
    SESSION_COMMAND,
    SESSION_STARTTLS,
    SESSION_SECURING,
    SESSION_OPENING,
    SESSION_ASKING,
    SESSION_DATA,
    SESSION_VERIFYING,
    SESSION_REDIRECTING,
    SESSION_DELIVERING,
    SESSION_ENDED,
};

struct session {
    const struct session_setup *setup;
    struct list node;
    uint64_t id;
    unsigned messages; /* begun so far */
    enum session_state state;
    struct connection *client; /* NULL: let go of */
    struct line_reader lines;
    struct downstream *downstream; /* NULL: Maildir */
    struct socket_address peer; /* the client: who connected, or whom PROXY or XCLIENT named; zeroed: not known */
    struct address_place *place; /* counted for limits.sessions_per_address; NULL: not */
    bool is_proxied;             /* PROXY named the peer */
    bool is_trusted, has_hello, is_esmtp;
    bool is_draining;
    bool is_prompted; /* the time limit for the next command runs */
    const char *tls_version; /* "TLSv1.3", static; NULL: in clear */
    bool is_retried;  /* this MAIL was already tried on a second connection */
    struct bytes helo;
    struct introduction *introduced;     /* what XCLIENT said, for the session; NULL: nothing */
    struct forwarded_client *forwarded;  /* what XFORWARD said, for one message; NULL: nothing */
    struct transaction transaction;
    enum smtp_verb awaited; /* the client's command that waits for downstream */
    int64_t asked_us;       /* since when */
    int64_t delivery_us;    /* when the delivery began, 0: it has not */
    size_t replies_due;     /* final replies that the client still gets */
    struct message_flow *flow; /* from the MAIL that was accepted on */
    bool has_message;          /* DATA was answered with 354: the log will tell what became of it */
    uint64_t data_octets;      /* that came since */
    struct maildir_job *job;
    bool is_redirected;        /* the rules gave the message another recipient: one reply for all */
    unsigned errors, chatter;
    /* What the event at hand brought; gone when the steps have run. */
    const struct smtp_reply *reply;
    enum downstream_step reply_step;
    bool is_ready, is_verified, is_stored, has_fault;
    enum downstream_fault fault; /* the last one, kept for the replies to come */
};

int64_t session_now_us(const struct session *session);

/* Replies of our own, of downstream, and for its faults. A reply that cannot be sent ends the connection, not the caller. */
void session_say(struct session *session, unsigned code, const char *enhanced, const char *text);
void session_pass(struct session *session, const struct smtp_reply *reply);
/* The same as session_say for a mistake of the client's, which is counted. */
enum progress session_complain(struct session *session, unsigned code, const char *enhanced, const char *text);
/* Says goodbye politely; the session is over. */
enum progress session_leave(struct session *session);
/* MAIL got its refusal: back to commands. */
void session_refuse_mail(struct session *session);
/* MAIL was accepted: the transaction is open, and what the envelope tells is being checked. */
void session_open_transaction(struct session *session);
/* The client and what it said, as the checks and the tester want it; borrows from the session. */
struct authentication_envelope session_envelope(const struct session *session);
/* Stops these checks: the transaction ends before there was a message. */
void session_drop_checks(struct session *session);
/* Drops what the transaction has here and at downstream. */
void session_forget_transaction(struct session *session);

/* The client is to begin with a PROXY header. */
bool session_is_from_balancer(const struct session *session);
/* ... which this step waits for. */
enum progress session_read_proxy_header(struct session *session);
/* Greets the client that we know now. False: it was told that it has too many sessions, and must go. */
bool session_welcome(struct session *session);
enum progress session_xforward(struct session *session, struct span argument);
enum progress session_xclient(struct session *session, struct span argument);
/* As if XCLIENT had not been: the peer is who connected, or whom PROXY named. */
void session_forget_introduction(struct session *session);
/* Whose message it is: what XFORWARD said, else the session's client, described in *storage. */
const struct forwarded_client *session_message_client(const struct session *session, struct forwarded_client *storage);
/* A connection that another session has done with, unless this is the second try; else a new one: OPENING. Only when
 * closed. */
void session_open_downstream(struct session *session);
/* The test address that a path is, for a listener whose mail goes to the tester: its part in front of the @; empty: it is
 * none that could exist here. */
struct span session_test_name(const struct session *session, struct span path);
/* The message goes to the tester, at once. */
enum progress session_start_test(struct session *session);
/* At RCPT: does the test take mail? Else the client was told. */
bool session_test_accepts(struct session *session, struct span path);
/* Connects to downstream, or tells it by XCLIENT of another client than before, if either is needed: OPENING. False: it
 * is ready, or there is none. */
bool session_prepare_downstream(struct session *session);

/* Carries out one line that the client sent. */
enum progress session_command_run(struct session *session, struct span line);
/* Go on after downstream is ready: the reply to EHLO, the MAIL that waited. */
enum progress session_hello_answer(struct session *session);
enum progress session_mail_send(struct session *session);

/* STARTTLS: its place in EHLO's reply, what it does, and whether the client has to say it before this command. */
bool session_offers_tls(const struct session *session);
enum progress session_starttls(struct session *session);
bool session_needs_tls(const struct session *session, enum smtp_verb verb);
/* The steps behind it: STARTTLS, SECURING. */
enum progress session_begin_tls(struct session *session);
enum progress session_await_tls(struct session *session);

/* Who sends, for the checks and the rules; borrowed from session. */
struct authentication_envelope session_envelope(const struct session *session);
/* Writes the client's MAIL as downstream is to get it. False: its address needs what downstream lacks. */
bool session_write_mail(const struct session *session, struct bytes *line);
/* The final reply of ours to all who wait for one, and the end of the message. */
enum progress session_give_own(struct session *session, unsigned code, const char *enhanced, const char *text);
enum progress session_give_fault(struct session *session); /* of downstream: 451 */

/* Downstream's transaction is begun anew with the one recipient that the rules name, then the message is delivered. */
enum progress session_redirect(struct session *session);
enum progress session_await_redirection(struct session *session); /* the step: REDIRECTING */

/* The steps of a message: DATA, VERIFYING, DELIVERING; and the events that they wait for. */
enum progress session_read_data(struct session *session);
enum progress session_await_verdict(struct session *session);
enum progress session_await_delivery(struct session *session);
void session_note_verified(void *owner);
void session_note_stored(struct maildir_job *job);
