#include "verifier/dns_thread.h"
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include "base/clock.h"
#include "base/loop.h"
#include "base/metrics.h"
#include "verifier/dns_zone.h"

/* --- A source on the resolver's loop. The first letter of a name tells: n answers now, l after 30 ms, v never, s
 * blocks the whole thread for 1 s and answers then; g is bogus. The record is the name. --- */

struct late {
    struct loop_timer *timer;
    struct dns_query *query;
    char name[64];
    struct fake *fake;
    struct list node;
};

struct fake {
    struct dns_source source; /* first */
    struct loop *loop;
    struct list pending;
    atomic_uint lookups, cancels;
};

static void fill(struct dns_answer *answer, const char *name) {
    *answer = (struct dns_answer){.status = name[0] == 'g' ? DNS_BOGUS : DNS_FOUND,
                                  .dnssec = name[0] == 'g' ? DNSSEC_BOGUS : DNSSEC_SECURE,
                                  .ttl_s = 300};
    if (name[0] == 'g') return;
    answer->cname_count = answer->record_count = 1;
    answer->cname[0] = span_of("hop.test");
    answer->record[0] = span_of(name);
}

static void free_late(struct late *late) {
    list_remove(&late->node);
    loop_timer_destroy(late->timer);
    free(late);
}

static void on_late(void *owner) {
    struct late *late = owner;
    struct dns_answer answer;
    fill(&answer, late->name);
    late->query->answered(late->query, &answer);
    free_late(late);
}

static enum dns_progress fake_lookup(struct dns_source *source, struct span name, enum dns_type type,
                                     struct dns_query *query, struct dns_answer *answer) {
    struct fake *fake = (struct fake *)(void *)source;
    static char text[64];
    if (type != DNS_TXT) abort();
    snprintf(text, sizeof text, "%.*s", (int)name.len, name.ptr);
    atomic_fetch_add(&fake->lookups, 1);
    if (text[0] == 's') sleep(1);
    if (strchr("nsg", text[0]) != NULL) return fill(answer, text), DNS_ANSWERED;
    struct late *late = calloc(1, sizeof *late);
    late->query = query;
    late->fake = fake;
    memcpy(late->name, text, sizeof text);
    list_append(&fake->pending, &late->node);
    query->source_data = late;
    late->timer = loop_timer_create(fake->loop, on_late, late);
    if (text[0] == 'l') loop_timer_start(late->timer, 30);
    return DNS_PENDING;
}

static void fake_cancel(struct dns_source *source, struct dns_query *query) {
    struct fake *fake = (struct fake *)(void *)source;
    atomic_fetch_add(&fake->cancels, 1);
    free_late(query->source_data);
}

/* --- Askers, each on a worker's loop --- */

static struct {
    struct fake fake;
    struct dns_thread *thread;
    struct metrics *metrics;
} house;

static void open_house(int64_t deadline_ms) {
    house.fake.source = (struct dns_source){fake_lookup, fake_cancel};
    house.fake.loop = loop_create();
    list_init(&house.fake.pending);
    atomic_store(&house.fake.lookups, 0);
    atomic_store(&house.fake.cancels, 0);
    house.metrics = metrics_create();
    house.thread = dns_thread_create(house.fake.loop, &house.fake.source, house.metrics, deadline_ms);
    assert_non_null(house.thread);
}

static void close_house(void) {
    dns_thread_destroy(house.thread);
    assert_true(list_is_empty(&house.fake.pending)); /* whatever was pending was cancelled */
    metrics_destroy(house.metrics);
    loop_destroy(house.fake.loop);
}

struct worker {
    struct loop *loop;
    struct dns_client *client;
    unsigned open;
};

struct asker {
    struct dns_query query; /* first */
    struct worker *worker;
    char name[64];
    bool in_lookup, answered;
    enum dns_status status;
    enum dnssec_state dnssec;
};

static void on_answer(struct dns_query *query, const struct dns_answer *answer) {
    struct asker *asker = (struct asker *)(void *)query;
    if (asker->in_lookup || asker->answered) abort();
    asker->answered = true;
    asker->status = answer->status;
    asker->dnssec = answer->dnssec;
    if (answer->status == DNS_FOUND &&
        (answer->record_count != 1 || !span_is(answer->record[0], asker->name) || answer->cname_count != 1 ||
         !span_is(answer->cname[0], "hop.test") || answer->ttl_s != 300))
        abort();
    if (--asker->worker->open == 0) loop_stop(asker->worker->loop);
}

static void ask(struct worker *worker, struct asker *asker, const char *name) {
    struct dns_answer answer;
    *asker = (struct asker){.query.answered = on_answer, .worker = worker, .in_lookup = true};
    snprintf(asker->name, sizeof asker->name, "%s", name);
    if (dns_lookup(dns_client_source(worker->client), span_of(name), DNS_TXT, &asker->query, &answer) != DNS_PENDING)
        abort();
    asker->in_lookup = false;
    worker->open++;
}

static struct worker open_worker(void) {
    struct worker worker = {.loop = loop_create()};
    worker.client = dns_thread_client(house.thread, worker.loop);
    assert_non_null(worker.client);
    return worker;
}

static void close_worker(struct worker *worker) {
    dns_client_close(worker->client);
    loop_destroy(worker->loop);
}

static void stop(void *owner) { loop_stop(((struct worker *)owner)->loop); }

static void run_for(struct worker *worker, int64_t ms) {
    struct loop_timer *timer = loop_timer_create(worker->loop, stop, worker);
    loop_timer_start(timer, ms);
    loop_run(worker->loop);
    loop_timer_destroy(timer);
}

enum { WORKERS = 4, ROUNDS = 20, BATCH = 50 };

static void *work(void *arg) {
    struct worker *worker = arg;
    struct asker *asker = calloc(BATCH, sizeof *asker);
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < BATCH; i++) {
            char name[64];
            snprintf(name, sizeof name, "%c%d.r%d.test", "nlgl"[i % 4], i % 10, round);
            ask(worker, &asker[i], name);
            if (i % 7 == 0) { /* and some change their minds */
                dns_cancel(dns_client_source(worker->client), &asker[i].query);
                worker->open--;
            }
        }
        loop_run(worker->loop);
        for (int i = 0; i < BATCH; i++)
            if (asker[i].answered != (i % 7 != 0)) abort();
    }
    free(asker);
    dns_client_close(worker->client);
    return NULL;
}

static void four_workers_get_their_answers(void **state) {
    (void)state;
    struct worker worker[WORKERS];
    pthread_t thread[WORKERS];
    open_house(5000);
    for (int i = 0; i < WORKERS; i++) worker[i] = open_worker();
    for (int i = 0; i < WORKERS; i++) assert_int_equal(pthread_create(&thread[i], NULL, work, &worker[i]), 0);
    for (int i = 0; i < WORKERS; i++) {
        pthread_join(thread[i], NULL);
        loop_destroy(worker[i].loop);
    }
    close_house();
}

static void one_name_is_one_lookup(void **state) {
    (void)state;
    struct asker asker[6];
    open_house(5000);
    struct worker one = open_worker(), two = open_worker();
    for (int i = 0; i < 3; i++) {
        ask(&one, &asker[i], "late.test");
        ask(&two, &asker[3 + i], "late.test");
    }
    loop_run(one.loop);
    loop_run(two.loop);
    for (int i = 0; i < 6; i++) assert_true(asker[i].answered && asker[i].dnssec == DNSSEC_SECURE);
    assert_int_equal(atomic_load(&house.fake.lookups), 1);
    close_worker(&one);
    close_worker(&two);
    close_house();
}

static void the_last_to_cancel_cancels_the_lookup(void **state) {
    (void)state;
    struct asker kept, left, gone[2];
    open_house(5000);
    struct worker one = open_worker(), two = open_worker();
    ask(&one, &kept, "late.test");
    ask(&two, &left, "late.test");
    ask(&one, &gone[0], "void.test");
    ask(&two, &gone[1], "void.test");
    dns_cancel(dns_client_source(two.client), &left.query);
    dns_cancel(dns_client_source(one.client), &gone[0].query);
    dns_cancel(dns_client_source(two.client), &gone[1].query);
    one.open = 1;
    loop_run(one.loop);
    run_for(&two, 50);
    assert_true(kept.answered);
    assert_false(left.answered || gone[0].answered || gone[1].answered);
    assert_int_equal(atomic_load(&house.fake.cancels), 1);
    close_worker(&one);
    close_worker(&two);
    close_house();
}

static void an_answer_never_reaches_the_next_question_of_its_slot(void **state) {
    (void)state;
    struct asker gone, next;
    open_house(5000);
    struct worker worker = open_worker();
    ask(&worker, &gone, "now.test");
    usleep(50 * 1000); /* its answer waits in the mailbox */
    dns_cancel(dns_client_source(worker.client), &gone.query);
    worker.open = 0;
    ask(&worker, &next, "new.test"); /* same slot */
    assert_int_equal(dns_client_slot(next.query.id), dns_client_slot(gone.query.id));
    assert_int_not_equal(next.query.id, gone.query.id);
    loop_run(worker.loop);
    assert_false(gone.answered);
    assert_true(next.answered && next.status == DNS_FOUND); /* on_answer looks at the record */
    close_worker(&worker);
    close_house();
}

static void a_question_has_its_deadline_whatever_the_resolver_does(void **state) { /* security.md R-20 */
    (void)state;
    struct asker never, stuck, behind, after;
    open_house(100);
    struct worker worker = open_worker();
    int64_t start_us = clock_monotonic_us(&clock_system);
    ask(&worker, &never, "void.test");
    ask(&worker, &stuck, "stuck.test"); /* the thread sleeps for 1 s */
    ask(&worker, &behind, "now.test");
    loop_run(worker.loop);
    assert_true(never.status == DNS_TIMEOUT && stuck.status == DNS_TIMEOUT && behind.status == DNS_TIMEOUT);
    assert_in_range(clock_monotonic_us(&clock_system) - start_us, 95 * 1000, 900 * 1000);
    run_for(&worker, 1200);
    ask(&worker, &after, "now.test");
    loop_run(worker.loop);
    assert_int_equal(after.status, DNS_FOUND);
    assert_int_equal(atomic_load(&house.fake.cancels), 1); /* void.test */
    close_worker(&worker);
    close_house();
}

static void lookups_are_counted_once(void **state) {
    (void)state;
    struct asker asker[4];
    open_house(5000);
    struct worker worker = open_worker();
    ask(&worker, &asker[0], "late.test");
    ask(&worker, &asker[1], "late.test");
    ask(&worker, &asker[2], "now.test");
    ask(&worker, &asker[3], "gone.test");
    loop_run(worker.loop);
    assert_int_equal(asker[3].status, DNS_BOGUS);
    close_worker(&worker);
    dns_thread_destroy(house.thread);
    assert_int_equal(metrics_counter(house.metrics, METRIC_DNS_QUERIES, METRIC_DNS_OUTCOME_FOUND, 0), 2);
    assert_int_equal(metrics_counter(house.metrics, METRIC_DNS_QUERIES, METRIC_DNS_OUTCOME_BOGUS, 0), 1);
    assert_int_equal(metrics_counter(house.metrics, METRIC_DNS_DNSSEC, METRIC_DNSSEC_STATE_SECURE, 0), 2);
    assert_int_equal(metrics_counter(house.metrics, METRIC_DNS_DNSSEC, METRIC_DNSSEC_STATE_BOGUS, 0), 1);
    struct metric_histogram durations = metrics_histogram(house.metrics, METRIC_DNS_QUERY_DURATION, 0);
    assert_int_equal(durations.count, 3);
    assert_true(durations.sum >= 25000);
    metrics_destroy(house.metrics);
    loop_destroy(house.fake.loop);
}

static void limits_are_answered_at_once(void **state) {
    (void)state;
    static struct asker asker[DNS_CLIENT_QUERIES_MAX];
    struct dns_query query = {0};
    struct dns_answer answer;
    open_house(5000);
    struct worker worker = open_worker();
    for (int i = 0; i < DNS_CLIENT_QUERIES_MAX; i++) {
        char name[64];
        snprintf(name, sizeof name, "v%d.test", i);
        ask(&worker, &asker[i], name);
    }
    assert_int_equal(dns_lookup(dns_client_source(worker.client), span_of("now.test"), DNS_TXT, &query, &answer),
                     DNS_ANSWERED);
    assert_int_equal(answer.status, DNS_SERVFAIL);
    dns_cancel(dns_client_source(worker.client), &asker[17].query);
    ask(&worker, &asker[17], "now.test"); /* its place is free again */
    worker.open = 1;
    loop_run(worker.loop);
    assert_true(asker[17].answered);
    assert_int_equal(dns_lookup(dns_client_source(worker.client), span_of("a..b"), DNS_TXT, &query, &answer),
                     DNS_ANSWERED);
    assert_int_equal(answer.status, DNS_NXDOMAIN);
    close_worker(&worker);
    close_house();
}

static void closing_in_any_order_is_safe(void **state) {
    (void)state;
    for (int i = 0; i < 30; i++) {
        struct asker asker[40];
        open_house(5000);
        struct worker one = open_worker(), two = open_worker();
        for (int j = 0; j < 20; j++) {
            ask(&one, &asker[2 * j], j % 2 != 0 ? "now.test" : "late.test");
            ask(&two, &asker[2 * j + 1], j % 2 != 0 ? "void.test" : "late.test");
        }
        if (i % 3 == 0) run_for(&one, i);
        close_worker(&one);
        if (i % 2 == 0) usleep(1000u * (unsigned)i);
        close_worker(&two);
        close_house();
    }
    open_house(5000); /* nobody ever asked */
    close_house();
    dns_thread_destroy(NULL);
}

/* A client as soon as the resolver thread has made room for it. */
static struct dns_client *client_soon(struct loop *loop) {
    struct dns_client *client = NULL;
    for (int i = 0; i < 1000 && client == NULL; i++)
        if ((client = dns_thread_client(house.thread, loop)) == NULL) usleep(10 * 1000);
    assert_non_null(client);
    return client;
}

static void closed_clients_make_room(void **state) { /* each reload of a configuration brings new ones */
    (void)state;
    open_house(5000);
    struct loop *loop = loop_create();
    struct dns_client *client[DNS_CLIENTS_MAX];
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < DNS_CLIENTS_MAX; i++) client[i] = client_soon(loop);
        assert_null(dns_thread_client(house.thread, loop));
        struct worker worker = {.loop = loop, .client = client[round]};
        struct asker first, second;
        ask(&worker, &first, "late.test");
        worker.client = client[255];
        ask(&worker, &second, "now.test");
        loop_run(loop);
        assert_true(first.answered && second.answered);
        ask(&worker, &first, "void.test"); /* under way while its client closes */
        for (int i = 0; i < DNS_CLIENTS_MAX; i++) dns_client_close(client[i]);
    }
    for (int i = 0; i < 1000 && atomic_load(&house.fake.cancels) < 3; i++) usleep(10 * 1000);
    assert_int_equal(atomic_load(&house.fake.cancels), 3);
    loop_destroy(loop);
    close_house();
    dns_client_close(NULL);
}

static void zone_files_serve_workers_too(void **state) {
    (void)state;
    char *error;
    struct worker worker = {.loop = loop_create()};
    struct loop *loop = loop_create();
    struct dns_zone *zone = dns_zone_create();
    assert_true(dns_zone_add_text(zone, "z",
                                  span_of("late.test. 300 TXT late.test\nalias.test. 300 CNAME late.test.\n"), &error));
    struct dns_thread *thread = dns_thread_create(loop, dns_zone_source(zone), NULL, 5000);
    worker.client = dns_thread_client(thread, worker.loop);
    struct asker asker;
    ask(&worker, &asker, "none.test");
    loop_run(worker.loop);
    assert_int_equal(asker.status, DNS_NXDOMAIN);
    assert_int_equal(asker.dnssec, DNSSEC_INDETERMINATE);
    close_worker(&worker);
    dns_thread_destroy(thread);
    dns_zone_destroy(zone);
    loop_destroy(loop);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(four_workers_get_their_answers),
        cmocka_unit_test(one_name_is_one_lookup),
        cmocka_unit_test(the_last_to_cancel_cancels_the_lookup),
        cmocka_unit_test(an_answer_never_reaches_the_next_question_of_its_slot),
        cmocka_unit_test(a_question_has_its_deadline_whatever_the_resolver_does),
        cmocka_unit_test(lookups_are_counted_once),
        cmocka_unit_test(limits_are_answered_at_once),
        cmocka_unit_test(closing_in_any_order_is_safe),
        cmocka_unit_test(closed_clients_make_room),
        cmocka_unit_test(zone_files_serve_workers_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
