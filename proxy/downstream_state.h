/* proxy/downstream_state.h -- the inside of a downstream conversation, shared by downstream.c (commands, content,
 * replies, life), downstream_opening.c (from the connection to a server that knows its client) and downstream_reuse.c
 * (from one session to the next). Of no use to anybody else; see downstream.h. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include "base/bytes.h"
#include "base/loop.h"
#include "proxy/content_writer.h"
#include "proxy/downstream_setup.h"
#include "proxy/smtp_capabilities.h"
#include "proxy/smtp_reply.h"

enum {
    COMMANDS_MAX = 24, /* in flight and waiting: RSET, XFORWARD's few lines, MAIL */
    INTRODUCTION_MAX = 8192,
    CONTENT_BLOCK = 32768,                               /* octets made ready at a time */
    CONTENT_UNSENT = 131072,                             /* beyond it the socket is asked first */
    UNSENT_MAX = CONTENT_UNSENT + CONTENT_BLOCK + 65536, /* plus a command line */
};

enum command {
    COMMAND_MAIL,
    COMMAND_RCPT,
    COMMAND_DATA,
    COMMAND_XFORWARD,
    COMMAND_RSET,
    COMMAND_NOOP,
    COMMAND_REVIVE,
    COMMAND_XCLIENT,
    COMMAND_HELLO,
};

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
    struct bytes introduction;    /* whom this connection was told of: XCLIENT's lines and the EHLO behind them */
    bool is_introduced;           /* ... and the server took it */
    bool knows_another;           /* it took an introduction before this one */
    struct content_writer writer; /* of the message that is being delivered */
    bool is_whole;                /* the writer has come to its end */
    size_t replies_due;
    bool has_refused;  /* anything since the message before: the server counts that against whoever talks */
    bool is_unproven;  /* revived, and no MAIL was answered since: whatever fails now is the connection's age */
    unsigned uses;     /* sessions it was handed on to */
    struct loop_task notice; /* a fault found out inside a call, told from the loop ... */
    int notice_error;        /* ... with this errno */
    unsigned depth;          /* events on the stack */
    bool is_dead;
};

/* Hangs up and tells the owner. */
enum progress downstream_fail(struct downstream *downstream, enum downstream_fault fault, const char *detail);
/* The same for what is no reply, or no memory for one. */
enum progress downstream_fail_for(struct downstream *downstream, enum smtp_reply_status status);
/* Takes of the input what belongs to the reply that is awaited. */
enum smtp_reply_status downstream_read_reply(struct downstream *downstream);
/* The server said something that answers nothing. */
bool downstream_is_out_of_step(const struct downstream *downstream);
/* Notes commands, whose lines, one for each, have just been appended to lines, which held before octets without them.
 */
void downstream_add_lines(struct downstream *downstream, enum command kind, size_t before);
/* Sends what was appended. */
void downstream_submit(struct downstream *downstream);
/* The connection's event. */
void downstream_changed(void *owner);

/* Tries the next addresses until one can be tried. False: none can; errno says why. */
bool downstream_connect_next(struct downstream *downstream);
/* Where TLS is not required, a server that cannot do it gets the mail all the same, on a new connection. */
bool downstream_connect_without_tls(struct downstream *downstream, const char *detail);
/* The answer to the RSET of downstream_revive. */
enum progress downstream_answer_revival(struct downstream *downstream);
/* Ready for the next command, and the owner hears of it. */
enum progress downstream_be_ready(struct downstream *downstream);
/* The steps of the states up to TALKING. */
enum progress downstream_await_connection(struct downstream *downstream);
enum progress downstream_await_greeting(struct downstream *downstream);
enum progress downstream_await_ehlo(struct downstream *downstream);
enum progress downstream_await_helo(struct downstream *downstream);
enum progress downstream_await_starttls(struct downstream *downstream);
enum progress downstream_await_security(struct downstream *downstream);
/* What the answers to XCLIENT, and to the EHLO behind it, lead to. */
enum progress downstream_answer_xclient(struct downstream *downstream);
enum progress downstream_answer_hello(struct downstream *downstream);
