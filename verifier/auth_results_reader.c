#include "verifier/auth_results_reader.h"
#include "base/ascii.h"
#include "base/utf8.h"

struct reader {
    struct span rest;
    const char *start;
    struct arena *arena;
    bool is_claim; /* Microsoft's form */
    enum auth_results_status status; /* once it is not OK, nothing is read any more */
    const char *error_at;
    struct auth_results_info *info;
    struct auth_results_prop *prop;
    size_t info_count, info_max, prop_count, prop_max;
};

static bool fail_at(struct reader *reader, enum auth_results_status status, const char *at) {
    if (reader->status == AUTH_RESULTS_OK) {
        reader->status = status;
        reader->error_at = at;
    }
    return false;
}

static bool fail(struct reader *reader, enum auth_results_status status) {
    return fail_at(reader, status, reader->rest.ptr);
}

static bool at_end(const struct reader *reader) { return reader->rest.len == 0; }
static char peek(const struct reader *reader) { return at_end(reader) ? '\0' : reader->rest.ptr[0]; }
static void advance(struct reader *reader, size_t count) { reader->rest = span_after(reader->rest, count); }

/* Octets of white space at the start of text: a blank, or a line end that a blank follows. 0: none. */
static size_t white_space(struct span text) {
    if (text.len == 0) return 0;
    if (ascii_is_wsp(text.ptr[0])) return 1;
    size_t end = text.ptr[0] == '\n' ? 1 : text.len > 1 && text.ptr[0] == '\r' && text.ptr[1] == '\n' ? 2 : 0;
    return end > 0 && text.len > end && ascii_is_wsp(text.ptr[end]) ? end + 1 : 0;
}

/* Octets of one character of text, white space included, that may stand in a comment or quoted string. 0: none. */
static size_t content(struct span text) {
    size_t len = white_space(text);
    if (len > 0) return len;
    return text.len > 0 && !ascii_is_control(text.ptr[0]) ? utf8_sequence(text) : 0;
}

/* What may follow a backslash: one character or blank. */
static size_t quoted_pair(struct span text) {
    size_t escaped = text.len > 1 && !ascii_is_space(text.ptr[1]) ? content(span_after(text, 1)) : 0;
    if (text.len > 1 && ascii_is_wsp(text.ptr[1])) escaped = 1;
    return escaped > 0 ? 1 + escaped : 0;
}

/* A failure inside something that has to be closed: is the end missing, or is an octet bad? */
static bool fail_inside(struct reader *reader, const char *opened, enum auth_results_status open_status) {
    return at_end(reader) ? fail_at(reader, open_status, opened) : fail(reader, AUTH_RESULTS_BAD_OCTET);
}

static bool skip_comment(struct reader *reader) {
    const char *opened = reader->rest.ptr;
    size_t depth = 0;
    do {
        char c = peek(reader);
        size_t len = c == '\\' ? quoted_pair(reader->rest) : content(reader->rest);
        if (len == 0) {
            if (reader->rest.len == 1 && c == '\\') advance(reader, 1);
            return fail_inside(reader, opened, AUTH_RESULTS_OPEN_COMMENT);
        }
        if (c == '(') depth++;
        if (c == ')') depth--;
        advance(reader, len);
    } while (depth > 0);
    return true;
}

static bool skip_cfws(struct reader *reader) {
    for (;;) {
        size_t len = white_space(reader->rest);
        if (len > 0)
            advance(reader, len);
        else if (peek(reader) != '(')
            return true;
        else if (!skip_comment(reader))
            return false;
    }
}

static struct span take(struct reader *reader, size_t len) {
    struct span taken = span_first(reader->rest, len);
    advance(reader, len);
    return taken;
}

static struct span take_digits(struct reader *reader) {
    size_t len = 0;
    while (len < reader->rest.len && ascii_is_digit(reader->rest.ptr[len])) len++;
    return take(reader, len);
}

static bool read_number(struct reader *reader, uint32_t *number) {
    struct span digits = take_digits(reader);
    if (digits.len == 0) return fail(reader, AUTH_RESULTS_BAD_VERSION);
    if (digits.len > 9) return fail_at(reader, AUTH_RESULTS_BAD_VERSION, digits.ptr);
    *number = 0;
    for (size_t i = 0; i < digits.len; i++) *number = *number * 10 + (uint32_t)(digits.ptr[i] - '0');
    return true;
}

/* RFC 5321 Keyword: letters, digits and inner hyphens. In lower case; empty when there is none. */
static bool read_keyword(struct reader *reader, struct span *out) {
    struct span rest = reader->rest;
    size_t len = 0;
    bool has_upper = false;
    while (len < rest.len && (ascii_is_alnum(rest.ptr[len]) || (len > 0 && rest.ptr[len] == '-')))
        has_upper |= ascii_is_upper(rest.ptr[len++]);
    while (len > 0 && rest.ptr[len - 1] == '-') len--;
    *out = take(reader, len);
    if (!has_upper) return true;
    char *lower = arena_alloc(reader->arena, len);
    if (lower == NULL) return fail(reader, AUTH_RESULTS_OUT_OF_MEMORY);
    for (size_t i = 0; i < len; i++) lower[i] = ascii_lower(out->ptr[i]);
    out->ptr = lower;
    return true;
}

/* RFC 2045 token; UTF-8 counts as a letter (RFC 8616 section 6). */
static size_t token_length(struct span text) {
    size_t len = 0;
    while (len < text.len) {
        char c = text.ptr[len];
        if (ascii_is_control(c) || memchr(" ()<>@,;:\\\"/[]?=", c, 16) != NULL) break;
        size_t octets = utf8_sequence(span_after(text, len));
        if (octets == 0) break;
        len += octets;
    }
    return len;
}

/* What writers put behind the = of a property: all but white space, parentheses, semicolon, quote and controls. */
static size_t bare_value_length(struct span text) {
    size_t len = 0;
    while (len < text.len) {
        char c = text.ptr[len];
        if (ascii_is_control(c) || memchr(" ();\"", c, 5) != NULL) break;
        size_t octets = utf8_sequence(span_after(text, len));
        if (octets == 0) break;
        len += octets;
    }
    return len;
}

/* text without quotes, backslashes of quoted-pairs and line ends of folds: shorter than it was. */
static bool unquote(struct reader *reader, struct span text, struct span *out) {
    *out = text;
    if (text.len == 0 || (span_find(text, '\\') == text.len && span_find(text, '\n') == text.len)) return true;
    char *plain = arena_alloc(reader->arena, text.len);
    if (plain == NULL) return fail(reader, AUTH_RESULTS_OUT_OF_MEMORY);
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '\r' || text.ptr[i] == '\n') continue;
        if (text.ptr[i] == '\\') i++;
        plain[len++] = text.ptr[i];
    }
    *out = (struct span){plain, len};
    return true;
}

/* The text between two quotes, still escaped. */
static bool take_quoted(struct reader *reader, struct span *out) {
    const char *opened = reader->rest.ptr;
    advance(reader, 1);
    const char *first = reader->rest.ptr;
    while (peek(reader) != '"') {
        size_t len = peek(reader) == '\\' ? quoted_pair(reader->rest) : content(reader->rest);
        if (len == 0) {
            if (reader->rest.len == 1 && peek(reader) == '\\') advance(reader, 1);
            return fail_inside(reader, opened, AUTH_RESULTS_OPEN_QUOTE);
        }
        advance(reader, len);
    }
    *out = (struct span){first, (size_t)(reader->rest.ptr - first)};
    advance(reader, 1);
    return true;
}

/* value = token / quoted-string */
static bool read_value(struct reader *reader, enum auth_results_status absent, struct span *out) {
    if (peek(reader) == '"') return take_quoted(reader, out) && unquote(reader, *out, out);
    size_t len = token_length(reader->rest);
    if (len == 0) return fail(reader, absent);
    *out = take(reader, len);
    return true;
}

static bool read_property_value(struct reader *reader, struct span *out) {
    const char *first = reader->rest.ptr;
    if (peek(reader) == '"') {
        if (!take_quoted(reader, out)) return false;
        if (peek(reader) != '@') return unquote(reader, *out, out);
        advance(reader, bare_value_length(reader->rest)); /* "local part"@domain */
    } else {
        advance(reader, bare_value_length(reader->rest));
    }
    *out = (struct span){first, (size_t)(reader->rest.ptr - first)};
    return out->len > 0 || fail(reader, AUTH_RESULTS_BAD_VALUE);
}

/* [CFWS] c [CFWS] */
static bool expect(struct reader *reader, char c, enum auth_results_status absent) {
    if (!skip_cfws(reader)) return false;
    if (peek(reader) != c) return fail(reader, absent);
    advance(reader, 1);
    return skip_cfws(reader);
}

/* methodspec: method [ "/" version ] "=" result */
static bool read_method(struct reader *reader, struct span method, struct auth_results_info *info) {
    *info =
        (struct auth_results_info){.method = method, .method_version = 1, .prop = reader->prop + reader->prop_count};
    if (method.len == 0) return fail(reader, AUTH_RESULTS_BAD_METHOD);
    if (!skip_cfws(reader)) return false;
    if (peek(reader) == '/') {
        advance(reader, 1);
        if (!skip_cfws(reader) || !read_number(reader, &info->method_version)) return false;
    }
    if (!expect(reader, '=', AUTH_RESULTS_NO_EQUALS) || !read_keyword(reader, &info->result)) return false;
    return info->result.len > 0 || fail(reader, AUTH_RESULTS_BAD_RESULT);
}

/* propspec from behind its ptype on */
static bool read_property(struct reader *reader, struct span ptype, struct auth_results_info *info) {
    if (reader->prop_count == reader->prop_max) return fail(reader, AUTH_RESULTS_TOO_MANY);
    struct auth_results_prop *prop = reader->prop + reader->prop_count++;
    info->prop_count++;
    prop->ptype = ptype;
    if (ptype.len == 0) return fail(reader, AUTH_RESULTS_BAD_PROPERTY);
    if (reader->is_claim && peek(reader) == '=') {
        prop->property = ptype;
        prop->ptype = (struct span){0};
        return expect(reader, '=', AUTH_RESULTS_NO_EQUALS) && read_property_value(reader, &prop->value);
    }
    if (!expect(reader, '.', AUTH_RESULTS_BAD_PROPERTY) || !read_keyword(reader, &prop->property)) return false;
    if (prop->property.len == 0) return fail(reader, AUTH_RESULTS_BAD_PROPERTY);
    return expect(reader, '=', AUTH_RESULTS_NO_EQUALS) && read_property_value(reader, &prop->value);
}

/* [ reasonspec ] *propspec, up to the next semicolon or the end */
static bool read_reason_and_properties(struct reader *reader, struct auth_results_info *info) {
    for (bool first = true;; first = false) {
        struct span word;
        if (!skip_cfws(reader)) return false;
        if (at_end(reader) || peek(reader) == ';') return true;
        if (!read_keyword(reader, &word) || !skip_cfws(reader)) return false;
        if (first && span_is(word, "reason") && peek(reader) == '=') {
            info->has_reason = true;
            advance(reader, 1);
            if (!skip_cfws(reader) || !read_value(reader, AUTH_RESULTS_BAD_REASON, &info->reason)) return false;
        } else if (!read_property(reader, word, info)) {
            return false;
        }
    }
}

/* One resinfo from behind its method on. */
static bool read_info(struct reader *reader, struct span method) {
    if (reader->info_count == reader->info_max) return fail(reader, AUTH_RESULTS_TOO_MANY);
    struct auth_results_info *info = reader->info + reader->info_count++;
    return read_method(reader, method, info) && read_reason_and_properties(reader, info);
}

/* One resinfo, or the whole of no-result; the semicolon before it has been read. */
static bool read_result(struct reader *reader) {
    struct span word;
    if (!skip_cfws(reader)) return false;
    if (at_end(reader))
        return fail(reader, reader->info_count > 0 ? AUTH_RESULTS_LAST_SEMICOLON : AUTH_RESULTS_NO_RESULT);
    if (!read_keyword(reader, &word) || !skip_cfws(reader)) return false;
    if (reader->info_count == 0 && span_is(word, "none") && (at_end(reader) || peek(reader) == ';'))
        return at_end(reader) || fail(reader, AUTH_RESULTS_NONE_WITH_OTHERS);
    return read_info(reader, word);
}

/* One result of a claim; nothing, or the name of a domain, may stand in its place. */
static bool read_claimed_result(struct reader *reader) {
    struct span word;
    if (!skip_cfws(reader)) return false;
    struct reader ahead = *reader;
    advance(&ahead, token_length(ahead.rest));
    if (skip_cfws(&ahead) && (at_end(&ahead) || peek(&ahead) == ';')) {
        *reader = ahead;
        return true;
    }
    return read_keyword(reader, &word) && skip_cfws(reader) && read_info(reader, word);
}

static bool begins_with_result(const struct reader *reader) {
    struct reader ahead = *reader;
    struct span word;
    return skip_cfws(&ahead) && read_keyword(&ahead, &word) && word.len > 0 && skip_cfws(&ahead) && peek(&ahead) == '=';
}

/* authserv-id [ CFWS version ] */
static bool read_head(struct reader *reader, struct auth_results *out) {
    out->version = 1;
    if (!skip_cfws(reader) || !read_value(reader, AUTH_RESULTS_BAD_ID, &out->authserv_id)) return false;
    if (out->authserv_id.len == 0) return fail(reader, AUTH_RESULTS_BAD_ID);
    if (!skip_cfws(reader)) return false;
    if (at_end(reader)) return fail(reader, AUTH_RESULTS_NO_RESULT);
    if (peek(reader) == ';') return true;
    if (!read_number(reader, &out->version) || !skip_cfws(reader)) return false;
    return peek(reader) == ';' || fail(reader, at_end(reader) ? AUTH_RESULTS_NO_RESULT : AUTH_RESULTS_BAD_VERSION);
}

/* Each result and each property has an = of its own, which bounds both. */
static bool make_room(struct reader *reader, struct span value) {
    size_t equals = 0;
    for (size_t i = 0; i < value.len; i++) equals += value.ptr[i] == '=';
    reader->info_max = equals < AUTH_RESULTS_METHODS_MAX ? equals + 1 : AUTH_RESULTS_METHODS_MAX;
    reader->prop_max = equals < AUTH_RESULTS_PROPS_MAX ? equals + 1 : AUTH_RESULTS_PROPS_MAX;
    reader->info = arena_alloc(reader->arena, reader->info_max * sizeof *reader->info);
    reader->prop = arena_alloc(reader->arena, reader->prop_max * sizeof *reader->prop);
    return (reader->info != NULL && reader->prop != NULL) || fail(reader, AUTH_RESULTS_OUT_OF_MEMORY);
}

static struct span without_final_line_end(struct span value) {
    if (value.len == 0 || value.ptr[value.len - 1] != '\n') return value;
    value.len--;
    if (value.len > 0 && value.ptr[value.len - 1] == '\r') value.len--;
    return value;
}

static struct reader reader_of(struct span value, struct arena *arena) {
    value = without_final_line_end(value);
    if (value.ptr == NULL) value = span_of("");
    return (struct reader){.rest = value, .start = value.ptr, .arena = arena};
}

static enum auth_results_status finish(const struct reader *reader, struct auth_results *out, size_t *error_at) {
    out->count = reader->info_count;
    out->info = reader->info;
    if (reader->status != AUTH_RESULTS_OK) {
        *out = (struct auth_results){0};
        *error_at = (size_t)(reader->error_at - reader->start);
    }
    return reader->status;
}

enum auth_results_status auth_results_read(struct span value, struct arena *arena, struct auth_results *out,
                                           size_t *error_at) {
    struct reader reader = reader_of(value, arena);
    *out = (struct auth_results){0};
    *error_at = 0;
    if (make_room(&reader, reader.rest) && read_head(&reader, out)) {
        do advance(&reader, 1); /* the semicolon */
        while (read_result(&reader) && !at_end(&reader));
    }
    return finish(&reader, out, error_at);
}

enum auth_results_status auth_results_read_claim(struct span value, struct arena *arena, struct auth_results *out,
                                                 size_t *error_at) {
    struct reader reader = reader_of(value, arena);
    *out = (struct auth_results){.version = 1};
    *error_at = 0;
    reader.is_claim = true;
    if (!begins_with_result(&reader)) {
        fail(&reader, AUTH_RESULTS_BAD_ID);
    } else if (make_room(&reader, reader.rest)) {
        while (read_claimed_result(&reader) && !at_end(&reader)) advance(&reader, 1); /* the semicolon */
    }
    return finish(&reader, out, error_at);
}

const char *auth_results_status_text(enum auth_results_status status) {
#define X(id, text) [id] = text,
    static const char *const texts[] = {AUTH_RESULTS_STATUSES(X)};
#undef X
    return texts[status];
}
