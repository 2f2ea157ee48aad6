#include "verifier/dns_memory.h"
#include <stdlib.h>
#include "base/clock.h"
#include "base/lru_map.h"
#include "verifier/dns_cache_key.h"

enum { OCTETS_MAX = 1024 * 1024 };

static const int64_t failed_us = 10 * 1000000, bogus_us = 60 * 1000000;

struct dns_memory {
    struct dns_source source; /* first: a pointer to it is a pointer to the whole */
    struct dns_source *behind;
    const struct clock *clock;
    struct lru_map *failures; /* of struct failure, by type and name */
    struct list under_way;    /* of struct question */
};

struct failure {
    enum dns_status status;
    enum dnssec_state dnssec;
    int64_t end_us;
};

/* A question to the source behind. */
struct question {
    struct dns_query query;
    struct dns_memory *memory;
    struct dns_query *asker; /* NULL: has left */
    struct list node;
    size_t key_len;
    char key[];
};

static bool recall(struct dns_memory *memory, struct span key, struct dns_answer *answer) {
    const struct failure *failure = lru_map_get(memory->failures, key);
    if (failure == NULL) return false;
    if (clock_monotonic_us(memory->clock) < failure->end_us) {
        *answer = (struct dns_answer){.status = failure->status, .dnssec = failure->dnssec};
        return true;
    }
    lru_map_remove(memory->failures, key);
    return false;
}

static void learn(struct dns_memory *memory, struct span key, const struct dns_answer *answer) {
    if (answer->status != DNS_SERVFAIL && answer->status != DNS_TIMEOUT && answer->status != DNS_BOGUS) return;
    struct failure *failure = malloc(sizeof *failure);
    if (failure == NULL) return;
    int64_t life_us = answer->status == DNS_BOGUS ? bogus_us : failed_us;
    *failure = (struct failure){answer->status, answer->dnssec, clock_monotonic_us(memory->clock) + life_us};
    if (!lru_map_put(memory->failures, key, failure, sizeof *failure)) free(failure);
}

static void answered(struct dns_query *query, const struct dns_answer *answer) {
    struct question *question = LIST_ENTRY(query, struct question, query);
    struct dns_query *asker = question->asker;
    list_remove(&question->node);
    learn(question->memory, (struct span){question->key, question->key_len}, answer);
    free(question);
    if (asker != NULL) asker->answered(asker, answer);
}

static enum dns_progress ask(struct dns_memory *memory, struct span name, enum dns_type type, struct dns_query *asker,
                             const struct dns_cache_key *key, struct dns_answer *answer) {
    struct question *question = malloc(sizeof *question + key->len);
    if (question == NULL) {
        *answer = (struct dns_answer){.status = DNS_SERVFAIL};
        return DNS_ANSWERED;
    }
    *question = (struct question){.query = {.answered = answered}, .memory = memory, .asker = asker, .key_len = key->len};
    memcpy(question->key, key->octets, key->len);
    if (dns_lookup(memory->behind, name, type, &question->query, answer) == DNS_ANSWERED) {
        learn(memory, (struct span){question->key, question->key_len}, answer);
        free(question);
        return DNS_ANSWERED;
    }
    list_append(&memory->under_way, &question->node);
    asker->source_data = question;
    return DNS_PENDING;
}

static enum dns_progress lookup(struct dns_source *source, struct span name, enum dns_type type, struct dns_query *query,
                                struct dns_answer *answer) {
    struct dns_memory *memory = (struct dns_memory *)(void *)source;
    struct dns_cache_key key;
    if (!dns_cache_key_make(&key, name, type)) {
        *answer = (struct dns_answer){.status = DNS_NXDOMAIN};
        return DNS_ANSWERED;
    }
    if (recall(memory, dns_cache_key_span(&key), answer)) return DNS_ANSWERED;
    return ask(memory, name, type, query, &key, answer);
}

static void cancel(struct dns_source *source, struct dns_query *query) {
    (void)source;
    struct question *question = query->source_data;
    question->asker = NULL;
}

struct dns_memory *dns_memory_create(struct dns_source *behind, const struct clock *clock) {
    struct dns_memory *memory = calloc(1, sizeof *memory);
    if (memory == NULL) return NULL;
    *memory = (struct dns_memory){.source = {lookup, cancel}, .behind = behind, .clock = clock};
    memory->failures = lru_map_create(OCTETS_MAX, free);
    list_init(&memory->under_way);
    if (memory->failures != NULL) return memory;
    free(memory);
    return NULL;
}

void dns_memory_destroy(struct dns_memory *memory) {
    if (memory == NULL) return;
    for (struct list *node; (node = list_take_first(&memory->under_way)) != NULL;) {
        struct question *question = LIST_ENTRY(node, struct question, node);
        dns_cancel(memory->behind, &question->query);
        free(question);
    }
    lru_map_destroy(memory->failures);
    free(memory);
}

struct dns_source *dns_memory_source(struct dns_memory *memory) { return &memory->source; }
