#include "verifier/domain_name.h"
#include <idn2.h>
#include <stdint.h>
#include "base/ascii.h"

/* No U-label needs more UTF-8 octets than four for each of its A-label form. */
enum { LABEL_UTF8_MAX = 4 * DOMAIN_LABEL_MAX };

static bool is_name_char(char c) { return ascii_is_alnum(c) || c == '-' || c == '_'; }

static bool is_ascii(struct span text) {
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.ptr[i] > 0x7f) return false;
    return true;
}

/* Length of the lower-case copy of an ASCII label, 0 when it is not legal or does not fit. */
static size_t write_ascii_label(struct span label, char *out, size_t room) {
    if (label.len > room || label.len > DOMAIN_LABEL_MAX) return 0;
    for (size_t i = 0; i < label.len; i++) {
        if (!is_name_char(label.ptr[i])) return 0;
        out[i] = ascii_lower(label.ptr[i]);
    }
    return label.len;
}

static bool may_be_u_label(struct span label) { /* libidn2 drops some ASCII characters in silence */
    for (size_t i = 0; i < label.len; i++)
        if ((unsigned char)label.ptr[i] <= 0x7f && !ascii_is_alnum(label.ptr[i]) && label.ptr[i] != '-') return false;
    return label.len <= LABEL_UTF8_MAX;
}

/* Length of the A-label of a label that is not ASCII, 0 when there is none or it does not fit. */
static size_t write_u_label(struct span label, char *out, size_t room) {
    uint8_t text[LABEL_UTF8_MAX + 1], *converted = NULL;
    if (!may_be_u_label(label)) return 0;
    memcpy(text, label.ptr, label.len);
    text[label.len] = '\0';
    size_t len = 0;
    int flags = IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL | IDN2_USE_STD3_ASCII_RULES;
    if (idn2_lookup_u8(text, &converted, flags) == IDN2_OK) {
        struct span a_label = span_of((const char *)converted);
        /* libidn2 maps full-width letters to ASCII and ideographic full stops to dots: neither makes a U-label */
        if (a_label.len > 4 && span_is(span_first(a_label, 4), "xn--")) len = write_ascii_label(a_label, out, room);
    }
    idn2_free(converted);
    return len;
}

size_t domain_name_write(struct span name, bool need_dot, char out[DOMAIN_NAME_MAX]) {
    size_t len = 0, labels = 0;
    if (name.len > 0 && name.ptr[name.len - 1] == '.') name.len--; /* the root's empty label */
    for (bool more = true; more; labels++) {
        size_t dot = span_find(name, '.');
        struct span label = span_first(name, dot);
        if (labels > 0) {
            if (len == DOMAIN_NAME_MAX) return 0;
            out[len++] = '.';
        }
        size_t written = is_ascii(label) ? write_ascii_label(label, out + len, DOMAIN_NAME_MAX - len)
                                         : write_u_label(label, out + len, DOMAIN_NAME_MAX - len);
        if (written == 0) return 0;
        len += written;
        more = dot < name.len;
        if (more) name = span_after(name, dot + 1);
    }
    return need_dot && labels < 2 ? 0 : len;
}

struct span domain_name_ascii(struct span name, bool need_dot, struct arena *arena) {
    char ascii[DOMAIN_NAME_MAX];
    return arena_copy(arena, (struct span){ascii, domain_name_write(name, need_dot, ascii)});
}

bool domain_name_is_within(struct span name, struct span ancestor) {
    if (ancestor.len == 0 || name.len < ancestor.len) return false;
    size_t above = name.len - ancestor.len;
    if (!span_equal(span_after(name, above), ancestor)) return false;
    return above == 0 || name.ptr[above - 1] == '.';
}

bool domain_name_is_related(struct span a, struct span b) {
    if (a.len == b.len) return domain_name_is_within(a, b);
    struct span shorter = a.len < b.len ? a : b, longer = a.len < b.len ? b : a;
    return span_find(shorter, '.') < shorter.len && domain_name_is_within(longer, shorter);
}
