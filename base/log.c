#include "base/log.h"
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>
#include "base/ascii.h"

enum { TAIL_ROOM = 32 }; /* kept for truncated=true, the closing bracket and the newline */

static struct { int fd; enum log_format format; enum log_level most; unsigned lines_per_s; } settings = {
    STDERR_FILENO, LOG_FORMAT_LOGFMT, LOG_LEVEL_INFO, 100};
static atomic_uint_fast64_t dropped;

void log_configure(int fd, enum log_format format, enum log_level most, unsigned lines_per_s) {
    settings.fd = fd;
    settings.format = format;
    settings.most = most;
    settings.lines_per_s = lines_per_s;
}

uint64_t log_dropped(void) { return atomic_load_explicit(&dropped, memory_order_relaxed); }

/* What one event has used of the current second. Events past LOG_EVENT_MAX share the last row. */
static struct allowance { const char *event; time_t second; unsigned lines; uint64_t suppressed; } allowances[LOG_EVENT_MAX];
static pthread_mutex_t allowances_lock = PTHREAD_MUTEX_INITIALIZER;

static struct allowance *allowance_of(const char *event) {
    struct allowance *at = allowances;
    while (at < allowances + LOG_EVENT_MAX - 1 && at->event != NULL && strcmp(at->event, event) != 0) at++;
    if (at->event == NULL) at->event = event;
    return at;
}

/* Whether one more line of event may be written now; then *suppressed is what was dropped since the one before. */
static bool is_allowed(const char *event, time_t second, uint64_t *suppressed) {
    *suppressed = 0;
    if (settings.lines_per_s == 0) return true;
    pthread_mutex_lock(&allowances_lock);
    struct allowance *allowance = allowance_of(event);
    if (allowance->second != second) allowance->second = second, allowance->lines = 0;
    bool allowed = allowance->lines < settings.lines_per_s;
    if (allowed) {
        allowance->lines++;
        *suppressed = allowance->suppressed;
        allowance->suppressed = 0;
    } else {
        allowance->suppressed++;
    }
    pthread_mutex_unlock(&allowances_lock);
    return allowed;
}

static void append_time(struct log_line *line, const struct timespec *now) {
    struct tm utc;
    char text[40];
    gmtime_r(&now->tv_sec, &utc);
    size_t len = strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &utc);
    len += (size_t)snprintf(text + len, sizeof text - len, ".%03ldZ", now->tv_nsec / 1000000);
    log_span(line, "time", (struct span){text, len});
}

void log_begin(struct log_line *line, enum log_level level, const char *event) {
    static const char *const levels[] = {"error", "warning", "info", "debug"};
    struct timespec now;
    uint64_t suppressed;
    line->is_on = level <= settings.most;
    if (!line->is_on) return;
    clock_gettime(CLOCK_REALTIME, &now);
    if (!is_allowed(event, now.tv_sec, &suppressed)) {
        atomic_fetch_add_explicit(&dropped, 1, memory_order_relaxed);
        line->is_on = false;
        return;
    }
    line->is_truncated = false;
    line->text = bytes_with_cap(LOG_LINE_MAX - TAIL_ROOM);
    line->json = json_writer(&line->text);
    if (settings.format == LOG_FORMAT_JSON) json_object(&line->json);
    append_time(line, &now);
    log_text(line, "level", levels[level]);
    log_text(line, "event", event);
    if (suppressed > 0) log_uint(line, "suppressed", suppressed);
}

static bool is_bare(struct span value) {
    for (size_t i = 0; i < value.len; i++)
        if (!ascii_is_graph(value.ptr[i]) || value.ptr[i] == '"' || value.ptr[i] == '\\' || value.ptr[i] == '=') return false;
    return value.len > 0;
}

static void append_escaped(struct bytes *out, struct span value) {
    for (size_t i = 0; i < value.len; i++) {
        char c = value.ptr[i];
        if (c == '"' || c == '\\') bytes_append(out, (struct span){(const char[]){'\\', c}, 2});
        else if (ascii_is_graph(c) || c == ' ') bytes_append_char(out, c);
        else if (c == '\n') bytes_append_text(out, "\\n");
        else if (c == '\r') bytes_append_text(out, "\\r");
        else if (c == '\t') bytes_append_text(out, "\\t");
        else bytes_append_format(out, "\\x%02x", (unsigned char)c);
    }
}

static void append_logfmt_key(struct log_line *line, const char *key) {
    if (line->text.len > 0) bytes_append_char(&line->text, ' ');
    bytes_append_text(&line->text, key);
    bytes_append_char(&line->text, '=');
}

/* A value that does not fit is taken out again whole; the line goes on with those that do. */
static void keep_or_undo(struct log_line *line, size_t len_before) {
    if (!line->text.failed) return;
    line->text.len = len_before;
    line->text.failed = false;
    line->json.has_key = false;
    line->is_truncated = true;
}

void log_span(struct log_line *line, const char *key, struct span value) {
    if (!line->is_on) return;
    size_t len_before = line->text.len;
    bool is_cut = value.len > LOG_VALUE_MAX;
    if (is_cut) value = span_first(value, LOG_VALUE_MAX);
    if (settings.format == LOG_FORMAT_JSON) {
        json_key_string(&line->json, key, value);
        if (is_cut && !line->text.failed) { /* inside the closing quote */
            line->text.len--;
            bytes_append_text(&line->text, "...\"");
        }
    } else {
        bool bare = is_bare(value);
        append_logfmt_key(line, key);
        if (!bare) bytes_append_char(&line->text, '"');
        append_escaped(&line->text, value);
        if (is_cut) bytes_append_text(&line->text, "...");
        if (!bare) bytes_append_char(&line->text, '"');
    }
    keep_or_undo(line, len_before);
}

void log_text(struct log_line *line, const char *key, const char *value) {
    if (value != NULL) log_span(line, key, span_of(value));
}

void log_int(struct log_line *line, const char *key, int64_t value) {
    if (!line->is_on) return;
    size_t len_before = line->text.len;
    if (settings.format == LOG_FORMAT_JSON) {
        json_key_int(&line->json, key, value);
    } else {
        append_logfmt_key(line, key);
        bytes_append_int(&line->text, value);
    }
    keep_or_undo(line, len_before);
}

void log_uint(struct log_line *line, const char *key, uint64_t value) {
    if (!line->is_on) return;
    size_t len_before = line->text.len;
    if (settings.format == LOG_FORMAT_JSON) {
        json_key_uint(&line->json, key, value);
    } else {
        append_logfmt_key(line, key);
        bytes_append_uint(&line->text, value);
    }
    keep_or_undo(line, len_before);
}

void log_bool(struct log_line *line, const char *key, bool value) {
    if (!line->is_on) return;
    size_t len_before = line->text.len;
    if (settings.format == LOG_FORMAT_JSON) {
        json_key_bool(&line->json, key, value);
    } else {
        append_logfmt_key(line, key);
        bytes_append_text(&line->text, value ? "true" : "false");
    }
    keep_or_undo(line, len_before);
}

/* One write: a reader of the other end sees whole lines, whichever thread they come from. */
static bool write_line(struct span text) {
    ssize_t written;
    do written = write(settings.fd, text.ptr, text.len);
    while (written < 0 && errno == EINTR);
    return written == (ssize_t)text.len;
}

void log_end(struct log_line *line) {
    if (!line->is_on) return;
    line->text.cap = LOG_LINE_MAX;
    if (line->is_truncated) log_bool(line, "truncated", true);
    if (settings.format == LOG_FORMAT_JSON) json_object_end(&line->json);
    bytes_append_char(&line->text, '\n');
    if (line->text.failed || !write_line(bytes_span(&line->text)))
        atomic_fetch_add_explicit(&dropped, 1, memory_order_relaxed);
    bytes_release(&line->text);
    line->is_on = false;
}

void log_fault(const char *event, const char *text) {
    struct log_line line;
    log_begin(&line, LOG_LEVEL_ERROR, event);
    log_text(&line, "error", text);
    log_end(&line);
}
