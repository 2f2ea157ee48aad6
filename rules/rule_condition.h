/* rules/rule_condition.h -- read conditions: comparisons joined by and, or, not, parentheses, any and all. Private to
 * rules/. The functions call themselves, RULE_DEPTH_MAX deep and never deeper. */
#pragma once
#include "rules/rule_cursor.h"

enum { RULE_DEPTH_MAX = 32, RULE_COMPARISONS_MAX = 1000 };

/* NULL: a mistake was written down, or no_memory is set. */
struct rule_node *rule_condition_read(struct rule_cursor *cursor);
/* A fact, or header["X"]. */
bool rule_condition_read_subject(struct rule_cursor *cursor, struct rule_subject *subject);
/* { a b c }, with or without commas. */
bool rule_condition_read_items(struct rule_cursor *cursor, struct rule_item **out);
/* A word that begins a part of a rule, so that a condition ends before it: when, mode, on. */
bool rule_condition_is_part_word(const struct rule_token *token);
