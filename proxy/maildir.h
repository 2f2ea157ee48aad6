/* proxy/maildir.h -- deliver a message to a Maildir (https://cr.yp.to/proto/maildir.html), off the event loop.
 * Written to tmp/, fsync, renamed into new/, fsync of new/: done is called with MAILDIR_OK only when the message would
 * survive a power cut. Octets are stored as they would be sent, CRLF included. Whatever fails, no file remains in
 * tmp/.
 * The folder and its cur/, new/ and tmp/ are made with mode 0700 when missing (not the folder's parents); symbolic
 * links in place of any of the four are refused.
 * Names: SECONDS.MmicrosecondsPpidQcount.host; '/' and ':' of the host name as \057 and \072.
 * Thread rule: maildir_submit from the thread of job->loop, where done will be called; a maildir has threads of its
 * own for the writing, with one lock (none other is taken under it). */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/bytes.h"
#include "base/clock.h"
#include "base/loop.h"
#include "base/span.h"
#include "proxy/spool.h"

#define MAILDIR_STATUSES(X)                                                                                            \
    X(MAILDIR_OK, "delivered")                                                                                         \
    X(MAILDIR_FOLDER, "the Maildir cannot be made or opened")                                                          \
    X(MAILDIR_NO_SPACE, "no space left for the Maildir")     /* also: quota. 452 4.3.1; all others: 451 4.3.0 */       \
    X(MAILDIR_WRITE, "the message file cannot be made or written")                                                     \
    X(MAILDIR_FSYNC, "the message cannot be made safe on disk")                                                        \
    X(MAILDIR_RENAME, "the message cannot be moved into new")                                                          \
    X(MAILDIR_SPOOL, "the spool cannot be read")                                                                       \
    X(MAILDIR_NO_MEMORY, "out of memory")
#define X(id, text) id,
enum maildir_status { MAILDIR_STATUSES(X) MAILDIR_STATUS_COUNT };
#undef X
const char *maildir_status_text(enum maildir_status status);

/* One delivery. The caller fills the first part and leaves all of it, and what it points to, alone until done was
 * called. There is no way to call it back: a session that ends before waits for done with its freeing. */
struct maildir_job {
    const char *folder;       /* path of the Maildir */
    const struct span *head;  /* header_edit's runs */
    size_t head_count;
    const struct spool *spool;/* what follows them ... */
    uint64_t spool_offset;    /* ... from here on */
    struct loop *loop;        /* where done is called */
    void (*done)(struct maildir_job *job);
    void *owner;

    enum maildir_status status; /* valid in done */
    int error;                  /* errno of what failed, 0 without one */
    char name[160];             /* the file's name in new/, for the log; empty on failure */

    struct list node;           /* maildir.c's own, like all below */
    struct loop_task report;
};

struct maildir;
/* threads: how many deliveries may wait for the disk at a time (1 or more). clock is borrowed. NULL: no memory or
 * threads. */
struct maildir *maildir_create(unsigned threads, const struct clock *clock);
/* Waits until everything submitted has been written and posted to its loop; accepts NULL. */
void maildir_destroy(struct maildir *maildir);
void maildir_submit(struct maildir *maildir, struct maildir_job *job);

/* Appends "Return-Path: <path>" and CRLF, to stand beneath our Authentication-Results (RFC 5321 section 4.4). */
void maildir_return_path_write(struct bytes *out, struct span path);
