/* verifier/received_time.h -- when did a message enter our ADMD? The date of its topmost Received field (RFC 5321 section
 * 4.4, RFC 5322 section 3.3), which is ours only where a server of ours always adds one: the caller must know that.
 * Strict: the date is what stands behind the last semicolon, whole, with a numeric zone, and a day of the week that fits it;
 * obsolete forms are not read. Pure; no allocation, clock or locale. Cost: one pass over the field. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "base/span.h"

struct header_section;

/* False: the message has no Received field, or the topmost one tells no time. */
bool received_time_of(const struct header_section *section, int64_t *unix_s);
/* The same for one field's body. */
bool received_time_read(struct span body, int64_t *unix_s);
