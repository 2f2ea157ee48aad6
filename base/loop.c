/* libevent first: it defines a LIST_ENTRY of its own for the length of its header. */
#include <event2/event.h>
#include <event2/event_struct.h>
#include "base/loop.h"
#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/time.h>
#include <unistd.h>
#include "base/log.h"

/* libevent runs here without its thread support: one thread per base, no locks in it. Other threads reach the loop only
 * through `posted` and the eventfd `wake_fd`, both of which are ours. */
struct loop {
    struct event_base *base;
    struct event deferred_due; /* a timer of 0 ms: libevent looks at timers once a turn, so I/O is never starved */
    struct list deferred;
    int wake_fd;
    struct event woken;
    pthread_mutex_t lock; /* of posted and wake_written; never held while a task runs */
    struct list posted;
    bool wake_written;    /* the eventfd was written since it was read last: no second system call needed */
    atomic_bool stop;
};

/* Two libevent events, one per direction: switching one of them on or off is one epoll_ctl and leaves the other alone. */
struct loop_watch {
    struct event readable, writable;
    void (*ready)(void *owner, unsigned events);
    void *owner;
    unsigned wanted;
};

struct loop_timer {
    struct event due;
    void (*expired)(void *owner);
    void *owner;
};

static void write_wake(struct loop *loop) {
    /* Only a counter at its maximum could make this fail, and then the loop is awake anyway. */
    (void)!write(loop->wake_fd, &(uint64_t){1}, sizeof(uint64_t));
}

/* All of from, in order, to the empty list to. */
static void take_all(struct list *from, struct list *to) {
    for (struct list *node; (node = list_take_first(from)) != NULL;) list_append(to, node);
}

static void run_all(struct list *tasks) {
    for (struct list *node; (node = list_take_first(tasks)) != NULL;) {
        struct loop_task *task = LIST_ENTRY(node, struct loop_task, node);
        task->run(task);
    }
}

static void on_woken(evutil_socket_t fd, short what, void *owner) {
    struct loop *loop = owner;
    uint64_t count;
    struct list tasks;
    (void)what;
    list_init(&tasks);
    (void)!read(fd, &count, sizeof count); /* level triggered and ours alone: there is something to read */
    bool stop = atomic_exchange(&loop->stop, false); /* before the list: what was posted before the stop still runs */
    pthread_mutex_lock(&loop->lock);
    loop->wake_written = false;
    take_all(&loop->posted, &tasks);
    pthread_mutex_unlock(&loop->lock);
    run_all(&tasks);
    if (stop) event_base_loopbreak(loop->base);
}

static void on_deferred(evutil_socket_t fd, short what, void *owner) {
    struct loop *loop = owner;
    struct list tasks; /* taken first: what a task defers waits for the next turn */
    (void)fd;
    (void)what;
    list_init(&tasks);
    take_all(&loop->deferred, &tasks);
    run_all(&tasks);
}

static struct event_base *create_base(void) {
    struct event_config *config = event_config_new();
    struct event_base *base = NULL;
    if (config == NULL) return NULL;
    if (event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK | EVENT_BASE_FLAG_IGNORE_ENV) == 0)
        base = event_base_new_with_config(config);
    event_config_free(config);
    return base;
}

static void log_libevent(int severity, const char *text) {
    if (severity >= EVENT_LOG_WARN) log_fault("libevent", text);
}

static void take_libevents_log(void) { event_set_log_callback(log_libevent); }

struct loop *loop_create(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, take_libevents_log); /* else it writes to standard error by itself */
    struct loop *loop = calloc(1, sizeof *loop);
    if (loop == NULL) return NULL;
    list_init(&loop->deferred);
    list_init(&loop->posted);
    loop->wake_fd = -1;
    if (pthread_mutex_init(&loop->lock, NULL) != 0) return free(loop), NULL;
    if ((loop->base = create_base()) == NULL || (loop->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) < 0 ||
        event_assign(&loop->deferred_due, loop->base, -1, 0, on_deferred, loop) != 0 ||
        event_assign(&loop->woken, loop->base, loop->wake_fd, EV_READ | EV_PERSIST, on_woken, loop) != 0 ||
        event_add(&loop->woken, NULL) != 0) {
        loop_destroy(loop);
        return NULL;
    }
    return loop;
}

void loop_destroy(struct loop *loop) {
    if (loop == NULL) return;
    if (loop->base != NULL) {
        if (event_initialized(&loop->woken)) event_del(&loop->woken);
        if (event_initialized(&loop->deferred_due)) event_del(&loop->deferred_due);
        event_base_free(loop->base);
    }
    if (loop->wake_fd >= 0) close(loop->wake_fd);
    pthread_mutex_destroy(&loop->lock);
    free(loop);
}

struct event_base *loop_event_base(struct loop *loop) { return loop->base; }

bool loop_run(struct loop *loop) { return event_base_loop(loop->base, EVLOOP_NO_EXIT_ON_EMPTY) >= 0; }

void loop_stop(struct loop *loop) {
    atomic_store(&loop->stop, true);
    write_wake(loop);
}

static bool is_waiting(const struct loop_task *task) {
    return task->node.next != NULL && !list_is_empty(&task->node); /* NULL: a zeroed task never used before */
}

void loop_post(struct loop *loop, struct loop_task *task) {
    pthread_mutex_lock(&loop->lock);
    assert(!is_waiting(task));
    list_append(&loop->posted, &task->node);
    bool wake = !loop->wake_written;
    loop->wake_written = true;
    if (wake) write_wake(loop); /* under the lock: once we let go, the task may run and end the loop */
    pthread_mutex_unlock(&loop->lock);
}

void loop_post_cancel(struct loop *loop, struct loop_task *task) {
    pthread_mutex_lock(&loop->lock); /* others may be posting next to it */
    list_remove(&task->node);
    pthread_mutex_unlock(&loop->lock);
}

void loop_defer(struct loop *loop, struct loop_task *task) {
    assert(!is_waiting(task));
    list_append(&loop->deferred, &task->node);
    if (event_pending(&loop->deferred_due, EV_TIMEOUT, NULL) != 0) return;
    /* Without memory for the timer, later in this very turn. */
    if (event_add(&loop->deferred_due, &(struct timeval){0, 0}) != 0) event_active(&loop->deferred_due, EV_TIMEOUT, 0);
}

void loop_defer_cancel(struct loop_task *task) { list_remove(&task->node); }

static void on_readable(evutil_socket_t fd, short what, void *owner) {
    struct loop_watch *watch = owner;
    (void)fd;
    (void)what;
    watch->ready(watch->owner, LOOP_READ);
}

static void on_writable(evutil_socket_t fd, short what, void *owner) {
    struct loop_watch *watch = owner;
    (void)fd;
    (void)what;
    watch->ready(watch->owner, LOOP_WRITE);
}

struct loop_watch *loop_watch_create(struct loop *loop, int fd, void (*ready)(void *owner, unsigned events), void *owner) {
    struct loop_watch *watch = calloc(1, sizeof *watch);
    if (watch == NULL) return NULL;
    watch->ready = ready;
    watch->owner = owner;
    if (event_assign(&watch->readable, loop->base, fd, EV_READ | EV_PERSIST, on_readable, watch) != 0 ||
        event_assign(&watch->writable, loop->base, fd, EV_WRITE | EV_PERSIST, on_writable, watch) != 0) {
        free(watch);
        return NULL;
    }
    return watch;
}

/* Adds or removes event; adding can fail, removing cannot. */
static bool set_wanted(struct event *event, bool wanted) {
    if (wanted) return event_add(event, NULL) == 0;
    event_del(event);
    return true;
}

bool loop_watch_want(struct loop_watch *watch, unsigned events) {
    unsigned changed = events ^ watch->wanted;
    if ((changed & LOOP_READ) != 0 && set_wanted(&watch->readable, (events & LOOP_READ) != 0)) watch->wanted ^= LOOP_READ;
    if ((changed & LOOP_WRITE) != 0 && set_wanted(&watch->writable, (events & LOOP_WRITE) != 0)) watch->wanted ^= LOOP_WRITE;
    return watch->wanted == events;
}

void loop_watch_destroy(struct loop_watch *watch) {
    if (watch == NULL) return;
    event_del(&watch->readable);
    event_del(&watch->writable);
    free(watch);
}

static void on_due(evutil_socket_t fd, short what, void *owner) {
    struct loop_timer *timer = owner;
    (void)fd;
    (void)what;
    timer->expired(timer->owner);
}

struct loop_timer *loop_timer_create(struct loop *loop, void (*expired)(void *owner), void *owner) {
    struct loop_timer *timer = calloc(1, sizeof *timer);
    if (timer == NULL) return NULL;
    timer->expired = expired;
    timer->owner = owner;
    if (event_assign(&timer->due, loop->base, -1, 0, on_due, timer) != 0) return free(timer), NULL;
    return timer;
}

void loop_timer_start(struct loop_timer *timer, int64_t delay_ms) {
    if (delay_ms < 0) delay_ms = 0;
    struct timeval delay = {.tv_sec = (time_t)(delay_ms / 1000), .tv_usec = (suseconds_t)(delay_ms % 1000 * 1000)};
    /* No memory to keep the timer in: a limit that is reached too early is safe, one that never comes is not. */
    if (event_add(&timer->due, &delay) != 0) event_active(&timer->due, EV_TIMEOUT, 0);
}

void loop_timer_stop(struct loop_timer *timer) { event_del(&timer->due); }

void loop_timer_destroy(struct loop_timer *timer) {
    if (timer == NULL) return;
    event_del(&timer->due);
    free(timer);
}
