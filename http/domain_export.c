#include "http/domain_export.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include "base/arena.h"
#include "http/space_saving.h"
#include "http/stats_table.h"

enum { NAME_MAX_OCTETS = 253 };
static const int64_t DAY_US = INT64_C(24) * 3600 * 1000000;

/* A domain with series of its own. It shows its counts, plus carry. */
struct place {
    uint32_t slot;
    uint64_t carry[DOMAIN_RESULT_COUNT]; /* modulo 2^64: less what other had shown */
    int64_t since_us;
};

struct domain_export {
    unsigned exported_max;
    unsigned always_count, count; /* those that are always exported stand first */
    int64_t halved_us;            /* valid when was_run */
    bool was_run;
    struct place *places;
};

struct candidate {
    uint32_t slot;
    uint64_t weight;
    struct span name;
};

struct domain_export *domain_export_create(unsigned exported_max) {
    assert(exported_max <= DOMAIN_EXPORT_MAX);
    struct domain_export *export = calloc(1, sizeof *export);
    if (export == NULL) return NULL;
    export->exported_max = exported_max;
    export->places = calloc(exported_max + DOMAIN_EXPORT_ALWAYS_MAX, sizeof *export->places);
    if (export->places == NULL) return free(export), NULL;
    return export;
}

void domain_export_destroy(struct domain_export *export) {
    if (export == NULL) return;
    free(export->places);
    free(export);
}

void domain_report_release(struct domain_report *report) {
    arena_destroy(report->names);
    free(report->rows);
    *report = (struct domain_report){0};
}

static int by_name(struct span a, struct span b) {
    int order = memcmp(a.ptr, b.ptr, a.len < b.len ? a.len : b.len);
    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

static int by_weight(const void *a, const void *b) {
    const struct candidate *x = a, *y = b;
    if (x->weight != y->weight) return x->weight < y->weight ? 1 : -1;
    return by_name(x->name, y->name);
}

static uint64_t counted(const struct stats_table *table, uint32_t slot) {
    return domain_counts_sum(table->tally[slot].count);
}

/* Domains without series that have at least so many signatures and weight, the heaviest first; the caller frees the
 * array. NULL: no memory. */
static struct candidate *find_candidates(const struct stats_table *table, uint64_t count_min, uint64_t weight_min,
                                         size_t *count) {
    uint32_t slots = space_saving_count(table->names);
    struct candidate *candidates = malloc((slots + 1) * sizeof *candidates);
    *count = 0;
    for (uint32_t slot = 0; candidates != NULL && slot < slots; slot++) {
        if (table->tally[slot].is_exported || counted(table, slot) < count_min) continue;
        uint64_t weight = space_saving_weight(table->names, slot);
        if (weight >= weight_min)
            candidates[(*count)++] = (struct candidate){slot, weight, space_saving_name(table->names, slot)};
    }
    if (*count > 1) qsort(candidates, *count, sizeof *candidates, by_weight);
    return candidates;
}

/* Gives the slot's domain the place; what other has shown of it stays in other. */
static void take_place(struct place *place, struct stats_table *table, uint32_t slot, int64_t now_us) {
    *place = (struct place){.slot = slot, .since_us = now_us};
    domain_counts_subtract(place->carry, table->tally[slot].noted);
    table->tally[slot].is_exported = true;
    space_saving_pin(table->names, slot, true);
}

bool domain_export_always(struct domain_export *export, struct stats_table *table, struct span domain) {
    uint32_t slot = stats_table_enter(table, domain, 0);
    if (slot == SPACE_SAVING_NONE || export->count > export->always_count) return false;
    if (table->tally[slot].is_exported) return true;
    if (export->always_count == DOMAIN_EXPORT_ALWAYS_MAX) return false;
    take_place(&export->places[export->always_count], table, slot, 0);
    export->count = ++export->always_count;
    return true;
}

static void fill_free_places(struct domain_export *export, struct stats_table *table, int64_t now_us) {
    unsigned open = export->always_count + export->exported_max - export->exported_max / 4;
    unsigned all = export->always_count + export->exported_max;
    size_t count;
    if (export->count == all) return;
    struct candidate *candidates = find_candidates(table, export->count < open ? 0 : DOMAIN_EXPORT_EARNED, 0, &count);
    for (size_t i = 0; i < count && export->count < all; i++)
        if (export->count < open || counted(table, candidates[i].slot) >= DOMAIN_EXPORT_EARNED)
            take_place(&export->places[export->count++], table, candidates[i].slot, now_us);
    free(candidates); /* without memory for them there is no change this time */
}

static uint64_t weight_of(const struct stats_table *table, const struct place *place) {
    return space_saving_weight(table->names, place->slot);
}

/* The lightest domain whose day is over; NULL when there is none. */
static struct place *find_replaceable(const struct domain_export *export, const struct stats_table *table,
                                      int64_t now_us) {
    struct place *lightest = NULL;
    for (struct place *at = export->places + export->always_count; at < export->places + export->count; at++)
        if (now_us - at->since_us >= DAY_US && (lightest == NULL || weight_of(table, at) < weight_of(table, lightest)))
            lightest = at;
    return lightest;
}

static void replace_lighter(struct domain_export *export, struct stats_table *table, int64_t now_us) {
    size_t count;
    struct place *place = find_replaceable(export, table, now_us);
    if (place == NULL) return;
    struct candidate *candidates = find_candidates(table, 0, weight_of(table, place) + 1, &count);
    for (size_t i = 0; i < count && place != NULL && weight_of(table, place) < candidates[i].weight; i++) {
        space_saving_pin(table->names, place->slot, false);
        table->tally[place->slot].is_exported = false;
        take_place(place, table, candidates[i].slot, now_us);
        place = find_replaceable(export, table, now_us);
    }
    free(candidates);
}

/* What is shown from now on, be it in other or in a series. */
static void note_counts(struct stats_table *table) {
    for (uint32_t slot = 0; slot < space_saving_count(table->names); slot++)
        memcpy(table->tally[slot].noted, table->tally[slot].count, sizeof table->tally[slot].noted);
}

static int rows_by_name(const void *a, const void *b) {
    return by_name(((const struct domain_row *)a)->domain, ((const struct domain_row *)b)->domain);
}

/* False: no memory for a name. */
static bool fill_rows(const struct domain_export *export, const struct stats_table *table,
                      struct domain_report *report) {
    memcpy(report->other, report->total, sizeof report->other);
    for (const struct place *place = export->places; place < export->places + export->count; place++) {
        struct domain_row *row = &report->rows[report->row_count++];
        row->domain = arena_copy(report->names, space_saving_name(table->names, place->slot));
        if (row->domain.ptr == NULL) return false;
        memcpy(row->count, place->carry, sizeof row->count);
        domain_counts_add(row->count, table->tally[place->slot].count);
        domain_counts_subtract(report->other, row->count);
    }
    if (report->row_count > 1) qsort(report->rows, report->row_count, sizeof *report->rows, rows_by_name);
    return true;
}

static void halve_daily(struct domain_export *export, struct stats_table *table, int64_t now_us) {
    if (export->was_run && now_us - export->halved_us < DAY_US) return;
    if (export->was_run) space_saving_halve(table->names);
    export->was_run = true;
    export->halved_us = now_us;
}

bool domain_export_run(struct domain_export *export, struct stats_table *table, int64_t now_us,
                       struct domain_report *report) {
    size_t room = export->always_count + export->exported_max + 1;
    *report = (struct domain_report){.rows = malloc(room * sizeof *report->rows),
                                     .names = arena_create(room * (NAME_MAX_OCTETS + 32))};
    if (report->rows == NULL || report->names == NULL) return domain_report_release(report), false;
    fill_free_places(export, table, now_us);
    replace_lighter(export, table, now_us);
    halve_daily(export, table, now_us);
    note_counts(table);
    memcpy(report->total, table->total, sizeof report->total);
    report->tracked = space_saving_count(table->names);
    report->evicted = space_saving_evictions(table->names);
    if (fill_rows(export, table, report)) return true;
    domain_report_release(report);
    return false;
}
