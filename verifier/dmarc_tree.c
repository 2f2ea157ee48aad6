#include "verifier/dmarc_tree.h"
#include "base/arena.h"

static const char prefix[] = "_dmarc.";
enum { PREFIX_LEN = sizeof prefix - 1 };

static size_t count_labels(struct span name) {
    size_t labels = name.len > 0;
    for (size_t i = 0; i < name.len; i++) labels += name.ptr[i] == '.';
    return labels;
}

struct span dmarc_last_labels(struct span name, size_t count) {
    size_t at = name.len;
    while (at > 0 && (name.ptr[at - 1] != '.' || --count > 0)) at--;
    return span_after(name, at);
}

/* ---- One name ---- */

static void read_answer(struct dmarc_step *step, const struct dns_answer *answer) {
    step->is_pending = false;
    step->status = answer->status;
    step->dnssec = answer->dnssec;
    for (size_t i = 0; i < answer->record_count; i++) {
        struct dmarc_record record;
        enum dmarc_record_status status = dmarc_record_parse(answer->record[i], &record);
        if (status == DMARC_RECORD_FOREIGN) continue;
        step->record = record;
        step->record_status = status;
        step->record_count++;
    }
    if (step->tree->heard != NULL) step->tree->heard(step->tree->owner, step, answer);
}

static void answered(struct dns_query *query, const struct dns_answer *answer) {
    struct dmarc_step *step = LIST_ENTRY(query, struct dmarc_step, query);
    struct dmarc_tree *tree = step->tree;
    read_answer(step, answer);
    tree->changed(tree->owner);
}

static struct dmarc_step *find_step(const struct dmarc_tree *tree, struct span domain) {
    struct dmarc_step *step = tree->steps;
    while (step != NULL && !span_equal(step->domain, domain)) step = step->next;
    return step;
}

static void ask(struct dmarc_tree *tree, struct dmarc_step *step) {
    struct dns_answer answer = {.status = DNS_TIMEOUT};
    step->is_pending =
        !tree->is_expired && dns_lookup(tree->dns, step->name, DNS_TXT, &step->query, &answer) == DNS_PENDING;
    if (!step->is_pending) read_answer(step, &answer);
}

/* The step for domain, asked for unless it was. NULL: no memory. */
static struct dmarc_step *take_step(struct dmarc_tree *tree, struct span domain) {
    struct dmarc_step *step = find_step(tree, domain);
    if (step != NULL) return step;
    step = arena_alloc(tree->arena, sizeof *step);
    char *name = arena_alloc(tree->arena, PREFIX_LEN + domain.len);
    if (step == NULL || name == NULL) return NULL;
    memcpy(name, prefix, PREFIX_LEN);
    memcpy(name + PREFIX_LEN, domain.ptr, domain.len);
    step->name = (struct span){name, PREFIX_LEN + domain.len};
    step->domain = span_after(step->name, PREFIX_LEN);
    step->query.answered = answered;
    step->tree = tree;
    step->next = tree->steps;
    tree->steps = step;
    ask(tree, step);
    return step;
}

/* ---- The tree ---- */

void dmarc_tree_stop(struct dmarc_tree *tree) {
    for (struct dmarc_step *step = tree->steps; step != NULL; step = step->next) {
        if (!step->is_pending) continue;
        dns_cancel(tree->dns, &step->query);
        read_answer(step, &(struct dns_answer){.status = DNS_TIMEOUT});
    }
}

void dmarc_tree_expire(struct dmarc_tree *tree) {
    tree->is_expired = true;
    dmarc_tree_stop(tree);
}

void dmarc_tree_begin(struct dmarc_tree *tree, struct dns_source *dns, struct arena *arena,
                      void (*changed)(void *owner), void *owner) {
    dmarc_tree_stop(tree);
    *tree = (struct dmarc_tree){.dns = dns, .arena = arena, .changed = changed, .owner = owner};
}

static struct dmarc_walk *find_walk(const struct dmarc_tree *tree, struct span domain) {
    for (size_t i = 0; i < tree->walk_count; i++)
        if (span_equal(tree->walk[i]->domain, domain)) return tree->walk[i];
    return NULL;
}

/* Section 4.10 steps 3 to 7: behind a name of 8 labels or more stands the one of its last 7. */
static bool take_steps(struct dmarc_tree *tree, struct dmarc_walk *walk) {
    size_t labels = count_labels(walk->domain);
    while (labels > 0) {
        struct dmarc_step *step = take_step(tree, dmarc_last_labels(walk->domain, labels));
        if (step == NULL) return false;
        walk->step[walk->count++] = step;
        labels = labels > DMARC_WALK_STEPS_MAX ? DMARC_WALK_STEPS_MAX - 1 : labels - 1;
    }
    return true;
}

const struct dmarc_walk *dmarc_tree_walk(struct dmarc_tree *tree, struct span domain) {
    struct dmarc_walk *walk = find_walk(tree, domain);
    if (walk != NULL) return walk;
    if (tree->walk_count == DMARC_WALKS_MAX) return NULL;
    walk = arena_alloc(tree->arena, sizeof *walk);
    if (walk == NULL) return NULL;
    walk->domain = arena_copy(tree->arena, domain);
    if (walk->domain.len == 0 || !take_steps(tree, walk)) return NULL;
    return tree->walk[tree->walk_count++] = walk;
}

/* ---- What a walk tells ---- */

static bool has_record(const struct dmarc_step *step) { return step->record_count == 1; }

static enum dmarc_known step_known(const struct dmarc_step *step, enum dns_status *failure) {
    if (step->is_pending) return DMARC_AWAITED;
    if (step->status == DNS_FOUND || step->status == DNS_NXDOMAIN || step->status == DNS_NODATA) return DMARC_KNOWN;
    *failure = step->status;
    return DMARC_FAILED;
}

/* The step of the shortest name with a record, or the one whose psd= ends the walk; NULL: there is no record. */
static enum dmarc_known find_top(const struct dmarc_walk *walk, const struct dmarc_step **top,
                                 enum dns_status *failure) {
    *top = NULL;
    for (size_t i = 0; i < walk->count; i++) {
        enum dmarc_known known = step_known(walk->step[i], failure);
        if (known != DMARC_KNOWN) return known;
        if (!has_record(walk->step[i])) continue;
        *top = walk->step[i];
        if ((*top)->record.psd != DMARC_PSD_UNKNOWN) break;
    }
    return DMARC_KNOWN;
}

static struct span organization_under(const struct dmarc_walk *walk, const struct dmarc_step *top) {
    if (top == NULL) return walk->domain;
    if (top->record.psd == DMARC_PSD_YES) return dmarc_last_labels(walk->domain, count_labels(top->domain) + 1);
    return dmarc_last_labels(walk->domain, count_labels(top->domain));
}

enum dmarc_known dmarc_walk_place(const struct dmarc_walk *walk, struct dmarc_place *place, enum dns_status *failure) {
    const struct dmarc_step *top;
    enum dmarc_known known = find_top(walk, &top, failure);
    if (known == DMARC_KNOWN) *place = (struct dmarc_place){organization_under(walk, top), top};
    return known;
}

enum dmarc_known dmarc_walk_policy(const struct dmarc_walk *walk, const struct dmarc_step **step,
                                   enum dns_status *failure) {
    enum dmarc_known known = step_known(walk->step[0], failure);
    *step = walk->step[0];
    if (known != DMARC_KNOWN || has_record(walk->step[0])) return known;
    known = find_top(walk, step, failure);
    if (known != DMARC_KNOWN || *step == NULL) return known;
    /* A public suffix domain speaks for organizations that are silent themselves. */
    struct span organization = organization_under(walk, *step);
    for (size_t i = 0; i < walk->count; i++)
        if (has_record(walk->step[i]) && span_equal(walk->step[i]->domain, organization)) *step = walk->step[i];
    return known;
}
