/* What facts are compared with: numbers and their units, words, texts, names, networks, patterns, sets. */
#include <stdio.h>
#include <stdlib.h>
#include "base/ascii.h"
#include "rules/rule_check.h"
#include "verifier/domain_name.h"

static const struct span none;

static bool wrong(struct rule_check *check, enum rule_mistake kind, const struct rule_token *token, struct span a,
                  struct span b) {
    rule_mistake_add(check->page, kind, token->offset, a, b);
    return false;
}

static struct span subject_text(const struct rule_node *node) { return node->subject.token.text; }

static bool wrong_type(struct rule_check *check, const struct rule_node *node,
                       const struct rule_comparison *comparison) {
    return wrong(check, MISTAKE_OPERAND_TYPE, &node->operand.token, subject_text(node),
                 span_of(rule_type_operand(comparison->type)));
}

/* --- numbers ------------------------------------------------------------------------------------------------------ */

static const struct {
    const char *word;
    enum rule_unit unit;
    int64_t factor;
} units[] = {
    {"octets", RULE_UNIT_OCTETS, 1},    {"KiB", RULE_UNIT_OCTETS, 1 << 10}, {"MiB", RULE_UNIT_OCTETS, 1 << 20},
    {"GiB", RULE_UNIT_OCTETS, 1 << 30}, {"s", RULE_UNIT_SECONDS, 1},        {"min", RULE_UNIT_SECONDS, 60},
    {"h", RULE_UNIT_SECONDS, 3600},     {"d", RULE_UNIT_SECONDS, 86400},    {"bits", RULE_UNIT_BITS, 1},
};
enum { UNIT_COUNT = sizeof units / sizeof *units };

enum rule_unit rule_check_unit(const struct rule_comparison *comparison) {
    if (comparison->comparator == OPERATOR_COUNT || comparison->is_header) return RULE_UNIT_COUNT;
    return rule_facts[comparison->fact].unit;
}

static bool missing_unit(struct rule_check *check, const struct rule_node *node, enum rule_unit unit) {
    static const char *const examples[] = {
        [RULE_UNIT_BITS] = "bits", [RULE_UNIT_OCTETS] = "KiB", [RULE_UNIT_SECONDS] = "d"};
    char example[64];
    snprintf(example, sizeof example, "%lld %s", (long long)node->operand.token.number, examples[unit]);
    return wrong(check, MISTAKE_UNIT_MISSING, &node->operand.token, subject_text(node), span_of(example));
}

static bool read_number(struct rule_check *check, const struct rule_node *node, struct rule_comparison *comparison) {
    const struct rule_operand *operand = &node->operand;
    enum rule_unit unit = rule_check_unit(comparison);
    const char *words[UNIT_COUNT];
    comparison->value = VALUE_NUMBER;
    comparison->number = operand->token.number;
    if (operand->unit.kind != TOKEN_WORD)
        return unit == RULE_UNIT_COUNT || operand->token.number == 0 || missing_unit(check, node, unit);
    for (size_t i = 0; i < UNIT_COUNT; i++) {
        words[i] = units[i].word;
        if (!rule_token_is(&operand->unit, units[i].word)) continue;
        if (units[i].unit != unit)
            return wrong(check, MISTAKE_UNIT_WRONG, &operand->unit, subject_text(node), operand->unit.text);
        if (!__builtin_mul_overflow(comparison->number, units[i].factor, &comparison->number)) return true;
        return wrong(check, MISTAKE_NUMBER_SIZE, &operand->token, none, none);
    }
    rule_mistake_add_near(check->page, MISTAKE_UNIT, operand->unit.offset, operand->unit.text, words, UNIT_COUNT);
    return false;
}

/* --- words -------------------------------------------------------------------------------------------------------- */

static bool add_word(struct rule_check *check, const struct rule_node *node, const struct rule_token *token,
                     struct rule_comparison *comparison) {
    enum rule_word_list list = rule_facts[comparison->fact].words;
    const char *words[RULE_WORDS_MAX];
    unsigned count = 0;
    comparison->value = VALUE_WORDS;
    for (const char *word; count < RULE_WORDS_MAX && (word = rule_word(list, count)) != NULL; count++) {
        words[count] = word;
        if (token->kind == TOKEN_TEXT && span_is(token->body, word))
            return wrong(check, MISTAKE_WORD_QUOTED, token, subject_text(node), token->body);
        if (!rule_token_is(token, word)) continue;
        comparison->words |= (uint64_t)1 << count;
        return true;
    }
    struct span shown = token->kind == TOKEN_TEXT ? token->body : token->text;
    rule_mistake_add_words(check->page, MISTAKE_WORD, token->offset, subject_text(node), shown, words, count);
    return false;
}

/* --- texts, names ------------------------------------------------------------------------------------------------- */

static struct span lower(struct rule_check *check, struct span text) {
    char *out = text.len > 0 ? rule_check_alloc(check, text.len) : NULL;
    for (size_t i = 0; out != NULL && i < text.len; i++) out[i] = ascii_lower(text.ptr[i]);
    return (struct span){out, out != NULL ? text.len : 0};
}

static bool read_domain(struct rule_check *check, const struct rule_token *token, struct span *out) {
    char name[DOMAIN_NAME_MAX];
    struct span text = rule_check_text(check, token);
    size_t len = domain_name_write(text, false, name);
    if (len == 0) return wrong(check, MISTAKE_DOMAIN, token, text, none);
    *out = arena_copy(check->set->arena, (struct span){name, len});
    check->no_memory |= out->ptr == NULL;
    return out->ptr != NULL;
}

static bool read_mailbox(struct rule_check *check, const struct rule_token *token, struct span *out) {
    struct span text = rule_check_text(check, token);
    if (!rule_mailbox_normal(text, check->set->arena, out)) check->no_memory = true;
    if (out->len > 1 && span_find(*out, '<') == out->len && span_find(*out, ' ') == out->len) return true;
    return wrong(check, MISTAKE_MAILBOX, token, text, none);
}

/* A text that is compared with values of type. is_part: not the whole value, but something in it. */
static bool read_text(struct rule_check *check, enum rule_type type, bool is_part, const struct rule_token *token,
                      struct span *out) {
    if (type == RULE_DOMAIN && !is_part) return read_domain(check, token, out);
    if (type == RULE_MAILBOX && !is_part) return read_mailbox(check, token, out);
    *out = rule_check_text(check, token);
    if (type != RULE_TEXT) *out = lower(check, *out);
    return !check->no_memory;
}

/* --- addresses ---------------------------------------------------------------------------------------------------- */

static bool complain_of_network(struct rule_check *check, const struct rule_token *token, const char *text) {
    char shown[NETWORK_TEXT_MAX];
    struct network address;
    char plain[NETWORK_TEXT_MAX] = "";
    const char *slash = strchr(text, '/');
    if (slash == NULL || (size_t)(slash - text) >= sizeof plain)
        return wrong(check, MISTAKE_ADDRESS, token, token->text, none);
    memcpy(plain, text, (size_t)(slash - text));
    unsigned long bits = strtoul(slash + 1, NULL, 10);
    if (!network_parse(plain, &address) || bits > address.prefix_bits)
        return wrong(check, MISTAKE_ADDRESS, token, token->text, none);
    address.prefix_bits = (unsigned)bits;
    for (unsigned bit = (unsigned)bits; bit < (address.is_v4 ? 32u : 128u); bit++)
        address.address[bit / 8] &= (uint8_t) ~(0x80u >> (bit % 8));
    network_format(&address, shown);
    return wrong(check, MISTAKE_HOST_BITS, token, token->text, span_of(shown));
}

static bool read_network(struct rule_check *check, const struct rule_token *token, struct network *out) {
    char text[NETWORK_TEXT_MAX] = "";
    struct span written = token->kind == TOKEN_TEXT ? token->body : token->text;
    if (written.len < sizeof text) memcpy(text, written.ptr, written.len);
    return network_parse(text, out) || complain_of_network(check, token, text);
}

static bool read_address(struct rule_check *check, const struct rule_node *node, struct rule_comparison *comparison) {
    struct network *network = rule_check_alloc(check, sizeof *network);
    if (network == NULL || !read_network(check, &node->operand.token, network)) return false;
    bool is_network = network->prefix_bits < (network->is_v4 ? 32u : 128u);
    if (is_network && comparison->comparator != OPERATOR_IN)
        return wrong(check, MISTAKE_NETWORK_EQUAL, &node->operand.token, node->operand.token.text, none);
    comparison->value = VALUE_NETWORKS;
    comparison->networks = network;
    comparison->count = 1;
    return true;
}

/* --- several values ----------------------------------------------------------------------------------------------- */

static size_t count_items(const struct rule_item *item) {
    size_t count = 0;
    for (; item != NULL; item = item->next) count++;
    return count;
}

static const char *item_cure(enum rule_type type) {
    switch (type) {
    case RULE_ADDRESS: return "write addresses and networks as they are, 192.0.2.1 or 10.0.0.0/8";
    case RULE_MAILBOX: return "write \"someone@example.com\" in quotes";
    case RULE_DOMAIN: return "write \"example.com\" in quotes";
    default: return "write each text in quotes";
    }
}

static bool wrong_item(struct rule_check *check, enum rule_type type, const struct rule_token *token) {
    static const char *const kinds[RULE_TYPE_COUNT] = {
        [RULE_TEXT] = "texts", [RULE_DOMAIN] = "domains", [RULE_MAILBOX] = "mailboxes", [RULE_ADDRESS] = "networks"};
    return wrong(check, MISTAKE_SET_ITEM_KIND, token, span_of(kinds[type]), span_of(item_cure(type)));
}

static bool read_networks(struct rule_check *check, const struct rule_item *item, struct rule_named_set *out) {
    struct network *networks = rule_check_alloc(check, count_items(item) * sizeof *networks);
    if (networks == NULL) return false;
    for (out->networks = networks; item != NULL; item = item->next) {
        if (item->token.kind != TOKEN_DOTTED && item->token.kind != TOKEN_TEXT)
            return wrong_item(check, RULE_ADDRESS, &item->token);
        if (!read_network(check, &item->token, &networks[out->count++])) return false;
    }
    return true;
}

static bool read_texts(struct rule_check *check, const struct rule_item *item, struct rule_named_set *out) {
    struct span *texts = rule_check_alloc(check, count_items(item) * sizeof *texts);
    if (texts == NULL) return false;
    for (out->texts = texts; item != NULL; item = item->next) {
        if (item->token.kind != TOKEN_TEXT) return wrong_item(check, out->type, &item->token);
        texts[out->count++] = rule_check_text(check, &item->token);
    }
    return !check->no_memory;
}

static bool keep_list(struct rule_check *check, struct value_list *list, struct rule_named_set *out) {
    struct rule_set *set = check->set;
    struct value_list **lists = rule_check_grow(check, set->lists, &set->list_room, set->list_count, sizeof *lists);
    if (lists == NULL) {
        value_list_destroy(list);
        return false;
    }
    set->lists = lists;
    lists[set->list_count++] = list;
    out->list = list;
    return true;
}

/* Domains, ".domain" for all below it too, and mailboxes, "@domain" for everybody there: as a list in a file has them.
 */
static bool read_names(struct rule_check *check, const struct rule_item *item, struct rule_named_set *out) {
    struct bytes text = bytes_with_cap(RULE_SET_TEXT_MAX);
    struct value_list_error error;
    bool sound = true;
    for (; item != NULL && sound; item = item->next) {
        struct span name = none;
        struct rule_token token = item->token;
        bool has_dot =
            out->type == RULE_DOMAIN && token.kind == TOKEN_TEXT && token.body.len > 1 && token.body.ptr[0] == '.';
        if (has_dot) token.body = span_after(token.body, 1);
        if (token.kind != TOKEN_TEXT)
            sound = wrong_item(check, out->type, &token);
        else
            sound = out->type == RULE_DOMAIN ? read_domain(check, &token, &name) : read_mailbox(check, &token, &name);
        if (has_dot) bytes_append_char(&text, '.');
        bytes_append(&text, name);
        bytes_append_char(&text, '\n');
    }
    struct value_list *list = NULL;
    if (sound && !text.failed)
        list = value_list_read(bytes_span(&text), "",
                               out->type == RULE_DOMAIN ? VALUE_LIST_DOMAINS : VALUE_LIST_MAILBOXES, &error);
    check->no_memory |= sound && list == NULL;
    bytes_release(&text);
    return list != NULL && keep_list(check, list, out);
}

static bool read_values(struct rule_check *check, const struct rule_item *item, struct rule_named_set *out) {
    if (out->type == RULE_ADDRESS) return read_networks(check, item, out);
    return out->type == RULE_TEXT ? read_texts(check, item, out) : read_names(check, item, out);
}

static void take_values(const struct rule_named_set *set, struct rule_comparison *comparison) {
    comparison->value = set->list != NULL ? VALUE_LIST : set->type == RULE_ADDRESS ? VALUE_NETWORKS : VALUE_TEXTS;
    comparison->list = set->list;
    comparison->texts = set->texts;
    comparison->networks = set->networks;
    comparison->count = set->count;
}

static bool read_items(struct rule_check *check, const struct rule_node *node, struct rule_comparison *comparison) {
    struct rule_named_set set = {.type = comparison->type};
    if (comparison->type == RULE_WORD) {
        for (const struct rule_item *item = node->operand.items; item != NULL; item = item->next)
            if (!add_word(check, node, &item->token, comparison)) return false;
        return true;
    }
    if (!read_values(check, node->operand.items, &set)) return false;
    take_values(&set, comparison);
    return true;
}

static bool use_set(struct rule_check *check, const struct rule_node *node, struct rule_comparison *comparison) {
    const struct rule_token *token = &node->operand.token;
    const char *names[64];
    char room[64][64];
    size_t count = 0;
    for (const struct rule_named_set *set = check->sets; set != NULL; set = set->next) {
        if (span_equal(set->name, token->text)) {
            if (set->type != comparison->type)
                return wrong(check, MISTAKE_SET_USE, token, subject_text(node), token->text);
            take_values(set, comparison);
            comparison->is_nocase |= set->type == RULE_TEXT;
            return true;
        }
        if (count == 64 || set->name.len >= sizeof room[0]) continue;
        memcpy(room[count], set->name.ptr, set->name.len);
        room[count][set->name.len] = '\0';
        names[count] = room[count];
        count++;
    }
    rule_mistake_add_near(check->page, MISTAKE_SET_UNKNOWN, token->offset, token->text, names, count);
    return false;
}

/* --- sets --------------------------------------------------------------------------------------------------------- */

static const struct {
    const char *word;
    enum rule_type type;
} set_kinds[] = {
    {"domains", RULE_DOMAIN}, {"mailboxes", RULE_MAILBOX}, {"networks", RULE_ADDRESS}, {"texts", RULE_TEXT}};
enum { SET_KIND_COUNT = sizeof set_kinds / sizeof *set_kinds, SETS_MAX = 1000 };

static bool find_set_kind(struct rule_check *check, const struct rule_token *token, enum rule_type *out) {
    const char *words[SET_KIND_COUNT];
    for (size_t i = 0; i < SET_KIND_COUNT; i++) {
        words[i] = set_kinds[i].word;
        *out = set_kinds[i].type;
        if (rule_token_is(token, words[i])) return true;
    }
    rule_mistake_add_near(check->page, MISTAKE_SET_KIND, token->offset, token->text, words, SET_KIND_COUNT);
    return false;
}

static bool name_is_free(struct rule_check *check, const struct rule_token *name) {
    static const char *const taken[] = {"and",  "or",   "not",   "any",    "all",    "exists", "count", "then",
                                        "when", "true", "false", "header", "nocase", "from",   "of"};
    enum rule_fact_id fact;
    bool is_taken = rule_facts_find(name->text, &fact);
    for (size_t i = 0; i < sizeof taken / sizeof *taken; i++) is_taken |= rule_token_is(name, taken[i]);
    if (is_taken) return wrong(check, MISTAKE_SET_NAME_TAKEN, name, name->text, none);
    for (const struct rule_named_set *set = check->sets; set != NULL; set = set->next)
        if (span_equal(set->name, name->text)) return wrong(check, MISTAKE_SET_TWICE, name, name->text, none);
    return true;
}

/* The path of a list: beside the rule file unless it begins with a slash. */
static bool list_path(struct rule_check *check, struct span file, char *out, size_t room) {
    struct span folder = check->page->file;
    size_t len = folder.len;
    while (len > 0 && folder.ptr[len - 1] != '/') len--;
    if (file.len > 0 && file.ptr[0] == '/') len = 0;
    if (len + file.len >= room || file.len == 0 || memchr(file.ptr, '\0', file.len) != NULL) return false;
    if (len > 0) memcpy(out, folder.ptr, len);
    memcpy(out + len, file.ptr, file.len);
    out[len + file.len] = '\0';
    return true;
}

static bool load_list(struct rule_check *check, const struct rule_statement *statement, struct rule_named_set *set) {
    static const enum value_list_kind kinds[RULE_TYPE_COUNT] = {[RULE_TEXT] = VALUE_LIST_WORDS,
                                                                [RULE_DOMAIN] = VALUE_LIST_DOMAINS,
                                                                [RULE_MAILBOX] = VALUE_LIST_MAILBOXES,
                                                                [RULE_ADDRESS] = VALUE_LIST_NETWORKS};
    char path[4096];
    struct value_list_error error;
    if (!list_path(check, rule_check_text(check, &statement->file), path, sizeof path))
        return wrong(check, MISTAKE_SET_FILE, &statement->file, span_of("this is no path"), none);
    struct value_list *list = value_list_load(path, kinds[set->type], &error);
    if (list == NULL) return wrong(check, MISTAKE_SET_FILE, &statement->file, span_of(error.text), none);
    return keep_list(check, list, set);
}

bool rule_check_set(struct rule_check *check, const struct rule_statement *statement) {
    struct rule_named_set *set = rule_check_alloc(check, sizeof *set);
    if (set == NULL || !name_is_free(check, &statement->name)) return false;
    if (check->set_count++ == SETS_MAX) return wrong(check, MISTAKE_SETS_MANY, &statement->token, none, none);
    set->name = statement->name.text;
    if (!find_set_kind(check, &statement->set_kind, &set->type)) return false;
    bool sound =
        statement->items == NULL ? load_list(check, statement, set) : read_values(check, statement->items, set);
    /* A set with a mistake in it is declared all the same: else each use of it would be a mistake, too. */
    set->next = check->sets;
    check->sets = set;
    return sound;
}

/* --- patterns and facts ------------------------------------------------------------------------------------------- */

static bool read_pattern(struct rule_check *check, const struct rule_node *node, struct rule_comparison *comparison) {
    const struct rule_token *token = &node->operand.token;
    struct rule_set *set = check->set;
    struct pattern_error error;
    unsigned flags = 0;
    for (size_t i = 0; i < token->flags.len; i++) flags |= pattern_flag(token->flags.ptr[i]);
    struct pattern **patterns =
        rule_check_grow(check, set->patterns, &set->pattern_room, set->pattern_count, sizeof *patterns);
    if (patterns == NULL) return false;
    set->patterns = patterns;
    struct pattern *pattern = pattern_compile(token->body, flags, check->options->use_jit, &error);
    if (pattern == NULL) {
        rule_mistake_add(check->page, MISTAKE_PATTERN, token->offset + 1 + error.offset, span_of(error.text), none);
        return false;
    }
    set->patterns[set->pattern_count++] = pattern;
    comparison->value = VALUE_PATTERN;
    comparison->pattern = pattern;
    return true;
}

/* Another fact, of the same kind. False without a mistake: the word is no fact. */
static bool is_other_fact(struct rule_check *check, const struct rule_node *node, struct rule_comparison *comparison,
                          bool *sound) {
    enum rule_fact_id other;
    if (!rule_facts_find(node->operand.token.text, &other)) return false;
    const struct rule_fact *fact = &rule_facts[other];
    *sound = fact->type == comparison->type && !check->no_memory;
    if (comparison->type == RULE_INTEGER) *sound &= fact->unit == rule_check_unit(comparison);
    if (comparison->type == RULE_WORD) *sound &= fact->words == rule_facts[comparison->fact].words;
    bool is_single = fact->scope == RULE_SCOPE_MESSAGE || (check->has_loop && fact->scope == check->loop_scope);
    *sound &= is_single;
    if (!*sound) wrong_type(check, node, comparison);
    comparison->value = VALUE_FACT;
    comparison->other = other;
    check->families |= 1u << fact->family;
    return true;
}

static bool read_word(struct rule_check *check, const struct rule_node *node, struct rule_comparison *comparison) {
    const struct rule_token *token = &node->operand.token;
    bool sound;
    if (comparison->comparator == OPERATOR_IN || comparison->comparator == OPERATOR_WITHIN) {
        if (comparison->type == RULE_INTEGER || comparison->type == RULE_BOOL || comparison->type == RULE_WORD)
            return wrong_type(check, node, comparison);
        return use_set(check, node, comparison);
    }
    if (is_other_fact(check, node, comparison, &sound)) return sound;
    if (comparison->type == RULE_WORD) return add_word(check, node, token, comparison);
    if (comparison->type == RULE_BOOL && (rule_token_is(token, "true") || rule_token_is(token, "false"))) {
        comparison->value = VALUE_NUMBER;
        comparison->number = rule_token_is(token, "true");
        return true;
    }
    if (comparison->type == RULE_TEXT || comparison->type == RULE_DOMAIN || comparison->type == RULE_MAILBOX)
        return wrong(check, MISTAKE_TEXT_UNQUOTED, token, subject_text(node), token->text);
    return wrong_type(check, node, comparison);
}

static bool read_one_text(struct rule_check *check, const struct rule_node *node, struct rule_comparison *comparison) {
    bool is_part = comparison->comparator == OPERATOR_CONTAINS || comparison->comparator == OPERATOR_STARTS ||
                   comparison->comparator == OPERATOR_ENDS;
    struct span *text = rule_check_alloc(check, sizeof *text);
    if (comparison->type == RULE_WORD) return add_word(check, node, &node->operand.token, comparison);
    if (comparison->type == RULE_ADDRESS) return read_address(check, node, comparison);
    if (comparison->type == RULE_INTEGER || comparison->type == RULE_BOOL) return wrong_type(check, node, comparison);
    if (comparison->comparator == OPERATOR_IN) return wrong_type(check, node, comparison);
    if (text == NULL || !read_text(check, comparison->type, is_part, &node->operand.token, text)) return false;
    comparison->value = VALUE_TEXTS;
    comparison->texts = text;
    comparison->count = 1;
    return true;
}

bool rule_check_operand(struct rule_check *check, const struct rule_node *node, struct rule_comparison *comparison) {
    const struct rule_operand *operand = &node->operand;
    bool matches = comparison->comparator == OPERATOR_MATCHES;
    bool of_several = comparison->comparator == OPERATOR_IN || comparison->comparator == OPERATOR_WITHIN;
    if (operand->kind == OPERAND_ITEMS)
        return of_several ? read_items(check, node, comparison) : wrong_type(check, node, comparison);
    bool is_pattern = operand->kind == OPERAND_TOKEN && operand->token.kind == TOKEN_PATTERN;
    if (matches && !is_pattern) return wrong(check, MISTAKE_PATTERN_WANTED, &operand->token, none, none);
    if (!matches && is_pattern) return wrong(check, MISTAKE_PATTERN_UNWANTED, &operand->token, none, none);
    if (matches) return read_pattern(check, node, comparison);
    if (operand->kind == OPERAND_HEADER) {
        if (comparison->type != RULE_TEXT || of_several) return wrong_type(check, node, comparison);
        comparison->value = VALUE_HEADER;
        comparison->other_is_decoded = operand->header.is_decoded;
        check->no_memory |= !rule_names_add(&check->set->names, operand->header.field.body, &comparison->other_name);
        return !check->no_memory;
    }
    switch (operand->token.kind) {
    case TOKEN_NUMBER:
        return comparison->type == RULE_INTEGER || comparison->comparator == OPERATOR_COUNT
                   ? read_number(check, node, comparison)
                   : wrong_type(check, node, comparison);
    case TOKEN_DOTTED:
        return comparison->type == RULE_ADDRESS ? read_address(check, node, comparison)
                                                : wrong_type(check, node, comparison);
    case TOKEN_WORD: return read_word(check, node, comparison);
    default: return read_one_text(check, node, comparison);
    }
}
