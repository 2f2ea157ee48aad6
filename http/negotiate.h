/* http/negotiate.h -- how much a client likes something: quality values of Accept and Accept-Encoding (RFC 9110 12.4.2).
 * Pure: no allocation, I/O, clock or lock; one pass. Lenient: what it cannot read counts as not named. */
#pragma once
#include "base/span.h"

enum { NEGOTIATE_NOT_NAMED = -1 };

/* The highest quality, 0 to 1000, of the list's entries whose name is name (letter case ignored, other parameters ignored);
 * NEGOTIATE_NOT_NAMED when there is none. Wildcards are names like any other. */
int negotiate_quality(struct span list, const char *name);
