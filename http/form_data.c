#include "http/form_data.h"
#include "base/ascii.h"

enum { BOUNDARY_MAX = 70 }; /* RFC 2046 5.1.1 */

const char *form_data_status_text(enum form_data_status status) {
#define X(id, text) [id] = text,
    static const char *const texts[] = {FORM_DATA_STATUSES(X)};
#undef X
    return texts[status];
}

const struct form_field *form_data_find(const struct form_data *form, const char *name) {
    for (size_t i = 0; i < form->count; i++)
        if (span_is(form->field[i].name, name)) return &form->field[i];
    return NULL;
}

struct span form_data_value(const struct form_data *form, const char *name) {
    const struct form_field *field = form_data_find(form, name);
    return field != NULL ? field->value : (struct span){0};
}

static enum form_data_status add(struct form_data *form, struct form_field field) {
    if (form->count == FORM_DATA_FIELDS_MAX) return FORM_DATA_TOO_MANY;
    form->field[form->count++] = field;
    return FORM_DATA_OK;
}

/* --- application/x-www-form-urlencoded --- */

/* Into room, which has been given its memory before: spans into it stay. A % without two digits stands for itself. */
static struct span decode(struct span text, struct bytes *room) {
    size_t start = room->len;
    for (size_t i = 0; i < text.len; i++) {
        int high = text.ptr[i] == '%' && text.len - i > 2 ? ascii_hex_value(text.ptr[i + 1]) : -1;
        int low = high >= 0 ? ascii_hex_value(text.ptr[i + 2]) : -1;
        bytes_append_char(room, low >= 0 ? (char)(high * 16 + low) : text.ptr[i] == '+' ? ' ' : text.ptr[i]);
        if (low >= 0) i += 2;
    }
    return (struct span){room->ptr + start, room->len - start};
}

static enum form_data_status read_urlencoded(struct span body, struct bytes *room, struct form_data *form) {
    if (body.len == 0) return FORM_DATA_OK;
    if (!bytes_reserve(room, body.len)) return FORM_DATA_NO_MEMORY;
    for (bool more = true; more;) {
        size_t end = span_find(body, '&');
        struct span pair = span_first(body, end);
        more = end < body.len;
        body = span_after(body, end + more);
        if (pair.len == 0) continue;
        size_t equals = span_find(pair, '=');
        struct form_field field = {.name = decode(span_first(pair, equals), room)};
        field.value = decode(span_after(pair, equals + (equals < pair.len)), room);
        enum form_data_status status = add(form, field);
        if (status != FORM_DATA_OK) return status;
    }
    return FORM_DATA_OK;
}

/* --- parameters of header fields --- */

/* Takes "name=value" or name="value" off *text, which stands behind a semicolon. False: there is none. A backslash
 * stays: browsers write a quote as %22 (RFC 7578 section 2), and a Windows path has backslashes. */
static bool take_parameter(struct span *text, struct span *name, struct span *value) {
    struct span rest = span_trim(*text);
    size_t equals = span_find(rest, '=');
    if (equals == rest.len) return false;
    *name = span_trim(span_first(rest, equals));
    rest = span_trim(span_after(rest, equals + 1));
    bool is_quoted = rest.len > 0 && rest.ptr[0] == '"';
    if (is_quoted) rest = span_after(rest, 1);
    size_t end = span_find(rest, is_quoted ? '"' : ';');
    if (is_quoted && end == rest.len) return false;
    *value = is_quoted ? span_first(rest, end) : span_trim(span_first(rest, end));
    rest = span_after(rest, end);
    size_t semicolon = span_find(rest, ';');
    *text = span_after(rest, semicolon + (semicolon < rest.len));
    return true;
}

static bool find_parameter(struct span field, const char *wanted, struct span *value) {
    size_t semicolon = span_find(field, ';');
    struct span rest = span_after(field, semicolon + (semicolon < field.len)), name;
    while (take_parameter(&rest, &name, value))
        if (span_is_nocase(name, wanted)) return true;
    return false;
}

static bool is_type(struct span content_type, const char *type) {
    return span_is_nocase(span_trim(span_first(content_type, span_find(content_type, ';'))), type);
}

/* --- multipart/form-data --- */

static bool starts(struct span text, struct span with) {
    return text.len >= with.len && span_equal(span_first(text, with.len), with);
}

/* Offset of the next CRLF in front of "--boundary", or text.len. */
static size_t find_delimiter(struct span text, struct span boundary) {
    for (size_t at = 0; at < text.len; at++) {
        at += span_find(span_after(text, at), '\r');
        struct span rest = span_after(text, at);
        if (starts(rest, span_of("\r\n--")) && starts(span_after(rest, 4), boundary)) return at;
    }
    return text.len;
}

/* The fields of a part, up to the empty line; *part is then its content. */
static bool take_head(struct span *part, struct form_field *field, bool *has_name) {
    *has_name = false;
    for (;;) {
        size_t end = span_find(*part, '\n');
        if (end == part->len || end == 0 || part->ptr[end - 1] != '\r') return false;
        struct span line = span_first(*part, end - 1);
        *part = span_after(*part, end + 1);
        if (line.len == 0) return true;
        size_t colon = span_find(line, ':');
        if (colon == line.len) return false;
        if (!span_is_nocase(span_first(line, colon), "Content-Disposition")) continue;
        struct span disposition = span_after(line, colon + 1), ignored;
        *has_name = find_parameter(disposition, "name", &field->name);
        field->is_file = find_parameter(disposition, "filename", &ignored);
    }
}

/* body stands behind a boundary: at the line end in front of a part, or at the "--" that ends all. */
static enum form_data_status take_part(struct span *body, struct span boundary, struct form_data *form) {
    struct form_field field = {0};
    bool has_name;
    if (!starts(*body, span_of("\r\n"))) return FORM_DATA_MALFORMED;
    *body = span_after(*body, 2);
    if (!take_head(body, &field, &has_name)) return FORM_DATA_MALFORMED;
    /* An empty value: its delimiter's line end is the one that ended the head. */
    size_t end =
        starts(*body, span_of("--")) && starts(span_after(*body, 2), boundary) ? 0 : find_delimiter(*body, boundary);
    bool is_direct = end == 0 && starts(*body, span_of("--"));
    if (end == body->len) return FORM_DATA_MALFORMED;
    field.value = span_first(*body, end);
    *body = span_after(*body, end + (is_direct ? 2 : 4) + boundary.len);
    return has_name ? add(form, field) : FORM_DATA_MALFORMED;
}

static enum form_data_status read_multipart(struct span content_type, struct span body, struct form_data *form) {
    struct span boundary;
    if (!find_parameter(content_type, "boundary", &boundary) || boundary.len == 0 || boundary.len > BOUNDARY_MAX)
        return FORM_DATA_MALFORMED;
    if (!starts(body, span_of("--")) || !starts(span_after(body, 2), boundary)) return FORM_DATA_MALFORMED;
    body = span_after(body, 2 + boundary.len);
    while (!starts(body, span_of("--"))) {
        enum form_data_status status = take_part(&body, boundary, form);
        if (status != FORM_DATA_OK) return status;
    }
    return FORM_DATA_OK;
}

enum form_data_status form_data_read(struct span content_type, struct span body, struct bytes *room,
                                     struct form_data *out) {
    enum form_data_status status = FORM_DATA_OTHER_TYPE;
    out->count = 0;
    if (is_type(content_type, "application/x-www-form-urlencoded"))
        status = read_urlencoded(body, room, out);
    else if (is_type(content_type, "multipart/form-data"))
        status = read_multipart(content_type, body, out);
    if (status != FORM_DATA_OK) out->count = 0;
    return status;
}
