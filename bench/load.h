/* bench/load.h -- many client sessions that send signed messages through a filter, and how long each message took (RFC 5321, 2033).
 * All sessions connect, greet and, where wanted, start TLS before the first message leaves. From then on each sends one message after the
 * other, as fast as it is answered, or, at a pace, the next idle session takes the next message when it is due. MAIL, RCPT and DATA leave
 * together (RFC 2920), content when 354 is here. After per_session messages a session says QUIT and a new one takes its place.
 * Built on base/loop and proxy/connection: one thread, which never waits for one session. Knows nothing of files or options.
 * Limits: one recipient a message; messages stay the caller's and are sent as they are. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/span.h"
#include "bench/histogram.h"

struct loop;
struct socket_address;

struct load_plan {
    const struct socket_address *to;
    bool lmtp, tls;
    unsigned sessions;             /* open at a time */
    unsigned per_session;          /* messages before QUIT; 0: no limit */
    uint64_t messages;             /* in all */
    unsigned per_s;                /* messages due in a second; 0: no pace */
    const struct span *content;    /* as on the wire, dots doubled, ending in CRLF "." CRLF; taken in turn */
    size_t content_count;
};

struct load_result {
    uint64_t sent, octets;         /* messages with a final 250, and the octets of their content without the last line */
    uint64_t failed;               /* messages or sessions that ended in anything else */
    uint64_t late;                 /* at a pace: messages that no session was free for when they were due */
    double seconds;                /* from the first MAIL to the last final reply */
    struct histogram from_mail;    /* from the first octet of MAIL to the final reply */
    struct histogram from_end;     /* from the last octet of the content, given to the kernel, to the final reply */
    char failure[256];             /* what the first failure was; empty: none */
};

/* Runs the plan to its end on a loop of its own. False: no memory or descriptors, *result is then undefined. */
bool load_run(const struct load_plan *plan, struct load_result *result);
