/* http/canonical_view.h -- what was signed beside what came, for eyes: a table of two columns, line by line, with <del>
 * and <ins> where they part and invisible characters drawn (drawn_text). Shows the lines around the change only.
 * Appends to the caller's buffer, whose failure is sticky; no I/O, clock or lock. Memory: a table of line pairs while
 * it works; without memory lines are not matched, but all are shown. Limits: CANONICAL_VIEW_LINES rows, the rest is
 * counted; of a long line its part around the change. Cost: a pass over both texts, and CANONICAL_VIEW_LINES squared
 * comparisons of lines. */
#pragma once
#include <stdbool.h>
#include "base/bytes.h"
#include "base/span.h"
#include "verifier/phrase.h"

enum { CANONICAL_VIEW_LINES = 200, CANONICAL_VIEW_CONTEXT = 3 };

struct canonical_sides {
    struct span original; /* as signed */
    struct span received;
    bool is_proved; /* original is reconstructed, and its hash is the signed one; else it is a supposition */
    uint64_t original_more, received_more; /* octets that were cut off before */
};

void canonical_view_write(struct bytes *out, enum language language, const struct canonical_sides *sides);
