#include "verifier/phrase.h"
#include "base/ascii.h"
#include "base/utf8.h"

bool language_parse(const char *word, enum language *out) {
    static const char *const words[] = {[LANGUAGE_EN] = "en", [LANGUAGE_FR] = "fr"};
    struct span text = span_of(word);
    for (int language = 0; language < LANGUAGE_COUNT; language++) {
        if (text.len < 2 || !span_is_nocase(span_first(text, 2), words[language])) continue;
        if (text.len > 2 && ascii_is_alnum(text.ptr[2])) continue;
        *out = (enum language)language;
        return true;
    }
    return false;
}

/* U+200B..U+200F, U+202A..U+202E and U+2060..U+206F. */
static bool is_invisible(struct span sequence) {
    if (sequence.len == 2) return sequence.ptr[0] == '\xc2' && (unsigned char)sequence.ptr[1] < 0xa0; /* C1 */
    if (sequence.len != 3 || sequence.ptr[0] != '\xe2') return false;
    unsigned char middle = (unsigned char)sequence.ptr[1], last = (unsigned char)sequence.ptr[2];
    if (middle == 0x80) return (last >= 0x8b && last <= 0x8f) || (last >= 0xaa && last <= 0xae);
    return middle == 0x81 && last >= 0xa0 && last <= 0xaf;
}

void phrase_append_printable(struct bytes *out, struct span text) {
    for (size_t len; text.len > 0; text = span_after(text, len)) {
        size_t sequence = utf8_sequence(text);
        len = sequence > 0 ? sequence : 1;
        struct span one = span_first(text, len);
        if (sequence > 0 && !ascii_is_control(one.ptr[0]) && !is_invisible(one))
            bytes_append(out, one);
        else
            for (size_t i = 0; i < len; i++) bytes_append_format(out, "\\x%02x", (unsigned char)one.ptr[i]);
    }
}

static const struct phrase_value *find_value(struct span name, const struct phrase_value *values, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (span_is(name, values[i].name)) return &values[i];
    return NULL;
}

void phrase_append(struct bytes *out, const struct phrase *phrase, enum language language,
                   const struct phrase_value *values, size_t count) {
    struct span text = span_of(phrase->text[language]);
    while (text.len > 0) {
        size_t open = span_find(text, '{');
        bytes_append(out, span_first(text, open));
        text = span_after(text, open);
        if (text.len == 0) return;
        size_t close = span_find(text, '}');
        size_t len = close < text.len ? close + 1 : text.len;
        const struct phrase_value *value =
            close < text.len ? find_value((struct span){text.ptr + 1, close - 1}, values, count) : NULL;
        if (value != NULL)
            phrase_append_printable(out, value->value);
        else
            bytes_append(out, span_first(text, len));
        text = span_after(text, len);
    }
}
