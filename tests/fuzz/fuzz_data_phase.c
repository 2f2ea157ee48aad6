/* data_reader over any octets: the same content, facts and end whatever the cuts, and as the definition says.
 * data_writer over the same octets as content: the same wire whatever cuts and room, read back by a strict server as
 * promised, ended early by no lenient one. The first octet chooses cuts and room. */
#include "tests/data_phase_property.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(condition)                                                                                             \
    do                                                                                                                 \
        if (!(condition)) abort();                                                                                     \
    while (0)

static void read_octets(struct span octets, size_t step) {
    struct data_reading whole = reading_of(octets, SIZE_MAX), parts = reading_of(octets, step);
    struct data_reading wanted = reading_by_definition(octets);
    REQUIRE(reading_same(&whole, &wanted) && reading_same(&parts, &wanted));
    reading_release(&whole);
    reading_release(&parts);
    reading_release(&wanted);
}

static void write_octets(struct span octets, size_t step, size_t room) {
    struct bytes wire = wire_of(octets, SIZE_MAX, SIZE_MAX), again = wire_of(octets, step, room);
    struct bytes wanted = expected_at_strict_server(octets);
    struct data_reading back = reading_of(bytes_span(&wire), SIZE_MAX);
    REQUIRE(span_equal(bytes_span(&wire), bytes_span(&again)));
    REQUIRE(!any_lenient_end_inside(bytes_span(&wire)));
    REQUIRE(back.ended && back.taken == wire.len && span_equal(bytes_span(&back.content), bytes_span(&wanted)));
    reading_release(&back);
    bytes_release(&wire);
    bytes_release(&again);
    bytes_release(&wanted);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0) return 0;
    struct span octets = {(const char *)data + 1, size - 1};
    read_octets(octets, 1 + data[0] % 64);
    write_octets(octets, 1 + data[0] % 64, 1 + data[0] / 64);
    return 0;
}
