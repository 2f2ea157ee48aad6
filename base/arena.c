#include "base/arena.h"
#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK_SIZE = 16 * 1024 }; /* of the first block unless its creator knows better; of the later ones at most */

#if defined(__SANITIZE_ADDRESS__)
#define EACH_ALONE 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define EACH_ALONE 1
#endif
#endif
#ifndef EACH_ALONE
#define EACH_ALONE 0
#endif

struct block {
    struct block *next;
    size_t size, used; /* octets of data */
    alignas(max_align_t) char data[];
};

struct arena {
    size_t cap, taken;
    struct block *first, *blocks; /* blocks: newest first; first: the oldest, kept over a reset */
};

static struct block *add_block(struct arena *arena, size_t size) {
    if (size > arena->cap - arena->taken) return NULL;
    struct block *block = malloc(sizeof *block + size);
    if (block == NULL) return NULL;
    *block = (struct block){.next = arena->blocks, .size = size};
    arena->blocks = block;
    arena->taken += size;
    return block;
}

struct arena *arena_create_small(size_t cap, size_t first) {
    struct arena *arena = calloc(1, sizeof *arena);
    if (arena == NULL) return NULL;
    arena->cap = cap;
    if (!EACH_ALONE) {
        arena->first = add_block(arena, cap < first ? cap : first);
        if (arena->first == NULL) return free(arena), NULL;
    }
    return arena;
}

struct arena *arena_create(size_t cap) { return arena_create_small(cap, BLOCK_SIZE); }

void arena_reset(struct arena *arena) {
    while (arena->blocks != arena->first) {
        struct block *block = arena->blocks;
        arena->blocks = block->next;
        arena->taken -= block->size;
        free(block);
    }
    if (arena->first != NULL) arena->first->used = 0;
}

void arena_destroy(struct arena *arena) {
    if (arena == NULL) return;
    arena_reset(arena);
    free(arena->first);
    free(arena);
}

/* Of the block that follows the newest one, if the cap lets it. */
static size_t next_size(const struct arena *arena) {
    size_t newest = arena->blocks->size, left = arena->cap - arena->taken;
    size_t usual = newest < BLOCK_SIZE / 2 ? 2 * newest : BLOCK_SIZE;
    return left < usual ? left : usual;
}

static void *raw_alloc(struct arena *arena, size_t size) {
    size_t step = EACH_ALONE ? (size > 0 ? size : 1) : (size + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
    if (step < size) return NULL; /* size was near SIZE_MAX */
    struct block *block = arena->blocks;
    if (EACH_ALONE || block->size - block->used < step) {
        size_t usual = EACH_ALONE ? step : next_size(arena);
        block = add_block(arena, step > usual ? step : usual);
        if (block == NULL) return NULL;
    }
    void *at = block->data + block->used;
    block->used += step;
    return at;
}

void *arena_alloc(struct arena *arena, size_t size) {
    void *at = raw_alloc(arena, size);
    return at != NULL ? memset(at, 0, size) : NULL;
}

struct span arena_copy(struct arena *arena, struct span octets) {
    char *at = octets.len > 0 ? raw_alloc(arena, octets.len) : NULL;
    if (at == NULL) return (struct span){NULL, 0};
    return (struct span){memcpy(at, octets.ptr, octets.len), octets.len};
}
