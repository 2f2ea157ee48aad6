/* verifier/key_wait.h -- the keys that one message asks for: each name once, however many signatures want it.
 * A wait is answered when key_wait_ask returns it so, or later through the set's callback, or at last by
 * key_wait_expire. Thread rule: that of the key_source. Memory: one array, made once, used for many messages. */
#pragma once
#include <stdbool.h>
#include "verifier/key_source.h"
#include "verifier/result.h"

struct key_wait_set;

struct key_wait {
    struct key_request request; /* first: a pointer to it is a pointer to the wait */
    struct key_wait_set *set;
    struct span name;
    struct key_entry *entry; /* one reference, held until the next message; NULL with an answer: failure says why */
    enum dkim_code failure;
    bool is_pending, is_answered;
};

struct key_wait_set {
    struct key_source *source;
    void (*answered)(void *owner, struct key_wait *wait); /* a late answer; may forget or release the set */
    void *owner;
    struct key_wait *wait;
    size_t room, count;
};

/* At most room names a message. False: no memory; release is allowed then. */
bool key_wait_init(struct key_wait_set *set, struct key_source *source, size_t room,
                   void (*answered)(void *owner, struct key_wait *wait), void *owner);
void key_wait_release(struct key_wait_set *set); /* accepts a zeroed struct */
/* Before the next message: cancels what is pending, gives the entries back. */
void key_wait_forget(struct key_wait_set *set);
/* The wait for name, which must live as long as the message. A name not asked for before takes one off *budget; NULL
 * when the budget or the room is spent. */
struct key_wait *key_wait_ask(struct key_wait_set *set, struct span name, unsigned *budget);
/* Time is up: what is pending is cancelled and answered with DKIM_DNS_TIMEOUT, without callbacks. */
void key_wait_expire(struct key_wait_set *set);
