/* Key record text in, as DNS may bring anything. What comes out must be consistent, whatever goes in. */
#include <stdint.h>
#include <stdlib.h>
#include "verifier/dkim_key.h"
#include "verifier/public_key.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct span text = {(const char *)data, size};
    struct arena *arena = arena_create(1 << 20);
    struct dkim_key key;
    if (arena == NULL) return 0;
    enum dkim_key_status status = dkim_key_parse(text, arena, &key);
    if (status != key.status || !span_equal(key.text, text)) abort();
    if (key.key != NULL && (status != DKIM_KEY_OK || key.algorithm == KEY_ALGORITHM_UNKNOWN)) abort();
    if (status == DKIM_KEY_OK && (key.key == NULL) != (key.bits < 1024 && key.algorithm == KEY_RSA) && key.bits <= 4096)
        abort();
    if (key.key != NULL) { /* a signature of zeros is never right, and must not upset OpenSSL */
        static const uint8_t value[DIGEST_OCTETS];
        static const char zeros[512];
        size_t len = key.algorithm == KEY_ED25519 ? 64 : (key.bits + 7) / 8;
        if (public_key_verify(key.key, value, (struct span){zeros, len}) == PUBLIC_KEY_ERROR) abort();
    }
    dkim_key_release(&key);
    arena_destroy(arena);
    return 0;
}
