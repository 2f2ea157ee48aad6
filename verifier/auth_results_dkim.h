/* verifier/auth_results_dkim.h -- the dkim results of an Authentication-Results field (RFC 8601 section 2.7.1, RFC 6008).
 * A part of auth_results.c, with its promises. */
#pragma once
#include <stddef.h>
#include "verifier/auth_results_writer.h"

/* One result for each signature in order of the fields, or one none. room: octets that they may take; when they need
 * more, those that pass and are aligned are listed first and the last one's comment counts the others. One at least is
 * listed. */
void auth_results_put_dkim(struct auth_results_writer *writer, const struct message_result *message, size_t room);

/* What header.b says: the beginning of signature (b= without white space) that no other signature of the message
 * shares, 8 to 64 characters (RFC 6008 section 3). Equal signatures cannot be told apart, so they do not lengthen each
 * other. */
struct span auth_results_signature_prefix(const struct message_result *result, struct span signature);
