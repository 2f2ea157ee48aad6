#include "verifier/diagnosis_body.h"
#include <stdlib.h>
#include "verifier/body_cut.h"
#include "verifier/body_rewrite.h"
#include "verifier/evidence.h"

enum {
    BODY_MAX = 16 << 20, /* octets of a rewritten body */
    BANNER_LINES = 64,
    PART_LINES = 40,
    PAIR_LINES = 25,
    PAIR_BANNER_LINES = 12,
    LEAVES_LOOKED_AT = 12, /* leaves whose ends are searched */
    LINE_TRIALS = 400,     /* places where one lost octet is put back */
    WRITE_COST = 3,        /* writing an octet takes as long as hashing that many */
    EXTRA_ENDS_MAX = 10,   /* line ends that a signer may have counted too many */
};

/* One search for one signature. */
struct hunt {
    struct body_search *search;
    const struct dkim_signature *signature;
    struct finding_list *list;
    enum finding_class certainty;
};

static struct span value_or_nothing(const struct header_field *field) {
    return field != NULL ? span_trim(field->body) : (struct span){NULL, 0};
}

bool diagnosis_body_init(struct body_search *search, const struct header_section *section, struct span body,
                         struct arena *arena) {
    search->body = body;
    search->arena = arena;
    search->scratch = bytes_with_cap(BODY_MAX);
    mime_tree_read(value_or_nothing(header_section_find(section, "Content-Type", 0)),
                   value_or_nothing(header_section_find(section, "Content-Transfer-Encoding", 0)), body, &search->tree);
    return body_trial_init(&search->trial);
}

void diagnosis_body_release(struct body_search *search) {
    body_trial_release(&search->trial);
    bytes_release(&search->scratch);
}

static struct finding *add(const struct hunt *hunt, enum finding_id id) {
    struct finding *finding = finding_add(hunt->list, id);
    finding->certainty = hunt->certainty;
    return finding;
}

static uint64_t count_lines(struct span text) {
    uint64_t lines = 0;
    for (size_t at; (at = span_find(text, '\n')) < text.len; text = span_after(text, at + 1)) lines++;
    return lines + (text.len > 0);
}

static struct span body_from(const struct hunt *hunt, size_t from, size_t to) {
    return (struct span){hunt->search->body.ptr + from, to - from};
}

/* A finding that text was put in at [from, to) of text. */
static void report_text(const struct hunt *hunt, enum finding_id id, struct span text, size_t from, size_t to,
                        const char *where) {
    struct finding *finding = add(hunt, id);
    finding_add_number(finding, "lines", count_lines((struct span){text.ptr + from, to - from}));
    finding_add_number(finding, "octets", to - from);
    if (where != NULL) finding_add_text(finding, "text", span_of(where));
    finding->evidence = evidence_of_cut(text, from, to, (struct span){NULL, 0}, hunt->search->arena);
}

/* ---- Faults of the signer ---- */

static bool try_signer_faults(const struct hunt *hunt) {
    struct body_trial *trial = &hunt->search->trial;
    static const char ends[] = "\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n";
    if (body_trial_raw(trial, (struct span){"", 0}) || body_trial_raw(trial, span_of("\r\n"))) {
        add(hunt, FINDING_BODY_SIGNED_EMPTY);
        return true;
    }
    trial->kind = hunt->signature->body_canon == CANON_SIMPLE ? CANON_RELAXED : CANON_SIMPLE;
    bool other = body_trial_whole(trial, hunt->search->body);
    trial->kind = hunt->signature->body_canon;
    if (other) {
        struct finding *finding = add(hunt, FINDING_BODY_OTHER_CANON);
        finding_add_text(finding, "found", span_of(trial->kind == CANON_SIMPLE ? "relaxed" : "simple"));
        finding_add_text(finding, "expected", span_of(trial->kind == CANON_SIMPLE ? "simple" : "relaxed"));
        return true;
    }
    body_trial_begin(trial);
    body_trial_feed(trial, hunt->search->body);
    if (body_trial_ends_raw(trial, (struct span){"", 0})) {
        finding_add_text(add(hunt, FINDING_BODY_FINAL_CRLF), "text", span_of("-1"));
        return true;
    }
    for (size_t extra = 1; extra <= EXTRA_ENDS_MAX; extra++) {
        if (!body_trial_ends_raw(trial, (struct span){ends, 2 * (extra + 1)})) continue;
        bool had_any = trial->canon.held_lines > 1;
        struct finding *finding = add(hunt, had_any ? FINDING_BODY_BLANK_LINES : FINDING_BODY_FINAL_CRLF);
        if (had_any)
            finding_add_number(finding, "lines", extra);
        else
            finding_add_text(finding, "text", span_of("+1"));
        return true;
    }
    return false;
}

/* ---- Text put in ---- */

/* Every line's start as the end of the signed body: one pass, since the state is copied. */
static bool try_footer(const struct hunt *hunt, struct span text, size_t *from) {
    struct body_trial *trial = &hunt->search->trial;
    body_trial_begin(trial);
    for (size_t at = 0; at < text.len && trial->budget->octets > 0;) {
        struct span rest = span_after(text, at);
        size_t end = span_find(rest, '\n'), len = end < rest.len ? end + 1 : end;
        body_trial_feed(trial, span_first(rest, len));
        at += len;
        bool is_blank = len == 2 && rest.ptr[0] == '\r'; /* the end before it was asked about */
        if (at < text.len && !is_blank && body_trial_ends(trial, (struct span){NULL, 0}, (struct span){NULL, 0})) {
            *from = at;
            return true;
        }
    }
    return false;
}

static const char *leaf_name(const struct mime_leaf *leaf) {
    if (leaf->is_html) return "text/html";
    return leaf->is_text ? "text/plain" : "MIME";
}

static bool is_whole(const struct hunt *hunt, const struct mime_leaf *leaf) {
    return leaf->body.ptr == hunt->search->body.ptr && leaf->body.len == hunt->search->body.len;
}

static void report_cut(const struct hunt *hunt, enum finding_id id, const struct body_cut *cut,
                       const struct mime_leaf *leaf) {
    if (id == FINDING_PART_FOOTER && is_whole(hunt, leaf) && !leaf->is_html) id = FINDING_BODY_FOOTER;
    bool has_text = id != FINDING_BODY_FOOTER && id != FINDING_BODY_BANNER;
    report_text(hunt, id, hunt->search->body, cut->from, cut->to, has_text ? leaf_name(leaf) : NULL);
}

static size_t leaves_looked_at(const struct hunt *hunt) {
    size_t count = hunt->search->tree.count;
    return count < LEAVES_LOOKED_AT ? count : LEAVES_LOOKED_AT;
}

/* A banner on the text as a whole, whatever MIME says. */
static bool try_banner(const struct hunt *hunt) {
    struct body_cuts cuts;
    struct mime_leaf whole = {.body = hunt->search->body, .is_text = true};
    body_cut_banners(hunt->search->body, &whole, BANNER_LINES, &cuts);
    const struct body_cut *cut = body_cut_try(&hunt->search->trial, hunt->search->body, &cuts);
    if (cut != NULL) report_cut(hunt, FINDING_BODY_BANNER, cut, &whole);
    return cut != NULL;
}

static bool try_leaf(const struct hunt *hunt, const struct mime_leaf *leaf) {
    struct body_cuts cuts;
    struct body_trial *trial = &hunt->search->trial;
    struct span body = hunt->search->body;
    const struct body_cut *cut;
    enum finding_id id = FINDING_PART_FOOTER;
    body_cut_footers(body, leaf, PART_LINES, &cuts);
    if ((cut = body_cut_try(trial, body, &cuts)) == NULL) {
        id = FINDING_BODY_PIXEL;
        body_cut_elements(body, leaf, &cuts);
        cut = body_cut_try(trial, body, &cuts);
    }
    if (cut == NULL) {
        id = FINDING_BODY_BANNER;
        body_cut_banners(body, leaf, BANNER_LINES, &cuts);
        cut = body_cut_try(trial, body, &cuts);
    }
    if (cut != NULL) report_cut(hunt, id, cut, leaf);
    return cut != NULL;
}

static bool try_leaves(const struct hunt *hunt) {
    for (size_t i = 0; i < leaves_looked_at(hunt); i++) {
        const struct mime_leaf *leaf = &hunt->search->tree.leaf[i];
        if (leaf->body.len > 0 && try_leaf(hunt, leaf)) return true;
    }
    return false;
}

/* The same thing done to two text parts, as to both halves of multipart/alternative; lists of cuts are large, so they
 * live in the arena. */
static bool try_pairs(const struct hunt *hunt) {
    struct body_search *search = hunt->search;
    struct body_cuts *first = arena_alloc(search->arena, sizeof *first),
                     *second = arena_alloc(search->arena, sizeof *second);
    const struct mime_leaf *text[2] = {NULL, NULL};
    for (size_t i = 0, found = 0; i < search->tree.count && found < 2; i++)
        if (search->tree.leaf[i].is_text && search->tree.leaf[i].body.len > 0) text[found++] = &search->tree.leaf[i];
    if (first == NULL || second == NULL || text[1] == NULL) return false;
    const struct body_cut *a, *b;
    body_cut_footers(search->body, text[0], PAIR_LINES, first);
    body_cut_footers(search->body, text[1], PAIR_LINES, second);
    bool found = body_cut_try_pairs(&search->trial, search->body, first, second, &a, &b);
    if (found) {
        struct finding *finding = add(hunt, FINDING_PARTS_FOOTERS);
        finding_add_number(finding, "octets", a->to - a->from + b->to - b->from);
        finding->evidence = evidence_of_cut(search->body, a->from, a->to, (struct span){NULL, 0}, search->arena);
        return true;
    }
    body_cut_banners(search->body, text[0], PAIR_BANNER_LINES, first);
    body_cut_banners(search->body, text[1], PAIR_BANNER_LINES, second);
    found = body_cut_try_pairs(&search->trial, search->body, first, second, &a, &b);
    if (found) report_cut(hunt, FINDING_BODY_BANNER, a, text[0]);
    return found;
}

/* ---- The body rewritten ---- */

static void report_rewrite(const struct hunt *hunt, const struct body_rewrite *what) {
    struct body_search *search = hunt->search;
    struct finding *finding = add(hunt, what->id);
    if (what->text != NULL) finding_add_text(finding, "text", span_of(what->text));
    if (what->octets > 0) finding_add_number(finding, "octets", what->octets);
    finding->evidence =
        evidence_between((struct span){NULL, 0}, bytes_span(&search->scratch), search->body, search->arena);
}

/* Alone, or with a footer added behind it. */
static bool try_rewrites(const struct hunt *hunt, bool with_footer) {
    struct body_search *search = hunt->search;
    unsigned count = body_rewrite_count(&search->tree);
    for (unsigned number = 0; number < count; number++) {
        struct body_rewrite what;
        size_t from;
        bool made = body_rewrite_make(number, search->body, &search->tree, hunt->signature->body_canon,
                                      &search->scratch, &what);
        if (!diagnosis_budget_take(search->trial.budget, WRITE_COST * search->scratch.len + 64)) return false;
        if (!made) continue;
        struct span text = bytes_span(&search->scratch);
        bool found = with_footer ? try_footer(hunt, text, &from) : body_trial_whole(&search->trial, text);
        if (!found) continue;
        if (with_footer) report_text(hunt, FINDING_BODY_FOOTER, text, from, text.len, NULL);
        report_rewrite(hunt, &what);
        return true;
    }
    return false;
}

/* Banner and footer together: what is left of the body behind each of the first lines, cut at each of its last. */
static bool try_both_ends(const struct hunt *hunt) {
    struct body_search *search = hunt->search;
    struct body_cuts *first = arena_alloc(search->arena, sizeof *first),
                     *second = arena_alloc(search->arena, sizeof *second);
    const struct body_cut *a, *b;
    struct mime_leaf whole = {.body = search->body, .is_text = true};
    if (first == NULL || second == NULL) return false;
    body_cut_banners(search->body, &whole, PAIR_LINES, first);
    body_cut_footers(search->body, &whole, PAIR_LINES, second);
    if (!body_cut_try_pairs(&search->trial, search->body, first, second, &a, &b)) return false;
    report_cut(hunt, FINDING_BODY_BANNER, a, &whole);
    report_cut(hunt, FINDING_BODY_FOOTER, b, &whole);
    return true;
}

/* ---- One octet lost ---- */

/* At each line's start, or at each line's end: one octet put back. */
static bool try_put_back(const struct hunt *hunt, const char *octet, bool at_start, enum finding_id id) {
    struct body_search *search = hunt->search;
    struct span body = search->body;
    size_t fed = 0, tries = 0;
    body_trial_begin(&search->trial);
    for (size_t at = 0; at < body.len && tries < LINE_TRIALS && search->trial.budget->octets > 0;) {
        size_t end = at + span_find(span_after(body, at), '\n'), place = at_start ? at : end;
        if (!at_start && place > at && body.ptr[place - 1] == '\r') place--;
        body_trial_feed(&search->trial, body_from(hunt, fed, place));
        fed = place;
        tries++;
        if (body_trial_ends(&search->trial, span_of(octet), span_after(body, place))) {
            struct finding *finding = add(hunt, id);
            finding->evidence = evidence_of_cut(body, place, place, span_of(octet), search->arena);
            return true;
        }
        at = end < body.len ? end + 1 : end;
    }
    return false;
}

static bool try_lost_octets(const struct hunt *hunt) {
    if (try_put_back(hunt, ".", true, FINDING_BODY_DOTS)) return true;
    return hunt->signature->body_canon == CANON_SIMPLE && try_put_back(hunt, " ", false, FINDING_BODY_BLANKS_STRIPPED);
}

/* ---- Nothing fits: what else can be seen ---- */

/* A part whose text says that it stands for a file that was removed. */
static bool looks_removed(const struct mime_leaf *leaf, const char **word) {
    static const char *const words[] = {"attachment was removed", "attachment has been removed", "removed attachment",
                                        "attachment removed",     "has been quarantined",        "blocked attachment"};
    enum { LOOKED_AT = 1024 };
    struct span start = span_first(leaf->body, leaf->body.len < LOOKED_AT ? leaf->body.len : LOOKED_AT);
    struct span header = span_first(leaf->header, leaf->header.len < LOOKED_AT ? leaf->header.len : LOOKED_AT);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        *word = words[i];
        size_t len = strlen(words[i]);
        for (size_t at = 0; at + len <= start.len; at++)
            if (span_equal_nocase((struct span){start.ptr + at, len}, span_of(words[i]))) return true;
        for (size_t at = 0; at + len <= header.len; at++)
            if (span_equal_nocase((struct span){header.ptr + at, len}, span_of(words[i]))) return true;
    }
    return false;
}

static void guess(const struct hunt *hunt) {
    const struct mime_tree *tree = &hunt->search->tree;
    const char *word;
    for (size_t i = 1; i < tree->count; i++)
        if (looks_removed(&tree->leaf[i], &word)) {
            struct finding *finding = add(hunt, FINDING_BODY_ATTACHMENT);
            finding->certainty = FINDING_GUESS;
            finding_add_text(finding, "text", span_of(word));
            return;
        }
    if (!tree->is_closed) {
        add(hunt, FINDING_BODY_CUT)->certainty = FINDING_GUESS;
        return;
    }
    add(hunt, FINDING_BODY_CHANGED)->certainty = FINDING_EXACT;
}

void diagnosis_body_explain(struct body_search *search, const struct dkim_signature *signature, bool is_protected,
                            struct diagnosis_budget *budget, struct finding_list *list) {
    struct hunt hunt = {search, signature, list, is_protected ? FINDING_PROVED : FINDING_GUESS};
    size_t from;
    body_trial_aim(&search->trial, signature, budget);
    if (try_signer_faults(&hunt)) return;
    if (try_footer(&hunt, search->body, &from)) {
        report_text(&hunt, FINDING_BODY_FOOTER, search->body, from, search->body.len, NULL);
        return;
    }
    if (try_banner(&hunt) || try_rewrites(&hunt, false) || try_leaves(&hunt) || try_pairs(&hunt) ||
        try_rewrites(&hunt, true) || try_both_ends(&hunt) || try_lost_octets(&hunt))
        return;
    guess(&hunt);
}
