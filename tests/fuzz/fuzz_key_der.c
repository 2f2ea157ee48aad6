/* Any octets as a DER key. What is read must lie inside the input and keep the promises of key_der.h. */
#include <stdint.h>
#include <stdlib.h>
#include "verifier/key_der.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int lies_inside(struct span part, struct span whole) {
    return part.ptr >= whole.ptr && part.len <= whole.len && part.ptr + part.len <= whole.ptr + whole.len;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct span octets = {(const char *)data, size};
    struct key_der key;
    enum key_der_status status = key_der_read(octets, &key);
    if (status != KEY_DER_OK) {
        if (key.modulus.len > 0 || key.exponent.len > 0 || (key.bits > 0) != (status == KEY_DER_BAD_SIZE)) abort();
        return 0;
    }
    if (!lies_inside(key.modulus, octets) || !lies_inside(key.exponent, octets)) abort();
    if (key.bits < KEY_DER_BITS_MIN || key.bits > KEY_DER_BITS_MAX || key.modulus.len != (key.bits + 7) / 8) abort();
    if (key.modulus.ptr[0] == 0 || (key.modulus.ptr[key.modulus.len - 1] & 1) == 0) abort();
    if (key.exponent.len > 4 || key.exponent.ptr[0] == 0 || (key.exponent.ptr[key.exponent.len - 1] & 1) == 0) abort();
    return 0;
}
