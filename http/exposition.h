/* http/exposition.h -- everything there is to count, as text for Prometheus: its text format 0.0.4, or OpenMetrics 1.0.
 * Families in the order of metrics.def, then those of domains, process and build; every series of metrics.def is there
 * from the start. Reads the sources as their headers say, from any thread; allocates. 0.1 ms; 0.5 ms with 1,000 domains (bench/bench_scrape).
 * Limits: series are bounded by metrics.def and the domains exported and the rows of rules; nothing else from outside becomes a label. */
#pragma once
#include <stdbool.h>
#include "base/bytes.h"
#include "base/span.h"

struct domain_stats;
struct metrics;
struct named_counts;

struct build_info { const char *version, *revision, *openssl, *unbound; }; /* NULL: not known */

struct exposition_source {
    const struct metrics *metrics;
    struct domain_stats *domains; /* NULL: no such families */
    struct build_info build;
    struct named_counts *rule_counts; /* NULL: no such families; its kinds are hits, shadow hits, errors */
};

enum exposition_format { EXPOSITION_TEXT, EXPOSITION_OPENMETRICS };

/* OpenMetrics when an Accept field's value names it and likes it at least as much as text/plain. */
enum exposition_format exposition_format_for(struct span accept);
const char *exposition_content_type(enum exposition_format format);

/* Appends all of it. False: no memory, or over out's cap. */
bool exposition_write(const struct exposition_source *source, enum exposition_format format, struct bytes *out);
