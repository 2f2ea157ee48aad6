/* http/space_saving.h -- counts of the names seen most often, in bounded memory: the Space-Saving table of Metwally,
 * Agrawal and El Abbadi ("Efficient computation of frequent and top-k elements", 2005).
 * A name without a slot takes that of the lightest name and inherits its weight, so that frequent names stay whatever
 * crowd passes through. Beside the weight, which only ranks, each slot has true counts since its name entered; what a
 * name that has to go had counted is lost to this table. A pinned name never goes.
 * Allocates one copy of a name when it enters; no I/O, clock or lock; one thread at a time. Cost of an update: one
 * SipHash (the process key's), one compare, a few steps in a heap. Memory: 112 octets a slot and the names. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "base/span.h"

enum { SPACE_SAVING_COUNTS = 3, SPACE_SAVING_NAME_MAX = 255 };

struct space_saving_slot {
    char *name;       /* owned by the table, name_len octets */
    uint8_t name_len;
    bool is_pinned;
    uint32_t chain, heap_at; /* the table's own */
    uint64_t hash;    /* keyed_hash of the name, the same in every table of the process */
    uint64_t serial;  /* of this stay of the name: differs when it has gone and come back */
    uint64_t error;   /* weight inherited at entry */
    uint64_t count[SPACE_SAVING_COUNTS]; /* since entry */
    uint64_t noted[SPACE_SAVING_COUNTS]; /* free for the reader; 0 at entry */
};

struct space_saving; /* a table */

struct space_saving *space_saving_create(uint32_t slots); /* at least 1; NULL: no memory */
void space_saving_destroy(struct space_saving *table);    /* accepts NULL */

/* Counts one of kind which (below SPACE_SAVING_COUNTS) for name, at most SPACE_SAVING_NAME_MAX octets. False: nothing was
 * counted, for want of memory or since every slot is pinned. */
bool space_saving_add(struct space_saving *table, struct span name, unsigned which);

/* Slots in use are numbered from 0, in no order; valid until the next add. */
uint32_t space_saving_count(const struct space_saving *table);
struct space_saving_slot *space_saving_at(struct space_saving *table, uint32_t index);
struct space_saving_slot *space_saving_find(struct space_saving *table, struct span name); /* NULL: not there */
/* What the name itself weighs, without what it inherited. */
uint64_t space_saving_weight(const struct space_saving *table, const struct space_saving_slot *slot);
void space_saving_pin(struct space_saving *table, struct space_saving_slot *slot, bool pinned);
/* Halves all weights, so that names of the past make room; counts stay. */
void space_saving_halve(struct space_saving *table);
uint64_t space_saving_evictions(const struct space_saving *table); /* names that had to go, since the beginning */
