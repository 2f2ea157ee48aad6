/* http/tester_desk.h -- the inside of the desk, shared by tester.c (tests and those who ask) and tester_thread.c (the thread
 * that works). Of no use to anybody else; see tester.h. */
#pragma once
#include <pthread.h>
#include "base/list.h"
#include "base/loop.h"
#include "http/client_quota.h"
#include "http/tester_job.h"
#include "http/tester_setup.h"
#include "http/tester_test.h"

struct lru_map;
struct metrics_worker;

enum { DESK_WAITING_MAX = 100, DESK_RUNNING_MAX = 16 };

/* A request on its way through the thread. */
struct errand {
    struct list node; /* waiting or running */
    struct tester *tester;
    struct tester_request *request; /* NULL once the job has it */
    char token[TESTER_TOKEN_LENGTH + 1]; /* empty: a question, which has answer */
    char client[48];
    unsigned message;
    struct tester_answer answer;
    size_t octets; /* counted as memory while it waits and runs */
    /* The thread's. */
    struct tester_job_setup setup;
    struct tester_job *job;
    void *dns; /* the resolver's client */
};

struct tester {
    struct tester_setup setup;
    char *domain, *base_url, *authserv_id; /* what setup's texts point to */
    struct loop *loop;
    struct loop_timer *tick;
    struct loop_task wake;
    pthread_t thread;
    bool is_started;
    struct list running; /* the thread's */
    size_t running_count;
    pthread_mutex_t lock; /* for all below */
    bool is_stopping, is_woken;
    struct list waiting;
    size_t waiting_count;
    struct client_quota *quota;
    struct lru_map *by_token, *by_share; /* of struct test, borrowed */
    struct list tests;                   /* oldest first */
    size_t test_count, watcher_count, memory;
    struct metrics_worker *counters; /* used under the lock */
};

/* With the lock held. Takes the errand; wakes the thread. */
void desk_queue(struct tester *tester, struct errand *errand);
/* With the lock held: forgets the test, whatever it has. */
void desk_forget(struct tester *tester, struct test *test);
/* With the lock held: the oldest tests give way until there is room for octets more. False: there is none. */
bool desk_make_room(struct tester *tester, size_t octets);
/* With the lock held. NULL: there is none, or its time is over. */
struct test *desk_find(struct tester *tester, const char *token);
/* With the lock held: what is over, or too old, at this moment. */
void desk_look_after(struct tester *tester);
void desk_count_watchers(struct tester *tester, size_t gone);
void errand_destroy(struct errand *errand);
/* The thread. */
void *desk_thread(void *owner);
void desk_tick(void *owner);
void desk_wake(struct loop_task *task);
