/* http/process_stats.h -- what the kernel knows of this process, for the usual process_* metrics.
 * Reads /proc; any thread; about 50 us and a look at every open descriptor. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct process_stats {
    uint64_t cpu_us;         /* user and system */
    uint64_t resident_bytes, virtual_bytes;
    uint64_t open_fds, max_fds;
    int64_t start_unix_s;
};

/* False: /proc is not there or says something else than proc(5). */
bool process_stats_read(struct process_stats *stats);
