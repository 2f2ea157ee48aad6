/* rules/rule_set.h -- rules, compiled once and asked for every message: which of them apply, and what is to be done.
 * docs/rules.md tells the language, its order of evaluation and what happens on errors; facts.def and actions.def are its
 * tables. The way of a text: rule_lexer, rule_parser, rule_check, then a program that rule_evaluate runs.
 * A rule_set is immutable: any number of threads evaluate it at a time, each with its own rule_scratch. A reload compiles
 * another one and swaps a pointer.
 * rule_set_load reads the files and the lists that they name; nothing else here does I/O, and nothing takes a lock.
 * Cost of an evaluation: one pass over the header section for the literals of all patterns, then only those rules whose
 * literal was seen; see bench_rules. Limits: RULE_SET_*_MAX. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/span.h"

struct json;
struct rule_input;

enum {
    RULE_SET_RULES_MAX = 10000,
    RULE_SET_TEXT_MAX = 4 << 20, /* octets of one file */
    RULE_SET_ERRORS_MAX = 50,    /* reported; reading ends there */
    RULE_SET_EDITS_MAX = 64,     /* of one message: further ones count as errors of their rule */
    RULE_TEXT_MAX = 900,         /* octets of one text with its values put in; what goes beyond is cut */
};

/* --- compile ------------------------------------------------------------------------------------------------------ */

#define RULE_SET_STATUSES(X)                                                                                           \
    X(RULE_SET_OK, "the rules are sound")                                                                              \
    X(RULE_SET_BAD, "the rules have errors")                                                                           \
    X(RULE_SET_NO_MEMORY, "out of memory")
#define X(id, text) id,
enum rule_set_status { RULE_SET_STATUSES(X) RULE_SET_STATUS_COUNT };
#undef X
const char *rule_set_status_text(enum rule_set_status status);

/* One mistake. line and column count from 1, columns in octets; hint is the cure, never empty. */
struct rule_error {
    struct span file, message, hint;
    struct span source; /* the line, for showing, without its end */
    unsigned line, column;
};
struct rule_errors {
    size_t count;
    struct rule_error error[RULE_SET_ERRORS_MAX];
    struct arena *arena; /* their texts; made when the first one is added */
};
void rule_errors_release(struct rule_errors *errors); /* accepts a zeroed struct */

struct rule_source {
    struct span file; /* for messages, and the folder that lists are looked for in */
    struct span text;
};
struct rule_options {
    bool arm_discard; /* the second of the two places that arm the action discard; the first is the rule file */
    bool all_shadow;  /* every rule is in mode shadow */
    bool use_jit;     /* of patterns (pattern.h) */
};

struct rule_set;
/* sources in their order; errors (zeroed before) tells what is wrong on RULE_SET_BAD. *out is NULL but for RULE_SET_OK. */
enum rule_set_status rule_set_compile(const struct rule_source *sources, size_t count, const struct rule_options *options,
                                      struct rule_errors *errors, struct rule_set **out);
/* The same from files. One that cannot be read is an error at line 0. */
enum rule_set_status rule_set_load(const char *const *paths, size_t count, const struct rule_options *options,
                                   struct rule_errors *errors, struct rule_set **out);
void rule_set_destroy(struct rule_set *set); /* accepts NULL */

size_t rule_set_count(const struct rule_set *set);
struct span rule_set_name(const struct rule_set *set, size_t rule); /* as written; unique */
bool rule_set_is_shadow(const struct rule_set *set, size_t rule);

/* --- evaluate ----------------------------------------------------------------------------------------------------- */

#define RULE_VERDICTS(X)                                                                                               \
    X(RULE_ACCEPT, "accept")                                                                                           \
    X(RULE_REJECT, "reject")                                                                                           \
    X(RULE_TEMPFAIL, "tempfail")                                                                                       \
    X(RULE_DISCARD, "discard")       /* 250, and the message is gone */                                                \
    X(RULE_QUARANTINE, "quarantine") /* delivered, marked (one of the edits) or to another downstream */
#define X(id, word) id,
enum rule_verdict { RULE_VERDICTS(X) RULE_VERDICT_COUNT };
#undef X
const char *rule_verdict_word(enum rule_verdict verdict);

enum { RULE_NONE = 0xffffffff }; /* no rule: the default decided */

struct rule_decision {
    enum rule_verdict verdict;
    uint32_t rule;           /* index; RULE_NONE: the file's default */
    bool is_on_error;        /* not its condition but its evaluation error decided */
    unsigned code;           /* reject, tempfail: 5yz or 4yz */
    struct span enhanced;    /* "5.7.20" */
    struct span text;        /* of the reply, or the reason: printable ASCII, one line */
    struct span downstream;  /* quarantine: its name, empty: a field marks the message */
};

enum rule_edit_kind { RULE_ADD_FIELD, RULE_REMOVE_FIELD, RULE_TAG_SUBJECT, RULE_REDIRECT };
struct rule_edit {
    enum rule_edit_kind kind;
    uint32_t rule;
    struct span name;  /* of the field to add, or to remove in all its instances */
    struct span value; /* of the field (printable ASCII, not folded), before the subject, or the only recipient from now on */
};

enum rule_event_kind {
    RULE_EVENT_HIT,          /* its condition held, its actions took place */
    RULE_EVENT_SHADOW,       /* its condition held in mode shadow: nothing took place */
    RULE_EVENT_ERROR,        /* could not be evaluated (pattern over its limit, memory) or carried out */
    RULE_EVENT_SHADOW_ERROR,
};
struct rule_event {
    enum rule_event_kind kind;
    uint32_t rule;
    struct span log; /* text of its action log; empty: none */
};

enum rule_truth { RULE_FALSE, RULE_TRUE, RULE_UNKNOWN /* an evaluation error */ };
/* One comparison that was looked at, in order, as `sceau rules run` shows it. */
struct rule_trace {
    uint32_t rule;
    bool is_rule;        /* the whole condition; the comparisons of the same rule stand before it */
    enum rule_truth truth;
    struct span text;    /* as it stands in the file */
    struct span value;   /* of the fact on its left; several with commas; escaped to printable octets */
    bool has_value;      /* false: absent */
};

struct rule_outcome {
    struct rule_decision decision;
    struct rule_decision shadow;   /* what it would have been with the shadow rules armed */
    size_t edit_count, event_count, trace_count;
    const struct rule_edit *edit;   /* of armed rules that applied, in order; to be dropped when the message is refused */
    const struct rule_event *event; /* in order of the rules */
    const struct rule_trace *trace; /* only where asked for */
    bool is_overridden;
    struct span override_reason;    /* of the action override */
    uint32_t pattern_failures;      /* patterns that were not evaluated */
};

struct rule_scratch;
/* One a thread, for any number of sets and messages. wants_trace: outcomes carry their trace. NULL: no memory. */
struct rule_scratch *rule_scratch_create(bool wants_trace);
void rule_scratch_destroy(struct rule_scratch *scratch); /* accepts NULL */

/* Judges a message. *out and its spans live until the next evaluation with scratch, and no longer than set and input.
 * False: there was no memory; *out is the verdict tempfail 451 4.3.0, decided by no rule. */
bool rule_set_evaluate(const struct rule_set *set, const struct rule_input *input, struct rule_scratch *scratch,
                       struct rule_outcome *out);
