#include "proxy/event_log.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include "base/bytes.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"

enum { RETRY_MS = 1000, FILE_MODE = 0640 };

struct event_log {
    pthread_t thread;
    pthread_mutex_t lock;  /* for what follows */
    struct bytes pending;  /* lines that the thread has not taken over */
    size_t taken_len;      /* octets that it has, and has not written */
    bool wants_reopen, is_stopping;
    int64_t stop_us;       /* when to give up, once is_stopping */
    /* the thread's own */
    struct bytes out;
    size_t written;        /* octets of out */
    int fd;                /* -1: the target is not open */
    int error;             /* of the last write that failed */
    bool was_told;         /* the log knows that it cannot be written */
    struct metrics_worker *counters;
    /* constant */
    size_t buffer_max;
    int wake;              /* eventfd */
    struct metrics *metrics;
    char target[];
};

static bool is_socket(const struct event_log *log) { return strncmp(log->target, "unix:", 5) == 0; }

/* ---- the target ---- */

static int open_socket(const char *path) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t len = strlen(path);
    if (len >= sizeof address.sun_path) return errno = ENAMETOOLONG, -1;
    memcpy(address.sun_path, path, len);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof address) == 0) return fd;
    int reason = errno;
    close(fd);
    errno = reason;
    return -1;
}

/* A FIFO that nobody reads cannot be opened without waiting: it is away, then. */
static int open_target(const struct event_log *log) {
    if (is_socket(log)) return open_socket(log->target + 5);
    return open(log->target, O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, FILE_MODE);
}

static void tell(struct event_log *log, const char *what, const char *detail) {
    struct log_line line;
    log_begin(&line, LOG_LEVEL_WARNING, "events");
    log_text(&line, "target", log->target);
    log_text(&line, "state", what);
    log_text(&line, "detail", detail);
    log_end(&line);
}

static void note_fault(struct event_log *log, int error) {
    if (!log->was_told) tell(log, "cannot be written, is tried again every second", strerrordesc_np(error));
    log->was_told = true;
}

static void note_success(struct event_log *log) {
    if (log->was_told) tell(log, "written again", NULL);
    log->was_told = false;
}

/* The line that was cut off begins anew where the next octets go. */
static void close_target(struct event_log *log) {
    if (log->fd >= 0) close(log->fd);
    log->fd = -1;
    while (log->written > 0 && log->out.ptr[log->written - 1] != '\n') log->written--;
}

/* ---- writing ---- */

static uint64_t count_lines(struct span octets) {
    uint64_t lines = 0;
    for (size_t i = 0; i < octets.len; i++) lines += octets.ptr[i] == '\n';
    return lines;
}

static void note_written(struct event_log *log, size_t len) {
    uint64_t lines = count_lines((struct span){log->out.ptr + log->written, len});
    if (lines > 0) metrics_add(log->counters, METRIC_EVENTS, METRIC_EVENT_WRITTEN, 0, lines);
    log->written += len;
    pthread_mutex_lock(&log->lock);
    log->taken_len = log->out.len - log->written;
    pthread_mutex_unlock(&log->lock);
}

enum outcome { WROTE, FULL, BROKEN };

static enum outcome write_some(struct event_log *log) {
    size_t len = log->out.len - log->written;
    ssize_t done = is_socket(log) ? send(log->fd, log->out.ptr + log->written, len, MSG_NOSIGNAL)
                                  : write(log->fd, log->out.ptr + log->written, len);
    if (done > 0) return note_success(log), note_written(log, (size_t)done), WROTE;
    if (done < 0 && (errno == EAGAIN || errno == EINTR)) return FULL;
    log->error = done < 0 ? errno : EIO;
    return BROKEN;
}

/* Until the target takes more, somebody wakes the thread, or so many milliseconds have passed. */
static void wait_for(struct event_log *log, bool for_target, int timeout_ms) {
    struct pollfd fds[] = {{.fd = log->wake, .events = POLLIN}, {.fd = log->fd, .events = POLLOUT}};
    uint64_t count;
    if (poll(fds, for_target ? 2 : 1, timeout_ms) > 0 && (fds[0].revents & POLLIN) != 0) (void)!read(log->wake, &count, sizeof count);
}

/* One step: some octets written, or a while waited. */
static void work(struct event_log *log) {
    if (log->fd < 0) {
        log->fd = open_target(log);
        if (log->fd < 0) {
            note_fault(log, errno);
            wait_for(log, false, RETRY_MS);
            return;
        }
    }
    switch (write_some(log)) {
    case WROTE: return;
    case FULL: wait_for(log, true, RETRY_MS); return;
    case BROKEN:
        note_fault(log, log->error);
        /* A full disk: what was written of a line is there, and the rest fits behind it once there is room. */
        if (log->error != ENOSPC && log->error != EDQUOT) close_target(log);
        wait_for(log, false, RETRY_MS);
    }
}

/* ---- the thread ---- */

/* Takes over orders, and what is pending when all before it is out; false: it is time to end. */
static bool take(struct event_log *log) {
    pthread_mutex_lock(&log->lock);
    bool reopens = log->wants_reopen;
    log->wants_reopen = false;
    if (log->written == log->out.len) {
        struct bytes empty = log->out;
        bytes_clear(&empty);
        log->out = log->pending;
        log->pending = empty;
        log->written = 0;
        log->taken_len = log->out.len;
    }
    bool is_idle = log->taken_len == 0, ends = log->is_stopping && (is_idle || clock_monotonic_us(&clock_system) >= log->stop_us);
    pthread_mutex_unlock(&log->lock);
    if (reopens) close_target(log);
    if (ends) return false;
    if (is_idle) wait_for(log, false, -1);
    return true;
}

static void *run(void *owner) {
    struct event_log *log = owner;
    pthread_setname_np(pthread_self(), "events");
    log->counters = metrics_worker_create(log->metrics);
    log->fd = open_target(log); /* now, not with the first event: who starts us learns what is wrong */
    if (log->fd < 0) note_fault(log, errno);
    while (take(log))
        if (log->written < log->out.len) work(log);
    uint64_t lost = count_lines((struct span){log->out.ptr, log->out.len}) - count_lines((struct span){log->out.ptr, log->written}) +
                    count_lines(bytes_span(&log->pending));
    if (lost > 0) metrics_add(log->counters, METRIC_EVENTS, METRIC_EVENT_DROPPED, 0, lost);
    metrics_worker_release(log->counters);
    close_target(log);
    return NULL;
}

static void wake(struct event_log *log) { (void)!write(log->wake, &(uint64_t){1}, sizeof(uint64_t)); }

void event_log_write(struct event_log *log, struct metrics_worker *counters, struct span line) {
    pthread_mutex_lock(&log->lock);
    bool was_empty = log->pending.len == 0;
    bool fits = line.len <= log->buffer_max && log->pending.len + log->taken_len <= log->buffer_max - line.len &&
                bytes_append(&log->pending, line);
    log->pending.failed = false; /* no room for this one says nothing about the next */
    pthread_mutex_unlock(&log->lock);
    if (!fits) metrics_count(counters, METRIC_EVENTS, METRIC_EVENT_DROPPED, 0);
    else if (was_empty) wake(log);
}

void event_log_reopen(struct event_log *log) {
    if (log == NULL) return;
    pthread_mutex_lock(&log->lock);
    log->wants_reopen = true;
    pthread_mutex_unlock(&log->lock);
    wake(log);
}

/* With every signal blocked: they are the main thread's. */
static bool start_thread(struct event_log *log) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    bool good = pthread_create(&log->thread, NULL, run, log) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return good;
}

static void free_log(struct event_log *log) {
    if (log->wake >= 0) close(log->wake);
    bytes_release(&log->pending);
    bytes_release(&log->out);
    pthread_mutex_destroy(&log->lock);
    free(log);
}

struct event_log *event_log_create(const char *target, size_t buffer_max, struct metrics *metrics) {
    size_t len = strlen(target);
    struct event_log *log = calloc(1, sizeof *log + len + 1);
    if (log == NULL) return NULL;
    if (pthread_mutex_init(&log->lock, NULL) != 0) return free(log), NULL;
    memcpy(log->target, target, len);
    log->buffer_max = buffer_max;
    log->metrics = metrics;
    log->pending = log->out = bytes_with_cap(buffer_max);
    log->fd = -1;
    log->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (log->wake >= 0 && start_thread(log)) return log;
    free_log(log);
    return NULL;
}

void event_log_destroy(struct event_log *log) {
    if (log == NULL) return;
    pthread_mutex_lock(&log->lock);
    log->is_stopping = true;
    log->stop_us = clock_monotonic_us(&clock_system) + (int64_t)EVENT_LOG_LAST_MS * 1000;
    pthread_mutex_unlock(&log->lock);
    wake(log);
    pthread_join(log->thread, NULL);
    free_log(log);
}
