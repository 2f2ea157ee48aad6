/* verifier/pasted_header.h -- header fields as people paste them, made a header section again (RFC 5322 section 2.2).
 * Copying out of a browser or mail program changes line ends and loses the blanks that mark folded lines; b= covers the
 * header fields and bh= alone, so such a paste can be verified, and a signature that verifies proves the repair. Pure
 * but for the buffer; one pass. */
#pragma once
#include <stdbool.h>
#include "base/bytes.h"
#include "base/span.h"

/* Appends the fields with CRLF line ends, from the first line that is not empty up to the next empty one, and the empty
 * line that ends the section. */
void pasted_header_read(struct span text, struct bytes *out);
/* Appends section (of pasted_header_read) with a blank in front of each line that does not begin with a field name:
 * such a line can only be the rest of the field above. False: there is no such line, and nothing was appended. */
bool pasted_header_repair(struct span section, struct bytes *out);
