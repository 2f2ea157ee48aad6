/* rules/rule_parser.h -- read a rule file into a tree (docs/rules.md has the grammar).
 * After a mistake reading goes on with the next statement, so that one run tells about many. Says nothing about
 * meaning: names, types and values are rule_check's. Statements and actions; conditions are rule_condition's. Pure but
 * for arena. */
#pragma once
#include "rules/rule_tree.h"

enum { RULE_ACTIONS_MAX = 16 };

/* Reads page->text, which must outlive *out. Mistakes go to the page. False: the arena is spent. */
bool rule_parser_read(struct rule_page *page, struct arena *arena, struct rule_tree *out);
