/* What decodes is encoded again and must decode to the same octets; with white space skipped or refused. */
#include <stdlib.h>
#include <string.h>
#include "base/base64.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct span text = {(const char *)data, size};
    for (int space = BASE64_SPACE_REFUSED; space <= BASE64_SPACE_SKIPPED; space++) {
        size_t room = base64_decoded_max(size), len, again_len;
        uint8_t *out = malloc(room > 0 ? room : 1), *again = malloc(room > 0 ? room : 1);
        if (out == NULL || again == NULL) abort();
        if (base64_decode(text, (enum base64_space)space, out, room, &len) == BASE64_OK) {
            struct bytes encoded = bytes_with_cap(size + 4);
            if (!base64_encode(&encoded, (struct span){(const char *)out, len})) abort();
            if (base64_decode(bytes_span(&encoded), BASE64_SPACE_REFUSED, again, len, &again_len) != BASE64_OK) abort();
            if (again_len != len || memcmp(out, again, len) != 0) abort();
            bytes_release(&encoded);
        }
        free(out);
        free(again);
    }
    return 0;
}
