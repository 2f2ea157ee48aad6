/* bench_stats.c -- what the statistics of signing domains cost: a signature counted, a scrape, a page, and their
 * memory. Three kinds of traffic: 1,000 domains whose use follows Zipf's law; the same amid as many signatures of
 * made-up domains without a key; and 1,000,000 domains that all have keys, so that nearly every signature takes a
 * stranger's place. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "bench/measure.h"
#include "http/domain_stats.h"
#include "http/stats_view.h"
#include "verifier/result.h"

enum { DOMAINS = 1000, CROWD = 1000000, DRAWS = 1 << 16 };

struct task {
    struct domain_stats *stats;
    struct domain_stats_worker *worker;
    enum { ZIPF, NO_KEYS, ALL_KEYS } kind;
    uint32_t random;
};

static unsigned short draws[DRAWS]; /* ranks, as often as Zipf's law wants */

static void fill_draws(void) {
    double sum = 0, reached = 0;
    size_t at = 0;
    for (unsigned rank = 0; rank < DOMAINS; rank++) sum += 1.0 / (rank + 1);
    for (unsigned rank = 0; rank < DOMAINS; rank++) {
        reached += DRAWS / ((rank + 1) * sum);
        while (at < DRAWS && (double)at < reached) draws[at++] = (unsigned short)rank;
    }
}

static void count_one(void *context, size_t i) {
    struct task *task = context;
    char name[48];
    (void)i;
    task->random = task->random * 1664525 + 1013904223;
    bool is_known = task->kind == ZIPF || (task->kind == NO_KEYS && (task->random >> 31) != 0);
    unsigned number = is_known ? draws[task->random >> 8 & (DRAWS - 1)] : (task->random >> 8) % CROWD;
    /* As snprintf would write it, which costs as much as all of the counting. */
    char *at = name + sizeof name;
    static const char end[] = ".mail.example";
    memcpy(at -= sizeof end - 1, end, sizeof end - 1);
    for (unsigned rest = number; rest > 0 || at[0] == '.'; rest /= 10) *--at = (char)('0' + rest % 10);
    *--at = is_known ? 'd' : 'x';
    struct dkim_result signature = {
        .result = number % 20 == 0 ? RESULT_FAIL : RESULT_PASS,
        .code = number % 20 == 0 ? DKIM_BODY_HASH_MISMATCH : DKIM_OK,
        .domain = {at, (size_t)(name + sizeof name - at)},
        .selector = span_of("selector1"),
        .has_key_answer = true,
        .dnssec = DNSSEC_SECURE,
        .records_tried = is_known || task->kind == ALL_KEYS,
        .key_algorithm = KEY_RSA,
        .key_bits = 2048,
        .has_key_fingerprint = true,
    };
    domain_stats_add_signature(task->worker, &signature);
}

static void export_all(void *context, size_t i) {
    struct task *task = context;
    struct domain_report report;
    count_one(context, i);
    if (!domain_stats_export(task->stats, &report)) exit(1);
    domain_report_release(&report);
}

static void take_page(void *context, size_t i) {
    struct task *task = context;
    struct stats_view view;
    count_one(context, i);
    if (!stats_view_take(task->stats, STATS_7D, STATS_BY_FAILURES, &view)) exit(1);
    stats_view_release(&view);
}

/* After CROWD signatures rows and the rest must be all of them; a bench of wrong counts is worth nothing. */
static bool sums_hold(struct domain_stats *stats) {
    struct stats_view view;
    if (!stats_view_take(stats, STATS_7D, STATS_BY_MESSAGES, &view)) return false;
    uint64_t sum = domain_counts_sum(view.untracked);
    for (size_t row = 0; row < view.row_count; row++) sum += domain_counts_sum(view.rows[row].count);
    bool hold = sum == CROWD && domain_counts_sum(view.total) == CROWD;
    stats_view_release(&view);
    return hold;
}

static double resident_mib(void) {
    unsigned long size = 0, resident = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    if (file == NULL || fscanf(file, "%lu %lu", &size, &resident) != 2) resident = 0;
    if (file != NULL) fclose(file);
    return (double)resident * (double)sysconf(_SC_PAGESIZE) / (1 << 20);
}

int main(int argc, char **argv) {
    static const char *const names[] = {[ZIPF] = "1,000 domains, Zipf",
                                        [NO_KEYS] = "and as many without key",
                                        [ALL_KEYS] = "1,000,000 domains, all with key"};
    enum { KINDS = ALL_KEYS + 1 };
    struct measure_plan plan = measure_plan_of(argc, argv);
    fill_draws();
    printf("Statistics of signing domains, CPU time, median of %u rounds\n\n%-32s %12s %10s %12s %8s\n", plan.rounds,
           "traffic", "signature ns", "scrape us", "7 d view us", "MiB");
    for (unsigned kind = 0; kind < KINDS; kind++) {
        double before = resident_mib();
        struct domain_stats *stats = domain_stats_create(100, &clock_system);
        struct task task = {stats, domain_stats_worker_create(stats), kind, 1};
        if (task.worker == NULL) return 1;
        for (size_t i = 0; i < CROWD; i++) count_one(&task, i);
        double memory = resident_mib() - before;
        if (!sums_hold(stats)) return fprintf(stderr, "%s: the sums are wrong\n", names[kind]), 1;
        const struct work works[] = {{count_one, &task}, {export_all, &task}, {take_page, &task}};
        struct measured measured[3];
        measure(plan, works, 3, measured);
        printf("%-32s %12.0f %10.0f %12.0f %8.1f\n", names[kind], measured[0].median_us * 1000, measured[1].median_us,
               measured[2].median_us, memory);
        domain_stats_destroy(stats);
    }
    return 0;
}
