#include "rules/rule_lexer.h"
#include "base/ascii.h"

static const struct span none;

static struct span rest_of(const struct rule_lexer *lexer) { return span_after(lexer->page->text, lexer->at); }

static char peek(const struct rule_lexer *lexer, size_t ahead) {
    struct span rest = rest_of(lexer);
    return ahead < rest.len ? rest.ptr[ahead] : '\0';
}

static struct rule_token token_of(struct rule_lexer *lexer, enum rule_token_kind kind, size_t len) {
    struct rule_token token = {.kind = kind, .offset = lexer->at, .text = span_first(rest_of(lexer), len)};
    lexer->at += len;
    return token;
}

static struct rule_token mistake(struct rule_lexer *lexer, enum rule_mistake kind, size_t len) {
    struct rule_token token = token_of(lexer, TOKEN_BAD, len);
    rule_mistake_add(lexer->page, kind, token.offset, token.text, none);
    return token;
}

static void skip_space(struct rule_lexer *lexer) {
    for (;;) {
        while (lexer->at < lexer->page->text.len && ascii_is_space(peek(lexer, 0))) lexer->at++;
        if (peek(lexer, 0) != '#') return;
        lexer->at += span_find(rest_of(lexer), '\n');
    }
}

/* --- words, numbers ----------------------------------------------------------------------------------------------- */

static bool is_word(char c) { return ascii_is_alnum(c) || c == '_'; }

static size_t word_len(const struct rule_lexer *lexer) {
    size_t len = 1;
    for (;;) {
        char c = peek(lexer, len);
        if (is_word(c))
            len++;
        else if ((c == '.' || c == '-') && is_word(peek(lexer, len + 1)))
            len += 2;
        else
            return len;
    }
}

/* IPv6 addresses may begin with letters: up to four hexadecimal digits and a colon do not begin a word. */
static bool begins_address(const struct rule_lexer *lexer) {
    size_t len = 0;
    while (len < 5 && ascii_hex_value(peek(lexer, len)) >= 0) len++;
    return len <= 4 && peek(lexer, len) == ':' && (len > 0 || peek(lexer, 1) == ':');
}

static struct rule_token read_dotted(struct rule_lexer *lexer) {
    size_t len = 0;
    while (ascii_is_alnum(peek(lexer, len)) || peek(lexer, len) == '.' || peek(lexer, len) == ':') len++;
    if (peek(lexer, len) == '/' && ascii_is_digit(peek(lexer, len + 1)))
        for (len++; ascii_is_digit(peek(lexer, len)); len++) {}
    return token_of(lexer, TOKEN_DOTTED, len);
}

/* A number, and right behind it perhaps a unit; digits with dots or colons are an address or a code. */
static struct rule_token read_number(struct rule_lexer *lexer) {
    size_t digits = peek(lexer, 0) == '-';
    uint64_t value = 0;
    bool is_large = false;
    while (ascii_is_digit(peek(lexer, digits))) {
        is_large |= value > 900000000000000000;
        value = is_large ? value : value * 10 + (uint64_t)(peek(lexer, digits) - '0');
        digits++;
    }
    size_t len = digits;
    while (is_word(peek(lexer, len))) len++;
    char behind = peek(lexer, len);
    if (peek(lexer, 0) != '-' &&
        (behind == '.' || behind == ':' || (behind == '/' && ascii_is_digit(peek(lexer, len + 1)))))
        return read_dotted(lexer);
    if (is_large) return mistake(lexer, MISTAKE_NUMBER_SIZE, len);
    for (size_t i = digits; i < len; i++)
        if (!ascii_is_alpha(peek(lexer, i))) return mistake(lexer, MISTAKE_NUMBER, len);
    bool is_negative = peek(lexer, 0) == '-';
    struct rule_token token = token_of(lexer, TOKEN_NUMBER, digits);
    token.number = is_negative ? -(int64_t)value : (int64_t)value;
    return token;
}

/* --- texts and patterns ------------------------------------------------------------------------------------------- */

/* Where closes ends the run that begins at the lexer's place; 0 when its line ends before. */
static size_t quoted_len(const struct rule_lexer *lexer, char closes) {
    struct span rest = rest_of(lexer);
    for (size_t i = 1; i < rest.len && rest.ptr[i] != '\n' && rest.ptr[i] != '\r'; i++) {
        if (rest.ptr[i] == closes) return i + 1;
        if (rest.ptr[i] == '\\') i++;
    }
    return 0;
}

static size_t line_len(const struct rule_lexer *lexer) {
    size_t len = span_find(rest_of(lexer), '\n');
    return len > 0 ? len : 1;
}

static bool holds_control(struct rule_lexer *lexer, struct rule_token *token) {
    for (size_t i = 0; i < token->body.len; i++) {
        if (!ascii_is_control(token->body.ptr[i]) || token->body.ptr[i] == '\t') continue;
        rule_mistake_add(lexer->page, MISTAKE_CONTROL, token->offset + 1 + i, none, none);
        token->kind = TOKEN_BAD;
        return true;
    }
    return false;
}

static struct rule_token read_text(struct rule_lexer *lexer) {
    size_t len = quoted_len(lexer, '"');
    if (len == 0) return mistake(lexer, MISTAKE_OPEN_STRING, line_len(lexer));
    struct rule_token token = token_of(lexer, TOKEN_TEXT, len);
    token.body = (struct span){token.text.ptr + 1, len - 2};
    if (holds_control(lexer, &token)) return token;
    for (size_t i = 0; i < token.body.len; i++) {
        if (token.body.ptr[i] != '\\') continue;
        char c = token.body.ptr[++i];
        if (c == '\\' || c == '"') continue;
        rule_mistake_add(lexer->page, MISTAKE_BAD_ESCAPE, token.offset + i, (struct span){&token.body.ptr[i], 1}, none);
        token.kind = TOKEN_BAD;
        break;
    }
    return token;
}

static bool flags_are_sound(struct rule_lexer *lexer, const struct rule_token *token) {
    for (size_t i = 0; i < token->flags.len; i++) {
        char c = token->flags.ptr[i];
        bool known = c == 'i' || c == 'm' || c == 's' || c == 'x' || c == 'u';
        if (known && span_find(token->flags, c) == i) continue;
        rule_mistake_add(lexer->page, MISTAKE_BAD_FLAG, token->offset + token->body.len + 2 + i,
                         (struct span){&token->flags.ptr[i], 1}, none);
        return false;
    }
    return true;
}

static struct rule_token read_pattern(struct rule_lexer *lexer) {
    size_t len = quoted_len(lexer, '/'), flags = 0;
    if (len == 0) return mistake(lexer, MISTAKE_OPEN_PATTERN, line_len(lexer));
    while (is_word(peek(lexer, len + flags))) flags++;
    struct rule_token token = token_of(lexer, TOKEN_PATTERN, len + flags);
    token.body = (struct span){token.text.ptr + 1, len - 2};
    token.flags = span_after(token.text, len);
    if (holds_control(lexer, &token)) return token;
    if (token.body.len == 0) rule_mistake_add(lexer->page, MISTAKE_EMPTY_PATTERN, token.offset, none, none);
    if (token.body.len == 0 || !flags_are_sound(lexer, &token)) token.kind = TOKEN_BAD;
    return token;
}

struct span rule_lexer_unescape(struct span body, struct arena *arena) {
    size_t len = 0;
    if (body.len == 0) return none;
    char *text = arena_alloc(arena, body.len);
    if (text == NULL) return none;
    for (size_t i = 0; i < body.len; i++) {
        if (body.ptr[i] == '\\') i++;
        text[len++] = body.ptr[i];
    }
    return (struct span){text, len};
}

/* --- signs -------------------------------------------------------------------------------------------------------- */

/* What other languages write, and what is meant. */
static const struct {
    const char *sign;
    enum rule_mistake kind;
} foreign[] = {
    {"<>", MISTAKE_LESS_GREATER}, {"&&", MISTAKE_AMPERSAND}, {"&", MISTAKE_AMPERSAND},
    {"||", MISTAKE_BAR},          {"|", MISTAKE_BAR},        {"=~", MISTAKE_TILDE},
    {"!~", MISTAKE_TILDE},        {"~", MISTAKE_TILDE},      {"'", MISTAKE_SINGLE_QUOTE},
};

static bool begins_with(const struct rule_lexer *lexer, const char *text) {
    struct span rest = rest_of(lexer), want = span_of(text);
    return rest.len >= want.len && memcmp(rest.ptr, want.ptr, want.len) == 0;
}

static struct rule_token read_sign(struct rule_lexer *lexer) {
    static const char *const signs[] = {"==", "!=", "<=", ">=", "{", "}", "(", ")", "[", "]", ","};
    for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++)
        if (begins_with(lexer, foreign[i].sign)) return mistake(lexer, foreign[i].kind, strlen(foreign[i].sign));
    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++)
        if (begins_with(lexer, signs[i])) return token_of(lexer, TOKEN_SIGN, strlen(signs[i]));
    switch (peek(lexer, 0)) {
    case '<':
    case '>': return token_of(lexer, TOKEN_SIGN, 1);
    case '=': return mistake(lexer, MISTAKE_EQUALS, 1);
    case '!': return mistake(lexer, MISTAKE_BANG, 1);
    default: break;
    }
    if (begins_with(lexer, "\xe2\x80\x9c") || begins_with(lexer, "\xe2\x80\x9d") ||
        begins_with(lexer, "\xe2\x80\x98") || begins_with(lexer, "\xe2\x80\x99") || begins_with(lexer, "\xc2\xab") ||
        begins_with(lexer, "\xc2\xbb"))
        return mistake(lexer, MISTAKE_TYPOGRAPHIC_QUOTE, line_len(lexer));
    size_t len = 1; /* one character, however many octets */
    while (((unsigned char)peek(lexer, len) & 0xc0) == 0x80) len++;
    return mistake(lexer, ascii_is_control(peek(lexer, 0)) ? MISTAKE_CONTROL : MISTAKE_CHARACTER, len);
}

struct rule_token rule_lexer_next(struct rule_lexer *lexer) {
    skip_space(lexer);
    if (lexer->at >= lexer->page->text.len)
        return (struct rule_token){.kind = TOKEN_END, .offset = lexer->at, .text = span_of("the end")};
    char c = peek(lexer, 0);
    if (begins_address(lexer)) return read_dotted(lexer);
    if (ascii_is_digit(c) || (c == '-' && ascii_is_digit(peek(lexer, 1)))) return read_number(lexer);
    if (is_word(c)) return token_of(lexer, TOKEN_WORD, word_len(lexer));
    if (c == '"') return read_text(lexer);
    if (c == '/') return read_pattern(lexer);
    return read_sign(lexer);
}
