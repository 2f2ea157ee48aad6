#include "proxy/spool.h"
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/list.h"
#include "base/memory_account.h"

enum {
    SPARE_BLOCKS = 64, /* kept by a pool for the next messages: 1 MiB */
    SPARE_FIRST = 16,  /* first blocks */
    TAIL_ROOM = 4096,  /* octets gathered for one write to the file */
};

struct block {
    struct list node;
    char octets[]; /* SPOOL_BLOCK or SPOOL_FIRST_BLOCK */
};

struct spool_pool {
    struct spool_limits limits;
    struct spool_account *account;
    int directory;
    uint64_t memory_used; /* octets of the blocks that spools hold */
    struct spare {
        struct list list;
        size_t count;
    } blocks, first_blocks;
    size_t spools;
};

struct spool {
    struct spool_pool *pool;
    struct block **blocks; /* in order; each but the last is full */
    bool has_first_block;  /* and no other */
    size_t block_count, block_room;
    uint64_t memory_len;   /* octets in blocks: the message's first ones */
    uint64_t file_len;     /* octets of the file: all behind them */
    uint64_t written;      /* of these, those that lie in it; the others are gathered in tail */
    char *tail;            /* TAIL_ROOM octets, NULL: none yet */
    int file;              /* -1: none */
};

const char *spool_status_text(enum spool_status status) {
#define X(id, text) [id] = text,
    static const char *const texts[] = {SPOOL_STATUSES(X)};
#undef X
    return texts[status];
}

static bool is_good_directory(int directory, bool is_new, uid_t owner) {
    struct stat info;
    if (is_new && owner != geteuid() && fchown(directory, owner, (gid_t)-1) != 0) return false;
    if (fstat(directory, &info) != 0) return false;
    errno = EPERM;
    return info.st_uid == owner && (info.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

int spool_directory_open(const char *path, uid_t owner) {
    bool is_new = mkdir(path, 0700) == 0;
    if (!is_new && errno != EEXIST) return -1;
    int directory = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (directory < 0 || is_good_directory(directory, is_new, owner)) return directory;
    int error = errno;
    close(directory);
    errno = error;
    return -1;
}

struct spool_pool *spool_pool_create(struct spool_limits limits, struct spool_account *account, int directory) {
    struct spool_pool *pool = calloc(1, sizeof *pool);
    if (pool == NULL) return NULL;
    *pool = (struct spool_pool){.limits = limits, .account = account, .directory = directory};
    list_init(&pool->blocks.list);
    list_init(&pool->first_blocks.list);
    return pool;
}

static void free_spare(struct spare *spare) {
    for (struct list *node; (node = list_take_first(&spare->list)) != NULL;) free(LIST_ENTRY(node, struct block, node));
}

void spool_pool_destroy(struct spool_pool *pool) {
    if (pool == NULL) return;
    assert(pool->spools == 0);
    free_spare(&pool->blocks);
    free_spare(&pool->first_blocks);
    free(pool);
}

static struct block *take_block(struct spool_pool *pool, struct spare *spare, size_t size) {
    if (!memory_account_take(pool->account->memory, size)) return NULL;
    struct list *node = list_take_first(&spare->list);
    struct block *block = node != NULL ? LIST_ENTRY(node, struct block, node) : malloc(sizeof *block + size);
    if (block == NULL) return memory_account_give(pool->account->memory, size), NULL;
    if (node != NULL) spare->count--;
    list_init(&block->node);
    pool->memory_used += size;
    return block;
}

static void give_block(struct spool_pool *pool, struct block *block, bool is_first) {
    struct spare *spare = is_first ? &pool->first_blocks : &pool->blocks;
    size_t size = is_first ? SPOOL_FIRST_BLOCK : SPOOL_BLOCK;
    pool->memory_used -= size;
    memory_account_give(pool->account->memory, size);
    if (spare->count == (is_first ? SPARE_FIRST : SPARE_BLOCKS)) {
        free(block);
        return;
    }
    spare->count++;
    list_prepend(&spare->list, &block->node); /* the one that is in the processor's cache */
}

struct spool *spool_create(struct spool_pool *pool) {
    struct spool *spool = calloc(1, sizeof *spool);
    if (spool == NULL) return NULL;
    spool->pool = pool;
    spool->file = -1;
    pool->spools++;
    return spool;
}

/* Gives back the blocks behind the first count ones. */
static void drop_blocks(struct spool *spool, size_t count) {
    while (spool->block_count > count) {
        give_block(spool->pool, spool->blocks[--spool->block_count], spool->has_first_block);
        spool->has_first_block = false;
    }
}

void spool_clear(struct spool *spool) {
    atomic_fetch_sub_explicit(&spool->pool->account->used, spool_size(spool), memory_order_relaxed);
    drop_blocks(spool, 0);
    if (spool->file >= 0) close(spool->file);
    spool->file = -1;
    free(spool->tail);
    spool->tail = NULL;
    spool->memory_len = spool->file_len = spool->written = 0;
}

void spool_destroy(struct spool *spool) {
    if (spool == NULL) return;
    spool_clear(spool);
    spool->pool->spools--;
    free(spool->blocks);
    free(spool);
}

uint64_t spool_size(const struct spool *spool) { return spool->memory_len + spool->file_len; }
bool spool_is_on_disk(const struct spool *spool) { return spool->file_len > 0; }

/* Takes len octets from what all messages may use together; false: there are not so many left. */
static bool charge(struct spool_account *account, uint64_t len) {
    uint64_t used = atomic_load_explicit(&account->used, memory_order_relaxed);
    do {
        if (len > account->max || used > account->max - len) return false;
    } while (!atomic_compare_exchange_weak_explicit(&account->used, &used, used + len, memory_order_relaxed,
                                                    memory_order_relaxed));
    return true;
}

static uint64_t room_of_blocks(const struct spool *spool) {
    return spool->has_first_block ? SPOOL_FIRST_BLOCK : spool->block_count * (uint64_t)SPOOL_BLOCK;
}

/* A block of the usual size takes the first one's place. */
static bool replace_first_block(struct spool *spool) {
    struct spool_pool *pool = spool->pool;
    struct block *first = spool->blocks[0], *block = take_block(pool, &pool->blocks, SPOOL_BLOCK);
    if (block == NULL) return false;
    memcpy(block->octets, first->octets, SPOOL_FIRST_BLOCK);
    give_block(pool, first, true);
    spool->blocks[0] = block;
    spool->has_first_block = false;
    return true;
}

/* All blocks are full, and len octets are to follow. */
static bool add_block(struct spool *spool, size_t len) {
    struct spool_pool *pool = spool->pool;
    bool is_first = spool->block_count == 0 && len <= SPOOL_FIRST_BLOCK;
    if (spool->has_first_block) return replace_first_block(spool);
    if (spool->block_count == spool->block_room) {
        size_t room = spool->block_room > 0 ? spool->block_room * 2 : 4;
        struct block **blocks = realloc(spool->blocks, room * sizeof *blocks);
        if (blocks == NULL) return false;
        spool->blocks = blocks;
        spool->block_room = room;
    }
    struct block *block = is_first ? take_block(pool, &pool->first_blocks, SPOOL_FIRST_BLOCK)
                                   : take_block(pool, &pool->blocks, SPOOL_BLOCK);
    if (block == NULL) return false;
    spool->has_first_block = is_first;
    spool->blocks[spool->block_count++] = block;
    return true;
}

/* How many octets the spool's blocks can become before the pool has no more. */
static uint64_t most_in_blocks(const struct spool *spool) {
    uint64_t held = room_of_blocks(spool), used = spool->pool->memory_used, max = spool->pool->limits.pool_memory_max;
    uint64_t most = held + (max > used ? max - used : 0);
    if (most >= SPOOL_BLOCK)
        most -= most % SPOOL_BLOCK;
    else
        most = most >= SPOOL_FIRST_BLOCK ? SPOOL_FIRST_BLOCK : 0;
    return most > held ? most : held;
}

/* How many of len octets still go to memory. Once the file is begun, none: the order would be lost. */
static uint64_t memory_share(const struct spool *spool, uint64_t len) {
    const struct spool_limits *limits = &spool->pool->limits;
    if (spool->file >= 0 || spool->memory_len >= limits->memory_max) return 0;
    uint64_t room = limits->memory_max - spool->memory_len;
    uint64_t in_blocks = most_in_blocks(spool) - spool->memory_len;
    if (room > in_blocks) room = in_blocks;
    return len < room ? len : room;
}

/* Copies as much of octets as gets a block; how many those are. */
static size_t append_to_memory(struct spool *spool, struct span octets) {
    size_t done = 0;
    while (done < octets.len) {
        size_t used = (size_t)(spool->memory_len % SPOOL_BLOCK);
        if (spool->memory_len == room_of_blocks(spool) && !add_block(spool, octets.len - done)) break;
        uint64_t room = room_of_blocks(spool) - spool->memory_len;
        size_t len = room < octets.len - done ? (size_t)room : octets.len - done;
        memcpy(spool->blocks[spool->block_count - 1]->octets + used, octets.ptr + done, len);
        spool->memory_len += len;
        done += len;
    }
    return done;
}

/* For file systems without O_TMPFILE: a name that nobody else can have, gone before anything is written. */
static int open_and_unlink(int directory) {
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d/spool-XXXXXX", directory);
    int file = mkostemp(path, O_CLOEXEC);
    if (file >= 0 && unlink(path) != 0) {
        close(file);
        return -1;
    }
    return file;
}

static enum spool_status status_of(int error) {
    if (error == ENOSPC || error == EDQUOT || error == EFBIG) return SPOOL_NO_SPACE;
    return error == ENOMEM ? SPOOL_NO_MEMORY : SPOOL_IO;
}

static enum spool_status open_file(struct spool *spool) {
    int directory = spool->pool->directory;
    if (spool->file >= 0) return SPOOL_OK;
    if (directory < 0) return SPOOL_NO_MEMORY;
    spool->file = openat(directory, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (spool->file < 0 && (errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL))
        spool->file = open_and_unlink(directory);
    return spool->file >= 0 ? SPOOL_OK : status_of(errno);
}

static enum spool_status write_octets(struct spool *spool, const char *octets, size_t len) {
    for (size_t done = 0; done < len;) {
        ssize_t count = pwrite(spool->file, octets + done, len - done, (off_t)(spool->written + done));
        if (count > 0)
            done += (size_t)count;
        else if (count == 0 || errno != EINTR)
            return count == 0 ? SPOOL_NO_SPACE : status_of(errno);
    }
    spool->written += len;
    return SPOOL_OK;
}

/* Large pieces go to the file at once; small ones are gathered, since a message may come in pieces of three octets. */
static enum spool_status append_to_file(struct spool *spool, struct span octets) {
    enum spool_status status = octets.len > 0 ? open_file(spool) : SPOOL_OK;
    if (status != SPOOL_OK || octets.len == 0) return status;
    if (spool->tail == NULL && octets.len < TAIL_ROOM) spool->tail = malloc(TAIL_ROOM); /* without it, piece by piece */
    size_t gathered = (size_t)(spool->file_len - spool->written);
    if (gathered + octets.len > TAIL_ROOM || spool->tail == NULL) {
        if (gathered > 0) status = write_octets(spool, spool->tail, gathered);
        if (status != SPOOL_OK) return status;
        gathered = 0;
    }
    if (octets.len < TAIL_ROOM && spool->tail != NULL)
        memcpy(spool->tail + gathered, octets.ptr, octets.len);
    else
        status = write_octets(spool, octets.ptr, octets.len);
    if (status == SPOOL_OK) spool->file_len += octets.len;
    return status;
}

enum spool_status spool_append(struct spool *spool, struct span octets) {
    struct spool_pool *pool = spool->pool;
    uint64_t size = spool_size(spool), memory_len = spool->memory_len;
    if (octets.len == 0) return SPOOL_OK;
    if (octets.len > pool->limits.message_max || size > pool->limits.message_max - octets.len) return SPOOL_TOO_LARGE;
    if (!charge(pool->account, octets.len)) return SPOOL_FULL;
    size_t blocks = spool->block_count;
    size_t in_memory = append_to_memory(spool, span_first(octets, (size_t)memory_share(spool, octets.len)));
    enum spool_status status = append_to_file(spool, span_after(octets, in_memory));
    if (status == SPOOL_OK) return SPOOL_OK;
    drop_blocks(spool, blocks);
    spool->memory_len = memory_len;
    atomic_fetch_sub_explicit(&pool->account->used, octets.len, memory_order_relaxed);
    return status;
}

static enum spool_status read_file(const struct spool *spool, uint64_t offset, char *scratch, size_t room,
                                   struct span *octets) {
    if (offset >= spool->written) {
        *octets = (struct span){spool->tail + (offset - spool->written), (size_t)(spool->file_len - offset)};
        return SPOOL_OK;
    }
    uint64_t left = spool->written - offset;
    size_t wanted = left < room ? (size_t)left : room;
    ssize_t len;
    do len = pread(spool->file, scratch, wanted, (off_t)offset);
    while (len < 0 && errno == EINTR);
    if (len <= 0) return SPOOL_IO; /* 0: somebody cut a file that has no name */
    *octets = (struct span){scratch, (size_t)len};
    return SPOOL_OK;
}

enum spool_status spool_read(const struct spool *spool, uint64_t offset, char *scratch, size_t room,
                             struct span *octets) {
    assert(offset <= spool_size(spool) && room > 0);
    *octets = (struct span){NULL, 0};
    if (offset == spool_size(spool)) return SPOOL_OK;
    if (offset >= spool->memory_len) return read_file(spool, offset - spool->memory_len, scratch, room, octets);
    size_t at = (size_t)(offset % SPOOL_BLOCK);
    uint64_t left = spool->memory_len - offset;
    size_t len = left < SPOOL_BLOCK - at ? (size_t)left : SPOOL_BLOCK - at;
    *octets = (struct span){spool->blocks[offset / SPOOL_BLOCK]->octets + at, len};
    return SPOOL_OK;
}
