/* verifier/results_paste.h -- find the results that a person pastes: the value of an Authentication-Results field
 * alone, the field with its name, or such a field, or an ARC-Authentication-Results (RFC 8617 section 4.1.1), among
 * other header fields. Reads no result: that is auth_results_reader's. Pure; spans borrow. Cost: one pass. */
#pragma once
#include <stdbool.h>
#include "base/span.h"

struct results_paste {
    struct span value; /* what stands behind the field's name, and behind "i=1;" where it is ARC's */
    bool is_arc;
    unsigned instance;                    /* i=; 0: none, or no number from 1 to 50 */
    bool has_message_signature, has_seal; /* fields of the same instance stand beside it */
};

struct results_paste results_paste_find(struct span text);
