#include "verifier/domain_policy_lookup.h"
#include <assert.h>
#include <stdlib.h>
#include "verifier/policy_judge.h"
#include "verifier/spf_record.h"

struct domain_policy_lookup {
    struct dns_source *dns;
    struct arena *arena;
    struct span domain;
    void (*done)(void *owner);
    void *owner;
    struct dns_query query; /* for SPF */
    bool spf_pending, is_running, is_over;
    bool is_misplaced; /* a DMARC record stands at the domain itself */
    struct dmarc_tree tree;
    const struct dmarc_walk *walk; /* NULL: no memory */
    size_t heard;
    struct {
        const struct dmarc_step *step;
        struct domain_policy_place place;
    } answer[DMARC_WALK_STEPS_MAX];
    struct domain_policy policy;
};

/* ---- Answers, kept ---- */

static bool copy(struct arena *arena, struct span from, struct span *to) {
    *to = from.len > 0 ? arena_copy(arena, from) : span_of("");
    return to->len == from.len;
}

static bool keep_records(const struct dns_answer *answer, bool (*is_wanted)(struct span text), struct arena *arena,
                         struct domain_policy_place *out) {
    for (; out->cname_count < answer->cname_count; out->cname_count++)
        if (!copy(arena, answer->cname[out->cname_count], &out->cname[out->cname_count])) return false;
    for (size_t i = 0; i < answer->record_count; i++) {
        if (!is_wanted(answer->record[i])) continue;
        bool has_room = out->count < DOMAIN_POLICY_TEXTS_MAX;
        if (has_room && !copy(arena, answer->record[i], &out->text[out->count])) return false;
        out->count++;
    }
    return copy(arena, answer->reason, &out->reason);
}

static void keep(const struct dns_answer *answer, struct span name, bool (*is_wanted)(struct span text),
                 struct arena *arena, struct domain_policy_place *out) {
    *out = (struct domain_policy_place){
        .name = name, .status = answer->status, .dnssec = answer->dnssec, .ttl_s = answer->ttl_s};
    memcpy(out->cname_ttl_s, answer->cname_ttl_s, sizeof out->cname_ttl_s);
    if (!keep_records(answer, is_wanted, arena, out))
        *out = (struct domain_policy_place){.name = name, .status = DNS_SERVFAIL};
}

static bool is_dmarc(struct span text) {
    struct dmarc_record record;
    return dmarc_record_parse(text, &record) != DMARC_RECORD_FOREIGN;
}

/* Something that was meant to be one, for what is to be said about it. */
static bool begins_as_dmarc(struct span text) {
    static const char version[] = "v=DMARC1";
    return text.len >= sizeof version - 1 && span_is_nocase(span_first(text, sizeof version - 1), version);
}

static void take_spf(struct domain_policy_lookup *lookup, const struct dns_answer *answer) {
    keep(answer, lookup->domain, spf_record_is_spf, lookup->arena, &lookup->policy.spf);
    for (size_t i = 0; i < answer->record_count; i++) lookup->is_misplaced |= begins_as_dmarc(answer->record[i]);
}

static void heard(void *owner, const struct dmarc_step *step, const struct dns_answer *answer) {
    struct domain_policy_lookup *lookup = owner;
    if (lookup->heard == DMARC_WALK_STEPS_MAX) return; /* a walk has no more steps */
    lookup->answer[lookup->heard].step = step;
    keep(answer, step->name, begins_as_dmarc, lookup->arena, &lookup->answer[lookup->heard++].place);
}

static const struct domain_policy_place *place_of(const struct domain_policy_lookup *lookup,
                                                  const struct dmarc_step *step) {
    for (size_t i = 0; i < lookup->heard; i++)
        if (lookup->answer[i].step == step) return &lookup->answer[i].place;
    return NULL;
}

/* ---- Judging ---- */

static bool is_failure(enum dns_status status) {
    return status == DNS_SERVFAIL || status == DNS_TIMEOUT || status == DNS_BOGUS;
}

static void add(struct finding_list *list, enum finding_id id, struct span domain, size_t count) {
    struct finding *finding = finding_add(list, id);
    finding_add_text(finding, "domain", domain);
    if (count > 0) finding_add_number(finding, "found", count);
}

static enum domain_policy_state judge_spf(struct domain_policy_lookup *lookup) {
    const struct domain_policy_place *spf = &lookup->policy.spf;
    struct finding_list *findings = &lookup->policy.spf_findings;
    struct spf_record record;
    struct span error_term;
    if (is_failure(spf->status)) return DOMAIN_POLICY_UNKNOWN;
    if (spf->count == 0) return add(findings, FINDING_SPF_ABSENT, lookup->domain, 0), DOMAIN_POLICY_NONE;
    if (spf->count > 1) return add(findings, FINDING_SPF_SEVERAL, lookup->domain, spf->count), DOMAIN_POLICY_SEVERAL;
    policy_judge_spf(spf->text[0], lookup->domain, findings);
    return spf_record_parse(spf->text[0], &record, &error_term) == SPF_RECORD_OK ? DOMAIN_POLICY_VALID
                                                                                 : DOMAIN_POLICY_MALFORMED;
}

static void list_places(struct domain_policy_lookup *lookup) {
    struct domain_policy *policy = &lookup->policy;
    for (size_t i = 0; lookup->walk != NULL && i < lookup->walk->count; i++) {
        const struct domain_policy_place *place = place_of(lookup, lookup->walk->step[i]);
        assert(place != NULL); /* dmarc_tree tells each answer */
        policy->dmarc[policy->asked++] = *place;
    }
}

/* Records that do not count, of every name that was asked on the way to the one that does. */
static bool judge_others(struct domain_policy_lookup *lookup) {
    struct domain_policy *policy = &lookup->policy;
    size_t end = policy->has_record ? policy->found_at : policy->asked;
    bool has_several = false;
    for (size_t i = 0; i < end; i++) {
        const struct dmarc_step *step = lookup->walk->step[i];
        const struct domain_policy_place *place = &policy->dmarc[i];
        if (step->record_count > 1)
            add(&policy->dmarc_findings, FINDING_DMARC_SEVERAL, step->domain, step->record_count);
        else if (place->count == 1 && !is_dmarc(place->text[0]))
            policy_judge_dmarc(place->text[0], step->domain, &policy->dmarc_findings);
        has_several |= step->record_count > 1 && (i == 0 || !policy->has_record);
    }
    return has_several;
}

static void take_record(struct domain_policy_lookup *lookup, const struct dmarc_step *step) {
    struct domain_policy *policy = &lookup->policy;
    while (lookup->walk->step[policy->found_at] != step) policy->found_at++;
    policy->has_record = true;
    policy->is_inherited = policy->found_at > 0;
    policy->policy_domain = step->domain;
    policy->record = step->record;
    policy->applied = dmarc_record_policy_for(&step->record, policy->is_inherited, policy->spf.status != DNS_NXDOMAIN);
    const struct domain_policy_place *place = &policy->dmarc[policy->found_at];
    for (size_t i = 0; i < place->count && i < DOMAIN_POLICY_TEXTS_MAX; i++)
        if (is_dmarc(place->text[i])) policy->record_text = place->text[i];
    policy_judge_dmarc(policy->record_text, step->domain, &policy->dmarc_findings);
}

static enum domain_policy_state judge_dmarc(struct domain_policy_lookup *lookup) {
    struct domain_policy *policy = &lookup->policy;
    const struct dmarc_step *step = NULL;
    struct dmarc_place place = {.top = NULL};
    enum dns_status failure;
    if (lookup->walk == NULL) return DOMAIN_POLICY_UNKNOWN;
    if (dmarc_walk_place(lookup->walk, &place, &failure) == DMARC_KNOWN) policy->organization = place.organization;
    if (dmarc_walk_policy(lookup->walk, &step, &failure) != DMARC_KNOWN) return DOMAIN_POLICY_UNKNOWN;
    if (step != NULL) take_record(lookup, step);
    if (judge_others(lookup)) return DOMAIN_POLICY_SEVERAL;
    if (step != NULL) return step->record_status == DMARC_RECORD_OK ? DOMAIN_POLICY_VALID : DOMAIN_POLICY_MALFORMED;
    if (policy->dmarc_findings.count > 0) return DOMAIN_POLICY_MALFORMED; /* meant to be one, but no v=DMARC1 */
    add(&policy->dmarc_findings, lookup->is_misplaced ? FINDING_DMARC_PLACE : FINDING_DMARC_ABSENT, lookup->domain, 0);
    return DOMAIN_POLICY_NONE;
}

/* ---- The lookup ---- */

static bool is_waiting(const struct domain_policy_lookup *lookup) {
    bool waits = lookup->spf_pending;
    for (size_t i = 0; lookup->walk != NULL && i < lookup->walk->count; i++) waits |= lookup->walk->step[i]->is_pending;
    return waits;
}

/* done is called from late answers only: start says by its return value what was over at once. */
static void run(struct domain_policy_lookup *lookup) {
    if (lookup->is_over || is_waiting(lookup)) return;
    list_places(lookup);
    lookup->policy.spf_state = judge_spf(lookup);
    lookup->policy.dmarc_state = judge_dmarc(lookup);
    lookup->is_over = true;
    if (lookup->is_running) lookup->done(lookup->owner);
}

static void changed(void *owner) { run(owner); }

static void answered(struct dns_query *query, const struct dns_answer *answer) {
    struct domain_policy_lookup *lookup = LIST_ENTRY(query, struct domain_policy_lookup, query);
    lookup->spf_pending = false;
    take_spf(lookup, answer);
    run(lookup);
}

struct domain_policy_lookup *domain_policy_lookup_create(struct dns_source *dns) {
    struct domain_policy_lookup *lookup = calloc(1, sizeof *lookup);
    if (lookup == NULL) return NULL;
    lookup->dns = dns;
    lookup->query.answered = answered;
    return lookup;
}

void domain_policy_lookup_destroy(struct domain_policy_lookup *lookup) {
    if (lookup == NULL) return;
    if (lookup->spf_pending) dns_cancel(lookup->dns, &lookup->query);
    lookup->tree.heard = NULL; /* the arena may be gone */
    dmarc_tree_stop(&lookup->tree);
    free(lookup);
}

bool domain_policy_lookup_start(struct domain_policy_lookup *lookup, struct span domain, struct arena *arena,
                                void (*done)(void *owner), void *owner) {
    struct dns_answer answer;
    lookup->domain = domain;
    lookup->arena = arena;
    lookup->done = done;
    lookup->owner = owner;
    lookup->spf_pending = dns_lookup(lookup->dns, domain, DNS_TXT, &lookup->query, &answer) == DNS_PENDING;
    if (!lookup->spf_pending) take_spf(lookup, &answer);
    dmarc_tree_begin(&lookup->tree, lookup->dns, arena, changed, lookup);
    lookup->tree.heard = heard;
    lookup->walk = dmarc_tree_walk(&lookup->tree, domain);
    run(lookup);
    lookup->is_running = !lookup->is_over;
    return lookup->is_running;
}

void domain_policy_lookup_expire(struct domain_policy_lookup *lookup) {
    if (!lookup->is_running || lookup->is_over) return;
    lookup->is_running = false;
    if (lookup->spf_pending) {
        dns_cancel(lookup->dns, &lookup->query);
        lookup->spf_pending = false;
        take_spf(lookup, &(struct dns_answer){.status = DNS_TIMEOUT});
    }
    dmarc_tree_expire(&lookup->tree);
    run(lookup);
}

const struct domain_policy *domain_policy_lookup_policy(const struct domain_policy_lookup *lookup) {
    return &lookup->policy;
}
