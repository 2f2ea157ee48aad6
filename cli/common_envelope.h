/* cli/common_envelope.h -- the client and the sender that a command line names: --ip, --helo, --mail-from. */
#pragma once
#include <stdbool.h>
#include "cli/common_options.h"
#include "verifier/authentication.h"

/* Reads what is given; spans are borrowed from options. "<user@domain>" is taken as "user@domain"; without --mail-from the
 * sender is the null sender. False: a sentence was written. */
bool cli_envelope_read(const struct cli_options *options, const char *verb_name, struct authentication_envelope *out);
/* Was any of the three given? */
bool cli_envelope_is_given(const struct cli_options *options);
