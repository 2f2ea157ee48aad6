#include "proxy/header_edit.h"
#include <stdlib.h>
#include "base/ascii.h"

/* Stands between our field and a section that begins with a folded line. */
static const char notice[] = "X-Sceau-Notice: the header section began with a folded line\r\n";

static bool is_line_end(char c) { return c == '\r' || c == '\n'; }

void header_edit_init(struct header_edit *edit) { *edit = (struct header_edit){.run = NULL}; }

void header_edit_release(struct header_edit *edit) {
    free(edit->run);
    header_edit_init(edit);
}

/* The field at the start of text, read as a server would that takes bare CR and bare LF for line ends: up to the first
 * of them that no white space follows. The name is empty when it is no Authentication-Results field. */
static struct header_field lenient_field(struct span text) {
    static const char name[] = "Authentication-Results";
    struct header_field field = {.raw = {text.ptr, 0}};
    size_t at = sizeof name - 1, end;
    if (text.len < at || !span_is_nocase(span_first(text, at), name)) return field;
    for (end = at; end < text.len; end++)
        if (is_line_end(text.ptr[end]) && (end + 1 == text.len || !ascii_is_space(text.ptr[end + 1]))) break;
    while (at < end && ascii_is_wsp(text.ptr[at])) at++;
    if (at == end || text.ptr[at] != ':') return field;
    field.raw = span_first(text, end);
    field.name = span_first(text, sizeof name - 1);
    field.body = (struct span){text.ptr + at + 1, end - at - 1};
    return field;
}

/* Does raw hold, behind a bare CR or LF, a field that claims to be ours? */
static bool hides_claim(const struct authserv_id *id, struct span raw) {
    for (size_t at = 1; at < raw.len; at++) {
        if (!is_line_end(raw.ptr[at - 1]) || ascii_is_space(raw.ptr[at])) continue;
        struct header_field field = lenient_field(span_after(raw, at));
        if (field.name.len > 0 && authserv_id_claimed_by(id, &field)) return true;
    }
    return false;
}

bool header_edit_is_forged(const struct authserv_id *id, const struct header_field *field) {
    return authserv_id_claimed_by(id, field) || hides_claim(id, field->raw);
}

/* Appends octets, as part of the last run when they lie right behind it. */
static bool add_run(struct header_edit *edit, struct span octets) {
    if (octets.len == 0) return true;
    edit->octets += octets.len;
    struct span *last = edit->run_count > 0 ? &edit->run[edit->run_count - 1] : NULL;
    if (last != NULL && last->ptr + last->len == octets.ptr) {
        last->len += octets.len;
        return true;
    }
    if (edit->run_count == edit->room) {
        size_t room = edit->room > 0 ? edit->room * 2 : 8;
        struct span *run = realloc(edit->run, room * sizeof *run);
        if (run == NULL) return false;
        edit->run = run;
        edit->room = room;
    }
    edit->run[edit->run_count++] = octets;
    return true;
}

bool header_edit_build(struct header_edit *edit, const struct header_section *section, const struct authserv_id *id,
                       struct span added) {
    edit->run_count = edit->removed = 0;
    edit->octets = 0;
    bool fits = add_run(edit, added), is_first = true;
    for (size_t i = 0; i < section->count && fits; i++) {
        const struct header_field *field = &section->fields[i];
        if (header_edit_is_forged(id, field)) {
            edit->removed++;
            continue;
        }
        if (is_first && added.len > 0 && field->raw.len > 0 && ascii_is_wsp(field->raw.ptr[0]))
            fits = add_run(edit, span_of(notice));
        is_first = false;
        fits = fits && add_run(edit, field->raw);
    }
    if (section->ended_by_empty_line) fits = fits && add_run(edit, span_of("\r\n"));
    return fits;
}
