/* fuzz_message_facts.c -- any message, taken apart for the tester's report: what is shown as the signed body is what is
 * hashed, steps and fields keep their caps, and masked text names nobody. */
#include <stdint.h>
#include <stdlib.h>
#include "http/address_mask.h"
#include "http/canonical_text.h"
#include "http/message_facts.h"

static void hash_text(struct span text, uint8_t value[DIGEST_OCTETS], struct digest *digest) {
    digest_begin(digest);
    digest_update(digest, text);
    if (!digest_end(digest, value)) abort();
}

static void compare_body(enum canonicalization kind, struct span body, struct digest *digest) {
    uint8_t shown[DIGEST_OCTETS], hashed[DIGEST_OCTETS];
    struct bytes text = bytes_with_cap(2 * body.len + 2);
    struct body_canon canon;
    uint64_t octets = canonical_text_body(&text, kind, false, 0, body, SIZE_MAX);
    if (text.failed || octets != text.len) abort();
    hash_text(bytes_span(&text), shown, digest);
    digest_begin(digest);
    body_canon_begin(&canon, kind, false, 0, digest);
    body_canon_update(&canon, body);
    body_canon_end(&canon);
    if (!digest_end(digest, hashed) || memcmp(shown, hashed, DIGEST_OCTETS) != 0) abort();
    bytes_release(&text);
}

/* What stands in front of an at sign is gone, or was nothing. */
static void look_at_mask(struct span text) {
    struct bytes masked = bytes_with_cap(4 * text.len + 4);
    address_mask_append(&masked, text);
    if (masked.failed) abort();
    for (size_t i = 1; i < masked.len; i++) {
        if (masked.ptr[i] != '@') continue;
        char before = masked.ptr[i - 1];
        if (before != '*' && before != '@' && before != '0' && strchr("<>()[],;:\"| \t\r\n", before) == NULL) abort();
    }
    bytes_release(&masked);
}

static void take_apart(const struct header_section *section, struct span body) {
    struct arena *arena = arena_create(16 << 20);
    struct tester_step step[TESTER_STEPS_MAX];
    if (arena == NULL) abort();
    if (message_fact_steps(section, step) > TESTER_STEPS_MAX) abort();
    if (message_fact_field(section, "Subject", arena).text.len > TESTER_FIELD_MAX) abort();
    for (size_t i = 0; i < section->count && i < 8; i++) {
        const struct dkim_result result = {.field_index = i};
        struct tester_signature signature = {.tag_count = 0};
        message_fact_signature(section, true, body, &result, arena, &signature);
        if (signature.tag_count > TESTER_TAGS_MAX || signature.canonical_header.text.len > TESTER_CANONICAL_MAX) abort();
        if (signature.canonical_body.text.len > TESTER_CANONICAL_MAX) abort();
    }
    arena_destroy(arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct digest digest;
    struct header_section section;
    size_t taken = 0;
    if (digest.context == NULL && !digest_init(&digest)) abort();
    char *exact = malloc(size > 0 ? size : 1);
    if (exact == NULL) abort();
    memcpy(exact, data, size);
    struct span text = {exact, size};
    header_section_init(&section, header_limits_default);
    enum header_status status = header_section_update(&section, text, &taken);
    if (status == HEADER_MORE) status = header_section_finish(&section);
    struct span body = span_after(text, taken);
    if (status == HEADER_COMPLETE) take_apart(&section, body);
    compare_body(CANON_SIMPLE, body, &digest);
    compare_body(CANON_RELAXED, body, &digest);
    look_at_mask(text);
    header_section_release(&section);
    free(exact);
    return 0;
}
