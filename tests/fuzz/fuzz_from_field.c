/* Any body of a From field: never more than the cap, an address only when there is exactly one, a domain that is a
 * legal name, and the address put into a field by itself gives that domain again or none. */
#include <stdint.h>
#include <stdlib.h>
#include "base/ascii.h"
#include "verifier/from_field.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(condition)                                                                                             \
    do                                                                                                                 \
        if (!(condition)) abort();                                                                                     \
    while (0)

static void parse(struct span body, struct arena *arena, struct from_field *from) {
    struct header_field field = {.raw = body, .name = span_of("From"), .body = body};
    struct header_section section = {.fields = &field, .count = 1};
    REQUIRE(from_field_parse(&section, arena, from));
    REQUIRE(from->fields == 1 && from->addresses <= FROM_ADDRESSES_MAX);
    REQUIRE(from->address.len == 0 || from->addresses == 1);
    REQUIRE(from->domain.len == 0 || from->address.len > 0);
    REQUIRE(from->domain.len <= 253);
    for (size_t i = 0; i < from->domain.len; i++) {
        char c = from->domain.ptr[i];
        REQUIRE(ascii_is_lower(c) || ascii_is_digit(c) || c == '-' || c == '_' || c == '.');
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct from_field from, again;
    struct arena *arena = arena_create(1 << 22);
    REQUIRE(arena != NULL);
    parse((struct span){(const char *)data, size}, arena, &from);
    if (from.address.len > 0) {
        REQUIRE(span_find(from.address, '@') < from.address.len && span_find(from.address, '\n') == from.address.len);
        parse(from.address, arena, &again);
        REQUIRE(again.address.len == 0 ||
                (span_equal(again.address, from.address) && span_equal(again.domain, from.domain)));
    }
    arena_destroy(arena);
    return 0;
}
