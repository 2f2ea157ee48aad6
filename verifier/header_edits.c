#include "verifier/header_edits.h"
#include <stdlib.h>
#include "base/ascii.h"
#include "verifier/tag_list.h"

enum {
    FIELD_MAX = 8192, /* octets of a field that changes are made up for */
    GROUP_MAX = 6,    /* fields of one name that are looked at */
    REFOLDS_MAX = 24, /* places of a field where a fold is put back */
    RANK_REMOVE_LIKELY = HEADER_EDIT_LIKELY,
    RANK_REMOVE = 4,
    RANK_INSERT = 5,
    RANK_SPACE = 6,
    RANK_REFOLD = 8,
    RANK_COPY = 7,
};

/* ---- The list ---- */

struct bytes *header_edits_draft(struct header_edits *edits, const struct header_field *field) {
    size_t lead = 0;
    while (lead < field->body.len && ascii_is_space(field->body.ptr[lead])) lead++;
    bytes_clear(&edits->draft);
    bytes_append(&edits->draft, span_first(field->body, lead));
    return &edits->draft;
}

static bool is_known(const struct header_edits *edits, const struct header_field *field, struct span body) {
    if (span_equal(field->body, body)) return true;
    for (size_t i = 0; i < edits->count; i++) {
        const struct header_edit *edit = &edits->edit[i];
        if (edit->field == field && edit->kind == EDIT_REPLACE && span_equal(edit->text.body, body)) return true;
    }
    return false;
}

static void append(struct header_edits *edits, struct header_edit edit) {
    if (edits->count == HEADER_EDITS_MAX) return;
    edit.order = (unsigned)edits->count;
    edits->edit[edits->count++] = edit;
}

/* A field in one piece of memory: prefix (its name and colon, as they stand) and body. */
static bool make_field(struct header_edits *edits, struct span prefix, struct span name, struct span body,
                       struct header_field *out) {
    char *raw = arena_alloc(edits->arena, prefix.len + body.len + 1);
    if (raw == NULL) return false;
    memcpy(raw, prefix.ptr, prefix.len);
    if (body.len > 0) memcpy(raw + prefix.len, body.ptr, body.len);
    *out = (struct header_field){{raw, prefix.len + body.len}, {raw, name.len}, {raw + prefix.len, body.len}};
    return true;
}

static struct span prefix_of(const struct header_field *field) {
    return (struct span){field->raw.ptr, (size_t)(field->body.ptr - field->raw.ptr)};
}

/* Where b= stands in the body of a signature field; empty when it cannot be read. */
static struct span signature_value_in(struct span body) {
    struct tag_list list;
    size_t error_at;
    if (tag_list_parse(body, &list, &error_at) != TAG_LIST_OK) return (struct span){NULL, 0};
    const struct tag *tag = tag_list_find(&list, "b");
    return tag != NULL ? tag->raw_value : (struct span){NULL, 0};
}

void header_edits_commit(struct header_edits *edits, const struct header_field *field, enum finding_id id,
                         unsigned rank, struct span found) {
    struct span body = bytes_span(&edits->draft);
    struct header_edit edit = {.id = id, .kind = EDIT_REPLACE, .field = field, .rank = rank, .found = found};
    if (edits->draft.failed || edits->count == HEADER_EDITS_MAX || is_known(edits, field, body)) return;
    if (!make_field(edits, prefix_of(field), field->name, body, &edit.text)) return;
    if (field == edits->trial->signature_field) {
        edit.signature_value = signature_value_in(edit.text.body);
        if (edit.signature_value.ptr == NULL) return;
    }
    append(edits, edit);
}

void header_edits_replace(struct header_edits *edits, const struct header_field *field, enum finding_id id,
                          unsigned rank, struct span text) {
    bytes_append(header_edits_draft(edits, field), text);
    header_edits_commit(edits, field, id, rank, (struct span){NULL, 0});
}

/* ---- Fields that came or went ---- */

static bool is_one_of(struct span name, const char *const *names) {
    for (; *names != NULL; names++)
        if (span_is_nocase(name, *names)) return true;
    return false;
}

static void add_removal(struct header_edits *edits, const struct header_field *field) {
    static const char *const by_lists[] = {
        "Reply-To",  "Sender",         "List-Id",      "List-Post",  "List-Unsubscribe",
        "List-Help", "List-Subscribe", "List-Archive", "List-Owner", "List-Unsubscribe-Post",
        NULL};
    static const char *const likely[] = {
        "Cc",          "Message-ID", "Date",         "Resent-From",  "Resent-To",
        "In-Reply-To", "References", "MIME-Version", "Content-Type", "Content-Transfer-Encoding",
        NULL};
    unsigned rank = is_one_of(field->name, likely) ? RANK_REMOVE_LIKELY : RANK_REMOVE;
    if (is_one_of(field->name, by_lists)) rank = HEADER_EDIT_LIST;
    append(edits, (struct header_edit){.id = FINDING_FIELD_ADDED, .kind = EDIT_REMOVE, .field = field, .rank = rank});
}

/* Fields that often have the same value, put back where their name is signed but they are missing. */
static void add_insertions(struct header_edits *edits, const struct header_group *group) {
    static const struct {
        const char *name, *body;
    } usual[] = {
        {"MIME-Version", " 1.0"},
        {"Content-Transfer-Encoding", " 7bit"},
        {"Content-Transfer-Encoding", " 8bit"},
        {"Content-Transfer-Encoding", " quoted-printable"},
        {"Content-Transfer-Encoding", " base64"},
        {"Content-Type", " text/plain"},
        {"Content-Type", " text/plain; charset=utf-8"},
        {"Content-Type", " text/plain; charset=\"utf-8\""},
        {"Content-Type", " text/plain; charset=us-ascii"},
        {"Precedence", " bulk"},
        {"Precedence", " list"},
        {"Auto-Submitted", " auto-generated"},
        {"Importance", " normal"},
        {"X-Priority", " 3"},
        {"List-Unsubscribe-Post", " List-Unsubscribe=One-Click"},
        {"To", " undisclosed-recipients:;"},
    };
    for (size_t i = 0; i < sizeof usual / sizeof *usual; i++) {
        struct header_edit edit = {.id = FINDING_FIELD_REMOVED, .kind = EDIT_INSERT, .rank = RANK_INSERT};
        struct span name = span_of(usual[i].name);
        if (!span_equal_nocase(name, group->name)) continue;
        bytes_clear(&edits->draft);
        bytes_append(&edits->draft, name);
        bytes_append_char(&edits->draft, ':');
        if (!edits->draft.failed &&
            make_field(edits, bytes_span(&edits->draft), name, span_of(usual[i].body), &edit.text))
            append(edits, edit);
    }
}

/* Sender and Reply-To are often the From address again. */
static void add_author_copy(struct header_edits *edits, const struct header_group *group) {
    static const char *const copies[] = {"Reply-To", "Sender", NULL};
    const struct header_field *from = header_section_find(edits->trial->section, "From", 0);
    struct header_edit edit = {.id = FINDING_FIELD_REMOVED, .kind = EDIT_INSERT, .rank = RANK_COPY};
    if (from == NULL || from->raw.len > FIELD_MAX || !is_one_of(group->name, copies)) return;
    bytes_clear(&edits->draft);
    bytes_append(&edits->draft, group->name);
    bytes_append_char(&edits->draft, ':');
    if (!edits->draft.failed && make_field(edits, bytes_span(&edits->draft), group->name, from->body, &edit.text))
        append(edits, edit);
}

/* ---- White space, which only simple sees ---- */

static bool is_fold(struct span text) {
    return text.len >= 3 && text.ptr[0] == '\r' && text.ptr[1] == '\n' && ascii_is_wsp(text.ptr[2]);
}

/* Every fold and the blanks behind it replaced by fold; NULL: the blanks stay. */
static void refold_all(struct header_edits *edits, const struct header_field *field, const char *fold,
                       enum finding_id id) {
    bytes_clear(&edits->draft);
    for (struct span rest = field->body; rest.len > 0;) {
        if (!is_fold(rest)) {
            bytes_append_char(&edits->draft, rest.ptr[0]);
            rest = span_after(rest, 1);
            continue;
        }
        rest = span_after(rest, 2);
        if (fold == NULL) continue;
        while (rest.len > 0 && ascii_is_wsp(rest.ptr[0])) rest = span_after(rest, 1);
        bytes_append_text(&edits->draft, fold);
    }
    header_edits_commit(edits, field, id, RANK_SPACE, (struct span){NULL, 0});
}

/* A fold put in at one blank: before it, or in its place with a tab. */
static void fold_at_blanks(struct header_edits *edits, const struct header_field *field, enum finding_id id) {
    struct span body = field->body;
    for (size_t at = 0, places = 0; at < body.len && places < REFOLDS_MAX; at++) {
        if (body.ptr[at] != ' ' || (at > 0 && body.ptr[at - 1] == '\n')) continue;
        places++;
        for (int tab = 0; tab < 2; tab++) {
            bytes_clear(&edits->draft);
            bytes_append(&edits->draft, span_first(body, at));
            bytes_append_text(&edits->draft, tab ? "\r\n\t" : "\r\n ");
            bytes_append(&edits->draft, span_after(body, at + 1));
            header_edits_commit(edits, field, id, RANK_REFOLD, (struct span){NULL, 0});
        }
    }
}

/* One fold undone, or written with the other blank. */
static void change_one_fold(struct header_edits *edits, const struct header_field *field, enum finding_id id) {
    static const char *const before[] = {" ", "\t", "\r\n ", "\r\n\t"};
    struct span body = field->body;
    for (size_t at = 0, places = 0; at < body.len && places < REFOLDS_MAX; at++) {
        if (!is_fold(span_after(body, at))) continue;
        places++;
        for (size_t i = 0; i < sizeof before / sizeof *before; i++) {
            bytes_clear(&edits->draft);
            bytes_append(&edits->draft, span_first(body, at));
            bytes_append_text(&edits->draft, before[i]);
            bytes_append(&edits->draft, span_after(body, at + 3));
            header_edits_commit(edits, field, id, RANK_REFOLD, (struct span){NULL, 0});
        }
    }
}

/* All blanks behind c become fold; what is folded already becomes one line first. */
static void fold_behind(struct header_edits *edits, const struct header_field *field, char c, const char *fold,
                        enum finding_id id) {
    bytes_clear(&edits->draft);
    for (struct span rest = field->body; rest.len > 0;) {
        char last = edits->draft.len > 0 ? edits->draft.ptr[edits->draft.len - 1] : '\0';
        bool folds = is_fold(rest);
        if (folds) rest = span_after(rest, 2);
        if (last == c && ascii_is_wsp(rest.ptr[0])) {
            bytes_append_text(&edits->draft, fold);
            rest = span_after(rest, 1);
            continue;
        }
        if (edits->draft.failed) return;
        bytes_append_char(&edits->draft, folds && rest.ptr[0] == '\t' ? ' ' : rest.ptr[0]);
        rest = span_after(rest, 1);
    }
    header_edits_commit(edits, field, id, RANK_SPACE, (struct span){NULL, 0});
}

static void swap_blanks(struct header_edits *edits, const struct header_field *field, char from, char to,
                        enum finding_id id) {
    bytes_clear(&edits->draft);
    for (size_t i = 0; i < field->body.len; i++)
        bytes_append_char(&edits->draft, field->body.ptr[i] == from ? to : field->body.ptr[i]);
    header_edits_commit(edits, field, id, RANK_SPACE, (struct span){NULL, 0});
}

static void blank_behind_colon(struct header_edits *edits, const struct header_field *field) {
    static const char *const leads[] = {"", " ", "  ", "\t", "\r\n ", "\r\n\t"};
    size_t lead = 0;
    while (lead < field->body.len && ascii_is_space(field->body.ptr[lead])) lead++;
    for (size_t i = 0; i < sizeof leads / sizeof *leads; i++) {
        bytes_clear(&edits->draft);
        bytes_append_text(&edits->draft, leads[i]);
        bytes_append(&edits->draft, span_after(field->body, lead));
        header_edits_commit(edits, field, FINDING_FIELD_SPELLING, RANK_SPACE, (struct span){NULL, 0});
    }
}

/* The field with another spelling of its name. */
static void rename_field(struct header_edits *edits, const struct header_field *field, struct span name,
                         const char *colon) {
    struct header_edit edit = {.id = FINDING_FIELD_SPELLING, .kind = EDIT_REPLACE, .field = field, .rank = RANK_SPACE};
    struct bytes prefix = bytes_with_cap(FIELD_MAX);
    bytes_append(&prefix, name);
    bytes_append_text(&prefix, colon);
    bool is_new = !prefix.failed && !span_equal(bytes_span(&prefix), prefix_of(field));
    if (is_new && field != edits->trial->signature_field &&
        make_field(edits, bytes_span(&prefix), name, field->body, &edit.text))
        append(edits, edit);
    bytes_release(&prefix);
}

static void spell_name(struct header_edits *edits, const struct header_field *field, struct span signed_name) {
    char name[4][64];
    size_t len = field->name.len;
    rename_field(edits, field, signed_name, ":");
    if (len >= sizeof name[0]) return;
    for (size_t i = 0; i < len; i++) {
        bool starts = i == 0 || field->name.ptr[i - 1] == '-';
        name[0][i] = ascii_lower(field->name.ptr[i]);
        name[1][i] = ascii_upper(field->name.ptr[i]);
        name[2][i] = starts ? name[1][i] : name[0][i];
        name[3][i] = i == 0 ? name[1][i] : name[0][i];
    }
    for (size_t i = 0; i < 4; i++) rename_field(edits, field, (struct span){name[i], len}, ":");
    if (span_is_nocase(field->name, "Message-ID")) rename_field(edits, field, span_of("Message-ID"), ":");
    if (span_is_nocase(field->name, "MIME-Version")) rename_field(edits, field, span_of("MIME-Version"), ":");
    rename_field(edits, field, field->name, " :");
}

void header_edits_white_space(struct header_edits *edits, const struct header_field *field, enum finding_id id) {
    refold_all(edits, field, NULL, id);
    refold_all(edits, field, " ", id);
    refold_all(edits, field, "", id);
    refold_all(edits, field, "\r\n\t", id);
    refold_all(edits, field, "\r\n ", id);
    refold_all(edits, field, "\r\n        ", id);
    refold_all(edits, field, "\r\n    ", id);
    change_one_fold(edits, field, id);
    fold_behind(edits, field, ';', "\r\n\t", id);
    fold_behind(edits, field, ';', "\r\n ", id);
    fold_behind(edits, field, ',', "\r\n\t", id);
    fold_behind(edits, field, ',', "\r\n ", id);
    fold_behind(edits, field, '>', "\r\n ", id);
    fold_behind(edits, field, '>', "\r\n\t", id);
    swap_blanks(edits, field, '\t', ' ', id);
    blank_behind_colon(edits, field);
    bytes_clear(&edits->draft);
    bytes_append(&edits->draft, field->body);
    bytes_append_char(&edits->draft, ' ');
    header_edits_commit(edits, field, id, RANK_SPACE, (struct span){NULL, 0});
    header_edits_replace(edits, field, id, RANK_SPACE, header_edits_text(field)); /* no blanks at the end */
}

/* ---- All of them ---- */

static const struct {
    const char *name; /* NULL: every field */
    void (*make)(struct header_edits *edits, const struct header_field *field);
} makers[] = {
    {"Subject", header_edits_subject},       {"From", header_edits_author},
    {"Content-Type", header_edits_mime},     {"Content-Transfer-Encoding", header_edits_mime},
    {"MIME-Version", header_edits_mime},     {"Date", header_edits_date},
    {"Message-ID", header_edits_message_id}, {"To", header_edits_recipients},
    {"Cc", header_edits_recipients},         {"From", header_edits_addresses},
    {"To", header_edits_addresses},          {"Cc", header_edits_addresses},
    {"Reply-To", header_edits_addresses},    {"Sender", header_edits_addresses},
    {NULL, header_edits_encoded_words},      {NULL, header_edits_charset},
};

static void make_all(struct header_edits *edits, const struct header_field *field) {
    for (size_t i = 0; i < sizeof makers / sizeof *makers; i++)
        if (makers[i].name == NULL || span_is_nocase(field->name, makers[i].name)) makers[i].make(edits, field);
}

static void look_at_group(struct header_edits *edits, const struct header_group *group) {
    size_t count = group->count < GROUP_MAX ? group->count : GROUP_MAX;
    add_insertions(edits, group);
    add_author_copy(edits, group);
    for (size_t i = 0; i < group->count && i < 2 * GROUP_MAX; i++) add_removal(edits, group->field[i]);
    for (size_t i = 0; i < count; i++)
        if (group->field[i]->raw.len <= FIELD_MAX) make_all(edits, group->field[i]);
}

static void look_at_white_space(struct header_edits *edits) {
    const struct header_trial *trial = edits->trial;
    for (size_t g = 0; g < trial->group_count; g++) {
        const struct header_group *group = &trial->group[g];
        for (size_t i = 0; i < group->count && i < GROUP_MAX; i++) {
            if (group->field[i]->raw.len > FIELD_MAX) continue;
            spell_name(edits, group->field[i], group->name);
            header_edits_white_space(edits, group->field[i], FINDING_FIELD_REFOLDED);
        }
    }
    if (trial->signature_field->raw.len <= FIELD_MAX)
        header_edits_white_space(edits, trial->signature_field, FINDING_SIGNATURE_REFOLDED);
}

/* Last, since they are many. */
static void look_at_folds(struct header_edits *edits) {
    const struct header_trial *trial = edits->trial;
    for (size_t g = 0; g < trial->group_count; g++)
        for (size_t i = 0; i < trial->group[g].count && i < GROUP_MAX; i++)
            if (trial->group[g].field[i]->raw.len <= FIELD_MAX)
                fold_at_blanks(edits, trial->group[g].field[i], FINDING_FIELD_REFOLDED);
    if (trial->signature_field->raw.len <= FIELD_MAX)
        fold_at_blanks(edits, trial->signature_field, FINDING_SIGNATURE_REFOLDED);
}

static int compare_ranks(const void *a, const void *b) {
    const struct header_edit *left = a, *right = b;
    if (left->rank != right->rank) return left->rank < right->rank ? -1 : 1;
    return (left->order > right->order) - (left->order < right->order);
}

bool header_edits_collect(const struct header_trial *trial, const struct mime_tree *tree, struct arena *arena,
                          struct header_edits *out) {
    *out = (struct header_edits){.trial = trial, .tree = tree, .arena = arena, .draft = bytes_with_cap(2 * FIELD_MAX)};
    out->edit = arena_alloc(arena, HEADER_EDITS_MAX * sizeof *out->edit);
    if (out->edit == NULL) return false;
    for (size_t g = 0; g < trial->group_count; g++) look_at_group(out, &trial->group[g]);
    if (trial->signature->header_canon == CANON_SIMPLE) {
        look_at_white_space(out);
        look_at_folds(out);
    }
    if (out->count > 0) qsort(out->edit, out->count, sizeof *out->edit, compare_ranks);
    bytes_release(&out->draft);
    return true;
}
