/* verifier/domain_name.h -- legal domain names and their A-label form (RFC 1035 2.3, RFC 5890, RFC 8616, R-02).
 * domain_name.c is the only file that includes idn2.h. Pure but for arena; libidn2 is called, and allocates, for labels
 * that are not ASCII only. Cost: one pass. */
#pragma once
#include <stdbool.h>
#include "base/arena.h"
#include "base/span.h"

enum { DOMAIN_NAME_MAX = 253, DOMAIN_LABEL_MAX = 63 }; /* octets of the A-label form */

/* Lower-case A-label form of name (A- or U-labels, any case, one final dot allowed and dropped), in arena. {NULL, 0} when
 * it is no legal name: empty, over 253 octets, a label empty or over 63, any octet that is not a letter, digit, hyphen or
 * underscore, no IDNA form, or (need_dot) a single label; and when the arena is spent. A label with octets above 127
 * must become an A-label: full-width letters and other disguises of ASCII or of the dot are refused. */
struct span domain_name_ascii(struct span name, bool need_dot, struct arena *arena);
/* The same into out; its length, 0 when name is not legal. For those who must tell that from a spent arena. */
size_t domain_name_write(struct span name, bool need_dot, char out[DOMAIN_NAME_MAX]);
/* For already lower-case A-labels: is name equal to ancestor or below it? An empty name is related to none. */
bool domain_name_is_within(struct span name, struct span ancestor);
/* Relaxed fit without a look at DNS: equal, or one lies below the other and that other has at least two labels. */
bool domain_name_is_related(struct span a, struct span b);
