/* verifier/body_rewrite.h -- what a body may have been before a server rewrote it as a whole: line ends, dots, blanks,
 * long lines, character set, transfer encoding, links, structure (tester.md 3b). One table, the likeliest and cheapest
 * first; whether an answer is right is for body_trial to say.
 * Pure but for the buffers. Cost: one pass each. Limits: bodies of 16 MiB, which the buffers' cap enforces. */
#pragma once
#include "base/bytes.h"
#include "verifier/body_canon.h"
#include "verifier/finding.h"
#include "verifier/mime_tree.h"

struct body_rewrite {
    enum finding_id id;
    const char *text; /* for the finding's {text}, static; may be NULL */
    uint64_t octets;  /* for {octets} */
};

/* How many there are to try for this tree. */
unsigned body_rewrite_count(const struct mime_tree *tree);
/* Writes the number-th into out (cleared first). False: it would change nothing, cannot be, or is white space that kind
 * does not see. */
bool body_rewrite_make(unsigned number, struct span body, const struct mime_tree *tree, enum canonicalization kind,
                       struct bytes *out, struct body_rewrite *what);
