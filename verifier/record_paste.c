#include "verifier/record_paste.h"
#include <stdint.h>
#include "base/ascii.h"
#include "base/bytes.h"

enum { STRINGS_MAX = 512 };

/* --- a zone file's line ------------------------------------------------------------------------------------------ */

static struct span skip_space(struct span text) {
    size_t len = 0;
    while (len < text.len && ascii_is_space(text.ptr[len])) len++;
    return span_after(text, len);
}

static struct span take_word(struct span *rest) {
    *rest = skip_space(*rest);
    size_t len = 0;
    while (len < rest->len && !ascii_is_space(rest->ptr[len]) && rest->ptr[len] != '"') len++;
    struct span word = span_first(*rest, len);
    *rest = span_after(*rest, len);
    return word;
}

static bool is_ttl(struct span word) {
    return word.len > 0 && ascii_is_digit(word.ptr[0]) && span_find(word, '.') == word.len;
}

/* "owner 300 IN TXT": its data in *data; false: text is no such line. */
static bool read_zone_head(struct span text, struct record_paste *out, struct span *data) {
    struct span rest = text, word;
    for (size_t i = 0; i < 4 && (word = take_word(&rest)).len > 0; i++) {
        bool is_txt = span_is_nocase(word, "TXT");
        if (is_txt || span_is_nocase(word, "CNAME")) {
            if (rest.len == 0) break;
            out->kind = is_txt ? RECORD_PASTE_ZONE_TXT : RECORD_PASTE_ZONE_CNAME;
            *data = rest;
            return true;
        }
        bool is_filler = is_ttl(word) || span_is_nocase(word, "IN");
        if (i > 0 && !is_filler) break;
        if (!is_filler) out->owner = word;
    }
    out->owner = (struct span){NULL, 0};
    return false;
}

/* --- strings ----------------------------------------------------------------------------------------------------- */

/* One quoted string, its opening quote gone, escapes undone (RFC 1035 section 5.1). */
static void take_string(struct span *rest, struct bytes *out) {
    size_t at = 0;
    while (at < rest->len && rest->ptr[at] != '"') {
        if (rest->ptr[at] == '\\' && at + 1 < rest->len) at++;
        bytes_append_char(out, rest->ptr[at++]);
    }
    *rest = span_after(*rest, at < rest->len ? at + 1 : at);
}

static void end_string(struct bytes *lengths, size_t len, struct record_paste *out) {
    if (len > out->longest) out->longest = len;
    if (lengths->len < STRINGS_MAX) bytes_append_char(lengths, (char)(uint8_t)(len < 255 ? len : 255));
}

static bool keep(struct arena *arena, struct bytes *bytes, struct span *out) {
    *out = bytes->len > 0 ? arena_copy(arena, bytes_span(bytes)) : (struct span){NULL, 0};
    return !bytes->failed && out->len == bytes->len;
}

/* Quoted strings, in parentheses or not; what stands between them is dropped. */
static bool read_strings(struct span data, struct arena *arena, struct record_paste *out) {
    struct bytes text = bytes_with_cap(RECORD_PASTE_MAX), lengths = bytes_with_cap(STRINGS_MAX);
    for (size_t quote = span_find(data, '"'); quote < data.len; quote = span_find(data, '"')) {
        size_t before = text.len;
        data = span_after(data, quote + 1);
        take_string(&data, &text);
        end_string(&lengths, text.len - before, out);
    }
    bool good = keep(arena, &text, &out->text) && keep(arena, &lengths, &out->strings);
    bytes_release(&text);
    bytes_release(&lengths);
    return good;
}

/* Nothing but quoted strings, blanks and parentheses? */
static bool is_strings(struct span text) {
    bool inside = false, any = false;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c == '"') {
            inside = !inside;
            any = true;
        } else if (inside && c == '\\') {
            i++;
        } else if (!inside && !ascii_is_space(c) && c != '(' && c != ')') {
            return false;
        }
    }
    return any && !inside;
}

/* --- a form ------------------------------------------------------------------------------------------------------ */

/* The tag in "... (x=) : value" or "... (t=y) : yes"; '\0': none. *flag: y, s or '\0'; *value: what stands behind. */
static char form_tag(struct span line, char *flag, struct span *value) {
    for (size_t i = 0; i + 3 < line.len; i++) {
        if (line.ptr[i] != '(' || line.ptr[i + 2] != '=') continue;
        char tag = line.ptr[i + 1];
        bool has_flag = i + 4 < line.len && line.ptr[i + 3] != ')' && line.ptr[i + 4] == ')';
        if ((line.ptr[i + 3] != ')' && !has_flag) || tag == '\0' || strchr("vghknpst", tag) == NULL) continue;
        *flag = has_flag ? line.ptr[i + 3] : '\0';
        *value = span_trim(span_after(line, i + (has_flag ? 5 : 4)));
        if (value->len > 0 && value->ptr[0] == ':') *value = span_trim(span_after(*value, 1));
        return tag;
    }
    return '\0';
}

static bool says_yes(struct span value) {
    static const char *const words[] = {"oui", "yes", "on", "true", "1", "x", "y", "s", "☑", "✔", "✓"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (span_is_nocase(value, words[i])) return true;
    return false;
}

static struct span take_line(struct span *rest) {
    size_t len = span_find(*rest, '\n');
    struct span line = span_first(*rest, len);
    *rest = span_after(*rest, len < rest->len ? len + 1 : len);
    return line;
}

static void append_tag(struct bytes *out, char tag, struct span value) {
    if (out->len > 0) bytes_append_char(out, ';');
    bytes_append_char(out, tag);
    bytes_append_char(out, '=');
    bytes_append(out, value);
}

/* Both flags make one t=. Fields that were left empty are not sent by a form, but for p= of a revoked key. */
static bool read_form(struct span text, struct arena *arena, struct record_paste *out) {
    struct bytes record = bytes_with_cap(RECORD_PASTE_MAX + 64);
    char flags[4] = "";
    size_t tags = 0, flag_count = 0;
    while (text.len > 0) {
        char flag;
        struct span value, line = take_line(&text);
        char tag = form_tag(line, &flag, &value);
        if (tag == '\0') continue;
        tags++;
        if (flag != '\0' && says_yes(value) && flag_count < 3) {
            if (flag_count > 0) flags[flag_count++] = ':';
            flags[flag_count++] = flag;
        } else if (flag == '\0' && (value.len > 0 || tag == 'p')) {
            append_tag(&record, tag, value);
        }
    }
    if (flag_count > 0) append_tag(&record, 't', (struct span){flags, flag_count});
    bool good = true;
    if (tags > 0) {
        out->kind = RECORD_PASTE_FORM;
        good = keep(arena, &record, &out->text);
    }
    bytes_release(&record);
    return good;
}

bool record_paste_read(struct span text, struct arena *arena, struct record_paste *out) {
    struct span data;
    *out = (struct record_paste){.kind = RECORD_PASTE_TEXT};
    if (text.len > RECORD_PASTE_MAX) text.len = RECORD_PASTE_MAX;
    text = span_trim(text);
    out->text = text;
    if (read_zone_head(text, out, &data)) {
        if (out->kind == RECORD_PASTE_ZONE_CNAME) {
            out->target = take_word(&data);
            out->text = (struct span){NULL, 0};
            return true;
        }
        out->text = span_trim(data);
        return span_find(data, '"') == data.len || read_strings(data, arena, out);
    }
    if (is_strings(text)) {
        out->kind = RECORD_PASTE_STRINGS;
        return read_strings(text, arena, out);
    }
    return read_form(text, arena, out);
}
