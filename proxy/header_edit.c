#include "proxy/header_edit.h"
#include <stdlib.h>
#include "base/arena.h"
#include "base/ascii.h"

enum { LINE_WANTED = 78 }; /* octets of a line (RFC 5322 section 2.1.1) */

/* Stands between our field and a section that begins with a folded line. */
static const char notice[] = "X-Sceau-Notice: the header section began with a folded line\r\n";

void header_edit_init(struct header_edit *edit) { *edit = (struct header_edit){.run = NULL}; }

void header_edit_release(struct header_edit *edit) {
    free(edit->run);
    free(edit->kept.fields);
    header_edit_init(edit);
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

bool header_edit_sort(struct header_edit *edit, const struct header_section *section, const struct authserv_id *id) {
    struct header_field *fields = reallocarray(edit->kept.fields, section->count + 1, sizeof *fields);
    if (fields == NULL) return false;
    edit->kept = *section;
    edit->kept.fields = fields;
    edit->kept.count = edit->removed = 0;
    for (size_t i = 0; i < section->count; i++) {
        if (authserv_id_claimed_by(id, &section->fields[i]))
            edit->removed++;
        else
            fields[edit->kept.count++] = section->fields[i];
    }
    return true;
}

void header_edit_remove(struct header_edit *edit, struct span name) {
    struct header_section *kept = &edit->kept;
    size_t count = 0;
    for (size_t i = 0; i < kept->count; i++)
        if (!span_equal_nocase(kept->fields[i].name, name)) kept->fields[count++] = kept->fields[i];
    kept->count = count;
}

static struct header_field *find_field(struct header_edit *edit, struct span name) {
    for (size_t i = 0; i < edit->kept.count; i++)
        if (span_equal_nocase(edit->kept.fields[i].name, name)) return &edit->kept.fields[i];
    return NULL;
}

static void put(char **at, struct span octets) {
    if (octets.len > 0) memcpy(*at, octets.ptr, octets.len);
    *at += octets.len;
}

enum header_edit_status header_edit_tag(struct header_edit *edit, struct span name, struct span text,
                                        struct arena *arena) {
    struct header_field *field = find_field(edit, name);
    if (field == NULL) return HEADER_EDIT_NO_FIELD;
    struct span body = span_trim(field->body),
                end = span_after(field->raw, (size_t)(field->body.ptr - field->raw.ptr) + field->body.len);
    size_t line = field->name.len + 2 + text.len + 1 + span_find(body, '\r');
    struct span between = span_of(body.len == 0 ? "" : line <= LINE_WANTED ? " " : "\r\n "), colon = span_of(": ");
    size_t len = field->name.len + colon.len + text.len + between.len + body.len + end.len;
    char *octets = arena_alloc(arena, len), *at = octets;
    if (octets == NULL) return HEADER_EDIT_NO_MEMORY;
    put(&at, field->name);
    put(&at, colon);
    put(&at, text);
    put(&at, between);
    put(&at, body);
    put(&at, end);
    field->raw = (struct span){octets, len};
    field->name.ptr = octets;
    field->body = (struct span){octets + field->name.len + 1, len - field->name.len - 1 - end.len};
    return HEADER_EDIT_DONE;
}

bool header_edit_build(struct header_edit *edit, struct span added) {
    const struct header_section *kept = &edit->kept;
    edit->run_count = 0;
    edit->octets = 0;
    bool fits = add_run(edit, added);
    if (kept->count > 0 && added.len > 0 && kept->fields[0].raw.len > 0 && ascii_is_wsp(kept->fields[0].raw.ptr[0]))
        fits = fits && add_run(edit, span_of(notice));
    for (size_t i = 0; i < kept->count && fits; i++) fits = add_run(edit, kept->fields[i].raw);
    if (kept->ended_by_empty_line) fits = fits && add_run(edit, span_of("\r\n"));
    return fits;
}
