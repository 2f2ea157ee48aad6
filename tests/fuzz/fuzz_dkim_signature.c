/* Any field body: a code with its text, and on DKIM_OK all that dkim_check, header_canon and DNS rely on. */
#include <stdint.h>
#include <stdlib.h>
#include "base/ascii.h"
#include "verifier/dkim_signature.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(condition)                                                                                             \
    do                                                                                                                 \
        if (!(condition)) abort();                                                                                     \
    while (0)

static void require_name(struct span name) {
    REQUIRE(name.len <= 253);
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        REQUIRE(ascii_is_lower(c) || ascii_is_digit(c) || c == '-' || c == '_' || c == '.');
    }
}

static void require_sound(const struct header_field *field, const struct dkim_signature *signature) {
    struct span body = field->body, value = signature->signature_value;
    REQUIRE(value.ptr >= body.ptr && value.ptr + value.len <= body.ptr + body.len);
    REQUIRE(value.ptr > body.ptr && value.ptr[-1] == '=');
    REQUIRE(value.ptr + value.len == body.ptr + body.len || value.ptr[value.len] == ';');
    REQUIRE(signature->body_hash.len == 32 && signature->signature.len > 0 && signature->signature_text.len > 0);
    REQUIRE(signature->domain_ascii.len > 0 && signature->key_name.len > signature->domain_ascii.len);
    REQUIRE(span_ends_nocase(signature->auid_domain_ascii, signature->domain_ascii));
    REQUIRE(span_find(signature->auid, '@') < signature->auid.len);
    REQUIRE(signature->signed_count > 0 && signature->signed_count <= SIGNED_NAMES_MAX);
    REQUIRE(!signature->sha1 && signature->key_algorithm != KEY_ALGORITHM_UNKNOWN);
    bool from = false;
    for (size_t i = 0; i < signature->signed_count; i++) from |= span_is_nocase(signature->signed_names[i], "from");
    REQUIRE(from);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct span body = {(const char *)data, size};
    struct header_field field = {.raw = body, .name = span_of("DKIM-Signature"), .body = body};
    struct dkim_signature signature;
    struct arena *arena = arena_create(1 << 22);
    REQUIRE(arena != NULL);
    if (dkim_signature_parse(&field, arena, &signature)) {
        REQUIRE(dkim_code_word(signature.code) != NULL);
        require_name(signature.domain_ascii);
        require_name(signature.auid_domain_ascii);
        require_name(signature.key_name);
        if (signature.code == DKIM_OK) require_sound(&field, &signature);
    }
    arena_destroy(arena);
    return 0;
}
