#include "http/stats_batch.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/arena.h"
#include "http/space_saving.h"
#include "http/stats_table.h"
#include "verifier/domain_name.h"

enum { MINUTE_S = 60, HOUR_S = 3600, WORD_MAX = 48, COUNTS_MAX = 8 << 20 };

/* The word of a column in the rings for all domains: "pass", "cause:body_other", "dnssec:secure". */
static struct span column_word(unsigned column, char room[WORD_MAX]) {
    int len = column < STATS_COLUMN_CAUSE
                  ? snprintf(room, WORD_MAX, "%s", domain_result_word((enum domain_result)column))
              : column < STATS_COLUMN_DNSSEC
                  ? snprintf(room, WORD_MAX, "cause:%s", cause_word((enum cause)(column - STATS_COLUMN_CAUSE)))
                  : snprintf(room, WORD_MAX, "dnssec:%s",
                             dnssec_state_word((enum dnssec_state)(column - STATS_COLUMN_DNSSEC)));
    return (struct span){room, (size_t)len};
}

/* STATS_COLUMNS: no word of ours. */
static unsigned column_of(struct span word) {
    char room[WORD_MAX];
    unsigned column = 0;
    while (column < STATS_COLUMNS && !span_equal(word, column_word(column, room))) column++;
    return column;
}

/* --- Out of the table. --- */

struct taking {
    struct stats_batch *batch;
    struct span words[STATS_COLUMNS]; /* in the batch's arena */
    bool ok;
};

static void put(struct taking *taking, struct span domain, uint32_t step_s, int64_t start_s, unsigned column,
                uint64_t n) {
    struct stats_batch *batch = taking->batch;
    if (n == 0 || !taking->ok) return;
    if (batch->count_count == batch->count_room) {
        size_t room = batch->count_room > 0 ? 2 * batch->count_room : 1024;
        struct stats_store_count *more = room <= COUNTS_MAX ? realloc(batch->counts, room * sizeof *more) : NULL;
        taking->ok = more != NULL;
        if (!taking->ok) return;
        batch->counts = more;
        batch->count_room = room;
    }
    batch->counts[batch->count_count++] = (struct stats_store_count){domain, step_s, start_s, taking->words[column], n};
}

static void put_ring(struct taking *taking, struct span domain, const struct stats_ring *ring, const uint32_t *cells,
                     struct stats_shape shape, uint32_t step_s, uint32_t from) {
    if (from < ring->first) from = ring->first;
    if (ring->end > shape.rows && from < ring->end - shape.rows) from = ring->end - shape.rows;
    for (uint32_t at = from; at < ring->end; at++) {
        const uint32_t *row = stats_ring_row(ring, cells, shape, at);
        for (unsigned column = 0; row != NULL && column < shape.columns; column++)
            put(taking, domain, step_s, (int64_t)at * step_s, column, row[column]);
    }
}

static void put_keys(struct taking *taking, struct span domain, const struct stats_table *table,
                     const struct stats_entry *entry, bool all) {
    struct stats_batch *batch = taking->batch;
    for (const struct stats_key *key = stats_keys_first(table->keys, &entry->keys); key != NULL;
         key = stats_keys_next(table->keys, key))
        if (all || key->is_unsaved) batch->keys[batch->key_count++] = (struct stats_store_key){domain, *key};
}

/* all: what a lost batch had is to be written once more. */
static void put_entry(struct taking *taking, const struct stats_table *table, uint32_t slot, uint32_t from, bool all) {
    const struct stats_entry *entry = &table->entry[slot];
    struct stats_batch *batch = taking->batch;
    struct span domain = arena_copy(batch->names, space_saving_name(table->names, slot));
    if (domain.ptr == NULL) taking->ok = false;
    if (!taking->ok) return;
    put_ring(taking, domain, &entry->minutes, entry->minute_cells, stats_domain_minutes, MINUTE_S, from);
    put_ring(taking, domain, &entry->hours, entry->hour_cells, stats_domain_hours, HOUR_S, from / 60);
    for (unsigned i = 0; i < CAUSE_COUNT; i++) put(taking, domain, 0, 0, STATS_COLUMN_CAUSE + i, entry->cause[i]);
    for (unsigned i = 0; i < DNSSEC_STATE_COUNT; i++)
        put(taking, domain, 0, 0, STATS_COLUMN_DNSSEC + i, entry->dnssec[i]);
    batch->domains[batch->domain_count++] = (struct stats_store_domain){
        domain, entry->first_seen_s, entry->last_seen_s,
        entry->has_dnssec ? span_of(dnssec_state_word((enum dnssec_state)entry->dnssec_newest))
                          : (struct span){NULL, 0}};
    put_keys(taking, domain, table, entry, all);
}

/* The first minute to be written of what changed at unsaved and lately: STATS_NO_TIME when there is nothing. */
static uint32_t first_to_write(uint32_t unsaved, const struct stats_ring *minutes, uint32_t retry_minute) {
    bool retries = retry_minute != STATS_NO_TIME && minutes->end > retry_minute;
    return retries && (unsaved == STATS_NO_TIME || unsaved > retry_minute) ? retry_minute : unsaved;
}

static void note_saved(struct stats_table *table) {
    table->unsaved_minute = STATS_NO_TIME;
    for (uint32_t slot = 0; slot < space_saving_count(table->names); slot++) {
        struct stats_entry *entry = &table->entry[slot];
        if (entry->unsaved_minute == STATS_NO_TIME) continue;
        entry->unsaved_minute = STATS_NO_TIME;
        for (struct stats_key *key = stats_keys_first(table->keys, &entry->keys); key != NULL;
             key = stats_keys_next(table->keys, key))
            key->is_unsaved = false;
    }
}

static bool begin(struct taking *taking, struct stats_batch *batch, uint32_t slots) {
    *batch = (struct stats_batch){0};
    *taking = (struct taking){.batch = batch, .ok = true};
    batch->names = arena_create(((size_t)slots + 1) * (DOMAIN_NAME_MAX + 32) + STATS_COLUMNS * (WORD_MAX + 32));
    batch->domains = malloc(((size_t)slots + 1) * sizeof *batch->domains);
    batch->keys = malloc((size_t)STATS_TABLE_KEYS * sizeof *batch->keys);
    if (batch->names == NULL || batch->domains == NULL || batch->keys == NULL) return false;
    for (unsigned column = 0; column < STATS_COLUMNS; column++) {
        char room[WORD_MAX];
        taking->words[column] = arena_copy(batch->names, column_word(column, room));
        if (taking->words[column].ptr == NULL) return false;
    }
    return true;
}

bool stats_batch_take(struct stats_batch *batch, struct stats_table *table, uint32_t retry_minute) {
    struct taking taking;
    uint32_t slots = space_saving_count(table->names);
    if (!begin(&taking, batch, slots)) return stats_batch_release(batch), false;
    uint32_t from = first_to_write(table->unsaved_minute, &table->minutes, retry_minute);
    batch->first_minute = from;
    if (from != STATS_NO_TIME) {
        put_ring(&taking, (struct span){NULL, 0}, &table->minutes, table->minute_cells, stats_all_minutes, MINUTE_S,
                 from);
        put_ring(&taking, (struct span){NULL, 0}, &table->hours, table->hour_cells, stats_all_hours, HOUR_S, from / 60);
    }
    for (uint32_t slot = 0; slot < slots && taking.ok; slot++) {
        uint32_t unsaved = table->entry[slot].unsaved_minute;
        from = first_to_write(unsaved, &table->entry[slot].minutes, retry_minute);
        if (from != STATS_NO_TIME) put_entry(&taking, table, slot, from, from == retry_minute);
    }
    if (!taking.ok) return stats_batch_release(batch), false;
    note_saved(table);
    return true;
}

void stats_batch_release(struct stats_batch *batch) {
    free(batch->counts);
    free(batch->domains);
    free(batch->keys);
    arena_destroy(batch->names);
    *batch = (struct stats_batch){0};
}

/* --- Into the table. The file may have been written to by others: what does not fit is left out. --- */

static uint32_t find_slot(const struct stats_table *table, struct span domain) {
    return domain.len > 0 && domain.len <= DOMAIN_NAME_MAX ? space_saving_find(table->names, domain)
                                                           : SPACE_SAVING_NONE;
}

static void restore_weight(void *owner, struct span domain, uint64_t signatures) {
    char name[DOMAIN_NAME_MAX];
    size_t len = domain_name_write(domain, true, name);
    if (len == domain.len && memcmp(name, domain.ptr, len) == 0)
        (void)stats_table_enter(owner, domain, signatures < UINT32_MAX ? signatures : UINT32_MAX);
}

static void restore_entry_count(struct stats_entry *entry, const struct stats_store_count *count, unsigned column,
                                uint32_t n) {
    if (count->step_s == 0 && column >= STATS_COLUMN_DNSSEC)
        entry->dnssec[column - STATS_COLUMN_DNSSEC] = n;
    else if (count->step_s == 0 && column >= STATS_COLUMN_CAUSE)
        entry->cause[column - STATS_COLUMN_CAUSE] = n;
    else if (count->step_s == MINUTE_S && column < DOMAIN_RESULT_COUNT)
        stats_ring_add(&entry->minutes, entry->minute_cells, stats_domain_minutes,
                       (uint32_t)(count->start_s / MINUTE_S), column, n);
    else if (count->step_s == HOUR_S && column < DOMAIN_RESULT_COUNT)
        stats_ring_add(&entry->hours, entry->hour_cells, stats_domain_hours, (uint32_t)(count->start_s / HOUR_S),
                       column, n);
}

static void restore_count(void *owner, const struct stats_store_count *count) {
    struct stats_table *table = owner;
    unsigned column = column_of(count->word);
    uint32_t n = (uint32_t)(count->n < UINT32_MAX ? count->n : UINT32_MAX);
    if (column == STATS_COLUMNS || count->start_s < 0) return;
    if (count->domain.len > 0) {
        uint32_t slot = find_slot(table, count->domain);
        if (slot != SPACE_SAVING_NONE) restore_entry_count(&table->entry[slot], count, column, n);
    } else if (count->step_s == MINUTE_S) {
        stats_ring_add(&table->minutes, table->minute_cells, stats_all_minutes, (uint32_t)(count->start_s / MINUTE_S),
                       column, n);
    } else if (count->step_s == HOUR_S) {
        stats_ring_add(&table->hours, table->hour_cells, stats_all_hours, (uint32_t)(count->start_s / HOUR_S), column,
                       n);
    }
}

static void restore_domain(void *owner, const struct stats_store_domain *domain) {
    struct stats_table *table = owner;
    uint32_t slot = find_slot(table, domain->domain);
    if (slot == SPACE_SAVING_NONE) return;
    struct stats_entry *entry = &table->entry[slot];
    entry->first_seen_s = domain->first_seen_s;
    entry->last_seen_s = domain->last_seen_s;
    for (uint8_t i = 0; i < DNSSEC_STATE_COUNT; i++)
        if (span_is(domain->dnssec, dnssec_state_word((enum dnssec_state)i)))
            entry->dnssec_newest = i, entry->has_dnssec = true;
}

static void restore_key(void *owner, const struct stats_store_key *record) {
    struct stats_table *table = owner;
    uint32_t slot = find_slot(table, record->domain);
    if (slot == SPACE_SAVING_NONE) return;
    const struct stats_key *from = &record->key;
    struct stats_key *key =
        stats_keys_use(table->keys, &table->entry[slot].keys, (struct span){from->selector, from->selector_len},
                       from->has_fingerprint ? from->fingerprint : NULL);
    memcpy(key->count, from->count, sizeof key->count);
    key->first_seen_s = from->first_seen_s;
    key->last_seen_s = from->last_seen_s;
    key->bits = from->bits;
    key->algorithm = from->algorithm;
    key->dnssec = from->dnssec;
    key->testing = from->testing;
    key->revoked = from->revoked;
}

bool stats_batch_restore(struct stats_store *store, struct stats_table *table, int64_t now_s) {
    const struct stats_store_reader reader = {table, restore_weight, restore_count, restore_domain, restore_key};
    return stats_store_read(store, now_s - MINUTE_S * STATS_MINUTES, now_s - (int64_t)HOUR_S * STATS_HOURS, now_s,
                            STATS_TABLE_SLOTS, &reader);
}
