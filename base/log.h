/* base/log.h -- one line per event, logfmt or JSON, in one write(2).
 *   struct log_line line;
 *   log_begin(&line, LOG_LEVEL_INFO, "message");
 *   log_text(&line, "id", session_id);
 *   log_span(&line, "from", reverse_path);
 *   log_end(&line);
 * writes  time=2026-03-01T12:00:00.123Z level=info event=message id=4k2 from=a@b.example
 * Keys and events are words of ours; values may come from outside: in logfmt whatever is not printable ASCII becomes \xHH
 * (\n \r \t, \" and \\ inside quotes), in JSON see json.h. No line ever breaks in two.
 * Flood: of one event at most so many lines a second are written (log_configure); those dropped are counted, and the next
 * line of that event carries suppressed=N. A line that could not be written is counted and forgotten.
 * Thread rule: any thread; log_configure before the others start. A line belongs to one thread. The lock is log.c's own
 * and is not held during the write. Cost: one allocation and one write a line; nothing for levels that are off.
 * Limits: LOG_LINE_MAX octets a line (one atomic write on a pipe), LOG_VALUE_MAX octets of a value, then "..."; values
 * that do not fit are left out and truncated=true stands at the end; LOG_EVENT_MAX events are told apart. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "base/bytes.h"
#include "base/json.h"
#include "base/span.h"

enum { LOG_LINE_MAX = 4096, LOG_VALUE_MAX = 512, LOG_EVENT_MAX = 64 };

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };
enum log_format { LOG_FORMAT_LOGFMT, LOG_FORMAT_JSON };

struct log_line { /* log.c's own */
    bool is_on, is_truncated;
    struct bytes text;
    struct json json;
};

/* Where lines go, which levels are written, and how many lines of one event a second (0: no limit). Before it is called:
 * logfmt to standard error, up to LOG_LEVEL_INFO, 100 lines. */
void log_configure(int fd, enum log_format format, enum log_level most, unsigned lines_per_s);

/* Every begun line must be ended. event: a word of ours that lives for ever. */
void log_begin(struct log_line *line, enum log_level level, const char *event);
void log_span(struct log_line *line, const char *key, struct span value);
void log_text(struct log_line *line, const char *key, const char *value); /* NULL: left out */
void log_int(struct log_line *line, const char *key, int64_t value);
void log_uint(struct log_line *line, const char *key, uint64_t value);
void log_bool(struct log_line *line, const char *key, bool value);
void log_end(struct log_line *line);

/* A line with nothing but one text, for faults of the program's surroundings: log_fault("spool", "cannot open: ..."). */
void log_fault(const char *event, const char *text);

/* Lines dropped so far: by the limit, and because they could not be written. */
uint64_t log_dropped(void);
