/* verifier/spf_identity.h -- who is checked: the HELO name, or the sender of MAIL FROM (RFC 7208
 * sections 2.3, 2.4, 4.3). Pure but for arena. Cost: one pass. Limits: those of its callers; a legal domain has at most
 * 253 octets. */
#pragma once
#include <stdbool.h>
#include "base/arena.h"
#include "base/span.h"
#include "verifier/result.h"

struct spf_identity {
    struct span
        text; /* as it came: the HELO name, or local-part@domain, postmaster@ put in front where there was none */
    struct span sender;     /* local-part@domain, the domain as A-labels; empty without a legal domain */
    struct span local_part; /* "postmaster" where there was none */
    struct span domain;     /* lower-case A-labels, two at least; empty when it is no legal name */
};

/* mail_from without <>; empty: the null sender, for whom postmaster@helo answers. The domain is what stands behind the
 * last
 * @, since a quoted local-part may hold others. What comes out lives in arena. False: no memory. */
bool spf_identity_read(enum spf_scope scope, struct span helo, struct span mail_from, struct arena *arena,
                       struct spf_identity *out);
