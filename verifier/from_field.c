#include "verifier/from_field.h"
#include <stdint.h>
#include "base/ascii.h"
#include "base/utf8.h"
#include "verifier/domain_name.h"

enum token_kind { TOKEN_END, TOKEN_ATOM, TOKEN_QUOTED, TOKEN_LITERAL, TOKEN_SPECIAL, TOKEN_BROKEN };

struct token {
    enum token_kind kind;
    struct span text;
    bool odd; /* an encoded word that holds what no atom may */
};

struct reader {
    struct span rest;   /* behind token */
    struct token token; /* the one looked at */
    size_t addresses;
    bool malformed;
    bool unclear; /* two readers could take two addresses */
    bool any_group;
    struct span found; /* the last addr-spec, as it stands in the field */
};

/* The lexer: RFC 5322 sections 3.2 and 4.1. */

static bool is_one_of(char c, struct span set) { return span_find(set, c) < set.len; }

/* Bit c % 32 of word c / 32: the octets that are atext beside letters and digits, as one compare instead of a search. */
#define BIT(c) (1u << ((c) % 32))
static const uint32_t atext_marks[4] = {
    [1] = BIT('!') | BIT('#') | BIT('$') | BIT('%') | BIT('&') | BIT('\'') | BIT('*') | BIT('+') | BIT('-') | BIT('/') | BIT('=') |
          BIT('?'),
    [2] = BIT('^') | BIT('_'),
    [3] = BIT('`') | BIT('{') | BIT('|') | BIT('}') | BIT('~'),
};

static bool is_atext(char c) { /* RFC 6532 adds all that is not ASCII */
    unsigned octet = (unsigned char)c;
    return ascii_is_alnum(c) || octet > 0x7f || (atext_marks[octet / 32] & BIT(octet)) != 0;
}

/* Length of what starts at text's first octet and ends at close, with quoted pairs; text.len + 1 when it does not end.
 * Where open is not NUL the construct nests: a counter, no recursion. */
static size_t enclosed_len(struct span text, char open, char close) {
    size_t depth = 1;
    for (size_t i = 1; i < text.len; i++) {
        char c = text.ptr[i];
        if (c == '\\')
            i++;
        else if (c == close && --depth == 0)
            return i + 1;
        else if (c == open && open != '\0')
            depth++;
    }
    return text.len + 1;
}

static bool is_encoded_char(char c) { return ascii_is_graph(c) && c != '?' && !is_one_of(c, span_of("<>()\"\\")); }

/* Length of the encoded word (RFC 2047 section 2) that text starts with, 0 when there is none. Lenient: mail in the
 * wild leaves commas, colons, dots and @ in it as they are, and they separate nothing. */
static size_t encoded_word_len(struct span text) {
    size_t at = 2;
    if (text.len < 8 || text.ptr[0] != '=' || text.ptr[1] != '?') return 0;
    while (at < text.len && is_encoded_char(text.ptr[at])) at++;
    if (text.len - at < 5 || text.ptr[at] != '?' || !is_one_of(text.ptr[at + 1], span_of("bBqQ")) ||
        text.ptr[at + 2] != '?')
        return 0;
    at += 3;
    while (at < text.len && is_encoded_char(text.ptr[at])) at++;
    return text.len - at >= 2 && text.ptr[at] == '?' && text.ptr[at + 1] == '=' ? at + 2 : 0;
}

static struct token read_atom(struct span text) {
    struct token token = {TOKEN_ATOM, {text.ptr, 0}, false};
    size_t encoded = encoded_word_len(text), len = 0;
    for (; len < encoded; len++) token.odd |= !is_atext(text.ptr[len]);
    while (len < text.len && is_atext(text.ptr[len])) len++;
    token.text.len = len;
    return token;
}

/* What does not end is broken, all of it to the end of the field. */
static struct token read_enclosed(struct span text, enum token_kind kind, char close) {
    size_t len = enclosed_len(text, '\0', close);
    if (len > text.len) return (struct token){TOKEN_BROKEN, text, false};
    return (struct token){kind, span_first(text, len), false};
}

static struct token read_token(struct span text) {
    while (text.len > 0 && (ascii_is_space(text.ptr[0]) || text.ptr[0] == '(')) {
        size_t len = text.ptr[0] == '(' ? enclosed_len(text, '(', ')') : 1;
        if (len > text.len) return (struct token){TOKEN_BROKEN, text, false};
        text = span_after(text, len);
    }
    if (text.len == 0) return (struct token){TOKEN_END, text, false};
    char c = text.ptr[0];
    if (is_atext(c)) return read_atom(text);
    if (c == '"') return read_enclosed(text, TOKEN_QUOTED, '"');
    if (c == '[') return read_enclosed(text, TOKEN_LITERAL, ']');
    bool special = c == '<' || c == '>' || c == '@' || c == ',' || c == ':' || c == ';' || c == '.';
    return (struct token){special ? TOKEN_SPECIAL : TOKEN_BROKEN, span_first(text, 1), false};
}

/* The parser: sections 3.4 and 4.4. */

static struct token next_of(struct span *rest) {
    struct token token = read_token(*rest);
    const char *end = rest->ptr + rest->len, *next = token.text.ptr + token.text.len;
    *rest = (struct span){next, (size_t)(end - next)};
    return token;
}

static void advance(struct reader *reader) { reader->token = next_of(&reader->rest); }

static bool at_special(const struct reader *reader, char c) {
    return reader->token.kind == TOKEN_SPECIAL && reader->token.text.ptr[0] == c;
}

static bool at_word(const struct reader *reader) {
    return reader->token.kind == TOKEN_ATOM || reader->token.kind == TOKEN_QUOTED;
}

static bool at_element_end(const struct reader *reader) {
    return reader->token.kind == TOKEN_END || at_special(reader, ',') || at_special(reader, ';');
}

/* Goes to the end of the element that could not be read; each @ on the way may have been a mailbox's. */
static void skip_element(struct reader *reader) {
    reader->malformed = reader->unclear = true;
    for (; !at_element_end(reader); advance(reader)) {
        if (reader->token.kind != TOKEN_SPECIAL && reader->token.kind != TOKEN_BROKEN) continue;
        for (size_t i = 0; i < reader->token.text.len; i++) reader->addresses += reader->token.text.ptr[i] == '@';
    }
}

/* domain, obs-domain. A final dot is no part of the grammar, but there is one way to read it. */
static bool read_domain(struct reader *reader, const char **end) {
    if (reader->token.kind == TOKEN_LITERAL) {
        *end = reader->token.text.ptr + reader->token.text.len;
        advance(reader);
        return true;
    }
    while (reader->token.kind == TOKEN_ATOM && !reader->token.odd) {
        *end = reader->token.text.ptr + reader->token.text.len;
        advance(reader);
        if (!at_special(reader, '.')) return true;
        advance(reader);
        if (reader->token.kind == TOKEN_ATOM) continue;
        reader->malformed = true;
        return !at_special(reader, '.');
    }
    return false;
}

/* The words and dots that begin an element: a phrase, a local part, or a group's name. */
struct words {
    const char *start;
    bool any, local_part, phrase; /* what they may be; dots at odd places are let pass in a local part */
};

static struct words read_words(struct reader *reader) {
    struct words words = {.start = reader->token.text.ptr, .local_part = true, .phrase = !at_special(reader, '.')};
    bool after_word = false, odd_dots = false;
    for (; at_word(reader) || at_special(reader, '.'); advance(reader)) {
        bool is_word = at_word(reader);
        if (is_word && (after_word || reader->token.odd)) words.local_part = false;
        if (!is_word && !after_word) odd_dots = true;
        if (reader->token.odd) reader->malformed = true;
        words.any |= is_word;
        after_word = is_word;
    }
    if (!words.any) words.local_part = false;
    if (at_special(reader, '@') && (odd_dots || !after_word)) reader->malformed = true;
    return words;
}

/* "@" domain behind a local part. */
static bool read_addr_spec(struct reader *reader, struct words words, struct span *spec) {
    const char *end = NULL;
    if (!words.local_part || !at_special(reader, '@')) return false;
    reader->addresses++;
    advance(reader);
    if (!read_domain(reader, &end)) return false;
    *spec = (struct span){words.start, (size_t)(end - words.start)};
    return true;
}

/* obs-route: the way an address was to be sent, ended by a colon. */
static bool skip_route(struct reader *reader) {
    const char *end;
    while (at_special(reader, ',') || at_special(reader, '@')) {
        bool is_domain = at_special(reader, '@');
        advance(reader);
        if (is_domain && !read_domain(reader, &end)) return false;
    }
    if (!at_special(reader, ':')) return false;
    advance(reader);
    return true;
}

static bool read_angle_addr(struct reader *reader, struct span *spec) {
    *spec = (struct span){NULL, 0};
    advance(reader);
    if (at_special(reader, '>')) { /* the null address has no place in From */
        reader->malformed = true;
        advance(reader);
        return true;
    }
    if ((at_special(reader, '@') || at_special(reader, ',')) && !skip_route(reader)) return false;
    if (!read_addr_spec(reader, read_words(reader), spec) || !at_special(reader, '>')) return false;
    advance(reader);
    return true;
}

static bool is_same_spec(struct span a, struct span b) {
    for (;;) {
        struct token in_a = next_of(&a), in_b = next_of(&b);
        if (in_a.kind != in_b.kind || !span_equal_nocase(in_a.text, in_b.text)) return false;
        if (in_a.kind == TOKEN_END) return true;
    }
}

/* An addr-spec, or a common slip: the address as its own display name, a@b.example <a@b.example>. */
static bool read_bare_addr(struct reader *reader, struct words words) {
    struct span spec, in_angle;
    if (!read_addr_spec(reader, words, &spec)) return false;
    reader->found = spec;
    if (!at_special(reader, '<')) return true;
    reader->malformed = true;
    if (!read_angle_addr(reader, &in_angle) || in_angle.ptr == NULL) return false;
    if (is_same_spec(spec, in_angle)) reader->addresses--;
    return true;
}

static bool read_name_addr(struct reader *reader) {
    struct span spec;
    if (!read_angle_addr(reader, &spec)) return false;
    if (spec.ptr != NULL) reader->found = spec;
    return true;
}

/* One element of the list, or the beginning of a group. */
static void read_element(struct reader *reader, bool *in_group) {
    struct words words = read_words(reader);
    while (!at_element_end(reader) && !at_special(reader, '@') && !at_special(reader, '<') &&
           !at_special(reader, ':')) {
        if (reader->token.kind == TOKEN_BROKEN && reader->token.text.len > 1) break;
        reader->malformed = true; /* brackets and the like in a display name that is not quoted */
        words.local_part = words.phrase = false;
        advance(reader);
        words.any |= read_words(reader).any;
    }
    if (at_special(reader, ':')) {
        if (*in_group || !words.any || !words.phrase) reader->malformed = true;
        *in_group = reader->any_group = true;
        advance(reader);
        return;
    }
    bool ok = false;
    if (at_special(reader, '<')) {
        reader->malformed |= words.any && !words.phrase;
        ok = read_name_addr(reader);
    } else if (at_special(reader, '@')) {
        ok = read_bare_addr(reader, words);
    } else {
        reader->malformed = true; /* words, and no address */
        ok = at_element_end(reader);
    }
    if (!ok || !at_element_end(reader)) skip_element(reader);
}

static void read_list(struct reader *reader) {
    bool in_group = false;
    size_t before = reader->addresses;
    for (advance(reader); reader->token.kind != TOKEN_END && reader->addresses < FROM_ADDRESSES_MAX;) {
        if (at_special(reader, ',')) {
            advance(reader); /* elements may be empty: obs-mbox-list */
        } else if (at_special(reader, ';')) {
            reader->malformed |= !in_group;
            in_group = false;
            advance(reader);
            if (!at_element_end(reader)) reader->malformed = true;
        } else {
            read_element(reader, &in_group);
        }
    }
    if (in_group || (reader->addresses == before && !reader->any_group)) reader->malformed = true;
}

/* RFC 6532: UTF-8 or nothing. NUL, bare CR and bare LF end the text for some readers and not for others. */
static void look_at_octets(struct reader *reader, struct span text) {
    for (size_t i = 0, len; i < text.len; i += len) {
        if (text.len - i >= 8 && ascii_are_print(text.ptr + i)) { /* nearly everywhere */
            len = 8;
            continue;
        }
        len = utf8_sequence(span_after(text, i));
        if (len == 0) {
            reader->malformed = true;
            len = 1;
        } else if (text.ptr[i] == '\r' && i + 1 < text.len && text.ptr[i + 1] == '\n') {
            len = 2;
        } else if (text.ptr[i] == '\0' || text.ptr[i] == '\r' || text.ptr[i] == '\n') {
            reader->malformed = reader->unclear = true;
        }
    }
}

static bool is_utf8(struct span text) {
    for (size_t len; text.len > 0; text = span_after(text, len)) {
        len = utf8_sequence(text);
        if (len == 0) return false;
    }
    return true;
}

/* The tokens of spec in a row: without comments and folds. */
static bool copy_address(struct span spec, struct arena *arena, struct span *out) {
    char *at = arena_alloc(arena, spec.len);
    *out = (struct span){at, 0};
    if (at == NULL) return false;
    for (struct token token = next_of(&spec); token.kind != TOKEN_END; token = next_of(&spec))
        for (size_t i = 0; i < token.text.len; i++)
            if (token.text.ptr[i] != '\r' && token.text.ptr[i] != '\n') at[out->len++] = token.text.ptr[i];
    return true;
}

static bool copy_domain(struct span address, struct arena *arena, struct span *out) {
    char ascii[DOMAIN_NAME_MAX];
    size_t at = address.len;
    while (at > 0 && address.ptr[at - 1] != '@') at--; /* a domain literal may hold one, and is no name either way */
    size_t len = domain_name_write(span_after(address, at), false, ascii);
    *out = arena_copy(arena, (struct span){ascii, len});
    return len == 0 || out->ptr != NULL;
}

bool from_field_parse(const struct header_section *section, struct arena *arena, struct from_field *out) {
    struct reader reader = {.malformed = false};
    *out = (struct from_field){.fields = 0};
    const struct header_field *field = header_section_find(section, "From", 0);
    while (field != NULL) {
        out->fields++;
        reader.rest = field->body;
        reader.any_group = false;
        look_at_octets(&reader, field->body);
        if (reader.addresses < FROM_ADDRESSES_MAX) read_list(&reader);
        field = header_section_find(section, "From", (size_t)(field - section->fields) + 1);
    }
    out->addresses = reader.addresses < FROM_ADDRESSES_MAX ? reader.addresses : FROM_ADDRESSES_MAX;
    out->malformed = reader.malformed;
    if (out->fields != 1 || out->addresses != 1 || reader.unclear || !is_utf8(reader.found)) return true;
    return copy_address(reader.found, arena, &out->address) && copy_domain(out->address, arena, &out->domain);
}
