#include "rules/rule_cursor.h"

static const struct span none;

struct rule_token rule_cursor_take(struct rule_cursor *cursor) {
    struct rule_token token = cursor->token;
    cursor->taken_to = token.kind == TOKEN_END ? token.offset : token.offset + token.text.len;
    if (rule_token_is(&token, "{")) cursor->braces++;
    if (rule_token_is(&token, "}") && cursor->braces > 0) cursor->closed = --cursor->braces == 0;
    cursor->token = rule_lexer_next(&cursor->lexer);
    return token;
}

bool rule_cursor_accept(struct rule_cursor *cursor, const char *text) {
    if (!rule_cursor_at(cursor, text)) return false;
    rule_cursor_take(cursor);
    return true;
}

bool rule_cursor_wrong(struct rule_cursor *cursor, enum rule_mistake kind, struct span a, struct span b) {
    if (cursor->token.kind != TOKEN_BAD) rule_mistake_add(cursor->lexer.page, kind, cursor->token.offset, a, b);
    return false;
}
bool rule_cursor_wrong_token(struct rule_cursor *cursor, enum rule_mistake kind) {
    return rule_cursor_wrong(cursor, kind, cursor->token.text, none);
}

bool rule_cursor_is_miswritten(struct rule_cursor *cursor, const char *const *words, size_t count) {
    for (size_t i = 0; i < count && cursor->token.kind == TOKEN_WORD; i++) {
        if (!span_is_nocase(cursor->token.text, words[i]) || span_is(cursor->token.text, words[i])) continue;
        rule_cursor_wrong(cursor, MISTAKE_CASE, cursor->token.text, span_of(words[i]));
        return true;
    }
    return false;
}

bool rule_cursor_wrong_word(struct rule_cursor *cursor, enum rule_mistake kind, const char *const *words,
                            size_t count) {
    if (cursor->token.kind != TOKEN_BAD && !rule_cursor_is_miswritten(cursor, words, count))
        rule_mistake_add_near(cursor->lexer.page, kind, cursor->token.offset, cursor->token.text, words, count);
    return false;
}

bool rule_cursor_expect(struct rule_cursor *cursor, const char *sign, enum rule_mistake kind, struct span b) {
    if (rule_cursor_accept(cursor, sign)) return true;
    return rule_cursor_wrong(cursor, kind, cursor->token.text, b);
}

void *rule_cursor_alloc(struct rule_cursor *cursor, size_t size) {
    void *memory = arena_alloc(cursor->arena, size);
    if (memory == NULL) cursor->no_memory = true;
    return memory;
}
