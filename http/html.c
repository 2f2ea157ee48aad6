#include "http/html.h"
#include <stdio.h>
#include <time.h>

#define REPLACEMENT "\xef\xbf\xbd"
#define NARROW_SPACE "\xe2\x80\xaf" /* U+202F, no break */
#define DASH "\xe2\x80\x93"

size_t html_character(struct span text, uint32_t *code) {
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    const unsigned char *at = (const unsigned char *)text.ptr;
    size_t len = at[0] < 0x80 ? 1 : at[0] >= 0xc2 && at[0] < 0xe0 ? 2 : at[0] >= 0xe0 && at[0] < 0xf0 ? 3
               : at[0] >= 0xf0 && at[0] < 0xf5                    ? 4 : 0;
    if (len == 0 || len > text.len) return 0;
    *code = len == 1 ? at[0] : at[0] & (0xffU >> (len + 1));
    for (size_t i = 1; i < len; i++) {
        if ((at[i] & 0xc0) != 0x80) return 0;
        *code = *code << 6 | (at[i] & 0x3fU);
    }
    bool is_surrogate = *code >= 0xd800 && *code < 0xe000;
    return *code < least[len] || *code > 0x10ffff || is_surrogate ? 0 : len;
}

bool html_is_deceptive(uint32_t code) {
    return (code < 0x20 && code != '\t' && code != '\n') || (code >= 0x7f && code < 0xa0) || code == 0xad || code == 0x61c ||
           (code >= 0x200b && code <= 0x200f) || (code >= 0x202a && code <= 0x202e) || (code >= 0x2060 && code <= 0x206f) ||
           code == 0xfeff || (code >= 0xfff9 && code <= 0xfffb) || (code >= 0xe0000 && code <= 0xe007f);
}

const char *html_reference(uint32_t code) {
    switch (code) {
    case '<': return "&lt;";
    case '>': return "&gt;";
    case '&': return "&amp;";
    case '"': return "&quot;";
    case '\'': return "&#39;";
    default: return NULL;
    }
}

void html_text(struct bytes *out, struct span text) {
    while (text.len > 0) {
        uint32_t code = 0;
        size_t len = html_character(text, &code);
        const char *reference = html_reference(code);
        if (len == 0 || html_is_deceptive(code))
            bytes_append_text(out, REPLACEMENT);
        else if (reference != NULL)
            bytes_append_text(out, reference);
        else
            bytes_append(out, span_first(text, len));
        text = span_after(text, len > 0 ? len : 1);
    }
}

void html_count(struct bytes *out, uint64_t count, enum language language) {
    char digits[24];
    int len = snprintf(digits, sizeof digits, "%llu", (unsigned long long)count);
    for (int i = 0; i < len; i++) {
        if (i > 0 && (len - i) % 3 == 0) bytes_append_text(out, language == LANGUAGE_FR ? NARROW_SPACE : ",");
        bytes_append_char(out, digits[i]);
    }
}

void html_share(struct bytes *out, uint64_t part, uint64_t whole, enum language language) {
    if (whole == 0) return (void)bytes_append_text(out, DASH);
    unsigned percent = (unsigned)((double)part * 100.0 / (double)whole + 0.5);
    const char *before = "";
    if (part > 0 && percent == 0) percent = 1, before = "&lt;";
    if (part < whole && percent >= 100) percent = 99, before = "&gt;";
    bytes_append_format(out, "%s%u%s%%", before, percent, language == LANGUAGE_FR ? NARROW_SPACE : "");
}

void html_time(struct bytes *out, int64_t time_s) {
    char machine[32], people[32];
    time_t seconds = (time_t)time_s;
    struct tm utc;
    if (time_s <= 0 || gmtime_r(&seconds, &utc) == NULL || strftime(machine, sizeof machine, "%Y-%m-%dT%H:%M:%SZ", &utc) == 0 ||
        strftime(people, sizeof people, "%Y-%m-%d %H:%M", &utc) == 0)
        return (void)bytes_append_text(out, DASH);
    bytes_append_format(out, "<time datetime=\"%s\">%s</time>", machine, people);
}
