/* proxy/content_writer.h -- a message's content as it leaves us: the rewritten header section, then the body out of the
 * spool, in the form of the wire behind 354 (data_writer).
 * Reads the spool's file where it has one; no other I/O, no allocation, clock or lock. One pass, one copy. */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include "base/span.h"
#include "proxy/data_writer.h"

struct spool;

struct content {
    const struct span *head; /* runs of the header section, in order (header_edit) */
    size_t head_count;
    const struct spool *spool;
    uint64_t spool_offset;   /* the body: from here to the spool's end */
};

struct content_writer { /* content_writer.c's own */
    const struct content *content;
    size_t run, run_taken;
    uint64_t spool_at;
    struct data_writer data;
};

enum content_progress {
    CONTENT_MORE,       /* room is used up, call again */
    CONTENT_END,        /* all is written, the final dot as well */
    CONTENT_UNREADABLE, /* the spool cannot be read: the message must not be ended */
};

/* content and all it points to are borrowed while the writer is used. */
void content_writer_init(struct content_writer *writer, const struct content *content);
/* Writes as much as fits into out; *written says how much, on every answer. */
enum content_progress content_writer_fill(struct content_writer *writer, char *out, size_t room, size_t *written);
