#include "verifier/policy_lookup.h"
#include <stdlib.h>
#include "base/bytes.h"
#include "base/endpoint.h"
#include "verifier/domain_name.h"
#include "verifier/public_suffix.h"
#include "verifier/spf_check.h"
#include "verifier/spf_record.h"
#include "verifier/tag_list.h"

enum { ASK_SPF, ASK_DMARC, ASK_AUTHOR, ASK_REPORT, QUESTIONS = ASK_REPORT + POLICY_REPORTS_MAX };
enum { NAME_MAX_OCTETS = 1024, ADDRESS_TEXT_MAX = 46 };

enum progress { PROGRESS_AGAIN, PROGRESS_WAIT };
enum lookup_state { LOOKUP_RECORDS, LOOKUP_REPORTS, LOOKUP_ADDRESSES, LOOKUP_AWAIT_SPF, LOOKUP_DONE };

struct question {
    struct dns_query query; /* first */
    struct policy_lookup *lookup;
    bool is_pending;
};

struct policy_lookup {
    struct dns_source *dns;
    struct spf_check *spf;
    struct span suffixes;
    const struct message_result *result;
    const struct header_section *section;
    struct arena *arena;
    void (*done)(void *owner);
    void *owner;
    enum lookup_state state;
    bool has_policy, is_running, spf_pending;
    struct diagnosis_policy policy;
    struct question question[QUESTIONS];
    size_t pending;
    struct span address[POLICY_ADDRESSES_MAX]; /* of Received fields, as text */
    struct network network[POLICY_ADDRESSES_MAX];
    size_t addresses, tried;
};

static void run(struct policy_lookup *lookup);

/* ---- Questions ---- */

static bool begins(struct span text, const char *word) {
    size_t len = strlen(word);
    return text.len >= len && span_equal_nocase(span_first(text, len), (struct span){word, len});
}

static void take_texts(struct policy_lookup *lookup, const struct dns_answer *answer, bool is_spf,
                       struct policy_answer *out) {
    out->is_known = answer->status == DNS_FOUND || answer->status == DNS_NXDOMAIN || answer->status == DNS_NODATA;
    for (size_t i = 0; i < answer->record_count; i++) {
        struct span text = answer->record[i];
        if (!(is_spf ? spf_record_is_spf(text) : begins(text, "v=DMARC1"))) continue;
        if (out->count < POLICY_TEXTS_MAX) out->text[out->count] = arena_copy(lookup->arena, text);
        if (out->count < POLICY_TEXTS_MAX && out->text[out->count].len == 0) out->is_known = false; /* no memory */
        out->count++;
    }
}

static void take(struct policy_lookup *lookup, size_t which, const struct dns_answer *answer) {
    struct diagnosis_policy *policy = &lookup->policy;
    struct policy_answer dmarc = {.count = 0};
    if (which == ASK_SPF) {
        take_texts(lookup, answer, true, &policy->spf);
        return;
    }
    take_texts(lookup, answer, false, which == ASK_DMARC ? &policy->dmarc : &dmarc);
    if (which == ASK_AUTHOR) policy->is_misplaced = dmarc.count > 0;
    if (which < ASK_REPORT) return;
    policy->report[which - ASK_REPORT].is_known = dmarc.is_known;
    policy->report[which - ASK_REPORT].is_authorised = dmarc.count > 0;
}

static void answered(struct dns_query *query, const struct dns_answer *answer) {
    struct question *question = (struct question *)(void *)query;
    struct policy_lookup *lookup = question->lookup;
    question->is_pending = false;
    lookup->pending--;
    take(lookup, (size_t)(question - lookup->question), answer);
    run(lookup);
}

static void ask(struct policy_lookup *lookup, size_t which, const char *front, struct span name) {
    struct question *question = &lookup->question[which];
    struct dns_answer answer;
    struct bytes text = bytes_with_cap(NAME_MAX_OCTETS);
    bytes_append_text(&text, front);
    bytes_append(&text, name);
    *question = (struct question){.query = {.answered = answered}, .lookup = lookup};
    if (name.len > 0 && !text.failed) {
        question->is_pending =
            dns_lookup(lookup->dns, bytes_span(&text), DNS_TXT, &question->query, &answer) == DNS_PENDING;
        lookup->pending += question->is_pending;
        if (!question->is_pending) take(lookup, which, &answer);
    }
    bytes_release(&text);
}

/* ---- Records ---- */

static const struct spf_result *spf_of(const struct message_result *result) {
    const struct spf_result *spf = &result->spf[SPF_MAIL_FROM];
    return spf->is_evaluated ? spf : &result->spf[SPF_HELO];
}

static void ask_records(struct policy_lookup *lookup) {
    const struct dmarc_result *dmarc = &lookup->result->dmarc;
    struct diagnosis_policy *policy = &lookup->policy;
    const struct spf_result *spf = spf_of(lookup->result);
    if (spf->is_evaluated) policy->spf_domain = spf->domain;
    if (dmarc->is_evaluated) policy->dmarc_domain = dmarc->policy_domain.len > 0 ? dmarc->policy_domain : dmarc->domain;
    if (dmarc->is_evaluated && lookup->suffixes.len > 0)
        policy->suffix_organization = public_suffix_organization(lookup->suffixes, dmarc->domain);
    ask(lookup, ASK_SPF, "", policy->spf_domain);
    ask(lookup, ASK_DMARC, "_dmarc.", policy->dmarc_domain);
    if (dmarc->is_evaluated && dmarc->policy_domain.len == 0) ask(lookup, ASK_AUTHOR, "", dmarc->domain);
}

/* ---- Where reports go ---- */

/* The domain of "mailto:local@domain!10m" in lower-case A-labels; {NULL, 0}: another kind of URI, or none. */
static struct span domain_of_uri(struct span uri, struct arena *arena) {
    char domain[DOMAIN_NAME_MAX];
    uri = span_trim(uri);
    if (!begins(uri, "mailto:")) return (struct span){NULL, 0};
    size_t at = span_find(uri, '@');
    if (at == uri.len) return (struct span){NULL, 0};
    uri = span_after(uri, at + 1);
    uri = span_first(uri, span_find(uri, '!'));
    uri = span_first(uri, span_find(uri, '?'));
    return arena_copy(arena, (struct span){domain, domain_name_write(uri, true, domain)});
}

/* Somebody else's, as far as names tell: RFC 9990 section 4 asks whether the organizational domains differ. */
static bool is_foreign(const struct policy_lookup *lookup, struct span domain) {
    struct span organization = lookup->result->dmarc.organizational_domain;
    if (organization.len == 0) organization = lookup->policy.dmarc_domain;
    return !domain_name_is_related(domain, organization);
}

static void add_reports(struct policy_lookup *lookup, struct span uris) {
    struct diagnosis_policy *policy = &lookup->policy;
    while (uris.len > 0) {
        size_t comma = span_find(uris, ',');
        struct span domain = domain_of_uri(span_first(uris, comma), lookup->arena);
        bool is_new = domain.len > 0 && policy->report_count < POLICY_REPORTS_MAX && is_foreign(lookup, domain);
        for (size_t i = 0; i < policy->report_count; i++) is_new &= !span_equal(policy->report[i].domain, domain);
        if (is_new) policy->report[policy->report_count++].domain = domain;
        uris = span_after(uris, comma < uris.len ? comma + 1 : comma);
    }
}

static void ask_reports(struct policy_lookup *lookup) {
    struct diagnosis_policy *policy = &lookup->policy;
    struct tag_list tags;
    size_t error_at;
    if (!policy->dmarc.is_known || policy->dmarc.count != 1) return;
    if (tag_list_parse(policy->dmarc.text[0], &tags, &error_at) != TAG_LIST_OK)
        tag_list_salvage(policy->dmarc.text[0], &tags);
    const struct tag *rua = tag_list_find(&tags, "rua"), *ruf = tag_list_find(&tags, "ruf");
    if (rua != NULL) add_reports(lookup, rua->value);
    if (ruf != NULL) add_reports(lookup, ruf->value);
    struct bytes front = bytes_with_cap(NAME_MAX_OCTETS);
    for (size_t i = 0; i < policy->report_count; i++) {
        bytes_clear(&front);
        bytes_append(&front, policy->dmarc_domain);
        bytes_append_text(&front, "._report._dmarc.");
        bytes_append_char(&front, '\0');
        if (!front.failed) ask(lookup, ASK_REPORT + i, front.ptr, policy->report[i].domain);
    }
    bytes_release(&front);
}

/* ---- SPF for who had the message before ---- */

static void add_address(struct policy_lookup *lookup, struct span text) {
    char address[ADDRESS_TEXT_MAX + 1];
    if (begins(text, "IPv6:")) text = span_after(text, 5);
    if (text.len == 0 || text.len > ADDRESS_TEXT_MAX || span_find(text, '/') < text.len ||
        span_find(text, '\0') < text.len || lookup->addresses == POLICY_ADDRESSES_MAX)
        return;
    for (size_t i = 0; i < lookup->addresses; i++)
        if (span_equal_nocase(lookup->address[i], text)) return;
    memcpy(address, text.ptr, text.len);
    address[text.len] = '\0';
    if (!network_parse(address, &lookup->network[lookup->addresses])) return;
    lookup->address[lookup->addresses++] = text;
}

/* Address literals of Received fields, the newest first. */
static void gather_addresses(struct policy_lookup *lookup) {
    for (size_t i = 0; i < lookup->section->count; i++) {
        struct span body = lookup->section->fields[i].body;
        if (!span_is_nocase(lookup->section->fields[i].name, "Received")) continue;
        for (size_t open; (open = span_find(body, '[')) < body.len;) {
            body = span_after(body, open + 1);
            size_t close = span_find(body, ']');
            if (close < body.len) add_address(lookup, span_first(body, close));
        }
    }
}

static void spf_done(void *owner) {
    struct policy_lookup *lookup = owner;
    lookup->spf_pending = false;
    run(lookup);
}

static enum progress begin_spf(struct policy_lookup *lookup) {
    const struct network *network = &lookup->network[lookup->tried];
    const struct spf_result *spf = spf_of(lookup->result);
    struct spf_question question = {.scope = spf->scope,
                                    .is_v4 = network->is_v4,
                                    .helo = lookup->result->spf[SPF_HELO].identity,
                                    .mail_from = spf->scope == SPF_MAIL_FROM ? spf->identity : (struct span){NULL, 0}};
    memcpy(question.address, network->address, sizeof question.address);
    lookup->spf_pending = spf_check_begin(lookup->spf, &question, spf_done, lookup) == SPF_PENDING;
    lookup->state = LOOKUP_AWAIT_SPF;
    return PROGRESS_AGAIN;
}

/* ---- The machine ---- */

static enum progress await_records(struct policy_lookup *lookup) {
    if (lookup->pending > 0) return PROGRESS_WAIT;
    ask_reports(lookup);
    lookup->state = LOOKUP_REPORTS;
    return PROGRESS_AGAIN;
}

static enum progress await_reports(struct policy_lookup *lookup) {
    if (lookup->pending > 0) return PROGRESS_WAIT;
    const struct spf_result *spf = spf_of(lookup->result);
    bool fails = spf->result == RESULT_FAIL || spf->result == RESULT_SOFTFAIL || spf->result == RESULT_NEUTRAL;
    if (spf->is_evaluated && fails && spf->domain.len > 0) gather_addresses(lookup);
    lookup->state = LOOKUP_ADDRESSES;
    return PROGRESS_AGAIN;
}

static enum progress next_address(struct policy_lookup *lookup) {
    if (lookup->tried < lookup->addresses) return begin_spf(lookup);
    lookup->state = LOOKUP_DONE;
    return PROGRESS_AGAIN;
}

static enum progress await_spf(struct policy_lookup *lookup) {
    if (lookup->spf_pending) return PROGRESS_WAIT;
    bool passes = spf_check_result(lookup->spf)->result == RESULT_PASS;
    if (passes) lookup->policy.earlier_address = lookup->address[lookup->tried];
    lookup->tried = passes ? lookup->addresses : lookup->tried + 1;
    lookup->state = LOOKUP_ADDRESSES;
    return PROGRESS_AGAIN;
}

static enum progress stay(struct policy_lookup *lookup) { return (void)lookup, PROGRESS_WAIT; }

static const struct step {
    const char *name;
    enum progress (*run)(struct policy_lookup *lookup);
} steps[] = {
    [LOOKUP_RECORDS] = {"records", await_records},    /* -> REPORTS */
    [LOOKUP_REPORTS] = {"reports", await_reports},    /* -> ADDRESSES */
    [LOOKUP_ADDRESSES] = {"addresses", next_address}, /* -> AWAIT_SPF | DONE */
    [LOOKUP_AWAIT_SPF] = {"await-spf", await_spf},    /* -> ADDRESSES */
    [LOOKUP_DONE] = {"done", stay},
};

/* done is called from late answers only: start says by its return value what was over at once. */
static void run(struct policy_lookup *lookup) {
    bool is_late = lookup->is_running;
    while (steps[lookup->state].run(lookup) == PROGRESS_AGAIN) {}
    lookup->is_running = lookup->state != LOOKUP_DONE;
    if (is_late && !lookup->is_running) lookup->done(lookup->owner);
}

/* ---- Life ---- */

struct policy_lookup *policy_lookup_create(struct dns_source *dns, const struct clock *clock) {
    struct policy_lookup *lookup = calloc(1, sizeof *lookup);
    if (lookup == NULL) return NULL;
    lookup->dns = dns;
    lookup->state = LOOKUP_DONE;
    lookup->spf = spf_check_create(dns, clock);
    if (lookup->spf != NULL) return lookup;
    free(lookup);
    return NULL;
}

void policy_lookup_use_suffixes(struct policy_lookup *lookup, struct span list) { lookup->suffixes = list; }

static void stop(struct policy_lookup *lookup) {
    for (size_t i = 0; i < QUESTIONS; i++) {
        if (lookup->question[i].is_pending) dns_cancel(lookup->dns, &lookup->question[i].query);
        lookup->question[i].is_pending = false;
    }
    if (lookup->spf_pending) spf_check_expire(lookup->spf);
    lookup->spf_pending = lookup->is_running = false;
    lookup->pending = 0;
    lookup->state = LOOKUP_DONE;
}

void policy_lookup_destroy(struct policy_lookup *lookup) {
    if (lookup == NULL) return;
    stop(lookup);
    spf_check_destroy(lookup->spf);
    free(lookup);
}

bool policy_lookup_start(struct policy_lookup *lookup, const struct message_result *result,
                         const struct header_section *section, struct arena *arena, void (*done)(void *owner),
                         void *owner) {
    stop(lookup);
    lookup->result = result;
    lookup->section = section;
    lookup->arena = arena;
    lookup->done = done;
    lookup->owner = owner;
    lookup->policy = (struct diagnosis_policy){.report_count = 0};
    lookup->addresses = lookup->tried = 0;
    lookup->has_policy = result->dmarc.is_evaluated || spf_of(result)->is_evaluated;
    if (!lookup->has_policy) return false;
    ask_records(lookup);
    lookup->state = LOOKUP_RECORDS;
    run(lookup);
    return lookup->is_running;
}

void policy_lookup_expire(struct policy_lookup *lookup) { stop(lookup); }

const struct diagnosis_policy *policy_lookup_policy(const struct policy_lookup *lookup) {
    return lookup->has_policy ? &lookup->policy : NULL;
}
