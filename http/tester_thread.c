/* The tester's thread: takes what waits, works on some of it at a time while the others wait for DNS, and hands out reports. */
#include <stdlib.h>
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "http/event_stream.h"
#include "http/tester_desk.h"

enum { TICK_MS = 1000, ANSWER_MAX = 4 << 20 };

void errand_destroy(struct errand *errand) {
    if (errand == NULL) return;
    tester_request_destroy(errand->request);
    event_stream_release(errand->answer.stream);
    free(errand);
}

void desk_queue(struct tester *tester, struct errand *errand) {
    list_append(&tester->waiting, &errand->node);
    tester->waiting_count++;
    if (tester->is_woken || tester->is_stopping) return;
    tester->is_woken = true;
    loop_post(tester->loop, &tester->wake);
}

/* ---- what came of it ---- */

static void write_answer(const struct errand *errand, const struct tester_report *report) {
    struct bytes text = bytes_with_cap(ANSWER_MAX);
    errand->answer.write(&text, report, errand->answer.language);
    if (text.failed) { /* too long, or no memory: then at least say so */
        bytes_clear(&text);
        errand->answer.write(&text, NULL, errand->answer.language);
    }
    if (text.len > 0) (void)event_stream_write(errand->answer.stream, bytes_span(&text));
    event_stream_end(errand->answer.stream);
    bytes_release(&text);
}

static void log_report(const struct errand *errand, const struct tester_report *report) {
    char hash[TESTER_TOKEN_HASH_LENGTH + 1];
    struct log_line line;
    log_begin(&line, LOG_LEVEL_INFO, "tester");
    if (errand->token[0] != '\0') {
        tester_token_hash(errand->token, hash);
        log_text(&line, "test", hash);
    }
    log_uint(&line, "lookups", errand->job != NULL ? tester_job_lookups(errand->job) : 0);
    if (report == NULL) log_text(&line, "error", "out of memory");
    if (report != NULL && report->has_message) {
        log_uint(&line, "octets", report->arrival.octets);
        log_uint(&line, "signatures", report->signature_count);
        log_uint(&line, "findings", report->findings->count);
    }
    log_end(&line);
}

/* Takes the reference. */
static void file_report(struct tester *tester, const struct errand *errand, const struct tester_report *report) {
    pthread_mutex_lock(&tester->lock);
    if (errand->job != NULL) client_quota_charge(tester->quota, span_of(errand->client), tester_job_lookups(errand->job));
    tester->memory -= errand->octets;
    struct test *test = errand->token[0] != '\0' ? desk_find(tester, errand->token) : NULL;
    if (test != NULL) {
        size_t before = test_octets(test);
        int64_t now_s = clock_unix_s(tester->setup.clock);
        test_take_report(test, errand->message, report, now_s);
        tester->memory += test_octets(test) - before;
        desk_count_watchers(tester, test_end_if_over(test, now_s));
        (void)desk_make_room(tester, 0);
    } else {
        tester_report_release(report);
    }
    pthread_mutex_unlock(&tester->lock);
}

static void start_waiting(struct tester *tester);

static void finish(struct errand *errand, const struct tester_report *report) {
    struct tester *tester = errand->tester;
    log_report(errand, report);
    if (errand->answer.write != NULL) write_answer(errand, report);
    file_report(tester, errand, report);
    tester_job_destroy(errand->job);
    if (errand->dns != NULL) tester->setup.resolver.release(tester->setup.resolver.owner, errand->dns);
    errand_destroy(errand);
}

static void on_done(void *owner, struct tester_job *job, const struct tester_report *report) {
    struct errand *errand = owner;
    struct tester *tester = errand->tester;
    (void)job;
    list_remove(&errand->node);
    tester->running_count--;
    finish(errand, report);
    start_waiting(tester);
}

/* ---- what is to be done ---- */

static void start(struct errand *errand) {
    struct tester *tester = errand->tester;
    const struct tester_resolver *resolver = &tester->setup.resolver;
    errand->setup = (struct tester_job_setup){.loop = tester->loop, .clock = tester->setup.clock, .policy = tester->setup.policy,
                                              .receiver = span_of(tester->authserv_id),
                                              .may_keep_messages = tester->setup.may_keep_messages,
                                              .domains = tester->setup.domains, .suffixes = tester->setup.suffixes};
    errand->dns = resolver->acquire(resolver->owner, tester->loop, &errand->setup.keys, &errand->setup.dns);
    if (errand->dns != NULL) errand->job = tester_job_create(&errand->setup, errand->request, on_done, errand);
    if (errand->dns != NULL) errand->request = NULL; /* the job's, or gone with it */
    if (errand->job == NULL) {
        finish(errand, NULL);
        return;
    }
    list_append(&tester->running, &errand->node);
    tester->running_count++;
}

static struct errand *take_waiting(struct tester *tester) {
    pthread_mutex_lock(&tester->lock);
    struct list *node = tester->is_stopping ? NULL : list_take_first(&tester->waiting);
    if (node != NULL) tester->waiting_count--;
    pthread_mutex_unlock(&tester->lock);
    return node != NULL ? LIST_ENTRY(node, struct errand, node) : NULL;
}

static void start_waiting(struct tester *tester) {
    while (tester->running_count < DESK_RUNNING_MAX) {
        struct errand *errand = take_waiting(tester);
        if (errand == NULL) return;
        start(errand);
    }
}

void desk_wake(struct loop_task *task) {
    struct tester *tester = (struct tester *)(void *)((char *)task - offsetof(struct tester, wake));
    pthread_mutex_lock(&tester->lock);
    tester->is_woken = false;
    pthread_mutex_unlock(&tester->lock);
    start_waiting(tester);
}

/* ---- life ---- */

void desk_tick(void *owner) {
    struct tester *tester = owner;
    pthread_mutex_lock(&tester->lock);
    desk_look_after(tester);
    pthread_mutex_unlock(&tester->lock);
    loop_timer_start(tester->tick, TICK_MS);
}

static void abandon(struct errand *errand) {
    struct tester *tester = errand->tester;
    tester_job_destroy(errand->job);
    if (errand->answer.stream != NULL) event_stream_end(errand->answer.stream);
    if (errand->dns != NULL) tester->setup.resolver.release(tester->setup.resolver.owner, errand->dns);
    errand_destroy(errand);
}

void *desk_thread(void *owner) {
    struct tester *tester = owner;
    loop_timer_start(tester->tick, TICK_MS);
    if (!loop_run(tester->loop)) log_fault("tester", "its event loop failed");
    for (struct list *node; (node = list_take_first(&tester->running)) != NULL;) abandon(LIST_ENTRY(node, struct errand, node));
    tester->setup.resolver.end(tester->setup.resolver.owner);
    return NULL;
}
