/* verifier/dns_special_zones.h -- the zones that resolvers answer by themselves (RFC 6761, 6303, 7686, 7793, 8375).
 * Pure. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include "verifier/dns_name.h"

/* The special zone number index, counted from 0; false when there are no more. */
bool dns_special_zone(size_t index, struct dns_name *out);
/* Is one of the two at or below the other? */
bool dns_special_zone_touches(const struct dns_name *special, const struct dns_name *zone);
