#include "bench/resolver.h"
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include "base/clock.h"
#include "base/loop.h"
#include "verifier/dns_choice.h"
#include "verifier/dns_memory.h"
#include "verifier/dns_thread.h"

enum { DEADLINE_MS = 30000 }; /* a busy machine must not turn an answer into a time-out */

/* Stands in front of libunbound and counts, on the resolver's thread. */
struct counter {
    struct dns_source source; /* first: a pointer to it is a pointer to the whole */
    struct dns_source *behind;
    atomic_uint_fast64_t questions, at_once;
};

struct resolver {
    struct loop *loop, *own_loop;
    struct dns_choice *choice;
    struct counter counter;
    struct dns_memory *memory;
    struct dns_thread *thread;
    struct dns_client *client;
};

static enum dns_progress count(struct dns_source *source, struct span name, enum dns_type type, struct dns_query *query,
                               struct dns_answer *answer) {
    struct counter *counter = (struct counter *)(void *)source;
    enum dns_progress progress = dns_lookup(counter->behind, name, type, query, answer);
    atomic_fetch_add_explicit(&counter->questions, 1, memory_order_relaxed);
    if (progress == DNS_ANSWERED) atomic_fetch_add_explicit(&counter->at_once, 1, memory_order_relaxed);
    return progress;
}

static void cancel(struct dns_source *source, struct dns_query *query) {
    dns_cancel(((struct counter *)(void *)source)->behind, query);
}

static void *require(void *made, const char *what) {
    if (made != NULL) return made;
    fprintf(stderr, "resolver: %s\n", what);
    exit(1);
}

struct resolver *resolver_create(const char *const *stub, size_t stub_count, const char *trust_anchor) {
    struct resolver *resolver = require(calloc(1, sizeof *resolver), "no memory");
    const struct dns_choice_options options = {.stub_count = stub_count, .stub = stub, .trust_anchor = trust_anchor,
                                               .query_timeout_ms = DEADLINE_MS, .in_flight_per_domain_max = RESOLVER_IN_FLIGHT};
    char *error = NULL;
    resolver->loop = require(loop_create(), "no loop");
    resolver->own_loop = require(loop_create(), "no loop");
    resolver->choice = dns_choice_create(resolver->own_loop, &options, &error);
    require(resolver->choice, error != NULL ? error : "no memory");
    resolver->counter.source = (struct dns_source){count, cancel};
    resolver->counter.behind = dns_choice_source(resolver->choice);
    resolver->memory = require(dns_memory_create(&resolver->counter.source, &clock_system), "no memory");
    resolver->thread = require(dns_thread_create(resolver->own_loop, dns_memory_source(resolver->memory), NULL, 2 * DEADLINE_MS),
                               "no thread");
    resolver->client = require(dns_thread_client(resolver->thread, resolver->loop), "no client");
    return resolver;
}

void resolver_destroy(struct resolver *resolver) {
    dns_client_close(resolver->client);
    dns_thread_destroy(resolver->thread);
    dns_memory_destroy(resolver->memory);
    dns_choice_destroy(resolver->choice);
    loop_destroy(resolver->own_loop);
    loop_destroy(resolver->loop);
    free(resolver);
}

struct loop *resolver_loop(struct resolver *resolver) { return resolver->loop; }
struct dns_source *resolver_dns(struct resolver *resolver) { return dns_client_source(resolver->client); }
struct resolver_counts resolver_counts(const struct resolver *resolver) {
    return (struct resolver_counts){atomic_load(&resolver->counter.questions), atomic_load(&resolver->counter.at_once)};
}
