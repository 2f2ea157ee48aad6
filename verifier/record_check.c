#include "verifier/record_check.h"
#include <stdlib.h>
#include "verifier/domain_name.h"
#include "verifier/record_conclude.h"
#include "verifier/record_judge.h"
#include "verifier/record_pair.h"
#include "verifier/record_places.h"
#include "verifier/record_trial.h"

const char *record_check_status_text(enum record_check_status status) {
#define X(id, text) [id] = text,
    static const char *const texts[] = {RECORD_CHECK_STATUSES(X)};
#undef X
    return texts[status];
}

/* Why a question is asked. */
enum purpose { FOR_KEY, FOR_VIEW, FOR_PLACE, FOR_WILDCARD, FOR_DOMAIN, FOR_HOP };

struct ask {
    struct dns_query query;
    struct record_check *check;
    struct dns_source *dns;
    enum purpose purpose;
    size_t selector; /* whose */
    size_t item;     /* of FOR_VIEW and FOR_PLACE: which */
    struct span name;
    enum dns_type type;
    bool is_pending;
    struct record_answer answer;
};

/* After the keys themselves, what their answers make worth asking; then broken chains, a hop a time. */
enum round { ROUND_KEYS, ROUND_AROUND, ROUND_HOPS, ROUND_OVER };

struct record_check {
    struct dns_source *dns;
    struct arena *arena;
    struct record_question question;
    void (*done)(void *owner);
    void *owner;
    enum round round;
    bool starting, expired, failed; /* failed: no memory */
    size_t pending, count, room;
    struct ask **ask;
    size_t selector_room;
    struct record_selector *selector;
    struct record_report report;
    struct record_pair pair;
};

/* --- asking ------------------------------------------------------------------------------------------------------ */

static void run(struct record_check *check);

static void take_answer(struct ask *ask, const struct dns_answer *answer) {
    if (!record_answer_copy(answer, ask->check->arena, &ask->answer)) ask->check->failed = true;
}

static void answered(struct dns_query *query, const struct dns_answer *answer) {
    struct ask *ask = (struct ask *)(void *)query; /* its first member */
    take_answer(ask, answer);
    ask->is_pending = false;
    ask->check->pending--;
    run(ask->check);
}

/* A question more, within the limits; a name that is none is not asked. */
static void add_ask(struct record_check *check, const struct ask *wanted) {
    if (wanted->name.len == 0 || check->expired || check->count == check->room) return;
    struct ask *ask = arena_alloc(check->arena, sizeof *ask);
    if (ask == NULL) {
        check->failed = true;
        return;
    }
    *ask = *wanted;
    ask->check = check;
    ask->query.answered = answered;
    check->ask[check->count++] = ask;
    struct dns_answer answer;
    if (dns_lookup(ask->dns, ask->name, ask->type, &ask->query, &answer) == DNS_ANSWERED) {
        take_answer(ask, &answer);
        return;
    }
    ask->is_pending = true;
    check->pending++;
}

static bool is_absent(const struct record_selector *selector) {
    enum dns_status status = selector->answer.status;
    return (status == DNS_NXDOMAIN || status == DNS_NODATA) && selector->answer.cname_count == 0 && !selector->is_given;
}

static bool is_foreign(const struct record_selector *selector) {
    return !selector->is_given && selector->answer.record_count > 0 && !record_judge_holds_key(&selector->answer);
}

static void ask_places(struct record_check *check, size_t i) {
    const struct record_selector *selector = &check->selector[i];
    for (size_t place = 0; place < RECORD_PLACE_COUNT; place++)
        add_ask(check, &(struct ask){
                           .dns = check->dns,
                           .purpose = FOR_PLACE,
                           .selector = i,
                           .item = place,
                           .type = DNS_TXT,
                           .name = record_place_name(place, selector->selector, check->report.domain, check->arena)});
}

static struct span key_name(struct span selector, struct span domain, struct arena *arena) {
    char ascii[DOMAIN_NAME_MAX];
    struct bytes name = bytes_with_cap(4096);
    bytes_append(&name, selector);
    bytes_append_text(&name, "._domainkey.");
    bytes_append(&name, domain);
    size_t len = name.failed ? 0 : domain_name_write(bytes_span(&name), true, ascii);
    bytes_release(&name);
    return len > 0 ? arena_copy(arena, (struct span){ascii, len}) : (struct span){NULL, 0};
}

/* A server of the domain knows its own names only: where an alias leads out of them it is asked for the alias itself.
 */
static void ask_views(struct record_check *check, size_t i) {
    const struct record_selector *selector = &check->selector[i];
    for (size_t view = 0; view < check->question.view_count && !selector->is_given; view++) {
        bool is_server = check->question.view[view].kind == RECORD_VIEW_SERVER;
        add_ask(check, &(struct ask){.dns = check->question.view[view].dns,
                                     .purpose = FOR_VIEW,
                                     .selector = i,
                                     .item = view,
                                     .type = is_server && selector->answer.cname_count > 0 ? DNS_CNAME : DNS_TXT,
                                     .name = selector->name});
    }
}

static void ask_around(struct record_check *check) {
    for (size_t i = 0; i < check->report.count; i++) {
        const struct record_selector *selector = &check->selector[i];
        ask_views(check, i);
        if (is_absent(selector)) ask_places(check, i);
        if (is_absent(selector) && selector->answer.status == DNS_NXDOMAIN)
            add_ask(check, &(struct ask){.dns = check->dns, .purpose = FOR_DOMAIN, .selector = i, .type = DNS_NS, .name = check->report.domain});
        if (selector->answer.status == DNS_SERVFAIL)
            add_ask(
                check,
                &(struct ask){
                    .dns = check->dns, .purpose = FOR_HOP, .selector = i, .type = DNS_CNAME, .name = selector->name});
        if (is_foreign(selector))
            add_ask(check, &(struct ask){.dns = check->dns,
                                         .purpose = FOR_WILDCARD,
                                         .selector = i,
                                         .type = DNS_TXT,
                                         .name = key_name(span_of("sceau-asks-for-a-wildcard"), check->report.domain,
                                                          check->arena)});
    }
}

/* The newest hop of a selector's chain, and how many there are. */
static const struct ask *last_hop(const struct record_check *check, size_t selector, size_t *hops) {
    const struct ask *last = NULL;
    *hops = 0;
    for (size_t i = 0; i < check->count; i++) {
        const struct ask *ask = check->ask[i];
        if (ask->purpose != FOR_HOP || ask->selector != selector) continue;
        last = ask;
        *hops += ask->answer.status == DNS_FOUND;
    }
    return last;
}

/* Follows each broken chain by one hop; false: there is none that goes on. */
static bool ask_hops(struct record_check *check) {
    size_t before = check->count, hops;
    for (size_t i = 0; i < check->report.count; i++) {
        const struct ask *last = last_hop(check, i, &hops);
        if (last == NULL || last->answer.status != DNS_FOUND || hops > DNS_CNAME_MAX || last->answer.record_count == 0)
            continue;
        add_ask(check, &(struct ask){.dns = check->dns,
                                     .purpose = FOR_HOP,
                                     .selector = i,
                                     .type = DNS_CNAME,
                                     .name = last->answer.record[0]});
    }
    return check->count > before;
}

/* --- concluding -------------------------------------------------------------------------------------------------- */

static bool is_failure(enum dns_status status) {
    return status == DNS_SERVFAIL || status == DNS_TIMEOUT || status == DNS_BOGUS;
}

/* Does the view agree with what we found? */
static bool agrees(const struct ask *ask, const struct record_answer *ours) {
    if (ask->type != DNS_CNAME) return record_answer_equal(&ask->answer, ours);
    return ask->answer.record_count > 0 && span_equal_nocase(ask->answer.record[0], ours->cname[0]);
}

static bool tell_servers(struct record_check *check, struct record_selector *selector, size_t servers, size_t others,
                         const struct bytes *names) {
    if (others == 0) return true;
    struct span text = arena_copy(check->arena, bytes_span(names));
    struct finding *finding = finding_add(&selector->findings, FINDING_SERVERS_DISAGREE);
    finding_add_number(finding, "found", others);
    finding_add_number(finding, "expected", servers);
    finding_add_text(finding, "text", text);
    return text.len > 0;
}

static bool conclude_views(struct record_check *check, size_t i) {
    struct record_selector *selector = &check->selector[i];
    struct bytes names = bytes_with_cap(4096);
    size_t servers = 0, others = 0;
    bool besides = false;
    for (size_t at = 0; at < check->count; at++) {
        const struct ask *ask = check->ask[at];
        bool is_ours = ask->purpose == FOR_VIEW && ask->selector == i;
        if (!is_ours || is_failure(ask->answer.status)) continue; /* silence is no other answer */
        const struct record_view *view = &check->question.view[ask->item];
        bool differs = !agrees(ask, &selector->answer);
        if (view->kind == RECORD_VIEW_SERVER) {
            servers++;
            others += differs;
            besides |= differs && ask->answer.status != DNS_NXDOMAIN && (ask->answer.cname_count > 0) != (selector->answer.cname_count > 0) &&
                       (ask->type == DNS_CNAME ? ask->answer.status == DNS_NODATA : ask->answer.cname_count > 0);
            if (differs && names.len > 0) bytes_append_text(&names, ", ");
            if (differs) bytes_append(&names, view->name);
        } else if (differs) {
            struct finding *finding = finding_add(&selector->findings, FINDING_NOT_VISIBLE_YET);
            finding_add_text(finding, "name", view->name);
            finding_add_number(finding, "found", ask->answer.ttl_s);
        }
    }
    if (besides) finding_add_text(finding_add(&selector->findings, FINDING_ALIAS_BESIDE_TXT), "name", selector->name);
    bool good = !names.failed && tell_servers(check, selector, servers, others, &names);
    bytes_release(&names);
    return good;
}

static bool conclude_places(struct record_check *check, size_t i) {
    struct record_selector *selector = &check->selector[i];
    for (size_t at = 0; at < check->count; at++) {
        const struct ask *ask = check->ask[at];
        if (ask->purpose != FOR_PLACE || ask->selector != i || ask->is_pending) continue;
        bool is_there = ask->answer.cname_count > 0 || record_judge_holds_key(&ask->answer);
        if (!is_there) continue;
        return record_place_tell(ask->item, ask->name, selector->selector, check->report.domain, check->arena,
                                 &selector->findings);
    }
    return true;
}

static void conclude_wildcard(struct record_check *check, size_t i) {
    struct record_selector *selector = &check->selector[i];
    for (size_t at = 0; at < check->count; at++) {
        const struct ask *ask = check->ask[at];
        if (ask->purpose != FOR_WILDCARD || ask->selector != i) continue;
        if (ask->answer.record_count > 0 && record_answer_equal(&ask->answer, &selector->answer))
            finding_add_text(finding_add(&selector->findings, FINDING_WILDCARD), "name", ask->name);
    }
}

/* Nothing at all stands at the domain or below it. */
static void conclude_domain(struct record_check *check, size_t i) {
    for (size_t at = 0; at < check->count; at++) {
        const struct ask *ask = check->ask[at];
        if (ask->purpose == FOR_DOMAIN && ask->selector == i && !ask->is_pending && ask->answer.status == DNS_NXDOMAIN)
            finding_add_text(finding_add(&check->selector[i].findings, FINDING_DOMAIN_ABSENT), "domain", check->report.domain);
    }
}

static bool judge_selector(struct record_check *check, size_t i) {
    struct record_selector *selector = &check->selector[i];
    size_t hops;
    if (!record_judge(selector, check->report.domain, check->arena)) return false;
    const struct ask *last = last_hop(check, i, &hops);
    if (last != NULL && hops > DNS_CNAME_MAX) record_judge_loop(selector, hops, last->answer.record[0]);
    conclude_wildcard(check, i);
    conclude_domain(check, i);
    if (selector->is_given) record_conclude_paste(check->question.record, check->report.domain, selector);
    if (selector->is_given && selector->record != NULL && check->question.message.len > 0 &&
        !record_trial_run(&check->question, selector, check->report.domain))
        return false;
    return conclude_places(check, i) && conclude_views(check, i);
}

static bool judge(struct record_check *check) {
    struct record_report *report = &check->report;
    const struct record_question *question = &check->question;
    for (size_t i = 0; i < report->count; i++)
        if (!judge_selector(check, i)) return false;
    if (report->count == 2) {
        record_pair_judge(&check->selector[0], &check->selector[1], &check->pair);
        report->pair = &check->pair;
    }
    record_conclude_provider(question, report->domain, check->selector, report->count, &report->findings);
    record_conclude_message(question, report->domain, check->selector, report->count, &report->findings);
    return record_history_judge(question->history, question->history_count, question->now_s, check->selector,
                                report->count, check->arena, &report->findings);
}

/* --- rounds ------------------------------------------------------------------------------------------------------ */

/* The record's alias, put before what its target said. */
static void prepend_target(struct record_selector *selector, struct span target) {
    struct record_answer *answer = &selector->answer;
    if (answer->cname_count == DNS_CNAME_MAX) answer->cname_count--;
    memmove(&answer->cname[1], &answer->cname[0], answer->cname_count * sizeof *answer->cname);
    memmove(&answer->cname_ttl_s[1], &answer->cname_ttl_s[0], answer->cname_count * sizeof *answer->cname_ttl_s);
    answer->cname[0] = target;
    answer->cname_ttl_s[0] = 0; /* not published yet */
    answer->cname_count++;
}

static void take_keys(struct record_check *check) {
    for (size_t i = 0; i < check->count; i++) {
        const struct ask *ask = check->ask[i];
        struct record_selector *selector = &check->selector[ask->selector];
        if (ask->purpose != FOR_KEY) continue;
        selector->answer = ask->answer;
        if (selector->is_given && !is_failure(ask->answer.status)) prepend_target(selector, ask->name);
    }
}

/* Goes on to the next round; false: it was the last. */
static bool advance(struct record_check *check) {
    if (check->round == ROUND_KEYS) {
        take_keys(check);
        ask_around(check);
        check->round = ROUND_AROUND;
        return true;
    }
    check->round = ROUND_HOPS;
    return ask_hops(check);
}

static void run(struct record_check *check) {
    while (check->pending == 0 && !check->failed && check->round != ROUND_OVER) {
        if (advance(check)) continue;
        check->failed = !judge(check);
        check->round = ROUND_OVER;
    }
    if (check->pending > 0 || check->starting || check->expired) return;
    check->done(check->owner);
}

/* --- the selectors ------------------------------------------------------------------------------------------------ */

static struct span without_dot(struct span name) {
    return name.len > 0 && name.ptr[name.len - 1] == '.' ? span_first(name, name.len - 1) : name;
}

static const struct provider_selector *told_of(const struct provider_answer *answer, struct span selector) {
    for (size_t i = 0; answer != NULL && i < answer->count; i++)
        if (span_equal_nocase(provider_selector_label(&answer->selector[i]), selector)) return &answer->selector[i];
    return NULL;
}

static enum record_check_status add_selector(struct record_check *check, struct span selector, struct span expected,
                                             bool is_derived) {
    for (size_t i = 0; i < check->report.count; i++)
        if (span_equal_nocase(check->selector[i].selector, selector) && is_derived) return RECORD_CHECK_DONE;
    if (check->report.count == check->selector_room) return RECORD_CHECK_DONE;
    const struct provider_selector *told = told_of(check->question.provider, selector);
    struct span name = key_name(selector, check->report.domain, check->arena);
    if (name.len == 0) return RECORD_CHECK_BAD_NAME;
    if (expected.len == 0 && told != NULL) expected = told->target;
    check->selector[check->report.count++] = (struct record_selector){
        .selector = selector,
        .name = name,
        .expected_cname = without_dot(expected),
        .is_derived = is_derived,
        .answer = {.status = DNS_TIMEOUT}, /* until it is asked for, and answered */
    };
    return RECORD_CHECK_DONE;
}

/* What the provider names: its records, or at least a selector. */
static enum record_check_status add_told(struct record_check *check, const struct provider_answer *provider) {
    const struct span nothing = {NULL, 0};
    enum record_check_status status = RECORD_CHECK_DONE;
    for (size_t i = 0; i < provider->count && status == RECORD_CHECK_DONE; i++)
        status = add_selector(check, provider_selector_label(&provider->selector[i]), nothing, false);
    if (check->report.count > 0 || status != RECORD_CHECK_DONE) return status;
    struct span only = provider->active.len > 0 ? provider->active : provider->unknown;
    return only.len > 0 ? add_selector(check, only, nothing, false) : RECORD_CHECK_DONE;
}

static enum record_check_status add_selectors(struct record_check *check) {
    const struct record_question *question = &check->question;
    enum record_check_status status = RECORD_CHECK_DONE;
    for (size_t i = 0; i < question->count && status == RECORD_CHECK_DONE; i++)
        status = add_selector(check, question->wish[i].selector, question->wish[i].expected_cname, false);
    if (question->count == 0 && question->provider != NULL) status = add_told(check, question->provider);
    if (status != RECORD_CHECK_DONE || check->report.count == 0)
        return status == RECORD_CHECK_DONE && question->provider == NULL ? RECORD_CHECK_NO_SELECTOR : status;
    struct span partner = record_pair_partner(check->selector[0].selector, check->arena);
    if (check->report.count == 1 && partner.len > 0 && question->record == NULL)
        return add_selector(check, partner, (struct span){NULL, 0}, true);
    return RECORD_CHECK_DONE;
}

/* What the first selector's record would be. */
static void take_record(struct record_check *check) {
    const struct record_paste *record = check->question.record;
    struct record_selector *selector = &check->selector[0];
    selector->is_given = true;
    if (record->kind == RECORD_PASTE_ZONE_CNAME) return;
    selector->answer = (struct record_answer){.status = DNS_FOUND, .records_seen = 1, .record_count = 1};
    selector->answer.record[0] = record->text.len > 0 ? record->text : span_of("");
    if (record->longest <= RECORD_STRING_MAX) selector->answer.strings[0] = record->strings;
}

static void ask_keys(struct record_check *check) {
    for (size_t i = 0; i < check->report.count; i++) {
        struct record_selector *selector = &check->selector[i];
        bool is_text = selector->is_given && selector->answer.record_count > 0;
        struct span name = selector->is_given ? without_dot(check->question.record->target) : selector->name;
        if (!is_text)
            add_ask(check,
                    &(struct ask){.dns = check->dns, .purpose = FOR_KEY, .selector = i, .type = DNS_TXT, .name = name});
    }
}

static struct span domain_of(const struct record_question *question) {
    static const char middle[] = "._domainkey.";
    if (question->domain.len > 0 || question->provider == NULL) return question->domain;
    for (size_t i = 0; i < question->provider->count; i++) {
        struct span name = question->provider->selector[i].name;
        size_t label = span_find(name, '.');
        struct span rest = span_after(name, label);
        if (rest.len > sizeof middle - 1 && span_is_nocase(span_first(rest, sizeof middle - 1), middle))
            return span_after(rest, sizeof middle - 1);
    }
    return question->domain;
}

static enum record_check_status prepare(struct record_check *check, const struct record_question *question) {
    check->question = *question;
    check->report.provider = question->provider;
    check->room = question->questions_max > 0 && question->questions_max < RECORD_QUESTIONS_MAX
                      ? question->questions_max
                      : RECORD_QUESTIONS_MAX;
    check->ask = arena_alloc(check->arena, check->room * sizeof *check->ask);
    size_t told = question->provider != NULL ? question->provider->count : 0;
    check->selector_room =
        (question->count > 0 ? question->count : told) + 2; /* and the other one of a pair, or an only one */
    if (check->selector_room > RECORD_SELECTORS_MAX) check->selector_room = RECORD_SELECTORS_MAX;
    check->selector = arena_alloc(check->arena, check->selector_room * sizeof *check->selector);
    if (check->ask == NULL || check->selector == NULL) return RECORD_CHECK_NO_MEMORY;
    check->report.selector = check->selector;
    check->report.domain = domain_name_ascii(domain_of(question), false, check->arena);
    if (domain_of(question).len == 0) return RECORD_CHECK_NO_SELECTOR;
    return check->report.domain.len > 0 ? add_selectors(check) : RECORD_CHECK_BAD_NAME;
}

/* --- the check itself -------------------------------------------------------------------------------------------- */

struct record_check *record_check_create(struct dns_source *dns) {
    struct record_check *check = calloc(1, sizeof *check);
    if (check == NULL) return NULL;
    check->dns = dns;
    check->arena = arena_create(RECORD_CHECK_OCTETS);
    if (check->arena != NULL) return check;
    free(check);
    return NULL;
}

static void cancel_all(struct record_check *check) {
    for (size_t i = 0; check->ask != NULL && i < check->count; i++) {
        struct ask *ask = check->ask[i];
        if (!ask->is_pending) continue;
        dns_cancel(ask->dns, &ask->query);
        ask->is_pending = false;
        ask->answer = (struct record_answer){.status = DNS_TIMEOUT};
    }
    check->pending = 0;
}

void record_check_destroy(struct record_check *check) {
    if (check == NULL) return;
    cancel_all(check);
    arena_destroy(check->arena);
    free(check);
}

enum record_check_status record_check_start(struct record_check *check, const struct record_question *question,
                                            void (*done)(void *owner), void *owner) {
    check->done = done;
    check->owner = owner;
    enum record_check_status status = prepare(check, question);
    if (status != RECORD_CHECK_DONE) return status;
    if (question->record != NULL) take_record(check);
    check->starting = true;
    ask_keys(check);
    run(check);
    check->starting = false;
    return record_check_status(check);
}

void record_check_expire(struct record_check *check) {
    if (record_check_status(check) != RECORD_CHECK_PENDING) return;
    check->expired = true;
    cancel_all(check);
    run(check);
}

enum record_check_status record_check_status(const struct record_check *check) {
    if (check->failed) return RECORD_CHECK_NO_MEMORY;
    return check->round == ROUND_OVER ? RECORD_CHECK_DONE : RECORD_CHECK_PENDING;
}

const struct record_report *record_check_report(const struct record_check *check) { return &check->report; }
