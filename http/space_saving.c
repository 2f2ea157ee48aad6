#include "http/space_saving.h"
#include <assert.h>
#include <stdlib.h>
#include "base/keyed_hash.h"

#define NO_SLOT UINT32_MAX
#define PIN_BIT (UINT64_C(1) << 63) /* in a heap key: a pinned slot weighs more than any other */

struct heap_item { uint64_t key; uint32_t slot; };

struct space_saving {
    uint32_t slot_max, count, bucket_count; /* bucket_count: a power of two */
    uint64_t serial, evictions;
    struct space_saving_slot *slots;
    struct heap_item *heap; /* the lightest first; kept apart from the slots so that few cache lines are touched */
    uint32_t *buckets;      /* first slot of each hash chain */
};

struct space_saving *space_saving_create(uint32_t slots) {
    struct space_saving *table = calloc(1, sizeof *table);
    if (table == NULL) return NULL;
    table->slot_max = slots;
    for (table->bucket_count = 1; table->bucket_count < slots; table->bucket_count *= 2) { }
    table->slots = calloc(slots, sizeof *table->slots);
    table->heap = calloc(slots, sizeof *table->heap);
    table->buckets = malloc(table->bucket_count * sizeof *table->buckets);
    if (table->slots == NULL || table->heap == NULL || table->buckets == NULL) {
        space_saving_destroy(table);
        return NULL;
    }
    for (uint32_t i = 0; i < table->bucket_count; i++) table->buckets[i] = NO_SLOT;
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

static uint32_t *bucket_of(struct space_saving *table, uint64_t hash) { return &table->buckets[hash & (table->bucket_count - 1)]; }

static struct space_saving_slot *find(struct space_saving *table, struct span name, uint64_t hash) {
    for (uint32_t i = *bucket_of(table, hash); i != NO_SLOT; i = table->slots[i].chain) {
        struct space_saving_slot *slot = &table->slots[i];
        if (slot->hash == hash && span_equal((struct span){slot->name, slot->name_len}, name)) return slot;
    }
    return NULL;
}

static void unlink_slot(struct space_saving *table, uint32_t index) {
    uint32_t *at = bucket_of(table, table->slots[index].hash);
    while (*at != index) at = &table->slots[*at].chain;
    *at = table->slots[index].chain;
}

/* A slot for a name that has none: a free one, else that of the lightest. */
static struct space_saving_slot *enter(struct space_saving *table, struct span name, uint64_t hash) {
    bool is_free = table->count < table->slot_max;
    if (!is_free && (table->heap[0].key & PIN_BIT) != 0) return NULL;
    char *copy = malloc(name.len > 0 ? name.len : 1);
    if (copy == NULL) return NULL;
    if (name.len > 0) memcpy(copy, name.ptr, name.len);
    uint32_t index = is_free ? table->count : table->heap[0].slot;
    struct space_saving_slot *slot = &table->slots[index];
    uint64_t inherited = is_free ? 0 : table->heap[0].key;
    if (is_free) {
        place(table, table->count++, (struct heap_item){0, index});
        sift_up(table, slot->heap_at);
    } else {
        unlink_slot(table, index);
        free(slot->name);
        table->evictions++;
    }
    *slot = (struct space_saving_slot){.name = copy, .name_len = (uint8_t)name.len, .hash = hash, .error = inherited,
                                       .serial = ++table->serial, .chain = *bucket_of(table, hash), .heap_at = slot->heap_at};
    *bucket_of(table, hash) = index;
    return slot;
}

bool space_saving_add(struct space_saving *table, struct span name, unsigned which) {
    assert(name.len <= SPACE_SAVING_NAME_MAX && which < SPACE_SAVING_COUNTS);
    uint64_t hash = keyed_hash(keyed_hash_process_key(), name);
    struct space_saving_slot *slot = find(table, name, hash);
    if (slot == NULL) slot = enter(table, name, hash);
    if (slot == NULL) return false;
    slot->count[which]++;
    table->heap[slot->heap_at].key++;
    sift_down(table, slot->heap_at);
    return true;
}

uint32_t space_saving_count(const struct space_saving *table) { return table->count; }
struct space_saving_slot *space_saving_at(struct space_saving *table, uint32_t index) { return &table->slots[index]; }

struct space_saving_slot *space_saving_find(struct space_saving *table, struct span name) {
    return find(table, name, keyed_hash(keyed_hash_process_key(), name));
}

uint64_t space_saving_weight(const struct space_saving *table, const struct space_saving_slot *slot) {
    return (table->heap[slot->heap_at].key & ~PIN_BIT) - slot->error;
}

void space_saving_pin(struct space_saving *table, struct space_saving_slot *slot, bool pinned) {
    uint64_t *key = &table->heap[slot->heap_at].key;
    slot->is_pinned = pinned;
    *key = pinned ? *key | PIN_BIT : *key & ~PIN_BIT;
    sift_down(table, slot->heap_at);
    sift_up(table, slot->heap_at);
}

void space_saving_halve(struct space_saving *table) {
    for (uint32_t i = 0; i < table->count; i++) { /* keeps the order, so the heap stays one */
        uint64_t key = table->heap[i].key;
        table->heap[i].key = (key & PIN_BIT) | (key & ~PIN_BIT) / 2;
        table->slots[table->heap[i].slot].error /= 2;
    }
}

uint64_t space_saving_evictions(const struct space_saving *table) { return table->evictions; }
