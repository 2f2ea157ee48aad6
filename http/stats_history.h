/* http/stats_history.h -- the statistics survive a restart: what changed is written to a file (stats_store) once an
 * interval, in one transaction, by a thread of its own, and read back when the daemon starts.
 * A full disk, a file that cannot be read or written or is corrupt: one log line ("history", with file and reason) and a
 * count for each batch that is lost; mail and statistics go on without it, the file is tried again each interval, and what
 * could not be written is written then, as far as the statistics still have it.
 * kill -9 loses at most what came since the last batch. The file holds more than the statistics show: hours back to the
 * retention.
 * Thread rule: create and destroy from one thread. Locks: that of domain_stats, while a batch is copied (a millisecond)
 * and, once, while the file is read; no file is written under it. */
#pragma once
#include <stdint.h>

struct domain_stats;
struct metrics;
struct stats_history;

struct stats_history_setup {
    const char *path;            /* copied */
    struct domain_stats *stats;  /* borrowed until destroy, as metrics */
    struct metrics *metrics;     /* for the count of batches that could not be written */
    int64_t interval_ms;
    int64_t retention_ms;        /* how far back hours are kept in the file */
};

/* Reads the file back, then begins to write. A file that is no good is told in the log. NULL: no memory or no thread. */
struct stats_history *stats_history_create(const struct stats_history_setup *setup);
void stats_history_destroy(struct stats_history *history); /* writes the last batch; accepts NULL */
