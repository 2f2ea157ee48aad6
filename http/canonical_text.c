#include "http/canonical_text.h"
#include "base/ascii.h"

/* Runs of white space become a blank; with folds, CRLF is white space too. Those at the end are left out, and those at the
 * start where is_start. */
static void append_squeezed(struct bytes *out, struct span text, bool has_folds, bool is_start) {
    bool blank = false;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        bool is_fold = has_folds && c == '\r' && i + 1 < text.len && text.ptr[i + 1] == '\n';
        if (is_fold) {
            i++; /* the white space behind it counts */
        } else if (ascii_is_wsp(c)) {
            blank = true;
        } else {
            if (blank && !is_start) bytes_append_char(out, ' ');
            bytes_append_char(out, c);
            blank = is_start = false;
        }
    }
}

static void append_field(struct bytes *out, enum canonicalization kind, const struct header_field *field, struct span body) {
    if (kind == CANON_SIMPLE) {
        bytes_append(out, (struct span){field->raw.ptr, (size_t)(field->body.ptr - field->raw.ptr)});
        bytes_append(out, body);
        return;
    }
    for (size_t i = 0; i < field->name.len; i++) bytes_append_char(out, ascii_lower(field->name.ptr[i]));
    bytes_append_char(out, ':');
    append_squeezed(out, body, true, true);
}

/* The lowest field called name that lies above index *below, which becomes its own. */
static const struct header_field *field_above(const struct header_section *section, struct span name, size_t *below) {
    while (*below > 0) {
        const struct header_field *field = &section->fields[--*below];
        if (span_equal_nocase(field->name, name)) return field;
    }
    return NULL;
}

/* Section 5.4.2: the n-th mention of a name means the n-th field from the bottom. */
static const struct header_field *signed_field(const struct header_section *section, const struct dkim_signature *signature, size_t at) {
    size_t below = section->count;
    const struct header_field *field = field_above(section, signature->signed_names[at], &below);
    for (size_t i = 0; i < at && field != NULL; i++)
        if (span_equal_nocase(signature->signed_names[i], signature->signed_names[at]))
            field = field_above(section, signature->signed_names[at], &below);
    return field;
}

void canonical_text_header(struct bytes *out, const struct header_section *section, const struct dkim_signature *signature,
                           const struct header_field *field) {
    for (size_t i = 0; i < signature->signed_count && !out->failed; i++) {
        const struct header_field *one = signed_field(section, signature, i);
        if (one == NULL) continue;
        append_field(out, signature->header_canon, one, one->body);
        bytes_append_text(out, "\r\n");
    }
    /* The signature itself, b= empty: cut in two at its value. */
    struct span value = signature->signature_value, body = field->body;
    struct bytes own = bytes_with_cap(body.len + 1);
    size_t front = value.ptr != NULL ? (size_t)(value.ptr - body.ptr) : body.len;
    bytes_append(&own, span_first(body, front));
    bytes_append(&own, span_after(body, front + value.len));
    append_field(out, signature->header_canon, field, bytes_span(&own));
    bytes_release(&own);
}

/* What has been written of a body. */
struct body_text {
    struct bytes *out;
    uint64_t octets, limit; /* of the canonical text so far; that count */
    size_t empty_lines;     /* held back: they may be the end */
    size_t lines, lines_max;
};

static void put(struct body_text *text, struct span octets) {
    uint64_t room = text->limit > text->octets ? text->limit - text->octets : 0;
    text->octets += octets.len;
    if (text->lines >= text->lines_max) return;
    bytes_append(text->out, octets.len > room ? span_first(octets, (size_t)room) : octets);
}

static void put_line(struct body_text *text, struct span line) {
    for (; text->empty_lines > 0; text->empty_lines--, text->lines++) put(text, span_of("\r\n"));
    put(text, line);
    put(text, span_of("\r\n"));
    text->lines++;
}

/* Where the line ends, at its CRLF or with the text. */
static size_t line_end(struct span text) {
    for (size_t i = span_find(text, '\n'); i < text.len; i += 1 + span_find(span_after(text, i + 1), '\n'))
        if (i > 0 && text.ptr[i - 1] == '\r') return i - 1;
    return text.len;
}

uint64_t canonical_text_body(struct bytes *out, enum canonicalization kind, bool has_limit, uint64_t limit, struct span body,
                             size_t lines) {
    struct body_text text = {.out = out, .limit = has_limit ? limit : UINT64_MAX, .lines_max = lines};
    struct bytes line = bytes_with_cap(body.len + 1);
    while (body.len > 0) {
        size_t end = line_end(body);
        struct span raw = span_first(body, end);
        bytes_clear(&line);
        if (kind == CANON_RELAXED) append_squeezed(&line, raw, false, false);
        struct span shown = kind == CANON_RELAXED ? bytes_span(&line) : raw;
        if (shown.len == 0)
            text.empty_lines++;
        else
            put_line(&text, shown);
        body = span_after(body, end < body.len ? end + 2 : end);
    }
    if (kind == CANON_SIMPLE && text.octets == 0) { /* section 3.4.3: an empty body is one line end */
        text.empty_lines = 0;
        put_line(&text, (struct span){NULL, 0});
    }
    bytes_release(&line);
    return text.octets < text.limit ? text.octets : text.limit;
}
