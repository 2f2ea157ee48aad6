/* rules/pattern_literals.h -- what must stand in a subject for a pattern to match: literals of which every subject that
 * matches holds at least one. So most patterns need not be run on most messages (see literal_set).
 * Reads the text of a pattern that pattern_compile has accepted, with the same flags. Careful rather than clever: what
 * it does not understand (conditions, subroutines, \Q, verbs ...) makes it find nothing, never something wrong; a
 * property test holds it against PCRE2. Literals are compared without regard to the case of A-Z, are lower-case, hold
 * no white space (so that they are found in a folded field as in an unfolded one) and no NUL, and are
 * PATTERN_LITERAL_MIN to PATTERN_LITERAL_MAX octets long. Pure: no allocation, I/O, clock or lock; any thread. Cost:
 * one pass. Limits: the enum below. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include "base/span.h"

enum {
    PATTERN_LITERAL_MIN = 3,   /* shorter ones are in every message */
    PATTERN_LITERAL_MAX = 16,  /* octets; of longer ones the first 16 */
    PATTERN_LITERALS_MAX = 16, /* more alternatives than that: nothing is found */
};

struct pattern_literals {
    size_t count; /* 0: nothing is known, the pattern has to be run */
    struct {
        size_t len;
        char octet[PATTERN_LITERAL_MAX];
    } literal[PATTERN_LITERALS_MAX];
};

/* flags: as in pattern_compile. */
void pattern_literals_find(struct span text, unsigned flags, struct pattern_literals *out);
static inline struct span pattern_literal(const struct pattern_literals *literals, size_t i) {
    return (struct span){literals->literal[i].octet, literals->literal[i].len};
}
