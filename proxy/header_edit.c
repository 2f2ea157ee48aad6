#include "proxy/header_edit.h"
#include <stdlib.h>
#include "base/ascii.h"

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
