/* proxy/smtp_reply.h -- read a server's reply off the stream, write replies to a client (RFC 5321 section 4.2, 2034).
 * A downstream's reply is untrusted: its code is kept, its text is cut to what may be passed on: 510 octets a
 * line, octets that are not printable ASCII replaced by '?' (a tab by a space), SMTP_REPLY_LINES_MAX lines kept (the
 * rest is read and dropped). A line may end with CRLF or LF: nothing we send can put an LF into an echo. Lines of one
 * reply with different codes, a code that is not 2xx..5xx, or a fourth octet that is neither space nor '-' make it
 * malformed: the connection is of no more use. The answer does not depend on how the stream is cut.
 * No I/O, clock or lock; one thread at a time. Limits: the enum below. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include "base/bytes.h"
#include "base/span.h"

enum {
    SMTP_REPLY_LINE_MAX = 510,        /* octets of a line passed on, code included, CRLF not (RFC 5321 4.5.3.1.5) */
    SMTP_REPLY_LINES_MAX = 64,        /* lines kept */
    SMTP_REPLY_OCTETS_MAX = 1 << 18,  /* octets of one reply read; more is malformed */
};

#define SMTP_REPLY_STATUSES(X)                                                                                         \
    X(SMTP_REPLY_MORE, "the reply goes on")                                                                            \
    X(SMTP_REPLY_COMPLETE, "the reply is complete")                                                                    \
    X(SMTP_REPLY_MALFORMED, "not an SMTP reply")                                                                       \
    X(SMTP_REPLY_TOO_LONG, "reply without end")                                                                        \
    X(SMTP_REPLY_NO_MEMORY, "out of memory")
#define X(id, text) id,
enum smtp_reply_status { SMTP_REPLY_STATUSES(X) SMTP_REPLY_STATUS_COUNT };
#undef X
const char *smtp_reply_status_text(enum smtp_reply_status status);

struct smtp_reply {
    unsigned code;          /* 200..599; 0: none yet */
    bool has_enhanced;      /* the first line starts with an enhanced code that fits the code's class */
    unsigned enhanced[3];   /* class, subject, detail */
    size_t line_count;      /* lines kept */
    struct bytes text;      /* the kept lines' texts behind "250-" (enhanced code included), each ended by LF; owned */
    struct smtp_reply_scan { int state; unsigned line_code; size_t line_len, octets, lines; bool is_last; } scan;
};

void smtp_reply_init(struct smtp_reply *reply);
void smtp_reply_clear(struct smtp_reply *reply);   /* for the next reply; keeps memory */
void smtp_reply_release(struct smtp_reply *reply); /* frees; then as new. Accepts an initialized reply */

/* Takes octets until the reply is complete; *taken says how many. SMTP_REPLY_MORE: all of them. SMTP_REPLY_COMPLETE:
 * what follows belongs to the next reply; clear before going on. Others: hang up. */
enum smtp_reply_status smtp_reply_update(struct smtp_reply *reply, struct span octets, size_t *taken);
/* The text of line i < line_count, without code, separator and line end. */
struct span smtp_reply_line(const struct smtp_reply *reply, size_t i);
/* 2, 3, 4, 5; 0 for an empty reply. */
static inline unsigned smtp_reply_class(const struct smtp_reply *reply) { return reply->code / 100; }

/* Makes *reply a reply of our own, as if it had been read: text may hold several lines, separated by LF. enhanced is
 * "4.3.0" or NULL (EHLO, 220, 354). False: no memory. */
bool smtp_reply_set(struct smtp_reply *reply, unsigned code, const char *enhanced, const char *text);
/* Appends the reply as it goes over the wire, every line cut at SMTP_REPLY_LINE_MAX. Look at out->failed. */
void smtp_reply_write(struct bytes *out, const struct smtp_reply *reply);
/* Appends a reply of our own; text as in smtp_reply_set, cleaned and cut like a foreign one. */
void smtp_reply_write_own(struct bytes *out, unsigned code, const char *enhanced, struct span text);
