/* verifier/record_places.h -- where else a key may have been published by mistake: the domain typed twice, the
 * underscore left out, the selector or _domainkey alone. Names only; asking DNS is record_check's. Pure but for arena.
 */
#pragma once
#include <stdbool.h>
#include "base/arena.h"
#include "base/span.h"
#include "verifier/finding.h"

enum {
    RECORD_PLACE_COUNT = 0
#define RECORD_PLACE(place, finding, expected) +1
#include "verifier/record_places.def"
#undef RECORD_PLACE
};

/* Writes place number i of a selector into arena; {NULL, 0}: it would be no name, or the arena is spent. */
struct span record_place_name(size_t i, struct span selector, struct span domain, struct arena *arena);
/* Appends what it means that the key is there, at name. False: the arena is spent. */
bool record_place_tell(size_t i, struct span name, struct span selector, struct span domain, struct arena *arena,
                       struct finding_list *findings);
