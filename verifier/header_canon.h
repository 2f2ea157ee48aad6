/* verifier/header_canon.h -- canonical form of one header field (RFC 6376 sections 3.4.1 and 3.4.2), into a digest.
 * Pure: fixed storage (4 KiB of stack), no allocation, I/O, clock or lock. Cost: 25 fields of 2.6 KiB in 1 us and their
 * hash. Limits: a CRLF inside a body counts as a fold, as header_section has made sure. */
#pragma once
#include "base/span.h"
#include "verifier/body_canon.h"
#include "verifier/digest.h"
#include "verifier/header_section.h"

/* Feeds field's canonical form with its final CRLF. */
void header_canon_field(enum canonicalization kind, const struct header_field *field, struct digest *digest);
/* The signature field itself: the value of its b= tag (signature_value, a part of field->body as written, may be
 * empty) left out together with the white space around it, and no final CRLF (section 3.7). */
void header_canon_signature(enum canonicalization kind, const struct header_field *field, struct span signature_value,
                            struct digest *digest);
