#include "http/stats_view.h"
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/arena.h"
#include "base/ascii.h"
#include "http/space_saving.h"
#include "http/stats_table.h"
#include "verifier/domain_name.h"

_Static_assert((int)STATS_SELECTORS_MAX == (int)STATS_KEYS_A_DOMAIN, "all keys of a domain are shown");
_Static_assert((int)STATS_CLIENT_OCTETS == sizeof((struct stats_domain){0}.through), "whole");
_Static_assert((int)STATS_SELECTOR_OCTETS_MAX == (int)STATS_KEY_SELECTOR_MAX, "whole");

/* A window in the units of its ring. */
static const struct {
    const char *word;
    uint32_t step_s, points;
} windows[] = {
#define X(id, word, step_s, points) [id] = {word, step_s, points},
    STATS_WINDOWS(X)
#undef X
};

static const char *const sorts[] = {
#define X(id, word) [id] = word,
    STATS_SORTS(X)
#undef X
};

const char *stats_window_word(enum stats_window window) { return windows[window].word; }
const char *stats_sort_word(enum stats_sort sort) { return sorts[sort]; }

bool stats_window_parse(struct span word, enum stats_window *window) {
    for (unsigned i = 0; i < STATS_WINDOW_COUNT; i++)
        if (span_is(word, windows[i].word)) return *window = (enum stats_window)i, true;
    return false;
}

bool stats_sort_parse(struct span word, enum stats_sort *sort) {
    for (unsigned i = 0; i < STATS_SORT_COUNT; i++)
        if (span_is(word, sorts[i])) return *sort = (enum stats_sort)i, true;
    return false;
}

/* --- Windows: from the first to the last unit of time, both included. --- */

struct range {
    bool is_minutes;
    uint32_t first, last, step_s;
};

static struct range range_of(enum stats_window window, int64_t now_s) {
    struct range range = {.is_minutes = windows[window].step_s == 60, .step_s = windows[window].step_s};
    range.last = (uint32_t)(now_s > 0 ? now_s / range.step_s : 0);
    range.first = range.last >= windows[window].points ? range.last - windows[window].points + 1 : 0;
    return range;
}

static int64_t start_of(struct range range) { return (int64_t)range.first * range.step_s; }

static void sum_domain(const struct stats_entry *entry, struct range range, uint64_t count[DOMAIN_RESULT_COUNT]) {
    if (range.is_minutes)
        stats_ring_sum(&entry->minutes, entry->minute_cells, stats_domain_minutes, range.first, range.last, count);
    else
        stats_ring_sum(&entry->hours, entry->hour_cells, stats_domain_hours, range.first, range.last, count);
}

static const uint32_t *row_of_domain(const struct stats_entry *entry, struct range range, uint32_t at) {
    return range.is_minutes ? stats_ring_row(&entry->minutes, entry->minute_cells, stats_domain_minutes, at)
                            : stats_ring_row(&entry->hours, entry->hour_cells, stats_domain_hours, at);
}

static const uint32_t *row_of_all(const struct stats_table *table, struct range range, uint32_t at) {
    return range.is_minutes ? stats_ring_row(&table->minutes, table->minute_cells, stats_all_minutes, at)
                            : stats_ring_row(&table->hours, table->hour_cells, stats_all_hours, at);
}

/* The point of the unit of time at; cells: its row, or NULL. */
static struct stats_point point_of(struct range range, uint32_t at, const uint32_t *cells) {
    struct stats_point point = {.start_s = (int64_t)at * range.step_s};
    for (unsigned i = 0; cells != NULL && i < DOMAIN_RESULT_COUNT; i++) point.count[i] = cells[i];
    return point;
}

/* --- All domains. --- */

static void fill_totals(const struct stats_table *table, struct range range, struct stats_view *view) {
    for (uint32_t at = range.first; at <= range.last; at++) {
        const uint32_t *cells = row_of_all(table, range, at);
        view->points[view->point_count++] = point_of(range, at, cells);
        if (cells == NULL) continue;
        for (unsigned i = 0; i < DOMAIN_RESULT_COUNT; i++) view->total[i] += cells[i];
        for (unsigned i = 0; i < CAUSE_COUNT; i++) view->cause[i] += cells[STATS_COLUMN_CAUSE + i];
        for (unsigned i = 0; i < DNSSEC_STATE_COUNT; i++) view->dnssec[i] += cells[STATS_COLUMN_DNSSEC + i];
    }
    memcpy(view->untracked, view->total, sizeof view->untracked);
    view->tracked = space_saving_count(table->names);
    view->evicted = space_saving_evictions(table->names);
}

static enum cause most_frequent(const uint32_t count[CAUSE_COUNT]) {
    unsigned most = 0;
    for (unsigned i = 1; i < CAUSE_COUNT; i++)
        if (count[i] > count[most]) most = i;
    return count[most] > 0 ? (enum cause)most : CAUSE_NONE;
}

/* How many keys, and the two selectors used last. False: no memory for their names. */
static bool fill_selectors(const struct stats_table *table, const struct stats_entry *entry, struct arena *names, struct stats_row *row) {
    for (const struct stats_key *key = stats_keys_first(table->keys, &entry->keys); key != NULL; key = stats_keys_next(table->keys, key)) {
        struct span name = {key->selector, key->selector_len};
        struct span *place = row->selectors == 0 ? &row->selector : &row->selector_before;
        if (place->len == 0 && !span_equal(name, row->selector)) {
            *place = arena_copy(names, name);
            if (place->ptr == NULL) return false;
        }
        row->selectors++;
    }
    return true;
}

/* Appends the slot's row when it has one in the window. False: no memory for its name. */
static bool append_row(const struct stats_table *table, uint32_t slot, struct range range, struct stats_view *view) {
    const struct stats_entry *entry = &table->entry[slot];
    struct stats_row *row = &view->rows[view->row_count];
    *row = (struct stats_row){.first_seen_s = entry->first_seen_s, .last_seen_s = entry->last_seen_s};
    if (entry->last_seen_s < view->from_s) return true;
    sum_domain(entry, range, row->count);
    if (domain_counts_sum(row->count) == 0) return true;
    row->domain = arena_copy(view->names, space_saving_name(table->names, slot));
    if (row->domain.ptr == NULL) return false;
    row->has_dnssec = entry->has_dnssec;
    row->dnssec = (enum dnssec_state)entry->dnssec_newest;
    if (!fill_selectors(table, entry, view->names, row)) return false;
    row->cause = most_frequent(entry->cause);
    row->watch = stats_watch_all(table->keys, &entry->keys, view->from_s);
    domain_counts_subtract(view->untracked, row->count);
    view->row_count++;
    return true;
}

/* What rows are sorted by, the greater first; then by name. */
struct sort_key {
    uint64_t first, second;
    struct span name;
};

static struct sort_key key_of(const struct stats_row *row, enum stats_sort sort) {
    uint64_t all = domain_counts_sum(row->count);
    return (struct sort_key){sort == STATS_BY_FAILURES ? row->count[DOMAIN_FAIL] : all, all, row->domain};
}

static int compare(struct sort_key a, struct sort_key b) {
    if (a.first != b.first) return a.first < b.first ? 1 : -1;
    if (a.second != b.second) return a.second < b.second ? 1 : -1;
    int order = memcmp(a.name.ptr, b.name.ptr, a.name.len < b.name.len ? a.name.len : b.name.len);
    return order != 0 ? order : (a.name.len > b.name.len) - (a.name.len < b.name.len);
}

static int by_messages(const void *a, const void *b) {
    return compare(key_of(a, STATS_BY_MESSAGES), key_of(b, STATS_BY_MESSAGES));
}
static int by_failures(const void *a, const void *b) {
    return compare(key_of(a, STATS_BY_FAILURES), key_of(b, STATS_BY_FAILURES));
}

/* With the table locked. False: no memory. */
static bool fill_view(const struct stats_table *table, struct stats_view *view) {
    struct range range = range_of(view->window, view->now_s);
    uint32_t slots = space_saving_count(table->names);
    view->from_s = start_of(range);
    view->names = arena_create(((size_t)slots + 1) * (DOMAIN_NAME_MAX + 2 * STATS_SELECTOR_OCTETS_MAX + 3 * 16));
    view->rows = malloc(((size_t)slots + 1) * sizeof *view->rows);
    bool ok = view->names != NULL && view->rows != NULL;
    fill_totals(table, range, view);
    for (uint32_t slot = 0; ok && slot < slots; slot++) ok = append_row(table, slot, range, view);
    return ok;
}

bool stats_view_take(struct domain_stats *stats, enum stats_window window, enum stats_sort sort,
                     struct stats_view *view) {
    *view = (struct stats_view){.window = window, .sort = sort};
    const struct stats_table *table = domain_stats_lock(stats, &view->now_s);
    bool ok = fill_view(table, view);
    domain_stats_unlock(stats);
    if (!ok) return stats_view_release(view), false;
    if (view->row_count > 1)
        qsort(view->rows, view->row_count, sizeof *view->rows, sort == STATS_BY_FAILURES ? by_failures : by_messages);
    return true;
}

void stats_view_release(struct stats_view *view) {
    arena_destroy(view->names);
    free(view->rows);
    *view = (struct stats_view){0};
}

/* --- Pages. A cursor is "first~second~name" of the last row's sort key. --- */

static bool read_number(struct span *text, uint64_t *number) {
    size_t len = span_find(*text, '~');
    *number = 0;
    if (len == 0 || len > 18 || len == text->len) return false;
    for (size_t i = 0; i < len; i++) {
        if (!ascii_is_digit(text->ptr[i])) return false;
        *number = *number * 10 + (uint64_t)(text->ptr[i] - '0');
    }
    *text = span_after(*text, len + 1);
    return true;
}

bool stats_view_seek(const struct stats_view *view, struct span cursor, size_t *index) {
    struct sort_key last;
    char name[DOMAIN_NAME_MAX];
    *index = 0;
    if (cursor.len == 0) return true;
    if (!read_number(&cursor, &last.first) || !read_number(&cursor, &last.second)) return false;
    last.name = cursor;
    if (domain_name_write(cursor, true, name) == 0) return false;
    size_t least = 0, most = view->row_count;
    while (least < most) { /* the first row behind */
        size_t middle = least + (most - least) / 2;
        if (compare(key_of(&view->rows[middle], view->sort), last) > 0)
            most = middle;
        else
            least = middle + 1;
    }
    *index = least;
    return true;
}

size_t stats_view_cursor(const struct stats_view *view, size_t index, char out[STATS_CURSOR_MAX]) {
    char text[STATS_CURSOR_MAX + 1];
    assert(index < view->row_count);
    struct sort_key key = key_of(&view->rows[index], view->sort);
    int len = snprintf(text, sizeof text, "%llu~%llu~%.*s", (unsigned long long)key.first,
                       (unsigned long long)key.second, (int)key.name.len, key.name.ptr);
    memcpy(out, text, (size_t)len);
    return (size_t)len;
}

/* --- One domain. --- */

static bool append_selector(const struct stats_table *table, const struct stats_entry *entry,
                            const struct stats_key *key, int64_t from_s, struct stats_domain *out) {
    unsigned watch = stats_watch_key(table->keys, &entry->keys, key, from_s);
    struct stats_selector *selector = &out->selectors[out->selector_count];
    *selector = (struct stats_selector){
        .selector = arena_copy(out->names, (struct span){key->selector, key->selector_len}),
        .has_fingerprint = key->has_fingerprint,
        .algorithm = (enum key_algorithm)key->algorithm,
        .bits = key->bits,
        .testing = key->testing,
        .revoked = key->revoked,
        .is_old = (watch & 1U << STATS_WATCH_OLD_SELECTOR) != 0,
        .is_changed = (watch & 1U << STATS_WATCH_KEY_CHANGED) != 0,
        .dnssec = (enum dnssec_state)key->dnssec,
        .first_seen_s = key->first_seen_s,
        .last_seen_s = key->last_seen_s,
    };
    memcpy(selector->fingerprint, key->fingerprint, sizeof selector->fingerprint);
    memcpy(selector->count, key->count, sizeof selector->count);
    out->watch |= watch;
    out->selector_count++;
    return selector->selector.ptr != NULL;
}

static bool fill_domain(const struct stats_table *table, uint32_t slot, struct stats_domain *out) {
    const struct stats_entry *entry = &table->entry[slot];
    struct range range = range_of(out->window, out->now_s);
    bool ok = true;
    out->first_seen_s = entry->first_seen_s;
    out->last_seen_s = entry->last_seen_s;
    for (unsigned i = 0; i < STATS_WINDOW_COUNT; i++)
        sum_domain(entry, range_of((enum stats_window)i, out->now_s), out->count[i]);
    for (unsigned i = 0; i < CAUSE_COUNT; i++) out->cause[i] = entry->cause[i];
    for (unsigned i = 0; i < DNSSEC_STATE_COUNT; i++) out->dnssec[i] = entry->dnssec[i];
    if (!entry->through_varies && entry->passes_elsewhere) out->failures_through = entry->failures;
    memcpy(out->through, entry->through, sizeof out->through);
    for (uint32_t at = range.first; at <= range.last; at++)
        out->points[out->point_count++] = point_of(range, at, row_of_domain(entry, range, at));
    for (const struct stats_key *key = stats_keys_first(table->keys, &entry->keys); ok && key != NULL;
         key = stats_keys_next(table->keys, key))
        ok = append_selector(table, entry, key, start_of(range), out);
    return ok;
}

enum stats_found stats_domain_take(struct domain_stats *stats, struct span domain, enum stats_window window,
                                   struct stats_domain *out) {
    char room[DOMAIN_NAME_MAX];
    struct span name = {room, domain_name_write(domain, true, room)};
    *out = (struct stats_domain){0};
    if (name.len == 0) return STATS_NOT_TRACKED;
    struct arena *names = arena_create(DOMAIN_NAME_MAX + STATS_SELECTORS_MAX * (STATS_SELECTOR_OCTETS_MAX + 32) + 32);
    if (names == NULL) return STATS_NO_MEMORY;
    *out = (struct stats_domain){.window = window, .names = names, .domain = arena_copy(names, name)};
    const struct stats_table *table = domain_stats_lock(stats, &out->now_s);
    uint32_t slot = space_saving_find(table->names, name);
    enum stats_found found = slot == SPACE_SAVING_NONE ? STATS_NOT_TRACKED : STATS_FOUND;
    if (found == STATS_FOUND && (out->domain.ptr == NULL || !fill_domain(table, slot, out))) found = STATS_NO_MEMORY;
    domain_stats_unlock(stats);
    if (found != STATS_FOUND) stats_domain_release(out);
    return found;
}

void stats_domain_release(struct stats_domain *domain) {
    arena_destroy(domain->names);
    *domain = (struct stats_domain){0};
}

bool stats_domain_glance(struct domain_stats *stats, struct span domain, int64_t *first_seen_s, uint64_t *day) {
    int64_t now_s;
    const struct stats_table *table = domain_stats_lock(stats, &now_s);
    uint32_t slot = space_saving_find(table->names, domain);
    if (slot != SPACE_SAVING_NONE) {
        uint64_t count[DOMAIN_RESULT_COUNT] = {0};
        sum_domain(&table->entry[slot], range_of(STATS_24H, now_s), count);
        *first_seen_s = table->entry[slot].first_seen_s;
        *day = domain_counts_sum(count);
    }
    domain_stats_unlock(stats);
    return slot != SPACE_SAVING_NONE;
}
