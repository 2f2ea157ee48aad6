#include "rules/rule_check.h"
#include <stdlib.h>
#include "base/ascii.h"
#include "base/keyed_hash.h"
#include "rules/pattern_literals.h"

static const struct span none;

enum { NAME_MAX_OCTETS = 64, NAME_SLOTS = 32768 /* more than twice RULE_SET_RULES_MAX */, GATE_MAX = 32 };

static const struct {
    const char *word, *types;
} operators[] = {
#define OPERATOR(id, word, types, help) [id] = {word, types},
#include "rules/operators.def"
#undef OPERATOR
};

static bool wrong(struct rule_check *check, enum rule_mistake kind, const struct rule_token *token, struct span a,
                  struct span b) {
    rule_mistake_add(check->page, kind, token->offset, a, b);
    return false;
}

/* --- memory ------------------------------------------------------------------------------------------------------- */

void *rule_check_grow(struct rule_check *check, void *array, size_t *room, size_t count, size_t size) {
    if (count < *room) return array;
    size_t wanted = *room > 0 ? *room * 2 : 16;
    void *grown = realloc(array, wanted * size);
    if (grown == NULL)
        check->no_memory = true;
    else
        *room = wanted;
    return grown;
}

void *rule_check_alloc(struct rule_check *check, size_t size) {
    void *memory = arena_alloc(check->set->arena, size);
    check->no_memory |= memory == NULL;
    return memory;
}

struct span rule_check_text(struct rule_check *check, const struct rule_token *token) {
    struct span text = rule_lexer_unescape(token->body, check->set->arena);
    check->no_memory |= text.ptr == NULL && token->body.len > 0;
    return text;
}

static bool emit(struct rule_check *check, enum rule_code_kind kind, uint32_t arg) {
    struct rule_set *set = check->set;
    struct rule_code *codes = rule_check_grow(check, set->codes, &set->code_room, set->code_count, sizeof *codes);
    if (codes == NULL) return false;
    set->codes = codes;
    codes[set->code_count++] = (struct rule_code){kind, arg};
    return true;
}

/* --- comparisons -------------------------------------------------------------------------------------------------- */

static bool wrong_fact(struct rule_check *check, const struct rule_token *token) {
    const char *names[FACT_COUNT];
    for (size_t i = 0; i < FACT_COUNT; i++) names[i] = rule_facts[i].name;
    rule_mistake_add_near(check->page, MISTAKE_FACT, token->offset, token->text, names, FACT_COUNT);
    return false;
}

static bool read_subject(struct rule_check *check, const struct rule_node *node, struct rule_comparison *out) {
    out->is_header = node->subject.is_header;
    out->is_decoded = node->subject.is_decoded;
    out->type = RULE_TEXT;
    if (out->is_header) {
        check->no_memory |= !rule_names_add(&check->set->names, node->subject.field.body, &out->name);
        return !check->no_memory;
    }
    if (!rule_facts_find(node->subject.token.text, &out->fact)) return wrong_fact(check, &node->subject.token);
    out->type = rule_facts[out->fact].type;
    check->families |= 1u << rule_facts[out->fact].family;
    return true;
}

/* Has the subject several values here? Inside any or all { } what is gone through has one. */
static bool is_many(const struct rule_check *check, const struct rule_comparison *comparison) {
    if (comparison->is_header) return true;
    enum rule_scope scope = rule_facts[comparison->fact].scope;
    return scope != RULE_SCOPE_MESSAGE && !(check->has_loop && scope == check->loop_scope);
}

static bool check_quantifier(struct rule_check *check, const struct rule_node *node,
                             const struct rule_comparison *comparison) {
    struct span subject = node->subject.token.text;
    bool many = is_many(check, comparison);
    if (node->quantifier != NODE_COMPARE && !many)
        return wrong(check, MISTAKE_ONE_VALUE, &node->quantifier_token, subject, node->quantifier_token.text);
    if (comparison->comparator == OPERATOR_COUNT && !many)
        return wrong(check, MISTAKE_ONE_VALUE, &node->subject.token, subject, span_of("count"));
    if (comparison->comparator == OPERATOR_DIFFER && many && node->quantifier == NODE_COMPARE &&
        node->comparator != OPERATOR_COUNT)
        return wrong(check, MISTAKE_MANY_DIFFER, &node->operator_token, subject, none);
    return true;
}

static bool check_operator(struct rule_check *check, const struct rule_node *node,
                           const struct rule_comparison *comparison) {
    struct span subject = node->subject.token.text;
    const struct rule_token *token = node->operator_token.kind == TOKEN_WORD || node->operator_token.kind == TOKEN_SIGN
                                         ? &node->operator_token
                                         : &node->subject.token;
    if (strchr(operators[comparison->comparator].types, rule_type_letter(comparison->type)) == NULL) {
        if (comparison->comparator == OPERATOR_HOLDS) return wrong(check, MISTAKE_NOT_BOOL, token, subject, none);
        return wrong(check, MISTAKE_OPERATOR_TYPE, token, span_of(operators[comparison->comparator].word),
                     span_of(rule_type_text(comparison->type)));
    }
    bool compares_text = comparison->type == RULE_TEXT && comparison->comparator >= OPERATOR_EQUAL &&
                         comparison->comparator != OPERATOR_MATCHES && comparison->comparator < OPERATOR_EXISTS;
    if (node->is_nocase && !compares_text) return wrong(check, MISTAKE_NOCASE, &node->nocase, none, none);
    return true;
}

/* --- literals that let rules wait --------------------------------------------------------------------------------- */

/* Literals of which one must occur in the header section for a condition to hold; count 0: none is known. */
struct gate {
    size_t count;
    uint32_t literal[GATE_MAX];
};

static bool add_literal(struct rule_check *check, struct gate *gate, struct span literal) {
    uint32_t id;
    if (check->literals == NULL) check->literals = literal_set_builder_create();
    enum literal_set_status status =
        check->literals != NULL ? literal_set_builder_add(check->literals, literal, &id) : LITERAL_SET_NO_MEMORY;
    check->no_memory |= status != LITERAL_SET_OK;
    if (status == LITERAL_SET_OK) gate->literal[gate->count++] = id;
    return status == LITERAL_SET_OK;
}

/* The longest run of text without white space: text may stand folded in the message. */
static struct span longest_run(struct span text) {
    struct span best = {text.ptr, 0};
    for (size_t at = 0; at < text.len;) {
        size_t len = 0;
        while (at + len < text.len && !ascii_is_space(text.ptr[at + len]) && text.ptr[at + len] != '\0') len++;
        if (len > best.len) best = (struct span){text.ptr + at, len};
        at += len + 1;
    }
    return best.len < PATTERN_LITERAL_MAX ? best : span_first(best, PATTERN_LITERAL_MAX);
}

static bool gate_of_texts(struct rule_check *check, const struct rule_comparison *comparison, struct gate *gate) {
    if (comparison->count > GATE_MAX) return true;
    for (size_t i = 0; i < comparison->count; i++)
        if (longest_run(comparison->texts[i]).len < PATTERN_LITERAL_MIN) return true;
    for (size_t i = 0; i < comparison->count; i++)
        if (!add_literal(check, gate, longest_run(comparison->texts[i]))) return false;
    return true;
}

/* What a comparison of a field cannot hold without: words of its value, or at least the field's name. */
static bool gate_of_comparison(struct rule_check *check, const struct rule_node *node,
                               const struct rule_comparison *comparison, struct gate *gate) {
    struct pattern_literals found = {0};
    struct span name = node->subject.field.body;
    unsigned flags = 0;
    gate->count = 0;
    if (!comparison->is_header || comparison->comparator == OPERATOR_COUNT) return true;
    if (!comparison->is_decoded && comparison->value == VALUE_TEXTS && comparison->comparator != OPERATOR_DIFFER &&
        !gate_of_texts(check, comparison, gate))
        return false;
    if (!comparison->is_decoded && comparison->value == VALUE_PATTERN) {
        for (size_t i = 0; i < node->operand.token.flags.len; i++)
            flags |= pattern_flag(node->operand.token.flags.ptr[i]);
        pattern_literals_find(node->operand.token.body, flags, &found);
    }
    for (size_t i = 0; i < found.count && i < GATE_MAX; i++)
        if (!add_literal(check, gate, pattern_literal(&found, i))) return false;
    if (gate->count > 0 || name.len < PATTERN_LITERAL_MIN) return true;
    return add_literal(check, gate, longest_run(name));
}

static bool keep_gate(struct rule_check *check, const struct gate *gate, struct rule_comparison *comparison) {
    struct rule_set *set = check->set;
    comparison->gate = (uint32_t)set->gate_count;
    comparison->gate_count = (uint32_t)gate->count;
    for (size_t i = 0; i < gate->count; i++) {
        uint32_t *gates = rule_check_grow(check, set->gates, &set->gate_room, set->gate_count, sizeof *gates);
        if (gates == NULL) return false;
        set->gates = gates;
        gates[set->gate_count++] = gate->literal[i];
    }
    return true;
}

static bool check_comparison(struct rule_check *check, const struct rule_node *node, struct gate *gate) {
    struct rule_set *set = check->set;
    struct rule_comparison comparison = {.comparator = node->comparator,
                                         .is_all = node->quantifier == NODE_ALL,
                                         .is_nocase = node->is_nocase,
                                         .text = node->text};
    if (!read_subject(check, node, &comparison) || !check_operator(check, node, &comparison) ||
        !check_quantifier(check, node, &comparison))
        return false;
    bool is_alone = comparison.comparator == OPERATOR_HOLDS || comparison.comparator == OPERATOR_EXISTS;
    if (!is_alone && !rule_check_operand(check, node, &comparison)) return false;
    comparison.how = node->how;
    if (!gate_of_comparison(check, node, &comparison, gate) || !keep_gate(check, gate, &comparison)) return false;
    struct rule_comparison *comparisons =
        rule_check_grow(check, set->comparisons, &set->comparison_room, set->comparison_count, sizeof *comparisons);
    if (comparisons == NULL) return false;
    set->comparisons = comparisons;
    comparisons[set->comparison_count++] = comparison;
    return emit(check, CODE_COMPARE, (uint32_t)(set->comparison_count - 1));
}

/* --- conditions --------------------------------------------------------------------------------------------------- */

static bool check_node(struct rule_check *check, const struct rule_node *node, struct gate *gate);

/* Of an and any part's literals will do: the fewest. Of an or all parts' are wanted. */
static void join_gates(struct gate *gate, const struct gate *other, bool is_and, bool is_first) {
    if (is_first) {
        *gate = *other;
    } else if (is_and) {
        if (other->count > 0 && (gate->count == 0 || other->count < gate->count)) *gate = *other;
    } else if (gate->count == 0 || other->count == 0 || gate->count + other->count > GATE_MAX) {
        gate->count = 0;
    } else {
        for (size_t i = 0; i < other->count; i++) gate->literal[gate->count++] = other->literal[i];
    }
}

/* part, IF or UNLESS end, part, AND or OR, ..., end: */
static bool check_chain(struct rule_check *check, const struct rule_node *node, struct gate *gate) {
    struct rule_set *set = check->set;
    bool is_and = node->kind == NODE_AND, sound = true;
    uint32_t last_jump = UINT32_MAX; /* jumps to the end, chained through their args until it is known */
    for (const struct rule_node *child = node->first; child != NULL; child = child->next) {
        struct gate part = {0};
        if (child != node->first) {
            if (!emit(check, is_and ? CODE_UNLESS : CODE_IF, last_jump)) return false;
            last_jump = (uint32_t)set->code_count - 1;
        }
        sound &= check_node(check, child, &part);
        if (check->no_memory) return false;
        join_gates(gate, &part, is_and, child == node->first);
        if (child != node->first && !emit(check, is_and ? CODE_AND : CODE_OR, 0)) return false;
    }
    while (last_jump != UINT32_MAX) {
        uint32_t before = set->codes[last_jump].arg;
        set->codes[last_jump].arg = (uint32_t)set->code_count;
        last_jump = before;
    }
    return sound;
}

static bool find_scope(struct rule_check *check, const struct rule_node *node, enum rule_scope *out) {
    static const char *const words[] = {"signature", "recipient"};
    for (size_t i = 0; i < 2; i++) {
        *out = i == 0 ? RULE_SCOPE_SIGNATURE : RULE_SCOPE_RECIPIENT;
        if (rule_token_is(&node->token, words[i])) return true;
    }
    rule_mistake_add_near(check->page, MISTAKE_BLOCK, node->token.offset, node->token.text, words, 2);
    return false;
}

/* LOOP, body, NEXT, end: */
static bool check_block(struct rule_check *check, const struct rule_node *node, struct gate *gate) {
    struct rule_set *set = check->set;
    struct gate inner = {0};
    enum rule_scope scope;
    uint32_t index = (uint32_t)set->loop_count;
    gate->count = 0; /* of nothing neither any nor all holds, so that what the body waits for holds for the block */
    if (check->has_loop) return wrong(check, MISTAKE_BLOCK_NESTED, &node->quantifier_token, none, none);
    if (!find_scope(check, node, &scope)) return false;
    struct rule_loop *loops = rule_check_grow(check, set->loops, &set->loop_room, set->loop_count, sizeof *loops);
    if (loops == NULL || !emit(check, CODE_LOOP, index)) return false;
    set->loops = loops;
    set->loop_count++;
    loops[index] =
        (struct rule_loop){.scope = scope, .is_all = node->kind == NODE_ALL, .body = (uint32_t)set->code_count};
    check->has_loop = true;
    check->loop_scope = scope;
    bool sound = check_node(check, node->first, &inner);
    check->has_loop = false;
    if (!sound || !emit(check, CODE_NEXT, index)) return false;
    set->loops[index].end = (uint32_t)set->code_count;
    *gate = inner;
    return true;
}

static bool check_node(struct rule_check *check, const struct rule_node *node, struct gate *gate) {
    struct gate inner = {0};
    switch (node->kind) {
    case NODE_AND:
    case NODE_OR: return check_chain(check, node, gate);
    case NODE_NOT: gate->count = 0; return check_node(check, node->first, &inner) && emit(check, CODE_NOT, 0);
    case NODE_COMPARE: return check_comparison(check, node, gate);
    default: return check_block(check, node, gate);
    }
}

/* --- rules -------------------------------------------------------------------------------------------------------- */

static bool name_is_sound(struct rule_check *check, const struct rule_token *name) {
    bool sound = name->body.len > 0 && name->body.len <= NAME_MAX_OCTETS;
    for (size_t i = 0; i < name->body.len; i++) {
        char c = name->body.ptr[i];
        sound &= (ascii_is_graph(c) || c == ' ') && c != '\\' && c != '"';
    }
    return sound || wrong(check, MISTAKE_RULE_NAME_BAD, name, none, none);
}

static bool name_is_new(struct rule_check *check, const struct rule_token *name) {
    if (check->rule_slots == NULL) check->rule_slots = calloc(NAME_SLOTS, sizeof *check->rule_slots);
    if (check->rule_slots == NULL) {
        check->no_memory = true;
        return false;
    }
    size_t slot = (size_t)keyed_hash(keyed_hash_process_key(), name->body) & (NAME_SLOTS - 1);
    for (; check->rule_slots[slot] != 0; slot = (slot + 1) & (NAME_SLOTS - 1))
        if (span_equal(check->set->rules[check->rule_slots[slot] - 1].name, name->body))
            return wrong(check, MISTAKE_RULE_NAME_TWICE, name, name->body, none);
    check->rule_slots[slot] = (uint32_t)check->set->rule_count; /* of the rule that was just added */
    return true;
}

static bool gives_verdict(enum rule_action_kind kind) { return kind <= ACTION_QUARANTINE; }

static bool add_step(struct rule_check *check, const struct rule_action *action) {
    struct rule_set *set = check->set;
    struct rule_step step;
    if (!rule_check_action(check, action, &step)) return false;
    struct rule_step *steps = rule_check_grow(check, set->steps, &set->step_room, set->step_count, sizeof *steps);
    if (steps == NULL) return false;
    set->steps = steps;
    steps[set->step_count++] = step;
    return true;
}

/* What may stand together: one verdict; continue behind it, or stop without one, at the end. */
static bool check_order(struct rule_check *check, const struct rule_action *first) {
    bool has_verdict = false;
    for (const struct rule_action *action = first; action != NULL; action = action->next) {
        if (gives_verdict(action->kind) && has_verdict)
            return wrong(check, MISTAKE_VERDICT_TWICE, &action->token, none, none);
        has_verdict |= gives_verdict(action->kind);
        bool ends = action->kind == ACTION_STOP || action->kind == ACTION_CONTINUE;
        if (!ends) continue;
        if (action->kind == ACTION_CONTINUE && !has_verdict)
            return wrong(check, MISTAKE_CONTINUE, &action->token, none, none);
        if (action->kind == ACTION_STOP && has_verdict) return wrong(check, MISTAKE_STOP, &action->token, none, none);
        if (action->next != NULL) return wrong(check, MISTAKE_BEHIND_STOP, &action->next->token, none, none);
    }
    return true;
}

static bool check_actions(struct rule_check *check, const struct rule_statement *statement, struct rule_program *rule) {
    bool sound = check_order(check, statement->actions);
    rule->step = (uint32_t)check->set->step_count;
    for (const struct rule_action *action = statement->actions; action != NULL; action = action->next) {
        sound &= add_step(check, action);
        rule->continues |= action->kind == ACTION_CONTINUE;
        if (check->no_memory) return false;
    }
    rule->step_count = (uint32_t)check->set->step_count - rule->step;
    return sound;
}

static bool add_rule(struct rule_check *check) {
    struct rule_set *set = check->set;
    struct rule_program *rules = rule_check_grow(check, set->rules, &set->rule_room, set->rule_count, sizeof *rules);
    if (rules == NULL) return false;
    set->rules = rules;
    rules[set->rule_count++] = (struct rule_program){.is_shadow = check->is_shadow,
                                                     .has_on_error = check->has_on_error,
                                                     .skips_errors = check->skips_errors,
                                                     .on_error = check->on_error};
    return true;
}

static bool keep_waiting(struct rule_check *check, const struct gate *gate);

static bool check_rule(struct rule_check *check, const struct rule_statement *statement) {
    struct rule_set *set = check->set;
    struct gate gate = {0};
    if (set->rule_count == RULE_SET_RULES_MAX) return wrong(check, MISTAKE_RULES_MANY, &statement->token, none, none);
    if (!add_rule(check)) return false;
    struct rule_program *rule = &set->rules[set->rule_count - 1];
    bool sound = name_is_sound(check, &statement->name) && name_is_new(check, &statement->name);
    rule->name = statement->name.body;
    rule->condition = statement->condition_text;
    rule->code = (uint32_t)set->code_count;
    if (statement->has_mode) rule->is_shadow = statement->is_shadow;
    rule->is_shadow |= check->options->all_shadow;
    check->families = 0;
    if (statement->condition != NULL) sound &= check_node(check, statement->condition, &gate);
    if (!emit(check, CODE_END, 0)) return false;
    if (statement->has_on_error) {
        rule->has_on_error = true;
        rule->skips_errors = statement->skips_errors;
        if (!rule->skips_errors) sound &= rule_check_action(check, statement->error_action, &rule->on_error);
    }
    sound &= check_actions(check, statement, rule);
    return keep_waiting(check, &gate) && sound;
}

/* --- which rules wait --------------------------------------------------------------------------------------------- */

/* Pairs (literal, rule), in order of the rules, until rule_check_finish sorts them by literal. */
static bool keep_waiting(struct rule_check *check, const struct gate *gate) {
    uint32_t rule = (uint32_t)check->set->rule_count - 1;
    struct rule_wait pair = {.rule = rule, .literal = UINT32_MAX}; /* waits for nothing */
    for (size_t i = 0; i < gate->count || i == 0; i++) {
        if (gate->count > 0) pair.literal = gate->literal[i];
        struct rule_wait *waits =
            rule_check_grow(check, check->waits, &check->wait_room, check->wait_count, sizeof *waits);
        if (waits == NULL) return false;
        check->waits = waits;
        waits[check->wait_count++] = pair;
    }
    return true;
}

bool rule_check_finish(struct rule_check *check) {
    struct rule_set *set = check->set;
    if (check->literals != NULL && literal_set_build(check->literals, &set->literals) != LITERAL_SET_OK) return false;
    set->literal_count = set->literals != NULL ? literal_set_count(set->literals) : 0;
    size_t words = set->rule_count / 64 + 1;
    set->always = rule_check_alloc(check, words * sizeof *set->always);
    set->waiting_from = rule_check_alloc(check, (set->literal_count + 2) * sizeof *set->waiting_from);
    set->waiting = rule_check_alloc(check, (check->wait_count + 1) * sizeof *set->waiting);
    if (check->no_memory) return false;
    for (size_t i = 0; i < check->wait_count; i++) {
        const struct rule_wait *wait = &check->waits[i];
        if (wait->literal == UINT32_MAX)
            set->always[wait->rule / 64] |= (uint64_t)1 << (wait->rule % 64);
        else
            set->waiting_from[wait->literal + 1]++;
    }
    for (size_t i = 0; i < set->literal_count; i++) set->waiting_from[i + 1] += set->waiting_from[i];
    uint32_t *next = calloc(set->literal_count + 1, sizeof *next); /* by literal: how many of its rules are placed */
    check->no_memory |= next == NULL;
    for (size_t i = 0; i < check->wait_count && next != NULL; i++) {
        const struct rule_wait *wait = &check->waits[i];
        if (wait->literal != UINT32_MAX)
            set->waiting[set->waiting_from[wait->literal] + next[wait->literal]++] = wait->rule;
    }
    free(next);
    return !check->no_memory;
}

/* --- statements --------------------------------------------------------------------------------------------------- */

static bool check_default(struct rule_check *check, const struct rule_statement *statement) {
    if (check->set->has_default) return wrong(check, MISTAKE_TWICE, &statement->token, span_of("default"), none);
    check->set->has_default = true;
    check->families = 0;
    return rule_check_action(check, statement->error_action, &check->set->default_step);
}

static bool check_on_error(struct rule_check *check, const struct rule_statement *statement) {
    if (check->has_on_error) return wrong(check, MISTAKE_TWICE, &statement->token, span_of("on error"), none);
    check->has_on_error = true;
    check->skips_errors = statement->skips_errors;
    check->families = 0;
    return statement->skips_errors || rule_check_action(check, statement->error_action, &check->on_error);
}

static void check_statement(struct rule_check *check, const struct rule_statement *statement) {
    switch (statement->kind) {
    case STATEMENT_RULE: check_rule(check, statement); break;
    case STATEMENT_SET: rule_check_set(check, statement); break;
    case STATEMENT_DEFAULT: check_default(check, statement); break;
    case STATEMENT_ON_ERROR: check_on_error(check, statement); break;
    case STATEMENT_MODE: check->is_shadow = statement->is_shadow; break;
    default: check->discard_is_armed = true; break;
    }
}

bool rule_check_file(struct rule_check *check, const struct rule_tree *tree) {
    check->is_shadow = check->discard_is_armed = check->has_on_error = false;
    check->skips_errors = false;
    for (const struct rule_statement *statement = tree->first; statement != NULL && !check->no_memory;
         statement = statement->next)
        check_statement(check, statement);
    return !check->no_memory && !check->page->no_memory;
}

void rule_check_release(struct rule_check *check) {
    free(check->rule_slots);
    free(check->waits);
    literal_set_builder_destroy(check->literals);
}
