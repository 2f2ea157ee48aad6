/* Any start of a connection: the answer to a part is either "more" or that of the whole, and a header that is read is
 * whole with its last octet and not before. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "proxy/proxy_protocol.h"
#include "tests/support/exact.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(condition)                                                                                             \
    do                                                                                                                 \
        if (!(condition)) abort();                                                                                     \
    while (0)

static enum proxy_protocol_status read_first(struct span stream, size_t len, struct proxy_header *out, size_t *taken) {
    struct span part = exact_copy(span_first(stream, len));
    enum proxy_protocol_status status = proxy_protocol_read(part, out, taken);
    exact_free(part);
    REQUIRE(status == PROXY_PROTOCOL_OK || *taken == 0);
    return status;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct span stream = {(const char *)data, size};
    struct proxy_header whole, part;
    char text[SOCKET_ADDRESS_TEXT_MAX];
    size_t taken, part_taken;
    enum proxy_protocol_status status = read_first(stream, size, &whole, &taken);
    size_t cuts = status == PROXY_PROTOCOL_OK ? taken : size;
    for (size_t len = 0; len < cuts && len < 512; len++) {
        enum proxy_protocol_status early = read_first(stream, len, &part, &part_taken);
        REQUIRE(early == PROXY_PROTOCOL_MORE || (early == status && status != PROXY_PROTOCOL_OK));
    }
    if (status != PROXY_PROTOCOL_OK) return 0;
    REQUIRE(taken > 0 && taken <= size && taken <= PROXY_PROTOCOL_MAX);
    REQUIRE(read_first(stream, taken, &part, &part_taken) == PROXY_PROTOCOL_OK && part_taken == taken);
    REQUIRE(part.has_client == whole.has_client && memcmp(&part.client, &whole.client, sizeof part.client) == 0);
    socket_address_text(&whole.client, text);
    REQUIRE(memchr(text, '\0', sizeof text) != NULL);
    return 0;
}
