#include "verifier/pasted_header.h"
#include "base/ascii.h"

/* The line text begins with, without its end; *taken counts that too. CRLF, LF and CR alone all end one. */
static struct span next_line(struct span text, size_t *taken) {
    size_t len = 0;
    while (len < text.len && text.ptr[len] != '\r' && text.ptr[len] != '\n') len++;
    *taken = len;
    if (*taken < text.len && text.ptr[*taken] == '\r') ++*taken;
    if (*taken < text.len && text.ptr[*taken] == '\n') ++*taken;
    return span_first(text, len);
}

void pasted_header_read(struct span text, struct bytes *out) {
    bool any = false;
    while (text.len > 0) {
        size_t taken;
        struct span line = next_line(text, &taken);
        text = span_after(text, taken);
        bool is_empty = span_trim(line).len == 0;
        if (is_empty && any) break;
        if (is_empty) continue;
        bytes_append(out, line);
        bytes_append_text(out, "\r\n");
        any = true;
    }
    bytes_append_text(out, "\r\n");
}

/* "Name:", of letters, digits, - and _ only: what stands in folded lines (h=from:to, times, addresses) has other
 * characters before its first colon, but for the addresses of web pages. */
static bool begins_field(struct span line) {
    size_t colon = span_find(line, ':');
    if (colon == 0 || colon == line.len) return false;
    for (size_t i = 0; i < colon; i++)
        if (!ascii_is_alnum(line.ptr[i]) && line.ptr[i] != '-' && line.ptr[i] != '_') return false;
    return !(colon + 2 < line.len && line.ptr[colon + 1] == '/' && line.ptr[colon + 2] == '/');
}

bool pasted_header_repair(struct span section, struct bytes *out) {
    bool any = false, is_first = true;
    size_t before = out->len;
    while (section.len > 0) {
        size_t taken;
        struct span line = next_line(section, &taken);
        bool is_rest = !is_first && line.len > 0 && !ascii_is_wsp(line.ptr[0]) && !begins_field(line);
        if (is_rest) bytes_append_char(out, ' ');
        bytes_append(out, span_first(section, taken));
        section = span_after(section, taken);
        any |= is_rest;
        is_first = false;
    }
    if (!any) out->len = before;
    return any && !out->failed;
}
