/* rules/rule_program.h -- rules in the form in which they run: flat arrays, made by rule_check, read by rule_evaluate.
 * Private to rules/. A condition is a run of codes over one value in hand (the truth) and a small stack; jumps go
 * forward but for the loop over signatures or recipients. Truth has three values (Kleene): what could not be evaluated
 * is neither true nor false, and only spoils a condition that depends on it. */
#pragma once
#include "base/arena.h"
#include "base/endpoint.h"
#include "rules/literal_set.h"
#include "rules/pattern.h"
#include "rules/rule_facts.h"
#include "rules/rule_fields.h"
#include "rules/rule_outcome.h"
#include "rules/rule_source.h"
#include "rules/rule_tree.h"
#include "rules/value_list.h"

enum rule_code_kind {
    CODE_COMPARE, /* truth = comparison[arg] */
    CODE_NOT,
    CODE_UNLESS, /* false: goes on at arg (the end of an and); else the truth goes on the stack */
    CODE_AND,    /* truth = what was on the stack and truth */
    CODE_IF,     /* true: goes on at arg (the end of an or); else the truth goes on the stack */
    CODE_OR,
    CODE_LOOP, /* loop[arg] begins */
    CODE_NEXT, /* loop[arg]: next element, or its end */
    CODE_END,
};
struct rule_code {
    enum rule_code_kind kind;
    uint32_t arg;
};
enum { RULE_STACK_MAX = 2 * 32 + 2 }; /* one place for each level of parentheses and each block */

struct rule_loop {
    enum rule_scope scope;
    bool is_all;
    uint32_t body, end; /* codes */
};

enum rule_value_kind {
    VALUE_NOTHING,
    VALUE_NUMBER,
    VALUE_WORDS,
    VALUE_TEXTS,
    VALUE_NETWORKS,
    VALUE_LIST,
    VALUE_PATTERN,
    VALUE_FACT,
    VALUE_HEADER
};

struct rule_comparison {
    enum rule_operator comparator;
    enum rule_operator how; /* COUNT: how the number is compared */
    enum rule_type type;
    enum rule_fact_id fact; /* unless is_header */
    bool is_header, is_decoded;
    bool is_all;    /* of several values */
    bool is_nocase; /* texts */
    uint16_t name;  /* of the header fields */
    enum rule_value_kind value;
    int64_t number;
    uint64_t words; /* bit n: the n-th word of the fact's list */
    const struct span *texts;
    const struct network *networks;
    size_t count; /* of texts or networks */
    const struct value_list *list;
    const struct pattern *pattern;
    enum rule_fact_id other; /* VALUE_FACT */
    uint16_t other_name;     /* VALUE_HEADER */
    bool other_is_decoded;
    uint32_t gate, gate_count; /* literals of which one must occur in the header section; count 0: none is known */
    struct span text;          /* as it stands in the file */
};

enum rule_part_kind { PART_LITERAL, PART_FACT, PART_HEADER, PART_RULE };
struct rule_part {
    enum rule_part_kind kind;
    struct span literal;
    enum rule_fact_id fact;
    uint16_t name;
};
struct rule_text {
    uint32_t first, count;
}; /* parts */

struct rule_step { /* one action */
    enum rule_action_kind kind;
    unsigned code;
    struct span enhanced, name, target;
    struct rule_text text;
};

struct rule_program {
    struct span name;
    struct span condition; /* as it stands in the file; empty: always */
    bool is_shadow, has_on_error;
    bool skips_errors;
    struct rule_step on_error;
    uint32_t code; /* where its condition begins */
    uint32_t step, step_count;
    bool continues; /* its verdict does not end the evaluation */
};

struct rule_set {
    struct arena *arena; /* texts of the files, and all that is not in the arrays below */
    struct rule_program *rules;
    struct rule_code *codes;
    struct rule_loop *loops;
    struct rule_comparison *comparisons;
    struct rule_part *parts;
    struct rule_step *steps;
    uint32_t *gates; /* literals, by comparison */
    size_t rule_count, code_count, loop_count, comparison_count, part_count, step_count, gate_count;
    size_t rule_room, code_room, loop_room, comparison_room, part_room, step_room, gate_room;
    struct rule_names names;
    struct pattern **patterns;
    struct value_list **lists;
    size_t pattern_count, pattern_room, list_count, list_room;

    struct literal_set *literals; /* NULL: no rule has one */
    size_t literal_count;
    /* Rules that wait for a literal, by literal: waiting[waiting_from[l]] up to waiting_from[l + 1]. */
    uint32_t *waiting, *waiting_from;
    uint64_t *always; /* bit n: the n-th rule waits for none */

    bool has_default;
    struct rule_step default_step;
};
