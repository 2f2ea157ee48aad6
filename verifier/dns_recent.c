#include "verifier/dns_recent.h"
#include <stdlib.h>
#include <string.h>
#include "base/bytes.h"
#include "base/clock.h"
#include "base/lru_map.h"
#include "verifier/dns_cache_key.h"
#include "verifier/dns_parcel.h"

struct dns_recent {
    struct dns_source source; /* first: a pointer to it is a pointer to the whole */
    struct dns_source *behind;
    const struct clock *clock;
    struct lru_map *answers; /* of struct kept, by type and name */
    struct list under_way;   /* of struct question */
    struct bytes parcel;
};

struct kept {
    int64_t learned_us, end_us;
    size_t len;
    char parcel[];
};

/* A question to the source behind. */
struct question {
    struct dns_query query;
    struct dns_recent *recent;
    struct dns_query *asker;
    struct list node;
    size_t key_len;
    char key[];
};

static uint32_t aged(uint32_t ttl_s, uint32_t age_s) { return ttl_s > age_s ? ttl_s - age_s : 0; }

static bool recall(struct dns_recent *recent, struct span key, struct dns_answer *answer) {
    const struct kept *kept = lru_map_get(recent->answers, key);
    int64_t now_us = clock_monotonic_us(recent->clock);
    uint64_t id;
    if (kept == NULL) return false;
    if (now_us < kept->end_us && dns_parcel_read_answer((struct span){kept->parcel, kept->len}, &id, answer)) {
        uint32_t age_s = (uint32_t)((now_us - kept->learned_us) / 1000000);
        answer->ttl_s = aged(answer->ttl_s, age_s); /* a failure has none */
        for (size_t i = 0; i < answer->cname_count; i++)
            answer->cname_ttl_s[i] = aged(answer->cname_ttl_s[i], age_s);
        return true;
    }
    lru_map_remove(recent->answers, key);
    return false;
}

static int64_t life_s_of(const struct dns_answer *answer) {
    bool is_sure = answer->status == DNS_FOUND || answer->status == DNS_NXDOMAIN || answer->status == DNS_NODATA;
    if (!is_sure) return DNS_RECENT_FAILURE_S;
    return answer->ttl_s < DNS_RECENT_S ? answer->ttl_s : DNS_RECENT_S;
}

static void learn(struct dns_recent *recent, struct span key, const struct dns_answer *answer) {
    int64_t life_s = life_s_of(answer);
    if (life_s == 0) return;
    bool fits = dns_parcel_write_answer(0, answer, &recent->parcel);
    struct kept *kept = fits ? malloc(sizeof *kept + recent->parcel.len) : NULL;
    if (kept != NULL) {
        kept->learned_us = clock_monotonic_us(recent->clock);
        kept->end_us = kept->learned_us + life_s * 1000000;
        kept->len = recent->parcel.len;
        memcpy(kept->parcel, recent->parcel.ptr, kept->len);
        if (!lru_map_put(recent->answers, key, kept, sizeof *kept + kept->len)) free(kept);
    }
    bytes_release(&recent->parcel);
}

static void answered(struct dns_query *query, const struct dns_answer *answer) {
    struct question *question = LIST_ENTRY(query, struct question, query);
    struct dns_query *asker = question->asker;
    list_remove(&question->node);
    learn(question->recent, (struct span){question->key, question->key_len}, answer);
    free(question);
    asker->answered(asker, answer);
}

static enum dns_progress ask(struct dns_recent *recent, struct span name, enum dns_type type, struct dns_query *asker,
                             const struct dns_cache_key *key, struct dns_answer *answer) {
    struct question *question = malloc(sizeof *question + key->len);
    if (question == NULL) {
        *answer = (struct dns_answer){.status = DNS_SERVFAIL};
        return DNS_ANSWERED;
    }
    *question =
        (struct question){.query = {.answered = answered}, .recent = recent, .asker = asker, .key_len = key->len};
    memcpy(question->key, key->octets, key->len);
    if (dns_lookup(recent->behind, name, type, &question->query, answer) == DNS_ANSWERED) {
        free(question); /* what is answered at once need not be kept */
        return DNS_ANSWERED;
    }
    list_append(&recent->under_way, &question->node);
    asker->source_data = question;
    return DNS_PENDING;
}

static enum dns_progress lookup(struct dns_source *source, struct span name, enum dns_type type,
                                struct dns_query *query, struct dns_answer *answer) {
    struct dns_recent *recent = (struct dns_recent *)(void *)source;
    struct dns_cache_key key;
    if (!dns_cache_key_make(&key, name, type)) {
        *answer = (struct dns_answer){.status = DNS_NXDOMAIN};
        return DNS_ANSWERED;
    }
    if (recall(recent, dns_cache_key_span(&key), answer)) return DNS_ANSWERED;
    return ask(recent, name, type, query, &key, answer);
}

static void drop(struct question *question) {
    dns_cancel(question->recent->behind, &question->query);
    list_remove(&question->node);
    free(question);
}

static void cancel(struct dns_source *source, struct dns_query *query) {
    (void)source;
    drop(query->source_data);
}

struct dns_recent *dns_recent_create(struct dns_source *behind, const struct clock *clock) {
    struct dns_recent *recent = calloc(1, sizeof *recent);
    if (recent == NULL) return NULL;
    *recent = (struct dns_recent){.source = {lookup, cancel}, .behind = behind, .clock = clock};
    recent->parcel = bytes_with_cap(DNS_RECENT_ANSWER_MAX);
    recent->answers = lru_map_create(DNS_RECENT_OCTETS, free);
    list_init(&recent->under_way);
    if (recent->answers != NULL) return recent;
    free(recent);
    return NULL;
}

void dns_recent_destroy(struct dns_recent *recent) {
    if (recent == NULL) return;
    while (!list_is_empty(&recent->under_way)) drop(LIST_ENTRY(recent->under_way.next, struct question, node));
    lru_map_destroy(recent->answers);
    free(recent);
}

struct dns_source *dns_recent_source(struct dns_recent *recent) {
    return &recent->source;
}
