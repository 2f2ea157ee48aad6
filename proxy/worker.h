/* proxy/worker.h -- one thread that serves clients: its loop, its listening sockets, its sessions, its spool and verifiers.
 * Everything it does after worker_start it does on its own thread; orders from main arrive by loop_post, and main
 * waits until they are carried out. Configurations change under it: new sessions take the newest, those that run keep theirs.
 * Thread rule: all calls from main, in the order create, start, use and drain, join, destroy. */
#pragma once
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/memory_account.h"
#include "proxy/spool.h"

struct address_limit;
struct clock;
struct domain_stats;
struct event_log;
struct generation;
struct maildir;
struct metrics;
struct replay_counter;
struct tester;
struct worker;

/* What all workers share; lives longer than they. */
struct worker_shared {
    const struct clock *clock;
    struct metrics *metrics;      /* may be NULL */
    struct domain_stats *domains; /* may be NULL */
    struct event_log *events;     /* may be NULL */
    struct maildir *maildir;
    struct replay_counter *replays;
    struct tester *tester;        /* NULL: none */
    struct address_limit *addresses; /* of clients that have sessions */
    struct memory_account memory; /* of sessions and messages */
    struct spool_account spool_account;
    struct spool_limits spool_limits;
    int spool_directory;
    unsigned workers;
    struct worker **worker;  /* all of them, once they are created */
    uint64_t id_base;        /* of session ids, so that they differ from those of the process before */
    atomic_uint sessions;    /* of all workers */
    atomic_uint idle_downstreams;
    atomic_bool is_draining; /* set before any worker is told to drain */
};

/* index: 0 .. workers-1. NULL: no memory or descriptors. */
struct worker *worker_create(struct worker_shared *shared, unsigned index);
bool worker_start(struct worker *worker);
/* From now on new sessions follow generation; fd[i] is the listening socket for its listener i, the worker's from now on.
 * Sockets the worker had and that are not among fd are closed. Returns when it is done, also while the worker runs (not
 * after worker_drain). False: no memory; nothing is changed and the descriptors stay the caller's. */
bool worker_use(struct worker *worker, struct generation *generation, const int *fd, size_t count);
/* New sessions get 421, idle ones too, messages in flight may finish within timeout_ms. The thread ends with the last
 * session of all workers, so that until then every client that comes is told. shared->is_draining is set by now. */
void worker_drain(struct worker *worker, int64_t timeout_ms);
/* Waits for the thread's end. */
void worker_join(struct worker *worker);
/* Accepts NULL. Not while the thread runs. */
void worker_destroy(struct worker *worker);
