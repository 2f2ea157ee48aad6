/* verifier/auth_results.h -- write our Authentication-Results field (RFC 8601; dialect of docs/authentication-results.md).
 * Methods in this order, each only when it was evaluated: dkim (one result a signature), arc, spf, dmarc, iprev. SPF is
 * the reverse-path's result, HELO's where the reverse-path is empty. The one emitter of every value is
 * auth_results_writer: a token as it is, else a quoted-string, control octets dropped; no octet of the sender's choosing
 * inside a comment. What it writes, auth_results_reader reads back to the same structure. Pure but for the buffer.
 * Limits: 4 KiB; when there are too many results, passes and aligned signatures are listed first and the last comment
 * counts the others. A single property above 448 octets is left out, never cut. */
#pragma once
#include <stdbool.h>
#include "base/bytes.h"
#include "verifier/auth_results_style.h"
#include "verifier/result.h"

/* Appends "Authentication-Results: id; ..." in the standard style, with its final CRLF. authserv_id is ours (checked when
 * the configuration was read). False: out does not have the room, or no memory; out is then as before, but failed. */
bool auth_results_write(struct bytes *out, struct span authserv_id, const struct message_result *result);
/* The same in any style. */
bool auth_results_write_styled(struct bytes *out, struct span authserv_id, const struct message_result *result,
                               enum auth_results_style style);
/* The same as "ARC-Authentication-Results: i=instance; id; ..." (RFC 8617 section 4.1.1), instance from 1 to 50. */
bool auth_results_write_arc(struct bytes *out, unsigned instance, struct span authserv_id,
                            const struct message_result *result, enum auth_results_style style);
/* The content alone, "id; ..." without a blank before it and without the final CRLF, folded as it must be behind column
 * octets of the line. */
bool auth_results_write_content(struct bytes *out, size_t column, struct span authserv_id,
                                const struct message_result *result, enum auth_results_style style);
