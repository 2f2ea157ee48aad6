/* rules/rule_fields.h -- the header fields that rules ask for, by name, and their values as rules see them.
 * A rule_names is the operator's list of names, made when rules are compiled and immutable afterwards. A rule_fields
 * belongs to one message: one pass sorts its fields by those names; a value is worked out when first asked for.
 * A value is unfolded (RFC 5322 section 2.2.3: each CRLF of a fold goes, the white space behind it stays) and without
 * the white space at its ends; decoded: with its encoded-words undone (encoded_word.h), too. Pure but for arena and
 * malloc (names). Cost: about 20 ns a field of the message. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/arena.h"
#include "base/span.h"

struct header_section;

enum { RULE_NAMES_MAX = 60000 };

struct rule_names {
    struct span *name; /* owned array, borrowed octets */
    size_t count, room;
    uint16_t *slots; /* rule_fields.c's own */
    size_t slot_count;
};
/* The number of a name (any case), which is added when new; name must outlive names. False: no memory, or
 * RULE_NAMES_MAX. */
bool rule_names_add(struct rule_names *names, struct span name, uint16_t *out);
void rule_names_release(struct rule_names *names);

struct rule_fields {
    const struct rule_names *names;
    const struct header_section *header;
    struct arena *arena;
    uint16_t *first;            /* by name: index + 1 of its topmost field; 0: none */
    uint16_t *next;             /* by field: index + 1 of the next one of the same name */
    struct field_value *values; /* rule_fields.c's own */
};
/* False: the arena is spent. */
bool rule_fields_init(struct rule_fields *fields, const struct rule_names *names, const struct header_section *header,
                      struct arena *arena);
/* The topmost field called name, then those below: index + 1, or 0 when there is none. */
static inline unsigned rule_fields_first(const struct rule_fields *fields, uint16_t name) {
    return fields->first[name];
}
static inline unsigned rule_fields_next(const struct rule_fields *fields, unsigned at) { return fields->next[at - 1]; }
/* The value of the field at (as first and next give it). False: the arena is spent. */
bool rule_fields_value(struct rule_fields *fields, unsigned at, bool decoded, struct span *out);
