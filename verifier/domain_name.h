/* verifier/domain_name.h -- legal domain names and their A-label form (RFC 1035 2.3, RFC 5890, RFC 8616, R-02).
 * domain_name.c is the only file that includes idn2.h. Pure but for arena. */
#pragma once
#include <stdbool.h>
#include "base/arena.h"
#include "base/span.h"

/* Lower-case A-label form of name (A- or U-labels, any case, one final dot allowed and dropped), in arena. {NULL, 0} when it is
 * no legal name: empty, over 253 octets, a label empty or over 63, any octet that is not a letter, digit, hyphen or
 * underscore, no IDNA form, or (need_dot) a single label. */
struct span domain_name_ascii(struct span name, bool need_dot, struct arena *arena);
/* For already lower-case A-labels: is name equal to ancestor or below it? */
bool domain_name_is_within(struct span name, struct span ancestor);
/* Relaxed fit without a look at DNS: equal, or one lies below the other and that other has at least two labels. */
bool domain_name_is_related(struct span a, struct span b);
