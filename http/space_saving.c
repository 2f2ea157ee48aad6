#include "http/space_saving.h"
#include <assert.h>
#include <stdlib.h>
#include "base/keyed_hash.h"

#define PIN_BIT (UINT64_C(1) << 63) /* in a heap key: a pinned slot weighs more than any other */

struct slot {
    char *name; /* owned, name_len octets */
    uint64_t hash;
    uint64_t error;          /* weight inherited at entry */
    uint32_t chain, heap_at; /* next slot of the hash chain; place in the heap */
    uint8_t name_len;
};

struct heap_item {
    uint64_t key;
    uint32_t slot;
};

struct space_saving {
    uint32_t slot_max, count, bucket_count; /* bucket_count: a power of two */
    uint64_t evictions;
    struct slot *slots;
    struct heap_item *heap; /* the lightest first; kept apart from the slots so that few cache lines are touched */
    uint32_t *buckets;      /* first slot of each hash chain */
};

struct space_saving *space_saving_create(uint32_t slots) {
    struct space_saving *table = calloc(1, sizeof *table);
    if (table == NULL) return NULL;
    table->slot_max = slots;
    for (table->bucket_count = 1; table->bucket_count < slots; table->bucket_count *= 2) {}
    table->slots = calloc(slots, sizeof *table->slots);
    table->heap = calloc(slots, sizeof *table->heap);
    table->buckets = malloc(table->bucket_count * sizeof *table->buckets);
    if (table->slots == NULL || table->heap == NULL || table->buckets == NULL) {
        space_saving_destroy(table);
        return NULL;
    }
    for (uint32_t i = 0; i < table->bucket_count; i++) table->buckets[i] = SPACE_SAVING_NONE;
    return table;
}

void space_saving_destroy(struct space_saving *table) {
    if (table == NULL) return;
    for (uint32_t i = 0; i < table->count; i++) free(table->slots[i].name);
    free(table->slots);
    free(table->heap);
    free(table->buckets);
    free(table);
}

static void place(struct space_saving *table, uint32_t at, struct heap_item item) {
    table->heap[at] = item;
    table->slots[item.slot].heap_at = at;
}

static void sift_down(struct space_saving *table, uint32_t at) {
    struct heap_item item = table->heap[at];
    for (uint32_t child; (child = 2 * at + 1) < table->count; at = child) {
        if (child + 1 < table->count && table->heap[child + 1].key < table->heap[child].key) child++;
        if (table->heap[child].key >= item.key) break;
        place(table, at, table->heap[child]);
    }
    place(table, at, item);
}

static void sift_up(struct space_saving *table, uint32_t at) {
    struct heap_item item = table->heap[at];
    for (uint32_t parent; at > 0 && table->heap[parent = (at - 1) / 2].key > item.key; at = parent)
        place(table, at, table->heap[parent]);
    place(table, at, item);
}

static uint32_t *bucket_of(const struct space_saving *table, uint64_t hash) {
    return &table->buckets[hash & (table->bucket_count - 1)];
}

static uint32_t find(const struct space_saving *table, struct span name, uint64_t hash) {
    uint32_t i = *bucket_of(table, hash);
    for (; i != SPACE_SAVING_NONE; i = table->slots[i].chain)
        if (table->slots[i].hash == hash && span_equal(space_saving_name(table, i), name)) break;
    return i;
}

static void unlink_slot(struct space_saving *table, uint32_t index) {
    uint32_t *at = bucket_of(table, table->slots[index].hash);
    while (*at != index) at = &table->slots[*at].chain;
    *at = table->slots[index].chain;
}

/* A slot for a name that has none: a free one, else that of the lightest. */
static uint32_t enter(struct space_saving *table, struct span name, uint64_t hash) {
    bool is_free = table->count < table->slot_max;
    if (!is_free && (table->heap[0].key & PIN_BIT) != 0) return SPACE_SAVING_NONE;
    char *copy = malloc(name.len > 0 ? name.len : 1);
    if (copy == NULL) return SPACE_SAVING_NONE;
    if (name.len > 0) memcpy(copy, name.ptr, name.len);
    uint32_t index = is_free ? table->count : table->heap[0].slot;
    struct slot *slot = &table->slots[index];
    uint64_t inherited = is_free ? 0 : table->heap[0].key;
    if (is_free) {
        place(table, table->count++, (struct heap_item){0, index});
        sift_up(table, slot->heap_at);
    } else {
        unlink_slot(table, index);
        free(slot->name);
        table->evictions++;
    }
    *slot = (struct slot){.name = copy,
                          .name_len = (uint8_t)name.len,
                          .hash = hash,
                          .error = inherited,
                          .chain = *bucket_of(table, hash),
                          .heap_at = slot->heap_at};
    *bucket_of(table, hash) = index;
    return index;
}

uint32_t space_saving_add(struct space_saving *table, struct span name, uint64_t weight, bool *entered) {
    assert(name.len <= SPACE_SAVING_NAME_MAX && (weight & PIN_BIT) == 0);
    uint64_t hash = keyed_hash(keyed_hash_process_key(), name);
    uint32_t index = find(table, name, hash);
    *entered = index == SPACE_SAVING_NONE;
    if (*entered) index = enter(table, name, hash);
    if (index == SPACE_SAVING_NONE) return *entered = false, index;
    table->heap[table->slots[index].heap_at].key += weight;
    sift_down(table, table->slots[index].heap_at);
    return index;
}

uint32_t space_saving_find(const struct space_saving *table, struct span name) {
    return find(table, name, keyed_hash(keyed_hash_process_key(), name));
}

uint32_t space_saving_count(const struct space_saving *table) { return table->count; }

struct span space_saving_name(const struct space_saving *table, uint32_t slot) {
    return (struct span){table->slots[slot].name, table->slots[slot].name_len};
}

uint64_t space_saving_weight(const struct space_saving *table, uint32_t slot) {
    return (table->heap[table->slots[slot].heap_at].key & ~PIN_BIT) - table->slots[slot].error;
}

uint64_t space_saving_error(const struct space_saving *table, uint32_t slot) { return table->slots[slot].error; }

void space_saving_pin(struct space_saving *table, uint32_t slot, bool pinned) {
    uint64_t *key = &table->heap[table->slots[slot].heap_at].key;
    *key = pinned ? *key | PIN_BIT : *key & ~PIN_BIT;
    sift_down(table, table->slots[slot].heap_at);
    sift_up(table, table->slots[slot].heap_at);
}

void space_saving_halve(struct space_saving *table) {
    for (uint32_t i = 0; i < table->count; i++) { /* keeps the order, so the heap stays one */
        uint64_t key = table->heap[i].key;
        table->heap[i].key = (key & PIN_BIT) | (key & ~PIN_BIT) / 2;
        table->slots[table->heap[i].slot].error /= 2;
    }
}

uint64_t space_saving_evictions(const struct space_saving *table) { return table->evictions; }
