/* verifier/link_rewriter.h -- undo what link scanners do to addresses in mail, by rule (link_rewriters.def).
 * For diagnosis only: nothing is ever fetched. Pure but for the buffer; one pass. Services whose links do not hold the
 * first address (they keep it in a database) cannot be undone and are not in the table. */
#pragma once
#include <stdbool.h>
#include "base/bytes.h"
#include "base/span.h"

/* Appends text with every rewritten link undone; escape: write & as &amp;, as links in HTML have it. The service's
 * name, static, or NULL when no link was rewritten. */
const char *link_rewriter_undo(struct span text, bool escape, struct bytes *out);
