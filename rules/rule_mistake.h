/* rules/rule_mistake.h -- write down what is wrong with a rule file, where, and the cure (rule_mistakes.def).
 * Pure but for the arena of the errors. Limits: RULE_SET_ERRORS_MAX; further mistakes are counted away. */
#pragma once
#include <stdbool.h>
#include "base/arena.h"
#include "rules/rule_source.h"

enum rule_mistake {
#define MISTAKE(id, message, cure) id,
#include "rules/rule_mistakes.def"
#undef MISTAKE
    MISTAKE_COUNT_OF_KINDS
};

/* One file that is read, and where its mistakes go. */
struct rule_page {
    struct span file, text;
    struct rule_errors *errors;
    bool no_memory; /* an error could not be written down */
};

/* offset: into page->text; what lies behind the end is the end. a and b fill the places of message and cure. */
void rule_mistake_add(struct rule_page *page, enum rule_mistake kind, size_t offset, struct span a, struct span b);
/* The same where the cure ends with a known word near a, out of words: "; did you mean WORD?". */
void rule_mistake_add_near(struct rule_page *page, enum rule_mistake kind, size_t offset, struct span a,
                           const char *const *words, size_t count);
/* The same where a stands in the message and the cure ends with all words. */
void rule_mistake_add_words(struct rule_page *page, enum rule_mistake kind, size_t offset, struct span a, struct span b,
                            const char *const *words, size_t count);
/* A mistake that has no place in the text: line and column 0. */
void rule_mistake_add_file(struct rule_page *page, enum rule_mistake kind, struct span a);
/* Puts the errors from index first on into the order of their places. */
void rule_mistake_sort(struct rule_errors *errors, size_t first);
