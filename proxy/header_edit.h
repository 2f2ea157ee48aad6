/* proxy/header_edit.h -- the header section as it leaves us: our fields on top, forged ones gone, the rest octet for
 * octet (RFC 8601 section 5, R-01). What is forged is authserv_id's to say. Fields are never deleted from a list: one
 * pass over the complete section collects the runs that are kept.
 * A section that begins with a folded line would make that line part of our field: then a field of ours
 * ("X-Sceau-Notice") goes between, so that what the sender wrote is never read as our words.
 * No I/O, clock or lock; one allocation for the list of runs, one for that of fields. Cost: one pass. Limits: those of the section. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/span.h"
#include "verifier/authserv_id.h"
#include "verifier/header_section.h"

struct arena;

struct header_edit {
    struct header_section kept; /* section without the fields left out; fields is owned, the rest borrowed from section */
    struct span *run;  /* in the order of sending; owned; the octets are section's and added's */
    size_t run_count;
    uint64_t octets;   /* of all runs */
    size_t removed;    /* fields left out */
    size_t room;       /* header_edit.c's own */
};

void header_edit_init(struct header_edit *edit);
void header_edit_release(struct header_edit *edit); /* frees; then as new */
/* Sorts out what stays of a complete section: afterwards kept is what goes on, for those who sign it. section is borrowed
 * until release. False: no memory. */
bool header_edit_sort(struct header_edit *edit, const struct header_section *section, const struct authserv_id *id);
/* Takes all fields called name (any case) out of what stays; they do not count as removed. After header_edit_sort. */
void header_edit_remove(struct header_edit *edit, struct span name);
enum header_edit_status { HEADER_EDIT_DONE, HEADER_EDIT_NO_FIELD, HEADER_EDIT_NO_MEMORY };
/* Puts text (printable, one line) and a blank in front of the body of the first field called name: a new field in its place,
 * with its octets in arena, folded behind text where the line would be long. On any other status nothing is changed. After
 * header_edit_sort; arena lives as long as edit is used. */
enum header_edit_status header_edit_tag(struct header_edit *edit, struct span name, struct span text, struct arena *arena);
/* Makes the list, after header_edit_sort: added (whole fields, each with its CRLF; may be empty), the kept fields, the
 * empty line when the section had one. The body follows. added is borrowed as long as the runs are used.
 * Runs that lie side by side are one run: an untouched section makes three. False: no memory. */
bool header_edit_build(struct header_edit *edit, struct span added);
