/* rules/rule_source.h -- what a rule set is made of, and what may be wrong with it. Pure data. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include "base/span.h"

struct arena;

enum {
    RULE_SET_RULES_MAX = 10000,
    RULE_SET_TEXT_MAX = 4 << 20, /* octets of one file */
    RULE_SET_ERRORS_MAX = 50,    /* reported; reading ends there */
};

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

struct rule_source {
    struct span file; /* for messages, and the folder that lists are looked for in */
    struct span text;
};
struct rule_options {
    bool arm_discard; /* the second of the two places that arm the action discard; the first is the rule file */
    bool all_shadow;  /* every rule is in mode shadow */
    bool use_jit;     /* of patterns (pattern.h) */
};
