#include "verifier/header_section.h"
#include <stdlib.h>
#include "base/ascii.h"

const struct header_limits header_limits_default = {
    .section_max = 256 * 1024, .field_max = 64 * 1024, .fields_max = 1000};

/* Where the scan stands. A CR at the start of a line is held back: it is content unless LF follows, and then it belongs
 * to the empty line and counts for no limit. */
enum state { AT_LINE_START, AT_LINE_START_HELD_CR, IN_LINE, IN_LINE_AFTER_CR, DONE, FAILED };

enum { FIRST_ROOM = 32 }; /* fields */

const char *header_status_text(enum header_status status) {
#define X(id, text) [id] = text,
    static const char *const texts[] = {HEADER_STATUSES(X)};
#undef X
    return texts[status];
}

void header_section_init(struct header_section *section, struct header_limits limits) {
    *section = (struct header_section){.octets = bytes_with_cap(limits.section_max), .limits = limits};
}

void header_section_reset(struct header_section *section) {
    bytes_clear(&section->octets);
    section->count = 0;
    section->ended_by_empty_line = false;
    section->scan = (struct header_scan){.room = section->scan.room};
}

void header_section_release(struct header_section *section) {
    bytes_release(&section->octets);
    free(section->fields);
    header_section_init(section, section->limits);
}

static enum header_status fail(struct header_section *section, enum header_status status) {
    section->scan.state = FAILED;
    section->scan.failed = status;
    return status;
}

/* Until the section is complete a field is its offset alone, in raw.len: the buffer moves while it grows. */
static void note_field(struct header_section *section, size_t offset) {
    section->scan.field_start = offset;
    section->fields[section->count++] = (struct header_field){.raw = {NULL, offset}};
}

static enum header_status start_field(struct header_section *section) {
    if (section->count >= section->limits.fields_max) return HEADER_TOO_MANY_FIELDS;
    if (section->count == section->scan.room) {
        size_t room = section->scan.room > 0 ? section->scan.room * 2 : FIRST_ROOM;
        struct header_field *fields = realloc(section->fields, room * sizeof *fields);
        if (fields == NULL) return HEADER_OUT_OF_MEMORY;
        section->fields = fields;
        section->scan.room = room;
    }
    note_field(section, section->octets.len);
    return HEADER_MORE;
}

/* Appends a part of one field. What is over a limit, and over which, is decided by the first octet that does not fit,
 * so it does not depend on the length of the part. */
static enum header_status append(struct header_section *section, struct span octets) {
    size_t section_room = section->limits.section_max - section->octets.len;
    size_t field_len = section->octets.len - section->scan.field_start;
    size_t field_room = section->limits.field_max - field_len;
    if (octets.len > section_room && section_room <= field_room) return HEADER_SECTION_TOO_LARGE;
    if (octets.len > field_room) return HEADER_FIELD_TOO_LARGE;
    return bytes_append(&section->octets, octets) ? HEADER_MORE : HEADER_OUT_OF_MEMORY;
}

/* The line that starts here is not the empty one; first is its first octet. */
static enum header_status start_line(struct header_section *section, char first) {
    section->scan.state = IN_LINE;
    return section->count == 0 || !ascii_is_wsp(first) ? start_field(section) : HEADER_MORE;
}

/* A CR was held back at the start of a line and no LF follows: it is content. */
static enum header_status admit_held_cr(struct header_section *section) {
    enum header_status status = start_line(section, '\r');
    if (status == HEADER_MORE) status = append(section, (struct span){"\r", 1});
    section->scan.state = IN_LINE_AFTER_CR;
    return status;
}

/* Length of the line that goes on in octets, up to and with the CRLF that ends it (*ended), or all of them. */
static size_t line_len(struct span octets, bool after_cr, bool *ended) {
    for (size_t from = 0; from < octets.len;) {
        size_t lf = from + span_find(span_after(octets, from), '\n');
        if (lf == octets.len) break;
        *ended = lf > 0 ? octets.ptr[lf - 1] == '\r' : after_cr;
        if (*ended) return lf + 1;
        from = lf + 1; /* a bare LF */
    }
    *ended = false;
    return octets.len;
}

static enum header_status go_on_with_line(struct header_section *section, struct span octets, size_t *used) {
    bool ended;
    *used = line_len(octets, section->scan.state == IN_LINE_AFTER_CR, &ended);
    if (ended)
        section->scan.state = AT_LINE_START;
    else
        section->scan.state = octets.ptr[octets.len - 1] == '\r' ? IN_LINE_AFTER_CR : IN_LINE;
    return append(section, span_first(octets, *used));
}

/* At the start of a line: takes the whole lines that octets begin with, in one piece, as far as nothing about them is
 * special; how many octets that is. What is (a bare LF, a limit near, more fields than there is room for) begins with the line
 * where it stops, and is for the functions above. */
static size_t take_lines(struct header_section *section, struct span octets) {
    size_t before = section->octets.len, taken = 0;
    size_t most = section->limits.section_max - before < octets.len ? section->limits.section_max - before : octets.len;
    while (taken < most && octets.ptr[taken] != '\r') {
        size_t end = taken + span_find(span_first(span_after(octets, taken), most - taken), '\n') + 1;
        bool is_new = section->count == 0 || !ascii_is_wsp(octets.ptr[taken]);
        size_t field_start = is_new ? before + taken : section->scan.field_start;
        if (end > most || end < taken + 2 || octets.ptr[end - 2] != '\r') break;
        if (before + end - field_start > section->limits.field_max) break;
        if (is_new && (section->count == section->limits.fields_max || section->count == section->scan.room)) break;
        if (is_new) note_field(section, before + taken);
        taken = end;
    }
    return taken;
}

static struct header_field split_field(struct span raw) {
    struct span text = raw;
    if (text.len >= 2 && text.ptr[text.len - 2] == '\r' && text.ptr[text.len - 1] == '\n') text.len -= 2;
    struct header_field nameless = {.raw = raw, .name = {raw.ptr, 0}, .body = text};
    size_t colon = span_find(text, ':'), len = colon;
    while (len > 0 && ascii_is_wsp(text.ptr[len - 1])) len--;
    if (colon == text.len || len == 0) return nameless;
    if (!span_is_graph(span_first(text, len))) return nameless; /* RFC 5322 2.2: ftext is graphic ASCII without the colon */
    return (struct header_field){.raw = raw, .name = span_first(text, len), .body = span_after(text, colon + 1)};
}

/* The buffer has stopped moving: offsets become spans. */
static enum header_status complete(struct header_section *section) {
    struct span octets = bytes_span(&section->octets);
    size_t end = octets.len;
    for (size_t i = section->count; i-- > 0;) {
        size_t start = section->fields[i].raw.len;
        section->fields[i] = split_field((struct span){octets.ptr + start, end - start});
        end = start;
    }
    section->scan.state = DONE;
    return HEADER_COMPLETE;
}

enum header_status header_section_update(struct header_section *section, struct span octets, size_t *taken) {
    enum header_status status = HEADER_MORE;
    *taken = 0;
    if (section->scan.state == DONE) return HEADER_COMPLETE;
    if (section->scan.state == FAILED) return section->scan.failed;
    while (status == HEADER_MORE && *taken < octets.len) {
        struct span rest = span_after(octets, *taken);
        size_t used = 0;
        if (section->scan.state == AT_LINE_START && rest.ptr[0] == '\r') {
            section->scan.state = AT_LINE_START_HELD_CR;
            used = 1;
        } else if (section->scan.state == AT_LINE_START && (used = take_lines(section, rest)) > 0) {
            if (!bytes_append(&section->octets, span_first(rest, used))) status = HEADER_OUT_OF_MEMORY;
        } else if (section->scan.state == AT_LINE_START) {
            status = start_line(section, rest.ptr[0]);
        } else if (section->scan.state == AT_LINE_START_HELD_CR && rest.ptr[0] == '\n') {
            section->ended_by_empty_line = true;
            status = complete(section);
            used = 1;
        } else if (section->scan.state == AT_LINE_START_HELD_CR) {
            status = admit_held_cr(section);
        } else {
            status = go_on_with_line(section, rest, &used);
        }
        *taken += used;
    }
    return status == HEADER_MORE || status == HEADER_COMPLETE ? status : fail(section, status);
}

enum header_status header_section_finish(struct header_section *section) {
    if (section->scan.state == DONE) return HEADER_COMPLETE;
    if (section->scan.state == FAILED) return section->scan.failed;
    enum header_status status = HEADER_MORE;
    if (section->scan.state == AT_LINE_START_HELD_CR) status = admit_held_cr(section);
    return status == HEADER_MORE ? complete(section) : fail(section, status);
}

size_t header_section_count(const struct header_section *section, const char *name) {
    struct span wanted = span_of(name);
    size_t count = 0;
    for (size_t i = 0; i < section->count; i++) count += span_equal_nocase(section->fields[i].name, wanted);
    return count;
}

const struct header_field *header_section_find(const struct header_section *section, const char *name, size_t start) {
    struct span wanted = span_of(name);
    for (size_t i = start; i < section->count; i++)
        if (span_equal_nocase(section->fields[i].name, wanted)) return &section->fields[i];
    return NULL;
}
