/* verifier/from_field.h -- the author domain of a message from its From fields (RFC 5322 3.4 and 3.6.2, RFC 6532, R-04).
 * Pure but for arena; no recursion; comments, quoted strings, groups, source routes and encoded words are understood.
 * Limits: counting stops at 2,000 mailboxes. */
#pragma once
#include <stdbool.h>
#include "base/arena.h"
#include "verifier/header_section.h"

struct from_field {
    size_t fields;       /* From fields in the section */
    size_t addresses;    /* mailboxes in all of them */
    bool malformed;      /* a From field does not follow the grammar; what could be read was read */
    struct span address; /* of the only mailbox, comments removed; empty unless exactly one field and one mailbox */
    struct span domain;  /* of it, lower-case A-labels; empty also when it is not a legal name */
};
bool from_field_parse(const struct header_section *section, struct arena *arena, struct from_field *out); /* false: arena spent */
