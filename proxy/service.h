/* proxy/service.h -- one generation of the configuration inside one worker: verifiers, keys, what its sessions share.
 * Thread rule: the worker's thread. The last session of a service that is not current any more frees it. */
#pragma once
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include "base/list.h"
#include "proxy/message_flow.h"
#include "proxy/session.h"

struct address_limit;
struct connection_set;
struct generation;
struct domain_stats;
struct domain_stats_worker;
struct downstream_pool;
struct event_log;
struct key_client;
struct maildir;
struct memory_account;
struct replay_counter;
struct rule_scratch;
struct tester;

struct service {
    struct list node;              /* the worker's */
    struct generation *generation; /* owned reference */
    struct key_client *keys;
    struct message_setup messages;
    struct message_pool *pool;
    struct downstream_pool *downstreams;
    struct session_setup *listener; /* one for each */
    size_t sessions;
    void (*ended)(void *owner, struct session *session, struct service *service);
    void *owner;
};

/* The surroundings of every session of a worker. */
struct service_parts {
    struct loop *loop;
    const struct clock *clock;
    struct connection_set *connections;
    struct address_limit *addresses;
    struct spool_pool *spools;
    struct memory_account *memory;
    struct maildir *maildir;
    atomic_uint *idle_downstreams; /* of all workers */
    struct rule_scratch *rule_scratch;
    struct replay_counter *replays;
    struct tester *tester;         /* NULL: none */
    struct metrics_worker *metrics;
    struct domain_stats_worker *domains;
    struct domain_stats *statistics; /* what rules may ask; NULL: none */
    struct event_log *events;
    const struct service *before; /* the worker's service so far; NULL: none */
    /* One of service's sessions is over; what the service owns may be on the stack. */
    void (*ended)(void *owner, struct session *session, struct service *service);
    void *owner;
};

/* Acquires generation. NULL: no memory. */
struct service *service_create(struct generation *generation, const struct service_parts *parts);
void service_destroy(struct service *service); /* accepts NULL; no session may be left */
