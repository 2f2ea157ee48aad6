/* http/address_mask.h -- text with the local parts of its addresses taken out: "jane@example.org" becomes "***@example.org".
 * For reports that are given away: whatever stands in front of an @ (or its quoted-printable form, as in z=) up to a blank,
 * a bracket or a mark of punctuation that separates addresses goes, a quoted string whole. Rather too much is masked than too
 * little. Pure but for the buffer; one pass. */
#pragma once
#include "base/bytes.h"
#include "base/span.h"

void address_mask_append(struct bytes *out, struct span text);
