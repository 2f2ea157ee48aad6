/* proxy/data_reader.h -- the message inside DATA: find its end, undo dot-stuffing (RFC 5321 section 4.5.2).
 * Only CRLF . CRLF ends it (at the very start: . CRLF), whatever a lenient server would take for an end; bare
 * CR, bare LF and NUL are content, noticed with the offset of the first. The CRLF before the final dot belongs to the
 * content, so content is empty or ends with CRLF. Content is handed out where it lies, never copied.
 * Pure: no allocation, I/O, clock or lock; one thread at a time. The content and the facts do not depend on how the
 * stream is cut. Cost: one pass of memchr; see tests. Limits: none of its own, the caller counts. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/span.h"

enum data_progress {
    DATA_RUN,  /* a run of content; call again with what was not taken */
    DATA_MORE, /* everything was taken and looked at; more octets are wanted */
    DATA_END,  /* the message is complete; what was not taken is the next command */
};

struct data_oddity { bool seen; uint64_t offset; }; /* of the first one, counted in content octets from 0 */

struct data_reader {
    int state;       /* data_reader.c's own */
    uint64_t octets; /* content octets handed out so far */
    struct data_oddity bare_cr, bare_lf, nul;
};

/* Before each message: the next octet is the first behind the CRLF of DATA. */
void data_reader_init(struct data_reader *reader);
/* Takes octets. *taken: how many are done with. DATA_RUN: *content is not empty and lies in octets (or is one static
 * octet), valid as long as octets are. DATA_MORE: *content is empty and *taken is all. DATA_END: *content is empty, the
 * final dot's line is among *taken; the reader is not to be used before the next init. */
enum data_progress data_reader_next(struct data_reader *reader, struct span octets, size_t *taken,
                                    struct span *content);
/* True once a bare CR, a bare LF or a NUL was seen. A CR whose next octet has not come is not bare yet. */
static inline bool data_reader_is_odd(const struct data_reader *reader) {
    return reader->bare_cr.seen || reader->bare_lf.seen || reader->nul.seen;
}
