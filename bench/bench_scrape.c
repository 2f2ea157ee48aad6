/* bench/bench_scrape.c -- what one look at /metrics costs: making the page, in both forms, without and with gzip, for a
 * daemon that has just begun and for one that exports 1,000 domains and has four workers that counted in every series. */
#include <stdio.h>
#include <stdlib.h>
#include "base/bytes.h"
#include "base/metrics.h"
#include "bench/measure.h"
#include "http/compress.h"
#include "http/domain_stats.h"
#include "http/exposition.h"
#include "http/process_stats.h"

enum { PAGE_MAX = 16 << 20, WORKERS = 4, DOMAINS = 1000 };

struct page {
    const char *name;
    struct exposition_source source;
    enum exposition_format format;
    bool gzip;
    struct bytes text, small;
};

static void make_page(void *context, size_t i) {
    struct page *page = context;
    (void)i;
    bytes_clear(&page->text);
    bytes_clear(&page->small);
    if (!exposition_write(&page->source, page->format, &page->text) || (page->gzip && !compress_gzip(bytes_span(&page->text), &page->small)))
        abort();
}

static void read_process(void *context, size_t i) {
    (void)context, (void)i;
    struct process_stats stats;
    if (!process_stats_read(&stats)) abort();
}

/* Large numbers in every series: they are the longest to write. */
static void fill(struct metrics *metrics, struct domain_stats *domains) {
    for (int w = 0; w < WORKERS; w++) {
        struct metrics_worker *worker = metrics_worker_create(metrics);
        for (int id = 0; id < METRIC_COUNT; id++) {
            const struct metric_family *family = metrics_family((enum metric)id);
            for (unsigned a = 0; a < family->label[0]->value_count; a++) {
                for (unsigned b = 0; b < family->label[1]->value_count; b++)
                    if (family->type == METRIC_TYPE_COUNTER) metrics_add(worker, (enum metric)id, a, b, 123456789u * (a + 1) + b);
                for (uint64_t value = 1; family->type == METRIC_TYPE_HISTOGRAM && value < 100000000; value = value * 3 + 1)
                    metrics_observe(worker, (enum metric)id, a, value);
            }
        }
    }
    struct domain_stats_worker *worker = domain_stats_worker_create(domains);
    for (unsigned i = 0; i < DOMAINS * 150; i++) {
        char name[64];
        int len = snprintf(name, sizeof name, "mail%u.department%u.example.com", i % DOMAINS, i % 7);
        domain_stats_add(worker, (struct span){name, (size_t)len}, true, (enum domain_result)(i % DOMAIN_RESULT_COUNT));
    }
}

static void print(const char *name, const struct measured *measured, const struct page *page) {
    printf("%-44s %8.1f us CPU (%.1f to %.1f)", name, measured->median_us, measured->least_us, measured->most_us);
    if (page != NULL) printf("  %7zu octets", page->gzip ? page->small.len : page->text.len);
    printf("\n");
}

int main(int argc, char **argv) {
    struct metrics *fresh = metrics_create(), *full = metrics_create();
    struct domain_stats *none = domain_stats_create(100, &clock_system), *thousand = domain_stats_create(DOMAINS, &clock_system);
    if (fresh == NULL || full == NULL || none == NULL || thousand == NULL) return 1;
    const struct build_info build = {"0.1.0", "0123456789ab", "OpenSSL 3.0.0", "1.17.1"};
    fill(full, thousand);
    struct page pages[] = {
        {"at the start, text", {fresh, none, build}, EXPOSITION_TEXT, false},
        {"at the start, text, gzip", {fresh, none, build}, EXPOSITION_TEXT, true},
        {"1,000 domains, text", {full, thousand, build}, EXPOSITION_TEXT, false},
        {"1,000 domains, OpenMetrics", {full, thousand, build}, EXPOSITION_OPENMETRICS, false},
        {"1,000 domains, text, gzip", {full, thousand, build}, EXPOSITION_TEXT, true},
        {"1,000 domains, OpenMetrics, gzip", {full, thousand, build}, EXPOSITION_OPENMETRICS, true},
    };
    enum { PAGES = sizeof pages / sizeof *pages };
    struct work works[PAGES + 1];
    struct measured measured[PAGES + 1];
    for (size_t i = 0; i < PAGES; i++) {
        pages[i].text = pages[i].small = bytes_with_cap(PAGE_MAX);
        works[i] = (struct work){make_page, &pages[i]};
    }
    works[PAGES] = (struct work){read_process, NULL};
    measure(measure_plan_of(argc, argv), works, PAGES + 1, measured);
    printf("one look at /metrics\n");
    for (size_t i = 0; i < PAGES; i++) print(pages[i].name, &measured[i], &pages[i]);
    print("of it, what /proc tells of the process", &measured[PAGES], NULL);
    for (size_t i = 0; i < PAGES; i++) bytes_release(&pages[i].text), bytes_release(&pages[i].small);
    domain_stats_destroy(none);
    domain_stats_destroy(thousand);
    metrics_destroy(fresh);
    metrics_destroy(full);
    return 0;
}
