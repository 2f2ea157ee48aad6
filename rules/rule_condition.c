#include "rules/rule_condition.h"
#include "base/ascii.h"

static const struct span none;
static const struct rule_token absent = {.kind = TOKEN_END};

static const char *const operator_words[] = {
#define OPERATOR(id, word, types, help) [id] = word,
#include "rules/operators.def"
#undef OPERATOR
};

/* --- comparisons -------------------------------------------------------------------------------------------------- */

static bool is_field_name(struct span name) {
    for (size_t i = 0; i < name.len; i++)
        if (!ascii_is_graph(name.ptr[i]) || name.ptr[i] == ':' || name.ptr[i] == '\\') return false;
    return name.len > 0;
}

static bool read_header_name(struct rule_cursor *cursor, struct rule_subject *subject) {
    if (!rule_cursor_expect(cursor, "[", MISTAKE_HEADER, none)) return false;
    if (cursor->token.kind != TOKEN_TEXT) return rule_cursor_wrong_token(cursor, MISTAKE_HEADER);
    if (!is_field_name(cursor->token.body))
        return rule_cursor_wrong(cursor, MISTAKE_HEADER_NAME, cursor->token.body, none);
    subject->field = rule_cursor_take(cursor);
    return rule_cursor_accept(cursor, "]") ||
           rule_cursor_wrong(cursor, MISTAKE_HEADER_CLOSE, subject->field.body, none);
}

static bool is_header_word(const struct rule_token *token) {
    return rule_token_is(token, "header") || rule_token_is(token, "header.decoded");
}

static bool is_one_of(const struct rule_token *token, const char *const *words, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (rule_token_is(token, words[i])) return true;
    return false;
}

bool rule_condition_read_subject(struct rule_cursor *cursor, struct rule_subject *subject) {
    static const char *const words[] = {"and",   "or",   "not",  "any",  "all", "exists",
                                        "count", "then", "when", "mode", "on"};
    enum rule_token_kind kind = cursor->token.kind;
    if (kind == TOKEN_TEXT || kind == TOKEN_NUMBER || kind == TOKEN_DOTTED || kind == TOKEN_PATTERN)
        return rule_cursor_wrong_token(cursor, MISTAKE_LITERAL_FIRST);
    if (kind != TOKEN_WORD || is_one_of(&cursor->token, words, sizeof words / sizeof *words))
        return rule_cursor_wrong_token(cursor, MISTAKE_CONDITION);
    if (rule_cursor_is_miswritten(cursor, words, sizeof words / sizeof *words)) return false;
    *subject = (struct rule_subject){.token = rule_cursor_take(cursor)};
    subject->is_header = is_header_word(&subject->token);
    subject->is_decoded = rule_token_is(&subject->token, "header.decoded");
    return !subject->is_header || read_header_name(cursor, subject);
}

static bool is_keyword(const struct rule_token *token) {
    static const char *const words[] = {"and", "or", "not", "then", "when", "mode", "on"};
    return is_one_of(token, words, sizeof words / sizeof *words);
}

static bool is_item(const struct rule_token *token) {
    return token->kind == TOKEN_TEXT || token->kind == TOKEN_DOTTED || token->kind == TOKEN_NUMBER ||
           (token->kind == TOKEN_WORD && !is_keyword(token));
}

bool rule_condition_read_items(struct rule_cursor *cursor, struct rule_item **out) {
    struct rule_item **end = out;
    rule_cursor_take(cursor);
    while (!rule_cursor_at(cursor, "}")) {
        if (!is_item(&cursor->token)) return rule_cursor_wrong_token(cursor, MISTAKE_SET_ITEM);
        struct rule_item *item = rule_cursor_alloc(cursor, sizeof *item);
        if (item == NULL) return false;
        item->token = rule_cursor_take(cursor);
        *end = item;
        end = &item->next;
        rule_cursor_accept(cursor, ",");
    }
    if (*out == NULL) return rule_cursor_wrong_token(cursor, MISTAKE_SET_EMPTY);
    rule_cursor_take(cursor);
    return true;
}

static bool read_operand(struct rule_cursor *cursor, struct rule_node *compare) {
    struct rule_operand *operand = &compare->operand;
    operand->unit = absent;
    if (rule_cursor_at(cursor, "{")) {
        *operand = (struct rule_operand){.kind = OPERAND_ITEMS, .token = cursor->token, .unit = absent};
        return rule_condition_read_items(cursor, &operand->items);
    }
    if (!is_item(&cursor->token) && cursor->token.kind != TOKEN_PATTERN)
        return rule_cursor_wrong(cursor, MISTAKE_OPERAND, compare->operator_token.text, cursor->token.text);
    if (is_header_word(&cursor->token)) {
        operand->kind = OPERAND_HEADER;
        operand->token = cursor->token;
        return rule_condition_read_subject(cursor, &operand->header);
    }
    operand->kind = OPERAND_TOKEN;
    operand->token = rule_cursor_take(cursor);
    if (operand->token.kind == TOKEN_NUMBER && cursor->token.kind == TOKEN_WORD && !is_keyword(&cursor->token))
        operand->unit = rule_cursor_take(cursor);
    return true;
}

static bool find_operator(const struct rule_token *token, enum rule_operator *out) {
    for (enum rule_operator i = OPERATOR_EQUAL; i < OPERATOR_EXISTS; i++)
        if (rule_token_is(token, operator_words[i])) {
            *out = i;
            return true;
        }
    return false;
}

/* What may stand behind a comparison: anything that a rule, a block or parentheses go on with. */
static bool ends_comparison(const struct rule_cursor *cursor) {
    return rule_cursor_at(cursor, "and") || rule_cursor_at(cursor, "or") || rule_cursor_at(cursor, ")") ||
           rule_cursor_at(cursor, "}") || rule_cursor_at(cursor, "then") || cursor->token.kind == TOKEN_END;
}

bool rule_condition_is_part_word(const struct rule_token *token) {
    return rule_token_is(token, "when") || rule_token_is(token, "mode") || rule_token_is(token, "on");
}

static bool read_operator(struct rule_cursor *cursor, struct rule_node *compare) {
    static const char *const joints[] = {"and", "or", "then"};
    if (cursor->token.kind == TOKEN_BAD) return false;
    if (ends_comparison(cursor) || rule_condition_is_part_word(&cursor->token)) return true;
    if (find_operator(&cursor->token, &compare->comparator)) {
        compare->operator_token = rule_cursor_take(cursor);
        return true;
    }
    if (rule_cursor_is_miswritten(cursor, operator_words + OPERATOR_EQUAL, OPERATOR_EXISTS - OPERATOR_EQUAL) ||
        rule_cursor_is_miswritten(cursor, joints, sizeof joints / sizeof *joints))
        return false;
    return rule_cursor_wrong(cursor, MISTAKE_OPERATOR, compare->subject.token.text, cursor->token.text);
}

/* Behind count: the fact, how, and a number. */
static bool read_count(struct rule_cursor *cursor, struct rule_node *compare) {
    bool sound = find_operator(&cursor->token, &compare->how) && compare->how <= OPERATOR_AT_LEAST;
    if (sound) compare->operator_token = rule_cursor_take(cursor);
    if (!sound || cursor->token.kind != TOKEN_NUMBER)
        return rule_cursor_wrong(cursor, MISTAKE_COUNT, compare->subject.token.text, none);
    return read_operand(cursor, compare);
}

static bool read_comparison(struct rule_cursor *cursor, struct rule_node *compare) {
    size_t start = compare->quantifier != NODE_COMPARE ? compare->quantifier_token.offset : cursor->token.offset;
    if (++cursor->comparisons > RULE_COMPARISONS_MAX) return rule_cursor_wrong_token(cursor, MISTAKE_LONG);
    compare->kind = NODE_COMPARE;
    compare->comparator = OPERATOR_HOLDS;
    if (rule_cursor_at(cursor, "exists") || rule_cursor_at(cursor, "count")) {
        compare->comparator = rule_cursor_at(cursor, "exists") ? OPERATOR_EXISTS : OPERATOR_COUNT;
        compare->operator_token = rule_cursor_take(cursor);
    }
    if (!rule_condition_read_subject(cursor, &compare->subject)) return false;
    if (compare->comparator == OPERATOR_COUNT && !read_count(cursor, compare)) return false;
    if (compare->comparator == OPERATOR_HOLDS) {
        if (!read_operator(cursor, compare)) return false;
        if (compare->comparator != OPERATOR_HOLDS && !read_operand(cursor, compare)) return false;
    }
    if (rule_cursor_at(cursor, "nocase")) {
        compare->is_nocase = true;
        compare->nocase = rule_cursor_take(cursor);
    }
    compare->text = (struct span){cursor->lexer.page->text.ptr + start, cursor->taken_to - start};
    enum rule_operator second;
    if (find_operator(&cursor->token, &second)) return rule_cursor_wrong_token(cursor, MISTAKE_CHAIN);
    return true;
}

/* --- conditions --------------------------------------------------------------------------------------------------- */

/* Behind an opening sign: a condition, and what closes it. */
static struct rule_node *read_enclosed(struct rule_cursor *cursor, const char *closes, enum rule_mistake never_closed) {
    struct rule_token opening = rule_cursor_take(cursor);
    struct rule_node *condition = rule_condition_read(cursor);
    if (condition == NULL) return NULL;
    if (rule_cursor_accept(cursor, closes)) return condition;
    if (cursor->token.kind == TOKEN_BAD) return NULL;
    if (rule_cursor_at(cursor, "then") || rule_cursor_at(cursor, "}") || cursor->token.kind == TOKEN_END)
        rule_mistake_add(cursor->lexer.page, never_closed, opening.offset, none, none);
    else
        rule_cursor_wrong_token(cursor, MISTAKE_CONDITION_ENDS);
    return NULL;
}

/* Does { stand behind the next token? */
static bool block_follows(const struct rule_cursor *cursor) {
    struct span text = cursor->lexer.page->text;
    size_t at = cursor->lexer.at;
    while (at < text.len && ascii_is_space(text.ptr[at])) at++;
    return cursor->token.kind == TOKEN_WORD && at < text.len && text.ptr[at] == '{';
}

/* Behind any or all: a block, or a comparison of one fact. */
static struct rule_node *read_quantified(struct rule_cursor *cursor) {
    struct rule_token quantifier = rule_cursor_take(cursor);
    struct rule_node *out = rule_cursor_alloc(cursor, sizeof *out);
    if (out == NULL) return NULL;
    out->quantifier = rule_token_is(&quantifier, "any") ? NODE_ANY : NODE_ALL;
    out->quantifier_token = quantifier;
    if (!block_follows(cursor)) return read_comparison(cursor, out) ? out : NULL;
    out->kind = out->quantifier;
    out->token = rule_cursor_take(cursor);
    out->first = read_enclosed(cursor, "}", MISTAKE_BLOCK_OPEN);
    return out->first != NULL ? out : NULL;
}

static struct rule_node *read_not(struct rule_cursor *cursor);

static struct rule_node *read_unary(struct rule_cursor *cursor) {
    if (rule_cursor_at(cursor, "not")) return read_not(cursor);
    if (rule_cursor_at(cursor, "(")) return read_enclosed(cursor, ")", MISTAKE_OPEN_PARENTHESIS);
    if (rule_cursor_at(cursor, "any") || rule_cursor_at(cursor, "all")) return read_quantified(cursor);
    struct rule_node *compare = rule_cursor_alloc(cursor, sizeof *compare);
    if (compare == NULL) return NULL;
    compare->quantifier = NODE_COMPARE;
    return read_comparison(cursor, compare) ? compare : NULL;
}

static struct rule_node *read_not(struct rule_cursor *cursor) {
    bool negates = false;
    struct rule_token first = cursor->token;
    while (rule_cursor_accept(cursor, "not")) negates = !negates;
    struct rule_node *inner = read_unary(cursor);
    if (inner == NULL || !negates) return inner;
    struct rule_node *out = rule_cursor_alloc(cursor, sizeof *out);
    if (out == NULL) return NULL;
    *out = (struct rule_node){.kind = NODE_NOT, .first = inner, .token = first};
    return out;
}

/* One level: operands joined by the same word. */
static struct rule_node *read_level(struct rule_cursor *cursor) {
    struct rule_node *first = read_unary(cursor), *last = first;
    if (first == NULL || (!rule_cursor_at(cursor, "and") && !rule_cursor_at(cursor, "or"))) return first;
    const char *word = rule_cursor_at(cursor, "and") ? "and" : "or",
               *other = rule_cursor_at(cursor, "and") ? "or" : "and";
    struct rule_node *out = rule_cursor_alloc(cursor, sizeof *out);
    if (out == NULL) return NULL;
    *out = (struct rule_node){.kind = word[0] == 'a' ? NODE_AND : NODE_OR, .first = first, .token = cursor->token};
    while (rule_cursor_accept(cursor, word)) {
        last->next = read_unary(cursor);
        if (last->next == NULL) return NULL;
        last = last->next;
    }
    if (!rule_cursor_at(cursor, other)) return out;
    rule_cursor_wrong_token(cursor, MISTAKE_AND_OR);
    return NULL;
}

struct rule_node *rule_condition_read(struct rule_cursor *cursor) {
    if (cursor->depth == RULE_DEPTH_MAX) {
        rule_cursor_wrong_token(cursor, MISTAKE_DEEP);
        return NULL;
    }
    cursor->depth++;
    struct rule_node *condition = read_level(cursor);
    cursor->depth--;
    return condition;
}
