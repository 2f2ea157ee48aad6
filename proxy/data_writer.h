/* proxy/data_writer.h -- a message's content as it goes over the wire after 354: dot-stuffing and the final dot (RFC
 * 5321 section 4.5.2). The inverse of data_reader.
 * Whatever the content, no server ends the message early, a lenient one neither. A dot that starts a line gets
 * a second one. A dot that starts what a lenient server would call a line (behind a bare CR or bare LF, NULs in
 * between or not) and stands alone there (CR, LF, NUL or nothing behind it) gets a second one too: such a server takes
 * it away again, a strict one keeps it, and nobody sees an end. That is the one change ever made to content, and only
 * line_ends = pass lets such content come this far. Content without a final CRLF gets one before the final dot.
 * Pure: no allocation, I/O, clock or lock; one thread at a time. What is written does not depend on how the content is
 * cut or how much room there is. Cost: one pass of memchr and one copy. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include "base/span.h"

struct data_writer { /* data_writer.c's own */
    int state;
    char pending[8]; /* decided, not yet written for want of room */
    size_t pending_len;
    bool finishing;
};

void data_writer_init(struct data_writer *writer);
/* Writes content into out, which has room octets: *written says how many of them are used, *taken how much of content
 * is done with. Returns when content is all taken or the room is used up (*taken < content.len: call again with the
 * rest). */
void data_writer_update(struct data_writer *writer, struct span content, size_t *taken, char *out, size_t room,
                        size_t *written);
/* Writes the end: a final CRLF when it is missing, then ". CRLF". False: the room did not suffice, call again. */
bool data_writer_finish(struct data_writer *writer, char *out, size_t room, size_t *written);
