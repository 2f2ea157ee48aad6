/* proxy/session_setup.h -- what the sessions of one listener share. Pure data; borrowed by each session until it has ended. */
#pragma once
#include "base/options.h"

struct address_limit;
struct connection_set;
struct domain_stats_worker;
struct downstream_pool;
struct event_log;
struct downstream_server;
struct maildir;
struct message_pool;
struct metrics_worker;
struct session;
struct tester;
struct tls_context;

struct session_setup {
    const struct options *options;
    const struct listener_options *listener;
    struct tls_context *tls;                /* toward clients; NULL: no STARTTLS */
    const struct downstream_server *server; /* NULL: none of the listener's mail goes to a server */
    struct downstream_pool *downstreams;    /* connections to it that wait for a session; NULL: none are kept */
    struct maildir *maildir;                /* for those without a server, and for quarantine */
    struct tester *tester;                  /* NULL: the listener's mail does not go to the tester */
    struct message_pool *messages;
    struct connection_set *connections;
    struct address_limit *addresses; /* may be NULL */
    const char *name;                                    /* what we call ourselves */
    struct metrics_worker *metrics;                      /* may be NULL */
    struct domain_stats_worker *domains;                 /* may be NULL */
    struct event_log *events;                            /* may be NULL */
    void (*ended)(void *owner, struct session *session); /* it is over and its memory is about to go; may be NULL */
    void *owner;
};
