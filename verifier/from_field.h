/* verifier/from_field.h -- the author domain of a message from its From fields (RFC 5322 3.4, 3.6.2, RFC 6532, R-04).
 * The grammar with its obsolete forms: comments, quoted strings, groups (RFC 6854), source routes, empty list elements,
 * phrases with dots. What stands in comments, quoted strings and encoded words is never an address.
 * What does not follow the grammar is marked and read on as far as all readers must agree: an odd display name costs
 * nothing, but where two readers could take two addresses there is none. Each @ outside comments and quoted strings
 * counts as a mailbox (routes excepted), so doubt makes several of one, and several are never aligned.
 * Pure but for arena; no recursion; one pass. Limits: counting stops at 2,000 mailboxes. */
#pragma once
#include <stdbool.h>
#include "base/arena.h"
#include "verifier/header_section.h"

enum { FROM_ADDRESSES_MAX = 2000 };

struct from_field {
    size_t fields;       /* From fields in the section */
    size_t addresses;    /* mailboxes in all of them */
    bool malformed;      /* a From field does not follow the grammar; what could be read was read */
    struct span address; /* of the only mailbox, comments removed; empty unless exactly one field and one mailbox */
    struct span domain;  /* of it, lower-case A-labels; empty also when it is not a legal name (or a domain literal) */
};

/* False: arena spent. section must be complete. */
bool from_field_parse(const struct header_section *section, struct arena *arena, struct from_field *out);
