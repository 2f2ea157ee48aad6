#include "tests/support/late_dns.h"
#include <stdio.h>
#include <stdlib.h>

/* A question that waits: the query's source_data. */
struct late_question {
    enum dns_type type;
    size_t len;
    char name[];
};

static void answer_now(struct late_dns *late, struct span name, enum dns_type type, struct dns_answer *answer) {
    static struct dns_query unused; /* the source behind answers by return value */
    if (dns_lookup(late->behind, name, type, &unused, answer) != DNS_ANSWERED) abort();
    answer->dnssec = late->dnssec;
    if (late->bogus != NULL && span_is_nocase(name, late->bogus))
        *answer = (struct dns_answer){.status = DNS_BOGUS, .dnssec = DNSSEC_BOGUS};
}

static void remember(struct late_dns *late, struct span name, enum dns_type type) {
    late->lookups++;
    int written = snprintf(late->asked + late->asked_len, sizeof late->asked - late->asked_len, "%.*s %d\n",
                           (int)name.len, name.ptr, (int)type);
    if (written > 0 && late->asked_len + (size_t)written < sizeof late->asked)
        late->asked_len += (size_t)written;
    else
        late->asked[late->asked_len] = '\0';
}

static enum dns_progress lookup(struct dns_source *source, struct span name, enum dns_type type,
                                struct dns_query *query, struct dns_answer *answer) {
    struct late_dns *late = (struct late_dns *)(void *)source;
    remember(late, name, type);
    if (!late->is_late) {
        answer_now(late, name, type, answer);
        return DNS_ANSWERED;
    }
    struct late_question *question = malloc(sizeof *question + name.len);
    if (question == NULL) abort();
    question->type = type;
    question->len = name.len;
    memcpy(question->name, name.ptr, name.len);
    query->source_data = question;
    list_append(&late->waiting, &query->node);
    late->waiting_count++;
    return DNS_PENDING;
}

static struct late_question *take(struct late_dns *late, struct dns_query *query) {
    list_remove(&query->node);
    late->waiting_count--;
    return query->source_data;
}

static void cancel(struct dns_source *source, struct dns_query *query) {
    struct late_dns *late = (struct late_dns *)(void *)source;
    late->cancels++;
    free(take(late, query));
}

void late_dns_init(struct late_dns *late, struct dns_source *behind, bool is_late) {
    *late = (struct late_dns){.source = {lookup, cancel}, .behind = behind, .is_late = is_late};
    list_init(&late->waiting);
}

void late_dns_forget(struct late_dns *late) {
    late->lookups = late->cancels = 0;
    late->asked_len = 0;
    late->asked[0] = '\0';
}

bool late_dns_answer(struct late_dns *late, bool newest) {
    if (list_is_empty(&late->waiting)) return false;
    struct dns_query *query = LIST_ENTRY(newest ? late->waiting.prev : late->waiting.next, struct dns_query, node);
    struct late_question *question = take(late, query);
    struct dns_answer answer;
    answer_now(late, (struct span){question->name, question->len}, question->type, &answer);
    free(question);
    query->answered(query, &answer);
    return true;
}

bool late_dns_answer_with(struct late_dns *late, const struct dns_answer *answer) {
    if (list_is_empty(&late->waiting)) return false;
    struct dns_query *query = LIST_ENTRY(late->waiting.next, struct dns_query, node);
    free(take(late, query));
    query->answered(query, answer);
    return true;
}
