/* verifier/public_suffix.h -- the organization of a domain by the public suffix list, as verifiers of RFC 7489 find it;
 * for a diagnosis that compares it with DMARC's tree walk, never for a verdict. The list is the text of
 * https://publicsuffix.org/list/ (Debian: package publicsuffix), which the caller has read. Pure; any thread. Cost: one
 * pass over the list, 0.5 ms for 250 KB. Limits: rules beyond ASCII are passed over, so a domain with an A-label in it
 * has no organization here. */
#pragma once
#include "base/span.h"

#define PUBLIC_SUFFIX_FILE "/usr/share/publicsuffix/public_suffix_list.dat" /* where Debian puts it */
enum { PUBLIC_SUFFIX_OCTETS_MAX = 4 << 20 };                                /* more is no such list */

/* domain: lower-case A-labels. A part of it; {NULL, 0}: it is a public suffix itself, or not known. */
struct span public_suffix_organization(struct span list, struct span domain);
