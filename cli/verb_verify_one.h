/* cli/verb_verify_one.h -- one worker of sceau verify: its loop, DNS, verifier; and one message after the other through
 * it. Thread rule: a worker belongs to one thread; cache and options are shared. */
#pragma once
#include <stdbool.h>
#include "base/bytes.h"
#include "base/clock.h"
#include "cli/common_options.h"
#include "cli/verb_verify_seal.h"
#include "verifier/auth_results.h"
#include "verifier/authentication.h"
#include "verifier/key_cache.h"
#include "verifier/message_report.h"
#include "verifier/verifier_policy.h"

/* How a message is handed to the verifier: whole, or for tests in pieces. */
enum cut_kind { CUT_NONE, CUT_EVERY, CUT_RANDOM };
struct cut {
    enum cut_kind kind;
    uint32_t number;
}; /* EVERY: octets a piece; RANDOM: the seed */
bool cut_parse(const char *text, struct cut *out);

struct rule_set;

/* What all workers share. */
struct verify_job {
    const struct cli_options *options;
    struct key_cache *cache;
    const struct clock *clock;
    struct span authserv_id;
    struct verifier_policy policy;
    bool has_envelope; /* SPF, DMARC and iprev are wanted */
    struct authentication_envelope envelope;
    enum auth_results_style results_style;
    struct cut cut;
    struct report_style style;
    struct verify_seal *seal; /* NULL: no ARC set is wanted */
    const struct rule_set *rules; /* NULL: no rules are asked */
};

/* What became of one input. */
struct verify_outcome {
    struct bytes report;                             /* for standard output */
    struct bytes complaints;                         /* for standard error: whole lines */
    bool unusable;                                   /* the file cannot be read */
    unsigned passes, fails, temporaries, permanents; /* signatures that were checked */
};

struct verify_worker;
/* NULL: a sentence was written. */
struct verify_worker *verify_worker_create(const struct verify_job *job);
void verify_worker_destroy(struct verify_worker *worker); /* accepts NULL */
/* Verifies the message in path; fills *outcome, whose buffers the caller releases. */
void verify_worker_run(struct verify_worker *worker, const char *path, struct verify_outcome *outcome);
