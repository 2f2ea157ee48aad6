#include "rules/value_range.h" /* first, so the header is proved to stand alone */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static uint64_t seed = 88172645463325252;

static unsigned draw(unsigned below) {
    seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
    return (unsigned)((seed >> 11) % below);
}

/* Few addresses, so that networks overlap, touch and are missed. */
static struct network draw_network(void) {
    struct network network = {.is_v4 = draw(2) == 0};
    unsigned bits = network.is_v4 ? 32 : 128;
    network.prefix_bits = bits - draw(7);
    if (!network.is_v4 && draw(3) == 0) memset(network.address + 10, 0xff, 2); /* mapped */
    network.address[bits / 8 - 1] = (uint8_t)(draw(256) & (0xffu << (bits - network.prefix_bits)));
    return network;
}

static void a_look_at_each_network_says_the_same(void **state) {
    (void)state;
    for (int round = 0; round < 300; round++) {
        struct value_range_set set = {.v4 = NULL};
        struct network networks[20];
        size_t count = draw(21);
        for (size_t i = 0; i < count; i++) {
            networks[i] = draw_network();
            assert_true(value_range_set_add(&set, &networks[i]));
        }
        value_range_set_seal(&set);
        assert_true(value_range_set_count(&set) <= count);
        for (unsigned kind = 0; kind < 3; kind++)
            for (unsigned last = 0; last < 256; last++) {
                uint8_t address[16] = {0};
                bool is_v4 = kind == 0, want = false;
                if (kind == 2) memset(address + 10, 0xff, 2);
                address[is_v4 ? 3 : 15] = (uint8_t)last;
                for (size_t i = 0; i < count && !want; i++) {
                    want = network_contains(&networks[i], address, is_v4);
                    /* A mapped network means v4. */
                    if (!networks[i].is_v4 && networks[i].address[10] == 0xff && is_v4)
                        want = (last & (0xffu << (128 - networks[i].prefix_bits)) & 0xff) == networks[i].address[15];
                    if (!networks[i].is_v4 && networks[i].address[10] == 0xff && kind == 2)
                        want = (last & (0xffu << (128 - networks[i].prefix_bits)) & 0xff) == networks[i].address[15];
                }
                if (value_range_set_has(&set, address, is_v4) != want) fail_msg("round %d, kind %u, %u", round, kind, last);
            }
        value_range_set_release(&set);
    }
}

static void neighbours_become_one(void **state) {
    struct value_range_set set = {.v4 = NULL};
    struct network network;
    (void)state;
    for (unsigned i = 0; i < 256; i += 2) {
        network = (struct network){.address = {10, 0, 0, (uint8_t)(255 - i - 1)}, .prefix_bits = 31, .is_v4 = true};
        assert_true(value_range_set_add(&set, &network));
    }
    value_range_set_seal(&set);
    assert_int_equal(value_range_set_count(&set), 1);
    assert_true(value_range_set_octets(&set) >= 128 * 8);
    assert_false(value_range_set_has(&set, (const uint8_t[]){10, 0, 1, 0}, true));
    value_range_set_release(&set);
    value_range_set_seal(&set); /* empty */
    assert_false(value_range_set_has(&set, (const uint8_t[]){10, 0, 0, 0}, true));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_look_at_each_network_says_the_same),
        cmocka_unit_test(neighbours_become_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
