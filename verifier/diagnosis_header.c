#include "verifier/diagnosis_header.h"
#include "base/ascii.h"
#include "verifier/evidence.h"
#include "verifier/header_edits.h"
#include "verifier/tag_list.h"

enum { TOGETHER_MAX = 3, TRIPLE_MAX = 24, TRIPLES_RESERVE = 500, BESIDE_MAX = 12, ARG_MAX = 200, COPIES_MAX = 32 };

/* ---- Telling it ---- */

static struct span short_text(struct span text) {
    text = span_trim(text);
    return text.len > ARG_MAX ? span_first(text, ARG_MAX) : text;
}

static void report(const struct header_edit *edit, struct arena *arena, struct finding_list *list) {
    static const struct header_field nothing = {{NULL, 0}, {NULL, 0}, {NULL, 0}};
    const struct header_field *received = edit->field != NULL ? edit->field : &nothing;
    const struct header_field *original = edit->kind == EDIT_REMOVE ? &nothing : &edit->text;
    struct span name = edit->kind == EDIT_INSERT ? original->name : received->name;
    struct finding *finding = finding_add(list, edit->id);
    finding->certainty = FINDING_PROVED;
    finding_add_text(finding, "name", arena_copy(arena, name));
    finding_add_text(finding, "expected", short_text(original->body));
    finding_add_text(finding, "found",
                     edit->found.len > 0 ? edit->found : arena_copy(arena, short_text(received->body)));
    finding->evidence = evidence_between(name, original->body, received->body, arena);
}

static bool run(struct header_trial *trial, const struct header_edit *const *edits, size_t count, struct arena *arena,
                struct finding_list *list) {
    if (!header_trial_run(trial, HEADER_AS_DECLARED, edits, count)) return false;
    for (size_t i = 0; i < count; i++) report(edits[i], arena, list);
    return true;
}

/* ---- Faults of the signer ---- */

static bool try_modes(struct header_trial *trial, struct finding_list *list) {
    bool simple = trial->signature->header_canon == CANON_SIMPLE;
    if (header_trial_run(trial, HEADER_OTHER_CANON, NULL, 0)) {
        struct finding *finding = finding_add(list, FINDING_HEADER_OTHER_CANON);
        finding->certainty = FINDING_PROVED;
        finding_add_text(finding, "found", span_of(simple ? "relaxed" : "simple"));
        finding_add_text(finding, "expected", span_of(simple ? "simple" : "relaxed"));
        return true;
    }
    if (!header_trial_run(trial, HEADER_TOP_DOWN, NULL, 0)) return false;
    finding_add(list, FINDING_FIELD_ORDER)->certainty = FINDING_PROVED;
    return true;
}

/* ---- z= (RFC 6376 section 3.5): copies of the fields ---- */

/* dkim-quoted-printable without its white space; into arena. */
static struct span decode_copy(struct span text, struct arena *arena) {
    char *out = arena_alloc(arena, text.len + 1);
    size_t len = 0;
    for (size_t i = 0; out != NULL && i < text.len; i++) {
        int high = text.ptr[i] == '=' && i + 2 < text.len ? ascii_hex_value(text.ptr[i + 1]) : -1;
        int low = high >= 0 ? ascii_hex_value(text.ptr[i + 2]) : -1;
        if (low >= 0)
            i += 2;
        else if (ascii_is_space(text.ptr[i]))
            continue;
        out[len++] = low >= 0 ? (char)(high * 16 + low) : text.ptr[i];
    }
    return (struct span){out, len};
}

/* Equal but for white space. */
static bool same_words(struct span a, struct span b) {
    for (;;) {
        while (a.len > 0 && ascii_is_space(a.ptr[0])) a = span_after(a, 1);
        while (b.len > 0 && ascii_is_space(b.ptr[0])) b = span_after(b, 1);
        if (a.len == 0 || b.len == 0) return a.len == b.len;
        if (a.ptr[0] != b.ptr[0]) return false;
        a = span_after(a, 1);
        b = span_after(b, 1);
    }
}

/* The lowest field called name that no earlier copy spoke of. */
static const struct header_field *received_for(const struct header_trial *trial, struct span name,
                                               const struct header_edit *edits, size_t count, bool *is_signed) {
    for (size_t g = 0; g < trial->group_count; g++) {
        const struct header_group *group = &trial->group[g];
        if (!span_equal_nocase(group->name, name)) continue;
        *is_signed = true;
        for (size_t i = 0; i < group->count; i++) {
            bool taken = false;
            for (size_t k = 0; k < count; k++) taken |= edits[k].field == group->field[i];
            if (!taken) return group->field[i];
        }
    }
    return NULL;
}

/* One copy as a change; equal fields are kept in the list too, so that the next copy of the name means the next field.
 */
static bool read_copy(const struct header_trial *trial, struct span copy, struct header_edit *edits, size_t count,
                      struct arena *arena) {
    struct span text = decode_copy(copy, arena);
    size_t colon = span_find(text, ':');
    bool is_signed = false;
    if (text.ptr == NULL || colon == 0 || colon == text.len) return false;
    struct span name = span_first(text, colon);
    const struct header_field *field = received_for(trial, span_trim(name), edits, count, &is_signed);
    if (!is_signed) return false;
    edits[count] = (struct header_edit){.id = field != NULL ? FINDING_COPIED_FIELD : FINDING_FIELD_REMOVED,
                                        .kind = field != NULL ? EDIT_REPLACE : EDIT_INSERT,
                                        .field = field,
                                        .text = {text, span_trim(name), span_after(text, colon + 1)}};
    return true;
}

static bool try_copies(struct header_trial *trial, struct arena *arena, struct finding_list *list) {
    struct tag_list tags;
    size_t error_at, count = 0, changed = 0;
    struct header_edit *edits = arena_alloc(arena, COPIES_MAX * sizeof *edits);
    const struct header_edit *run_with[COPIES_MAX];
    if (edits == NULL || tag_list_parse(trial->signature_field->body, &tags, &error_at) != TAG_LIST_OK) return false;
    const struct tag *tag = tag_list_find(&tags, "z");
    for (struct span rest = tag != NULL ? tag->value : (struct span){NULL, 0}; rest.len > 0 && count < COPIES_MAX;) {
        size_t bar = span_find(rest, '|');
        if (read_copy(trial, span_first(rest, bar), edits, count, arena)) {
            const struct header_edit *edit = &edits[count++];
            bool same = edit->field != NULL && same_words(edit->field->body, edit->text.body);
            if (!same) run_with[changed++] = edit;
        }
        rest = span_after(rest, bar < rest.len ? bar + 1 : bar);
    }
    return changed > 0 && run(trial, run_with, changed, arena, list);
}

/* ---- Changes, alone and together ---- */

static bool is_apart(const struct header_edit *a, const struct header_edit *b) {
    return a->field != b->field || (a->field == NULL && !span_equal_nocase(a->text.name, b->text.name));
}

/* Trials are left beyond those kept in reserve. */
static bool has_budget(const struct header_trial *trial, unsigned reserve) {
    const struct diagnosis_budget *budget = trial->budget;
    return (trial->has_wanted ? budget->header_trials : budget->verifications) > reserve && budget->octets > 0;
}

/* Two together, the likeliest first: those whose places in the list add up to the least. */
static bool try_pairs(struct header_trial *trial, const struct header_edits *edits, struct arena *arena,
                      struct finding_list *list) {
    unsigned reserve = trial->has_wanted ? TRIPLES_RESERVE : 0;
    for (size_t sum = 1; sum + 2 < 2 * edits->count && has_budget(trial, reserve); sum++)
        for (size_t i = sum < edits->count ? 0 : sum - edits->count + 1; 2 * i < sum && has_budget(trial, reserve);
             i++) {
            const struct header_edit *pair[] = {&edits->edit[i], &edits->edit[sum - i]};
            if (is_apart(pair[0], pair[1]) && run(trial, pair, 2, arena, list)) return true;
        }
    return false;
}

static bool try_triples(struct header_trial *trial, const struct header_edits *edits, struct arena *arena,
                        struct finding_list *list) {
    size_t most = edits->count < TRIPLE_MAX ? edits->count : TRIPLE_MAX;
    for (size_t k = 2; k < most; k++)
        for (size_t j = 1; j < k; j++)
            for (size_t i = 0; i < j && has_budget(trial, 0); i++) {
                const struct header_edit *three[] = {&edits->edit[i], &edits->edit[j], &edits->edit[k]};
                bool apart =
                    is_apart(three[0], three[1]) && is_apart(three[0], three[2]) && is_apart(three[1], three[2]);
                if (apart && run(trial, three, TOGETHER_MAX, arena, list)) return true;
            }
    return false;
}

/* The count changes of together, which has room for two more, and one or two of the likeliest others. */
static bool try_beside(struct header_trial *trial, const struct header_edits *edits,
                       const struct header_edit **together, size_t count, struct arena *arena,
                       struct finding_list *list) {
    const struct header_edit *likely[BESIDE_MAX];
    size_t found = 0;
    for (size_t i = 0; i < edits->count && found < BESIDE_MAX; i++)
        if (edits->edit[i].kind != EDIT_REMOVE && edits->edit[i].rank <= HEADER_EDIT_LIKELY)
            likely[found++] = &edits->edit[i];
    for (size_t i = 0; i < found; i++) {
        together[count] = likely[i];
        if (run(trial, together, count + 1, arena, list)) return true;
    }
    for (size_t i = 0; i < found; i++)
        for (size_t j = 0; j < i; j++) {
            together[count] = likely[i];
            together[count + 1] = likely[j];
            if (is_apart(likely[i], likely[j]) && run(trial, together, count + 2, arena, list)) return true;
        }
    return false;
}

/* Fields added, all at once: each absent one that is signed goes out again; what a list adds comes together. */
static bool try_all_removed(struct header_trial *trial, const struct header_edits *edits, struct arena *arena,
                            struct finding_list *list) {
    const struct header_edit *together[COPIES_MAX];
    size_t count = 0;
    for (size_t i = 0; i < edits->count && count + 2 < COPIES_MAX; i++)
        if (edits->edit[i].kind == EDIT_REMOVE && edits->edit[i].rank == HEADER_EDIT_LIST)
            together[count++] = &edits->edit[i];
    if (count == 0) return false;
    if (count > 1 && run(trial, together, count, arena, list)) return true;
    return try_beside(trial, edits, together, count, arena, list);
}

/* All fields refolded at once, which simple sees: the same kind of change made to each field that has one. */
static bool try_everywhere(struct header_trial *trial, const struct header_edits *edits, struct arena *arena,
                           struct finding_list *list) {
    const struct header_edit *together[COPIES_MAX];
    size_t count = 0;
    for (size_t i = 0; i < edits->count && count < COPIES_MAX; i++) {
        bool apart = edits->edit[i].id == FINDING_FIELD_REFOLDED || edits->edit[i].id == FINDING_SIGNATURE_REFOLDED;
        for (size_t k = 0; k < count; k++) apart = apart && is_apart(&edits->edit[i], together[k]);
        if (apart) together[count++] = &edits->edit[i];
    }
    return count > 1 && run(trial, together, count, arena, list);
}

bool diagnosis_header_explain(struct header_trial *trial, const struct mime_tree *tree, struct arena *arena,
                              struct finding_list *list) {
    struct header_edits edits;
    if (try_modes(trial, list) || try_copies(trial, arena, list)) return true;
    if (!header_edits_collect(trial, tree, arena, &edits)) return false;
    if (try_all_removed(trial, &edits, arena, list)) return true;
    for (size_t i = 0; i < edits.count && has_budget(trial, 0); i++) {
        const struct header_edit *one = &edits.edit[i];
        if (run(trial, &one, 1, arena, list)) return true;
    }
    return try_everywhere(trial, &edits, arena, list) || try_pairs(trial, &edits, arena, list) ||
           try_triples(trial, &edits, arena, list);
}
