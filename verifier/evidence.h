/* verifier/evidence.h -- where two texts differ, cut to a size that people read. Pure but for the arena, where the
 * copies live. */
#pragma once
#include "base/arena.h"
#include "verifier/finding.h"

enum { EVIDENCE_MAX = 2048 }; /* octets kept of each side */

/* The middle where original and received differ, widened to whole lines. field: name of the header field, empty: the
 * body. */
struct finding_evidence evidence_between(struct span field, struct span original, struct span received,
                                         struct arena *arena);
/* Octets [from, to) of received stood for put. */
struct finding_evidence evidence_of_cut(struct span received, size_t from, size_t to, struct span put,
                                        struct arena *arena);
