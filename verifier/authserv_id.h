/* verifier/authserv_id.h -- does a field claim to be ours? (RFC 8601 section 5, R-01)
 * Reads any Authentication-Results-like body leniently, the way the most forgiving consumer might, and compares the
 * authserv-id: letter case, quoted-string, comments, folds, version, final dot, U-label against A-label, broken syntax.
 * Comments are also read the wrong ways that readers are known for (not nested, no backslashes), encoded-words and
 * percent-encoding are undone, invisible characters dropped; in a head that follows no grammar each word counts. A
 * sound head speaks for itself: foreign ids and look-alikes, and comments that mention us, are not claimed. Pure;
 * allocates only to undo encoded-words and fold U-labels. Cost: linear in the field, whatever it holds. */
#pragma once
#include <stdbool.h>
#include "base/span.h"
#include "verifier/header_section.h"

struct authserv_id {
    char ascii[256];
    size_t len;
}; /* lower case, A-labels, no final dot */

/* False: text is no usable authserv-id (empty, too long, or not a token of domain-like characters). */
bool authserv_id_init(struct authserv_id *id, struct span text);
/* Is field an Authentication-Results field (name in any case) whose id is ours in any spelling? Or any field that hides
 * such a one behind a CR or LF that ends no line? A field without any readable id is nobody's and not claimed. */
bool authserv_id_claimed_by(const struct authserv_id *id, const struct header_field *field);
