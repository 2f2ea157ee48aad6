#include "verifier/provider_answer.h"
#include "base/ascii.h"

#define PROVIDER_STATE(id, word, claim, finding) [id] = {word, claim, finding},
static const struct {
    const char *word;
    enum provider_claim claim;
    enum finding_id finding;
} states[PROVIDER_STATE_COUNT] = {
    [PROVIDER_UNTOLD] = {NULL, PROVIDER_CLAIM_NONE, FINDING_COUNT},
#include "verifier/provider_states.def"
};
#undef PROVIDER_STATE

const char *provider_state_word(enum provider_state state) { return states[state].word; }
enum provider_claim provider_state_claim(enum provider_state state) { return states[state].claim; }
enum finding_id provider_state_finding(enum provider_state state) { return states[state].finding; }

static enum provider_state state_of(struct span word) {
    for (int state = PROVIDER_UNTOLD + 1; state < PROVIDER_STATE_COUNT; state++)
        if (span_is_nocase(word, states[state].word)) return (enum provider_state)state;
    return PROVIDER_UNTOLD;
}

/* --- tokens ------------------------------------------------------------------------------------------------------ */

enum token_kind { TOKEN_END, TOKEN_STRING, TOKEN_WORD, TOKEN_MARK };
struct token {
    enum token_kind kind;
    struct span text;
};

static bool is_mark(char c) { return c != '\0' && strchr("{}[],:;()<>*`\"'", c) != NULL; }

/* Takes the next token off *rest. Strings do not go beyond their line: a quote that was lost costs one line. */
static struct token take_token(struct span *rest) {
    size_t len = 0;
    while (len < rest->len && (ascii_is_space(rest->ptr[len]) || rest->ptr[len] == '\0')) len++;
    *rest = span_after(*rest, len);
    if (rest->len == 0) return (struct token){TOKEN_END, *rest};
    char first = rest->ptr[0];
    if (first == '"' || first == '\'' || first == '`') {
        struct span inside = span_after(*rest, 1), line = span_first(inside, span_find(inside, '\n'));
        size_t end = span_find(line, first);
        if (end < line.len) {
            *rest = span_after(inside, end + 1);
            return (struct token){TOKEN_STRING, span_first(inside, end)};
        }
    }
    for (len = 1; !is_mark(first) && len < rest->len; len++)
        if (ascii_is_space(rest->ptr[len]) || is_mark(rest->ptr[len])) break;
    struct token token = {is_mark(first) ? TOKEN_MARK : TOKEN_WORD, span_first(*rest, len)};
    *rest = span_after(*rest, len);
    return token;
}

static bool is_text(struct token token) { return token.kind == TOKEN_STRING || token.kind == TOKEN_WORD; }
static char mark_of(struct token token) { return token.kind == TOKEN_MARK ? token.text.ptr[0] : '\0'; }

/* --- names ------------------------------------------------------------------------------------------------------- */

/* Offset of the label "_domainkey" or "domainkey" in name, which is not the first; name.len when there is none. */
static size_t find_domainkey(struct span name) {
    static const char label[] = "domainkey";
    for (size_t at = span_find(name, '.'); at < name.len;) {
        struct span rest = span_after(name, at + 1);
        size_t len = span_find(rest, '.');
        struct span here = span_first(rest, len);
        if (here.len > 0 && here.ptr[0] == '_') here = span_after(here, 1);
        if (span_is_nocase(here, label)) return at + 1;
        at += 1 + len;
    }
    return name.len;
}

/* The name in lower case, without final dot and with its underscore; *as_written is set when that had to be added. */
static bool mend_name(struct span text, struct arena *arena, struct span *name, struct span *as_written) {
    if (text.len > 0 && text.ptr[text.len - 1] == '.') text.len--;
    size_t at = find_domainkey(text), missing = at < text.len && text.ptr[at] != '_';
    char *mended = arena_alloc(arena, text.len + missing);
    if (mended == NULL) return false;
    for (size_t i = 0; i < text.len; i++) mended[i + (i >= at ? missing : 0)] = ascii_lower(text.ptr[i]);
    if (missing > 0) {
        mended[at] = '_';
        *as_written = text;
    }
    *name = (struct span){mended, text.len + missing};
    return true;
}

static bool looks_like_selector(struct span word) {
    static const char part[] = "selector";
    if (word.len == 0 || !ascii_is_digit(word.ptr[word.len - 1]) || span_find(word, '.') < word.len) return false;
    for (size_t i = 0; i + sizeof part - 1 < word.len; i++)
        if (span_is_nocase((struct span){word.ptr + i, sizeof part - 1}, part)) return true;
    return false;
}

/* --- groups: what belongs to one selector ------------------------------------------------------------------------- */

struct reader {
    struct arena *arena;
    struct provider_answer *out;
    struct provider_selector group[2]; /* 0: the outermost level; 1: an object in a list */
    unsigned depth;
    bool knows_keys, failed;
};

static struct provider_selector *current(struct reader *reader) { return &reader->group[reader->depth > 1]; }

static bool is_filled(const struct provider_selector *group) {
    return group->selector.len > 0 || group->name.len > 0 || group->target.len > 0;
}

static void end_group(struct reader *reader, struct provider_selector *group) {
    if (is_filled(group) && reader->out->count < PROVIDER_SELECTORS_MAX)
        reader->out->selector[reader->out->count++] = *group;
    else if (!is_filled(group) && group->state != PROVIDER_UNTOLD && reader->out->state == PROVIDER_UNTOLD)
        reader->out->state = group->state;
    *group = (struct provider_selector){0};
}

static void take_selector(struct reader *reader, struct span text) {
    struct provider_selector *group = current(reader);
    if (group->selector.len > 0) end_group(reader, group);
    group->selector = text;
}

static void take_state(struct reader *reader, struct span text) {
    struct provider_selector *group = current(reader);
    enum provider_state state = state_of(text);
    if (state == PROVIDER_UNTOLD) return;
    if (group->state != PROVIDER_UNTOLD) end_group(reader, group);
    group->state = state;
}

static void take_name(struct reader *reader, struct span text) {
    struct provider_selector *group = current(reader);
    if (group->name.len > 0) end_group(reader, group);
    reader->failed |= !mend_name(text, reader->arena, &group->name, &group->name_as_written);
}

static void take_target(struct reader *reader, struct span text) {
    struct provider_selector *group = current(reader);
    if (group->target.len > 0) end_group(reader, group);
    reader->failed |= !mend_name(text, reader->arena, &group->target, &group->target_as_written);
}

/* A name that no key stands before: of two, the first is the record's. */
static void take_either(struct reader *reader, struct span text) {
    const struct provider_selector *group = current(reader);
    if (group->name.len > 0 && group->target.len == 0)
        take_target(reader, text);
    else
        take_name(reader, text);
}

static bool is_name_octet(char c) { return ascii_is_alnum(c) || c == '.' || c == '-' || c == '_'; }

/* Whatever stands in a text: names and, where is_list, selectors; one word after the other. */
static void take_words(struct reader *reader, struct span text, bool is_list) {
    while (text.len > 0) {
        size_t len = 0;
        while (len < text.len && !is_name_octet(text.ptr[len])) len++;
        text = span_after(text, len);
        for (len = 0; len < text.len && is_name_octet(text.ptr[len]); len++) {}
        struct span word = span_first(text, len);
        if (find_domainkey(word) < word.len)
            take_either(reader, word);
        else if (is_list && looks_like_selector(word))
            take_selector(reader, word);
        text = span_after(text, len);
    }
}

/* --- what is told beside names ----------------------------------------------------------------------------------- */

static size_t find_phrase(struct span text, const char *phrase) {
    size_t len = strlen(phrase);
    for (size_t i = 0; i + len <= text.len; i++)
        if (span_is_nocase((struct span){text.ptr + i, len}, phrase)) return i;
    return text.len;
}

static unsigned code_of(struct span word) {
    static const char codes[][4] = {"404", "501", "502", "503", "504"};
    static const unsigned numbers[] = {404, 501, 502, 503, 504};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (span_is(word, codes[i])) return numbers[i];
    return 0;
}

static void take_phrases(struct span text, struct provider_answer *out) {
    static const struct {
        const char *phrase;
        unsigned code;
    } known[] = {
        {"only one dkim selector has been initialized", 501},
        {"dkim configuration task is in error", 502},
        {"cname record is wrong", 503},
        {"cname record is missing", 504},
        {"does not exist", 404},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known && out->code == 0; i++)
        if (find_phrase(text, known[i].phrase) < text.len) out->code = known[i].code;
    if (out->code != 404) return;
    size_t at = find_phrase(text, "selectorName = ");
    if (at == text.len) return;
    struct span rest = span_after(text, at + sizeof "selectorName = " - 1);
    size_t len = 0;
    while (len < rest.len && is_name_octet(rest.ptr[len])) len++;
    out->unknown = span_first(rest, len);
}

/* --- keys and values --------------------------------------------------------------------------------------------- */

static void skip_value(struct reader *reader, struct span text) {
    (void)reader;
    (void)text;
}
static void take_active(struct reader *reader, struct span text) {
    if (!span_is(text, "null")) reader->out->active = text;
}
static void take_code(struct reader *reader, struct span text) {
    if (code_of(text) != 0) reader->out->code = code_of(text);
}
static void take_alias(struct reader *reader, struct span text) {
    struct provider_selector *group = current(reader);
    if (group->name.len > 0 || group->target.len > 0) end_group(reader, group);
    take_words(reader, text, false);
}

static const struct {
    const char *key;
    void (*take)(struct reader *reader, struct span text);
} keys[] = {
    {"selectorName", take_selector},
    {"customerRecord", take_name},
    {"targetRecord", take_target},
    {"cname", take_alias},
    {"status", take_state},
    {"activeSelector", take_active},
    {"code", take_code},
    {"errorCode", take_code},
    {"id", skip_value},
    {"taskPendingId", skip_value},
    {"message", skip_value},
    {"header", skip_value},
};

/* True: a key that we know stood before this value. */
static bool take_value(struct reader *reader, struct span key, struct span value) {
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        if (!span_is_nocase(key, keys[i].key)) continue;
        if (value.len > 0) keys[i].take(reader, value);
        reader->knows_keys = true;
        return true;
    }
    return false;
}

static void take_mark(struct reader *reader, char mark) {
    if (mark == '{') {
        reader->depth++;
    } else if (mark == '}' && reader->depth > 0) {
        end_group(reader, &reader->group[reader->depth > 1]);
        reader->depth--;
    }
}

static void take_plain(struct reader *reader, struct token token) {
    if (code_of(token.text) != 0 && reader->out->code == 0) reader->out->code = code_of(token.text);
    take_words(reader, token.text, true);
}

static void read_all(struct reader *reader, struct span text) {
    struct token token = take_token(&text);
    while (token.kind != TOKEN_END) {
        struct token next = take_token(&text);
        if (is_text(token) && mark_of(next) == ':') {
            struct token value = take_token(&text);
            if (is_text(value) && take_value(reader, token.text, value.text)) {
                token = take_token(&text);
                continue;
            }
            next = value;
        } else if (is_text(token)) {
            take_plain(reader, token);
        } else {
            take_mark(reader, mark_of(token));
        }
        token = next;
    }
    end_group(reader, &reader->group[1]);
    end_group(reader, &reader->group[0]);
}

/* From the first brace on, if there is one: a line like "Not Found (404)" may stand before. */
static void find_fault(struct span text, struct provider_answer *out) {
    size_t start = span_find(text, '{'), before = 0;
    if (start == text.len) start = 0;
    for (size_t i = 0; i < start; i++) before += text.ptr[i] == '\n';
    out->fault = json_fault_find(span_after(text, start), &out->fault_line);
    out->fault_line += before;
}

bool provider_answer_read(struct span text, struct arena *arena, struct provider_answer *out) {
    struct reader reader = {.arena = arena, .out = out};
    *out = (struct provider_answer){0};
    if (text.len > PROVIDER_TEXT_MAX) text.len = PROVIDER_TEXT_MAX;
    take_phrases(text, out);
    read_all(&reader, text);
    if (reader.knows_keys) find_fault(text, out);
    return !reader.failed;
}

bool provider_answer_is_empty(const struct provider_answer *answer) {
    return answer->count == 0 && answer->code == 0 && answer->state == PROVIDER_UNTOLD && answer->active.len == 0;
}

struct span provider_selector_label(const struct provider_selector *selector) {
    if (selector->name.len > 0) return span_first(selector->name, span_find(selector->name, '.'));
    if (selector->selector.len > 0) return selector->selector;
    return span_first(selector->target, span_find(selector->target, '.'));
}
