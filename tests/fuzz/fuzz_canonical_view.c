/* Two texts, the first octet says where one ends: whatever they hold, the table is well-formed, bounded, and has no
 * octet that a browser would obey or hide. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "http/canonical_view.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(condition)                                                                                             \
    do                                                                                                                 \
        if (!(condition)) abort();                                                                                     \
    while (0)

static size_t count(struct span text, const char *part) {
    size_t found = 0, len = strlen(part);
    for (size_t i = 0; i + len <= text.len; i++) found += memcmp(text.ptr + i, part, len) == 0;
    return found;
}

static void look_at(struct span table) {
    static const char *const elements[] = {"td", "tr", "del", "ins", "i", "b", "table", "p"};
    for (size_t i = 0; i < table.len; i++) REQUIRE((unsigned char)table.ptr[i] >= ' ' || table.ptr[i] == '\n');
    for (size_t i = 0; i < sizeof elements / sizeof *elements; i++) {
        char open[16], open_more[16], close[16];
        REQUIRE(strlen(elements[i]) < 8);
        size_t len = strlen(elements[i]);
        open[0] = open_more[0] = close[0] = '<';
        close[1] = '/';
        memcpy(open + 1, elements[i], len), memcpy(open + 1 + len, ">", 2);
        memcpy(open_more + 1, elements[i], len), memcpy(open_more + 1 + len, " ", 2);
        memcpy(close + 2, elements[i], len), memcpy(close + 2 + len, ">", 2);
        REQUIRE(count(table, open) + count(table, open_more) == count(table, close));
    }
    REQUIRE(count(table, "<script") == 0 && count(table, "<tr") <= CANONICAL_VIEW_LINES + 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0) return 0;
    struct bytes out = bytes_with_cap(16 << 20);
    struct span text = {(const char *)data + 1, size - 1};
    size_t first = text.len * data[0] / 255;
    const struct canonical_sides sides = {.original = span_first(text, first),
                                          .received = span_after(text, first),
                                          .is_proved = data[0] % 2 == 0,
                                          .original_more = data[0]};
    canonical_view_write(&out, data[0] % 3 == 0 ? LANGUAGE_FR : LANGUAGE_EN, &sides);
    REQUIRE(!out.failed);
    look_at(bytes_span(&out));
    bytes_release(&out);
    return 0;
}
