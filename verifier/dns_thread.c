#include "verifier/dns_thread.h"
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include "base/clock.h"
#include "base/keyed_hash.h"
#include "base/loop.h"
#include "base/mailbox.h"
#include "base/metrics.h"
#include "verifier/dns_packet.h"
#include "verifier/dns_parcel.h"

enum { BUCKETS = 1024, QUESTIONS_MAX = 16 * 1024 * 1024, ANSWER_MAX = 2 * DNS_ANSWER_OCTETS_MAX };

/* One lookup of the source, with everyone who waits for it. */
struct flight {
    struct dns_query query; /* first */
    struct list bucket_node;
    struct list waiters;
    struct dns_thread *thread;
    struct dns_name name;
    enum dns_type type;
    int64_t started_us;
};

struct waiter {
    struct list node;
    struct flight *flight;
    uint16_t client;
    uint64_t id;
};

/* The resolver's view of a client: who waits in which slot. */
struct guest {
    struct dns_client *client;
    struct waiter **waiter; /* DNS_CLIENT_QUERIES_MAX; from the first question on; the resolver thread's */
};

struct dns_thread {
    struct loop *loop;
    struct dns_source *source;
    struct metrics *metrics;
    struct metrics_worker *counters;
    int64_t deadline_ms;
    pthread_t thread;
    struct mailbox *questions;
    struct bytes parcel;
    struct list flight[BUCKETS];
    pthread_mutex_t lock; /* for taking a guest's place and giving it back; in between it is the resolver thread's */
    struct guest guest[DNS_CLIENTS_MAX]; /* client: NULL where there is none */
};

/* --- Flights --- */

static struct list *bucket_of(struct dns_thread *thread, const struct dns_name *name) {
    uint64_t hash = keyed_hash(keyed_hash_process_key(), (struct span){(const char *)name->wire, name->len});
    return &thread->flight[hash % BUCKETS];
}

static struct flight *find_flight(struct dns_thread *thread, const struct dns_name *name, enum dns_type type) {
    struct list *bucket = bucket_of(thread, name);
    for (struct list *node = bucket->next; node != bucket; node = node->next) {
        struct flight *flight = LIST_ENTRY(node, struct flight, bucket_node);
        if (flight->type == type && dns_name_equal(&flight->name, name)) return flight;
    }
    return NULL;
}

static void free_flight(struct flight *flight) {
    list_remove(&flight->bucket_node);
    free(flight);
}

static void remove_waiter(struct dns_thread *thread, struct waiter *waiter) {
    thread->guest[waiter->client].waiter[dns_client_slot(waiter->id)] = NULL;
    list_remove(&waiter->node);
    free(waiter);
}

static void send_answer(struct dns_thread *thread, uint16_t client, uint64_t id, const struct dns_answer *answer) {
    struct dns_answer failure = {.status = DNS_SERVFAIL};
    if (dns_parcel_write_answer(id, answer, &thread->parcel) || dns_parcel_write_answer(id, &failure, &thread->parcel))
        (void)mailbox_post(dns_client_answers(thread->guest[client].client),
                           bytes_span(&thread->parcel)); /* else its deadline */
}

/* The enums stand in the order of the labels' values (metrics.h). */
static void count(const struct flight *flight, const struct dns_answer *answer) {
    struct metrics_worker *counters = flight->thread->counters;
    metrics_count(counters, METRIC_DNS_QUERIES, answer->status, 0);
    metrics_count(counters, METRIC_DNS_DNSSEC, answer->dnssec, 0);
    metrics_observe(counters, METRIC_DNS_QUERY_DURATION, 0,
                    (uint64_t)(clock_monotonic_us(&clock_system) - flight->started_us));
}

static void finish(struct flight *flight, const struct dns_answer *answer) {
    struct dns_thread *thread = flight->thread;
    count(flight, answer);
    while (!list_is_empty(&flight->waiters)) {
        struct waiter *waiter = LIST_ENTRY(flight->waiters.next, struct waiter, node);
        send_answer(thread, waiter->client, waiter->id, answer);
        remove_waiter(thread, waiter);
    }
    free_flight(flight);
}

static void on_answer(struct dns_query *query, const struct dns_answer *answer) {
    finish((struct flight *)(void *)query, answer);
}

/* A new flight in the table, for which the source was not asked yet. */
static struct flight *create_flight(struct dns_thread *thread, const struct dns_parcel_question *question) {
    struct flight *flight = calloc(1, sizeof *flight);
    if (flight == NULL) return NULL;
    *flight =
        (struct flight){.query.answered = on_answer, .thread = thread, .name = question->name, .type = question->type};
    list_init(&flight->waiters);
    list_append(bucket_of(thread, &question->name), &flight->bucket_node);
    return flight;
}

static void start_flight(struct flight *flight) {
    char text[DNS_NAME_TEXT_MAX];
    struct span name = {text, dns_name_to_text(&flight->name, text)};
    struct dns_answer answer;
    flight->started_us = clock_monotonic_us(&clock_system);
    if (dns_lookup(flight->thread->source, name, flight->type, &flight->query, &answer) == DNS_ANSWERED)
        finish(flight, &answer);
}

/* --- Questions: from clients, who may be wrong but never harm the others --- */

static struct waiter **slot_of(struct dns_thread *thread, const struct dns_parcel_question *question) {
    struct guest *guest = &thread->guest[question->client];
    uint64_t slot = dns_client_slot(question->id);
    if (slot >= DNS_CLIENT_QUERIES_MAX) return NULL;
    if (guest->waiter == NULL) guest->waiter = calloc(DNS_CLIENT_QUERIES_MAX, sizeof *guest->waiter);
    return guest->waiter != NULL ? &guest->waiter[slot] : NULL;
}

static void leave(struct dns_thread *thread, struct waiter *waiter) {
    struct flight *flight = waiter->flight;
    remove_waiter(thread, waiter);
    if (!list_is_empty(&flight->waiters)) return;
    dns_cancel(thread->source, &flight->query);
    free_flight(flight);
}

static void join(struct dns_thread *thread, const struct dns_parcel_question *question, struct waiter **slot) {
    struct flight *flight = find_flight(thread, &question->name, question->type);
    struct waiter *waiter = calloc(1, sizeof *waiter);
    bool is_new = flight == NULL;
    if (is_new && waiter != NULL) flight = create_flight(thread, question);
    if (flight == NULL || waiter == NULL) {
        free(waiter);
        send_answer(thread, question->client, question->id, &(struct dns_answer){.status = DNS_SERVFAIL});
        return;
    }
    *waiter = (struct waiter){.flight = flight, .client = question->client, .id = question->id};
    list_append(&flight->waiters, &waiter->node);
    *slot = waiter;
    if (is_new) start_flight(flight);
}

static void free_guest(struct guest *guest) {
    dns_client_destroy(guest->client);
    free(guest->waiter);
    *guest = (struct guest){0};
}

/* After its last parcel nothing of the client is under way, here or in the mailboxes. */
static void say_goodbye(struct dns_thread *thread, struct guest *guest) {
    for (size_t i = 0; guest->waiter != NULL && i < DNS_CLIENT_QUERIES_MAX; i++)
        if (guest->waiter[i] != NULL) leave(thread, guest->waiter[i]); /* only when cancelling was lost */
    pthread_mutex_lock(&thread->lock);
    free_guest(guest);
    pthread_mutex_unlock(&thread->lock);
}

static void on_question(void *owner, struct span parcel) {
    struct dns_thread *thread = owner;
    struct dns_parcel_question question;
    if (!dns_parcel_read_question(parcel, &question) || question.client >= DNS_CLIENTS_MAX ||
        thread->guest[question.client].client == NULL)
        return;
    if (question.kind == DNS_PARCEL_CLOSE) {
        say_goodbye(thread, &thread->guest[question.client]);
        return;
    }
    struct waiter **slot = slot_of(thread, &question);
    if (slot == NULL) return;
    if (question.kind == DNS_PARCEL_ASK) {
        if (*slot != NULL) leave(thread, *slot); /* a question whose cancelling was lost */
        join(thread, &question, slot);
    } else if (*slot != NULL && (*slot)->id == question.id) {
        leave(thread, *slot);
    }
}

/* --- The thread --- */

static void *run(void *owner) {
    struct dns_thread *thread = owner;
    pthread_setname_np(pthread_self(), "resolver");
    thread->counters = metrics_worker_create(thread->metrics);
    (void)loop_run(thread->loop);
    return NULL;
}

/* With every signal blocked: they are the main thread's. */
static bool start_thread(struct dns_thread *thread) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    bool good = pthread_create(&thread->thread, NULL, run, thread) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return good;
}

static void free_thread(struct dns_thread *thread) {
    if (thread->questions != NULL) mailbox_close(thread->questions);
    for (size_t i = 0; i < DNS_CLIENTS_MAX; i++) free_guest(&thread->guest[i]);
    mailbox_destroy(thread->questions);
    bytes_release(&thread->parcel);
    pthread_mutex_destroy(&thread->lock);
    free(thread);
}

struct dns_thread *dns_thread_create(struct loop *loop, struct dns_source *source, struct metrics *metrics,
                                     int64_t deadline_ms) {
    struct dns_thread *thread = calloc(1, sizeof *thread);
    if (thread == NULL) return NULL;
    if (pthread_mutex_init(&thread->lock, NULL) != 0) return free(thread), NULL;
    thread->loop = loop;
    thread->source = source;
    thread->metrics = metrics;
    thread->deadline_ms = deadline_ms;
    thread->parcel = bytes_with_cap(ANSWER_MAX);
    for (size_t i = 0; i < BUCKETS; i++) list_init(&thread->flight[i]);
    thread->questions = mailbox_create(loop, QUESTIONS_MAX, on_question, thread);
    if (thread->questions == NULL || !start_thread(thread)) return free_thread(thread), NULL;
    return thread;
}

void dns_thread_destroy(struct dns_thread *thread) {
    if (thread == NULL) return;
    loop_stop(thread->loop);
    pthread_join(thread->thread, NULL);
    metrics_worker_release(thread->counters);
    for (size_t i = 0; i < BUCKETS; i++) {
        while (!list_is_empty(&thread->flight[i])) {
            struct flight *flight = LIST_ENTRY(thread->flight[i].next, struct flight, bucket_node);
            while (!list_is_empty(&flight->waiters))
                remove_waiter(thread, LIST_ENTRY(flight->waiters.next, struct waiter, node));
            dns_cancel(thread->source, &flight->query);
            free_flight(flight);
        }
    }
    free_thread(thread);
}

struct dns_client *dns_thread_client(struct dns_thread *thread, struct loop *worker_loop) {
    struct dns_client *client = NULL;
    uint16_t number = 0;
    pthread_mutex_lock(&thread->lock);
    while (number < DNS_CLIENTS_MAX && thread->guest[number].client != NULL) number++;
    if (number < DNS_CLIENTS_MAX)
        client = dns_client_create(worker_loop, thread->questions, number, thread->deadline_ms);
    if (client != NULL) thread->guest[number].client = client;
    pthread_mutex_unlock(&thread->lock);
    return client;
}
