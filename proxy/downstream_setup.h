/* proxy/downstream_setup.h -- what the conversations with one server share, and what they tell their owners. Pure data;
 * see downstream.h. */
#pragma once
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/options.h"
#include "proxy/socket_address.h"

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
    /* NOOP so often while a transaction waits for its message: a slow client takes longer than the five minutes that a
     * server waits for a command (RFC 5321 section 4.5.3.2.7). 0: never. */
    int64_t keep_alive_ms;
    atomic_uint *idle; /* connections to it that all workers' downstream_pools keep; borrowed; NULL: they keep none */
};

/* id, enhanced code and text for the client */
#define DOWNSTREAM_FAULTS(X)                                                                                           \
    X(DOWNSTREAM_REFUSED, "4.3.2", "next server cannot be reached")                                                    \
    X(DOWNSTREAM_SILENT, "4.3.2", "next server does not answer")                                                       \
    X(DOWNSTREAM_UNWILLING, "4.3.2", "next server takes no mail now")                                                  \
    X(DOWNSTREAM_TLS, "4.7.5", "no secure connection to the next server")                                              \
    X(DOWNSTREAM_LOST, "4.4.2", "connection to the next server lost")                                                  \
    X(DOWNSTREAM_STALE, "4.4.2", "connection kept for reuse is of no use any more")                                    \
    X(DOWNSTREAM_TIMEOUT, "4.4.2", "next server timed out")                                                            \
    X(DOWNSTREAM_MALFORMED, "4.5.0", "next server sent something that is no reply")                                    \
    X(DOWNSTREAM_SPOOL, "4.3.0", "message cannot be read back")                                                        \
    X(DOWNSTREAM_NO_MEMORY, "4.3.1", "out of memory or descriptors")
#define X(id, enhanced, text) id,
enum downstream_fault { DOWNSTREAM_FAULTS(X) DOWNSTREAM_FAULT_COUNT };
#undef X
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
