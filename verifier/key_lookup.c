#include "verifier/key_lookup.h"
#include <assert.h>
#include <stdlib.h>
#include "base/ascii.h"
#include "base/clock.h"
#include "base/lru_map.h"
#include "base/metrics.h"
#include "verifier/dns.h"
#include "verifier/key_cache.h"
#include "verifier/key_source.h"

struct key_lookup {
    struct key_source source; /* first: a pointer to it is a pointer to the whole */
    struct key_cache *cache;
    struct dns_source *dns;
    const struct clock *clock;
    struct lru_map *questions; /* of struct question, by name; never forgets, its octets are not bounded here */
    struct list under_way;     /* the same questions */
    struct metrics_worker *metrics;
};

/* One DNS question under way and the requests that wait for it (none: it only fills the cache). */
struct question {
    struct dns_query query;
    struct key_lookup *lookup;
    struct list node;    /* in under_way */
    struct list waiting; /* of key_request */
    size_t name_len;
    char name[DNS_NAME_MAX];
};

static void count_request(struct key_lookup *lookup, unsigned result) {
    metrics_count(lookup->metrics, METRIC_KEY_CACHE_REQUESTS, result, 0);
}

static void count_hit(struct key_lookup *lookup, const struct key_entry *entry) {
    count_request(lookup, entry->stale                 ? METRIC_CACHE_STALE
                          : entry->status == DNS_FOUND ? METRIC_CACHE_HIT
                                                       : METRIC_CACHE_NEGATIVE);
}

static struct span name_of(const struct question *question) {
    return (struct span){question->name, question->name_len};
}

/* Offers the answer to the cache; the entry to go on with, NULL without memory. Ends the question. */
static struct key_entry *end_question(struct question *question, const struct dns_answer *answer) {
    struct key_lookup *lookup = question->lookup;
    struct key_entry *entry = key_entry_create(answer, clock_unix_s(lookup->clock));
    entry = key_cache_put(lookup->cache, name_of(question), entry);
    list_remove(&question->node);
    lru_map_remove(lookup->questions, name_of(question));
    return entry;
}

static void dns_answered(struct dns_query *query, const struct dns_answer *answer) {
    struct question *question = LIST_ENTRY(query, struct question, query);
    struct key_entry *entry = end_question(question, answer);
    /* A callback may cancel its neighbours, or ask for the same name again: the question is no longer there to join. */
    for (struct list *node; (node = list_take_first(&question->waiting)) != NULL;) {
        struct key_request *request = LIST_ENTRY(node, struct key_request, node);
        request->ready(request, entry != NULL ? key_entry_acquire(entry) : NULL);
    }
    key_entry_release(entry);
    free(question);
}

/* NULL: no memory. */
static struct question *begin_question(struct key_lookup *lookup, struct span name) {
    struct question *question = calloc(1, sizeof *question);
    if (question == NULL || !lru_map_put(lookup->questions, name, question, 0)) return free(question), NULL;
    question->query.answered = dns_answered;
    question->lookup = lookup;
    question->name_len = name.len;
    memcpy(question->name, name.ptr, name.len);
    list_init(&question->waiting);
    list_append(&lookup->under_way, &question->node);
    return question;
}

/* Asks DNS. request may be NULL: nobody waits. As key_source_get. */
static enum key_progress ask(struct key_lookup *lookup, struct span name, struct key_request *request,
                             struct key_entry **entry) {
    struct dns_answer answer;
    struct question *question = begin_question(lookup, name);
    *entry = NULL;
    if (question == NULL) return KEY_READY;
    if (dns_lookup(lookup->dns, name_of(question), DNS_TXT, &question->query, &answer) == DNS_ANSWERED) {
        *entry = end_question(question, &answer);
        free(question);
        return KEY_READY;
    }
    if (request != NULL) list_append(&question->waiting, &request->node);
    return KEY_PENDING;
}

/* Asks again for an entry that still holds; whoever asked goes on with that. */
static void refresh(struct key_lookup *lookup, struct span name) {
    struct key_entry *entry;
    if (lru_map_get(lookup->questions, name) != NULL) return;
    if (ask(lookup, name, NULL, &entry) == KEY_READY) key_entry_release(entry);
}

static enum key_progress get_lower(struct key_lookup *lookup, struct span name, struct key_request *request,
                                   struct key_entry **entry) {
    enum key_cache_find find = key_cache_get(lookup->cache, name, entry);
    if (find == KEY_CACHE_REFRESH) refresh(lookup, name);
    if (find != KEY_CACHE_MISS) {
        count_hit(lookup, *entry);
        return KEY_READY;
    }
    count_request(lookup, METRIC_CACHE_MISS);
    struct question *question = lru_map_get(lookup->questions, name);
    if (question == NULL) return ask(lookup, name, request, entry);
    list_append(&question->waiting, &request->node);
    return KEY_PENDING;
}

static enum key_progress get(struct key_source *source, struct span name, struct key_request *request,
                             struct key_entry **entry) {
    struct key_lookup *lookup = (struct key_lookup *)source;
    char lower[DNS_NAME_MAX];
    list_init(&request->node);
    if (name.len == 0 || name.len > sizeof lower) { /* selector and domain are legal each, together they are no name */
        const struct dns_answer nowhere = {.status = DNS_NXDOMAIN};
        *entry = key_entry_create(&nowhere, clock_unix_s(lookup->clock));
        return KEY_READY;
    }
    for (size_t i = 0; i < name.len; i++) lower[i] = ascii_lower(name.ptr[i]);
    return get_lower(lookup, (struct span){lower, name.len}, request, entry);
}

static void cancel(struct key_source *source, struct key_request *request) {
    (void)source;
    list_remove(&request->node);
}

static void keep(void *question) { (void)question; } /* the map borrows; questions are freed when they end */

struct key_lookup *key_lookup_create(struct key_cache *cache, struct dns_source *dns, const struct clock *clock,
                                     struct metrics_worker *metrics) {
    struct key_lookup *lookup = calloc(1, sizeof *lookup);
    struct lru_map *questions = lru_map_create(SIZE_MAX, keep);
    if (lookup == NULL || questions == NULL) {
        lru_map_destroy(questions);
        free(lookup);
        return NULL;
    }
    lookup->source = (struct key_source){.get = get, .cancel = cancel};
    lookup->cache = cache;
    lookup->dns = dns;
    lookup->clock = clock;
    lookup->metrics = metrics;
    lookup->questions = questions;
    list_init(&lookup->under_way);
    return lookup;
}

void key_lookup_destroy(struct key_lookup *lookup) {
    if (lookup == NULL) return;
    for (struct list *node; (node = list_take_first(&lookup->under_way)) != NULL;) {
        struct question *question = LIST_ENTRY(node, struct question, node);
        assert(list_is_empty(&question->waiting));
        dns_cancel(lookup->dns, &question->query);
        free(question);
    }
    lru_map_destroy(lookup->questions);
    free(lookup);
}

struct key_source *key_lookup_source(struct key_lookup *lookup) {
    return &lookup->source;
}
