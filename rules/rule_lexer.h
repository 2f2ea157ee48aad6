/* rules/rule_lexer.h -- a rule file's text as a run of tokens, each with its place.
 * Words are letters, digits, _ . and - inside; texts stand in double quotes on one line; patterns between slashes with
 * flags behind; addresses and networks stand as they are; # begins a comment. What is no token is written down as a
 * mistake and comes as TOKEN_BAD, once; reading goes on behind it.
 * Pure: no allocation but the errors', no I/O, clock or lock. One pass. */
#pragma once
#include <stdint.h>
#include "base/arena.h"
#include "rules/rule_mistake.h"

enum rule_token_kind {
    TOKEN_END,
    TOKEN_BAD, /* a mistake was written down */
    TOKEN_WORD,
    TOKEN_TEXT,    /* body: between the quotes, escapes and all */
    TOKEN_PATTERN, /* body: between the slashes; flags: behind */
    TOKEN_NUMBER,  /* number; a unit that stands right behind it is the next token */
    TOKEN_DOTTED,  /* what begins with a number and holds dots, colons or a prefix: address, network, enhanced code */
    TOKEN_SIGN,    /* one of { } ( ) [ ] , == != < <= > >= */
};

struct rule_token {
    enum rule_token_kind kind;
    size_t offset;    /* in the page's text */
    struct span text; /* as it stands there */
    struct span body, flags;
    int64_t number;
};

struct rule_lexer {
    struct rule_page *page;
    size_t at;
};

struct rule_token rule_lexer_next(struct rule_lexer *lexer);
static inline bool rule_token_is(const struct rule_token *token, const char *text) {
    return (token->kind == TOKEN_WORD || token->kind == TOKEN_SIGN) && span_is(token->text, text);
}
/* The body of a TOKEN_TEXT with its escapes undone, in arena; {NULL, 0} when that is spent, or the text is empty. */
struct span rule_lexer_unescape(struct span body, struct arena *arena);
