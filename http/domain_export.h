/* http/domain_export.h -- which signing domains have series of their own in /metrics, and what these show.
 * At most a fixed number: the last quarter of the places is kept for domains with at least DOMAIN_EXPORT_EARNED
 * signatures, and a domain stays for 24 hours at least, afterwards until a busier one wants its place (weights halve once
 * a day). Domains that are always exported have places beside these. No exported series ever goes back, that of other
 * neither: what was once shown in other stays there when its domain gets a series of its own; what a domain had that loses
 * its series moves to other. An exported domain is pinned in the table.
 * No clock or lock of its own: called with the table's lock held. Cost: a walk over 400 KiB, about 0.1 ms. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/span.h"
#include "http/domain_result.h"

enum { DOMAIN_EXPORT_MAX = 1000, DOMAIN_EXPORT_ALWAYS_MAX = 1000, DOMAIN_EXPORT_EARNED = 100 };

struct arena;
struct domain_export;
struct stats_table;

struct domain_row { struct span domain; uint64_t count[DOMAIN_RESULT_COUNT]; }; /* domain: lower-case A-labels */

struct domain_report {
    size_t row_count;
    struct domain_row *rows;             /* in order of the names */
    uint64_t other[DOMAIN_RESULT_COUNT]; /* all that is not in rows */
    uint64_t total[DOMAIN_RESULT_COUNT]; /* rows and other together */
    size_t tracked;                      /* domains in the table */
    uint64_t evicted;                    /* times a domain lost its slot */
    struct arena *names;                 /* the report's own */
};
void domain_report_release(struct domain_report *report);

/* At most exported_max domains (0 to DOMAIN_EXPORT_MAX), and those that are always exported. NULL: no memory. */
struct domain_export *domain_export_create(unsigned exported_max);
void domain_export_destroy(struct domain_export *export); /* accepts NULL */
/* Exports domain (lower-case A-labels) for ever, from 0 on. False: no memory or no place. */
bool domain_export_always(struct domain_export *export, struct stats_table *table, struct span domain);
/* Decides which domains are exported at now_us (monotonic) and reports them. False: no memory, *report is empty. */
bool domain_export_run(struct domain_export *export, struct stats_table *table, int64_t now_us,
                       struct domain_report *report);
