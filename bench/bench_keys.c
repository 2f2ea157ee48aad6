/* bench_keys.c -- what the key cache makes of traffic: whole verifications of a 2 KB message with one rsa-sha256 signature of 2048
 * bits, at given hit ratios, of more and more signing domains, and by one and two workers that share the cache. The message is
 * always the same: the name of its key is put in another's place before the cache is asked. What is not cached is answered at once
 * from memory (what the network costs is for bench_dns), so a miss is a question, a record read, a key object made and an entry
 * put in another one's place. Hits, misses, evictions and waits are the daemon's own counters. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "base/metrics.h"
#include "bench/corpus.h"
#include "bench/measure.h"
#include "verifier/auth_results.h"
#include "verifier/key_cache.h"
#include "verifier/key_lookup.h"
#include "verifier/message_verifier.h"

enum {
    DOMAINS_MAX = 1000000,
    HOT = 100,                   /* names of a hit ratio's hits */
    WORKERS_MAX = 2,
    DEFAULT_OCTETS = 64 << 20,   /* of the daemon's key cache */
    QUICK_OCTETS = 4 << 20,
    DEFAULT_DRAWS = 1 << 18,
    QUICK_DRAWS = 1 << 14,
};

static void require(bool ok, const char *what) {
    if (ok) return;
    fprintf(stderr, "bench_keys: %s\n", what);
    exit(1);
}

/* --- Traffic: numbers of names --- */

struct traffic {
    const uint32_t *draws; /* numbers, over and over; NULL: by hit ratio */
    size_t draw_count;
    unsigned hit_percent;
    uint32_t at, fresh;    /* so many names so far; so many of them that nobody asked for before */
};

static uint32_t next_number(struct traffic *traffic) {
    uint32_t at = traffic->at++, missed = 100 - traffic->hit_percent;
    if (traffic->draws != NULL) return traffic->draws[at % traffic->draw_count];
    return (at + 1) % 100 * missed % 100 < missed ? HOT + traffic->fresh++ : at % HOT;
}

static uint64_t random_step(uint64_t *state) { /* xorshift */
    *state ^= *state << 13;
    *state ^= *state >> 7;
    return *state ^= *state << 17;
}

/* Numbers below domains: all as often, or the k-th as often as 1 / k (Zipf). */
static uint32_t *draw(uint32_t domains, bool is_zipf, size_t count) {
    uint32_t *draws = calloc(count, sizeof *draws);
    double *sums = calloc(domains, sizeof *sums), sum = 0;
    uint64_t state = 0x9e3779b97f4a7c15;
    require(draws != NULL && sums != NULL, "no memory");
    for (uint32_t i = 0; i < domains; i++) sums[i] = sum += is_zipf ? 1.0 / (i + 1) : 1.0;
    for (size_t i = 0; i < count; i++) {
        double wanted = (double)(random_step(&state) >> 11) / (double)(1ull << 53) * sum;
        uint32_t low = 0, high = domains - 1;
        while (low < high) {
            uint32_t middle = low + (high - low) / 2;
            if (sums[middle] > wanted) high = middle;
            else low = middle + 1;
        }
        draws[i] = low;
    }
    free(sums);
    return draws;
}

/* --- A worker: names in the message's place, lookup, verifier --- */

struct everything { /* what all workers share */
    struct dns_source dns; /* first: a pointer to it is a pointer to the whole */
    struct corpus_signer *signer;
    struct corpus_message message;
};

static enum dns_progress answer(struct dns_source *source, struct span name, enum dns_type type, struct dns_query *query,
                                struct dns_answer *out) {
    const struct everything *all = (struct everything *)(void *)source;
    (void)name, (void)type, (void)query;
    *out = (struct dns_answer){.status = DNS_FOUND, .dnssec = DNSSEC_SECURE, .ttl_s = 3600, .record_count = 1,
                               .record = {corpus_signer_record(all->signer)}};
    return DNS_ANSWERED;
}

static void never(struct dns_source *source, struct dns_query *query) { (void)source, (void)query; }

struct worker {
    struct key_source source; /* first: what the verifier asks */
    struct traffic traffic;
    struct everything *all;
    struct key_lookup *lookup;
    struct message_verifier *verifier;
    struct bytes field;       /* the Authentication-Results written */
};

static enum key_progress get(struct key_source *source, struct span asked, struct key_request *request, struct key_entry **entry) {
    struct worker *worker = (struct worker *)(void *)source;
    char name[] = "sel._domainkey.d00000000.example.com";
    uint32_t number = next_number(&worker->traffic);
    (void)asked;
    for (char *digit = strchr(name, '.') + sizeof "_domainkey.d00000000" - 1; number > 0; number /= 10)
        *digit-- += (char)(number % 10);
    return key_source_get(key_lookup_source(worker->lookup), span_of(name), request, entry);
}

static void cancel(struct key_source *source, struct key_request *request) {
    key_source_cancel(key_lookup_source(((struct worker *)(void *)source)->lookup), request);
}

static void worker_init(struct worker *worker, struct everything *all, struct key_cache *cache, struct metrics *metrics,
                        struct traffic traffic) {
    struct metrics_worker *counters = metrics_worker_create(metrics);
    *worker = (struct worker){.source = {get, cancel}, .traffic = traffic, .all = all, .field = bytes_with_cap(4096)};
    worker->lookup = key_lookup_create(cache, &all->dns, &clock_system, counters);
    worker->verifier = message_verifier_create(&verifier_policy_default, &worker->source, &clock_system);
    require(counters != NULL && worker->lookup != NULL && worker->verifier != NULL, "no memory");
}

static void worker_reset(struct worker *worker) {
    message_verifier_destroy(worker->verifier);
    key_lookup_destroy(worker->lookup);
    bytes_release(&worker->field);
}

static void verify(void *context, size_t i) {
    struct worker *worker = context;
    (void)i;
    message_verifier_begin(worker->verifier, NULL, NULL);
    message_verifier_update(worker->verifier, bytes_span(&worker->all->message.octets));
    bool done = message_verifier_end(worker->verifier) == VERIFIER_DONE;
    const struct message_result *result = message_verifier_result(worker->verifier);
    bytes_clear(&worker->field);
    require(done && result->dkim_count == 1 && result->dkim[0].result == RESULT_PASS &&
                auth_results_write(&worker->field, span_of("mx.example.org"), result),
            "the message did not pass");
}

static void ask_only(void *context, size_t i) {
    struct worker *worker = context;
    struct key_request request;
    struct key_entry *entry = NULL;
    (void)i;
    require(key_source_get(&worker->source, span_of(""), &request, &entry) == KEY_READY && entry != NULL, "no key");
    key_entry_release(entry);
}

/* --- One worker with a cache of its own: hit ratios, domains --- */

struct rig {
    struct key_cache *cache;
    struct metrics *metrics;
    struct worker worker;
};

static void rig_init(struct rig *rig, struct everything *all, size_t cache_octets, struct traffic traffic) {
    rig->cache = key_cache_create(cache_octets, 0, &clock_system);
    rig->metrics = metrics_create();
    require(rig->cache != NULL && rig->metrics != NULL, "no memory");
    worker_init(&rig->worker, all, rig->cache, rig->metrics, traffic);
}

static void rig_reset(struct rig *rig) {
    worker_reset(&rig->worker);
    key_cache_destroy(rig->cache);
    metrics_destroy(rig->metrics);
}

struct asked { unsigned long long hits, misses; };

static struct asked asked(const struct metrics *metrics) {
    return (struct asked){metrics_counter(metrics, METRIC_KEY_CACHE_REQUESTS, METRIC_CACHE_HIT, 0),
                          metrics_counter(metrics, METRIC_KEY_CACHE_REQUESTS, METRIC_CACHE_MISS, 0)};
}

static void ask_times(struct rig *rig, size_t count) {
    for (size_t i = 0; i < count; i++) ask_only(&rig->worker, i);
}

/* Asks until the cache is full and its names have changed once, or most were asked for. */
static void warm(struct rig *rig, size_t most) {
    for (size_t i = 0; i < most; i++) {
        struct key_cache_usage usage = {0};
        if (i % 1024 == 0) usage = key_cache_usage(rig->cache);
        if (usage.evictions > usage.entries) return;
        ask_only(&rig->worker, i);
    }
}

/* Measures what names say of rigs, which are warm, by turns; the last is what the others are compared with. */
static void print_rigs(struct measure_plan plan, const char *table, const char *const *names, struct rig *rigs, size_t count) {
    struct work works[8] = {{0}};
    struct measured measured[8];
    struct asked before[8];
    for (size_t i = 0; i < count; i++) {
        works[i] = (struct work){verify, &rigs[i].worker};
        before[i] = asked(rigs[i].metrics);
    }
    measure(plan, works, count, measured);
    printf("%-26s%10s%9s%9s%9s%11s%10s%11s\n", "", "us", "spread", "ratio", "hits", "entries", "MiB", "evictions");
    for (size_t i = 0; i < count; i++) {
        struct asked now = asked(rigs[i].metrics);
        struct key_cache_usage usage = key_cache_usage(rigs[i].cache);
        now.hits -= before[i].hits;
        now.misses -= before[i].misses;
        printf("%-26s%10.1f%8.1f%%%9.2f%8.1f%%%11zu%10.1f%11llu\n", names[i], measured[i].median_us,
               measured_spread_percent(&measured[i]), measured[i].to_last,
               (double)now.hits * 100 / (double)(now.hits + now.misses), usage.entries, (double)usage.octets / (1 << 20),
               (unsigned long long)usage.evictions);
        if (plan.json != NULL)
            fprintf(plan.json,
                    "{\"table\":\"%s\",\"name\":\"%s\",\"us\":%.2f,\"spread_percent\":%.1f,\"ratio\":%.3f,\"hits\":%llu,"
                    "\"misses\":%llu,\"entries\":%zu,\"octets\":%zu,\"evictions\":%llu,\"waits\":%llu}\n",
                    table, names[i], measured[i].median_us, measured_spread_percent(&measured[i]), measured[i].to_last, now.hits,
                    now.misses, usage.entries, usage.octets, (unsigned long long)usage.evictions, (unsigned long long)usage.waits);
    }
}

static void print_hit_ratios(struct measure_plan plan, struct everything *all, size_t cache_octets, size_t warm_up) {
    static const char *const names[] = {"hit ratio 0 %", "hit ratio 50 %", "hit ratio 99 %", "hit ratio 100 %"};
    static const unsigned percent[] = {0, 50, 99, 100};
    enum { COUNT = sizeof percent / sizeof *percent };
    struct rig rigs[COUNT];
    for (size_t i = 0; i < COUNT; i++) {
        rig_init(&rigs[i], all, cache_octets, (struct traffic){.hit_percent = 0});
        warm(&rigs[i], warm_up); /* a cache is full in the long run, and then each miss drops an entry */
        rigs[i].worker.traffic.hit_percent = 100;
        ask_times(&rigs[i], HOT);
        rigs[i].worker.traffic.hit_percent = percent[i];
        rigs[i].worker.traffic.at = 0;
    }
    print_rigs(plan, "hits", names, rigs, COUNT);
    for (size_t i = 0; i < COUNT; i++) rig_reset(&rigs[i]);
}

static void print_domains(struct measure_plan plan, struct everything *all, size_t cache_octets, size_t draw_count) {
    static const struct { const char *name; uint32_t domains; bool is_zipf; } rows[] = {
        {"1,000,000 domains, evenly", DOMAINS_MAX, false}, {"1,000,000 domains, Zipf", DOMAINS_MAX, true},
        {"10,000 domains, evenly", 10000, false},          {"10,000 domains, Zipf", 10000, true},
        {"100 domains, evenly", 100, false},               {"100 domains, Zipf", 100, true},
        {"1 domain", 1, false},
    };
    enum { COUNT = sizeof rows / sizeof *rows };
    const char *names[COUNT];
    uint32_t *draws[COUNT];
    struct rig rigs[COUNT];
    for (size_t i = 0; i < COUNT; i++) {
        names[i] = rows[i].name;
        draws[i] = draw(rows[i].domains, rows[i].is_zipf, draw_count);
        rig_init(&rigs[i], all, cache_octets, (struct traffic){.draws = draws[i], .draw_count = draw_count});
        warm(&rigs[i], draw_count);
    }
    print_rigs(plan, "domains", names, rigs, COUNT);
    for (size_t i = 0; i < COUNT; i++) {
        rig_reset(&rigs[i]);
        free(draws[i]);
    }
}

/* --- Workers --- */

struct team {
    struct key_cache *cache;
    struct metrics *metrics;
    pthread_barrier_t start;
    void (*run)(void *context, size_t i);
    size_t calls; /* of each */
    struct member {
        struct team *team;
        struct worker worker;
        pthread_t thread;
        double cpu_us, wall_us; /* of a call */
    } member[WORKERS_MAX];
};

static double clock_us(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static void *work_in_team(void *argument) {
    struct member *member = argument;
    struct team *team = member->team;
    pthread_barrier_wait(&team->start);
    double cpu = clock_us(CLOCK_THREAD_CPUTIME_ID), wall = clock_us(CLOCK_MONOTONIC);
    for (size_t i = 0; i < team->calls; i++) team->run(&member->worker, i);
    member->cpu_us = (clock_us(CLOCK_THREAD_CPUTIME_ID) - cpu) / (double)team->calls;
    member->wall_us = (clock_us(CLOCK_MONOTONIC) - wall) / (double)team->calls;
    return NULL;
}

/* What a round of one or two workers came to. */
struct round { double cpu_us, per_second, waits_per_million; };

static struct round run_team(struct everything *all, void (*run)(void *context, size_t i), size_t calls, size_t workers,
                             struct traffic traffic) {
    struct team team = {.cache = key_cache_create(DEFAULT_OCTETS, 0, &clock_system), .metrics = metrics_create(), .run = run,
                        .calls = calls};
    require(team.cache != NULL && team.metrics != NULL, "no memory");
    require(pthread_barrier_init(&team.start, NULL, (unsigned)workers) == 0, "no barrier");
    for (size_t i = 0; i < workers; i++) {
        team.member[i].team = &team;
        worker_init(&team.member[i].worker, all, team.cache, team.metrics, traffic);
        for (size_t j = 0; j < HOT; j++) ask_only(&team.member[i].worker, j);
    }
    for (size_t i = 0; i < workers; i++)
        require(pthread_create(&team.member[i].thread, NULL, work_in_team, &team.member[i]) == 0, "no thread");
    struct round round = {0};
    double wall_us = 0; /* of the slowest */
    for (size_t i = 0; i < workers; i++) {
        pthread_join(team.member[i].thread, NULL);
        round.cpu_us += team.member[i].cpu_us / (double)workers;
        if (team.member[i].wall_us > wall_us) wall_us = team.member[i].wall_us;
        worker_reset(&team.member[i].worker);
    }
    round.per_second = (double)workers * 1e6 / wall_us;
    struct asked now = asked(team.metrics);
    require(now.hits + now.misses == (calls + HOT) * workers && now.misses <= HOT, "not everything was asked, or not cached");
    round.waits_per_million = (double)key_cache_usage(team.cache).waits * 1e6 / (double)(calls * workers);
    pthread_barrier_destroy(&team.start);
    key_cache_destroy(team.cache);
    metrics_destroy(team.metrics);
    return round;
}

static int by_size(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

struct middle { double median, spread_percent; };

static struct middle middle_of(const double *values, size_t count) {
    double sorted[MEASURE_ROUNDS_MAX];
    memcpy(sorted, values, count * sizeof *values);
    qsort(sorted, count, sizeof *sorted, by_size);
    double median = sorted[count / 2];
    return (struct middle){median, median > 0 ? (sorted[count - 1] - sorted[0]) / 2 / median * 100 : 0};
}

static void print_team(struct measure_plan plan, struct everything *all, const char *name, void (*run)(void *context, size_t i),
                       size_t calls, struct traffic traffic) {
    double cpu[WORKERS_MAX][MEASURE_ROUNDS_MAX], waits[MEASURE_ROUNDS_MAX], times_cpu[MEASURE_ROUNDS_MAX], times[MEASURE_ROUNDS_MAX];
    for (unsigned round = 0; round < plan.rounds; round++) {
        struct round one = run_team(all, run, calls, 1, traffic), two = run_team(all, run, calls, WORKERS_MAX, traffic);
        cpu[0][round] = one.cpu_us;
        cpu[1][round] = two.cpu_us;
        times_cpu[round] = two.cpu_us / one.cpu_us;
        times[round] = two.per_second / one.per_second;
        waits[round] = two.waits_per_million;
    }
    struct middle alone = middle_of(cpu[0], plan.rounds), together = middle_of(cpu[1], plan.rounds);
    struct middle ratio = middle_of(times_cpu, plan.rounds), faster = middle_of(times, plan.rounds);
    struct middle waited = middle_of(waits, plan.rounds);
    printf("%-32s%9.3f%8.1f%%%9.3f%8.1f%%%9.2f%12.2f%11.0f\n", name, alone.median, alone.spread_percent, together.median,
           together.spread_percent, ratio.median, faster.median, waited.median);
    if (plan.json != NULL)
        fprintf(plan.json,
                "{\"table\":\"workers\",\"name\":\"%s\",\"calls\":%zu,\"one_us\":%.4f,\"one_spread_percent\":%.1f,\"two_us\":%.4f,"
                "\"two_spread_percent\":%.1f,\"ratio\":%.3f,\"times_as_fast\":%.3f,\"waits_per_million\":%.1f}\n",
                name, calls, alone.median, alone.spread_percent, together.median, together.spread_percent, ratio.median, faster.median,
                waited.median);
}

static void print_workers(struct measure_plan plan, struct everything *all, bool quick) {
    static uint32_t one_domain[1], domains[HOT];
    const struct traffic one = {.draws = one_domain, .draw_count = 1}, many = {.draws = domains, .draw_count = HOT};
    size_t messages = quick ? 300 : 10000, looks = quick ? 10000 : 1000000;
    for (uint32_t i = 0; i < HOT; i++) domains[i] = i;
    if (plan.rounds > 9) plan.rounds = 9;
    printf("%-32s%9s%9s%9s%9s%9s%12s%11s\n", "", "1: us", "spread", "2: us", "spread", "ratio", "x as fast", "waits/M");
    print_team(plan, all, "verification, 100 domains", verify, messages, many);
    print_team(plan, all, "verification, 1 domain", verify, messages, one);
    print_team(plan, all, "key cache alone, 100 domains", ask_only, looks, many);
    print_team(plan, all, "key cache alone, 1 domain", ask_only, looks, one);
}

int main(int argc, char **argv) {
    struct measure_plan plan = measure_plan_of(argc, argv);
    bool quick = argc > 1 && strcmp(argv[1], "--quick") == 0;
    size_t octets = quick ? QUICK_OCTETS : DEFAULT_OCTETS, draws = quick ? QUICK_DRAWS : DEFAULT_DRAWS;
    struct everything all = {.dns = {answer, never}, .signer = corpus_signer_create(CORPUS_RSA_2048)};
    corpus_message_make(&all.message, &(struct corpus_recipe){{all.signer}, CANON_RELAXED, CORPUS_TEXT, 2048, 1});
    printf("Verification of a 2 KB message, key cache of %zu MiB: CPU microseconds, median of %u rounds by turns; ratio: to the last\n"
           "row\n\n",
           octets >> 20, plan.rounds);
    print_hit_ratios(plan, &all, octets, draws);
    printf("\n");
    print_domains(plan, &all, octets, draws);
    printf("\nOne and two workers with one key cache: CPU microseconds of a call, ratio of the two, how many times as fast two are by the\n"
           "clock, and how often one of two waited for the other in a million calls\n\n");
    print_workers(plan, &all, quick);
    corpus_message_release(&all.message);
    corpus_signer_destroy(all.signer);
    return plan.json == NULL || fclose(plan.json) == 0 ? 0 : 1;
}
