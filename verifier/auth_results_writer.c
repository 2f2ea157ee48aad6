#include "verifier/auth_results_writer.h"
#include "base/ascii.h"
#include "base/utf8.h"
#include "verifier/domain_name.h"

enum {
    LOCAL_PART_MAX = 64, /* RFC 5321 section 4.5.3.1.1 */
};

/* 78 octets a line: RFC 5322 section 2.1.1; its hard limit of 998 is all that breaks a line of the provider's. */
static const struct layout {
    size_t fold_at;
    const char *fold;
} layouts[] = {[AUTH_RESULTS_STANDARD] = {78, "\r\n\t"}, [AUTH_RESULTS_PROVIDER] = {990, "\r\n       "}};

struct auth_results_writer auth_results_writer_to(struct bytes *out, size_t column, enum auth_results_style style) {
    return (struct auth_results_writer){
        .out = out, .unit = bytes_with_cap(AUTH_RESULTS_UNIT_MAX), .style = style, .column = column};
}

static void put(struct auth_results_writer *writer, struct span unit) {
    const struct layout *layout = &layouts[writer->style];
    if (writer->wants_line || writer->column + 1 + unit.len + 1 > layout->fold_at) { /* the last 1: a semicolon may follow */
        bytes_append_text(writer->out, layout->fold);
        writer->column = strlen(layout->fold) - 2;
    } else {
        bytes_append_char(writer->out, ' ');
        writer->column++;
    }
    writer->wants_line = false;
    bytes_append(writer->out, unit);
    writer->column += unit.len;
}

/* --- values ------------------------------------------------------------------------------------------------------ */

static bool is_special(char c) { /* RFC 2045 tspecials */
    switch (c) {
    case '(':
    case ')':
    case '<':
    case '>':
    case '@':
    case ',':
    case ';':
    case ':':
    case '\\':
    case '"':
    case '/':
    case '[':
    case ']':
    case '?':
    case '=': return true;
    default: return false;
    }
}

/* RFC 2045 token. */
static bool is_token(struct span text) {
    for (size_t i = 0; i < text.len; i++)
        if (!ascii_is_graph(text.ptr[i]) || is_special(text.ptr[i])) return false;
    return text.len > 0;
}

static bool is_c1_control(struct span sequence) {
    return sequence.len == 2 && sequence.ptr[0] == '\xc2' && (unsigned char)sequence.ptr[1] < 0xa0;
}

/* The octets of text that may stand in a quoted-string: no controls; UTF-8 where wanted and valid, else ASCII only. */
static bool append_quoted(struct bytes *out, struct span text, bool utf8) {
    size_t before = out->len, kept = 0;
    bytes_append_char(out, '"');
    for (size_t len; text.len > 0; text = span_after(text, len)) {
        size_t sequence = utf8_sequence(text);
        len = sequence > 0 ? sequence : 1;
        struct span one = span_first(text, len);
        if (sequence == 0 || ascii_is_control(*one.ptr) || (len > 1 && !utf8) || is_c1_control(one)) continue;
        if (*one.ptr == '"' || *one.ptr == '\\') bytes_append_char(out, '\\');
        bytes_append(out, one);
        kept++;
    }
    bytes_append_char(out, '"');
    if (kept == 0 && !out->failed) out->len = before;
    return kept > 0;
}

/* Appends value to the unit, as it is when it is a token or bare says that it may stand so. False: nothing is left of
 * it. */
static bool append_value(struct auth_results_writer *writer, struct span value, bool bare, bool utf8) {
    if (value.len > 0 && (bare || is_token(value))) return bytes_append(&writer->unit, value);
    return append_quoted(&writer->unit, value, utf8);
}

void auth_results_put_bare_value(struct auth_results_writer *writer, struct span value) {
    size_t before = writer->out->len;
    bytes_clear(&writer->unit);
    append_value(writer, value, false, false);
    bytes_append(writer->out, bytes_span(&writer->unit));
    writer->column += writer->out->len - before;
}

static void put_property(struct auth_results_writer *writer, const char *name, struct span value, bool bare, bool utf8) {
    bytes_clear(&writer->unit);
    bytes_append_text(&writer->unit, name);
    bytes_append_char(&writer->unit, '=');
    if (append_value(writer, value, bare, utf8) && !writer->unit.failed) put(writer, bytes_span(&writer->unit));
}

void auth_results_put_property(struct auth_results_writer *writer, const char *name, struct span value) {
    put_property(writer, name, value, false, false);
}

void auth_results_put_name(struct auth_results_writer *writer, const char *name, struct span value) {
    char ascii[DOMAIN_NAME_MAX];
    size_t len = domain_name_write(value, false, ascii);
    put_property(writer, name, len > 0 ? (struct span){ascii, len} : value, false, false);
}

void auth_results_put_address(struct auth_results_writer *writer, const char *name, struct span value) {
    size_t at = value.len;
    while (at > 0 && value.ptr[at - 1] != '@') at--;
    char whole[LOCAL_PART_MAX + 1 + DOMAIN_NAME_MAX];
    size_t len = at > 0 && at <= LOCAL_PART_MAX + 1 ? domain_name_write(span_after(value, at), false, whole + at) : 0;
    if (len == 0) {
        put_property(writer, name, value, false, true);
        return;
    }
    memcpy(whole, value.ptr, at);
    bool bare = at == 1 || is_token(span_first(value, at - 1));
    put_property(writer, name, (struct span){whole, at + len}, bare, true);
}

void auth_results_put_method(struct auth_results_writer *writer, const char *method, enum auth_result result) {
    bytes_clear(&writer->unit);
    bytes_append_text(&writer->unit, method);
    bytes_append_char(&writer->unit, '=');
    bytes_append_text(&writer->unit, auth_result_word(result));
    put(writer, bytes_span(&writer->unit));
}

void auth_results_end_result(struct auth_results_writer *writer) {
    bytes_append_char(writer->out, ';');
    writer->wants_line = true;
}

/* --- comments ---------------------------------------------------------------------------------------------------- */

void auth_results_begin_comment(struct auth_results_writer *writer) {
    bytes_clear(&writer->unit);
    bytes_append_char(&writer->unit, '(');
}

void auth_results_add_words(struct auth_results_writer *writer, const char *before, const char *after) {
    if (writer->unit.len > 1) bytes_append_text(&writer->unit, ", ");
    bytes_append_text(&writer->unit, before);
    bytes_append_text(&writer->unit, after);
}

void auth_results_add_fact(struct auth_results_writer *writer, const char *text) {
    auth_results_add_words(writer, text, "");
}

void auth_results_add_count(struct auth_results_writer *writer, const char *before, uint64_t count, const char *after) {
    auth_results_add_words(writer, before, "");
    bytes_append_uint(&writer->unit, count);
    bytes_append_text(&writer->unit, after);
}

/* Whole on a line where it fits, else folded at its blanks. */
void auth_results_end_comment(struct auth_results_writer *writer) {
    if (writer->unit.len <= 1) return;
    bytes_append_char(&writer->unit, ')');
    struct span comment = bytes_span(&writer->unit);
    if (writer->unit.failed) return;
    if (comment.len + 2 <= layouts[writer->style].fold_at) {
        put(writer, comment);
        return;
    }
    while (comment.len > 0) {
        size_t len = span_find(comment, ' ');
        put(writer, span_first(comment, len));
        comment = span_after(comment, len < comment.len ? len + 1 : len);
    }
}

/* --- coming back ------------------------------------------------------------------------------------------------- */

struct auth_results_mark auth_results_mark(const struct auth_results_writer *writer) {
    return (struct auth_results_mark){writer->out->len, writer->column, writer->wants_line};
}

void auth_results_back_to(struct auth_results_writer *writer, struct auth_results_mark mark) {
    writer->out->len = mark.len;
    writer->column = mark.column;
    writer->wants_line = mark.wants_line;
}
