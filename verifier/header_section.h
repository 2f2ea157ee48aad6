/* verifier/header_section.h -- take a message's header section off the stream and split it into fields (RFC 5322 2.2).
 * The one parser for every decision about fields. Only CRLF ends a line; bare CR, bare LF and NUL are content. What is
 * not a field (no colon, white space in the name other than before the colon, first line folded) stays as a nameless
 * field, octet for octet, and matches no name. Pure: grows one buffer up to its cap; no I/O, clock or lock.
 * Cost: one pass; 25 fields in 2 KB take less than 1 us. Limits: struct header_limits. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include "base/bytes.h"
#include "base/span.h"

struct header_limits { size_t section_max, field_max, fields_max; }; /* octets, octets, fields */
extern const struct header_limits header_limits_default; /* 256 KiB, 64 KiB, 1,000 */

struct header_field {
    struct span raw;  /* all of it with its folds and final CRLF */
    struct span name; /* as written, without white space before the colon; empty: not a field */
    struct span body; /* behind the colon (nameless: all of it), without the final CRLF; folds inside */
};

#define HEADER_STATUSES(X)                                                                                             \
    X(HEADER_MORE, "the header section goes on")                                                                       \
    X(HEADER_COMPLETE, "the header section is complete")                                                               \
    X(HEADER_SECTION_TOO_LARGE, "header section larger than its limit")                                                \
    X(HEADER_FIELD_TOO_LARGE, "header field larger than its limit")                                                    \
    X(HEADER_TOO_MANY_FIELDS, "more header fields than the limit")                                                     \
    X(HEADER_OUT_OF_MEMORY, "out of memory")
#define X(id, text) id,
enum header_status { HEADER_STATUSES(X) HEADER_STATUS_COUNT };
#undef X
const char *header_status_text(enum header_status status);

struct header_section {
    struct bytes octets;          /* the section so far, without the empty line that ends it */
    struct header_field *fields;  /* valid once complete; owned */
    size_t count;
    bool ended_by_empty_line;     /* false: the message had no body at all */
    struct header_limits limits;
    struct header_scan { size_t field_start, room; int state; enum header_status failed; } scan; /* header_section.c's own */
};

void header_section_init(struct header_section *section, struct header_limits limits);
void header_section_reset(struct header_section *section);   /* for the next message; keeps memory */
void header_section_release(struct header_section *section); /* accepts a zeroed struct */

/* Takes octets of the message until the section is complete. HEADER_MORE: all were taken. HEADER_COMPLETE: the first
 * *taken octets belong to the section (with the empty line's CRLF), the rest to the body; fields are set. Others: the
 * section is unusable, *taken is what was looked at. The answer does not depend on how the stream is cut. */
enum header_status header_section_update(struct header_section *section, struct span octets, size_t *taken);
/* The message ended without an empty line: what came is the section (a last line without CRLF gets none). */
enum header_status header_section_finish(struct header_section *section);

/* Number of fields called name (any case). */
size_t header_section_count(const struct header_section *section, const char *name);
/* First field at or below index start called name, NULL when there is none. */
const struct header_field *header_section_find(const struct header_section *section, const char *name, size_t start);
