#include "verifier/dns_limit.h"
#include <assert.h>
#include <stdlib.h>
#include "base/keyed_hash.h"

enum { BUCKETS = 1024, LABELS_MAX = DNS_NAME_WIRE_MAX / 2 + 1 };

struct dns_limit_domain {
    struct list bucket_node;
    struct list ready_node; /* in limit->ready while it has a waiting ticket and room for one more under way */
    struct list waiting;
    unsigned running, waiting_count;
    size_t len;
    uint8_t name[DNS_NAME_WIRE_MAX];
};

struct dns_limit {
    struct dns_limit_options options;
    unsigned running, waiting;
    struct list ready; /* domains, in turn */
    struct list bucket[BUCKETS];
};

struct dns_limit *dns_limit_create(const struct dns_limit_options *options) {
    struct dns_limit *limit = calloc(1, sizeof *limit);
    if (limit == NULL) return NULL;
    limit->options = *options;
    list_init(&limit->ready);
    for (size_t i = 0; i < BUCKETS; i++) list_init(&limit->bucket[i]);
    return limit;
}

void dns_limit_destroy(struct dns_limit *limit) {
    if (limit == NULL) return;
    assert(limit->running == 0 && limit->waiting == 0);
    free(limit);
}

unsigned dns_limit_running(const struct dns_limit *limit) { return limit->running; }
unsigned dns_limit_waiting(const struct dns_limit *limit) { return limit->waiting; }

static bool ends_with(const struct dns_name *name, const char *wire, size_t len) {
    return name->len >= len && memcmp(name->wire + name->len - len, wire, len) == 0;
}

size_t dns_limit_domain_at(const struct dns_name *name) {
    size_t label_at[LABELS_MAX], labels = 0, wanted = 2;
    for (size_t at = 0; name->wire[at] != 0; at += 1u + name->wire[at]) label_at[labels++] = at;
    if (ends_with(name, "\7in-addr\4arpa", sizeof "\7in-addr\4arpa"))
        wanted = 4;
    else if (ends_with(name, "\3ip6\4arpa", sizeof "\3ip6\4arpa"))
        wanted = 10;
    else if (labels >= 3 && name->wire[label_at[labels - 1]] == 2 && name->wire[label_at[labels - 2]] <= 3)
        wanted = 3;
    return labels > wanted ? label_at[labels - wanted] : 0;
}

static struct dns_limit_domain *find_domain(struct dns_limit *limit, const struct dns_name *name) {
    size_t at = dns_limit_domain_at(name), len = name->len - at;
    struct span key = {(const char *)name->wire + at, len};
    struct list *bucket = &limit->bucket[keyed_hash(keyed_hash_process_key(), key) % BUCKETS];
    for (struct list *node = bucket->next; node != bucket; node = node->next) {
        struct dns_limit_domain *domain = LIST_ENTRY(node, struct dns_limit_domain, bucket_node);
        if (domain->len == len && memcmp(domain->name, key.ptr, len) == 0) return domain;
    }
    struct dns_limit_domain *domain = calloc(1, sizeof *domain);
    if (domain == NULL) return NULL;
    list_init(&domain->ready_node);
    list_init(&domain->waiting);
    domain->len = len;
    memcpy(domain->name, key.ptr, len);
    list_append(bucket, &domain->bucket_node);
    return domain;
}

/* Puts the domain where its counts say it belongs: among the ready ones or not, or away. */
static void settle(struct dns_limit *limit, struct dns_limit_domain *domain) {
    bool ready = domain->waiting_count > 0 && domain->running < limit->options.running_per_domain_max;
    if (!ready)
        list_remove(&domain->ready_node);
    else if (list_is_empty(&domain->ready_node))
        list_append(&limit->ready, &domain->ready_node);
    if (domain->running > 0 || domain->waiting_count > 0) return;
    list_remove(&domain->bucket_node);
    free(domain);
}

enum dns_admission dns_limit_enter(struct dns_limit *limit, const struct dns_name *name, struct dns_ticket *ticket) {
    struct dns_limit_domain *domain = find_domain(limit, name);
    if (domain == NULL) return DNS_ADMISSION_FULL;
    list_init(&ticket->node);
    ticket->domain = domain;
    /* With others of its domain waiting it is not its turn, though a place may have become free a moment ago. */
    ticket->waits = limit->running >= limit->options.running_max ||
                    domain->running >= limit->options.running_per_domain_max || domain->waiting_count > 0;
    if (!ticket->waits) {
        limit->running++;
        domain->running++;
        return DNS_ADMISSION_START;
    }
    bool full = limit->waiting >= limit->options.waiting_max;
    if (!full) {
        limit->waiting++;
        domain->waiting_count++;
        list_append(&domain->waiting, &ticket->node);
    }
    settle(limit, domain);
    return full ? DNS_ADMISSION_FULL : DNS_ADMISSION_WAIT;
}

void dns_limit_leave(struct dns_limit *limit, struct dns_ticket *ticket) {
    struct dns_limit_domain *domain = ticket->domain;
    if (ticket->waits) {
        list_remove(&ticket->node);
        limit->waiting--;
        domain->waiting_count--;
    } else {
        limit->running--;
        domain->running--;
    }
    ticket->domain = NULL;
    settle(limit, domain);
}

struct dns_ticket *dns_limit_next(struct dns_limit *limit) {
    if (limit->running >= limit->options.running_max || list_is_empty(&limit->ready)) return NULL;
    struct dns_limit_domain *domain = LIST_ENTRY(list_take_first(&limit->ready), struct dns_limit_domain, ready_node);
    struct dns_ticket *ticket = LIST_ENTRY(list_take_first(&domain->waiting), struct dns_ticket, node);
    ticket->waits = false;
    domain->waiting_count--;
    limit->waiting--;
    domain->running++;
    limit->running++;
    settle(limit, domain); /* to the end of the row, when it has more */
    return ticket;
}
