#include "rules/value_range.h"
#include <stdlib.h>
#include <string.h>

static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

static uint32_t number_of(const uint8_t *octets) {
    return (uint32_t)octets[0] << 24 | (uint32_t)octets[1] << 16 | (uint32_t)octets[2] << 8 | octets[3];
}

/* Room for one more item of size octets. */
static void *with_room(void *items, size_t count, size_t *room, size_t size) {
    if (count < *room) return items;
    size_t more = *room > 0 ? *room * 2 : 16;
    void *larger = reallocarray(items, more, size);
    if (larger != NULL) *room = more;
    return larger;
}

static bool add_v4(struct value_range_set *set, uint32_t first, unsigned prefix_bits) {
    struct value_range_v4 *v4 = with_room(set->v4, set->v4_count, &set->v4_room, sizeof *v4);
    if (v4 == NULL) return false;
    set->v4 = v4;
    uint32_t behind = prefix_bits >= 32 ? 0 : UINT32_MAX >> prefix_bits;
    v4[set->v4_count++] = (struct value_range_v4){first, first | behind};
    return true;
}

bool value_range_set_add(struct value_range_set *set, const struct network *network) {
    if (network->is_v4) return add_v4(set, number_of(network->address), network->prefix_bits);
    if (network->prefix_bits >= 96 && memcmp(network->address, mapped, sizeof mapped) == 0)
        return add_v4(set, number_of(network->address + 12), network->prefix_bits - 96);
    struct value_range_v6 *v6 = with_room(set->v6, set->v6_count, &set->v6_room, sizeof *v6);
    if (v6 == NULL) return false;
    set->v6 = v6;
    struct value_range_v6 *range = &v6[set->v6_count++];
    memcpy(range->first, network->address, 16);
    memcpy(range->last, network->address, 16);
    for (unsigned bit = network->prefix_bits; bit < 128; bit++) range->last[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
    return true;
}

static int compare_v4(const void *a, const void *b) {
    const struct value_range_v4 *x = a, *y = b;
    return (x->first > y->first) - (x->first < y->first);
}

static int compare_v6(const void *a, const void *b) {
    return memcmp(((const struct value_range_v6 *)a)->first, ((const struct value_range_v6 *)b)->first, 16);
}

static void seal_v4(struct value_range_set *set) {
    size_t kept = 0;
    if (set->v4_count == 0) return;
    qsort(set->v4, set->v4_count, sizeof *set->v4, compare_v4);
    for (size_t i = 1; i < set->v4_count; i++) {
        struct value_range_v4 *last = &set->v4[kept];
        if (set->v4[i].first > last->last && set->v4[i].first - last->last > 1)
            set->v4[++kept] = set->v4[i];
        else if (set->v4[i].last > last->last)
            last->last = set->v4[i].last;
    }
    set->v4_count = kept + 1;
}

/* Those that only touch stay two. */
static void seal_v6(struct value_range_set *set) {
    size_t kept = 0;
    if (set->v6_count == 0) return;
    qsort(set->v6, set->v6_count, sizeof *set->v6, compare_v6);
    for (size_t i = 1; i < set->v6_count; i++) {
        struct value_range_v6 *last = &set->v6[kept];
        if (memcmp(set->v6[i].first, last->last, 16) > 0)
            set->v6[++kept] = set->v6[i];
        else if (memcmp(set->v6[i].last, last->last, 16) > 0)
            memcpy(last->last, set->v6[i].last, 16);
    }
    set->v6_count = kept + 1;
}

void value_range_set_seal(struct value_range_set *set) {
    seal_v4(set);
    seal_v6(set);
}

void value_range_set_release(struct value_range_set *set) {
    free(set->v4);
    free(set->v6);
    *set = (struct value_range_set){.v4 = NULL};
}

size_t value_range_set_count(const struct value_range_set *set) { return set->v4_count + set->v6_count; }

size_t value_range_set_octets(const struct value_range_set *set) {
    return set->v4_room * sizeof *set->v4 + set->v6_room * sizeof *set->v6;
}

static bool has_v4(const struct value_range_set *set, uint32_t address) {
    size_t low = 0,
           high = set->v4_count; /* the ranges below low begin at or before address, those from high on behind it */
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (set->v4[middle].first <= address)
            low = middle + 1;
        else
            high = middle;
    }
    return low > 0 && address <= set->v4[low - 1].last;
}

static bool has_v6(const struct value_range_set *set, const uint8_t *address) {
    size_t low = 0, high = set->v6_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (memcmp(set->v6[middle].first, address, 16) <= 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low > 0 && memcmp(address, set->v6[low - 1].last, 16) <= 0;
}

bool value_range_set_has(const struct value_range_set *set, const uint8_t *address, bool is_v4) {
    if (is_v4) return has_v4(set, number_of(address));
    if (memcmp(address, mapped, sizeof mapped) == 0 && has_v4(set, number_of(address + 12))) return true;
    return has_v6(set, address);
}
