/* http/stats_batch.h -- between the table of the statistics and the file of their history: what changed in the table since
 * the last batch, as rows of the file; and the rows of a file, back in an empty table.
 * Called with the table locked (domain_stats_lock). No clock. Cost: a walk over the table and a copy of what changed. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include "http/stats_store.h"

struct arena;
struct stats_table;

struct stats_batch {
    struct stats_store_count *counts;
    struct stats_store_domain *domains;
    struct stats_store_key *keys;
    size_t count_count, domain_count, key_count, count_room;
    uint32_t first_minute; /* the oldest change in it; STATS_NO_TIME: there is none */
    struct arena *names;
};

/* Copies what changed, and besides all that changed from retry_minute on (STATS_NO_TIME: nothing), and notes it as saved.
 * False: no memory; the notes are as they were, *batch is empty. */
bool stats_batch_take(struct stats_batch *batch, struct stats_table *table, uint32_t retry_minute);
void stats_batch_release(struct stats_batch *batch);

/* False: the file could not be read to its end (stats_store_error); what came before is in the table. */
bool stats_batch_restore(struct stats_store *store, struct stats_table *table, int64_t now_s);
