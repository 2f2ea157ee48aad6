#include "proxy/smtp_command.h"
#include "base/ascii.h"
#include "base/utf8.h"

enum shape { NONE, TEXT, WORD, FROM, TO };

#define X(id, word, shape) [id] = {word, shape},
static const struct verb { const char *word; enum shape shape; } verbs[] = {SMTP_VERBS(X)};
#undef X
#define X(id, word, verb) [id] = {word, verb},
static const struct known { const char *word; enum smtp_verb verb; } known[] = {SMTP_PARAMETERS(X)};
#undef X
#define X(id, code, enhanced, text) [id] = {code, enhanced, text},
static const struct reply { unsigned code; const char *enhanced, *text; } replies[] = {SMTP_COMMAND_STATUSES(X)};
#undef X

const char *smtp_verb_word(enum smtp_verb verb) { return verbs[verb].word; }
bool smtp_verb_is_foreign(enum smtp_verb verb) {
    return verb == SMTP_GET || verb == SMTP_POST || verb == SMTP_CONNECT || verb == SMTP_PROXY;
}
const char *smtp_parameter_word(enum smtp_parameter_kind kind) { return known[kind].word; }
unsigned smtp_command_status_code(enum smtp_command_status status) { return replies[status].code; }
const char *smtp_command_status_enhanced(enum smtp_command_status status) { return replies[status].enhanced; }
const char *smtp_command_status_text(enum smtp_command_status status) { return replies[status].text; }

/* Spaces and tabs only: a CR or LF is never white space here. */
static struct span trim(struct span s) {
    for (; s.len > 0 && ascii_is_wsp(s.ptr[0]); s.ptr++, s.len--) { }
    for (; s.len > 0 && ascii_is_wsp(s.ptr[s.len - 1]); s.len--) { }
    return s;
}

/* The octets before the first white space, taken from *rest, which is left without white space in front. */
static struct span take_word(struct span *rest) {
    size_t len = 0;
    while (len < rest->len && !ascii_is_wsp(rest->ptr[len])) len++;
    struct span word = span_first(*rest, len);
    *rest = trim(span_after(*rest, len));
    return word;
}

static bool starts_with(struct span text, const char *keyword) {
    struct span wanted = span_of(keyword);
    return text.len >= wanted.len && span_equal_nocase(span_first(text, wanted.len), wanted);
}

static bool has_control(struct span text) {
    for (size_t i = 0; i < text.len; i++)
        if (ascii_is_control(text.ptr[i]) && text.ptr[i] != '\t') return true;
    return false;
}

static bool is_ascii(struct span text) {
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.ptr[i] >= 0x80) return false;
    return true;
}

/* Octets of the characters at the start of text that allowed accepts or that are not ASCII but valid UTF-8. */
static size_t skip(struct span text, bool (*allowed)(char c)) {
    size_t at = 0;
    while (at < text.len) {
        size_t len = utf8_sequence(span_after(text, at));
        if (len == 0 || (len == 1 && !allowed(text.ptr[at]))) break;
        at += len;
    }
    return at;
}

/* RFC 5322 atext and the dot. */
static bool is_dot_string(char c) {
    return ascii_is_alnum(c) || (c != '\0' && memchr(".!#$%&'*+-/=?^_`{|}~", c, 20) != NULL);
}
static bool is_quoted_text(char c) { return (ascii_is_graph(c) || c == ' ') && c != '"' && c != '\\'; }
static bool is_label(char c) { return ascii_is_alnum(c) || c == '-' || c == '_'; }
static bool is_literal(char c) { return ascii_is_graph(c) && c != '[' && c != ']' && c != '\\'; }
static bool is_route(char c) { return is_label(c) || is_literal(c) || c == '[' || c == ']'; }
static bool is_value(char c) { return ascii_is_graph(c) && c != '='; }

/* Length of the quoted-string at the start of text, 0 when it is none. */
static size_t quoted_string(struct span text) {
    for (size_t at = 1; at < text.len;) {
        at += skip(span_after(text, at), is_quoted_text);
        if (at == text.len) return 0;
        if (text.ptr[at] == '"') return at + 1;
        if (text.ptr[at] != '\\' || at + 1 == text.len) return 0;
        if (!ascii_is_graph(text.ptr[at + 1]) && text.ptr[at + 1] != ' ') return 0;
        at += 2;
    }
    return 0;
}

/* Length of the local part at the start of text: dot-strings and quoted-strings in any mixture; 0 when it is none. */
static size_t local_part(struct span text) {
    size_t at = 0;
    while (at < text.len && text.ptr[at] != '@') {
        struct span rest = span_after(text, at);
        size_t len = rest.ptr[0] == '"' ? quoted_string(rest) : skip(rest, is_dot_string);
        if (len == 0) return 0;
        at += len;
    }
    return at;
}

/* An address literal, or labels with dots between them and perhaps one behind. */
static bool is_domain(struct span text) {
    if (text.len == 0 || text.len > SMTP_DOMAIN_MAX) return false;
    if (text.ptr[0] == '[') {
        size_t len = skip(span_after(text, 1), is_literal);
        return len > 0 && is_ascii(text) && len + 2 == text.len && text.ptr[len + 1] == ']';
    }
    while (text.len > 0) {
        size_t len = skip(text, is_label);
        if (len == 0) return false;
        text = span_after(text, len);
        if (text.len == 0) break;
        if (text.ptr[0] != '.') return false;
        text = span_after(text, 1);
    }
    return true;
}

/* Takes the path off *rest, with its <> when it has some: *inner is what stands between them. */
static bool take_path(struct span *rest, struct span *inner) {
    bool bracketed = rest->len > 0 && rest->ptr[0] == '<', quoted = false;
    size_t at = bracketed;
    for (; at < rest->len; at++) {
        char c = rest->ptr[at];
        if (quoted && c == '\\' && at + 1 < rest->len)
            at++;
        else if (c == '"')
            quoted = !quoted;
        else if (!quoted && (bracketed ? c == '>' : ascii_is_wsp(c)))
            break;
    }
    if (bracketed && at == rest->len) return false;
    *inner = (struct span){rest->ptr + bracketed, at - bracketed};
    struct span behind = span_after(*rest, at + bracketed);
    if (behind.len > 0 && !ascii_is_wsp(behind.ptr[0])) return false;
    *rest = trim(behind);
    return bracketed || inner->len > 0;
}

/* Drops "@a,@b:" (RFC 5321 appendix C: servers ignore it). */
static bool drop_source_route(struct span *path) {
    if (path->len == 0 || path->ptr[0] != '@') return true;
    size_t colon = span_find(*path, ':');
    if (skip(span_first(*path, colon), is_route) != colon || colon == path->len) return false;
    *path = span_after(*path, colon + 1);
    return path->len > 0;
}

static bool parse_path(struct span *rest, struct smtp_command *out) {
    if (!take_path(rest, &out->path) || !drop_source_route(&out->path)) return false;
    if (out->path.len > SMTP_PATH_MAX) return false;
    out->path_is_ascii = is_ascii(out->path);
    if (out->path.len == 0) return out->verb == SMTP_MAIL;
    size_t len = local_part(out->path);
    if (len == 0) return false;
    out->local_part = span_first(out->path, len);
    if (len == out->path.len) return true; /* postmaster, or a name of the server's own */
    out->domain = span_after(out->path, len + 1);
    return is_domain(out->domain);
}

/* RFC 3461 section 4: '+' stands before two hexadecimal digits. RFC 6533 adds UTF-8. */
static bool is_xtext(struct span text) {
    for (size_t at = 0; at < text.len; at++)
        if (text.ptr[at] == '+') {
            if (text.len - at < 3 || ascii_hex_value(text.ptr[at + 1]) < 0 || ascii_hex_value(text.ptr[at + 2]) < 0)
                return false;
            at += 2;
        }
    return true;
}

static bool read_size(struct span digits, uint64_t *out) {
    *out = 0;
    for (size_t i = 0; i < digits.len; i++) {
        if (!ascii_is_digit(digits.ptr[i])) return false;
        uint64_t digit = (uint64_t)(digits.ptr[i] - '0');
        *out = *out > (UINT64_MAX - digit) / 10 ? UINT64_MAX : *out * 10 + digit;
    }
    return digits.len > 0 && digits.len <= 20;
}

static bool is_notify(struct span text) {
    if (span_is_nocase(text, "NEVER")) return true;
    for (;;) {
        size_t comma = span_find(text, ',');
        struct span word = span_first(text, comma);
        if (!span_is_nocase(word, "SUCCESS") && !span_is_nocase(word, "FAILURE") && !span_is_nocase(word, "DELAY"))
            return false;
        if (comma == text.len) return true;
        text = span_after(text, comma + 1);
    }
}

static bool is_original_recipient(struct span text) {
    size_t semicolon = span_find(text, ';');
    if (semicolon == 0 || semicolon + 1 >= text.len) return false;
    for (size_t i = 0; i < semicolon; i++)
        if (!is_dot_string(text.ptr[i])) return false;
    return is_xtext(span_after(text, semicolon + 1));
}

static bool value_fits(struct smtp_command *out, const struct smtp_parameter *parameter) {
    struct span value = parameter->value;
    if (parameter->has_value != (parameter->kind != SMTP_SMTPUTF8)) return false;
    if (parameter->has_value && (value.len == 0 || skip(value, is_value) != value.len)) return false;
    switch (parameter->kind) {
    case SMTP_SIZE: return out->has_size = read_size(value, &out->size);
    case SMTP_BODY: return span_is_nocase(value, "7BIT") || span_is_nocase(value, "8BITMIME");
    case SMTP_SMTPUTF8: return out->smtputf8 = true;
    case SMTP_RET: return span_is_nocase(value, "FULL") || span_is_nocase(value, "HDRS");
    case SMTP_ENVID: return is_xtext(value);
    case SMTP_MAIL_AUTH: return is_xtext(value);
    case SMTP_NOTIFY: return is_notify(value);
    case SMTP_ORCPT: return is_original_recipient(value);
    case SMTP_PARAMETER_COUNT: break;
    }
    return false;
}

static bool is_keyword(struct span text) {
    if (text.len == 0 || !ascii_is_alnum(text.ptr[0])) return false;
    for (size_t i = 0; i < text.len; i++)
        if (!ascii_is_alnum(text.ptr[i]) && text.ptr[i] != '-') return false;
    return true;
}

static enum smtp_command_status parse_parameter(struct span word, struct smtp_command *out) {
    size_t equals = span_find(word, '=');
    struct span keyword = span_first(word, equals);
    if (!is_keyword(keyword)) return SMTP_COMMAND_SYNTAX;
    struct smtp_parameter parameter = {.has_value = equals < word.len};
    if (parameter.has_value) parameter.value = span_after(word, equals + 1);
    while (parameter.kind < SMTP_PARAMETER_COUNT &&
           (known[parameter.kind].verb != out->verb || !span_is_nocase(keyword, known[parameter.kind].word)))
        parameter.kind++;
    if (parameter.kind == SMTP_PARAMETER_COUNT) return SMTP_COMMAND_PARAMETER_UNKNOWN;
    if (smtp_command_find(out, parameter.kind) != NULL) return SMTP_COMMAND_PARAMETER_TWICE;
    if (!value_fits(out, &parameter)) return SMTP_COMMAND_PARAMETER_VALUE;
    out->parameter[out->parameter_count++] = parameter;
    return SMTP_COMMAND_OK;
}

static enum smtp_command_status parse_envelope(const char *keyword, struct smtp_command *out) {
    if (!starts_with(out->argument, keyword)) return SMTP_COMMAND_SYNTAX;
    struct span rest = trim(span_after(out->argument, span_of(keyword).len));
    if (!parse_path(&rest, out))
        return out->verb == SMTP_MAIL ? SMTP_COMMAND_BAD_SENDER : SMTP_COMMAND_BAD_RECIPIENT;
    while (rest.len > 0) {
        enum smtp_command_status status = parse_parameter(take_word(&rest), out);
        if (status != SMTP_COMMAND_OK) return status;
    }
    return SMTP_COMMAND_OK;
}

static enum smtp_verb find_verb(struct span word) {
    enum smtp_verb verb = 0;
    while (verb < SMTP_VERB_COUNT && !span_is_nocase(word, verbs[verb].word)) verb++;
    return verb;
}

enum smtp_command_status smtp_command_parse(struct span line, struct smtp_command *out) {
    struct span rest = trim(line);
    *out = (struct smtp_command){.verb = SMTP_VERB_COUNT};
    if (rest.len == 0) return SMTP_COMMAND_EMPTY;
    out->verb = find_verb(take_word(&rest));
    if (out->verb == SMTP_VERB_COUNT) return SMTP_COMMAND_UNKNOWN;
    if (has_control(rest)) return SMTP_COMMAND_BAD_OCTET;
    out->argument = rest;
    switch (verbs[out->verb].shape) {
    case NONE: return rest.len == 0 ? SMTP_COMMAND_OK : SMTP_COMMAND_NO_ARGUMENT;
    case WORD: return rest.len > 0 ? SMTP_COMMAND_OK : SMTP_COMMAND_SYNTAX;
    case TEXT: return SMTP_COMMAND_OK;
    case FROM: return parse_envelope("FROM:", out);
    case TO: return parse_envelope("TO:", out);
    }
    return SMTP_COMMAND_OK;
}

const struct smtp_parameter *smtp_command_find(const struct smtp_command *command, enum smtp_parameter_kind kind) {
    for (size_t i = 0; i < command->parameter_count; i++)
        if (command->parameter[i].kind == kind) return &command->parameter[i];
    return NULL;
}
