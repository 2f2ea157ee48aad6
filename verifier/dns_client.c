#include "verifier/dns_client.h"
#include <stdlib.h>
#include "base/clock.h"
#include "base/loop.h"
#include "base/mailbox.h"
#include "verifier/dns_parcel.h"

enum { ANSWERS_MAX = 64 * 1024 * 1024, QUESTION_MAX = 512, SLOT_BITS = 16 };

/* A question under way. Its id is the slot's number and how many questions there were before, so that an answer that
 * comes after its question was given up is not taken for the answer to the slot's next one. */
struct slot {
    struct list node; /* in by_deadline, or in idle */
    struct dns_query *query;
    uint64_t id;
    int64_t deadline_us;
};

struct dns_client {
    struct dns_source source;
    struct mailbox *questions, *answers;
    struct loop_timer *timer; /* for the first of by_deadline; NULL once closed */
    struct list by_deadline, idle;
    unsigned used; /* slots that were ever used: the first so many */
    uint16_t number;
    uint64_t asked;
    int64_t deadline_us;
    struct bytes parcel;
    struct slot slot[DNS_CLIENT_QUERIES_MAX];
};

static bool post(struct dns_client *client, const struct dns_parcel_question *question) {
    return dns_parcel_write_question(question, &client->parcel) &&
           mailbox_post(client->questions, bytes_span(&client->parcel));
}

static struct slot *take_slot(struct dns_client *client) {
    struct list *node = list_take_first(&client->idle);
    if (node != NULL) return LIST_ENTRY(node, struct slot, node);
    return client->used < DNS_CLIENT_QUERIES_MAX ? &client->slot[client->used++] : NULL;
}

static void free_slot(struct dns_client *client, struct slot *slot) {
    slot->query = NULL;
    list_remove(&slot->node);
    list_append(&client->idle, &slot->node);
}

static void start_timer(struct dns_client *client) {
    if (list_is_empty(&client->by_deadline)) return;
    const struct slot *first = LIST_ENTRY(client->by_deadline.next, struct slot, node);
    int64_t left_us = first->deadline_us - clock_monotonic_us(&clock_system);
    loop_timer_start(client->timer, left_us > 0 ? left_us / 1000 + 1 : 0);
}

static enum dns_progress answer_now(enum dns_status status, struct dns_answer *answer) {
    *answer = (struct dns_answer){.status = status};
    return DNS_ANSWERED;
}

static enum dns_progress lookup(struct dns_source *source, struct span text, enum dns_type type,
                                struct dns_query *query, struct dns_answer *answer) {
    struct dns_client *client = (struct dns_client *)(void *)source; /* its first member */
    struct dns_parcel_question question = {.kind = DNS_PARCEL_ASK, .client = client->number, .type = type};
    if (!dns_name_from_text(text, NULL, &question.name)) return answer_now(DNS_NXDOMAIN, answer);
    struct slot *slot = take_slot(client);
    if (slot == NULL) return answer_now(DNS_SERVFAIL, answer);
    list_init(&slot->node);
    slot->id = question.id = client->asked++ << SLOT_BITS | (uint64_t)(slot - client->slot);
    if (!post(client, &question)) return free_slot(client, slot), answer_now(DNS_SERVFAIL, answer);
    slot->query = query;
    slot->deadline_us = clock_monotonic_us(&clock_system) + client->deadline_us;
    query->id = slot->id;
    bool is_first = list_is_empty(&client->by_deadline);
    list_append(&client->by_deadline, &slot->node);
    if (is_first) start_timer(client);
    return DNS_PENDING;
}

/* The slot of the question with that id; NULL when it is no longer under way. */
static struct slot *find_slot(struct dns_client *client, uint64_t id) {
    uint64_t number = dns_client_slot(id);
    struct slot *slot = number < client->used ? &client->slot[number] : NULL;
    return slot != NULL && slot->query != NULL && slot->id == id ? slot : NULL;
}

static void give_up(struct dns_client *client, struct slot *slot) {
    struct dns_parcel_question question = {.kind = DNS_PARCEL_CANCEL, .client = client->number, .id = slot->id};
    (void)post(client, &question); /* when it fails, the resolver's answer will be dropped here */
    free_slot(client, slot);
}

static void cancel(struct dns_source *source, struct dns_query *query) {
    struct dns_client *client = (struct dns_client *)(void *)source;
    struct slot *slot = find_slot(client, query->id);
    if (slot != NULL) give_up(client, slot);
}

static void on_answer(void *owner, struct span parcel) {
    struct dns_client *client = owner;
    struct dns_answer answer;
    uint64_t id;
    struct slot *slot = dns_parcel_read_answer(parcel, &id, &answer) ? find_slot(client, id) : NULL;
    if (slot == NULL) return;
    struct dns_query *query = slot->query;
    free_slot(client, slot);
    query->answered(query, &answer);
}

static void on_deadline(void *owner) {
    struct dns_client *client = owner;
    int64_t now_us = clock_monotonic_us(&clock_system);
    while (!list_is_empty(&client->by_deadline)) {
        struct slot *first = LIST_ENTRY(client->by_deadline.next, struct slot, node);
        if (first->deadline_us > now_us) break;
        struct dns_query *query = first->query;
        struct dns_answer answer = {.status = DNS_TIMEOUT};
        give_up(client, first);
        query->answered(query, &answer);
    }
    start_timer(client);
}

struct dns_client *dns_client_create(struct loop *loop, struct mailbox *questions, uint16_t number,
                                     int64_t deadline_ms) {
    struct dns_client *client = calloc(1, sizeof *client);
    if (client == NULL) return NULL;
    client->source = (struct dns_source){lookup, cancel};
    client->questions = questions;
    client->number = number;
    client->deadline_us = deadline_ms * 1000;
    client->parcel = bytes_with_cap(QUESTION_MAX);
    list_init(&client->by_deadline);
    list_init(&client->idle);
    client->answers = mailbox_create(loop, ANSWERS_MAX, on_answer, client);
    client->timer = loop_timer_create(loop, on_deadline, client);
    if (client->answers != NULL && client->timer != NULL) return client;
    if (client->answers != NULL) mailbox_close(client->answers);
    loop_timer_destroy(client->timer);
    dns_client_destroy(client);
    return NULL;
}

struct dns_source *dns_client_source(struct dns_client *client) {
    return &client->source;
}
struct mailbox *dns_client_answers(struct dns_client *client) {
    return client->answers;
}

void dns_client_close(struct dns_client *client) {
    if (client == NULL) return;
    while (!list_is_empty(&client->by_deadline))
        give_up(client, LIST_ENTRY(client->by_deadline.next, struct slot, node));
    mailbox_close(client->answers);
    loop_timer_destroy(client->timer);
    client->timer = NULL;
    (void)post(client, &(struct dns_parcel_question){.kind = DNS_PARCEL_CLOSE,
                                                     .client = client->number}); /* now it may be gone */
}

void dns_client_destroy(struct dns_client *client) {
    if (client == NULL) return;
    mailbox_destroy(client->answers);
    bytes_release(&client->parcel);
    free(client);
}
