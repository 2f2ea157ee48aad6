/* http/space_saving.h -- the names seen most often, in bounded memory: the Space-Saving table of Metwally, Agrawal and
 * El Abbadi ("Efficient computation of frequent and top-k elements", 2005).
 * A name without a slot takes that of the lightest name and inherits its weight, so that frequent names stay whatever
 * crowd passes through. The weight only ranks; what is known of a name its owner keeps, by the number of its slot. A
 * pinned name never goes.
 * Allocates one copy of a name when it enters; no I/O, clock or lock; one thread at a time. Cost of an update: one
 * SipHash (the process key's), one compare, a few steps in a heap. Memory: 56 octets a slot and the names. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "base/span.h"

enum { SPACE_SAVING_NAME_MAX = 255 };
#define SPACE_SAVING_NONE UINT32_MAX /* no slot */

struct space_saving; /* a table */

struct space_saving *space_saving_create(uint32_t slots); /* at least 1; NULL: no memory */
void space_saving_destroy(struct space_saving *table);    /* accepts NULL */

/* Adds weight to name, at most SPACE_SAVING_NAME_MAX octets. Its slot; *entered: it had none before, so that what the
 * owner knows of that slot is of another name, which is gone, or nothing. SPACE_SAVING_NONE: no memory, or every slot is
 * pinned; the table is as it was. */
uint32_t space_saving_add(struct space_saving *table, struct span name, uint64_t weight, bool *entered);
uint32_t space_saving_find(const struct space_saving *table, struct span name); /* SPACE_SAVING_NONE: not there */

/* Slots in use are those below the count, in no order. A name keeps its slot until it goes. */
uint32_t space_saving_count(const struct space_saving *table);
struct span space_saving_name(const struct space_saving *table, uint32_t slot); /* borrowed until it goes */
/* What the name itself weighs, without what it inherited. */
uint64_t space_saving_weight(const struct space_saving *table, uint32_t slot);
/* What it inherited: the most by which its weight may be short. */
uint64_t space_saving_error(const struct space_saving *table, uint32_t slot);
void space_saving_pin(struct space_saving *table, uint32_t slot, bool pinned);
/* Halves all weights, so that names of the past make room. */
void space_saving_halve(struct space_saving *table);
uint64_t space_saving_evictions(const struct space_saving *table); /* names that had to go, since the beginning */
