/* proxy/message_record.h -- what there is to tell of a message once it is over, for its log line, counts and event. Pure data,
 * borrowed from the session that tells. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "base/span.h"

struct domain_stats_worker;
struct event_log;
struct message_flow;
struct metrics_worker;
struct transaction;

/* What became of the message. */
#define MESSAGE_ENDS(X)                                                                                                \
    X(MESSAGE_DELIVERED, "delivered") /* downstream acknowledged it, for one recipient at least */                     \
    X(MESSAGE_REFUSED, "refused")     /* 5xx, ours or downstream's */                                                  \
    X(MESSAGE_DEFERRED, "deferred")   /* 4xx */                                                                        \
    X(MESSAGE_DISCARDED, "discarded") /* by a rule, with 250 */                                                        \
    X(MESSAGE_ABANDONED, "abandoned") /* the client was gone before there was an answer */
#define X(id, word) id,
enum message_end { MESSAGE_ENDS(X) MESSAGE_END_COUNT };
#undef X
const char *message_end_word(enum message_end end);

struct message_record {
    const char *id;       /* session and message */
    const char *listener; /* its name */
    const char *client;   /* address */
    struct span helo;
    const char *tls;      /* toward the client: "TLSv1.3"; NULL: in clear */
    struct span queue_id; /* XFORWARD IDENT; empty: look into downstream's reply */
    const struct transaction *transaction;
    const struct message_flow *flow;
    enum message_end end;
    int64_t deliver_us;                  /* from the verdict to the final reply */
    struct metrics_worker *metrics;      /* may be NULL */
    struct domain_stats_worker *domains; /* may be NULL */
    struct event_log *events;            /* may be NULL */
};
