#include "verifier/key_wait.h"
#include <stdlib.h>

bool key_wait_init(struct key_wait_set *set, struct key_source *source, size_t room,
                   void (*answered)(void *owner, struct key_wait *wait), void *owner) {
    *set = (struct key_wait_set){.source = source, .answered = answered, .owner = owner, .room = room};
    set->wait = calloc(room, sizeof *set->wait);
    return set->wait != NULL;
}

void key_wait_forget(struct key_wait_set *set) {
    for (struct key_wait *wait = set->wait; wait < set->wait + set->count; wait++) {
        if (wait->is_pending) key_source_cancel(set->source, &wait->request);
        key_entry_release(wait->entry);
        *wait = (struct key_wait){.entry = NULL};
    }
    set->count = 0;
}

void key_wait_release(struct key_wait_set *set) {
    if (set->wait == NULL) return;
    key_wait_forget(set);
    free(set->wait);
    set->wait = NULL;
}

static void answer(struct key_wait *wait, struct key_entry *entry, enum dkim_code failure) {
    wait->entry = entry;
    wait->failure = failure;
    wait->is_pending = false;
    wait->is_answered = true;
}

static void ready(struct key_request *request, struct key_entry *entry) {
    struct key_wait *wait = (struct key_wait *)(void *)request;
    answer(wait, entry, DKIM_NO_MEMORY);
    wait->set->answered(wait->set->owner, wait);
}

struct key_wait *key_wait_ask(struct key_wait_set *set, struct span name, unsigned *budget) {
    for (struct key_wait *wait = set->wait; wait < set->wait + set->count; wait++)
        if (span_equal(wait->name, name)) return wait;
    if (*budget == 0 || set->count == set->room) return NULL;
    --*budget;
    struct key_wait *wait = &set->wait[set->count++];
    *wait = (struct key_wait){.request = {.ready = ready}, .set = set, .name = name};
    struct key_entry *entry = NULL;
    if (key_source_get(set->source, name, &wait->request, &entry) == KEY_PENDING)
        wait->is_pending = true;
    else
        answer(wait, entry, DKIM_NO_MEMORY);
    return wait;
}

void key_wait_expire(struct key_wait_set *set) {
    for (struct key_wait *wait = set->wait; wait < set->wait + set->count; wait++) {
        if (!wait->is_pending) continue;
        key_source_cancel(set->source, &wait->request);
        answer(wait, NULL, DKIM_DNS_TIMEOUT);
    }
}
