/* cli/verb_verify_seal.h -- sceau verify --arc-seal: the ARC set that we would add to a message.
 * Thread rule: immutable once open; shared by all workers. */
#pragma once
#include <stdbool.h>
#include "base/bytes.h"
#include "base/clock.h"
#include "cli/common_options.h"
#include "verifier/authserv_id.h"
#include "verifier/message_verifier.h"

struct verify_seal;

/* Loads the key that the options name; *out is NULL when they name none. False: a sentence was written. id and clock
 * are borrowed until close. */
bool verify_seal_open(const struct cli_options *options, const struct authserv_id *id, const struct clock *clock,
                      struct verify_seal **out);
void verify_seal_close(struct verify_seal *seal); /* accepts NULL */
/* Appends the fields for the message that verifier has just verified; our_field: our Authentication-Results field for
 * it. Returns NULL, or why there are none. */
const char *verify_seal_write(const struct verify_seal *seal, const struct message_verifier *verifier,
                              struct span our_field, struct bytes *out);
