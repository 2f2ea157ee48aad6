#include "verifier/body_cut.h"
#include <stdlib.h>
#include "base/ascii.h"

static void add(struct body_cuts *cuts, size_t from, size_t to, const char *put) {
    if (cuts->count < CUTS_MAX && to > from) cuts->cut[cuts->count++] = (struct body_cut){from, to, put};
}

static int compare_cuts(const void *a, const void *b) {
    const struct body_cut *left = a, *right = b;
    if (left->from != right->from) return left->from < right->from ? -1 : 1;
    return (left->to > right->to) - (left->to < right->to);
}

static void sort(struct body_cuts *cuts) {
    if (cuts->count > 0) qsort(cuts->cut, cuts->count, sizeof *cuts->cut, compare_cuts);
}

static size_t start_of(struct span body, const struct mime_leaf *leaf) {
    return leaf->body.ptr != NULL ? (size_t)(leaf->body.ptr - body.ptr) : 0;
}

/* Is at the start of a line, or of a tag, or behind one? */
static bool is_start(struct span body, size_t at, bool is_html) {
    return body.ptr[at - 1] == '\n' || (is_html && (body.ptr[at] == '<' || body.ptr[at - 1] == '>'));
}

static bool has_tag(struct span text, const char *tag) {
    size_t len = strlen(tag);
    return text.len >= len && span_equal_nocase(span_first(text, len), (struct span){tag, len});
}

/* The last place before end where tag begins; end when there is none. */
static size_t last_tag(struct span body, size_t start, size_t end, const char *tag) {
    for (size_t at = end; at > start; at--)
        if (body.ptr[at - 1] == '<' && has_tag((struct span){body.ptr + at - 1, end - at + 1}, tag)) return at - 1;
    return end;
}

/* Cuts that end at to and begin at one of the last starts before it. */
static void add_before(struct body_cuts *cuts, struct span body, size_t start, size_t to, size_t most, bool is_html) {
    for (size_t at = to; at > start && most > 0;) {
        at--;
        if (at != start && !is_start(body, at, is_html)) continue;
        add(cuts, at, to, "");
        bool has_end = at >= start + 2 && body.ptr[at - 1] == '\n' && body.ptr[at - 2] == '\r';
        if (has_end) add(cuts, at - 2, to, ""); /* the line end before it may be the server's too */
        most--;
    }
}

void body_cut_footers(struct span body, const struct mime_leaf *leaf, size_t lines, struct body_cuts *out) {
    size_t start = start_of(body, leaf), end = start + leaf->body.len;
    out->count = 0;
    add_before(out, body, start, end, lines, false);
    if (leaf->is_html) {
        size_t end_body = last_tag(body, start, end, "</body"), end_html = last_tag(body, start, end, "</html");
        if (end_body < end)
            add_before(out, body, start, end_body, lines, true);
        else
            add_before(out, body, start, end, lines, true);
        if (end_html < end) add_before(out, body, start, end_html, lines / 4, true);
    }
    sort(out);
}

/* Cuts that begin at from and end at one of the first starts behind it. */
static void add_behind(struct body_cuts *cuts, struct span body, size_t from, size_t end, size_t most, bool is_html) {
    for (size_t at = from + 1; at < end && most > 0; at++) {
        if (!is_start(body, at, is_html)) continue;
        add(cuts, from, at, "");
        most--;
    }
}

/* Behind the start tag of the HTML body; start when there is none. */
static size_t behind_body_tag(struct span body, size_t start, size_t end) {
    for (size_t at = start; at < end; at++) {
        struct span rest = {body.ptr + at, end - at};
        if (rest.ptr[0] == '<' && has_tag(rest, "<body"))
            return at + span_find(rest, '>') + (span_find(rest, '>') < rest.len);
    }
    return start;
}

void body_cut_banners(struct span body, const struct mime_leaf *leaf, size_t lines, struct body_cuts *out) {
    size_t start = start_of(body, leaf), end = start + leaf->body.len;
    out->count = 0;
    add_behind(out, body, start, end, lines, false);
    size_t behind = leaf->is_html ? behind_body_tag(body, start, end) : start;
    if (behind > start) add_behind(out, body, behind, end, lines, true);
    if (behind > start && behind + 2 < end && body.ptr[behind] == '\r')
        add_behind(out, body, behind + 2, end, lines / 2, true);
    if (leaf->is_html && behind == start) add_behind(out, body, start, end, lines, true);
    sort(out);
}

/* Where the element that begins at at ends, with its end tag if it is one that has one. */
static size_t element_end(struct span body, size_t at, size_t end, const char *closing) {
    struct span rest = {body.ptr + at, end - at};
    size_t close = span_find(rest, '>');
    if (close == rest.len) return at;
    if (closing == NULL) return at + close + 1;
    for (size_t i = close; i < rest.len; i++)
        if (rest.ptr[i] == '<' && has_tag(span_after(rest, i), closing)) return at + i + strlen(closing);
    return at;
}

void body_cut_elements(struct span body, const struct mime_leaf *leaf, struct body_cuts *out) {
    static const struct {
        const char *opening, *closing;
    } elements[] = {{"<img", NULL},  {"<script", "</script>"}, {"<style", "</style>"},   {"<meta", NULL},
                    {"<link", NULL}, {"<base", NULL},          {"<iframe", "</iframe>"}, {"<!--", NULL}};
    size_t start = start_of(body, leaf), end = start + leaf->body.len;
    out->count = 0;
    size_t looked_at = 0;
    for (size_t at = end; leaf->is_html && at > start && looked_at < CUTS_MAX / 2; at--) {
        if (body.ptr[at - 1] != '<') continue;
        struct span rest = {body.ptr + at - 1, end - at + 1};
        for (size_t i = 0; i < sizeof elements / sizeof *elements; i++) {
            if (!has_tag(rest, elements[i].opening)) continue;
            looked_at++; /* each may cost a search to the end */
            size_t to = element_end(body, at - 1, end, elements[i].closing);
            add(out, at - 1, to, "");
            if (to > at && to + 2 <= end && body.ptr[to] == '\r') add(out, at - 1, to + 2, "");
        }
    }
    sort(out);
}

static struct span from_to(struct span body, size_t from, size_t to) {
    return (struct span){body.ptr + from, to - from};
}

const struct body_cut *body_cut_try(struct body_trial *trial, struct span body, const struct body_cuts *cuts) {
    size_t fed = 0;
    body_trial_begin(trial);
    for (const struct body_cut *cut = cuts->cut; cut < cuts->cut + cuts->count; cut++) {
        body_trial_feed(trial, from_to(body, fed, cut->from));
        fed = cut->from;
        if (body_trial_ends(trial, span_of(cut->put), span_after(body, cut->to))) return cut;
    }
    return NULL;
}

bool body_cut_try_pairs(struct body_trial *trial, struct span body, const struct body_cuts *first,
                        const struct body_cuts *second, const struct body_cut **a, const struct body_cut **b) {
    for (*a = first->cut; *a < first->cut + first->count && trial->budget->octets > 0; ++*a) {
        body_trial_begin(trial);
        body_trial_feed(trial, span_first(body, (*a)->from));
        size_t fed = (*a)->to;
        for (*b = second->cut; *b < second->cut + second->count; ++*b) {
            if ((*b)->from < fed) continue;
            body_trial_feed(trial, from_to(body, fed, (*b)->from));
            fed = (*b)->from;
            if (body_trial_ends(trial, span_of((*b)->put), span_after(body, (*b)->to))) return true;
        }
    }
    return false;
}
