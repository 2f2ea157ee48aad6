/* rules/rule_set.h -- rules, compiled once and asked for every message: which of them apply, and what is to be done.
 * docs/rules.md tells the language, its order of evaluation and what happens on errors; facts.def and actions.def are
 * its tables. The way of a text: rule_lexer, rule_parser, rule_check, then a program that rule_evaluate runs. A
 * rule_set is immutable: any number of threads evaluate it at a time, each with its own rule_scratch. A reload compiles
 * another one and swaps a pointer.
 * rule_set_load reads the files and the lists that they name; nothing else here does I/O, and nothing takes a lock.
 * Cost of an evaluation: one pass over the header section for the literals of all patterns, then only those rules whose
 * literal was seen; see bench_rules. Limits: RULE_SET_*_MAX. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/span.h"
#include "rules/rule_outcome.h"
#include "rules/rule_source.h"

struct rule_input;

/* --- compile ------------------------------------------------------------------------------------------------------ */

#define RULE_SET_STATUSES(X)                                                                                           \
    X(RULE_SET_OK, "the rules are sound")                                                                              \
    X(RULE_SET_BAD, "the rules have errors")                                                                           \
    X(RULE_SET_NO_MEMORY, "out of memory")
#define X(id, text) id,
enum rule_set_status { RULE_SET_STATUSES(X) RULE_SET_STATUS_COUNT };
#undef X
const char *rule_set_status_text(enum rule_set_status status);

void rule_errors_release(struct rule_errors *errors); /* accepts a zeroed struct */

struct rule_set;
/* sources in their order; errors (zeroed before) tells what is wrong on RULE_SET_BAD. *out is NULL but for RULE_SET_OK.
 */
enum rule_set_status rule_set_compile(const struct rule_source *sources, size_t count,
                                      const struct rule_options *options, struct rule_errors *errors,
                                      struct rule_set **out);
/* The same from files. One that cannot be read is an error at line 0. */
enum rule_set_status rule_set_load(const char *const *paths, size_t count, const struct rule_options *options,
                                   struct rule_errors *errors, struct rule_set **out);
void rule_set_destroy(struct rule_set *set); /* accepts NULL */

size_t rule_set_count(const struct rule_set *set);
struct span rule_set_name(const struct rule_set *set, size_t rule); /* as written; unique */
bool rule_set_is_shadow(const struct rule_set *set, size_t rule);
/* Whether a rule asks for findings, so that somebody has to look for them. A walk over all rules. */
bool rule_set_asks_findings(const struct rule_set *set);

/* --- evaluate ----------------------------------------------------------------------------------------------------- */

const char *rule_verdict_word(enum rule_verdict verdict);

struct rule_scratch;
/* One a thread, for any number of sets and messages. wants_trace: outcomes carry their trace. NULL: no memory. */
struct rule_scratch *rule_scratch_create(bool wants_trace);
void rule_scratch_destroy(struct rule_scratch *scratch); /* accepts NULL */

/* Judges a message. *out and its spans live until the next evaluation with scratch, and no longer than set and input.
 * False: there was no memory; *out is the verdict tempfail 451 4.3.0, decided by no rule. */
bool rule_set_evaluate(const struct rule_set *set, const struct rule_input *input, struct rule_scratch *scratch,
                       struct rule_outcome *out);
