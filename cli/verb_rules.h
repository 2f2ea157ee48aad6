/* cli/verb_rules.h -- what the verbs of sceau rules share. */
#pragma once
#include "base/bytes.h"
#include "cli/common_options.h"
#include "rules/rule_set.h"

struct rule_input;

/* "FILE:LINE:COLUMN: message", the line, a caret, the cure; or as JSON, one object a line. */
void rules_write_errors(struct bytes *out, const struct rule_errors *errors, bool json);
/* Loads the files; mistakes go to standard error. NULL: there were some. */
struct rule_set *rules_load(const char *const *paths, size_t count, const struct rule_options *options);

/* sceau rules run, test, facts, manual: what stands behind the verb's name is in options->operand. */
enum cli_status rules_run(const struct cli_options *options);
enum cli_status rules_test(const struct cli_options *options);
enum cli_status rules_facts(const struct cli_options *options);
enum cli_status rules_manual(const struct cli_options *options);
