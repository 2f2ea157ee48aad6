#include "verifier/encoded_word.h"
#include "base/ascii.h"

struct encoded_word {
    size_t len; /* of the whole, 0: none here */
    char encoding;
    struct span text;
};

/* =?charset?encoding?text?= at the start of text. */
static struct encoded_word find_encoded_word(struct span text) {
    const struct encoded_word none = {0};
    if (text.len < 2 || text.ptr[0] != '=' || text.ptr[1] != '?') return none;
    size_t charset = span_find(span_after(text, 2), '?');
    size_t start = 2 + charset + 3; /* of the encoded text: behind "?B?" */
    if (start > text.len || text.ptr[start - 1] != '?') return none;
    char encoding = ascii_lower(text.ptr[start - 2]);
    if (encoding != 'b' && encoding != 'q') return none;
    for (size_t end = start; end + 1 < text.len; end++) {
        if (text.ptr[end] != '?') continue;
        if (text.ptr[end + 1] != '=') return none;
        return (struct encoded_word){end + 2, encoding, {text.ptr + start, end - start}};
    }
    return none;
}

static void append_q(struct bytes *out, struct span text) {
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i] == '_' ? ' ' : text.ptr[i];
        if (c == '=' && i + 2 < text.len && ascii_hex_value(text.ptr[i + 1]) >= 0 &&
            ascii_hex_value(text.ptr[i + 2]) >= 0) {
            c = (char)(ascii_hex_value(text.ptr[i + 1]) * 16 + ascii_hex_value(text.ptr[i + 2]));
            i += 2;
        }
        bytes_append_char(out, c);
    }
}

static int base64_digit(char c) {
    if (ascii_is_upper(c)) return c - 'A';
    if (ascii_is_lower(c)) return c - 'a' + 26;
    if (ascii_is_digit(c)) return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* base/base64.h is strict, as keys and signatures demand; readers of encoded-words skip what is not base64. */
static void append_b(struct bytes *out, struct span text) {
    unsigned group = 0, bits = 0;
    for (size_t i = 0; i < text.len; i++) {
        int digit = base64_digit(text.ptr[i]);
        if (digit < 0) continue;
        group = (group << 6 | (unsigned)digit) & 0xffff;
        bits += 6;
        if (bits < 8) continue;
        bits -= 8;
        bytes_append_char(out, (char)(group >> bits & 0xff));
    }
}

bool encoded_word_present(struct span text) {
    for (size_t i = 0; i + 1 < text.len; i++)
        if (text.ptr[i] == '=' && text.ptr[i + 1] == '?') return true;
    return false;
}

static size_t spaces(struct span text) {
    size_t len = 0;
    while (len < text.len && ascii_is_space(text.ptr[len])) len++;
    return len;
}

bool encoded_word_decode(struct span text, struct bytes *out) {
    while (text.len > 0) {
        struct encoded_word word = find_encoded_word(text);
        if (word.len == 0) {
            bytes_append_char(out, text.ptr[0]);
            text = span_after(text, 1);
            continue;
        }
        if (word.encoding == 'q')
            append_q(out, word.text);
        else
            append_b(out, word.text);
        text = span_after(text, word.len);
        size_t gap = spaces(text);
        if (gap > 0 && find_encoded_word(span_after(text, gap)).len > 0) text = span_after(text, gap);
    }
    return !out->failed;
}
