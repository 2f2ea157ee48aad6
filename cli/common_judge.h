/* cli/common_judge.h -- one message after the other through the verifier, for verbs that want its verdicts in hand. The
 * message is read whole; DNS is what the command line asks for. Thread rule: one thread. */
#pragma once
#include <stdbool.h>
#include "cli/common_options.h"
#include "cli/common_stage.h"
#include "verifier/authentication.h"
#include "verifier/verifier_policy.h"

struct cli_judge { /* common_judge.c's own */
    struct cli_stage stage;
    struct verifier_policy policy;
    const struct clock *clock;
    struct authentication *authentication;
    bool is_done;
};

/* False: a sentence was written. Release in any case. judge must not be moved. */
bool cli_judge_build(struct cli_judge *judge, const struct cli_options *options);
void cli_judge_release(struct cli_judge *judge);

/* Judges message. envelope NULL: only what the message itself tells. NULL: fine, *result and *header are valid until
 * the next message or release; else why not, static text. */
const char *cli_judge_message(struct cli_judge *judge, struct span message,
                              const struct authentication_envelope *envelope, const struct message_result **result,
                              const struct header_section **header);
