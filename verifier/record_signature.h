/* verifier/record_signature.h -- does a key record fit a DKIM-Signature field? (RFC 6376 sections 3.5 and 3.6.1) For
 * the owner of a domain: tells what the key forbids of that message (h=, k=, t=s, and g= for verifiers of before 2011),
 * whether or not the signature verifies. Reads only d= s= i= a=, so that a field that was pasted in part is enough.
 * Pure. Spans point into the field, which must outlive the findings, or the arena. */
#pragma once
#include <stdbool.h>
#include "base/arena.h"
#include "base/span.h"
#include "verifier/finding.h"
#include "verifier/record_text.h"

struct record_signature {
    struct span domain, selector; /* d= s=, as written */
    struct span auid;             /* i=; "@" and d= when there is none */
    struct span algorithm;        /* a=, may be empty */
};

/* body: what stands behind "DKIM-Signature:", folded or not. False: no d= or no s= in it, or the arena is spent. */
bool record_signature_read(struct span body, struct arena *arena, struct record_signature *out);
void record_signature_judge(const struct record_signature *signature, const struct record_text *record,
                            struct finding_list *findings);
