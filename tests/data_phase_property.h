/* tests/data_phase_property.h -- what data_reader and data_writer must do with any octets, said in the plainest way.
 * Shared by the unit tests and the fuzz target; allocates and ends the process when memory does. */
#pragma once
#include <stdint.h>
#include <stdlib.h>
#include "base/bytes.h"
#include "proxy/data_reader.h"
#include "proxy/data_writer.h"
#include "tests/support/exact.h"

struct data_reading {
    struct bytes content;
    bool ended;
    size_t taken; /* with the final dot's line; only when it ended */
    struct data_oddity bare_cr, bare_lf, nul;
};

static inline struct data_reading reading_empty(void) {
    return (struct data_reading){.content = bytes_with_cap(SIZE_MAX / 4)};
}

static inline bool oddity_same(struct data_oddity a, struct data_oddity b) {
    return a.seen == b.seen && (!a.seen || a.offset == b.offset);
}

static inline bool reading_same(const struct data_reading *a, const struct data_reading *b) {
    return a->ended == b->ended && a->taken == b->taken &&
           span_equal(bytes_span(&a->content), bytes_span(&b->content)) && oddity_same(a->bare_cr, b->bare_cr) &&
           oddity_same(a->bare_lf, b->bare_lf) && oddity_same(a->nul, b->nul);
}

/* Feeds part, an exactly sized copy; true: the message ended. */
static inline bool reading_feed(struct data_reading *reading, struct data_reader *reader, struct span part) {
    struct span exact = exact_copy(part), content;
    enum data_progress progress = DATA_RUN;
    for (size_t at = 0, taken; progress == DATA_RUN; at += taken, reading->taken += taken) {
        progress = data_reader_next(reader, span_after(exact, at), &taken, &content);
        if (taken > exact.len - at || (progress == DATA_RUN) != (content.len > 0)) abort();
        if (progress == DATA_MORE && at + taken != exact.len) abort();
        bytes_append(&reading->content, content);
    }
    exact_free(exact);
    return progress == DATA_END;
}

/* data_reader over octets, cut every step octets. */
static inline struct data_reading reading_of(struct span octets, size_t step) {
    struct data_reading reading = reading_empty();
    struct data_reader reader;
    data_reader_init(&reader);
    for (size_t at = 0, len; at < octets.len && !reading.ended; at += len) {
        len = octets.len - at < step ? octets.len - at : step;
        reading.ended = reading_feed(&reading, &reader, (struct span){octets.ptr + at, len});
    }
    if (reader.octets != reading.content.len) abort();
    reading.bare_cr = reader.bare_cr, reading.bare_lf = reader.bare_lf, reading.nul = reader.nul;
    if (!reading.ended) reading.taken = 0;
    return reading;
}

static inline void note_oddity(struct data_oddity *oddity, bool is_odd, size_t offset) {
    if (is_odd && !oddity->seen) *oddity = (struct data_oddity){true, offset};
}

/* The same, from the definition: RFC 5321 section 4.5.2. */
static inline struct data_reading reading_by_definition(struct span octets) {
    struct data_reading reading = reading_empty();
    const char *o = octets.ptr;
    for (size_t i = 0; i < octets.len; i++) {
        bool line_start = i == 0 || (i >= 2 && o[i - 2] == '\r' && o[i - 1] == '\n');
        size_t left = octets.len - i;
        if (line_start && o[i] == '.') {
            if (left == 1 || (left == 2 && o[i + 1] == '\r')) break; /* not decided yet */
            reading.ended = o[i + 1] == '\r' && o[i + 2] == '\n';
            reading.taken = reading.ended ? i + 3 : 0;
            if (reading.ended) break;
            continue;
        }
        bytes_append_char(&reading.content, o[i]);
    }
    const char *c = reading.content.ptr;
    for (size_t i = 0, len = reading.content.len; i < len; i++) {
        note_oddity(&reading.nul, c[i] == '\0', i);
        note_oddity(&reading.bare_lf, c[i] == '\n' && (i == 0 || c[i - 1] != '\r'), i);
        note_oddity(&reading.bare_cr, c[i] == '\r' && i + 1 < len && c[i + 1] != '\n', i);
    }
    return reading;
}

static inline void reading_release(struct data_reading *reading) { bytes_release(&reading->content); }

/* data_writer over content, cut every step octets, with room octets of room a call. */
static inline struct bytes wire_of(struct span content, size_t step, size_t room) {
    struct bytes wire = bytes_with_cap(SIZE_MAX / 4);
    struct data_writer writer;
    if (room > content.len * 2 + 16) room = content.len * 2 + 16;
    char *out = malloc(room);
    size_t written, taken;
    if (out == NULL) abort();
    data_writer_init(&writer);
    for (size_t at = 0; at < content.len; at += taken) {
        struct span part =
            exact_copy((struct span){content.ptr + at, content.len - at < step ? content.len - at : step});
        data_writer_update(&writer, part, &taken, out, room, &written);
        if (taken < part.len && written < room) abort();
        bytes_append(&wire, (struct span){out, written});
        exact_free(part);
    }
    for (bool done = false; !done;) {
        done = data_writer_finish(&writer, out, room, &written);
        bytes_append(&wire, (struct span){out, written});
    }
    free(out);
    return wire;
}

static inline bool is_line_break(char c) { return c == '\r' || c == '\n'; }

/* Does a server that takes CR, LF and CRLF alike for line ends see a lone dot before the last one? */
static inline bool lenient_end_inside(struct span wire) {
    for (size_t i = 0; i + 3 < wire.len; i++)
        if (wire.ptr[i] == '.' && (i == 0 || is_line_break(wire.ptr[i - 1])) && is_line_break(wire.ptr[i + 1]))
            return true;
    return false;
}

/* And one that drops NULs as well? R-13. */
static inline bool any_lenient_end_inside(struct span wire) {
    struct bytes without = bytes_with_cap(SIZE_MAX / 4);
    for (size_t i = 0; i < wire.len; i++)
        if (wire.ptr[i] != '\0') bytes_append_char(&without, wire.ptr[i]);
    bool inside = lenient_end_inside(wire) || lenient_end_inside(bytes_span(&without));
    bytes_release(&without);
    return inside;
}

/* What a strict server must get for content: the same, a final CRLF, and one more dot where data_writer.h says so. */
static inline struct bytes expected_at_strict_server(struct span content) {
    struct bytes out = bytes_with_cap(SIZE_MAX / 4);
    const char *c = content.ptr;
    bool soft_start = true; /* the last octet that is not NUL is CR or LF, or there is none */
    for (size_t i = 0; i < content.len; i++) {
        bool line_start = i == 0 || (i >= 2 && c[i - 2] == '\r' && c[i - 1] == '\n');
        bool alone = i + 1 == content.len || is_line_break(c[i + 1]) || c[i + 1] == '\0';
        if (c[i] == '.' && soft_start && !line_start && alone) bytes_append_char(&out, '.');
        bytes_append_char(&out, c[i]);
        soft_start = is_line_break(c[i]) || (soft_start && c[i] == '\0');
    }
    bool has_end = content.len == 0 || (content.len >= 2 && memcmp(c + content.len - 2, "\r\n", 2) == 0);
    if (!has_end) bytes_append_text(&out, "\r\n");
    return out;
}
