/* Any octets as a header field: the question whose it is always has an answer, and a field with our id first is ours.
 */
#include <stdint.h>
#include <stdlib.h>
#include "base/bytes.h"
#include "verifier/authserv_id.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char name[] = "Authentication-Results:", ours[] = " mx.example.com;";
    struct authserv_id id;
    struct span input = {(const char *)data, size};
    if (!authserv_id_init(&id, span_of("mx.example.com"))) abort();
    struct header_field field = {.raw = input, .name = span_first(span_of(name), sizeof name - 2), .body = input};
    authserv_id_claimed_by(&id, &field);

    struct bytes first = bytes_with_cap(size + sizeof ours);
    if (bytes_append_text(&first, ours) && bytes_append(&first, input)) {
        field.raw = field.body = bytes_span(&first);
        if (!authserv_id_claimed_by(&id, &field)) abort();
    }
    bytes_release(&first);
    return 0;
}
