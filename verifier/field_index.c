#include "verifier/field_index.h"
#include <pthread.h>
#include <stdint.h>
#include "base/keyed_hash.h"

/* Chains of fields of one name, lowest first; a table of chains with open addressing, at most half full. */
#define NONE UINT32_MAX
enum { WORDS = 8, HASHED_OCTETS = 8 * WORDS }; /* longer names are told apart by the full compare */

struct slot { uint32_t lowest, next; }; /* field indices: the chain's first, and the one field_index_next gives out */

struct field_index {
    const struct header_section *section;
    uint32_t *above;    /* for each field: the next field further up with the same name, or NONE */
    struct slot *slots; /* mask + 1 of them */
    size_t mask;
};

/* Multiply-shift over vectors (Dietzfelbinger, 1996): the upper half of the sum of each word times a random number of
 * twice its width. Two names that were chosen without these numbers, which never leave the process, meet with the
 * probability of chance; a name costs two multiplications for each eight octets, where SipHash waits for 14 rounds. */
static unsigned __int128 multiplier[WORDS + 1]; /* the last one is the length's */
static pthread_once_t multipliers_once = PTHREAD_ONCE_INIT;

static void draw_multipliers(void) {
    uint64_t halves[2 * (WORDS + 1)];
    for (uint64_t i = 0; i < sizeof halves / sizeof *halves; i++)
        halves[i] = keyed_hash(keyed_hash_process_key(), (struct span){(const char *)&i, sizeof i});
    memcpy(multiplier, halves, sizeof multiplier);
}

/* Names that differ in the case of letters alone have one hash. Setting the bit of lower case in every octet, eight at a
 * time, is enough for that: the compare tells what else it makes equal. */
static uint64_t hash_of(struct span name) {
    const uint64_t lower = 0x2020202020202020;
    uint64_t word = 0;
    size_t len = name.len < HASHED_OCTETS ? name.len : HASHED_OCTETS, i = 0;
    unsigned __int128 sum = multiplier[WORDS] * len;
    for (; 8 * i + 8 <= len; i++) {
        memcpy(&word, name.ptr + 8 * i, sizeof word);
        sum += multiplier[i] * (word | lower);
    }
    if (8 * i < len) sum += multiplier[i] * (span_last_word(span_first(name, len)) | lower);
    return (uint64_t)(sum >> 64);
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
    pthread_once(&multipliers_once, draw_multipliers);
    *index = (struct field_index){.section = section, .above = above, .slots = slots, .mask = room - 1};
    memset(slots, 0xff, room * sizeof *slots); /* NONE */
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
