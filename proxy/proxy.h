/* proxy/proxy.h -- the whole filter: listeners, worker threads, resolver and key cache, from one configuration.
 * The order for a daemon: proxy_create (binds, still as root), drop privileges, proxy_start (threads), proxy_ready for
 * /readyz, proxy_reload on SIGHUP, proxy_drain on SIGTERM, proxy_wait, proxy_destroy.
 * Threads: options workers (0: one a core), the resolver's, and a few for Maildir writing. Signals are for the caller to
 * block before proxy_start; the threads handle none.
 * Thread rule: all calls from one thread (main), but proxy_ready, which any thread may ask. */
#pragma once
#include <stdbool.h>
#include <sys/types.h>
#include "base/options.h"

struct domain_stats;
struct event_log;
struct metrics;
struct named_counts;
struct proxy;
struct tester;
struct tester_supply;

struct proxy_setup {
    struct options *options;      /* acquired */
    struct metrics *metrics;      /* borrowed, as what follows, until destroy */
    struct domain_stats *domains; /* may be NULL */
    struct named_counts *rule_counts; /* a row for each rule; may be NULL */
    uid_t owner;                  /* whose the spool directory and unix sockets are: whom the process runs as, or is about ... */
    gid_t group;                  /* ... to become */
    const int *given;             /* for each listener a listening socket that the workers get duplicates of, or -1: bind;
                                     NULL: bind all. Borrowed during the call */
};

/* Binds every listener of options, looks up downstream's host names, opens the spool directory.
 * NULL: *error (caller frees) is one sentence that names the listener, its address and the reason. */
struct proxy *proxy_create(const struct proxy_setup *setup, char **error);
/* Before the start: the desk that listeners with downstream = tester give their messages to, and where it has its keys from;
 * both are borrowed until destroy. */
void proxy_use_tester(struct proxy *proxy, struct tester *tester, struct tester_supply *supply);
/* Starts the threads; from now on clients are served, and messages told to events, which is borrowed until destroy and may
 * be NULL. False: *error says why, and only destroy is left. */
bool proxy_start(struct proxy *proxy, struct event_log *events, char **error);
/* Takes a new configuration into use: new sessions follow it, those that run keep theirs until they end. Listeners that
 * are gone are closed, new ones bound, the others stay open without a gap. workers and the spool's limits need a restart.
 * False: nothing has changed, *error says why. */
bool proxy_reload(struct proxy *proxy, struct options *options, char **error);
/* Ends service: idle sessions and new ones get 421, messages in flight may finish within drain_timeout. Returns at once. */
void proxy_drain(struct proxy *proxy);
/* Waits until every worker has ended after proxy_drain. */
void proxy_wait(struct proxy *proxy);
/* After proxy_wait, or before proxy_start. Accepts NULL. */
void proxy_destroy(struct proxy *proxy);

/* Serving, and not draining. */
bool proxy_ready(const struct proxy *proxy);
/* Client sessions at this moment. */
unsigned proxy_sessions(const struct proxy *proxy);
