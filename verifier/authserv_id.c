#include "verifier/authserv_id.h"
#include "base/ascii.h"
#include "base/utf8.h"
#include "verifier/domain_name.h"
#include "verifier/encoded_word.h"

enum { PLAIN_MAX = 4 * DOMAIN_NAME_MAX }; /* octets of an id after folding: no longer U-label name is legal */

bool authserv_id_init(struct authserv_id *id, struct span text) {
    id->len = domain_name_write(text, false, id->ascii);
    return id->len > 0;
}

/* --- what an octet sequence is to a forgiving reader ------------------------------------------------------------- */

enum { SEQUENCE_OTHER = -1, SEQUENCE_NOTHING = 0 }; /* besides the ASCII character that it stands for */

/* Code point of a valid sequence of two or three octets. */
static unsigned code_point(struct span sequence) {
    const unsigned char *octet = (const unsigned char *)sequence.ptr;
    if (sequence.len == 2) return (octet[0] & 0x1fu) << 6 | (octet[1] & 0x3fu);
    return (octet[0] & 0x0fu) << 12 | (octet[1] & 0x3fu) << 6 | (octet[2] & 0x3fu);
}

/* Blanks, invisible characters and full-width forms outside ASCII: what they come to where text is trimmed, shown or
 * mapped (Unicode White_Space, Default_Ignorable_Code_Point, the dots of RFC 3490 section 3.1). */
static int fold_code_point(unsigned c) {
    if (c < 0xa0) return ' '; /* C1 controls, NEL among them */
    if (c == 0xa0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f ||
        c == 0x205f || c == 0x3000)
        return ' ';
    if (c == 0xad || c == 0x34f || c == 0x61c || c == 0x180e || (c >= 0x200b && c <= 0x200f) ||
        (c >= 0x202a && c <= 0x202e) || (c >= 0x2060 && c <= 0x206f) || (c >= 0xfe00 && c <= 0xfe0f) || c == 0xfeff)
        return SEQUENCE_NOTHING;
    if (c == 0x3002 || c == 0xff61) return '.';
    return c >= 0xff01 && c <= 0xff5e ? (int)(c - 0xff01 + '!') : SEQUENCE_OTHER;
}

/* The ASCII character that text starts with or that its first sequence stands for; a blank for every control octet.
 * *len: octets of the sequence. */
static int read_sequence(struct span text, size_t *len) {
    size_t sequence = utf8_sequence(text);
    *len = sequence > 0 ? sequence : 1;
    if (sequence == 1) return ascii_is_control(text.ptr[0]) ? ' ' : text.ptr[0];
    return sequence == 2 || sequence == 3 ? fold_code_point(code_point(span_first(text, sequence))) : SEQUENCE_OTHER;
}

/* --- one candidate against our id -------------------------------------------------------------------------------- */

struct plain {
    size_t len;
    bool is_ascii, is_full;
    char octets[PLAIN_MAX];
};

static void append_plain(struct plain *plain, struct span octets) {
    if (octets.len > PLAIN_MAX - plain->len) {
        plain->is_full = true;
        return;
    }
    memcpy(plain->octets + plain->len, octets.ptr, octets.len);
    plain->len += octets.len;
}

/* word without blanks, controls, invisible characters and backslashes; percent-encoding undone. */
static void append_word(struct plain *plain, struct span word) {
    for (size_t len; word.len > 0; word = span_after(word, len)) {
        int c = read_sequence(word, &len);
        if (c == '%' && word.len > 2 && ascii_hex_value(word.ptr[1]) >= 0 && ascii_hex_value(word.ptr[2]) >= 0) {
            c = ascii_hex_value(word.ptr[1]) * 16 + ascii_hex_value(word.ptr[2]);
            len = 3;
        }
        if (c == SEQUENCE_OTHER || c >= 0x80) {
            plain->is_ascii = false;
            append_plain(plain, c == SEQUENCE_OTHER ? span_first(word, len) : (struct span){(char[]){(char)c}, 1});
        } else if (c > ' ' && c != 0x7f && c != '\\') {
            append_plain(plain, (struct span){(char[]){(char)c}, 1});
        }
    }
}

static bool is_edge(char c) { return c == '.' || c == '\'' || c == '`' || c == '@'; }

static bool plain_is_ours(const struct authserv_id *id, const struct plain *plain) {
    struct span text = {plain->octets, plain->len};
    struct span ours = {id->ascii, id->len};
    char ascii[DOMAIN_NAME_MAX];
    if (plain->is_full) return false;
    while (text.len > 0 && is_edge(text.ptr[text.len - 1])) text.len--;
    while (text.len > 0 && is_edge(text.ptr[0]) && text.ptr[0] != '.') text = span_after(text, 1);
    if (plain->is_ascii) return span_equal_nocase(text, ours);
    return span_equal((struct span){ascii, domain_name_write(text, false, ascii)}, ours);
}

static bool word_is_ours(const struct authserv_id *id, struct span word) {
    struct plain plain = {.is_ascii = true};
    append_word(&plain, word);
    return plain_is_ours(id, &plain);
}

/* --- readers ----------------------------------------------------------------------------------------------------- */

/* How a reader understands comments: the grammar's way, or with only a part of it. */
struct style {
    bool nested, escapes;
};

/* Octets of the comment that text starts with; 0: none, or it has no end. */
static size_t comment_length(struct span text, struct style style) {
    if (text.len == 0 || text.ptr[0] != '(') return 0;
    size_t depth = 1;
    for (size_t i = 1; i < text.len; i++) {
        char c = text.ptr[i];
        if (c == '\\' && style.escapes)
            i++;
        else if (c == '(' && style.nested)
            depth++;
        else if (c == ')' && --depth == 0)
            return i + 1;
    }
    return 0;
}

static struct span skip_blanks_and_comments(struct span text, struct style style) {
    while (text.len > 0) {
        size_t len;
        int c = read_sequence(text, &len);
        if (c != SEQUENCE_NOTHING && c != ' ') len = comment_length(text, style);
        if (len == 0) break;
        text = span_after(text, len);
    }
    return text;
}

/* RFC 2045 token; octets above 127 are no part of it, so names with U-labels go the way of broken fields. */
static size_t token_length(struct span text) {
    size_t len = 0;
    while (len < text.len && ascii_is_graph(text.ptr[len]) && memchr("()<>@,;:\\\"/[]?=", text.ptr[len], 15) == NULL)
        len++;
    return len;
}

/* Octets of the quoted-string that text starts with; 0: none, or it has no end. */
static size_t quoted_length(struct span text) {
    if (text.len == 0 || text.ptr[0] != '"') return 0;
    for (size_t i = 1; i < text.len; i++) {
        if (text.ptr[i] == '\\')
            i++;
        else if (text.ptr[i] == '"')
            return i + 1;
    }
    return 0;
}

/* Splits text into its first value (a quoted-string without its quotes) and what follows. */
static struct span first_value(struct span text, struct style style, struct span *rest) {
    text = skip_blanks_and_comments(text, style);
    size_t quoted = quoted_length(text), len = quoted > 0 ? quoted : token_length(text);
    *rest = span_after(text, len);
    return quoted > 0 ? (struct span){text.ptr + 1, len - 2} : span_first(text, len);
}

/* Does the field start as the grammar wants: value [version], then ";" or the end? */
static bool head_is_sound(struct span value, struct span rest, struct style style) {
    if (value.len == 0) return false;
    rest = skip_blanks_and_comments(rest, style);
    while (rest.len > 0 && ascii_is_digit(rest.ptr[0])) rest = span_after(rest, 1);
    rest = skip_blanks_and_comments(rest, style);
    return rest.len == 0 || rest.ptr[0] == ';';
}

/* --- heads that follow no grammar -------------------------------------------------------------------------------- */

enum { UNCLOSED_MAX = 8 }; /* parentheses without end that are looked at: each costs a pass over the rest */

struct words {
    struct span rest;
    unsigned unclosed;
    int end; /* the delimiter behind the word taken last; a blank for a comment, 0 at the end of the text */
};

static bool is_delimiter(int c) {
    return c != SEQUENCE_OTHER && c != SEQUENCE_NOTHING && (c == ' ' || memchr("()<>,;:/[]?\"=", c, 13) != NULL);
}

static size_t skippable_comment(struct words *words) {
    const struct style grammar = {true, true};
    if (words->rest.ptr[0] != '(' || words->unclosed == UNCLOSED_MAX) return 0;
    size_t len = comment_length(words->rest, grammar);
    words->unclosed += len == 0;
    return len;
}

/* The next run of octets between delimiters, may be empty; comments that have an end are skipped. */
static struct span next_word(struct words *words) {
    struct span word = {words->rest.ptr, 0};
    words->end = 0;
    while (words->rest.len > 0) {
        size_t len, comment = skippable_comment(words);
        int c = comment > 0 ? ' ' : read_sequence(words->rest, &len);
        if (comment > 0) len = comment;
        words->rest = span_after(words->rest, len);
        if (is_delimiter(c)) {
            words->end = c;
            return word;
        }
        word.len += len;
    }
    return word;
}

/* Any word of a broken head may be what some reader finds, or all of them put together. */
static bool broken_head_is_ours(const struct authserv_id *id, struct span text) {
    struct plain together = {.is_ascii = true};
    struct words words = {.rest = text};
    while (words.rest.len > 0) {
        struct span word = next_word(&words);
        if (word.len > 0 && word_is_ours(id, word)) return true;
        append_word(&together, word);
        if (together.len > 0 && (words.end == ';' || words.end == '=')) break;
    }
    return plain_is_ours(id, &together);
}

/* "id; dkim=pass": a reader that strips the quotes first finds the id. */
static bool quoted_head_is_ours(const struct authserv_id *id, struct span value) {
    struct words words = {.rest = value};
    struct span word = {NULL, 0};
    while (words.rest.len > 0 && word.len == 0) word = next_word(&words);
    return word_is_ours(id, word);
}

static bool text_is_ours(const struct authserv_id *id, struct span text) {
    static const struct style grammar = {true, true}, others[] = {{false, true}, {true, false}, {false, false}};
    struct span rest, value = first_value(text, grammar, &rest);
    if (word_is_ours(id, value)) return true;
    bool sound = head_is_sound(value, rest, grammar);
    if (sound ? quoted_head_is_ours(id, value) : broken_head_is_ours(id, text)) return true;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (word_is_ours(id, first_value(text, others[i], &rest))) return true;
    return false;
}

static bool body_is_ours(const struct authserv_id *id, struct span body) {
    if (text_is_ours(id, body)) return true;
    if (!encoded_word_present(body)) return false;
    struct bytes decoded = bytes_with_cap(body.len);
    bool ours =
        !encoded_word_decode(body, &decoded) || text_is_ours(id, bytes_span(&decoded)); /* no memory: take no risk */
    bytes_release(&decoded);
    return ours;
}

/* Octets up to a CR or LF that is followed by something else than white space. */
static size_t unfolded_line_length(struct span text) {
    size_t len = 0;
    while (len < text.len) {
        bool ends_line = text.ptr[len] == '\r' || text.ptr[len] == '\n';
        if (ends_line && len + 1 < text.len && !ascii_is_space(text.ptr[len + 1])) break;
        len++;
    }
    return len;
}

/* Behind a CR or LF that ends no line a careless server downstream may see a field of its own. */
static bool hidden_field_is_ours(const struct authserv_id *id, struct span raw) {
    const struct span name = span_of("Authentication-Results");
    for (size_t i = 0; i + 1 < raw.len; i++) {
        if (raw.ptr[i] != '\r' && raw.ptr[i] != '\n') continue;
        struct span line = span_after(raw, i + 1), body;
        if (line.len < name.len || !span_equal_nocase(span_first(line, name.len), name)) continue;
        for (body = span_after(line, name.len); body.len > 0 && ascii_is_wsp(body.ptr[0]);) body = span_after(body, 1);
        if (body.len == 0 || body.ptr[0] != ':') continue;
        if (body_is_ours(id, span_after(span_first(body, unfolded_line_length(body)), 1))) return true;
    }
    return false;
}

bool authserv_id_claimed_by(const struct authserv_id *id, const struct header_field *field) {
    if (span_is_nocase(field->name, "Authentication-Results") && body_is_ours(id, field->body)) return true;
    return hidden_field_is_ours(id, field->raw);
}
