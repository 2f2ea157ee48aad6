#include "verifier/link_rewriter.h"
#include "base/ascii.h"
#include "base/base64.h"

enum how { PERCENT, DASHED, BASE64, MARKED, PATH };
enum { ADDRESS_MAX = 4096 };

#define LINK_REWRITER(name, host, how, parameter) {name, host, how, parameter},
static const struct rewriter {
    const char *name, *host;
    enum how how;
    const char *parameter;
} rewriters[] = {
#include "verifier/link_rewriters.def"
};
#undef LINK_REWRITER

static bool contains(struct span text, const char *word) {
    return text.len > 0 && memmem(text.ptr, text.len, word, strlen(word)) != NULL;
}

/* Between "://" and the next slash or question mark. */
static struct span host_of(struct span link) {
    const char *start = memmem(link.ptr, link.len, "://", 3);
    struct span host = span_after(link, (size_t)(start - link.ptr) + 3);
    size_t slash = span_find(host, '/'), query = span_find(host, '?');
    return span_first(host, slash < query ? slash : query);
}

static void put(struct bytes *out, char c, bool escape) {
    if (c == '&' && escape)
        bytes_append_text(out, "&amp;");
    else
        bytes_append_char(out, c);
}

static void decode_percent(struct span value, bool dashed, bool escape, struct bytes *out) {
    for (size_t i = 0; i < value.len; i++) {
        char c = value.ptr[i];
        if (dashed && c == '_') c = '/';
        bool is_escape = c == '%' || (dashed && c == '-');
        int high = is_escape && i + 2 < value.len ? ascii_hex_value(value.ptr[i + 1]) : -1;
        int low = high >= 0 ? ascii_hex_value(value.ptr[i + 2]) : -1;
        if (low >= 0) i += 2;
        put(out, low >= 0 ? (char)(high * 16 + low) : c, escape);
    }
}

static bool decode_base64(struct span value, bool escape, struct bytes *out) {
    uint8_t octets[ADDRESS_MAX];
    char padded[ADDRESS_MAX];
    size_t len = 0, decoded;
    for (; len < value.len && len + 4 < sizeof padded; len++)
        padded[len] = value.ptr[len] == '-' ? '+' : value.ptr[len] == '_' ? '/' : value.ptr[len];
    while (len % 4 != 0) padded[len++] = '=';
    if (base64_decode((struct span){padded, len}, BASE64_SPACE_REFUSED, octets, sizeof octets, &decoded) != BASE64_OK)
        return false;
    for (size_t i = 0; i < decoded; i++) put(out, (char)octets[i], escape);
    return decoded > 0;
}

/* The value of a parameter of the link's query; its & may be written &amp;. {NULL, 0}: absent. */
static struct span query_value(struct span link, const char *name) {
    size_t question = span_find(link, '?'), name_len = strlen(name);
    struct span rest = span_after(link, question < link.len ? question + 1 : question);
    while (rest.len > 0) {
        if (rest.len >= 4 && memcmp(rest.ptr, "amp;", 4) == 0) rest = span_after(rest, 4);
        size_t end = span_find(rest, '&');
        if (end > name_len && memcmp(rest.ptr, name, name_len) == 0 && rest.ptr[name_len] == '=')
            return (struct span){rest.ptr + name_len + 1, end - name_len - 1};
        rest = span_after(rest, end < rest.len ? end + 1 : end);
    }
    return (struct span){NULL, 0};
}

/* Proofpoint's third version writes * for each octet that it keeps in base64 behind ";". */
static bool decode_marked(struct span link, const char *mark, bool escape, struct bytes *out) {
    size_t len = strlen(mark);
    const char *start = memmem(link.ptr, link.len, mark, len);
    if (start == NULL) return false;
    struct span rest = span_after(link, (size_t)(start - link.ptr) + len);
    const char *end = memmem(rest.ptr, rest.len, mark, len);
    if (end == NULL) return false;
    struct span address = span_first(rest, (size_t)(end - rest.ptr));
    struct span kept = span_after(rest, address.len + len);
    uint8_t octets[ADDRESS_MAX];
    size_t count = 0, used = 0;
    if (kept.len > 0 && kept.ptr[0] == ';') {
        kept = span_after(kept, 1);
        const char *bang = memmem(kept.ptr, kept.len, "!!", 2);
        struct bytes text = bytes_with_cap(ADDRESS_MAX);
        if (bang != NULL) bytes_append(&text, span_first(kept, (size_t)(bang - kept.ptr)));
        while (text.len % 4 != 0 && bytes_append_char(&text, '=')) {}
        if (base64_decode(bytes_span(&text), BASE64_SPACE_REFUSED, octets, sizeof octets, &count) != BASE64_OK)
            count = 0;
        bytes_release(&text);
    }
    for (size_t i = 0; i < address.len; i++)
        put(out, address.ptr[i] == '*' && used < count ? (char)octets[used++] : address.ptr[i], escape);
    return address.len > 0;
}

static bool undo_one(const struct rewriter *rewriter, struct span link, bool escape, struct bytes *out) {
    struct span value = query_value(link, rewriter->parameter);
    size_t slash = link.len;
    switch (rewriter->how) {
    case PERCENT:
    case DASHED: decode_percent(value, rewriter->how == DASHED, escape, out); return value.len > 0;
    case BASE64: return value.len > 0 && decode_base64(value, escape, out);
    case MARKED: return decode_marked(link, rewriter->parameter, escape, out);
    default:
        while (slash > 0 && link.ptr[slash - 1] != '/') slash--;
        decode_percent(span_after(link, slash), false, escape, out);
        return slash < link.len;
    }
}

/* Octets of the link that text begins with. */
static size_t link_octets(struct span text) {
    size_t len = 0;
    while (len < text.len && ascii_is_graph(text.ptr[len]) && strchr("\"'<>()[]", text.ptr[len]) == NULL) len++;
    return len;
}

static const char *undo_link(struct span link, bool escape, struct bytes *out) {
    if (!contains(link, "://") || link.len > ADDRESS_MAX) return NULL;
    struct span host = host_of(link);
    for (size_t i = 0; i < sizeof rewriters / sizeof *rewriters; i++) {
        size_t before = out->len;
        if (contains(host, rewriters[i].host) && undo_one(&rewriters[i], link, escape, out)) return rewriters[i].name;
        out->len = before;
    }
    return NULL;
}

const char *link_rewriter_undo(struct span text, bool escape, struct bytes *out) {
    const char *name = NULL;
    while (text.len > 0) {
        const char *start = memmem(text.ptr, text.len, "http", 4);
        size_t plain = start != NULL ? (size_t)(start - text.ptr) : text.len;
        bytes_append(out, span_first(text, plain));
        text = span_after(text, plain);
        if (text.len == 0) break;
        size_t len = link_octets(text);
        const char *service = undo_link(span_first(text, len), escape, out);
        if (service == NULL)
            bytes_append(out, span_first(text, len));
        else
            name = service;
        text = span_after(text, len);
    }
    return name;
}
