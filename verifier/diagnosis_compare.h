/* verifier/diagnosis_compare.h -- what the signatures and ARC hops of one message say together: since when the body is
 * what it is, and among which fields a change must be (tester.md 3a). Costs next to nothing.
 * Purity and thread rule: those of diagnosis, whose part it is. */
#pragma once
#include "verifier/arc_set.h"
#include "verifier/diagnosis_input.h"
#include "verifier/dkim_signature.h"
#include "verifier/finding.h"

/* The signatures of the message, read again; those whose code is not DKIM_OK say nothing. */
struct diagnosis_signatures {
    size_t count; /* as result->dkim_count, at most DIAGNOSIS_SIGNATURES_MAX */
    struct dkim_signature *signature;
};

/* The body was changed since signature index: between which hops? Appends one finding or none. */
void diagnosis_compare_bodies(const struct diagnosis_input *input, const struct diagnosis_signatures *all, size_t index,
                              const struct arc_chain *chain, struct arena *arena, struct finding_list *list);
/* A field that signature index covers was changed, which one is not known: does another signature prove some of them?
 */
void diagnosis_compare_fields(const struct diagnosis_input *input, const struct diagnosis_signatures *all, size_t index,
                              struct arena *arena, struct finding_list *list);
