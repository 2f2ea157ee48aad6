/* rules/value_range.h -- many networks as ranges of addresses: sorted, those that overlap or touch made one, searched
 * by halves. Add, seal, then ask: a sealed set is immutable and may be asked from any thread. Allocates with malloc; no
 * I/O, clock or lock. Cost: sealing sorts; a question takes as many steps as the count has bits. Memory: 8 to 16 octets
 * a v4 and 32 to 64 a v6 network. Limits: the caller's. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/endpoint.h"

struct value_range_v4 {
    uint32_t first, last;
};
struct value_range_v6 {
    uint8_t first[16], last[16];
};

struct value_range_set { /* zeroed: an empty one */
    struct value_range_v4 *v4;
    struct value_range_v6 *v6;
    size_t v4_count, v4_room, v6_count, v6_room;
};

/* False: no memory; the set is as before. A network of v4-mapped v6 addresses counts as v4. */
bool value_range_set_add(struct value_range_set *set, const struct network *network);
void value_range_set_seal(struct value_range_set *set);
void value_range_set_release(struct value_range_set *set); /* frees; then as new */
size_t value_range_set_count(const struct value_range_set *set);
size_t value_range_set_octets(const struct value_range_set *set);
/* address: 4 octets (is_v4) or 16; a v4-mapped v6 address is looked for as v4. */
bool value_range_set_has(const struct value_range_set *set, const uint8_t *address, bool is_v4);
