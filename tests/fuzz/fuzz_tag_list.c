/* Any text: the tags lie inside it in order, their names differ, and a valid list is what salvage finds, too. */
#include <stdint.h>
#include <stdlib.h>
#include "verifier/tag_list.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(condition)                                                                                             \
    do                                                                                                                 \
        if (!(condition)) abort();                                                                                     \
    while (0)

static void require_inside(struct span outer, struct span inner) {
    REQUIRE(inner.ptr >= outer.ptr && inner.ptr + inner.len <= outer.ptr + outer.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct span text = {(const char *)data, size};
    struct tag_list list, salvaged;
    size_t error_at;
    enum tag_list_status status = tag_list_parse(text, &list, &error_at);
    tag_list_salvage(text, &salvaged);
    REQUIRE(error_at <= size && tag_list_status_text(status) != NULL);
    REQUIRE(status == TAG_LIST_OK ? list.count > 0 && list.count == salvaged.count : list.count == 0);
    struct span rest = text;
    for (size_t i = 0; i < salvaged.count; i++) {
        const struct tag *tag = &salvaged.tag[i];
        require_inside(rest, tag->name);
        require_inside(rest, tag->raw_value);
        require_inside(tag->raw_value, tag->value);
        rest = span_after(rest, (size_t)(tag->raw_value.ptr + tag->raw_value.len - rest.ptr));
        for (size_t j = 0; j < i; j++) REQUIRE(!span_equal(tag->name, salvaged.tag[j].name));
    }
    return 0;
}
