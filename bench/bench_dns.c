/* bench_dns.c -- what a look-up costs, asked through the resolver's thread as a worker asks: unsigned, signed, and the first
 * of a signed domain, whose keys have to be looked up as well; none of them cached, and then cached.
 * bench/dns serves the zones and reads what is written here, a JSON object for each kind and round: how many were asked and
 * found with which DNSSEC state, how many libunbound answered at once, and CPU time of the process (asker and resolver, what
 * the kernel does for them included) and of the asker alone. Each round has a new resolver. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include "base/loop.h"
#include "bench/resolver.h"

enum { NAME_ROOM = 64 };

/* One kind of look-up, and which names it asks for: number by number. */
struct kind {
    const char *name, *format;
    bool is_of_domain;     /* as many as there are domains, not names */
    unsigned first;        /* number */
    unsigned asked_before; /* look-ups that do not count */
    enum dnssec_state state;
};
static const struct kind kinds[] = {
    {"unsigned", "s%u._domainkey.unsigned.test", false, 0, 0, DNSSEC_INSECURE},
    {"unsigned, cached", "s%u._domainkey.unsigned.test", false, 0, 0, DNSSEC_INSECURE},
    {"signed", "s%u._domainkey.signed.test", false, 0, 1, DNSSEC_SECURE}, /* its keys come with the one before */
    {"signed, cached", "s%u._domainkey.signed.test", false, 1, 0, DNSSEC_SECURE},
    {"signed, first of its domain", "sel._domainkey.d%u.signed.test", true, 0, 0, DNSSEC_SECURE},
};

/* Look-ups under way, RESOLVER_IN_FLIGHT at a time. */
struct asker {
    struct resolver *resolver;
    const struct kind *kind;
    struct dns_query query[RESOLVER_IN_FLIGHT];
    unsigned next, end, under_way; /* numbers */
    unsigned found, in_state;
};

static void take(struct asker *asker, const struct dns_answer *answer) {
    asker->found += answer->status == DNS_FOUND && answer->record_count == 1;
    asker->in_state += answer->dnssec == asker->kind->state;
}

static void on_answer(struct dns_query *query, const struct dns_answer *answer);

/* Asks for the next names until one is under way with that query. */
static void ask(struct asker *asker, struct dns_query *query) {
    while (asker->next < asker->end) {
        char name[NAME_ROOM];
        struct dns_answer answer;
        int len = snprintf(name, sizeof name, asker->kind->format, asker->next++);
        *query = (struct dns_query){.answered = on_answer};
        if (dns_lookup(resolver_dns(asker->resolver), (struct span){name, (size_t)len}, DNS_TXT, query, &answer) == DNS_PENDING) {
            asker->under_way++;
            return;
        }
        take(asker, &answer);
    }
}

static struct asker asker; /* one at a time: a query's owner needs not be looked for */

static void on_answer(struct dns_query *query, const struct dns_answer *answer) {
    take(&asker, answer);
    asker.under_way--;
    ask(&asker, query);
    if (asker.under_way == 0) loop_stop(resolver_loop(asker.resolver));
}

static void ask_all(unsigned first, unsigned count) {
    asker.next = first;
    asker.end = first + count;
    asker.found = asker.in_state = 0;
    for (size_t i = 0; i < RESOLVER_IN_FLIGHT && asker.next < asker.end; i++) ask(&asker, &asker.query[i]);
    if (asker.under_way > 0 && !loop_run(resolver_loop(asker.resolver))) exit(1);
}

static double cpu_us(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static void print_kind(const struct kind *kind, unsigned round, unsigned count) {
    asker.kind = kind;
    ask_all(kind->first, kind->asked_before);
    struct resolver_counts before = resolver_counts(asker.resolver);
    double process_us = cpu_us(CLOCK_PROCESS_CPUTIME_ID), asker_us = cpu_us(CLOCK_THREAD_CPUTIME_ID);
    ask_all(kind->first + kind->asked_before, count);
    process_us = cpu_us(CLOCK_PROCESS_CPUTIME_ID) - process_us;
    asker_us = cpu_us(CLOCK_THREAD_CPUTIME_ID) - asker_us;
    struct resolver_counts after = resolver_counts(asker.resolver);
    printf("{\"round\":%u,\"kind\":\"%s\",\"lookups\":%u,\"found\":%u,\"state\":\"%s\",\"in_state\":%u,\"questions\":%llu,"
           "\"at_once\":%llu,\"cpu_us\":%.3f,\"asker_us\":%.3f}\n",
           round, kind->name, count, asker.found, dnssec_state_word(kind->state), asker.in_state,
           (unsigned long long)(after.questions - before.questions), (unsigned long long)(after.at_once - before.at_once),
           process_us / count, asker_us / count);
}

int main(int argc, char **argv) {
    if (argc < 6) {
        fprintf(stderr, "usage: bench_dns ROUNDS NAMES DOMAINS ANCHORS ZONE=ADDR@PORT...\n");
        return 2;
    }
    unsigned rounds = (unsigned)strtoul(argv[1], NULL, 10), names = (unsigned)strtoul(argv[2], NULL, 10);
    unsigned domains = (unsigned)strtoul(argv[3], NULL, 10);
    for (unsigned round = 0; round < rounds; round++) {
        asker.resolver = resolver_create((const char *const *)argv + 5, (size_t)argc - 5, argv[4]);
        for (const struct kind *kind = kinds; kind < kinds + sizeof kinds / sizeof *kinds; kind++)
            print_kind(kind, round, kind->is_of_domain ? domains : names);
        resolver_destroy(asker.resolver);
    }
    return ferror(stdout) ? 1 : 0;
}
