#include "verifier/field_index.h"
#include <stdint.h>
#include "base/keyed_hash.h"

/* Chains of fields of one name, lowest first; a table of chains with open addressing, at most half full. */
#define NONE UINT32_MAX
enum { HASHED_OCTETS = 64 }; /* longer names are told apart by the full compare */

struct slot { uint32_t lowest, next; }; /* field indices: the chain's first, and the one field_index_next gives out */

struct field_index {
    const struct header_section *section;
    uint32_t *above;    /* for each field: the next field further up with the same name, or NONE */
    struct slot *slots; /* mask + 1 of them */
    size_t mask;
};

/* Names that differ in the case of letters alone have one hash. Setting the bit of lower case in every octet, eight at a
 * time, is enough for that: the compare tells what else it makes equal. */
static uint64_t hash_of(struct span name) {
    uint64_t words[HASHED_OCTETS / 8] = {0};
    size_t len = name.len < sizeof words ? name.len : sizeof words;
    memcpy(words, name.ptr, len);
    for (size_t i = 0; i < len; i += 8) words[i / 8] |= 0x2020202020202020;
    return keyed_hash(keyed_hash_process_key(), (struct span){(const char *)words, len});
}

/* The slot of name: its chain's, or the free one where it would go. */
static struct slot *slot_of(const struct field_index *index, struct span name) {
    for (size_t at = (size_t)hash_of(name);; at++) {
        struct slot *slot = &index->slots[at & index->mask];
        if (slot->lowest == NONE || span_equal_nocase(index->section->fields[slot->lowest].name, name)) return slot;
    }
}

struct field_index *field_index_create(const struct header_section *section, struct arena *arena) {
    size_t room = 16;
    while (room < 2 * section->count) room *= 2;
    struct field_index *index = arena_alloc(arena, sizeof *index);
    uint32_t *above = arena_alloc(arena, (section->count + 1) * sizeof *above);
    struct slot *slots = arena_alloc(arena, room * sizeof *slots);
    if (index == NULL || above == NULL || slots == NULL) return NULL;
    *index = (struct field_index){.section = section, .above = above, .slots = slots, .mask = room - 1};
    for (size_t i = 0; i < room; i++) slots[i] = (struct slot){NONE, NONE};
    for (size_t i = 0; i < section->count; i++) { /* top down: each field becomes the lowest of its name */
        if (section->fields[i].name.len == 0) continue;
        struct slot *slot = slot_of(index, section->fields[i].name);
        above[i] = slot->lowest;
        slot->lowest = (uint32_t)i;
    }
    field_index_restart(index);
    return index;
}

void field_index_restart(struct field_index *index) {
    for (size_t i = 0; i <= index->mask; i++) index->slots[i].next = index->slots[i].lowest;
}

const struct header_field *field_index_next(struct field_index *index, struct span name) {
    if (name.len == 0) return NULL;
    struct slot *slot = slot_of(index, name);
    if (slot->next == NONE) return NULL;
    const struct header_field *field = &index->section->fields[slot->next];
    slot->next = index->above[slot->next];
    return field;
}
