/* rules/rule_cursor.h -- one token ahead in a rule file, and the ways to be dissatisfied with it. Private to rules/.
 * What rule_condition and rule_parser read by. The functions that complain return false, for their caller to return,
 * and say nothing about a token that the lexer has complained of. */
#pragma once
#include "rules/rule_tree.h"

struct rule_cursor {
    struct rule_lexer lexer;
    struct arena *arena;     /* of the tree */
    struct rule_token token; /* the next one, not taken yet */
    size_t taken_to;         /* where the last taken token ended */
    unsigned braces;         /* open since the statement began */
    bool closed;             /* the last one was closed */
    unsigned comparisons, depth;
    bool no_memory;
};

struct rule_token rule_cursor_take(struct rule_cursor *cursor);
/* Is the next token this word or sign? */
static inline bool rule_cursor_at(const struct rule_cursor *cursor, const char *text) {
    return rule_token_is(&cursor->token, text);
}
/* The same, and then it is taken. */
bool rule_cursor_accept(struct rule_cursor *cursor, const char *text);
/* The same, and else it is a mistake, with b in its cure. */
bool rule_cursor_expect(struct rule_cursor *cursor, const char *sign, enum rule_mistake kind, struct span b);

/* A mistake about the next token. */
bool rule_cursor_wrong(struct rule_cursor *cursor, enum rule_mistake kind, struct span a, struct span b);
bool rule_cursor_wrong_token(struct rule_cursor *cursor, enum rule_mistake kind); /* a is the token */
/* The same where one of words was wanted: a near one is named, or the case of its letters. */
bool rule_cursor_wrong_word(struct rule_cursor *cursor, enum rule_mistake kind, const char *const *words, size_t count);
/* Is the next token one of words but for the case of its letters? Then that is the mistake. */
bool rule_cursor_is_miswritten(struct rule_cursor *cursor, const char *const *words, size_t count);

/* Of the arena; NULL: it is spent, and no_memory is set. */
void *rule_cursor_alloc(struct rule_cursor *cursor, size_t size);
