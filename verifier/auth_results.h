/* verifier/auth_results.h -- write our Authentication-Results field (RFC 8601; dialect of verdicts.md section 2).
 * The one emitter of every value: a token as it is, else a quoted-string, control octets dropped; no octet of
 * the sender's choosing inside a comment. What it writes, auth_results_reader reads back to the same structure. Pure
 * but for the buffer. Limits: 4 KiB; when there are too many results, passes and aligned signatures are listed first
 * and the last comment counts the others. A single value above 700 octets is left out, never cut. */
#pragma once
#include <stdbool.h>
#include "base/bytes.h"
#include "verifier/result.h"

/* Appends "Authentication-Results: id; ..." folded at 78, with its final CRLF. authserv_id is ours (checked when the
 * configuration was read). False: out does not have the room, or no memory; out is then as before, but failed. */
bool auth_results_write(struct bytes *out, struct span authserv_id, const struct message_result *result);

/* What header.b says: the beginning of signature (b= without white space) that no other signature of the message
 * shares, 8 to 64 characters (RFC 6008 section 3). Equal signatures cannot be told apart, so they do not lengthen each
 * other. */
struct span auth_results_signature_prefix(const struct message_result *result, struct span signature);
