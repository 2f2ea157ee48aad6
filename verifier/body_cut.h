/* verifier/body_cut.h -- places of a body where a server may have put text in: behind or in front of it, at the end or
 * the start of a part, around the end tags of HTML (tester.md 3b, B1 to B4, B22). Each cut takes octets out again, or
 * puts lost ones back; body_trial tells which of them is right. Pure: fixed storage. Limits: CUTS_MAX places of one
 * kind. */
#pragma once
#include "verifier/body_trial.h"
#include "verifier/mime_tree.h"

enum { CUTS_MAX = 256 };

struct body_cut {
    size_t from, to; /* octets of the body that go */
    const char *put; /* what stands in their place; static */
};

struct body_cuts {
    size_t count;
    struct body_cut cut[CUTS_MAX]; /* by from, ascending */
};

/* Text added at the end of a leaf, or before the end tags of its HTML: at most lines starts of lines, as many tags. */
void body_cut_footers(struct span body, const struct mime_leaf *leaf, size_t lines, struct body_cuts *out);
/* Text added at its start, or behind the start tag of its HTML body. */
void body_cut_banners(struct span body, const struct mime_leaf *leaf, size_t lines, struct body_cuts *out);
/* Elements of HTML that servers insert. */
void body_cut_elements(struct span body, const struct mime_leaf *leaf, struct body_cuts *out);

/* The cut that makes body the signed one; NULL: none does. */
const struct body_cut *body_cut_try(struct body_trial *trial, struct span body, const struct body_cuts *cuts);
/* One cut of each list, the second list's behind the first's. */
bool body_cut_try_pairs(struct body_trial *trial, struct span body, const struct body_cuts *first,
                        const struct body_cuts *second, const struct body_cut **a, const struct body_cut **b);
