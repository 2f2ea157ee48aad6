/* verifier/header_edits.h -- what the signed header fields may have been before a server changed one of them (tester.md
 * 3c): a list of single changes, each with its place in the catalogue and a rank, the likelier the lower. Which of
 * them, or which two together, is right is for header_trial to say. Pure but for the arena and one buffer. Limits:
 * HEADER_EDITS_MAX changes; fields above 8 KiB are only taken out whole. */
#pragma once
#include "base/arena.h"
#include "base/bytes.h"
#include "verifier/header_trial.h"
#include "verifier/mime_tree.h"

enum { HEADER_EDITS_MAX = 900 };

struct header_edits {
    size_t count;
    struct header_edit *edit; /* by rank, ascending */
    const struct header_trial *trial;
    const struct mime_tree *tree; /* of the body; NULL: there is none */
    struct arena *arena;
    struct bytes draft; /* the body of the field that is being made up */
};

/* Collects the changes for the fields that trial's signature covers; trial and tree are borrowed as long as *out is
 * used. Texts live in arena. False: no memory. */
bool header_edits_collect(const struct header_trial *trial, const struct mime_tree *tree, struct arena *arena,
                          struct header_edits *out);

/* For the makers of changes: the draft, cleared, with the blanks that field's body begins with. */
struct bytes *header_edits_draft(struct header_edits *edits, const struct header_field *field);
/* The draft becomes a change of field, unless it is the field as it is or one that was made before. */
void header_edits_commit(struct header_edits *edits, const struct header_field *field, enum finding_id id,
                         unsigned rank, struct span found);
/* The same for a text that is there already. */
void header_edits_replace(struct header_edits *edits, const struct header_field *field, enum finding_id id,
                          unsigned rank, struct span text);
/* The field's body without white space around it. */
static inline struct span header_edits_text(const struct header_field *field) { return span_trim(field->body); }

/* The makers: each looks at one field. */
void header_edits_subject(struct header_edits *edits, const struct header_field *field);
void header_edits_encoded_words(struct header_edits *edits, const struct header_field *field);
void header_edits_author(struct header_edits *edits, const struct header_field *field);
void header_edits_addresses(struct header_edits *edits, const struct header_field *field);
void header_edits_recipients(struct header_edits *edits, const struct header_field *field);
void header_edits_mime(struct header_edits *edits, const struct header_field *field);
void header_edits_date(struct header_edits *edits, const struct header_field *field);
void header_edits_message_id(struct header_edits *edits, const struct header_field *field);
void header_edits_charset(struct header_edits *edits, const struct header_field *field);
void header_edits_white_space(struct header_edits *edits, const struct header_field *field, enum finding_id id);
