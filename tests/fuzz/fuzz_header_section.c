/* Any input, taken whole and in parts cut where the input says: the same status, fields and start of the body. Fields
 * cover the section octet for octet. The first octet chooses limits and cuts. */
#include <stdint.h>
#include <stdlib.h>
#include "verifier/header_section.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(condition)                                                                                             \
    do                                                                                                                 \
        if (!(condition)) abort();                                                                                     \
    while (0)

static enum header_status feed(struct header_section *section, struct span octets, unsigned step, size_t *body_at) {
    enum header_status status = HEADER_MORE;
    *body_at = 0;
    for (unsigned turn = step; *body_at < octets.len && status == HEADER_MORE;) {
        struct span part = span_after(octets, *body_at);
        turn = turn * 5 + 1;
        if (step > 0 && part.len > 1 + turn % step) part.len = 1 + turn % step;
        size_t taken;
        status = header_section_update(section, part, &taken);
        REQUIRE(taken <= part.len && (status != HEADER_MORE || taken == part.len));
        *body_at += taken;
    }
    return status == HEADER_MORE ? header_section_finish(section) : status;
}

static void require_sound(const struct header_section *section) {
    size_t at = 0;
    for (size_t i = 0; i < section->count; i++) {
        const struct header_field *field = &section->fields[i];
        REQUIRE(field->raw.ptr == section->octets.ptr + at && field->raw.len > 0);
        REQUIRE(field->body.ptr >= field->raw.ptr);
        REQUIRE(field->body.ptr + field->body.len <= field->raw.ptr + field->raw.len);
        REQUIRE(field->raw.len <= section->limits.field_max);
        at += field->raw.len;
    }
    REQUIRE(at == section->octets.len && at <= section->limits.section_max);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0) return 0;
    struct header_limits limits = header_limits_default;
    if (data[0] & 0x80) limits = (struct header_limits){64, 24, 5};
    struct span octets = {(const char *)data + 1, size - 1};
    struct header_section whole, parts;
    size_t whole_at, parts_at;
    header_section_init(&whole, limits);
    header_section_init(&parts, limits);
    enum header_status status = feed(&whole, octets, 0, &whole_at);
    REQUIRE(feed(&parts, octets, 1 + (data[0] & 0x7f), &parts_at) == status);
    if (status == HEADER_COMPLETE) {
        require_sound(&whole);
        REQUIRE(whole_at == parts_at && whole.count == parts.count);
        REQUIRE(whole.ended_by_empty_line == parts.ended_by_empty_line);
        REQUIRE(span_equal(bytes_span(&whole.octets), bytes_span(&parts.octets)));
        for (size_t i = 0; i < whole.count; i++)
            REQUIRE(span_equal(whole.fields[i].name, parts.fields[i].name) &&
                    span_equal(whole.fields[i].body, parts.fields[i].body));
    }
    header_section_release(&whole);
    header_section_release(&parts);
    return 0;
}
