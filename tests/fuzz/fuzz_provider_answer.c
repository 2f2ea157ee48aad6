/* What a provider shows, as a person pastes it: read in bounded memory, and what is read is consistent. */
#include <stdint.h>
#include <stdlib.h>
#include "verifier/provider_answer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct span text = {(const char *)data, size};
    struct arena *arena = arena_create(1 << 20);
    struct provider_answer answer;
    size_t line;
    if (arena == NULL || !provider_answer_read(text, arena, &answer)) abort();
    if (answer.count > PROVIDER_SELECTORS_MAX || answer.state >= PROVIDER_STATE_COUNT) abort();
    for (size_t i = 0; i < answer.count; i++) {
        const struct provider_selector *told = &answer.selector[i];
        if (told->selector.len + told->name.len + told->target.len == 0) abort();
        if (told->name.len > 0 && span_find(told->name, '.') == told->name.len && told->name_as_written.len > 0)
            abort();
        if (provider_selector_label(told).len > size + 1) abort();
    }
    if ((json_fault_find(text, &line) == JSON_FAULT_NONE) != (line == 0)) abort();
    arena_destroy(arena);
    return 0;
}
