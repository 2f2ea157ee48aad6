/* base/loop.h -- one thread's event loop: descriptors, timers, and calls from other threads. Thin, on libevent's core.
 * Leaves buffers and protocols to others. loop.c is the only file that includes libevent's headers.
 * Thread rule: a loop and all that was created on it belong to the thread that runs it; only loop_stop and loop_post
 * may be called from any thread. No callback runs inside a call of this module but inside loop_run. A callback may
 * destroy what it was called for. Time is the kernel's coarse clock as of the start of a turn: a timer may be some
 * milliseconds early. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "base/list.h"

struct loop;
struct event_base; /* libevent's, for libunbound, which wants the bare base */

struct loop *loop_create(void);        /* NULL: no memory or descriptors */
void loop_destroy(struct loop *loop);  /* accepts NULL; everything created on it must be gone */
struct event_base *loop_event_base(struct loop *loop);
/* Runs callbacks until loop_stop. Returns false when libevent itself failed. */
bool loop_run(struct loop *loop);
/* Makes loop_run return soon; from any thread, also from a callback; before loop_run it makes that return at once. What
 * this thread posted before still runs. */
void loop_stop(struct loop *loop);

/* A call to be made on the loop's own thread. The caller owns the task, with node zeroed or initialised with list_init,
 * and keeps it until run was called (run may free or post it again); posting a task that still waits is a broken promise.
 * Tasks run in the order of posting; those that wait when the loop is destroyed are forgotten. */
struct loop_task {
    struct list node; /* the loop's, while it waits */
    void (*run)(struct loop_task *task);
};
void loop_post(struct loop *loop, struct loop_task *task); /* any thread */
/* Takes back a posted task: once this has returned it will not run. On the loop's own thread, or when nobody runs the
 * loop; accepts a task that does not wait (node initialised with list_init). */
void loop_post_cancel(struct loop *loop, struct loop_task *task);
/* The same for the loop's own thread: run in the loop's next turn, not from inside this call; may be cancelled. */
void loop_defer(struct loop *loop, struct loop_task *task);
void loop_defer_cancel(struct loop_task *task); /* accepts a task that does not wait (node initialised with list_init) */

/* Interest in a descriptor, which stays the caller's. Level triggered: called as long as the state lasts. */
enum { LOOP_READ = 1, LOOP_WRITE = 2 };
struct loop_watch;
struct loop_watch *loop_watch_create(struct loop *loop, int fd, void (*ready)(void *owner, unsigned events), void *owner);
/* events: 0, LOOP_READ, LOOP_WRITE or both; cheap when unchanged. Hang-up and error count as whichever is wanted; both
 * directions may come as two calls. false: the kernel or memory refused, nothing is known of the direction added. */
bool loop_watch_want(struct loop_watch *watch, unsigned events);
void loop_watch_destroy(struct loop_watch *watch); /* accepts NULL; before the descriptor is closed */

/* Runs once, delay_ms after the last loop_timer_start, unless stopped. Out of memory, it expires at once. */
struct loop_timer;
struct loop_timer *loop_timer_create(struct loop *loop, void (*expired)(void *owner), void *owner);
void loop_timer_start(struct loop_timer *timer, int64_t delay_ms); /* starts anew when it runs already */
void loop_timer_stop(struct loop_timer *timer);
void loop_timer_destroy(struct loop_timer *timer); /* accepts NULL */
