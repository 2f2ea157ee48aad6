/* proxy/event_log.h -- events for shippers (Vector, Fluent Bit), one a line, written by a thread of its own: mail never
 * waits for whoever reads them. Goes to a file, which is appended to and made when missing (mode 0640, ours alone to
 * write), to a FIFO, or to a unix stream socket that somebody listens on.
 * What the reader does not take stays in memory up to a limit; from then on events are dropped and counted
 * (sceau_events_total). A target that is away, or a disk that is full, is tried again every second, and told in the log
 * once. On a new socket or file an event begins anew, so that one whose first part got lost is still told whole.
 * Thread rule: create, reopen and destroy from one thread; write from any. One lock, held while a line is copied.
 * Cost of a write: the copy, and a wake-up when the thread sleeps. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include "base/span.h"

struct event_log;
struct metrics;
struct metrics_worker;

/* target: a path, or "unix:PATH". It is opened by the thread, which tells the log when it cannot. metrics is borrowed, may be NULL. NULL: no memory or thread. */
struct event_log *event_log_create(const char *target, size_t buffer_max, struct metrics *metrics);
/* Writes what it can within EVENT_LOG_LAST_MS, counts the rest as dropped, and ends. Accepts NULL. */
enum { EVENT_LOG_LAST_MS = 2000 };
void event_log_destroy(struct event_log *log);
/* Opens the target anew, for logrotate; not at once, but no event that is written later goes to the old one. Accepts
 * NULL. */
void event_log_reopen(struct event_log *log);
/* line ends with its newline, and has no other. counters are the calling thread's, may be NULL. */
void event_log_write(struct event_log *log, struct metrics_worker *counters, struct span line);
