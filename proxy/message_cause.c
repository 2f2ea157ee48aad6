#include "proxy/message_cause.h"
#include <stdlib.h>
#include "base/bytes.h"
#include "proxy/spool.h"
#include "verifier/diagnosis.h"
#include "verifier/message_verifier.h"

enum { PIECE = 16 * 1024 };

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

bool message_cause_find(const struct message_verifier *verifier, const struct message_result *result,
                        const struct spool *spool, uint64_t body_offset, struct arena *arena, struct diagnosis *out) {
    struct bytes body = bytes_with_cap(MESSAGE_CAUSE_BODY_MAX);
    struct diagnosis_key keys[DIAGNOSIS_SIGNATURES_MAX];
    bool is_whole = read_body(spool, body_offset, &body);
    struct span copy = is_whole ? arena_copy(arena, bytes_span(&body)) : (struct span){NULL, 0};
    is_whole = is_whole && copy.len == body.len;
    bytes_release(&body);
    if (!is_whole) return false;
    struct diagnosis_input input = {.section = message_verifier_header(verifier),
                                    .body = copy,
                                    .has_body = true,
                                    .result = result,
                                    .keys = keys,
                                    .budget = diagnosis_budget_filter};
    input.key_count = gather_keys(verifier, result, arena, keys);
    return diagnosis_run(&input, arena, out);
}

void message_cause_refine(const struct message_verifier *verifier, const struct message_result *result,
                          const struct spool *spool, uint64_t body_offset, enum cause *cause, size_t count) {
    struct arena *arena = arena_create(MESSAGE_CAUSE_ARENA);
    struct diagnosis *diagnosis = malloc(sizeof *diagnosis);
    /* without memory: the causes of the codes */
    if (arena != NULL && diagnosis != NULL && message_cause_find(verifier, result, spool, body_offset, arena, diagnosis))
        for (size_t i = 0; i < count && i < DIAGNOSIS_SIGNATURES_MAX; i++) cause[i] = diagnosis->cause[i];
    free(diagnosis);
    arena_destroy(arena);
}
