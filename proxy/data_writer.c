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

/* The state behind these octets, of which none is a dot at any kind of line start, when it was state before them. */
static enum state state_behind(enum state state, struct span octets) {
    size_t len = octets.len;
    while (len > 0 && octets.ptr[len - 1] == '\0') len--;
    if (len > 0) {
        char last = octets.ptr[len - 1];
        bool follows_cr = len > 1 ? octets.ptr[len - 2] == '\r' : state == CR;
        state = last == '\r' ? CR : last != '\n' ? TEXT : follows_cr ? LINE_START : SOFT_START;
    }
    return len < octets.len && state != TEXT ? SOFT_START : state;
}

/* Length of the run at the start of octets that is written as it is: up to a dot at any kind of line start. Dots are looked
 * for, not lines: what stands before a dot tells whether a line starts there. Each octet is looked at twice at most. */
static size_t plain_run(struct data_writer *writer, struct span octets) {
    size_t at = 0;
    while (at < octets.len) {
        struct span rest = span_after(octets, at);
        size_t len = span_find(rest, '.');
        writer->state = state_behind(writer->state, span_first(rest, len));
        at += len;
        if (at == octets.len || writer->state != TEXT) break;
        at++; /* a dot in a line */
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
