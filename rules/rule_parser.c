#include "rules/rule_parser.h"
#include "base/ascii.h"
#include "rules/rule_condition.h"

static const struct span none;
static const struct rule_token absent = {.kind = TOKEN_END};

static const char *const action_words[] = {
#define ACTION(id, word, kind, syntax, help) [id] = word,
#include "rules/actions.def"
#undef ACTION
};

static const char *const statement_words[] = {"rule", "set", "default", "on", "mode", "arm"};

/* --- actions ------------------------------------------------------------------------------------------------------ */

static bool read_action_text(struct rule_cursor *cursor, struct rule_action *action) {
    if (cursor->token.kind != TOKEN_TEXT)
        return rule_cursor_wrong(cursor, MISTAKE_TEXT_WANTED, action->token.text, none);
    action->text = rule_cursor_take(cursor);
    return true;
}

static bool read_field(struct rule_cursor *cursor, struct rule_action *action) {
    struct rule_subject subject;
    if (!rule_cursor_at(cursor, "header")) return rule_cursor_wrong_token(cursor, MISTAKE_HEADER);
    if (!rule_condition_read_subject(cursor, &subject)) return false;
    action->field = subject.field;
    return true;
}

static bool read_target(struct rule_cursor *cursor, struct rule_action *action, enum rule_mistake missing) {
    if (!rule_cursor_expect(cursor, "to", MISTAKE_TO, none)) return false;
    if (cursor->token.kind != TOKEN_TEXT) return rule_cursor_wrong_token(cursor, missing);
    action->target = rule_cursor_take(cursor);
    return true;
}

static void read_reply(struct rule_cursor *cursor, struct rule_action *action) {
    if (cursor->token.kind == TOKEN_NUMBER) action->code = rule_cursor_take(cursor);
    if (cursor->token.kind == TOKEN_DOTTED) action->enhanced = rule_cursor_take(cursor);
    if (cursor->token.kind == TOKEN_TEXT) action->text = rule_cursor_take(cursor);
}

static bool read_arguments(struct rule_cursor *cursor, struct rule_action *action) {
    switch (action->kind) {
    case ACTION_REJECT:
    case ACTION_TEMPFAIL: read_reply(cursor, action); return true;
    case ACTION_QUARANTINE:
        if (cursor->token.kind == TOKEN_TEXT) action->text = rule_cursor_take(cursor);
        return !rule_cursor_at(cursor, "to") || read_target(cursor, action, MISTAKE_DOWNSTREAM);
    case ACTION_ADD: return read_field(cursor, action) && read_action_text(cursor, action);
    case ACTION_REMOVE: return read_field(cursor, action);
    case ACTION_TAG:
        if (!rule_cursor_at(cursor, "subject")) return rule_cursor_wrong_token(cursor, MISTAKE_TAG_SUBJECT);
        rule_cursor_take(cursor);
        return read_action_text(cursor, action);
    case ACTION_REDIRECT: return read_target(cursor, action, MISTAKE_TO);
    case ACTION_OVERRIDE:
    case ACTION_LOG: return read_action_text(cursor, action);
    default: return true;
    }
}

static struct rule_action *read_action(struct rule_cursor *cursor, enum rule_mistake unknown) {
    struct rule_action *action = rule_cursor_alloc(cursor, sizeof *action);
    if (action == NULL) return NULL;
    *action =
        (struct rule_action){.code = absent, .enhanced = absent, .text = absent, .target = absent, .field = absent};
    for (size_t i = 0; i < ACTION_KIND_COUNT; i++) {
        if (!rule_cursor_at(cursor, action_words[i])) continue;
        action->kind = (enum rule_action_kind)i;
        action->token = rule_cursor_take(cursor);
        return read_arguments(cursor, action) ? action : NULL;
    }
    rule_cursor_wrong_word(cursor, unknown, action_words, ACTION_KIND_COUNT);
    return NULL;
}

static bool read_actions(struct rule_cursor *cursor, struct rule_action **out) {
    struct rule_action **end = out;
    size_t count = 0;
    do {
        if (++count > RULE_ACTIONS_MAX) return rule_cursor_wrong_token(cursor, MISTAKE_ACTIONS_MANY);
        *end = read_action(cursor, MISTAKE_ACTION);
        if (*end == NULL) return false;
        end = &(*end)->next;
    } while (rule_cursor_accept(cursor, ","));
    return true;
}

/* --- statements --------------------------------------------------------------------------------------------------- */

static bool read_mode(struct rule_cursor *cursor, struct rule_statement *statement) {
    static const char *const modes[] = {"shadow", "armed"};
    statement->has_mode = true;
    statement->is_shadow = rule_cursor_at(cursor, "shadow");
    if (!rule_cursor_at(cursor, "shadow") && !rule_cursor_at(cursor, "armed"))
        return rule_cursor_wrong_word(cursor, MISTAKE_MODE, modes, 2);
    rule_cursor_take(cursor);
    return true;
}

static bool read_verdict(struct rule_cursor *cursor, struct rule_statement *statement, enum rule_mistake unknown) {
    static const char *const verdicts[] = {"accept", "quarantine", "tempfail", "reject", "skip"};
    for (size_t i = 0; i < 4; i++) {
        if (!rule_cursor_at(cursor, verdicts[i])) continue;
        statement->error_action = read_action(cursor, unknown);
        return statement->error_action != NULL;
    }
    return rule_cursor_wrong_word(cursor, unknown, verdicts, unknown == MISTAKE_ON_ERROR_KIND ? 5 : 4);
}

static bool read_on_error(struct rule_cursor *cursor, struct rule_statement *statement) {
    if (!rule_cursor_expect(cursor, "error", MISTAKE_ON_ERROR, none)) return false;
    statement->has_on_error = true;
    statement->skips_errors = rule_cursor_accept(cursor, "skip");
    return statement->skips_errors || read_verdict(cursor, statement, MISTAKE_ON_ERROR_KIND);
}

/* A condition, and behind it the next part of the rule. */
static bool read_when(struct rule_cursor *cursor, struct rule_statement *rule) {
    size_t start = cursor->token.offset;
    cursor->comparisons = 0;
    rule->condition = rule_condition_read(cursor);
    if (rule->condition == NULL) return false;
    rule->condition_text = (struct span){cursor->lexer.page->text.ptr + start, cursor->taken_to - start};
    if (rule_cursor_at(cursor, "then") || rule_cursor_at(cursor, "}") || rule_condition_is_part_word(&cursor->token))
        return true;
    if (cursor->token.kind == TOKEN_END) return rule_cursor_wrong_token(cursor, MISTAKE_OPEN_RULE);
    return rule_cursor_wrong_token(cursor, MISTAKE_CONDITION_ENDS);
}

static bool read_rule_parts(struct rule_cursor *cursor, struct rule_statement *rule) {
    static const char *const parts[] = {"mode", "on", "when", "then"};
    while (!rule_cursor_at(cursor, "}")) {
        struct rule_token part = cursor->token;
        bool twice = (rule_cursor_at(cursor, "mode") && rule->has_mode) ||
                     (rule_cursor_at(cursor, "on") && rule->has_on_error) ||
                     (rule_cursor_at(cursor, "when") && rule->condition != NULL) ||
                     (rule_cursor_at(cursor, "then") && rule->actions != NULL);
        if (part.kind == TOKEN_END) {
            rule_mistake_add(cursor->lexer.page, MISTAKE_OPEN_RULE, rule->token.offset, none, none);
            return false;
        }
        if (twice) return rule_cursor_wrong_token(cursor, MISTAKE_PART_TWICE);
        bool is_part = rule_cursor_at(cursor, "mode") || rule_cursor_at(cursor, "on") || rule_cursor_at(cursor, "when");
        if (is_part && rule->actions != NULL) return rule_cursor_wrong_token(cursor, MISTAKE_PART_BEHIND_THEN);
        bool sound = false;
        if (rule_cursor_accept(cursor, "mode"))
            sound = read_mode(cursor, rule);
        else if (rule_cursor_accept(cursor, "on"))
            sound = read_on_error(cursor, rule);
        else if (rule_cursor_accept(cursor, "when"))
            sound = read_when(cursor, rule);
        else if (rule_cursor_accept(cursor, "then"))
            sound = read_actions(cursor, &rule->actions);
        else
            rule_cursor_wrong_word(cursor, MISTAKE_PART, parts, sizeof parts / sizeof *parts);
        if (!sound) return false;
    }
    if (rule->actions == NULL) return rule_cursor_wrong_token(cursor, MISTAKE_NO_THEN);
    rule_cursor_take(cursor);
    return true;
}

static bool read_rule(struct rule_cursor *cursor, struct rule_statement *rule) {
    if (cursor->token.kind != TOKEN_TEXT) return rule_cursor_wrong_token(cursor, MISTAKE_RULE_NAME);
    rule->name = rule_cursor_take(cursor);
    return rule_cursor_expect(cursor, "{", MISTAKE_OPEN_BRACE, span_of("rule \"NAME\" {")) &&
           read_rule_parts(cursor, rule);
}

static bool read_set(struct rule_cursor *cursor, struct rule_statement *set) {
    if (cursor->token.kind != TOKEN_WORD || rule_cursor_at(cursor, "of"))
        return rule_cursor_wrong_token(cursor, MISTAKE_SET_NAME);
    set->name = rule_cursor_take(cursor);
    if (!rule_cursor_expect(cursor, "of", MISTAKE_SET_OF, none)) return false;
    if (cursor->token.kind != TOKEN_WORD || rule_cursor_at(cursor, "from"))
        return rule_cursor_wrong_token(cursor, MISTAKE_SET_OF);
    set->set_kind = rule_cursor_take(cursor);
    if (rule_cursor_at(cursor, "{")) return rule_condition_read_items(cursor, &set->items);
    if (!rule_cursor_expect(cursor, "from", MISTAKE_SET_VALUES, none)) return false;
    if (cursor->token.kind != TOKEN_TEXT) return rule_cursor_wrong_token(cursor, MISTAKE_SET_VALUES);
    set->file = rule_cursor_take(cursor);
    return true;
}

static bool read_statement(struct rule_cursor *cursor, struct rule_statement *statement) {
    size_t i = 0;
    while (i < sizeof statement_words / sizeof *statement_words && !rule_cursor_at(cursor, statement_words[i])) i++;
    *statement = (struct rule_statement){.token = cursor->token, .name = absent, .file = absent, .set_kind = absent};
    if (i == sizeof statement_words / sizeof *statement_words)
        return rule_cursor_wrong_word(cursor, MISTAKE_STATEMENT, statement_words,
                                      sizeof statement_words / sizeof *statement_words);
    rule_cursor_take(cursor);
    switch (statement->token.text.ptr[0]) {
    case 'r': statement->kind = STATEMENT_RULE; return read_rule(cursor, statement);
    case 's': statement->kind = STATEMENT_SET; return read_set(cursor, statement);
    case 'd': statement->kind = STATEMENT_DEFAULT; return read_verdict(cursor, statement, MISTAKE_DEFAULT);
    case 'o': statement->kind = STATEMENT_ON_ERROR; return read_on_error(cursor, statement);
    case 'm': statement->kind = STATEMENT_MODE; return read_mode(cursor, statement);
    default: statement->kind = STATEMENT_ARM; return rule_cursor_expect(cursor, "discard", MISTAKE_ARM, none);
    }
}

/* --- the whole file ----------------------------------------------------------------------------------------------- */

/* Does the next token begin a line with a word that begins statements? Inside a rule "mode" and "on" do so, too. */
static bool begins_statement(const struct rule_cursor *cursor) {
    struct span text = cursor->lexer.page->text;
    size_t start = cursor->token.offset;
    if (!rule_cursor_at(cursor, "rule") && !rule_cursor_at(cursor, "set") && !rule_cursor_at(cursor, "default") &&
        !rule_cursor_at(cursor, "arm"))
        return false;
    while (start > 0 && ascii_is_wsp(text.ptr[start - 1])) start--;
    return start == 0 || text.ptr[start - 1] == '\n';
}

/* Behind a mistake: to the end of the statement, as far as that can be seen. */
static void skip_statement(struct rule_cursor *cursor, size_t start) {
    while (cursor->token.kind != TOKEN_END) {
        if (cursor->token.offset > start && begins_statement(cursor)) return;
        cursor->closed = false;
        rule_cursor_take(cursor);
        if (cursor->closed) return;
    }
}

bool rule_parser_read(struct rule_page *page, struct arena *arena, struct rule_tree *out) {
    struct rule_cursor cursor = {.lexer = {.page = page}, .arena = arena};
    struct rule_statement **end = &out->first;
    *out = (struct rule_tree){0};
    cursor.token = rule_lexer_next(&cursor.lexer);
    while (cursor.token.kind != TOKEN_END && !cursor.no_memory && !page->no_memory) {
        struct rule_statement *statement = rule_cursor_alloc(&cursor, sizeof *statement);
        if (statement == NULL) break;
        size_t start = cursor.token.offset;
        cursor.braces = 0;
        if (read_statement(&cursor, statement)) {
            *end = statement;
            end = &statement->next;
        } else if (!cursor.no_memory) {
            if (page->errors->count == RULE_SET_ERRORS_MAX) break;
            skip_statement(&cursor, start);
        }
    }
    return !cursor.no_memory && !page->no_memory;
}
