/* The strict reader and that of claims against any octets: statuses, offsets and spans stay within the input or the arena. */
#include <stdint.h>
#include <stdlib.h>
#include "verifier/auth_results_reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t sum_of(struct span octets) {
    size_t sum = octets.len;
    for (size_t i = 0; i < octets.len; i++) sum += (unsigned char)octets.ptr[i];
    return sum;
}

/* is_claim: without authserv-id, and a property's type may be missing. */
static size_t sum_of_results(const struct auth_results *read, bool is_claim) {
    size_t sum = sum_of(read->authserv_id);
    if (read->count > 0 && (read->authserv_id.len == 0) != is_claim) abort();
    for (size_t i = 0; i < read->count; i++) {
        const struct auth_results_info *info = &read->info[i];
        if (info->method.len == 0 || info->result.len == 0) abort();
        sum += sum_of(info->method) + sum_of(info->result) + sum_of(info->reason);
        for (size_t p = 0; p < info->prop_count; p++) {
            if (info->prop[p].property.len == 0 || (info->prop[p].ptype.len == 0 && !is_claim)) abort();
            sum += sum_of(info->prop[p].ptype) + sum_of(info->prop[p].property) + sum_of(info->prop[p].value);
        }
    }
    return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct arena *arena = arena_create(8 << 20);
    if (arena == NULL) return 0;
    struct auth_results read;
    struct span value = {(const char *)data, size};
    size_t at;
    enum auth_results_status status = auth_results_read(value, arena, &read, &at);
    if (at > size || (status != AUTH_RESULTS_OK && read.count != 0)) abort();
    size_t sum = sum_of_results(&read, false);
    enum auth_results_status claim_status = auth_results_read_claim(value, arena, &read, &at);
    if (at > size || (claim_status != AUTH_RESULTS_OK && read.count != 0)) abort();
    if (status == AUTH_RESULTS_OK && claim_status == AUTH_RESULTS_OK) abort(); /* a value has one reading */
    sum += sum_of_results(&read, true);
    arena_destroy(arena);
    return sum == SIZE_MAX; /* the sums are read, so no octet read can be optimised away */
}
