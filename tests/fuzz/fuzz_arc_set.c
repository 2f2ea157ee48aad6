/* Any header section: a code, and on ARC_OK all that arc_check and arc_seal rely on; sets and instances within bounds
 * always. */
#include <stdint.h>
#include <stdlib.h>
#include "verifier/arc_set.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(condition)                                                                                             \
    do                                                                                                                 \
        if (!(condition)) abort();                                                                                     \
    while (0)

static void require_sound(const struct arc_chain *chain) {
    REQUIRE(chain->newest >= 1 && chain->sets == chain->newest && !chain->was_failed);
    for (unsigned i = 1; i <= chain->newest; i++) {
        const struct arc_set *set = &chain->set[i - 1];
        REQUIRE(set->results != NULL && set->message != NULL && set->seal != NULL);
        REQUIRE(arc_set_results_instance(set->results->body) == i);
        REQUIRE(set->message_signature.instance == i && set->seal_signature.instance == i);
        REQUIRE(set->seal_signature.code == DKIM_OK && set->seal_signature.key_name.len > 0);
        REQUIRE(set->seal_signature.chain_validation == (i == 1 ? CHAIN_NONE : CHAIN_PASS));
        REQUIRE(set->seal_signature.header_canon == CANON_RELAXED && set->seal_signature.signed_count == 0);
        if (i < chain->newest && set->message_signature.code != DKIM_OK) continue;
        REQUIRE(set->message_signature.code == DKIM_OK && set->message_signature.key_name.len > 0);
        REQUIRE(set->message_signature.body_hash.len == 32);
        for (size_t k = 0; k < set->message_signature.signed_count; k++)
            REQUIRE(!span_is_nocase(set->message_signature.signed_names[k], "arc-seal"));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct header_section section;
    size_t taken;
    header_section_init(&section, header_limits_default);
    enum header_status status = header_section_update(&section, (struct span){(const char *)data, size}, &taken);
    if (status == HEADER_MORE) status = header_section_finish(&section);
    struct arena *arena = arena_create(1 << 22);
    REQUIRE(arena != NULL);
    struct arc_chain chain;
    if (status == HEADER_COMPLETE && arc_set_collect(&section, arena, &chain)) {
        REQUIRE(arc_code_word(chain.code) != NULL);
        REQUIRE((chain.code == ARC_NO_SETS) == (chain.sets == 0));
        REQUIRE(chain.newest <= ARC_SETS_MAX && chain.failed_set <= ARC_SETS_MAX);
        if (chain.code == ARC_OK) require_sound(&chain);
    }
    arena_destroy(arena);
    header_section_release(&section);
    return 0;
}
