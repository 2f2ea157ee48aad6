#include "proxy/message_cause.h"
#include <stdlib.h>
#include "base/bytes.h"
#include "proxy/spool.h"
#include "verifier/diagnosis.h"
#include "verifier/message_verifier.h"

enum { ARENA_OCTETS = 4 << 20, PIECE = 16 * 1024 };

bool message_cause_allow(struct message_cause_allowance *allowance, int64_t now_us) {
    const int64_t every_us = (int64_t)MESSAGE_CAUSE_EVERY_MS * 1000;
    int64_t turns = (now_us - allowance->counted_us) / every_us;
    if (turns > 0) {
        allowance->used = (uint64_t)turns < allowance->used ? allowance->used - (unsigned)turns : 0;
        allowance->counted_us = now_us;
    }
    if (allowance->used == MESSAGE_CAUSE_BURST) return false;
    allowance->used++;
    return true;
}

bool message_cause_is_vague(const struct message_result *result) {
    for (size_t i = 0; i < result->dkim_count; i++) {
        enum cause cause = dkim_code_cause(result->dkim[i].code);
        if (cause == CAUSE_BODY_OTHER || cause == CAUSE_HEADER_OTHER) return true;
    }
    return false;
}

static bool read_body(const struct spool *spool, uint64_t offset, struct bytes *out) {
    char scratch[PIECE];
    uint64_t size = spool_size(spool);
    if (offset > size || size - offset > MESSAGE_CAUSE_BODY_MAX) return false;
    while (offset < size) {
        struct span octets;
        if (spool_read(spool, offset, scratch, sizeof scratch, &octets) != SPOOL_OK || octets.len == 0) return false;
        if (!bytes_append(out, octets)) return false;
        offset += octets.len;
    }
    return true;
}

static size_t gather_keys(const struct message_verifier *verifier, const struct message_result *result,
                          struct arena *arena, struct diagnosis_key keys[DIAGNOSIS_SIGNATURES_MAX]) {
    size_t count = 0;
    for (size_t i = 0; i < result->dkim_count && i < DIAGNOSIS_SIGNATURES_MAX; i++) {
        struct span name = diagnosis_key_name(&result->dkim[i], arena);
        const struct key_entry *entry = message_verifier_key(verifier, name);
        if (entry != NULL) keys[count++] = (struct diagnosis_key){name, entry, DIAGNOSIS_KEY_CURRENT};
    }
    return count;
}

void message_cause_refine(const struct message_verifier *verifier, const struct message_result *result,
                          const struct spool *spool, uint64_t body_offset, enum cause *cause, size_t count) {
    struct bytes body = bytes_with_cap(MESSAGE_CAUSE_BODY_MAX);
    struct arena *arena = arena_create(ARENA_OCTETS);
    struct diagnosis *diagnosis = malloc(sizeof *diagnosis);
    struct diagnosis_key keys[DIAGNOSIS_SIGNATURES_MAX];
    if (arena != NULL && diagnosis != NULL && read_body(spool, body_offset, &body)) {
        struct diagnosis_input input = {.section = message_verifier_header(verifier),
                                        .body = bytes_span(&body),
                                        .has_body = true,
                                        .result = result,
                                        .keys = keys,
                                        .budget = diagnosis_budget_filter};
        input.key_count = gather_keys(verifier, result, arena, keys);
        diagnosis_run(&input, arena, diagnosis); /* without memory: the causes of the codes */
        for (size_t i = 0; i < count && i < DIAGNOSIS_SIGNATURES_MAX; i++) cause[i] = diagnosis->cause[i];
    }
    free(diagnosis);
    arena_destroy(arena);
    bytes_release(&body);
}
