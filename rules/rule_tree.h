/* rules/rule_tree.h -- a rule file as it was written, before anything of it is known to make sense. Pure data, all of
 * it in the arena of its making; spans point into the file's text. Lists keep the order of the file. */
#pragma once
#include "rules/rule_lexer.h"

enum rule_operator {
#define OPERATOR(id, word, types, help) id,
#include "rules/operators.def"
#undef OPERATOR
    OPERATOR_KIND_COUNT
};

enum rule_action_kind {
#define ACTION(id, word, kind, syntax, help) id,
#include "rules/actions.def"
#undef ACTION
    ACTION_KIND_COUNT
};

/* What a comparison is about: a fact, or fields of the header section. */
struct rule_subject {
    struct rule_token token;
    bool is_header, is_decoded; /* header["X"], header.decoded["X"] */
    struct rule_token field;    /* its TOKEN_TEXT */
};

struct rule_item {
    struct rule_token token;
    struct rule_item *next;
};

enum rule_operand_kind { OPERAND_NONE, OPERAND_TOKEN, OPERAND_HEADER, OPERAND_ITEMS };
struct rule_operand {
    enum rule_operand_kind kind;
    struct rule_token token; /* text, number, address, pattern or word; of ITEMS the { */
    struct rule_token unit;  /* TOKEN_WORD behind a number; TOKEN_END: none */
    struct rule_subject header;
    struct rule_item *items;
};

enum rule_node_kind { NODE_AND, NODE_OR, NODE_NOT, NODE_COMPARE, NODE_ANY, NODE_ALL };
struct rule_node {
    enum rule_node_kind kind;
    struct rule_node *first, *next; /* children of and, or, not, any, all; and the next one beside */
    struct rule_token token;        /* ANY, ALL: what is gone through */
    struct span text;               /* COMPARE: as it stands in the file */
    enum rule_node_kind quantifier; /* COMPARE: NODE_ANY or NODE_ALL before the fact, else NODE_COMPARE */
    struct rule_token quantifier_token;
    struct rule_subject subject;
    enum rule_operator comparator;
    struct rule_token operator_token;
    enum rule_operator how; /* COUNT: how the number is compared */
    struct rule_operand operand;
    bool is_nocase;
    struct rule_token nocase;
};

struct rule_action {
    enum rule_action_kind kind;
    struct rule_token token;                               /* its word */
    struct rule_token code, enhanced, text, target, field; /* TOKEN_END: not given */
    struct rule_action *next;
};

enum rule_statement_kind {
    STATEMENT_RULE,
    STATEMENT_SET,
    STATEMENT_DEFAULT,
    STATEMENT_ON_ERROR,
    STATEMENT_MODE,
    STATEMENT_ARM
};
struct rule_statement {
    enum rule_statement_kind kind;
    struct rule_statement *next;
    struct rule_token token; /* its first word */
    struct rule_token name;  /* of a rule or set */
    /* rule, mode, on error, default */
    bool has_mode, is_shadow, has_on_error, skips_errors;
    struct rule_action *error_action; /* on error and not skip; default: what it is */
    struct rule_node *condition;      /* NULL: always */
    struct span condition_text;       /* as it stands in the file */
    struct rule_action *actions;
    /* set */
    struct rule_token set_kind, file; /* file: TOKEN_TEXT, or TOKEN_END */
    struct rule_item *items;
};

struct rule_tree {
    struct rule_statement *first;
};
