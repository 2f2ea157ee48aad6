#include "http/tester_job_records.h"
#include "base/list.h"
#include "http/stats_recall.h"
#include "verifier/domain_name.h"
#include "verifier/domain_policy_lookup.h"

enum { QUESTIONS_MAX = 40 }; /* of one check */

void job_records_init(struct job_records *records, struct arena *arena, struct dns_source *dns, int64_t now_s,
                      void (*done)(void *owner), void *owner) {
    *records = (struct job_records){.arena = arena, .dns = dns, .done = done, .owner = owner, .now_s = now_s};
}

void job_records_release(struct job_records *records) {
    for (size_t i = 0; i < records->count; i++) record_check_destroy(records->check[i]);
    domain_policy_lookup_destroy(records->policies);
    records->policies = NULL;
    records->count = records->pending = 0;
}

static void on_answered(void *owner) {
    struct job_records *records = owner;
    records->pending--;
    records->done(records->owner);
}

static void begin(struct job_records *records, struct record_question *question) {
    struct record_check *check = record_check_create(records->dns);
    if (check == NULL) return;
    question->now_s = records->now_s;
    question->questions_max = QUESTIONS_MAX;
    question->history_count = stats_recall_domain(records->domains, question->domain, records->arena, &question->history);
    enum record_check_status status = record_check_start(check, question, on_answered, records);
    if (status != RECORD_CHECK_DONE && status != RECORD_CHECK_PENDING) {
        record_check_destroy(check);
        return;
    }
    records->check[records->count++] = check;
    records->pending += status == RECORD_CHECK_PENDING;
}

/* ---- of a message ---- */

static bool is_known(const struct record_wish *wish, size_t count, struct span selector) {
    for (size_t i = 0; i < count; i++)
        if (span_equal_nocase(wish[i].selector, selector)) return true;
    return false;
}

static void begin_domain(struct job_records *records, const struct message_result *result, struct span domain,
                         const struct record_signature *signature, size_t signatures) {
    struct record_wish *wish = arena_alloc(records->arena, TESTER_SELECTORS_MAX * sizeof *wish);
    struct record_question question = {.domain = domain, .wish = wish, .has_message = true, .signature = signature,
                                       .signature_count = signatures};
    for (size_t i = 0; wish != NULL && i < result->dkim_count && question.count < TESTER_SELECTORS_MAX; i++) {
        const struct dkim_result *dkim = &result->dkim[i];
        if (dkim->selector.len > 0 && span_equal(dkim->domain_ascii, domain) && !is_known(wish, question.count, dkim->selector))
            wish[question.count++].selector = dkim->selector;
    }
    if (question.count > 0) begin(records, &question);
}

static bool comes_earlier(const struct message_result *result, size_t at) {
    for (size_t i = 0; i < at; i++)
        if (span_equal(result->dkim[i].domain_ascii, result->dkim[at].domain_ascii)) return true;
    return false;
}

void job_records_of_message(struct job_records *records, const struct header_section *section, const struct message_result *result) {
    struct record_signature *signature = arena_alloc(records->arena, result->dkim_count * sizeof *signature);
    size_t count = 0;
    for (size_t i = 0; signature != NULL && i < result->dkim_count; i++)
        if (result->dkim[i].field_index < section->count)
            count += record_signature_read(section->fields[result->dkim[i].field_index].body, records->arena, &signature[count]);
    for (size_t i = 0; i < result->dkim_count && records->count < TESTER_RECORDS_MAX; i++)
        if (result->dkim[i].domain_ascii.len > 0 && !comes_earlier(result, i))
            begin_domain(records, result, result->dkim[i].domain_ascii, signature, count);
}

/* ---- of a question ---- */

/* Nobody named a selector: those that signed mail here. */
static void wish_for_seen(struct job_records *records, struct record_question *question, struct record_wish *wish) {
    const struct record_history *seen;
    size_t count = stats_recall_domain(records->domains, question->domain, records->arena, &seen);
    while (question->count < count && question->count < TESTER_SELECTORS_MAX) {
        wish[question->count] = (struct record_wish){.selector = seen[question->count].selector};
        question->count++;
    }
}

static void begin_policies(struct job_records *records, struct span domain) {
    records->domain = domain_name_ascii(domain, false, records->arena);
    records->policies = records->domain.len > 0 ? domain_policy_lookup_create(records->dns) : NULL;
    if (records->policies == NULL) return;
    records->pending +=
        domain_policy_lookup_start(records->policies, records->domain, records->arena, on_answered, records);
}

void job_records_of_question(struct job_records *records, const struct tester_question *asked) {
    struct provider_answer *provider = arena_alloc(records->arena, sizeof *provider);
    struct record_paste *paste = arena_alloc(records->arena, sizeof *paste);
    struct record_wish *wish = arena_alloc(records->arena, TESTER_SELECTORS_MAX * sizeof *wish);
    if (provider == NULL || paste == NULL || wish == NULL) return;
    for (size_t i = 0; i < asked->selector_count; i++)
        wish[i] = (struct record_wish){asked->selector[i], asked->expected_cname[i]};
    struct record_question question = {.domain = asked->domain, .count = asked->selector_count, .wish = wish};
    if (asked->provider_answer.len > 0 && provider_answer_read(asked->provider_answer, records->arena, provider))
        question.provider = provider;
    if (asked->record.len > 0 && record_paste_read(asked->record, records->arena, paste)) question.record = paste;
    if (question.count == 0 && question.provider == NULL) wish_for_seen(records, &question, wish);
    records->is_without_keys = question.count == 0 && question.provider == NULL;
    if (!records->is_without_keys) begin(records, &question);
    struct span domain = records->count > 0 ? record_check_report(records->check[0])->domain : asked->domain;
    if (domain.len > 0) begin_policies(records, domain);
}

/* ---- the end ---- */

void job_records_expire(struct job_records *records) {
    for (size_t i = 0; i < records->count; i++)
        if (record_check_status(records->check[i]) == RECORD_CHECK_PENDING) record_check_expire(records->check[i]);
    if (records->policies != NULL) domain_policy_lookup_expire(records->policies);
    records->pending = 0;
}

size_t job_records_reports(const struct job_records *records, struct record_report report[TESTER_RECORDS_MAX]) {
    size_t count = 0;
    for (size_t i = 0; i < records->count; i++)
        if (record_check_status(records->check[i]) == RECORD_CHECK_DONE) report[count++] = *record_check_report(records->check[i]);
    if (records->policies == NULL) return count;
    if (records->is_without_keys) report[count++] = (struct record_report){.domain = records->domain};
    if (count > 0) report[0].policy = domain_policy_lookup_policy(records->policies);
    return count;
}
