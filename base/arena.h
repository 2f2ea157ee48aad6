/* base/arena.h -- memory that is given back all at once: what one message produced lives and dies here.
 * Bump allocation in blocks taken with malloc, at most cap octets in all: each is twice as large as the one before, up to
 * 16 KiB, unless more is asked for at once. No I/O, clock or lock; one thread at a time.
 * Under the address sanitizer each allocation is a malloc of its own, so an octet too many is seen. */
#pragma once
#include <stddef.h>
#include "base/span.h"

struct arena;

/* NULL when there is no memory. The first block, 16 KiB, is allocated at once. */
struct arena *arena_create(size_t cap);
/* The same with a first block of so many octets (at least 1): for arenas that are many, each with what it usually takes. */
struct arena *arena_create_small(size_t cap, size_t first);
void arena_destroy(struct arena *arena); /* accepts NULL */
/* Gives everything back but the first block; all that was handed out is invalid. */
void arena_reset(struct arena *arena);
/* size octets aligned for any type, zeroed; NULL when the cap or memory is spent. */
void *arena_alloc(struct arena *arena, size_t size);
/* A copy that lives as long as the arena; {NULL, 0} when the cap or memory is spent (or for an empty span). */
struct span arena_copy(struct arena *arena, struct span octets);
