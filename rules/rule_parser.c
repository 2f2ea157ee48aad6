#include "rules/rule_parser.h"
#include "base/ascii.h"

struct parser {
    struct rule_lexer lexer;
    struct arena *arena;
    struct rule_token token; /* the next one, not taken yet */
    size_t taken_to;         /* where the last taken token ended */
    unsigned braces;         /* open since the statement began */
    bool closed;             /* the last one was closed */
    unsigned comparisons, depth;
    bool no_memory;
};

static const struct span none;
static const struct rule_token absent = {.kind = TOKEN_END};

static const char *const operator_words[] = {
#define OPERATOR(id, word, types, help) [id] = word,
#include "rules/operators.def"
#undef OPERATOR
};

static const char *const action_words[] = {
#define ACTION(id, word, kind, syntax, help) [id] = word,
#include "rules/actions.def"
#undef ACTION
};

static const char *const statement_words[] = {"rule", "set", "default", "on", "mode", "arm"};

/* --- tokens ------------------------------------------------------------------------------------------------------- */

static struct rule_token take(struct parser *parser) {
    struct rule_token token = parser->token;
    parser->taken_to = token.kind == TOKEN_END ? token.offset : token.offset + token.text.len;
    if (rule_token_is(&token, "{")) parser->braces++;
    if (rule_token_is(&token, "}") && parser->braces > 0) parser->closed = --parser->braces == 0;
    parser->token = rule_lexer_next(&parser->lexer);
    return token;
}

static bool at(const struct parser *parser, const char *text) { return rule_token_is(&parser->token, text); }

static bool accept(struct parser *parser, const char *text) {
    if (!at(parser, text)) return false;
    take(parser);
    return true;
}

/* Writes down a mistake about the next token, but for one that the lexer has written down; false, for the caller to return. */
static bool wrong(struct parser *parser, enum rule_mistake kind, struct span a, struct span b) {
    if (parser->token.kind != TOKEN_BAD) rule_mistake_add(parser->lexer.page, kind, parser->token.offset, a, b);
    return false;
}
static bool wrong_token(struct parser *parser, enum rule_mistake kind) { return wrong(parser, kind, parser->token.text, none); }

/* Is the next token one of words but for the case of its letters? Then that is the mistake. */
static bool is_miswritten(struct parser *parser, const char *const *words, size_t count) {
    for (size_t i = 0; i < count && parser->token.kind == TOKEN_WORD; i++) {
        if (!span_is_nocase(parser->token.text, words[i]) || span_is(parser->token.text, words[i])) continue;
        wrong(parser, MISTAKE_CASE, parser->token.text, span_of(words[i]));
        return true;
    }
    return false;
}

static bool wrong_word(struct parser *parser, enum rule_mistake kind, const char *const *words, size_t count) {
    if (parser->token.kind != TOKEN_BAD && !is_miswritten(parser, words, count))
        rule_mistake_add_near(parser->lexer.page, kind, parser->token.offset, parser->token.text, words, count);
    return false;
}

static bool expect(struct parser *parser, const char *sign, enum rule_mistake kind, struct span b) {
    if (accept(parser, sign)) return true;
    return wrong(parser, kind, parser->token.text, b);
}

static void *node(struct parser *parser, size_t size) {
    void *memory = arena_alloc(parser->arena, size);
    if (memory == NULL) parser->no_memory = true;
    return memory;
}

/* --- comparisons -------------------------------------------------------------------------------------------------- */

static bool is_field_name(struct span name) {
    for (size_t i = 0; i < name.len; i++)
        if (!ascii_is_graph(name.ptr[i]) || name.ptr[i] == ':' || name.ptr[i] == '\\') return false;
    return name.len > 0;
}

static bool read_header_name(struct parser *parser, struct rule_subject *subject) {
    if (!expect(parser, "[", MISTAKE_HEADER, none)) return false;
    if (parser->token.kind != TOKEN_TEXT) return wrong_token(parser, MISTAKE_HEADER);
    if (!is_field_name(parser->token.body)) return wrong(parser, MISTAKE_HEADER_NAME, parser->token.body, none);
    subject->field = take(parser);
    return accept(parser, "]") || wrong(parser, MISTAKE_HEADER_CLOSE, subject->field.body, none);
}

static bool is_header_word(const struct rule_token *token) {
    return rule_token_is(token, "header") || rule_token_is(token, "header.decoded");
}

static bool is_one_of(const struct rule_token *token, const char *const *words, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (rule_token_is(token, words[i])) return true;
    return false;
}

static bool read_subject(struct parser *parser, struct rule_subject *subject) {
    static const char *const words[] = {"and", "or", "not", "any", "all", "exists", "count", "then", "when", "mode", "on"};
    enum rule_token_kind kind = parser->token.kind;
    if (kind == TOKEN_TEXT || kind == TOKEN_NUMBER || kind == TOKEN_DOTTED || kind == TOKEN_PATTERN)
        return wrong_token(parser, MISTAKE_LITERAL_FIRST);
    if (kind != TOKEN_WORD || is_one_of(&parser->token, words, sizeof words / sizeof *words))
        return wrong_token(parser, MISTAKE_CONDITION);
    if (is_miswritten(parser, words, sizeof words / sizeof *words)) return false;
    *subject = (struct rule_subject){.token = take(parser)};
    subject->is_header = is_header_word(&subject->token);
    subject->is_decoded = rule_token_is(&subject->token, "header.decoded");
    return !subject->is_header || read_header_name(parser, subject);
}

static bool is_keyword(const struct rule_token *token) {
    static const char *const words[] = {"and", "or", "not", "then", "when", "mode", "on"};
    return is_one_of(token, words, sizeof words / sizeof *words);
}

static bool is_item(const struct rule_token *token) {
    return token->kind == TOKEN_TEXT || token->kind == TOKEN_DOTTED || token->kind == TOKEN_NUMBER ||
           (token->kind == TOKEN_WORD && !is_keyword(token));
}

/* { a b c }, with or without commas. */
static bool read_items(struct parser *parser, struct rule_item **out) {
    struct rule_item **end = out;
    take(parser);
    while (!at(parser, "}")) {
        if (!is_item(&parser->token)) return wrong_token(parser, MISTAKE_SET_ITEM);
        struct rule_item *item = node(parser, sizeof *item);
        if (item == NULL) return false;
        item->token = take(parser);
        *end = item;
        end = &item->next;
        accept(parser, ",");
    }
    if (*out == NULL) return wrong_token(parser, MISTAKE_SET_EMPTY);
    take(parser);
    return true;
}

static bool read_operand(struct parser *parser, struct rule_node *compare) {
    struct rule_operand *operand = &compare->operand;
    operand->unit = absent;
    if (at(parser, "{")) {
        *operand = (struct rule_operand){.kind = OPERAND_ITEMS, .token = parser->token, .unit = absent};
        return read_items(parser, &operand->items);
    }
    if (!is_item(&parser->token) && parser->token.kind != TOKEN_PATTERN)
        return wrong(parser, MISTAKE_OPERAND, compare->operator_token.text, parser->token.text);
    if (is_header_word(&parser->token)) {
        operand->kind = OPERAND_HEADER;
        operand->token = parser->token;
        return read_subject(parser, &operand->header);
    }
    operand->kind = OPERAND_TOKEN;
    operand->token = take(parser);
    if (operand->token.kind == TOKEN_NUMBER && parser->token.kind == TOKEN_WORD && !is_keyword(&parser->token))
        operand->unit = take(parser);
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
static bool ends_comparison(const struct parser *parser) {
    return at(parser, "and") || at(parser, "or") || at(parser, ")") || at(parser, "}") || at(parser, "then") ||
           parser->token.kind == TOKEN_END;
}

static bool is_part_word(const struct rule_token *token) {
    return rule_token_is(token, "when") || rule_token_is(token, "mode") || rule_token_is(token, "on");
}

static bool read_operator(struct parser *parser, struct rule_node *compare) {
    static const char *const joints[] = {"and", "or", "then"};
    if (parser->token.kind == TOKEN_BAD) return false;
    if (ends_comparison(parser) || is_part_word(&parser->token)) return true;
    if (find_operator(&parser->token, &compare->operator)) {
        compare->operator_token = take(parser);
        return true;
    }
    if (is_miswritten(parser, operator_words + OPERATOR_EQUAL, OPERATOR_EXISTS - OPERATOR_EQUAL) ||
        is_miswritten(parser, joints, sizeof joints / sizeof *joints))
        return false;
    return wrong(parser, MISTAKE_OPERATOR, compare->subject.token.text, parser->token.text);
}

/* Behind count: the fact, how, and a number. */
static bool read_count(struct parser *parser, struct rule_node *compare) {
    bool sound = find_operator(&parser->token, &compare->how) && compare->how <= OPERATOR_AT_LEAST;
    if (sound) compare->operator_token = take(parser);
    if (!sound || parser->token.kind != TOKEN_NUMBER) return wrong(parser, MISTAKE_COUNT, compare->subject.token.text, none);
    return read_operand(parser, compare);
}

static bool read_comparison(struct parser *parser, struct rule_node *compare) {
    size_t start = compare->quantifier != NODE_COMPARE ? compare->quantifier_token.offset : parser->token.offset;
    if (++parser->comparisons > RULE_COMPARISONS_MAX) return wrong_token(parser, MISTAKE_LONG);
    compare->kind = NODE_COMPARE;
    compare->operator = OPERATOR_HOLDS;
    if (at(parser, "exists") || at(parser, "count")) {
        compare->operator = at(parser, "exists") ? OPERATOR_EXISTS : OPERATOR_COUNT;
        compare->operator_token = take(parser);
    }
    if (!read_subject(parser, &compare->subject)) return false;
    if (compare->operator == OPERATOR_COUNT && !read_count(parser, compare)) return false;
    if (compare->operator == OPERATOR_HOLDS) {
        if (!read_operator(parser, compare)) return false;
        if (compare->operator != OPERATOR_HOLDS && !read_operand(parser, compare)) return false;
    }
    if (at(parser, "nocase")) {
        compare->is_nocase = true;
        compare->nocase = take(parser);
    }
    compare->text = (struct span){parser->lexer.page->text.ptr + start, parser->taken_to - start};
    enum rule_operator second;
    if (find_operator(&parser->token, &second)) return wrong_token(parser, MISTAKE_CHAIN);
    return true;
}

/* --- conditions --------------------------------------------------------------------------------------------------- */

static struct rule_node *read_condition(struct parser *parser);

/* Behind an opening sign: a condition, and what closes it. */
static struct rule_node *read_enclosed(struct parser *parser, const char *closes, enum rule_mistake never_closed) {
    struct rule_token opening = take(parser);
    struct rule_node *condition = read_condition(parser);
    if (condition == NULL) return NULL;
    if (accept(parser, closes)) return condition;
    if (parser->token.kind == TOKEN_BAD) return NULL;
    if (at(parser, "then") || at(parser, "}") || parser->token.kind == TOKEN_END)
        rule_mistake_add(parser->lexer.page, never_closed, opening.offset, none, none);
    else
        wrong_token(parser, MISTAKE_CONDITION_ENDS);
    return NULL;
}

/* Behind any or all: a block, or a comparison of one fact. */
static struct rule_node *read_quantified(struct parser *parser) {
    struct rule_token quantifier = take(parser);
    enum rule_node_kind kind = rule_token_is(&quantifier, "any") ? NODE_ANY : NODE_ALL;
    struct rule_node *out = node(parser, sizeof *out);
    if (out == NULL) return NULL;
    out->quantifier = kind;
    out->quantifier_token = quantifier;
    struct rule_lexer ahead = parser->lexer;
    if (parser->token.kind == TOKEN_WORD && ahead.at < ahead.page->text.len) {
        while (ahead.at < ahead.page->text.len && ascii_is_space(ahead.page->text.ptr[ahead.at])) ahead.at++;
        if (ahead.at < ahead.page->text.len && ahead.page->text.ptr[ahead.at] == '{') {
            out->kind = kind;
            out->token = take(parser);
            out->first = read_enclosed(parser, "}", MISTAKE_BLOCK_OPEN);
            return out->first != NULL ? out : NULL;
        }
    }
    return read_comparison(parser, out) ? out : NULL;
}

static struct rule_node *read_not(struct parser *parser);

static struct rule_node *read_unary(struct parser *parser) {
    if (at(parser, "not")) return read_not(parser);
    if (at(parser, "(")) return read_enclosed(parser, ")", MISTAKE_OPEN_PARENTHESIS);
    if (at(parser, "any") || at(parser, "all")) return read_quantified(parser);
    struct rule_node *compare = node(parser, sizeof *compare);
    if (compare == NULL) return NULL;
    compare->quantifier = NODE_COMPARE;
    return read_comparison(parser, compare) ? compare : NULL;
}

static struct rule_node *read_not(struct parser *parser) {
    bool negates = false;
    struct rule_token first = parser->token;
    while (accept(parser, "not")) negates = !negates;
    struct rule_node *inner = read_unary(parser);
    if (inner == NULL || !negates) return inner;
    struct rule_node *out = node(parser, sizeof *out);
    if (out == NULL) return NULL;
    *out = (struct rule_node){.kind = NODE_NOT, .first = inner, .token = first};
    return out;
}

/* One level: operands joined by the same word. */
static struct rule_node *read_level(struct parser *parser) {
    struct rule_node *first = read_unary(parser), *last = first;
    if (first == NULL || (!at(parser, "and") && !at(parser, "or"))) return first;
    const char *word = at(parser, "and") ? "and" : "or", *other = at(parser, "and") ? "or" : "and";
    struct rule_node *out = node(parser, sizeof *out);
    if (out == NULL) return NULL;
    *out = (struct rule_node){.kind = word[0] == 'a' ? NODE_AND : NODE_OR, .first = first, .token = parser->token};
    while (accept(parser, word)) {
        last->next = read_unary(parser);
        if (last->next == NULL) return NULL;
        last = last->next;
    }
    if (!at(parser, other)) return out;
    wrong_token(parser, MISTAKE_AND_OR);
    return NULL;
}

static struct rule_node *read_condition(struct parser *parser) {
    if (parser->depth == RULE_DEPTH_MAX) {
        wrong_token(parser, MISTAKE_DEEP);
        return NULL;
    }
    parser->depth++;
    struct rule_node *condition = read_level(parser);
    parser->depth--;
    return condition;
}

/* --- actions ------------------------------------------------------------------------------------------------------ */

static bool read_action_text(struct parser *parser, struct rule_action *action) {
    if (parser->token.kind != TOKEN_TEXT) return wrong(parser, MISTAKE_TEXT_WANTED, action->token.text, none);
    action->text = take(parser);
    return true;
}

static bool read_field(struct parser *parser, struct rule_action *action) {
    struct rule_subject subject;
    if (!at(parser, "header")) return wrong_token(parser, MISTAKE_HEADER);
    if (!read_subject(parser, &subject)) return false;
    action->field = subject.field;
    return true;
}

static bool read_target(struct parser *parser, struct rule_action *action, enum rule_mistake missing) {
    if (!expect(parser, "to", MISTAKE_TO, none)) return false;
    if (parser->token.kind != TOKEN_TEXT) return wrong_token(parser, missing);
    action->target = take(parser);
    return true;
}

static void read_reply(struct parser *parser, struct rule_action *action) {
    if (parser->token.kind == TOKEN_NUMBER) action->code = take(parser);
    if (parser->token.kind == TOKEN_DOTTED) action->enhanced = take(parser);
    if (parser->token.kind == TOKEN_TEXT) action->text = take(parser);
}

static bool read_arguments(struct parser *parser, struct rule_action *action) {
    switch (action->kind) {
    case ACTION_REJECT:
    case ACTION_TEMPFAIL: read_reply(parser, action); return true;
    case ACTION_QUARANTINE:
        if (parser->token.kind == TOKEN_TEXT) action->text = take(parser);
        return !at(parser, "to") || read_target(parser, action, MISTAKE_DOWNSTREAM);
    case ACTION_ADD: return read_field(parser, action) && read_action_text(parser, action);
    case ACTION_REMOVE: return read_field(parser, action);
    case ACTION_TAG:
        if (!at(parser, "subject")) return wrong_token(parser, MISTAKE_TAG_SUBJECT);
        take(parser);
        return read_action_text(parser, action);
    case ACTION_REDIRECT: return read_target(parser, action, MISTAKE_TO);
    case ACTION_OVERRIDE:
    case ACTION_LOG: return read_action_text(parser, action);
    default: return true;
    }
}

static struct rule_action *read_action(struct parser *parser, enum rule_mistake unknown) {
    struct rule_action *action = node(parser, sizeof *action);
    if (action == NULL) return NULL;
    *action = (struct rule_action){
        .code = absent, .enhanced = absent, .text = absent, .target = absent, .field = absent};
    for (size_t i = 0; i < ACTION_KIND_COUNT; i++) {
        if (!at(parser, action_words[i])) continue;
        action->kind = (enum rule_action_kind)i;
        action->token = take(parser);
        return read_arguments(parser, action) ? action : NULL;
    }
    wrong_word(parser, unknown, action_words, ACTION_KIND_COUNT);
    return NULL;
}

static bool read_actions(struct parser *parser, struct rule_action **out) {
    struct rule_action **end = out;
    size_t count = 0;
    do {
        if (++count > RULE_ACTIONS_MAX) return wrong_token(parser, MISTAKE_ACTIONS_MANY);
        *end = read_action(parser, MISTAKE_ACTION);
        if (*end == NULL) return false;
        end = &(*end)->next;
    } while (accept(parser, ","));
    return true;
}

/* --- statements --------------------------------------------------------------------------------------------------- */

static bool read_mode(struct parser *parser, struct rule_statement *statement) {
    static const char *const modes[] = {"shadow", "armed"};
    statement->has_mode = true;
    statement->is_shadow = at(parser, "shadow");
    if (!at(parser, "shadow") && !at(parser, "armed")) return wrong_word(parser, MISTAKE_MODE, modes, 2);
    take(parser);
    return true;
}

static bool read_verdict(struct parser *parser, struct rule_statement *statement, enum rule_mistake unknown) {
    static const char *const verdicts[] = {"accept", "quarantine", "tempfail", "reject", "skip"};
    for (size_t i = 0; i < 4; i++) {
        if (!at(parser, verdicts[i])) continue;
        statement->error_action = read_action(parser, unknown);
        return statement->error_action != NULL;
    }
    return wrong_word(parser, unknown, verdicts, unknown == MISTAKE_ON_ERROR_KIND ? 5 : 4);
}

static bool read_on_error(struct parser *parser, struct rule_statement *statement) {
    if (!expect(parser, "error", MISTAKE_ON_ERROR, none)) return false;
    statement->has_on_error = true;
    statement->skips_errors = accept(parser, "skip");
    return statement->skips_errors || read_verdict(parser, statement, MISTAKE_ON_ERROR_KIND);
}

/* A condition, and behind it the next part of the rule. */
static bool read_when(struct parser *parser, struct rule_statement *rule) {
    size_t start = parser->token.offset;
    parser->comparisons = 0;
    rule->condition = read_condition(parser);
    if (rule->condition == NULL) return false;
    rule->condition_text = (struct span){parser->lexer.page->text.ptr + start, parser->taken_to - start};
    if (at(parser, "then") || at(parser, "}") || is_part_word(&parser->token)) return true;
    if (parser->token.kind == TOKEN_END) return wrong_token(parser, MISTAKE_OPEN_RULE);
    return wrong_token(parser, MISTAKE_CONDITION_ENDS);
}

static bool read_rule_parts(struct parser *parser, struct rule_statement *rule) {
    static const char *const parts[] = {"mode", "on", "when", "then"};
    while (!at(parser, "}")) {
        struct rule_token part = parser->token;
        bool twice = (at(parser, "mode") && rule->has_mode) || (at(parser, "on") && rule->has_on_error) ||
                     (at(parser, "when") && rule->condition != NULL) || (at(parser, "then") && rule->actions != NULL);
        if (part.kind == TOKEN_END) {
            rule_mistake_add(parser->lexer.page, MISTAKE_OPEN_RULE, rule->token.offset, none, none);
            return false;
        }
        if (twice) return wrong_token(parser, MISTAKE_PART_TWICE);
        bool is_part = at(parser, "mode") || at(parser, "on") || at(parser, "when");
        if (is_part && rule->actions != NULL) return wrong_token(parser, MISTAKE_PART_BEHIND_THEN);
        bool sound = false;
        if (accept(parser, "mode")) sound = read_mode(parser, rule);
        else if (accept(parser, "on")) sound = read_on_error(parser, rule);
        else if (accept(parser, "when")) sound = read_when(parser, rule);
        else if (accept(parser, "then")) sound = read_actions(parser, &rule->actions);
        else wrong_word(parser, MISTAKE_PART, parts, sizeof parts / sizeof *parts);
        if (!sound) return false;
    }
    if (rule->actions == NULL) return wrong_token(parser, MISTAKE_NO_THEN);
    take(parser);
    return true;
}

static bool read_rule(struct parser *parser, struct rule_statement *rule) {
    if (parser->token.kind != TOKEN_TEXT) return wrong_token(parser, MISTAKE_RULE_NAME);
    rule->name = take(parser);
    return expect(parser, "{", MISTAKE_OPEN_BRACE, span_of("rule \"NAME\" {")) && read_rule_parts(parser, rule);
}

static bool read_set(struct parser *parser, struct rule_statement *set) {
    if (parser->token.kind != TOKEN_WORD || at(parser, "of")) return wrong_token(parser, MISTAKE_SET_NAME);
    set->name = take(parser);
    if (!expect(parser, "of", MISTAKE_SET_OF, none)) return false;
    if (parser->token.kind != TOKEN_WORD || at(parser, "from")) return wrong_token(parser, MISTAKE_SET_OF);
    set->set_kind = take(parser);
    if (at(parser, "{")) return read_items(parser, &set->items);
    if (!expect(parser, "from", MISTAKE_SET_VALUES, none)) return false;
    if (parser->token.kind != TOKEN_TEXT) return wrong_token(parser, MISTAKE_SET_VALUES);
    set->file = take(parser);
    return true;
}

static bool read_statement(struct parser *parser, struct rule_statement *statement) {
    size_t i = 0;
    while (i < sizeof statement_words / sizeof *statement_words && !at(parser, statement_words[i])) i++;
    *statement = (struct rule_statement){.token = parser->token, .name = absent, .file = absent, .set_kind = absent};
    if (i == sizeof statement_words / sizeof *statement_words)
        return wrong_word(parser, MISTAKE_STATEMENT, statement_words, sizeof statement_words / sizeof *statement_words);
    take(parser);
    switch (statement->token.text.ptr[0]) {
    case 'r': statement->kind = STATEMENT_RULE; return read_rule(parser, statement);
    case 's': statement->kind = STATEMENT_SET; return read_set(parser, statement);
    case 'd': statement->kind = STATEMENT_DEFAULT; return read_verdict(parser, statement, MISTAKE_DEFAULT);
    case 'o': statement->kind = STATEMENT_ON_ERROR; return read_on_error(parser, statement);
    case 'm': statement->kind = STATEMENT_MODE; return read_mode(parser, statement);
    default: statement->kind = STATEMENT_ARM; return expect(parser, "discard", MISTAKE_ARM, none);
    }
}

/* --- the whole file ----------------------------------------------------------------------------------------------- */

/* Does the next token begin a line with a word that begins statements? Inside a rule "mode" and "on" do so, too. */
static bool begins_statement(const struct parser *parser) {
    struct span text = parser->lexer.page->text;
    size_t start = parser->token.offset;
    if (!at(parser, "rule") && !at(parser, "set") && !at(parser, "default") && !at(parser, "arm")) return false;
    while (start > 0 && ascii_is_wsp(text.ptr[start - 1])) start--;
    return start == 0 || text.ptr[start - 1] == '\n';
}

/* Behind a mistake: to the end of the statement, as far as that can be seen. */
static void skip_statement(struct parser *parser, size_t start) {
    while (parser->token.kind != TOKEN_END) {
        if (parser->token.offset > start && begins_statement(parser)) return;
        parser->closed = false;
        take(parser);
        if (parser->closed) return;
    }
}

bool rule_parser_read(struct rule_page *page, struct arena *arena, struct rule_tree *out) {
    struct parser parser = {.lexer = {.page = page}, .arena = arena};
    struct rule_statement **end = &out->first;
    *out = (struct rule_tree){0};
    parser.token = rule_lexer_next(&parser.lexer);
    while (parser.token.kind != TOKEN_END && !parser.no_memory && !page->no_memory) {
        struct rule_statement *statement = node(&parser, sizeof *statement);
        if (statement == NULL) break;
        size_t start = parser.token.offset;
        parser.braces = 0;
        if (read_statement(&parser, statement)) {
            *end = statement;
            end = &statement->next;
        } else if (!parser.no_memory) {
            if (page->errors->count == RULE_SET_ERRORS_MAX) break;
            skip_statement(&parser, start);
        }
    }
    return !parser.no_memory && !page->no_memory;
}
