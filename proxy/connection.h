/* proxy/connection.h -- one non-blocking stream socket with what came in and what must go out, on base/loop.
 * Knows nothing of SMTP. Events store their fact and call the owner's one callback, which looks at the facts: input,
 * state, what is still unsent. The callback runs only from inside loop_run, never inside a call of this module.
 * Writing tries the socket at once; the loop is asked only for what did not fit. Reading uses one block shared by all
 * connections of the thread, so that an idle connection owns no buffer; only what its owner leaves unconsumed is kept,
 * and while more than CONNECTION_KEPT_MAX is kept nothing is read (back-pressure).
 * TLS (proxy/tls) sits between buffers and socket once connection_start_tls was called; all else stays as it is.
 * Thread rule: all calls from the loop's thread. Limits: connection_set's reading block, unsent_max octets unsent. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/list.h"
#include "base/span.h"

enum { CONNECTION_READ_MAX = 65536, CONNECTION_KEPT_MAX = 16384 };

struct loop;
struct clock;
struct socket_address;
struct tls;
struct connection;
struct connection_set; /* what the connections of one thread share: loop, reading block, those that linger */

struct connection_set *connection_set_create(struct loop *loop, const struct clock *clock); /* NULL: no memory */
void connection_set_destroy(
    struct connection_set *set); /* accepts NULL; closes what lingers; all others must be gone */
struct loop *connection_set_loop(const struct connection_set *set);
const struct clock *connection_set_clock(const struct connection_set *set);

enum connection_state {
    CONNECTION_CONNECTING,
    CONNECTION_OPEN,
    CONNECTION_ENDED,     /* the peer sends no more; input may still hold octets, and sending may still work */
    CONNECTION_FAILED,    /* reset, refused, out of memory, too much unsent, TLS broken: connection_error says why */
    CONNECTION_TIMED_OUT, /* connection_expect's time is over; the socket itself may be well */
};

/* Takes fd (non-blocking, connected), also on failure, which is NULL: no memory or descriptors. */
struct connection *connection_create(struct connection_set *set, int fd, size_t unsent_max,
                                     void (*changed)(void *owner), void *owner);
/* Starts to connect; the outcome is reported by changed: CONNECTION_OPEN or CONNECTION_FAILED. NULL: no memory or
 * descriptors. */
struct connection *connection_connect(struct connection_set *set, const struct socket_address *to, size_t unsent_max,
                                      void (*changed)(void *owner), void *owner);
/* Makes it CONNECTION_FAILED with this errno: for owners that cannot go on. */
void connection_fail(struct connection *connection, int error);
/* Drops the connection and what was unsent; changed is not called any more. Accepts NULL; allowed inside changed. */
void connection_destroy(struct connection *connection);
/* The polite end: sends what is unsent, then its end, discards what still comes until the peer ends too (at most a few
 * seconds), so that the last reply is not lost to a reset. The owner lets go of it now. Accepts NULL. */
void connection_linger(struct connection *connection);

enum connection_state connection_state(const struct connection *connection);
/* errno of CONNECTION_FAILED, 0 while all is well. */
int connection_error(const struct connection *connection);

/* Octets that arrived and are not consumed; valid until the next consume or the end of the callback. */
struct span connection_input(const struct connection *connection);
void connection_consume(struct connection *connection, size_t count);

/* Puts octets behind what is unsent; they leave with connection_flush at the latest. False: unsent_max or memory is
 * spent, the connection is CONNECTION_FAILED (reported by changed as well). */
bool connection_send(struct connection *connection, struct span octets);
/* The same without a copy: room for count octets behind what is unsent (NULL: as connection_send), then how many of them
 * were used. */
char *connection_reserve(struct connection *connection, size_t count);
void connection_commit(struct connection *connection, size_t count);
/* Hands to the socket what it takes now; the rest leaves as the socket becomes writable, and changed is called once
 * nothing is left. */
void connection_flush(struct connection *connection);
size_t connection_unsent(const struct connection *connection);

/* From now on the connection has timeout_ms before it becomes CONNECTION_TIMED_OUT; 0: no limit. Replaces the limit
 * before; cheap (no timer is touched when a running one ends earlier). */
void connection_expect(struct connection *connection, int64_t timeout_ms);

/* What was sent so far leaves in clear, what is sent and received from now on is TLS; takes tls, which is new
 * (tls_create). Nothing may be left of the input: it came in clear, and must not be read as if it had not. The
 * handshake's end is reported by changed, its failure as CONNECTION_FAILED with EPROTO; the end of the stream without
 * the peer's word for it (close_notify) is CONNECTION_FAILED with ECONNRESET. Only when CONNECTION_OPEN, and once. */
void connection_start_tls(struct connection *connection, struct tls *tls);
/* The handshake has ended well: what is read was written by the other end of it. */
bool connection_is_secure(const struct connection *connection);
const char *connection_tls_version(const struct connection *connection); /* "TLSv1.3", static; NULL: not secure */
const char *connection_tls_failure(const struct connection *connection); /* NULL: TLS is not what failed */
