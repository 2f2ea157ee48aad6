#include "rules/rule_expect.h"
#include <string.h>
#include "rules/rule_lexer.h"

enum kind { TEXT, ADDRESS, VERDICT, NUMBER };

static const struct {
    const char *word;
    enum kind kind;
    const char *help;
} parts[] = {
#define X(id, word, kind, help) {word, kind, help},
    RULE_EXPECT_PARTS(X)
#undef X
};

const char *rule_expect_word(enum rule_expect_part part) { return parts[part].word; }
const char *rule_expect_help(enum rule_expect_part part) { return parts[part].help; }

struct reader {
    struct rule_lexer lexer;
    struct rule_token token; /* the next one */
    struct arena *arena;
    bool no_memory;
};

static const struct span none;

static struct rule_token take(struct reader *reader) {
    struct rule_token token = reader->token;
    reader->token = rule_lexer_next(&reader->lexer);
    return token;
}

static bool wrong(struct reader *reader, enum rule_mistake kind, struct span a) {
    if (reader->token.kind != TOKEN_BAD) rule_mistake_add(reader->lexer.page, kind, reader->token.offset, a, none);
    return false;
}

static void *alloc(struct reader *reader, size_t size) {
    void *memory = arena_alloc(reader->arena, size);
    reader->no_memory |= memory == NULL;
    return memory;
}

/* As a C string; a NUL cannot stand in a token. */
static char *text_of(struct reader *reader, const struct rule_token *token) {
    struct span text = token->kind == TOKEN_TEXT ? rule_lexer_unescape(token->body, reader->arena) : token->text;
    char *out = alloc(reader, text.len + 1);
    if (out != NULL && text.len > 0) memcpy(out, text.ptr, text.len);
    return out;
}

static bool append(struct reader *reader, struct rule_expect_text **list, const struct rule_token *token) {
    struct rule_expect_text *item = alloc(reader, sizeof *item);
    if (item == NULL) return false;
    item->text = text_of(reader, token);
    while (*list != NULL) list = &(*list)->next;
    *list = item;
    return item->text != NULL;
}

static bool read_text(struct reader *reader, struct rule_expect_text **list, struct span word) {
    if (reader->token.kind != TOKEN_TEXT) return wrong(reader, MISTAKE_TEXT_WANTED, word);
    struct rule_token token = take(reader);
    return append(reader, list, &token);
}

static bool is_verdict(const struct rule_token *token) {
#define X(id, word) word,
    static const char *const verdicts[] = {RULE_VERDICTS(X)};
#undef X
    for (size_t i = 0; i < RULE_VERDICT_COUNT; i++)
        if (rule_token_is(token, verdicts[i])) return true;
    return false;
}

static bool read_part(struct reader *reader, struct rule_expect *expect) {
    const char *words[EXPECT_PART_COUNT];
    for (size_t i = 0; i < EXPECT_PART_COUNT; i++) {
        words[i] = parts[i].word;
        if (!rule_token_is(&reader->token, parts[i].word)) continue;
        struct span word = take(reader).text;
        bool fits = parts[i].kind == TEXT      ? reader->token.kind == TOKEN_TEXT
                    : parts[i].kind == ADDRESS ? reader->token.kind == TOKEN_DOTTED
                    : parts[i].kind == NUMBER  ? reader->token.kind == TOKEN_NUMBER
                                               : is_verdict(&reader->token);
        if (!fits) return wrong(reader, MISTAKE_EXPECT_VALUE, word);
        struct rule_token value = take(reader);
        return append(reader, &expect->part[i], &value);
    }
    if (reader->token.kind != TOKEN_BAD)
        rule_mistake_add_near(reader->lexer.page, MISTAKE_EXPECT_PART, reader->token.offset, reader->token.text, words,
                              EXPECT_PART_COUNT);
    return false;
}

static bool read_expect(struct reader *reader, struct rule_expect **end) {
    struct rule_expect *expect = alloc(reader, sizeof *expect);
    if (expect == NULL) return false;
    if (reader->token.kind != TOKEN_TEXT) return wrong(reader, MISTAKE_EXPECT_NAME, none);
    for (size_t i = 0; i < reader->token.offset; i++) expect->line += reader->lexer.page->text.ptr[i] == '\n';
    expect->line++;
    struct rule_token name = take(reader);
    expect->name = text_of(reader, &name);
    if (!rule_token_is(&reader->token, "{")) return wrong(reader, MISTAKE_EXPECT_NAME, none);
    for (take(reader); !rule_token_is(&reader->token, "}");) {
        if (reader->token.kind == TOKEN_END) return wrong(reader, MISTAKE_EXPECT_OPEN, none);
        if (!read_part(reader, expect)) return false;
    }
    if (expect->part[EXPECT_MESSAGE] == NULL || expect->part[EXPECT_MESSAGE]->next != NULL)
        return wrong(reader, MISTAKE_EXPECT_MESSAGE, none);
    take(reader);
    *end = expect;
    return expect->name != NULL;
}

static bool read_statement(struct reader *reader, struct rule_expect_file *file, struct rule_expect **end) {
    static const char *const words[] = {"rules", "zone", "now", "arm", "shadow", "expect"};
    size_t i = 0, count = sizeof words / sizeof *words;
    while (i < count && !rule_token_is(&reader->token, words[i])) i++;
    if (i == count) {
        if (reader->token.kind != TOKEN_BAD)
            rule_mistake_add_near(reader->lexer.page, MISTAKE_EXPECT_STATEMENT, reader->token.offset,
                                  reader->token.text, words, count);
        return false;
    }
    struct rule_token word = take(reader);
    switch (i) {
    case 0: return read_text(reader, &file->rules, word.text);
    case 1: return read_text(reader, &file->zones, word.text);
    case 2:
        if (reader->token.kind != TOKEN_NUMBER) return wrong(reader, MISTAKE_EXPECT_VALUE, word.text);
        word = take(reader);
        file->now = text_of(reader, &word);
        return file->now != NULL;
    case 3:
        if (!rule_token_is(&reader->token, "discard")) return wrong(reader, MISTAKE_ARM, none);
        take(reader);
        return file->arm_discard = true;
    case 4: return file->all_shadow = true;
    default: return read_expect(reader, end);
    }
}

bool rule_expect_read(const struct rule_source *source, struct arena *arena, struct rule_errors *errors,
                      struct rule_expect_file *out) {
    struct rule_page page = {.file = source->file, .text = source->text, .errors = errors};
    struct reader reader = {.lexer = {.page = &page}, .arena = arena};
    struct rule_expect **end = &out->first;
    *out = (struct rule_expect_file){0};
    reader.token = rule_lexer_next(&reader.lexer);
    while (reader.token.kind != TOKEN_END) {
        if (!read_statement(&reader, out, end)) return false;
        if (*end != NULL) end = &(*end)->next;
    }
    if (out->rules == NULL) return wrong(&reader, MISTAKE_EXPECT_RULES, none);
    return out->first != NULL || wrong(&reader, MISTAKE_EXPECT_NONE, none);
}
