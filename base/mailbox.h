/* base/mailbox.h -- records of octets from any thread to the thread of one loop, in order.
 * The records are copied, so nothing but octets passes from thread to thread. Any number may be posted before the loop
 * looks; it is woken once for all of them.
 * Thread rule: mailbox_post from any thread; create, close and the callback on the loop's thread (or while nobody runs
 * the loop). One lock, held for a copy, never across the callback; loop_post's lock is taken inside of it.
 * Limits: octets_max octets that wait, 4 octets a record included. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include "base/span.h"

struct loop;
struct mailbox;

/* arrived gets each record; its octets are valid during the call. NULL: no memory. */
struct mailbox *mailbox_create(struct loop *loop, size_t octets_max, void (*arrived)(void *owner, struct span record),
                               void *owner);
/* Copies record, not empty, into the mailbox. False, and nothing was posted: it is closed or full, or there is no
 * memory. */
bool mailbox_post(struct mailbox *mailbox, struct span record);
/* From now on nothing arrives, posting does nothing, and the loop is not touched any more. May be called from
 * arrived. */
void mailbox_close(struct mailbox *mailbox);
/* A closed one, or any whose loop is gone, when nobody posts any more; any thread, not from arrived. Accepts NULL. */
void mailbox_destroy(struct mailbox *mailbox);
