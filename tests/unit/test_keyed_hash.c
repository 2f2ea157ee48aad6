#include "base/keyed_hash.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* The paper's key, octets 00..0f, and its messages 00, 00 01, 00 01 02 ...: appendix A gives the value for 15 octets, the
 * authors' reference vectors the others. */
static const struct keyed_hash_key paper_key = {0x0706050403020100, 0x0f0e0d0c0b0a0908};
static const struct { size_t len; uint64_t want; } rows[] = {
    {0, 0x726fdb47dd0e0e31}, {1, 0x74f839c593dc67fd}, {2, 0x0d6c8009d9a94f5a}, {3, 0x85676696d7fb7e2d},
    {4, 0xcf2794e0277187b7}, {5, 0x18765564cd99a68d}, {6, 0xcbc9466e58fee3ce}, {7, 0xab0200f58b01d137},
    {8, 0x93f5f5799a932462}, {15, 0xa129ca6149be45e5}, {63, 0x958a324ceb064572},
};

static void the_papers_vectors(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char *exact = malloc(rows[i].len > 0 ? rows[i].len : 1);
        for (size_t j = 0; j < rows[i].len; j++) exact[j] = (char)j;
        uint64_t got = keyed_hash(&paper_key, (struct span){exact, rows[i].len});
        if (got != rows[i].want) fail_msg("%zu octets: %016llx", rows[i].len, (unsigned long long)got);
        free(exact);
    }
}

static void keys_differ_and_the_process_has_one(void **state) {
    (void)state;
    struct keyed_hash_key a = keyed_hash_key_random(), b = keyed_hash_key_random();
    assert_memory_not_equal(&a, &b, sizeof a);
    assert_int_not_equal(keyed_hash(&a, span_of("x")), keyed_hash(&b, span_of("x")));
    assert_ptr_equal(keyed_hash_process_key(), keyed_hash_process_key());
    assert_true(keyed_hash_process_key()->k0 != 0 || keyed_hash_process_key()->k1 != 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_papers_vectors),
        cmocka_unit_test(keys_differ_and_the_process_has_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
