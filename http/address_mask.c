#include "http/address_mask.h"
#include "base/ascii.h"

static bool separates(char c) {
    return ascii_is_space(c) || (c != '\0' && strchr("<>()[],;:\"|", c) != NULL);
}

/* Where the local part that ends at end begins, not before from. */
static size_t local_part(struct span text, size_t from, size_t end) {
    size_t begin = end;
    if (begin > from && text.ptr[begin - 1] == '"') {
        for (begin--; begin > from && text.ptr[begin - 1] != '"';) begin--;
        return begin > from ? begin - 1 : begin;
    }
    while (begin > from && !separates(text.ptr[begin - 1])) begin--;
    return begin;
}

/* In a tag-list "l=40" is a tag; in z= an address follows a colon, a bar or a bracket. */
static bool is_quoted_sign(struct span text, size_t at, size_t begin) {
    if (text.len - at < 3 || memcmp(text.ptr + at, "=40", 3) != 0 || begin == at || begin == 0) return false;
    return strchr(":|<", text.ptr[begin - 1]) != NULL;
}

void address_mask_append(struct bytes *out, struct span text) {
    size_t written = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] != '@' && text.ptr[i] != '=') continue;
        size_t begin = local_part(text, written, i), sign = text.ptr[i] == '@' ? 1 : 3;
        if (sign == 3 && !is_quoted_sign(text, i, begin)) continue;
        bytes_append(out, (struct span){text.ptr + written, begin - written});
        if (begin < i) bytes_append_text(out, "***");
        bytes_append(out, (struct span){text.ptr + i, sign});
        written = i + sign;
        i = written - 1;
    }
    if (written < text.len) bytes_append(out, span_after(text, written));
}
