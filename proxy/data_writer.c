#include "proxy/data_writer.h"
#include <assert.h>

/* What the content's last octet was. */
enum state {
    LINE_START, /* CRLF, or nothing yet */
    CR,
    SOFT_START, /* a bare LF, or NULs behind any kind of line start: a lenient server may call this a line start */
    TEXT,       /* anything else */
    HELD_DOT,   /* a dot behind CR or at a soft start, not written yet: what follows decides */
};

void data_writer_init(struct data_writer *writer) { *writer = (struct data_writer){.state = LINE_START}; }

/* Length of the run at the start of octets that is written as it is: up to a dot at any kind of line start. Each octet
 * is looked at twice at most, whatever the mixture of CR and LF. */
static size_t plain_run(struct data_writer *writer, struct span octets) {
    size_t at = 0, lf = 0; /* lf: the next LF at or behind `at`, once looked for */
    for (bool lf_is_known = false; at < octets.len;) {
        char c = octets.ptr[at];
        if (writer->state != TEXT && (c == '.' || c == '\0' || c == '\n')) {
            if (c == '.') break;
            writer->state = c == '\n' && writer->state == CR ? LINE_START : SOFT_START;
            at++;
            continue;
        }
        if (!lf_is_known || lf < at) lf = at + span_find(span_after(octets, at), '\n');
        lf_is_known = true;
        size_t cr = at + span_find((struct span){octets.ptr + at, lf - at}, '\r');
        writer->state = cr < lf ? CR : lf < octets.len ? SOFT_START : TEXT;
        at = cr < lf ? cr + 1 : lf < octets.len ? lf + 1 : lf;
    }
    return at;
}

static void put(struct data_writer *writer, const char *text) {
    struct span octets = span_of(text);
    assert(writer->pending_len + octets.len <= sizeof writer->pending);
    memcpy(writer->pending + writer->pending_len, octets.ptr, octets.len);
    writer->pending_len += octets.len;
}

static void flush(struct data_writer *writer, char *out, size_t room, size_t *written) {
    size_t len = room - *written < writer->pending_len ? room - *written : writer->pending_len;
    if (len == 0) return;
    memcpy(out + *written, writer->pending, len);
    *written += len;
    writer->pending_len -= len;
    memmove(writer->pending, writer->pending + len, writer->pending_len);
}

/* A dot at some kind of line start. */
static void take_dot(struct data_writer *writer) {
    if (writer->state != LINE_START) {
        writer->state = HELD_DOT;
        return;
    }
    put(writer, "..");
    writer->state = TEXT;
}

static void decide_held_dot(struct data_writer *writer, char next) {
    put(writer, next == '\r' || next == '\n' || next == '\0' ? ".." : ".");
    writer->state = TEXT;
}

void data_writer_update(struct data_writer *writer, struct span content, size_t *taken, char *out, size_t room,
                        size_t *written) {
    *taken = *written = 0;
    flush(writer, out, room, written);
    while (*taken < content.len && *written < room) {
        struct span rest = span_after(content, *taken);
        if (writer->state == HELD_DOT) {
            decide_held_dot(writer, rest.ptr[0]);
        } else {
            if (rest.len > room - *written) rest.len = room - *written;
            size_t len = plain_run(writer, rest);
            memcpy(out + *written, rest.ptr, len);
            *written += len;
            *taken += len;
            if (len < rest.len) {
                take_dot(writer);
                (*taken)++;
            }
        }
        flush(writer, out, room, written);
    }
}

bool data_writer_finish(struct data_writer *writer, char *out, size_t room, size_t *written) {
    *written = 0;
    if (!writer->finishing) {
        if (writer->state == HELD_DOT) decide_held_dot(writer, '\r');
        if (writer->state != LINE_START) put(writer, "\r\n");
        put(writer, ".\r\n");
        writer->finishing = true;
    }
    flush(writer, out, room, written);
    return writer->pending_len == 0;
}
