/* proxy/downstream.h -- the client side: one SMTP or LMTP conversation with the server the mail goes on to
 * (RFC 5321, RFC 2033, XFORWARD, XCLIENT). Connects, greets, relays commands one by one (several at once where the server offers
 * PIPELINING and order allows it), sends a message's content as fast as the socket takes it, and hands replies up as they
 * came. Says STARTTLS (RFC 3207) as tls_policy wants it; what the server said in clear is forgotten, capabilities too, and
 * octets behind its 220 end the conversation. TLS_MAY goes on in clear where STARTTLS is not offered or refused, and
 * connects once more without it when the handshake failed. What a reply or a fault means for the client is the session's
 * business.
 * An end of data is sent only for a message that downstream_deliver was given whole; every fault before drops the
 * connection instead, so that the server never takes a part for the whole.
 * Events come from the loop only, never inside a call of this module; inside an event every call is allowed, destroy too.
 * Thread rule: the loop's thread. Memory: an idle conversation holds no buffers. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/options.h"
#include "base/span.h"
#include "proxy/smtp_capabilities.h"
#include "proxy/socket_address.h"

struct connection_set;
struct content;
struct forwarded_client;
struct smtp_reply;
struct tls_context;

/* Where and how; immutable, shared by all conversations with that server. */
struct downstream_server {
    bool is_lmtp;
    struct socket_address address[SOCKET_ADDRESS_MAX]; /* tried in order */
    size_t address_count;
    char hello_name[256]; /* what we call ourselves */
    enum tls_policy tls_policy;
    struct tls_context *tls; /* borrowed; NULL: tls_policy is TLS_OFF */
    char host[256];          /* whom a certificate must prove; "": a unix socket */
    int64_t tls_handshake_timeout_ms;
    int64_t greeting_timeout_ms, reply_timeout_ms, data_timeout_ms, final_reply_timeout_ms;
};

/* id, enhanced code and text for the client */
#define DOWNSTREAM_FAULTS(X)                                                                                           \
    X(DOWNSTREAM_REFUSED, "4.3.2", "next server cannot be reached")                                                    \
    X(DOWNSTREAM_SILENT, "4.3.2", "next server does not answer")                                                       \
    X(DOWNSTREAM_UNWILLING, "4.3.2", "next server takes no mail now")                                                  \
    X(DOWNSTREAM_TLS, "4.7.5", "no secure connection to the next server")                                              \
    X(DOWNSTREAM_LOST, "4.4.2", "connection to the next server lost")                                                  \
    X(DOWNSTREAM_TIMEOUT, "4.4.2", "next server timed out")                                                            \
    X(DOWNSTREAM_MALFORMED, "4.5.0", "next server sent something that is no reply")                                    \
    X(DOWNSTREAM_SPOOL, "4.3.0", "message cannot be read back")                                                        \
    X(DOWNSTREAM_NO_MEMORY, "4.3.1", "out of memory or descriptors")
#define X(id, enhanced, text) id,
enum downstream_fault { DOWNSTREAM_FAULTS(X) DOWNSTREAM_FAULT_COUNT };
#undef X
const char *downstream_fault_enhanced(enum downstream_fault fault);
const char *downstream_fault_text(enum downstream_fault fault);

enum downstream_step {
    DOWNSTREAM_MAIL,
    DOWNSTREAM_RCPT,
    DOWNSTREAM_DATA, /* only when it was not 354: nothing was sent */
    DOWNSTREAM_END,  /* to the end of data; LMTP: once for each recipient, in order */
};

struct downstream_events {
    void (*ready)(void *owner); /* after downstream_open, _introduce: greeted, capabilities are known */
    /* reply is valid during the call. */
    void (*replied)(void *owner, enum downstream_step step, const struct smtp_reply *reply);
    /* The connection is gone, and with it the transaction; detail is valid during the call. May be opened
     * again. */
    void (*failed)(void *owner, enum downstream_fault fault, const char *detail);
};

struct downstream;

/* Connects nowhere yet. server and events are borrowed until destroy. NULL: no memory. */
struct downstream *downstream_create(const struct downstream_server *server, struct connection_set *set,
                                     const struct downstream_events *events, void *owner);
/* Between transactions: says QUIT; else drops the connection. Accepts NULL. */
void downstream_destroy(struct downstream *downstream);

/* Connects and greets: ready or failed follows. Only when closed. */
void downstream_open(struct downstream *downstream);
/* Tells a server that offers XCLIENT whose commands follow, and says EHLO (LHLO) again, with that client's own name: ready
 * or failed follows; a refusal of XCLIENT is no matter. False, and nothing follows: the server does not offer it, knows
 * already, or client has no internet address and nobody was told before on this connection, so we speak for ourselves.
 * Only when ready, and between transactions. */
bool downstream_introduce(struct downstream *downstream, const struct forwarded_client *client);
bool downstream_is_closed(const struct downstream *downstream); /* never opened, or failed */
/* Valid from ready on. */
const struct smtp_capabilities *downstream_capabilities(const struct downstream *downstream);

/* Sends one command line (without CRLF); replied follows, or failed. client may be NULL; its attributes go first where
 * the server offers XFORWARD, and a refusal of them is no matter. Only when ready. */
void downstream_mail(struct downstream *downstream, const struct forwarded_client *client, struct span line);
void downstream_rcpt(struct downstream *downstream, struct span line);
/* Sends DATA and, at 354, content, which stays the caller's and as it is until the last reply or failed. recipients: how
 * many were accepted. */
void downstream_deliver(struct downstream *downstream, const struct content *content, size_t recipients);
/* The end of data is out and its reply is not there yet: what becomes of the message is the server's decision now. */
bool downstream_is_committed(const struct downstream *downstream);
/* Ends the transaction without delivery. No event follows for it. */
void downstream_reset(struct downstream *downstream);
