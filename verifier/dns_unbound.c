#include "verifier/dns_unbound.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unbound.h>
#include <unbound-event.h>
#include "base/arena.h"
#include "base/clock.h"
#include "base/loop.h"
#include "verifier/dns_limit.h"
#include "verifier/dns_packet.h"
#include "verifier/dns_special_zones.h"
#include "verifier/dns_upstream.h"

enum { CLASS_IN = 1, WAITING_MAX = 10000, SEC_BOGUS = 1, SEC_SECURE = 2, REASON_MAX = 300 };

/* The root's key-signing keys (https://data.iana.org/root-anchors/root-anchors.xml). */
static const char *const root_anchors[] = {
    ". IN DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D",
    ". IN DS 38696 8 2 683D2D0ACB8C9B712A1948B27F741219298D0A450D612C483AF444A4C0FB2B16",
};

/* Every resolver option that is ever set, beside modules and localhost. No others: some crash this library (cachedb).
 * One thread needs one slab of each cache. */
struct setting {
    const char *name, *value;
};
static const struct setting settings[] = {
    {"qname-minimisation:", "no"},       /* it triples the cost of a miss */
    {"outgoing-range:", "512"},          /* sockets */
    {"num-queries-per-thread:", "4096"}, /* above our own limit, so that it never drops what we asked */
    {"trust-anchor-signaling:", "no"},   /* no queries of its own */
    {"msg-cache-size:", "8m"},           {"msg-cache-slabs:", "1"}, {"rrset-cache-size:", "16m"},
    {"rrset-cache-slabs:", "1"},         {"key-cache-size:", "4m"}, {"key-cache-slabs:", "1"},
    {"infra-cache-slabs:", "1"},         {"neg-cache-size:", "1m"},
};
/* An unknown server is waited for 376 ms, one that was quick min-rtt, after each loss twice as long, max-rtt at most;
 * one that has come to max-rtt is asked no more until host-ttl is over or it answers something. Authoritative servers
 * know their answers: */
static const struct setting authoritative_settings[] = {
    {"outbound-msg-retry:", "3"}, /* 376 + 752 + 1200 ms: a dead server costs 2.3 s */
    {"infra-cache-min-rtt:", "200"},
    {"infra-cache-max-rtt:", "1200"},
    {"infra-host-ttl:", "15"}, /* s */
};
/* A forwarder may be quiet for seconds because someone else's server is, though it was quick with what it had in its
 * cache: it must neither be given up early nor count as dead for that. */
static const struct setting forward_settings[] = {
    {"outbound-msg-retry:", "3"}, /* 800 + 1600 + 3000 ms */
    {"infra-cache-min-rtt:", "800"},
    {"infra-cache-max-rtt:", "3000"},
    {"infra-host-ttl:", "1"},
};

enum lookup_state {
    LOOKUP_WAITING,   /* for a place; in by_deadline */
    LOOKUP_RUNNING,   /* in libunbound; in by_deadline */
    LOOKUP_ABANDONED, /* in libunbound, nobody waits; in abandoned */
    LOOKUP_FINISHED,  /* with its outcome; in finished */
};

struct lookup {
    struct dns_unbound *unbound;
    struct list node;
    struct dns_ticket ticket;
    enum lookup_state state;
    struct dns_name name;
    enum dns_type type;
    struct dns_query *query; /* NULL once abandoned */
    int64_t deadline_us;
    int sec; /* the outcome: libunbound's state, and the packet, NULL for a failure */
    char *packet;
    size_t packet_len;
    char *reason; /* of SEC_BOGUS; NULL: not told, or no memory */
};

struct dns_unbound {
    struct dns_source source;
    struct loop *loop;
    struct ub_ctx *context;
    struct dns_limit *limit;
    struct loop_timer *timer;  /* for the first of by_deadline */
    struct loop_task delivery; /* hands out what is finished, starts what waits */
    struct list by_deadline, abandoned, finished;
    struct lookup *starting;            /* the lookup whose ub_resolve_event is running */
    struct arena *returned, *delivered; /* what an answer by return value, and one by callback, lives in */
    int64_t query_timeout_us;
    bool validates, closing;
};

/* --- Outcomes --- */

static void free_lookup(struct lookup *lookup) {
    free(lookup->packet);
    free(lookup->reason);
    free(lookup);
}

static void schedule_delivery(struct dns_unbound *unbound) {
    if (list_is_empty(&unbound->delivery.node)) loop_defer(unbound->loop, &unbound->delivery);
}

static void finish(struct lookup *lookup) {
    struct dns_unbound *unbound = lookup->unbound;
    list_remove(&lookup->node);
    list_append(&unbound->finished, &lookup->node);
    lookup->state = LOOKUP_FINISHED;
    if (unbound->starting != lookup) schedule_delivery(unbound);
}

/* libunbound's callback. The packet is garbage unless rcode is 0, and gone when this returns. */
static void on_resolved(void *owner, int rcode, void *packet, int packet_len, int sec, char *why_bogus,
                        int was_ratelimited) {
    struct lookup *lookup = owner;
    (void)was_ratelimited;
    if (lookup->unbound->closing) return;
    lookup->sec = sec;
    if (sec == SEC_BOGUS && why_bogus != NULL) lookup->reason = strndup(why_bogus, REASON_MAX);
    if (rcode == 0 && sec != SEC_BOGUS && packet != NULL && packet_len > 0 &&
        (lookup->packet = malloc((size_t)packet_len)) != NULL) {
        memcpy(lookup->packet, packet, (size_t)packet_len);
        lookup->packet_len = (size_t)packet_len;
    }
    finish(lookup);
}

static enum dnssec_state state_of(const struct dns_unbound *unbound, int sec) {
    if (!unbound->validates) return DNSSEC_INDETERMINATE;
    return sec == SEC_SECURE ? DNSSEC_SECURE : DNSSEC_INSECURE;
}

/* Without a packet: a failure, of which libunbound says no more, and no DNSSEC state. */
static void read_outcome(const struct lookup *lookup, struct arena *arena, struct dns_answer *out) {
    *out = (struct dns_answer){.status = DNS_SERVFAIL};
    arena_reset(arena);
    if (lookup->sec == SEC_BOGUS) {
        out->status = DNS_BOGUS;
        out->dnssec = DNSSEC_BOGUS;
        if (lookup->reason != NULL) out->reason = arena_copy(arena, span_of(lookup->reason));
    } else if (lookup->packet != NULL &&
               dns_packet_read((struct span){lookup->packet, lookup->packet_len}, &lookup->name, lookup->type, arena,
                               out) == DNS_PACKET_OK &&
               out->status != DNS_SERVFAIL) {
        out->dnssec = state_of(lookup->unbound, lookup->sec);
    }
}

/* --- Asking --- */

/* Hands a lookup that has its place to libunbound; it may be finished when this returns. */
static void start(struct lookup *lookup) {
    struct dns_unbound *unbound = lookup->unbound;
    char text[DNS_NAME_TEXT_MAX + 1];
    size_t len = dns_name_to_text(&lookup->name, text);
    if (len == 0) text[len++] = '.';
    text[len] = '\0';
    lookup->state = LOOKUP_RUNNING;
    unbound->starting = lookup;
    if (ub_resolve_event(unbound->context, text, lookup->type, CLASS_IN, lookup, on_resolved, NULL) != 0)
        finish(lookup);
    unbound->starting = NULL;
}

static void start_timer(struct dns_unbound *unbound) {
    if (list_is_empty(&unbound->by_deadline)) {
        loop_timer_stop(unbound->timer);
        return;
    }
    const struct lookup *first = LIST_ENTRY(unbound->by_deadline.next, struct lookup, node);
    int64_t left_us = first->deadline_us - clock_monotonic_us(&clock_system);
    loop_timer_start(unbound->timer, left_us > 0 ? left_us / 1000 + 1 : 0);
}

static enum dns_progress answer_now(enum dns_status status, struct dns_answer *answer) {
    *answer = (struct dns_answer){.status = status};
    return DNS_ANSWERED;
}

static enum dns_progress lookup_name(struct dns_source *source, struct span text, enum dns_type type,
                                     struct dns_query *query, struct dns_answer *answer) {
    struct dns_unbound *unbound = (struct dns_unbound *)(void *)source; /* its first member */
    struct lookup *lookup = calloc(1, sizeof *lookup);
    if (lookup == NULL) return answer_now(DNS_SERVFAIL, answer);
    *lookup = (struct lookup){.unbound = unbound, .type = type, .query = query};
    if (!dns_name_from_text(text, NULL, &lookup->name)) return free_lookup(lookup), answer_now(DNS_NXDOMAIN, answer);
    enum dns_admission admission = dns_limit_enter(unbound->limit, &lookup->name, &lookup->ticket);
    if (admission == DNS_ADMISSION_FULL) return free_lookup(lookup), answer_now(DNS_SERVFAIL, answer);
    bool is_first = list_is_empty(&unbound->by_deadline);
    lookup->deadline_us = clock_monotonic_us(&clock_system) + unbound->query_timeout_us;
    list_append(&unbound->by_deadline, &lookup->node);
    if (admission == DNS_ADMISSION_START) start(lookup);
    if (lookup->state == LOOKUP_FINISHED) { /* the callback ran inside of start */
        list_remove(&lookup->node);
        read_outcome(lookup, unbound->returned, answer);
        dns_limit_leave(unbound->limit, &lookup->ticket);
        free_lookup(lookup);
        return DNS_ANSWERED;
    }
    query->source_data = lookup;
    if (is_first) start_timer(unbound);
    return DNS_PENDING;
}

static void abandon(struct lookup *lookup) {
    lookup->query = NULL;
    lookup->state = LOOKUP_ABANDONED;
    list_remove(&lookup->node);
    list_append(&lookup->unbound->abandoned, &lookup->node);
}

static void drop(struct lookup *lookup) {
    list_remove(&lookup->node);
    dns_limit_leave(lookup->unbound->limit, &lookup->ticket);
    free_lookup(lookup);
}

/* Nobody waits for the lookup any more. */
static void let_go(struct lookup *lookup) {
    if (lookup->state == LOOKUP_RUNNING)
        abandon(lookup);
    else
        drop(lookup);
}

static void cancel(struct dns_source *source, struct dns_query *query) {
    (void)source;
    let_go(query->source_data);
}

/* --- Answering --- */

static void deliver(struct lookup *lookup) {
    struct dns_query *query = lookup->query;
    struct dns_answer answer;
    if (query != NULL) read_outcome(lookup, lookup->unbound->delivered, &answer);
    drop(lookup);
    if (query != NULL) query->answered(query, &answer);
}

/* Hands out what is finished now; whatever that asks anew and is finished at once was answered by return value. */
static void run_delivery(struct loop_task *task) {
    struct dns_unbound *unbound = LIST_ENTRY(task, struct dns_unbound, delivery);
    struct dns_ticket *ticket;
    while (!list_is_empty(&unbound->finished)) deliver(LIST_ENTRY(unbound->finished.next, struct lookup, node));
    while ((ticket = dns_limit_next(unbound->limit)) != NULL) {
        struct lookup *lookup = LIST_ENTRY(ticket, struct lookup, ticket);
        start(lookup);
        if (lookup->state == LOOKUP_FINISHED) deliver(lookup);
    }
}

static void on_deadline(void *owner) {
    struct dns_unbound *unbound = owner;
    int64_t now_us = clock_monotonic_us(&clock_system);
    while (!list_is_empty(&unbound->by_deadline)) {
        struct lookup *first = LIST_ENTRY(unbound->by_deadline.next, struct lookup, node);
        if (first->deadline_us > now_us) break;
        struct dns_query *query = first->query;
        struct dns_answer answer = {.status = DNS_TIMEOUT};
        let_go(first);
        query->answered(query, &answer);
    }
    start_timer(unbound);
}

/* --- Setting libunbound up --- */

/* Sets *error to "what: why"; always false. */
static bool fail(const char *what, const char *why, char **error) {
    if (asprintf(error, "%s: %s", what, why) < 0) *error = NULL;
    return false;
}

static bool check(int status, const char *what, char **error) {
    return status == 0 || fail(what, ub_strerror(status), error);
}

static bool apply(struct dns_unbound *unbound, const struct setting *list, size_t count, char **error) {
    for (size_t i = 0; i < count; i++)
        if (!check(ub_ctx_set_option(unbound->context, list[i].name, list[i].value), list[i].name, error)) return false;
    return true;
}

static bool apply_settings(struct dns_unbound *unbound, bool forwards, char **error) {
    const struct setting modules = {"module-config:", unbound->validates ? "validator iterator" : "iterator"};
    return apply(unbound, &modules, 1, error) && apply(unbound, settings, sizeof settings / sizeof *settings, error) &&
           (forwards ? apply(unbound, forward_settings, sizeof forward_settings / sizeof *forward_settings, error)
                     : apply(unbound, authoritative_settings,
                             sizeof authoritative_settings / sizeof *authoritative_settings, error));
}

static bool add_trust_anchor(struct dns_unbound *unbound, const char *path, char **error) {
    struct ub_ctx *context = unbound->context;
    if (!unbound->validates) return true;
    bool is_root = path == NULL || path[0] == '\0';
    FILE *file = fopen(is_root ? DNS_ROOT_KEY_FILE : path, "r"); /* libunbound looks later, and says less */
    if (file != NULL) fclose(file);
    if (file != NULL)
        return check(ub_ctx_add_ta_file(context, is_root ? DNS_ROOT_KEY_FILE : path), "trust anchor", error);
    if (!is_root) return fail(path, strerror(errno), error);
    for (size_t i = 0; i < sizeof root_anchors / sizeof *root_anchors; i++)
        if (!check(ub_ctx_add_ta(context, root_anchors[i]), "trust anchor", error)) return false;
    return true;
}

/* What lies under a special zone cannot be validated from the root, which denies it; a nearer anchor still counts. */
static bool open_special_zones(struct dns_unbound *unbound, const struct dns_upstream *upstream, char **error) {
    struct dns_name special;
    for (size_t i = 0; dns_special_zone(i, &special); i++) {
        char text[DNS_NAME_TEXT_MAX + 1];
        if (!dns_special_zone_touches(&special, &upstream->zone)) continue;
        text[dns_name_to_text(&special, text)] = '\0';
        if (!check(ub_ctx_set_option(unbound->context, "domain-insecure:", text), text, error)) return false;
    }
    return true;
}

static bool add_upstream(struct dns_unbound *unbound, const struct dns_upstream *upstream, bool is_stub, char **error) {
    char zone[DNS_NAME_TEXT_MAX + 2];
    size_t len = dns_name_to_text(&upstream->zone, zone);
    zone[len] = '.';
    zone[len + 1] = '\0';
    if (upstream->is_loopback &&
        !check(ub_ctx_set_option(unbound->context, "do-not-query-localhost:", "no"), upstream->address, error))
        return false;
    int status = is_stub ? ub_ctx_set_stub(unbound->context, zone, upstream->address, 0)
                         : ub_ctx_set_fwd(unbound->context, upstream->address);
    return check(status, upstream->address, error) && open_special_zones(unbound, upstream, error);
}

/* The upstream number i: forwards first, then stubs. */
static bool read_upstream(const struct dns_unbound_options *options, size_t i, struct dns_upstream *out, char **error) {
    if (i < options->forward_count) return dns_upstream_read_forward(options->forward[i], out, error);
    return dns_upstream_read_stub(options->stub[i - options->forward_count], out, error);
}

static bool add_upstreams(struct dns_unbound *unbound, const struct dns_unbound_options *options, char **error) {
    for (size_t i = 0; i < options->forward_count + options->stub_count; i++) {
        struct dns_upstream upstream;
        if (!read_upstream(options, i, &upstream, error) ||
            !add_upstream(unbound, &upstream, i >= options->forward_count, error))
            return false;
    }
    return true;
}

/* Takes away libunbound's own answers for special zones that are served elsewhere. The first call of this kind makes it
 * read its configuration, so there is one in any case, and errors come to light here. */
static int finalize(struct dns_unbound *unbound, const struct dns_unbound_options *options) {
    struct dns_name special;
    int status = ub_ctx_zone_remove(unbound->context, "sceau.invalid.");
    for (size_t i = 0; status == 0 && i < options->forward_count + options->stub_count; i++) {
        struct dns_upstream upstream;
        char *error;
        if (!read_upstream(options, i, &upstream, &error)) return free(error), UB_SYNTAX;
        for (size_t s = 0; status == 0 && dns_special_zone(s, &special); s++) {
            char text[DNS_NAME_TEXT_MAX + 1];
            if (!dns_special_zone_touches(&special, &upstream.zone)) continue;
            text[dns_name_to_text(&special, text)] = '\0';
            status = ub_ctx_zone_remove(unbound->context, text);
        }
    }
    return status;
}

/* With libunbound's own log lines as the reason; afterwards it stays silent. */
static bool finalize_and_tell(struct dns_unbound *unbound, const struct dns_unbound_options *options, char **error) {
    char *log = NULL;
    size_t log_len = 0;
    FILE *stream = open_memstream(&log, &log_len);
    ub_ctx_debugout(unbound->context, stream);
    int status = finalize(unbound, options);
    ub_ctx_debugout(unbound->context, NULL);
    if (stream != NULL && fclose(stream) == 0 && status != 0 && log_len > 0) {
        const char *what = strstr(log, "error: ");
        what = what != NULL ? what + strlen("error: ") : log;
        if (asprintf(error, "resolver: %.*s", (int)strcspn(what, "\n"), what) < 0) *error = NULL;
    } else if (status != 0) {
        check(status, "resolver", error);
    }
    free(log);
    return status == 0;
}

static bool set_up(struct dns_unbound *unbound, const struct dns_unbound_options *options, char **error) {
    unbound->limit = dns_limit_create(
        &(struct dns_limit_options){options->in_flight_max, options->in_flight_per_domain_max, WAITING_MAX});
    unbound->timer = loop_timer_create(unbound->loop, on_deadline, unbound);
    unbound->returned = arena_create(DNS_ANSWER_OCTETS_MAX);
    unbound->delivered = arena_create(DNS_ANSWER_OCTETS_MAX);
    unbound->context = ub_ctx_create_event(loop_event_base(unbound->loop));
    if (unbound->limit == NULL || unbound->timer == NULL || unbound->returned == NULL || unbound->delivered == NULL ||
        unbound->context == NULL)
        return fail("resolver", "no memory", error);
    return apply_settings(unbound, options->forward_count > 0, error) &&
           add_trust_anchor(unbound, options->trust_anchor, error) && add_upstreams(unbound, options, error) &&
           finalize_and_tell(unbound, options, error);
}

struct dns_unbound *dns_unbound_create(struct loop *loop, const struct dns_unbound_options *options, char **error) {
    *error = NULL;
    struct dns_unbound *unbound = calloc(1, sizeof *unbound);
    if (unbound == NULL) return NULL;
    unbound->source = (struct dns_source){lookup_name, cancel};
    unbound->loop = loop;
    unbound->query_timeout_us = options->query_timeout_ms * 1000;
    unbound->validates = options->trust_anchor == NULL || strcmp(options->trust_anchor, "none") != 0;
    unbound->delivery.run = run_delivery;
    list_init(&unbound->delivery.node);
    list_init(&unbound->by_deadline);
    list_init(&unbound->abandoned);
    list_init(&unbound->finished);
    if (!set_up(unbound, options, error)) return dns_unbound_destroy(unbound), NULL;
    return unbound;
}

static void drop_all(struct list *lookups) {
    while (!list_is_empty(lookups)) drop(LIST_ENTRY(lookups->next, struct lookup, node));
}

void dns_unbound_destroy(struct dns_unbound *unbound) {
    if (unbound == NULL) return;
    unbound->closing = true;
    if (unbound->context != NULL) ub_ctx_delete(unbound->context); /* first: nothing calls back from now on */
    drop_all(&unbound->by_deadline);
    drop_all(&unbound->abandoned);
    drop_all(&unbound->finished);
    loop_defer_cancel(&unbound->delivery);
    loop_timer_destroy(unbound->timer);
    dns_limit_destroy(unbound->limit);
    arena_destroy(unbound->returned);
    arena_destroy(unbound->delivered);
    free(unbound);
}

struct dns_source *dns_unbound_source(struct dns_unbound *unbound) {
    return &unbound->source;
}
unsigned dns_unbound_in_flight(const struct dns_unbound *unbound) { return dns_limit_running(unbound->limit); }
unsigned dns_unbound_waiting(const struct dns_unbound *unbound) { return dns_limit_waiting(unbound->limit); }

const char *dns_unbound_library(void) { return ub_version(); }
