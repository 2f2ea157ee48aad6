/* verifier/arc_set.h -- the ARC sets of a message: the three fields of each instance, read, and judged in their
 * structure (RFC 8617 sections 4 and 5.2, steps 1 to 3). Nothing here needs the body, a key or DNS. Every field may
 * lack every tag. A broken ARC-Message-Signature below the newest is no fault of the structure: step 5 lets it
 * limit oldest-pass only. Pure but for arena. Cost: one pass over the fields. Limits: 50 sets. */
#pragma once
#include "base/arena.h"
#include "verifier/dkim_signature.h"
#include "verifier/header_section.h"
#include "verifier/result.h"

enum { ARC_SETS_MAX = 50 };

struct arc_set {
    const struct header_field *results, *message,
        *seal; /* ARC-Authentication-Results, -Message-Signature, ARC-Seal; or NULL */
    struct dkim_signature message_signature, seal_signature; /* valid where the field is there */
};

struct arc_chain {
    enum arc_code code;  /* ARC_NO_SETS, ARC_OK: the structure is sound, or what is wrong */
    unsigned failed_set; /* instance at fault, 0 when none can be named */
    unsigned sets;       /* instances seen */
    unsigned newest;     /* highest instance that a field names, at most ARC_SETS_MAX */
    bool was_failed;     /* the seal of that instance says cv=fail */
    struct arc_set *set; /* set[0] is instance 1; newest of them, in arena */
};

/* Reads the ARC fields of section, which must outlive *out. False: the arena is spent. */
bool arc_set_collect(const struct header_section *section, struct arena *arena, struct arc_chain *out);
/* The instance of an ARC-Authentication-Results field's body, "i=1;" with comments and white space anywhere between
 * (section 4.1.1); 0 when it does not begin so. */
unsigned arc_set_results_instance(struct span body);
