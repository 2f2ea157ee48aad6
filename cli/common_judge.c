#include "cli/common_judge.h"

enum { BUDGET_MS = 20000 }; /* RFC 7208 section 4.6.4 */

bool cli_judge_build(struct cli_judge *judge, const struct cli_options *options) {
    *judge = (struct cli_judge){.policy = verifier_policy_default};
    if (!cli_stage_build(&judge->stage, options)) return false;
    judge->clock = cli_stage_clock(&judge->stage, options);
    struct authentication_setup setup = {.policy = &judge->policy,
                                         .keys = cli_dns_keys(judge->stage.dns),
                                         .dns = cli_dns_source(judge->stage.dns),
                                         .clock = judge->clock,
                                         .receiver = span_of("localhost")};
    judge->authentication = authentication_create(&setup);
    if (judge->authentication == NULL) cli_complain("out of memory");
    return judge->authentication != NULL;
}

void cli_judge_release(struct cli_judge *judge) {
    authentication_destroy(judge->authentication);
    cli_stage_release(&judge->stage);
}

static void done(void *owner) {
    struct cli_judge *judge = owner;
    judge->is_done = true;
    cli_stage_done(&judge->stage);
}

const char *cli_judge_message(struct cli_judge *judge, struct span message,
                              const struct authentication_envelope *envelope, const struct message_result **result,
                              const struct header_section **header) {
    struct authentication *authentication = judge->authentication;
    judge->is_done = false;
    authentication_begin(authentication, envelope, done, judge);
    enum verifier_progress progress = authentication_update(authentication, message);
    if (progress != VERIFIER_REFUSED) progress = authentication_end(authentication);
    const struct message_verifier *verifier = authentication_verifier(authentication);
    if (progress == VERIFIER_REFUSED) return header_status_text(message_verifier_header_status(verifier));
    if (progress == VERIFIER_MORE) cli_stage_wait(&judge->stage, BUDGET_MS);
    if (progress == VERIFIER_MORE && !judge->is_done) authentication_expire(authentication);
    *result = authentication_result(authentication);
    *header = message_verifier_header(verifier);
    return NULL;
}
