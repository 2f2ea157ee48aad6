#include "base/arena.h"
#include <setjmp.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <cmocka.h>

#ifndef __has_feature
#define __has_feature(x) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
enum { EACH_ALONE = 1 };
#else
enum { EACH_ALONE = 0 };
#endif
#if defined(__SANITIZE_THREAD__) || __has_feature(thread_sanitizer)
enum { HAS_OWN_MEMORY = 1 }; /* the sanitizer: no limit of the address space holds */
#else
enum { HAS_OWN_MEMORY = EACH_ALONE };
#endif

enum { UNIT = sizeof(max_align_t) };

static void what_is_handed_out_is_aligned_apart_and_zeroed(void **state) {
    static const size_t firsts[] = {1, 16, 17, 100, 512, 16384, 100000};
    static const char zeros[2000];
    (void)state;
    for (size_t i = 0; i < sizeof firsts / sizeof *firsts; i++) {
        struct arena *arena = arena_create_small(1 << 20, firsts[i]);
        unsigned char *at[300];
        assert_non_null(arena);
        for (int turn = 0; turn < 2; turn++) {
            for (size_t k = 0; k < 300; k++) {
                size_t size = k * 37 % sizeof zeros;
                at[k] = arena_alloc(arena, size);
                assert_non_null(at[k]);
                assert_int_equal((uintptr_t)at[k] % alignof(max_align_t), 0);
                assert_memory_equal(at[k], zeros, size); /* also where an earlier turn has written */
                memset(at[k], (int)(k % 255 + 1), size);
            }
            for (size_t k = 0; k < 300; k++)
                for (size_t octet = 0; octet < k * 37 % sizeof zeros; octet++) assert_int_equal(at[k][octet], k % 255 + 1);
            arena_reset(arena);
        }
        arena_destroy(arena);
    }
}

/* How many units of those that follow each other lie side by side: a block's. */
static size_t units_in_a_row(struct arena *arena, char **next) {
    size_t count = 0;
    char *at = *next;
    do count++, at += UNIT;
    while ((*next = arena_alloc(arena, UNIT)) == at);
    return count;
}

static void blocks_double_up_to_the_usual_size(void **state) {
    (void)state;
    if (EACH_ALONE) skip();
    struct arena *arena = arena_create_small(1 << 20, 512);
    assert_non_null(arena);
    for (int turn = 0; turn < 2; turn++) {
        char *next = arena_alloc(arena, UNIT);
        for (size_t size = 512; size <= 16384; size *= 2) assert_int_equal(units_in_a_row(arena, &next), size / UNIT);
        assert_int_equal(units_in_a_row(arena, &next), 16384 / UNIT);
        arena_reset(arena); /* the first block is as small as before */
    }
    assert_non_null(arena_alloc(arena, 40000)); /* a block of its own; the usual ones go on behind it */
    char *next = arena_alloc(arena, UNIT);
    assert_int_equal(units_in_a_row(arena, &next), 16384 / UNIT);
    arena_destroy(arena);

    arena = arena_create(1 << 20);
    assert_non_null(arena);
    next = arena_alloc(arena, UNIT);
    for (int block = 0; block < 3; block++) assert_int_equal(units_in_a_row(arena, &next), 16384 / UNIT);
    arena_destroy(arena);
}

static void the_cap_holds_whatever_the_first_block(void **state) {
    static const size_t firsts[] = {64, 192, 448, 16384};
    (void)state;
    for (size_t i = 0; i < sizeof firsts / sizeof *firsts; i++) {
        struct arena *arena = arena_create_small(64 + 128 + 256, firsts[i]);
        assert_non_null(arena);
        for (int turn = 0; turn < 2; turn++) {
            for (size_t k = 0; k < (64 + 128 + 256) / 16; k++) assert_non_null(arena_alloc(arena, 16));
            assert_null(arena_alloc(arena, 1));
            assert_null(arena_copy(arena, span_of("x")).ptr);
            arena_reset(arena);
        }
        arena_destroy(arena);
    }
    struct arena *arena = arena_create_small(1 << 20, 64);
    assert_non_null(arena);
    assert_null(arena_alloc(arena, (1 << 20) + 1));
    assert_null(arena_alloc(arena, SIZE_MAX));
    assert_non_null(arena_alloc(arena, 16)); /* a refusal changes nothing */
    arena_destroy(arena);
}

static void copies_are_octets_of_their_own(void **state) {
    (void)state;
    struct arena *arena = arena_create_small(1000, 16);
    char octets[] = "twenty octets of it.";
    assert_non_null(arena);
    struct span copy = arena_copy(arena, span_of(octets)), empty = arena_copy(arena, span_of(""));
    octets[0] = 'T';
    assert_int_equal(copy.len, 20);
    assert_memory_equal(copy.ptr, "twenty octets of it.", 20);
    assert_null(empty.ptr);
    arena_destroy(arena);
    arena_destroy(NULL);
}

/* malloc says no, first for the block an arena begins with, then for one of its later ones. */
static void without_memory_there_is_none(void **state) {
    enum { LARGE = 256 << 20 };
    struct rlimit before, tight;
    (void)state;
    if (HAS_OWN_MEMORY) skip();
    struct arena *arena = arena_create_small(SIZE_MAX, 64);
    assert_non_null(arena);
    assert_int_equal(getrlimit(RLIMIT_AS, &before), 0);
    tight = (struct rlimit){.rlim_cur = LARGE, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_AS, &tight), 0);
    struct arena *none = arena_create_small(SIZE_MAX, LARGE);
    void *at = arena_alloc(arena, LARGE);
    struct span copy = arena_copy(arena, span_of("small"));
    assert_int_equal(setrlimit(RLIMIT_AS, &before), 0);
    assert_null(none);
    assert_null(at);
    assert_int_equal(copy.len, 5); /* what was refused is not counted, and what fits goes on */
    arena_destroy(arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_handed_out_is_aligned_apart_and_zeroed),
        cmocka_unit_test(blocks_double_up_to_the_usual_size),
        cmocka_unit_test(the_cap_holds_whatever_the_first_block),
        cmocka_unit_test(copies_are_octets_of_their_own),
        cmocka_unit_test(without_memory_there_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
