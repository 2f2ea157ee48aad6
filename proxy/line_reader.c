#include "proxy/line_reader.h"
#include <string.h>

void line_reader_init(struct line_reader *reader, size_t line_max) {
    *reader = (struct line_reader){.held = bytes_with_cap(line_max), .line_max = line_max};
}

void line_reader_release(struct line_reader *reader) {
    bytes_release(&reader->held);
    line_reader_init(reader, reader->line_max);
}

/* Drops octets up to and with the next CRLF; how many those are. */
static size_t drop(struct line_reader *reader, struct span octets) {
    for (size_t at = 0; at < octets.len;) {
        const char *lf = memchr(octets.ptr + at, '\n', octets.len - at);
        if (lf == NULL) break;
        size_t end = (size_t)(lf - octets.ptr);
        bool crlf = end > 0 ? octets.ptr[end - 1] == '\r' : reader->after_cr;
        at = end + 1;
        if (!crlf) continue;
        reader->dropping = reader->after_cr = false;
        return at;
    }
    if (octets.len > 0) reader->after_cr = octets.ptr[octets.len - 1] == '\r';
    return octets.len;
}

static enum line_status refuse(struct line_reader *reader, enum line_status status, char last) {
    bytes_clear(&reader->held);
    reader->dropping = true;
    reader->after_cr = last == '\r';
    return status;
}

/* The line's LF is the last of octets and a CR stands before it. */
static enum line_status complete(struct line_reader *reader, struct span octets, struct span *line) {
    reader->after_cr = false;
    if (reader->held.len == 0) {
        *line = span_first(octets, octets.len - 2);
        return LINE_READY;
    }
    bool kept = bytes_append(&reader->held, octets);
    if (kept)
        *line = span_first(bytes_span(&reader->held), reader->held.len - 2);
    else
        bytes_clear(&reader->held); /* the line is lost, but it has ended */
    reader->held_is_old = kept;
    return kept ? LINE_READY : LINE_NO_MEMORY;
}

enum line_status line_reader_next(struct line_reader *reader, struct span octets, size_t *taken, struct span *line) {
    *line = (struct span){NULL, 0};
    if (reader->held_is_old) {
        bytes_clear(&reader->held);
        reader->held_is_old = false;
    }
    *taken = 0;
    if (octets.len == 0) return LINE_MORE;
    size_t dropped = reader->dropping ? drop(reader, octets) : 0;
    struct span rest = span_after(octets, dropped);
    *taken = octets.len;
    if (rest.len == 0) return LINE_MORE;

    size_t room = reader->line_max - reader->held.len; /* at least 1: a full line was refused */
    if (rest.len > room) rest.len = room;
    size_t lf = span_find(rest, '\n');
    if (lf < rest.len) {
        *taken = dropped + lf + 1;
        bool crlf = lf > 0 ? rest.ptr[lf - 1] == '\r' : reader->after_cr;
        if (!crlf) return refuse(reader, LINE_BARE_LF, '\n');
        return complete(reader, span_first(rest, lf + 1), line);
    }
    *taken = dropped + rest.len;
    char last = rest.ptr[rest.len - 1];
    if (rest.len == room) return refuse(reader, LINE_TOO_LONG, last);
    if (!bytes_append(&reader->held, rest)) return refuse(reader, LINE_NO_MEMORY, last);
    reader->after_cr = last == '\r';
    return LINE_MORE;
}

const char *line_status_text(enum line_status status) {
#define X(id, text) [id] = text,
    static const char *const texts[] = {LINE_STATUSES(X)};
#undef X
    return texts[status];
}
