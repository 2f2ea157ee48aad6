#include "verifier/spf_macro.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include "base/ascii.h"

enum {
    ADDRESS_TEXT_MAX = 64, /* 32 nibbles and 31 dots; every other address text is shorter */
    TAIL_KEPT = 512,       /* of a name's expansion: more than the 253 octets that its end can matter for */
    TAIL_SLACK = 512,
    DOMAIN_CAP = TAIL_KEPT + TAIL_SLACK + 3 * SPF_MACRO_WORK_MAX, /* one value, each octet as %XX */
};

/* One element of a macro-string: literal octets, or a macro-expand with a letter. */
struct piece {
    bool is_macro, is_expand; /* is_expand: macro-expand, so %% %_ %- too */
    struct span literal;
    char letter; /* lower case */
    bool is_escaped, is_reversed, has_part_count;
    size_t part_count; /* never 0 when has_part_count */
    struct span delimiters;
};

static bool is_delimiter(char c) { return c != '\0' && memchr(".-+,/_=", c, 7) != NULL; }
static bool is_literal(char c, bool with_space) { return (ascii_is_graph(c) && c != '%') || (with_space && c == ' '); }

/* "{" has been read: letter, digits, r, delimiters, "}" (section 7.1). Moves *text behind it. */
static bool read_macro(struct span *text, struct piece *piece) {
    size_t at = 0;
    if (text->len == 0) return false;
    piece->is_macro = true;
    piece->letter = ascii_lower(text->ptr[at]);
    piece->is_escaped = ascii_is_upper(text->ptr[at++]);
    if (piece->letter == '\0' || memchr("slodiphcrtv", piece->letter, 11) == NULL) return false;
    for (; at < text->len && ascii_is_digit(text->ptr[at]); at++) {
        piece->has_part_count = true;
        if (piece->part_count < SPF_MACRO_WORK_MAX)
            piece->part_count = piece->part_count * 10 + (size_t)(text->ptr[at] - '0');
    }
    if (piece->has_part_count && piece->part_count == 0) return false; /* section 7.3: must be nonzero */
    if (at < text->len && ascii_lower(text->ptr[at]) == 'r') piece->is_reversed = true, at++;
    size_t start = at;
    while (at < text->len && is_delimiter(text->ptr[at])) at++;
    piece->delimiters = at > start ? (struct span){text->ptr + start, at - start} : span_of(".");
    if (at == text->len || text->ptr[at] != '}') return false;
    *text = span_after(*text, at + 1);
    return true;
}

/* Takes the first element off *text, which is not empty. False: it does not follow the grammar. */
static bool read_piece(struct span *text, bool with_space, struct piece *piece) {
    *piece = (struct piece){.is_expand = text->ptr[0] == '%'};
    if (!piece->is_expand) {
        size_t len = 0;
        while (len < text->len && is_literal(text->ptr[len], with_space)) len++;
        piece->literal = span_first(*text, len);
        *text = span_after(*text, len);
        return len > 0;
    }
    char kind = text->len > 1 ? text->ptr[1] : '\0';
    if (kind != '{' && kind != '%' && kind != '_' && kind != '-') return false;
    *text = span_after(*text, 2);
    if (kind == '{') return read_macro(text, piece);
    piece->literal = span_of(kind == '%' ? "%" : kind == '_' ? " " : "%20");
    return true;
}

/* ---- Grammar ---- */

/* ( *alphanum ALPHA *alphanum ) / ( 1*alphanum "-" *( alphanum / "-" ) alphanum ) */
static bool is_toplabel(struct span label) {
    bool all_digits = true;
    if (label.len == 0 || !ascii_is_alnum(label.ptr[0]) || !ascii_is_alnum(label.ptr[label.len - 1])) return false;
    for (size_t i = 0; i < label.len; i++) {
        if (!ascii_is_alnum(label.ptr[i]) && label.ptr[i] != '-') return false;
        all_digits &= ascii_is_digit(label.ptr[i]);
    }
    return !all_digits;
}

/* last: the element at the end of a domain-spec. */
static bool is_domain_end(const struct piece *last) {
    if (last->is_expand) return true;
    struct span text = last->literal;
    if (text.ptr[text.len - 1] == '.') text.len--;
    size_t dot = text.len;
    while (dot > 0 && text.ptr[dot - 1] != '.') dot--;
    return dot > 0 && is_toplabel(span_after(text, dot));
}

bool spf_macro_is_valid(struct span text, enum spf_macro_place place) {
    struct piece piece = {.is_expand = false};
    bool is_domain = place == SPF_MACRO_IN_DOMAIN;
    if (text.len == 0) return !is_domain;
    while (text.len > 0) {
        if (!read_piece(&text, place == SPF_MACRO_IN_EXPLANATION, &piece)) return false;
        bool explains = piece.is_macro && (piece.letter == 'c' || piece.letter == 'r' || piece.letter == 't');
        if (is_domain && explains) return false; /* section 7.2: only in exp= text */
    }
    return !is_domain || is_domain_end(&piece);
}

bool spf_macro_wants_validated_name(struct span text) {
    struct piece piece;
    while (text.len > 0 && read_piece(&text, true, &piece))
        if (piece.is_macro && piece.letter == 'p') return true;
    return false;
}

/* ---- Expansion ---- */

/* Where expanded octets go. */
struct builder {
    struct bytes *out;
    bool keeps_tail; /* a name: only its end matters */
    size_t work;
};

static void add_octet(struct builder *builder, char c, bool is_escaped) {
    bool is_unreserved = ascii_is_alnum(c) || c == '-' || c == '.' || c == '_' || c == '~'; /* RFC 3986 section 2.3 */
    if (is_escaped && !is_unreserved)
        bytes_append_format(builder->out, "%%%02X", (unsigned char)c);
    else
        bytes_append_char(builder->out, c);
}

static bool is_split_at(const struct piece *piece, char c) {
    return span_find(piece->delimiters, c) < piece->delimiters.len;
}

static struct span first_parts(const struct piece *piece, struct span value) {
    size_t len = 0;
    for (size_t count = 0; len < value.len; len++)
        if (is_split_at(piece, value.ptr[len]) && ++count == piece->part_count) break;
    return span_first(value, len);
}

static struct span last_parts(const struct piece *piece, struct span value) {
    size_t at = value.len;
    for (size_t count = 0; at > 0; at--)
        if (is_split_at(piece, value.ptr[at - 1]) && ++count == piece->part_count) break;
    return span_after(value, at);
}

static void add_reversed(struct builder *builder, const struct piece *piece, struct span value) {
    for (size_t end = value.len, at = end;; end = --at) {
        while (at > 0 && !is_split_at(piece, value.ptr[at - 1])) at--;
        for (size_t i = at; i < end; i++) add_octet(builder, value.ptr[i], piece->is_escaped);
        if (at == 0) return;
        bytes_append_char(builder->out, '.');
    }
}

/* Splits value at the delimiters, reverses the parts, keeps those on the right, and joins them with dots. */
static void add_value(struct builder *builder, const struct piece *piece, struct span value) {
    if (piece->has_part_count) /* counted after the reversal: then the right is what the left was */
        value = piece->is_reversed ? first_parts(piece, value) : last_parts(piece, value);
    if (piece->is_reversed) {
        add_reversed(builder, piece, value);
        return;
    }
    for (size_t i = 0; i < value.len; i++)
        add_octet(builder, is_split_at(piece, value.ptr[i]) ? '.' : value.ptr[i], piece->is_escaped);
}

/* i: dotted decimal, or the 32 nibbles of an IPv6 address with dots between them (section 7.3). */
static struct span write_address(const struct spf_macro_values *values, bool is_readable, char text[ADDRESS_TEXT_MAX]) {
    static const char digits[] = "0123456789abcdef";
    if (values->is_v4 || is_readable) {
        const char *written =
            inet_ntop(values->is_v4 ? AF_INET : AF_INET6, values->address, text, (socklen_t)ADDRESS_TEXT_MAX);
        return written != NULL ? span_of(written) : (struct span){text, 0};
    }
    size_t len = 0;
    for (size_t i = 0; i < 32; i++) {
        if (i > 0) text[len++] = '.';
        text[len++] = digits[values->address[i / 2] >> (i % 2 == 0 ? 4 : 0) & 0x0f];
    }
    return (struct span){text, len};
}

static struct span or_unknown(struct span value) { return value.len > 0 ? value : span_of("unknown"); }

/* text: room for values that have to be written first. */
static struct span value_of(char letter, const struct spf_macro_values *values, struct bytes *text) {
    switch (letter) {
    case 's': return values->sender;
    case 'l': return values->local_part;
    case 'o': return values->sender_domain;
    case 'd': return values->domain;
    case 'h': return values->helo;
    case 'p': return or_unknown(values->validated_name);
    case 'r': return or_unknown(values->receiver);
    case 'v': return span_of(values->is_v4 ? "in-addr" : "ip6");
    default: break;
    }
    if (letter == 't') {
        bytes_append_int(text, values->now_s);
    } else if (bytes_reserve(text, ADDRESS_TEXT_MAX)) {
        text->len = write_address(values, letter == 'c', text->ptr).len;
    }
    return bytes_span(text);
}

static bool add_piece(struct builder *builder, const struct piece *piece, const struct spf_macro_values *values) {
    struct bytes text = bytes_with_cap(ADDRESS_TEXT_MAX);
    struct span value = piece->is_macro ? value_of(piece->letter, values, &text) : piece->literal;
    bool fits = value.len <= SPF_MACRO_WORK_MAX - builder->work;
    if (fits) {
        builder->work += value.len;
        if (piece->is_macro)
            add_value(builder, piece, value);
        else
            bytes_append(builder->out, value);
        if (builder->keeps_tail && builder->out->len > TAIL_KEPT + TAIL_SLACK)
            bytes_drop_first(builder->out, builder->out->len - TAIL_KEPT);
    }
    if (text.failed) builder->out->failed = true;
    bytes_release(&text);
    return fits;
}

static enum spf_macro_status expand(struct span text, enum spf_macro_place place, const struct spf_macro_values *values,
                                    struct builder *builder) {
    struct piece piece;
    if (!spf_macro_is_valid(text, place)) return SPF_MACRO_SYNTAX;
    while (text.len > 0) {
        read_piece(&text, place == SPF_MACRO_IN_EXPLANATION, &piece);
        if (!add_piece(builder, &piece, values)) return SPF_MACRO_TOO_LONG;
    }
    if (!builder->out->failed) return SPF_MACRO_OK;
    return builder->keeps_tail ? SPF_MACRO_NO_MEMORY : SPF_MACRO_TOO_LONG; /* a name's buffer holds any expansion */
}

/* Without its final dot, and without the labels on the left that are too many. */
static struct span fit(struct span name) {
    if (name.len > 0 && name.ptr[name.len - 1] == '.') name.len--;
    while (name.len > SPF_MACRO_DOMAIN_MAX) {
        size_t dot = span_find(name, '.');
        name = span_after(name, dot < name.len ? dot + 1 : dot);
    }
    return name;
}

enum spf_macro_status spf_macro_expand_domain(struct span domain_spec, const struct spf_macro_values *values,
                                              char out[SPF_MACRO_DOMAIN_MAX], size_t *len) {
    struct bytes name = bytes_with_cap(DOMAIN_CAP);
    struct builder builder = {.out = &name, .keeps_tail = true};
    enum spf_macro_status status = expand(domain_spec, SPF_MACRO_IN_DOMAIN, values, &builder);
    *len = 0;
    if (status == SPF_MACRO_OK) {
        struct span fitting = fit(bytes_span(&name));
        *len = fitting.len;
        if (fitting.len > 0) memcpy(out, fitting.ptr, fitting.len);
    }
    bytes_release(&name);
    return status;
}

enum spf_macro_status spf_macro_expand_text(struct span text, const struct spf_macro_values *values,
                                            struct bytes *out) {
    struct builder builder = {.out = out};
    enum spf_macro_status status = expand(text, SPF_MACRO_IN_EXPLANATION, values, &builder);
    if (status != SPF_MACRO_OK) return status;
    for (size_t i = 0; i < out->len; i++) /* section 6.2: US-ASCII, whatever the sender's local part holds */
        if (!ascii_is_graph(out->ptr[i]) && out->ptr[i] != ' ') return SPF_MACRO_NOT_ASCII;
    return SPF_MACRO_OK;
}

const char *spf_macro_status_text(enum spf_macro_status status) {
#define X(name, text) [name] = text,
    static const char *const texts[] = {SPF_MACRO_STATUS(X)};
#undef X
    return texts[status];
}
