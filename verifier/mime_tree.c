#include "verifier/mime_tree.h"
#include "base/ascii.h"

/* Octets of the line that text begins with, its line feed included. */
static size_t line_octets(struct span text) {
    size_t end = span_find(text, '\n');
    return end < text.len ? end + 1 : end;
}

static struct span without_line_end(struct span line) {
    if (line.len > 0 && line.ptr[line.len - 1] == '\n') line.len--;
    if (line.len > 0 && line.ptr[line.len - 1] == '\r') line.len--;
    return line;
}

static bool starts_nocase(struct span text, const char *start) {
    size_t len = strlen(start);
    return text.len >= len && span_equal_nocase(span_first(text, len), (struct span){start, len});
}

struct span mime_header_value(struct span header, const char *name) {
    size_t name_len = strlen(name);
    while (header.len > 0) {
        size_t len = line_octets(header);
        while (len < header.len && ascii_is_wsp(header.ptr[len])) len += line_octets(span_after(header, len));
        struct span field = span_first(header, len);
        if (starts_nocase(field, name) && field.len > name_len && field.ptr[name_len] == ':')
            return span_trim(span_after(field, name_len + 1));
        header = span_after(header, len);
    }
    return (struct span){NULL, 0};
}

struct span mime_parameter(struct span value, const char *name) {
    size_t name_len = strlen(name);
    while (value.len > 0) {
        size_t semicolon = span_find(value, ';');
        value = span_trim(span_after(value, semicolon < value.len ? semicolon + 1 : semicolon));
        if (!starts_nocase(value, name)) continue;
        struct span rest = span_trim(span_after(value, name_len));
        if (rest.len == 0 || rest.ptr[0] != '=') continue;
        rest = span_trim(span_after(rest, 1));
        if (rest.len > 0 && rest.ptr[0] == '"') {
            rest = span_after(rest, 1);
            return span_first(rest, span_find(rest, '"'));
        }
        return span_trim(span_first(rest, span_find(rest, ';')));
    }
    return (struct span){NULL, 0};
}

static enum mime_coding coding_of(struct span encoding) {
    if (span_is_nocase(encoding, "quoted-printable")) return MIME_QUOTED_PRINTABLE;
    if (span_is_nocase(encoding, "base64")) return MIME_BASE64;
    if (encoding.len == 0 || span_is_nocase(encoding, "7bit") || span_is_nocase(encoding, "8bit") ||
        span_is_nocase(encoding, "binary"))
        return MIME_IDENTITY;
    return MIME_UNKNOWN;
}

static void add_leaf(struct mime_tree *tree, struct span header, struct span body, struct span type,
                     struct span encoding) {
    if (tree->count == MIME_LEAVES_MAX) return;
    tree->leaf[tree->count++] = (struct mime_leaf){
        .header = header,
        .body = body,
        .type = type,
        .encoding = encoding,
        .coding = coding_of(encoding),
        .is_text = type.len == 0 || starts_nocase(type, "text/"),
        .is_html = starts_nocase(type, "text/html"),
    };
}

/* Where the reader stands. */
struct reader {
    struct mime_tree *tree;
    struct span body, boundary[MIME_LEVELS_MAX];
    size_t levels, first_start;
    bool in_leaf, in_first;             /* between delimiters of a leaf; inside the outermost multipart's first part */
    struct span header, type, encoding; /* of the leaf */
    size_t leaf_start;
};

static bool push(struct reader *reader, struct span type) {
    struct span boundary = mime_parameter(type, "boundary");
    if (!starts_nocase(type, "multipart/") || boundary.len == 0 || reader->levels == MIME_LEVELS_MAX) return false;
    reader->boundary[reader->levels++] = boundary;
    return true;
}

/* The level whose delimiter line is, 1 for the outermost; 0: none. */
static size_t delimiter_level(const struct reader *reader, struct span line, bool *closes) {
    if (line.len < 3 || line.ptr[0] != '-' || line.ptr[1] != '-') return 0;
    line = span_after(line, 2);
    for (size_t level = reader->levels; level > 0; level--) {
        struct span boundary = reader->boundary[level - 1];
        if (line.len < boundary.len || !span_equal(span_first(line, boundary.len), boundary)) continue;
        struct span rest = span_after(line, boundary.len);
        *closes = rest.len >= 2 && rest.ptr[0] == '-' && rest.ptr[1] == '-';
        rest = span_trim(span_after(rest, *closes ? 2 : 0));
        if (rest.len == 0) return level;
    }
    return 0;
}

/* Body octets from start up to the delimiter line at end, without the line end before it, which is the delimiter's. */
static struct span between(const struct reader *reader, size_t start, size_t end) {
    return without_line_end((struct span){reader->body.ptr + start, end > start ? end - start : 0});
}

static void end_leaf(struct reader *reader, size_t end) {
    if (!reader->in_leaf) return;
    add_leaf(reader->tree, reader->header, between(reader, reader->leaf_start, end), reader->type, reader->encoding);
    reader->in_leaf = false;
}

static void end_first(struct reader *reader, size_t end) {
    if (!reader->in_first) return;
    reader->tree->first_body = between(reader, reader->first_start, end);
    reader->in_first = false;
}

/* A part begins at at; returns where its body does. */
static size_t begin_part(struct reader *reader, size_t level, size_t at) {
    struct span rest = span_after(reader->body, at);
    size_t len = 0, line;
    do {
        line = line_octets(span_after(rest, len));
        len += line;
    } while (line > 0 && without_line_end(span_first(span_after(rest, len - line), line)).len > 0);
    reader->header = span_first(rest, len);
    reader->type = mime_header_value(reader->header, "content-type");
    reader->encoding = mime_header_value(reader->header, "content-transfer-encoding");
    if (level == 1 && reader->tree->first_header.ptr == NULL) {
        reader->tree->first_header = reader->header;
        reader->first_start = at + len;
        reader->in_first = true;
    }
    reader->leaf_start = at + len;
    reader->in_leaf = !push(reader, reader->type);
    return at + len;
}

static void read_parts(struct reader *reader) {
    for (size_t at = 0, len; at < reader->body.len; at += len) {
        struct span rest = span_after(reader->body, at);
        len = line_octets(rest);
        bool closes = false;
        size_t level = delimiter_level(reader, without_line_end(span_first(rest, len)), &closes);
        if (level == 0) continue;
        end_leaf(reader, at);
        if (level == 1) end_first(reader, at);
        reader->levels = closes ? level - 1 : level;
        if (closes && level == 1) reader->tree->is_closed = true;
        if (closes) continue;
        at = begin_part(reader, level, at + len);
        len = 0;
    }
    end_leaf(reader, reader->body.len);
    end_first(reader, reader->body.len);
}

void mime_tree_read(struct span type, struct span encoding, struct span body, struct mime_tree *out) {
    struct reader reader = {.tree = out, .body = body};
    *out = (struct mime_tree){.is_closed = true};
    if (push(&reader, type)) {
        out->is_multipart = true;
        out->is_closed = false;
        read_parts(&reader);
    }
    if (out->count == 0) add_leaf(out, (struct span){NULL, 0}, body, type, encoding);
}
