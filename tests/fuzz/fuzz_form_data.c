/* Any content type (first line) and any body: fields lie within body and room, and no more than there may be. */
#include <stdint.h>
#include <stdlib.h>
#include "http/form_data.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(condition)                                                                                             \
    do                                                                                                                 \
        if (!(condition)) abort();                                                                                     \
    while (0)

static void require_inside(struct span part, struct span body, const struct bytes *room) {
    bool is_in_body = part.ptr >= body.ptr && part.ptr + part.len <= body.ptr + body.len;
    bool is_in_room = room->ptr != NULL && part.ptr >= room->ptr && part.ptr + part.len <= room->ptr + room->len;
    REQUIRE(is_in_body || is_in_room);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct span text = {(const char *)data, size};
    size_t line = span_find(text, '\n');
    if (line == text.len) return 0;
    struct span body = span_after(text, line + 1);
    struct bytes room = bytes_with_cap(body.len);
    struct form_data form;
    enum form_data_status status = form_data_read(span_first(text, line), body, &room, &form);
    REQUIRE(form.count <= FORM_DATA_FIELDS_MAX && (status == FORM_DATA_OK || form.count == 0));
    for (size_t i = 0; i < form.count; i++) {
        require_inside(form.field[i].name, body, &room);
        require_inside(form.field[i].value, body, &room);
    }
    bytes_release(&room);
    return 0;
}
