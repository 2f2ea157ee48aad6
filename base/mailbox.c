#include "base/mailbox.h"
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include "base/bytes.h"
#include "base/loop.h"

enum { KEPT_MAX = 64 * 1024 }; /* octets of memory that a buffer keeps for the next time */

struct mailbox {
    struct loop *loop;
    void (*arrived)(void *owner, struct span record);
    void *owner;
    pthread_mutex_t lock; /* of what follows, up to reading */
    struct bytes waiting; /* records, each behind its length */
    struct loop_task task;
    bool posted;          /* task */
    bool closed;          /* written by the loop's thread only */
    struct bytes reading; /* the loop's thread's */
};

static void read_all(struct mailbox *mailbox) {
    struct span rest = bytes_span(&mailbox->reading);
    while (rest.len > 0 && !mailbox->closed) {
        uint32_t len;
        memcpy(&len, rest.ptr, sizeof len);
        struct span record = {rest.ptr + sizeof len, len};
        rest = span_after(rest, sizeof len + len);
        mailbox->arrived(mailbox->owner, record);
    }
    if (mailbox->reading.room > KEPT_MAX)
        bytes_release(&mailbox->reading);
    else
        bytes_clear(&mailbox->reading);
}

static void run(struct loop_task *task) {
    struct mailbox *mailbox = LIST_ENTRY(task, struct mailbox, task);
    pthread_mutex_lock(&mailbox->lock);
    struct bytes full = mailbox->waiting;
    mailbox->waiting = mailbox->reading;
    mailbox->reading = full;
    mailbox->posted = false;
    pthread_mutex_unlock(&mailbox->lock);
    read_all(mailbox);
}

struct mailbox *mailbox_create(struct loop *loop, size_t octets_max, void (*arrived)(void *owner, struct span record),
                               void *owner) {
    struct mailbox *mailbox = calloc(1, sizeof *mailbox);
    if (mailbox == NULL) return NULL;
    if (pthread_mutex_init(&mailbox->lock, NULL) != 0) return free(mailbox), NULL;
    mailbox->loop = loop;
    mailbox->arrived = arrived;
    mailbox->owner = owner;
    mailbox->waiting = mailbox->reading = bytes_with_cap(octets_max);
    mailbox->task.run = run;
    list_init(&mailbox->task.node);
    return mailbox;
}

/* Room for the whole record first, so that never half of it is there. */
static bool append(struct bytes *waiting, struct span record) {
    uint32_t len = (uint32_t)record.len;
    if (record.len > UINT32_MAX || record.len > SIZE_MAX - sizeof len ||
        !bytes_reserve(waiting, sizeof len + record.len)) {
        waiting->failed = false; /* what is there stays good, and there may be room later */
        return false;
    }
    return bytes_append(waiting, (struct span){(const char *)&len, sizeof len}) && bytes_append(waiting, record);
}

bool mailbox_post(struct mailbox *mailbox, struct span record) {
    pthread_mutex_lock(&mailbox->lock);
    bool good = !mailbox->closed && append(&mailbox->waiting, record);
    if (good && !mailbox->posted) {
        mailbox->posted = true;
        loop_post(mailbox->loop, &mailbox->task);
    }
    pthread_mutex_unlock(&mailbox->lock);
    return good;
}

void mailbox_close(struct mailbox *mailbox) {
    pthread_mutex_lock(&mailbox->lock);
    if (!mailbox->closed) loop_post_cancel(mailbox->loop, &mailbox->task);
    mailbox->closed = true;
    bytes_clear(&mailbox->waiting);
    pthread_mutex_unlock(&mailbox->lock);
}

void mailbox_destroy(struct mailbox *mailbox) {
    if (mailbox == NULL) return;
    bytes_release(&mailbox->waiting);
    bytes_release(&mailbox->reading);
    pthread_mutex_destroy(&mailbox->lock);
    free(mailbox);
}
