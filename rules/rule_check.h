/* rules/rule_check.h -- from what is written (rule_tree) to what runs (rule_program): names, types, units, values and
 * patterns are checked, and each mistake is written down with its cure. Private to rules/.
 * rule_check.c reads statements and conditions, rule_check_value.c what facts are compared with, rule_check_action.c
 * the actions and their texts. Reads the files of sets; else pure but for the set that is built. Functions return false
 * when the thing cannot be used; then a mistake was written down, or no_memory is set. */
#pragma once
#include "rules/rule_program.h"

/* A set of the operator's, of one type. */
struct rule_named_set {
    struct span name;
    enum rule_type type;
    const struct value_list *list; /* domains, mailboxes; everything from a file; else NULL */
    const struct span *texts;      /* without case */
    const struct network *networks;
    size_t count;
    struct rule_named_set *next;
};

/* A rule that waits for a literal; UINT32_MAX: for none. */
struct rule_wait {
    uint32_t literal, rule;
};

struct rule_check {
    struct rule_page *page;
    struct rule_set *set;
    const struct rule_options *options;
    struct literal_set_builder *literals; /* NULL: none yet */
    struct rule_named_set *sets;
    size_t set_count;
    uint32_t *rule_slots;    /* rule names seen: rule_check.c's own */
    struct rule_wait *waits; /* in order of the rules */
    size_t wait_count, wait_room;
    /* of the file that is read */
    bool discard_is_armed, is_shadow;
    bool has_on_error, skips_errors;
    struct rule_step on_error;
    /* of the condition that is read */
    bool has_loop;
    enum rule_scope loop_scope;
    unsigned families; /* bits: methods it asks for */
    bool no_memory;
};

/* Checks one file's tree and adds its rules to check->set. False: no memory. */
bool rule_check_file(struct rule_check *check, const struct rule_tree *tree);
/* After the last file: which rules wait for which literals. False: no memory. */
bool rule_check_finish(struct rule_check *check);
void rule_check_release(struct rule_check *check);

/* Room for one more of an array, which stays owned by the set. NULL: no memory, and no_memory is set. */
void *rule_check_grow(struct rule_check *check, void *array, size_t *room, size_t count, size_t size);
void *rule_check_alloc(struct rule_check *check, size_t size); /* of the set's arena */
struct span rule_check_text(struct rule_check *check,
                            const struct rule_token *token); /* of a TOKEN_TEXT, escapes undone */

/* Fills what comparison is compared with; its subject, type and operator are set. words: of the fact. */
bool rule_check_operand(struct rule_check *check, const struct rule_node *node, struct rule_comparison *comparison);
/* Declares a set. */
bool rule_check_set(struct rule_check *check, const struct rule_statement *statement);
/* The word list, unit of a comparison's fact. */
enum rule_unit rule_check_unit(const struct rule_comparison *comparison);

/* Reads an action into *out; has_rule false: it is a default or belongs to an error, without a rule's condition. */
bool rule_check_action(struct rule_check *check, const struct rule_action *action, struct rule_step *out);
