/* rules/literal_set.h -- which of many literals occur in a text: one pass over it, however many they are (Aho and
 * Corasick, 1975). The set is a complete table: one step an octet, no way back. Literals and texts are compared without
 * regard to the case of A-Z; any octet may be part of either, NUL too. A builder takes literals and is used up by
 * literal_set_build; the set is immutable and may be used from any thread. Allocates with malloc; no I/O, clock or
 * lock. Cost: building is linear in the octets of the table; a pass takes about 2 ns an octet while the table fits into
 * the cache. Limits: the enum below. A table has a row for each distinct beginning of a literal, and in it a column for
 * each distinct octet of literals, 4 octets each: 5,000 literals of 12 octets take about 5 MiB. */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include "base/span.h"

enum {
    LITERAL_SET_LITERAL_MAX = 255,     /* octets of one */
    LITERAL_SET_TABLE_MAX = 256 << 20, /* octets of the table */
    LITERAL_SET_STATES_MAX = 4 << 20,
};

#define LITERAL_SET_STATUSES(X)                                                                                        \
    X(LITERAL_SET_OK, "ok")                                                                                            \
    X(LITERAL_SET_EMPTY_LITERAL, "a literal without octets")                                                           \
    X(LITERAL_SET_LITERAL_TOO_LONG, "a literal longer than LITERAL_SET_LITERAL_MAX")                                   \
    X(LITERAL_SET_TOO_LARGE, "too many literals for one table")                                                        \
    X(LITERAL_SET_NO_MEMORY, "out of memory")
#define X(id, text) id,
enum literal_set_status { LITERAL_SET_STATUSES(X) LITERAL_SET_STATUS_COUNT };
#undef X
const char *literal_set_status_text(enum literal_set_status status);

struct literal_set;
struct literal_set_builder;

struct literal_set_builder *literal_set_builder_create(void);          /* NULL: no memory */
void literal_set_builder_destroy(struct literal_set_builder *builder); /* accepts NULL */
/* Adds a literal, which is copied. *index is its place in the bits of a pass: 0, 1, 2 ...; one that is there already
 * keeps its place. On any other status than LITERAL_SET_OK the builder is as before. */
enum literal_set_status literal_set_builder_add(struct literal_set_builder *builder, struct span literal,
                                                uint32_t *index);
/* Makes the set of what was added, which may be nothing. The builder is the caller's to destroy. *out is NULL unless
 * LITERAL_SET_OK. */
enum literal_set_status literal_set_build(const struct literal_set_builder *builder, struct literal_set **out);
void literal_set_destroy(struct literal_set *set); /* accepts NULL */

size_t literal_set_count(const struct literal_set *set);  /* of distinct literals */
size_t literal_set_octets(const struct literal_set *set); /* of memory */
/* Words that the bits of a pass take. */
static inline size_t literal_set_words(size_t count) { return (count + 63) / 64; }
static inline bool literal_set_has(const uint64_t *seen, uint32_t index) {
    return (seen[index / 64] >> index % 64 & 1) != 0;
}

/* Sets the bit of each literal that occurs in text; the others stay as they are, so that several texts may be looked at
 * one after the other. *state is 0 at the start of a text; with what it was left at, text goes on where the one before
 * ended, and a literal that lies on the cut is seen. */
void literal_set_scan(const struct literal_set *set, uint32_t *state, struct span text, uint64_t *seen);
