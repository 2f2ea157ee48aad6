#include "verifier/dmarc_check.h"
#include <assert.h>
#include <stdlib.h>
#include "base/arena.h"
#include "verifier/dmarc_tree.h"
#include "verifier/domain_name.h"

enum {
    ARENA_MAX = 256 * 1024,
    ARENA_FIRST = 1024, /* the walk of a domain of three labels takes 656 */
};

enum state { STATE_OPEN, STATE_POLICY, STATE_EXISTENCE, STATE_ALIGNMENT, STATE_DONE };
enum progress { PROGRESS_WAIT, PROGRESS_AGAIN };

struct dmarc_check {
    struct dns_source *dns;
    struct arena *arena;
    struct dmarc_tree tree;
    void (*done)(void *owner);
    void *owner;

    enum state state;
    size_t expected;
    const struct dmarc_walk *author; /* its walk; the domain is the copy that stays */
    const struct dmarc_step *policy; /* whose record applies */
    struct dmarc_identifier identifier[DMARC_IDENTIFIERS_MAX];
    size_t count;

    struct dns_query existence; /* is there such a domain as the author's? */
    bool existence_was_asked, existence_is_pending, author_exists;
    bool is_expired;
    struct dmarc_result result;
};

/* ---- The end ---- */

static void stop_asking(struct dmarc_check *check) {
    dmarc_tree_stop(&check->tree);
    if (check->existence_is_pending) dns_cancel(check->dns, &check->existence);
    check->existence_is_pending = false;
}

/* Section 4.7, t=y: one step milder. */
static enum dmarc_policy milder(enum dmarc_policy policy) {
    return policy == DMARC_POLICY_REJECT ? DMARC_POLICY_QUARANTINE : DMARC_POLICY_NONE;
}

static enum progress finish(struct dmarc_check *check, enum dmarc_code code) {
    struct dmarc_result *result = &check->result;
    stop_asking(check);
    result->code = code;
    result->result = dmarc_code_result(code);
    result->disposition = DMARC_POLICY_NONE;
    if (result->result == RESULT_FAIL) result->disposition = result->testing ? milder(result->policy) : result->policy;
    check->state = STATE_DONE;
    return PROGRESS_WAIT;
}

static enum progress advance(struct dmarc_check *check, enum state state) {
    check->state = state;
    return PROGRESS_AGAIN;
}

static enum dmarc_code code_of_failure(enum dns_status failure) {
    switch (failure) {
    case DNS_TIMEOUT: return DMARC_DNS_TIMEOUT;
    case DNS_BOGUS: return DMARC_DNS_BOGUS;
    default: return DMARC_DNS_SERVFAIL;
    }
}

/* ---- Which record applies (section 4.10.1) ---- */

static enum progress find_policy(struct dmarc_check *check) {
    enum dns_status failure = DNS_SERVFAIL;
    struct dmarc_result *result = &check->result;
    enum dmarc_known known = dmarc_walk_policy(check->author, &check->policy, &failure);
    if (known == DMARC_AWAITED) return PROGRESS_WAIT;
    const struct dmarc_step *own = check->author->step[0], *policy = check->policy;
    result->dnssec = own->dnssec;
    if (known == DMARC_FAILED) return finish(check, code_of_failure(failure));
    if (policy == NULL) return finish(check, own->record_count > 1 ? DMARC_SEVERAL_RECORDS : DMARC_NO_RECORD);
    result->policy_domain = policy->domain;
    result->dnssec = policy->dnssec;
    if (policy->record_status == DMARC_RECORD_NO_POLICY) return finish(check, DMARC_SYNTAX);
    result->testing = policy->record.testing;
    result->strict_dkim = policy->record.strict_dkim;
    result->strict_spf = policy->record.strict_spf;
    return advance(check, STATE_EXISTENCE);
}

/* ---- Does the author's domain exist? Asked only where np= makes it matter (section 3.2, RFC 8020) ---- */

static bool existence_matters(const struct dmarc_check *check) {
    const struct dmarc_record *record = &check->policy->record;
    return check->policy != check->author->step[0] &&
           dmarc_record_policy_for(record, true, true) != dmarc_record_policy_for(record, true, false) &&
           check->author->step[0]->status == DNS_NXDOMAIN; /* a domain with a name below it exists */
}

static void take_existence(struct dmarc_check *check, const struct dns_answer *answer) {
    check->existence_is_pending = false;
    check->author_exists = answer->status != DNS_NXDOMAIN; /* what we could not find out says nothing against it */
}

static enum progress find_existence(struct dmarc_check *check) {
    if (!check->existence_was_asked && !check->is_expired && existence_matters(check)) {
        struct dns_answer answer;
        check->existence_was_asked = true;
        check->existence_is_pending =
            dns_lookup(check->dns, check->author->domain, DNS_A, &check->existence, &answer) == DNS_PENDING;
        if (!check->existence_is_pending) take_existence(check, &answer);
    }
    if (check->existence_is_pending) return PROGRESS_WAIT;
    bool is_subdomain = check->policy != check->author->step[0];
    check->result.policy = dmarc_record_policy_for(&check->policy->record, is_subdomain, check->author_exists);
    return advance(check, STATE_ALIGNMENT);
}

/* ---- Alignment (sections 4.4 and 4.10.2) ---- */

enum alignment { ALIGNED, NOT_ALIGNED, ALIGNMENT_AWAITED, ALIGNMENT_UNKNOWN };

static enum alignment alignment_of_known(enum dmarc_known known) {
    return known == DMARC_AWAITED ? ALIGNMENT_AWAITED : ALIGNMENT_UNKNOWN;
}

/* Is domain the one right above author, with a name that is more than a top-level domain's? */
static bool is_parent(struct span domain, struct span author) {
    size_t dot = span_find(author, '.');
    return dot < author.len && span_equal(span_after(author, dot + 1), domain) && span_find(domain, '.') < domain.len;
}

/* Equal organizational domains are aligned. One case of RFC 7489 is kept: the domain right above the author, when
 * neither it nor a name above it has a record. There it was the organizational domain, and mail was set up by that; RFC
 * 9989 makes the author's own record an organization apart. The price: whoever may send for the domain above, which
 * holds the author's delegation, may send for the author too. The author can refuse it with psd=n or with strict
 * alignment. */
static enum alignment compare_places(struct span domain, const struct dmarc_place *place, struct span author,
                                     const struct dmarc_place *author_place) {
    if (span_equal(place->organization, author_place->organization)) return ALIGNED;
    bool is_apart = author_place->top == NULL || author_place->top->record.psd != DMARC_PSD_UNKNOWN;
    return !is_apart && place->top == NULL && is_parent(domain, author) ? ALIGNED : NOT_ALIGNED;
}

/* On ALIGNMENT_UNKNOWN *code says why. */
static enum alignment align(struct dmarc_check *check, const struct dmarc_identifier *identifier,
                            enum dmarc_code *code) {
    bool strict = identifier->method == DMARC_BY_DKIM ? check->result.strict_dkim : check->result.strict_spf;
    struct span author = check->author->domain, domain = identifier->domain;
    struct dmarc_place author_place, place;
    enum dns_status failure = DNS_SERVFAIL;
    if (span_equal(domain, author)) return ALIGNED; /* whatever organization that is */
    if (strict) return NOT_ALIGNED;
    enum dmarc_known known = dmarc_walk_place(check->author, &author_place, &failure);
    *code = code_of_failure(failure);
    if (known != DMARC_KNOWN) return alignment_of_known(known);
    if (!domain_name_is_within(domain, author_place.organization) && !is_parent(domain, author))
        return NOT_ALIGNED; /* wherever it stands, it is elsewhere */
    const struct dmarc_walk *walk = dmarc_tree_walk(&check->tree, domain);
    *code = DMARC_NO_MEMORY;
    if (walk == NULL) return ALIGNMENT_UNKNOWN;
    known = dmarc_walk_place(walk, &place, &failure);
    *code = code_of_failure(failure);
    return known == DMARC_KNOWN ? compare_places(domain, &place, author, &author_place) : alignment_of_known(known);
}

static enum progress find_alignment(struct dmarc_check *check) {
    struct dmarc_result *result = &check->result;
    enum dmarc_code code = DMARC_NOT_ALIGNED, why;
    enum dns_status failure;
    struct dmarc_place place = {.top = NULL};
    bool waits = dmarc_walk_place(check->author, &place, &failure) == DMARC_AWAITED;
    result->organizational_domain = place.organization;
    result->dkim_aligned = result->spf_aligned = false;
    for (size_t i = 0; i < check->count; i++) {
        const struct dmarc_identifier *identifier = &check->identifier[i];
        enum alignment alignment = align(check, identifier, &why);
        waits |= alignment == ALIGNMENT_AWAITED;
        if (alignment == NOT_ALIGNED) continue;
        if (identifier->result == RESULT_TEMPERROR) {
            if (code == DMARC_NOT_ALIGNED) code = DMARC_UNDECIDED;
        } else if (alignment == ALIGNED) {
            *(identifier->method == DMARC_BY_DKIM ? &result->dkim_aligned : &result->spf_aligned) = true;
        } else {
            code = why;
        }
    }
    if (waits) return PROGRESS_WAIT;
    return finish(check, result->dkim_aligned || result->spf_aligned ? DMARC_ALIGNED : code);
}

/* ---- The way through ---- */

static enum progress stay(struct dmarc_check *check) {
    (void)check;
    return PROGRESS_WAIT;
}

static const struct step {
    const char *name;
    enum progress (*run)(struct dmarc_check *check);
} steps[] = {
    [STATE_OPEN] = {"open", stay},                     /* dmarc_check_judge -> POLICY | DONE (permerror) */
    [STATE_POLICY] = {"policy", find_policy},          /* -> EXISTENCE | DONE (none, permerror, temperror) */
    [STATE_EXISTENCE] = {"existence", find_existence}, /* -> ALIGNMENT */
    [STATE_ALIGNMENT] = {"alignment", find_alignment}, /* -> DONE (pass, fail, temperror) */
    [STATE_DONE] = {"done", stay},
};

/* True: the result is there. */
static bool run(struct dmarc_check *check) {
    while (steps[check->state].run(check) == PROGRESS_AGAIN) {}
    return check->state == STATE_DONE;
}

/* An answer came late. Last in the callback, since done may begin the next message. */
static void changed(void *owner) {
    struct dmarc_check *check = owner;
    if (check->state != STATE_OPEN && run(check)) check->done(check->owner);
}

static void existence_answered(struct dns_query *query, const struct dns_answer *answer) {
    struct dmarc_check *check = LIST_ENTRY(query, struct dmarc_check, existence);
    take_existence(check, answer);
    changed(check);
}

struct dmarc_check *dmarc_check_create(struct dns_source *dns) {
    struct dmarc_check *check = calloc(1, sizeof *check);
    if (check == NULL) return NULL;
    check->dns = dns;
    check->existence.answered = existence_answered;
    check->arena = arena_create_small(ARENA_MAX, ARENA_FIRST);
    if (check->arena != NULL) return check;
    free(check);
    return NULL;
}

void dmarc_check_destroy(struct dmarc_check *check) {
    if (check == NULL) return;
    stop_asking(check);
    arena_destroy(check->arena);
    free(check);
}

void dmarc_check_begin(struct dmarc_check *check, void (*done)(void *owner), void *owner) {
    stop_asking(check);
    dmarc_tree_begin(&check->tree, check->dns, check->arena, changed, check);
    arena_reset(check->arena);
    check->done = done;
    check->owner = owner;
    check->state = STATE_OPEN;
    check->expected = check->count = 0;
    check->author = NULL;
    check->policy = NULL;
    check->existence_was_asked = check->is_expired = false;
    check->author_exists = true;
    check->result = (struct dmarc_result){.is_evaluated = false};
}

void dmarc_check_expect(struct dmarc_check *check, struct span domain) {
    if (domain.len == 0 || check->expected == DMARC_IDENTIFIERS_MAX) return;
    size_t before = check->tree.walk_count;
    dmarc_tree_walk(&check->tree, domain); /* without memory it is begun once more, and missed, when it matters */
    check->expected += check->tree.walk_count - before;
}

/* Copies those that can matter. Where a domain shares two labels with the author's its organization is likely to be
 * asked for, so its walk leaves together with the author's. False: no memory. */
static bool take_identifiers(struct dmarc_check *check, const struct dmarc_identifier *identifiers, size_t count) {
    struct span near = dmarc_last_labels(check->author->domain, 2);
    for (size_t i = 0; i < count && check->count < DMARC_IDENTIFIERS_MAX; i++) {
        struct dmarc_identifier identifier = identifiers[i];
        if (identifier.domain.len == 0 || (identifier.result != RESULT_PASS && identifier.result != RESULT_TEMPERROR))
            continue;
        identifier.domain = arena_copy(check->arena, identifier.domain);
        if (identifier.domain.len == 0) return false;
        if (domain_name_is_within(identifier.domain, near)) dmarc_tree_walk(&check->tree, identifier.domain);
        check->identifier[check->count++] = identifier;
    }
    return true;
}

enum dmarc_progress dmarc_check_judge(struct dmarc_check *check, struct span author, size_t addresses,
                                      const struct dmarc_identifier *identifiers, size_t count) {
    check->result = (struct dmarc_result){.is_evaluated = true};
    if (addresses > 1 || author.len == 0) {
        finish(check, addresses > 1 ? DMARC_SEVERAL_AUTHORS : DMARC_NO_AUTHOR);
        return DMARC_DONE;
    }
    check->author = dmarc_tree_walk(&check->tree, author);
    if (check->author != NULL) check->result.domain = check->author->domain;
    if (check->author == NULL || !take_identifiers(check, identifiers, count)) {
        finish(check, DMARC_NO_MEMORY);
        return DMARC_DONE;
    }
    check->state = STATE_POLICY;
    return run(check) ? DMARC_DONE : DMARC_PENDING;
}

void dmarc_check_expire(struct dmarc_check *check) {
    if (check->state == STATE_OPEN || check->state == STATE_DONE) return;
    check->is_expired = true;
    if (check->existence_is_pending) dns_cancel(check->dns, &check->existence);
    check->existence_is_pending = false;
    dmarc_tree_expire(&check->tree);
    bool is_done = run(check);
    assert(is_done);
    (void)is_done;
}

const struct dmarc_result *dmarc_check_result(const struct dmarc_check *check) { return &check->result; }
