/* verifier/field_index.h -- find header fields by name from the bottom up, as h= wants them (RFC 6376 section 5.4.2).
 * Built once a message, asked once for each name of each signature: fields + names steps instead of fields * names, and
 * keyed hashing keeps it so when the sender chooses the names.
 * Pure but for arena; cost about 10 ns a field. Thread rule: one thread at a time (the cursors are inside). */
#pragma once
#include <stdbool.h>
#include "base/arena.h"
#include "verifier/header_section.h"

struct field_index;

/* NULL: the arena is spent. section must be complete and outlive the index. */
struct field_index *field_index_create(const struct header_section *section, struct arena *arena);
/* Every name starts again at its lowest field: before each signature. */
void field_index_restart(struct field_index *index);
/* The next field called name (any case) from the bottom up since field_index_restart; NULL when there is no further one. */
const struct header_field *field_index_next(struct field_index *index, struct span name);
