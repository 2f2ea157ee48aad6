/* The strict reader against any octets: statuses, offsets and spans stay within the input or the arena. */
#include <stdint.h>
#include <stdlib.h>
#include "verifier/auth_results_reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t sum_of(struct span octets) {
    size_t sum = octets.len;
    for (size_t i = 0; i < octets.len; i++) sum += (unsigned char)octets.ptr[i];
    return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct arena *arena = arena_create(4 << 20);
    if (arena == NULL) return 0;
    struct auth_results read;
    size_t at, sum = 0;
    enum auth_results_status status = auth_results_read((struct span){(const char *)data, size}, arena, &read, &at);
    if (at > size || (status != AUTH_RESULTS_OK && read.count != 0)) abort();
    sum += sum_of(read.authserv_id);
    for (size_t i = 0; i < read.count; i++) {
        const struct auth_results_info *info = &read.info[i];
        if (info->method.len == 0 || info->result.len == 0) abort();
        sum += sum_of(info->method) + sum_of(info->result) + sum_of(info->reason);
        for (size_t p = 0; p < info->prop_count; p++)
            sum += sum_of(info->prop[p].ptype) + sum_of(info->prop[p].property) + sum_of(info->prop[p].value);
    }
    arena_destroy(arena);
    return sum == SIZE_MAX; /* the sums are read, so no octet read can be optimised away */
}
