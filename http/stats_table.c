#include "http/stats_table.h"
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include "http/space_saving.h"

const struct stats_shape stats_domain_minutes = {STATS_MINUTES, DOMAIN_RESULT_COUNT};
const struct stats_shape stats_domain_hours = {STATS_HOURS, DOMAIN_RESULT_COUNT};
const struct stats_shape stats_all_minutes = {STATS_MINUTES, STATS_COLUMNS};
const struct stats_shape stats_all_hours = {STATS_HOURS, STATS_COLUMNS};

struct stats_table *stats_table_create(void) {
    struct stats_table *table = calloc(1, sizeof *table);
    if (table == NULL) return NULL;
    table->names = space_saving_create(STATS_TABLE_SLOTS);
    table->tally = calloc(STATS_TABLE_SLOTS, sizeof *table->tally);
    table->entry = calloc(STATS_TABLE_SLOTS, sizeof *table->entry);
    table->keys = stats_keys_create(STATS_TABLE_KEYS);
    if (table->names != NULL && table->tally != NULL && table->entry != NULL && table->keys != NULL) return table;
    stats_table_destroy(table);
    return NULL;
}

void stats_table_destroy(struct stats_table *table) {
    if (table == NULL) return;
    space_saving_destroy(table->names);
    stats_keys_destroy(table->keys);
    free(table->tally);
    free(table->entry);
    free(table);
}

/* Before the rings of a domain may differ from those of all domains in what time they hold: windows begin anew. */
static void follow_clock(struct stats_table *table, uint32_t hour) {
    if (table->hours.end <= STATS_HOURS || hour >= table->hours.end - STATS_HOURS) return;
    table->minutes = table->hours = (struct stats_ring){0, 0};
    for (uint32_t i = 0; i < space_saving_count(table->names); i++)
        table->entry[i].minutes = table->entry[i].hours = (struct stats_ring){0, 0};
}

static void add_to_all(struct stats_table *table, unsigned column, uint32_t minute) {
    stats_ring_add(&table->minutes, table->minute_cells, stats_all_minutes, minute, column, 1);
    stats_ring_add(&table->hours, table->hour_cells, stats_all_hours, minute / 60, column, 1);
}

static void note_unsaved(uint32_t *unsaved_minute, uint32_t minute) {
    if (*unsaved_minute == STATS_NO_TIME || *unsaved_minute > minute) *unsaved_minute = minute;
}

static void count_for_all(struct stats_table *table, const struct stats_event *event, uint32_t minute) {
    table->total[event->result]++;
    follow_clock(table, minute / 60);
    add_to_all(table, event->result, minute);
    if (event->cause < CAUSE_COUNT) add_to_all(table, STATS_COLUMN_CAUSE + event->cause, minute);
    if (event->has_dnssec) add_to_all(table, STATS_COLUMN_DNSSEC + event->dnssec, minute);
    note_unsaved(&table->unsaved_minute, minute);
}

/* A stranger's slot becomes a newcomer's. The cells are left as they are: an empty ring clears what it uses. */
static void begin_entry(struct stats_table *table, uint32_t slot) {
    struct stats_entry *entry = &table->entry[slot];
    if (entry->is_used) stats_keys_forget(table->keys, &entry->keys);
    memset(entry, 0, offsetof(struct stats_entry, minute_cells));
    entry->is_used = true;
    entry->keys = STATS_KEYS_NONE;
    table->tally[slot] = (struct stats_tally){0};
}

uint32_t stats_table_enter(struct stats_table *table, struct span domain, uint64_t weight) {
    bool entered;
    uint32_t slot = space_saving_add(table->names, domain, weight, &entered);
    if (entered) begin_entry(table, slot);
    return slot;
}

static void count_key(struct stats_table *table, struct stats_entry *entry, const struct stats_event *event) {
    struct stats_key *key =
        stats_keys_use(table->keys, &entry->keys, event->selector, event->has_fingerprint ? event->fingerprint : NULL);
    if (key->first_seen_s == 0 || key->first_seen_s > event->time_s) key->first_seen_s = event->time_s;
    if (key->last_seen_s < event->time_s) key->last_seen_s = event->time_s;
    key->count[event->result]++;
    key->bits = event->bits;
    key->algorithm = (uint8_t)event->algorithm;
    key->dnssec = (uint8_t)event->dnssec;
    key->testing = event->testing;
    key->revoked = event->revoked;
    key->is_unsaved = true;
}

static void count_client(struct stats_entry *entry, const struct stats_event *event) {
    if (!event->has_client) return;
    bool is_same = entry->failures > 0 && memcmp(entry->through, event->client, sizeof entry->through) == 0;
    if (event->result == DOMAIN_PASS) entry->passes_elsewhere |= entry->failures > 0 && !is_same;
    if (event->result != DOMAIN_FAIL) return;
    if (entry->failures == 0) memcpy(entry->through, event->client, sizeof entry->through);
    entry->through_varies |= entry->failures > 0 && !is_same;
    entry->failures += entry->failures < UINT32_MAX;
}

static void count_for_domain(struct stats_table *table, uint32_t slot, const struct stats_event *event,
                             uint32_t minute) {
    struct stats_entry *entry = &table->entry[slot];
    table->tally[slot].count[event->result]++;
    if (entry->first_seen_s == 0 || entry->first_seen_s > event->time_s) entry->first_seen_s = event->time_s;
    if (entry->last_seen_s < event->time_s) entry->last_seen_s = event->time_s;
    stats_ring_add(&entry->minutes, entry->minute_cells, stats_domain_minutes, minute, event->result, 1);
    stats_ring_add(&entry->hours, entry->hour_cells, stats_domain_hours, minute / 60, event->result, 1);
    if (event->cause < CAUSE_COUNT) entry->cause[event->cause]++;
    count_client(entry, event);
    if (event->has_dnssec) {
        entry->dnssec[event->dnssec]++;
        entry->dnssec_newest = (uint8_t)event->dnssec;
        entry->has_dnssec = true;
    }
    note_unsaved(&entry->unsaved_minute, minute);
    if (event->has_key && event->selector.len > 0) count_key(table, entry, event);
}

void stats_table_add(struct stats_table *table, const struct stats_event *event) {
    uint32_t minute = event->time_s > 0 ? (uint32_t)(event->time_s / 60) : 0, slot = SPACE_SAVING_NONE;
    count_for_all(table, event, minute);
    if (event->domain.len == 0) return;
    /* A signature without key brings no domain in, but a domain that is there and lost its key is a thing to see. */
    slot = event->has_key ? stats_table_enter(table, event->domain, 1) : space_saving_find(table->names, event->domain);
    if (slot != SPACE_SAVING_NONE) count_for_domain(table, slot, event, minute);
}
