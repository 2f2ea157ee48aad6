/* proxy/line_reader.h -- take command lines off a client's stream (RFC 5321 section 2.3.8).
 * Only CRLF ends a line. A bare LF spoils the line it stands in: it is reported at once, so that a client that
 * writes nothing but LF gets its 500, and everything up to the next CRLF is dropped unseen, so that nothing behind the
 * LF is ever taken for a command of its own. The same holds for a line over the limit. A bare CR and NUL stay in the
 * line, which smtp_command_parse then refuses. What commands mean belongs to smtp_command.
 * Holds octets only while a line is incomplete; else lines are handed out where they lie. The sequence of answers does
 * not depend on how the stream is cut. No I/O, clock or lock; one thread at a time. Limits: line_max. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include "base/bytes.h"
#include "base/span.h"

#define LINE_STATUSES(X)                                                                                               \
    X(LINE_MORE, "the line goes on")                                                                                   \
    X(LINE_READY, "a line is complete")                                                                                \
    X(LINE_BARE_LF, "LF without CR in a command line")                                                                 \
    X(LINE_TOO_LONG, "command line over its limit")                                                                    \
    X(LINE_NO_MEMORY, "out of memory")
#define X(id, text) id,
enum line_status { LINE_STATUSES(X) LINE_STATUS_COUNT };
#undef X
const char *line_status_text(enum line_status status);

struct line_reader {
    struct bytes held; /* line_reader.c's own: the beginning of a line whose end has not come */
    size_t line_max;   /* octets of a line with its CRLF */
    bool after_cr;     /* line_reader.c's own: the octet before was CR */
    bool dropping;     /* line_reader.c's own: up to the next CRLF */
    bool held_is_old;  /* line_reader.c's own: the last line was handed out of held */
};

void line_reader_init(struct line_reader *reader, size_t line_max);
void line_reader_release(struct line_reader *reader); /* frees; the reader is as new */

/* Takes octets until one answer is there. *taken: how many of them are done with, whatever the answer.
 * LINE_MORE: all were taken. LINE_READY: *line is the line without its CRLF, valid until the next call and as long as
 * octets are. LINE_BARE_LF, LINE_TOO_LONG: told once for each line; the line's rest is dropped by the calls to come.
 * LINE_NO_MEMORY: as LINE_TOO_LONG. */
enum line_status line_reader_next(struct line_reader *reader, struct span octets, size_t *taken, struct span *line);
