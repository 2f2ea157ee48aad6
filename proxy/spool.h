/* proxy/spool.h -- where a message stays until downstream has it: memory first, then an unnamed file.
 * Octets are appended in order and read back from any offset. Up to memory_max octets of a message lie in blocks of
 * the worker's pool (as long as the pool, and the process, has some), the rest in a file that was never linked anywhere (O_TMPFILE, or
 * mkostemp and unlink where the file system has no O_TMPFILE), mode 0600, in a directory of ours. File octets
 * go through the page cache: no call waits for the disk but when the kernel makes it wait. They are written 4 KiB at a
 * time; the last ones stay in memory, since they are read back soon.
 * Thread rule: a pool and its spools belong to one thread, but a complete spool may be read on another one while its
 * own thread leaves it alone. The account is shared by all pools (atomics, no lock).
 * Limits: struct spool_limits and the account's max. */
#pragma once
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include "base/span.h"

enum {
    SPOOL_BLOCK = 16384,      /* octets of one block */
    SPOOL_FIRST_BLOCK = 8192, /* of the only one of a small message; when it is full, its octets move into a usual one */
};

#define SPOOL_STATUSES(X)                                                                                              \
    X(SPOOL_OK, "ok")                                                                                                  \
    X(SPOOL_TOO_LARGE, "message larger than its limit")             /* 552 */                                          \
    X(SPOOL_FULL, "octets of all messages over their limit")        /* 452 4.3.1, like those below */                  \
    X(SPOOL_NO_SPACE, "no space left in the spool directory")                                                          \
    X(SPOOL_NO_MEMORY, "out of memory and no spool directory")                                                         \
    X(SPOOL_IO, "spool file cannot be made, written or read")
#define X(id, text) id,
enum spool_status { SPOOL_STATUSES(X) SPOOL_STATUS_COUNT };
#undef X
const char *spool_status_text(enum spool_status status);

struct memory_account;

/* Octets of all messages of the process, in memory and in files. */
struct spool_account {
    _Atomic uint64_t used;
    uint64_t max;
    struct memory_account *memory; /* where blocks are counted; borrowed; NULL: nobody counts */
};

struct spool_limits {
    uint64_t message_max;     /* octets of one message */
    uint64_t memory_max;      /* of one message in memory */
    uint64_t pool_memory_max; /* of all messages of the worker in memory; beyond it new octets go to files */
};

/* The spool directory, which is owner's: made with mode 0700 when missing (and given to owner, when we are root). A
 * symbolic link, another owner, or write permission for others is refused. Returns a descriptor for spool_pool_create (the caller's, who closes it), or -1 with errno set. */
int spool_directory_open(const char *path, uid_t owner);

struct spool_pool;
struct spool;

/* account and directory (a descriptor, or -1: memory only) are borrowed until destroy. NULL: no memory. */
struct spool_pool *spool_pool_create(struct spool_limits limits, struct spool_account *account, int directory);
void spool_pool_destroy(struct spool_pool *pool); /* accepts NULL; all its spools must be gone */

struct spool *spool_create(struct spool_pool *pool); /* NULL: no memory. No file, no block yet */
void spool_destroy(struct spool *spool);             /* accepts NULL */
void spool_clear(struct spool *spool);               /* for the next message: gives blocks, file and account back */

/* Appends all of octets or nothing: on any status but SPOOL_OK the spool is what it was. */
enum spool_status spool_append(struct spool *spool, struct span octets);
uint64_t spool_size(const struct spool *spool);
/* True when part of the message lies in the file. */
bool spool_is_on_disk(const struct spool *spool);
/* Some octets from offset <= spool_size on, at least one unless offset is the end: *octets lies in the spool (valid
 * until it is cleared or appended to) or in scratch, which has room > 0 octets and is written to for the file's part only. */
enum spool_status spool_read(const struct spool *spool, uint64_t offset, char *scratch, size_t room,
                             struct span *octets);
