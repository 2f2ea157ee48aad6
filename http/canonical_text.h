/* http/canonical_text.h -- what a DKIM signature's hashes are made of, as text for people: the header fields of h= in their
 * canonical form, and the canonical body (RFC 6376 sections 3.4 and 3.7).
 * For show only: verdicts come from header_canon and body_canon, and a test holds these texts against their hashes.
 * Appends up to the buffer's cap, whose failure means that the text was cut. Pure but for the buffer; one pass. */
#pragma once
#include <stdint.h>
#include "base/bytes.h"
#include "verifier/dkim_signature.h"
#include "verifier/header_section.h"

/* signature is that of field, which stands in section. */
void canonical_text_header(struct bytes *out, const struct header_section *section, const struct dkim_signature *signature,
                           const struct header_field *field);
/* At most lines lines, and no more than l= counts. Returns how many octets the whole text has. */
uint64_t canonical_text_body(struct bytes *out, enum canonicalization kind, bool has_limit, uint64_t limit, struct span body,
                             size_t lines);
