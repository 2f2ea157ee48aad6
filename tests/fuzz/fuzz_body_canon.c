/* fuzz_body_canon.c -- one body, one canonical form: whatever kernel runs and however the stream is cut.
 * The first octets choose the kind, the limit and the cuts; the rest is the body. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "verifier/body_canon.h"
#include "verifier/wsp_squeeze.h"

struct outcome { uint64_t octets; uint8_t value[DIGEST_OCTETS]; };

struct choice { uint8_t kind, limit, first, step; };

static struct outcome run(struct digest *digest, struct choice choice, const uint8_t *body, size_t size, size_t first, size_t step) {
    struct body_canon canon;
    struct outcome outcome = {0};
    digest_begin(digest);
    body_canon_begin(&canon, choice.kind % 2 ? CANON_RELAXED : CANON_SIMPLE, choice.limit > 0, choice.limit - 1u, digest);
    for (size_t at = 0, len = first; at < size; at += len, len = step) {
        if (len > size - at) len = size - at;
        char *exact = malloc(len > 0 ? len : 1);
        if (exact == NULL) abort();
        memcpy(exact, body + at, len);
        body_canon_update(&canon, (struct span){exact, len});
        free(exact);
    }
    body_canon_end(&canon);
    outcome.octets = canon.octets;
    if (!digest_end(digest, outcome.value)) abort();
    return outcome;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct digest digest;
    if (digest.context == NULL && !digest_init(&digest)) abort();
    struct choice choice;
    if (size < sizeof choice) return 0;
    memcpy(&choice, data, sizeof choice);
    data += sizeof choice;
    size -= sizeof choice;
    wsp_squeeze_limit(WSP_SQUEEZE_SCALAR);
    struct outcome want = run(&digest, choice, data, size, size, 1);
    for (enum wsp_squeeze_kernel kernel = 0; kernel < WSP_SQUEEZE_KERNEL_COUNT; kernel++) {
        wsp_squeeze_limit(kernel);
        struct outcome whole = run(&digest, choice, data, size, size, 1);
        struct outcome cut = run(&digest, choice, data, size, choice.first, choice.step + 1u);
        if (memcmp(&whole, &want, sizeof want) != 0 || memcmp(&cut, &want, sizeof want) != 0) abort();
    }
    return 0;
}
