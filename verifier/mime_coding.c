#include "verifier/mime_coding.h"
#include "base/ascii.h"
#include "base/base64.h"
#include "base/utf8.h"

enum { LINE_MAX_OCTETS = 76 };

/* ---- Quoted-printable ---- */

/* Octets of a soft break at text, which begins with "=": "=" blanks CRLF; 0: none. */
static size_t soft_break(struct span text) {
    size_t at = 1;
    while (at < text.len && ascii_is_wsp(text.ptr[at])) at++;
    if (at + 1 < text.len && text.ptr[at] == '\r' && text.ptr[at + 1] == '\n') return at + 2;
    return at < text.len && text.ptr[at] == '\n' ? at + 1 : 0;
}

void mime_decode_quoted_printable(struct span text, struct bytes *out) {
    while (text.len > 0) {
        size_t plain = span_find(text, '=');
        bytes_append(out, span_first(text, plain));
        text = span_after(text, plain);
        if (text.len == 0) return;
        size_t taken = soft_break(text);
        if (taken == 0 && text.len >= 3 && ascii_hex_value(text.ptr[1]) >= 0 && ascii_hex_value(text.ptr[2]) >= 0) {
            bytes_append_char(out, (char)(ascii_hex_value(text.ptr[1]) * 16 + ascii_hex_value(text.ptr[2])));
            taken = 3;
        } else if (taken == 0) {
            bytes_append_char(out, '=');
            taken = 1;
        }
        text = span_after(text, taken);
    }
}

static bool is_line_end(struct span text) { return text.len >= 2 && text.ptr[0] == '\r' && text.ptr[1] == '\n'; }

void mime_encode_quoted_printable(struct span text, struct bytes *out) {
    static const char digits[] = "0123456789ABCDEF";
    for (size_t column = 0; text.len > 0;) {
        if (is_line_end(text)) {
            bytes_append_text(out, "\r\n");
            text = span_after(text, 2);
            column = 0;
            continue;
        }
        unsigned char c = (unsigned char)text.ptr[0];
        bool is_last = text.len == 1 || is_line_end(span_after(text, 1));
        bool is_plain = (ascii_is_graph((char)c) && c != '=') || (ascii_is_wsp((char)c) && !is_last);
        size_t len = is_plain ? 1 : 3;
        if (column + len > LINE_MAX_OCTETS - (is_last ? 0 : 1)) {
            bytes_append_text(out, "=\r\n");
            column = 0;
        }
        char coded[3] = {'=', digits[c >> 4], digits[c & 15]};
        bytes_append(out, is_plain ? span_first(text, 1) : (struct span){coded, 3});
        column += len;
        text = span_after(text, 1);
    }
}

/* ---- Base64 ---- */

bool mime_decode_base64(struct span text, struct bytes *out) {
    size_t len, room = base64_decoded_max(text.len) + 3;
    if (!bytes_reserve(out, room)) return false;
    if (base64_decode(text, BASE64_SPACE_SKIPPED, (uint8_t *)out->ptr + out->len, room, &len) != BASE64_OK)
        return false;
    out->len += len;
    return len > 0;
}

void mime_encode_base64(struct span octets, size_t width, struct bytes *out) {
    size_t group = width / 4 * 3;
    while (octets.len > 0) {
        size_t len = octets.len < group ? octets.len : group;
        base64_encode(out, span_first(octets, len));
        octets = span_after(octets, len);
        if (octets.len > 0) bytes_append_text(out, "\r\n");
    }
}

/* ---- Character sets ---- */

#define X(id, text, before, after) {text, before, after},
static const struct { const char *text, *before, *after; } conversions[] = {MIME_CONVERSIONS(X)};
#undef X

const char *mime_conversion_text(enum mime_conversion conversion) { return conversions[conversion].text; }
const char *mime_conversion_before(enum mime_conversion conversion) { return conversions[conversion].before; }
const char *mime_conversion_after(enum mime_conversion conversion) { return conversions[conversion].after; }

/* What octets 0x80 to 0x9f mean in windows-1252; 0: nothing. */
static const uint16_t cp1252[32] = {0x20ac, 0,      0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021,
                                    0x02c6, 0x2030, 0x0160, 0x2039, 0x0152, 0,      0x017d, 0,
                                    0,      0x2018, 0x2019, 0x201c, 0x201d, 0x2022, 0x2013, 0x2014,
                                    0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0,      0x017e, 0x0178};

/* Letters of Latin-1 that are a base letter with a mark: 0xc0 to 0xff, base letter and low octet of U+03xx; 0: none. */
static const struct {
    char base;
    unsigned char mark;
} composed[64] = {
    {'A', 0x00}, {'A', 0x01}, {'A', 0x02}, {'A', 0x03}, {'A', 0x08}, {'A', 0x0a}, {0, 0},      {'C', 0x27},
    {'E', 0x00}, {'E', 0x01}, {'E', 0x02}, {'E', 0x08}, {'I', 0x00}, {'I', 0x01}, {'I', 0x02}, {'I', 0x08},
    {0, 0},      {'N', 0x03}, {'O', 0x00}, {'O', 0x01}, {'O', 0x02}, {'O', 0x03}, {'O', 0x08}, {0, 0},
    {0, 0},      {'U', 0x00}, {'U', 0x01}, {'U', 0x02}, {'U', 0x08}, {'Y', 0x01}, {0, 0},      {0, 0},
    {'a', 0x00}, {'a', 0x01}, {'a', 0x02}, {'a', 0x03}, {'a', 0x08}, {'a', 0x0a}, {0, 0},      {'c', 0x27},
    {'e', 0x00}, {'e', 0x01}, {'e', 0x02}, {'e', 0x08}, {'i', 0x00}, {'i', 0x01}, {'i', 0x02}, {'i', 0x08},
    {0, 0},      {'n', 0x03}, {'o', 0x00}, {'o', 0x01}, {'o', 0x02}, {'o', 0x03}, {'o', 0x08}, {0, 0},
    {0, 0},      {'u', 0x00}, {'u', 0x01}, {'u', 0x02}, {'u', 0x08}, {'y', 0x01}, {0, 0},      {'y', 0x08},
};

static uint32_t code_point(struct span sequence) {
    const unsigned char *octet = (const unsigned char *)sequence.ptr;
    if (sequence.len == 1) return octet[0];
    if (sequence.len == 2) return (uint32_t)(octet[0] & 0x1f) << 6 | (octet[1] & 0x3f);
    if (sequence.len == 3)
        return (uint32_t)(octet[0] & 0x0f) << 12 | (uint32_t)(octet[1] & 0x3f) << 6 | (octet[2] & 0x3f);
    return UINT32_MAX; /* beyond all that is looked for here */
}

static void append_code_point(struct bytes *out, uint32_t point) {
    if (point >= 0x800) {
        bytes_append_char(out, (char)(0xe0 | point >> 12));
        bytes_append_char(out, (char)(0x80 | (point >> 6 & 0x3f)));
    } else {
        bytes_append_char(out, (char)(0xc0 | point >> 6));
    }
    bytes_append_char(out, (char)(0x80 | (point & 0x3f)));
}

/* One octet of the 8-bit set for a code point; 0: it has none. */
static unsigned char octet_of(uint32_t point, bool is_cp1252) {
    if (point < 0x80 || (point >= 0xa0 && point <= 0xff)) return (unsigned char)point;
    for (unsigned i = 0; is_cp1252 && i < 32; i++)
        if (cp1252[i] == point) return (unsigned char)(0x80 + i);
    return 0;
}

static bool to_octets(struct span text, bool is_cp1252, struct bytes *out) {
    for (size_t len; text.len > 0; text = span_after(text, len)) {
        len = utf8_sequence(text);
        if (len == 0) return false;
        unsigned char octet = octet_of(code_point(span_first(text, len)), is_cp1252);
        if (octet == 0 && !(len == 1 && text.ptr[0] == '\0')) return false;
        bytes_append_char(out, (char)octet);
    }
    return true;
}

static bool to_utf8(struct span text, struct bytes *out) {
    for (; text.len > 0; text = span_after(text, 1)) {
        unsigned char octet = (unsigned char)text.ptr[0];
        uint32_t point = octet >= 0x80 && octet < 0xa0 ? cp1252[octet - 0x80] : octet;
        if (octet < 0x80)
            bytes_append_char(out, (char)octet);
        else if (point == 0)
            return false;
        else
            append_code_point(out, point);
    }
    return true;
}

static bool to_decomposed(struct span text, struct bytes *out) {
    for (size_t len; text.len > 0; text = span_after(text, len)) {
        len = utf8_sequence(text);
        if (len == 0) return false;
        uint32_t point = code_point(span_first(text, len));
        if (point < 0xc0 || point > 0xff || composed[point - 0xc0].base == 0) {
            bytes_append(out, span_first(text, len));
            continue;
        }
        bytes_append_char(out, composed[point - 0xc0].base);
        append_code_point(out, 0x300 + composed[point - 0xc0].mark);
    }
    return true;
}

static bool to_composed(struct span text, struct bytes *out) {
    for (size_t len; text.len > 0; text = span_after(text, len)) {
        len = utf8_sequence(text);
        if (len == 0) return false;
        struct span rest = span_after(text, len);
        size_t mark_len = utf8_sequence(rest);
        uint32_t mark = mark_len == 2 ? code_point(span_first(rest, 2)) : 0;
        unsigned found = 64;
        for (unsigned i = 0; mark >= 0x300 && mark <= 0x327 && i < 64 && found == 64; i++)
            if (len == 1 && composed[i].base == text.ptr[0] && 0x300u + composed[i].mark == mark) found = i;
        if (found < 64)
            append_code_point(out, 0xc0 + found);
        else
            bytes_append(out, span_first(text, len));
        if (found < 64) len += mark_len;
    }
    return true;
}

bool mime_unconvert(enum mime_conversion conversion, struct span text, struct bytes *out) {
    switch (conversion) {
    case MIME_FROM_LATIN1: return to_octets(text, false, out);
    case MIME_FROM_CP1252: return to_octets(text, true, out);
    case MIME_FROM_UTF8: return to_utf8(text, out);
    case MIME_FROM_NFC: return to_composed(text, out);
    default: return to_decomposed(text, out);
    }
}
