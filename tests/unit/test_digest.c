#include "verifier/digest.h" /* first, so the header is proved to stand alone */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>

enum { TEXT = 5000 };
static char text[TEXT];

static void wanted(size_t len, uint8_t value[DIGEST_OCTETS]) {
    assert_int_equal(EVP_Digest(text, len, value, NULL, EVP_sha256(), NULL), 1);
}

static void expect_digest(struct digest *digest, size_t len) {
    uint8_t got[DIGEST_OCTETS], want[DIGEST_OCTETS];
    wanted(len, want);
    assert_int_equal(digest->octets, len);
    assert_true(digest_end(digest, got));
    if (memcmp(got, want, sizeof got) != 0) fail_msg("wrong value for %zu octets", len);
}

static void update_exact(struct digest *digest, size_t at, size_t len) {
    char *exact = memcpy(malloc(len > 0 ? len : 1), text + at, len);
    digest_update(digest, (struct span){exact, len});
    free(exact);
}

static int fill_text(void **state) {
    (void)state;
    for (size_t i = 0; i < TEXT; i++) text[i] = (char)(i * 31 + i / 251);
    return 0;
}

/* FIPS 180-2 appendix B.1 and the well-known value of no octets at all. */
static void known_values(void **state) {
    (void)state;
    static const uint8_t abc[] = {0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea}, none[] = {0xe3, 0xb0, 0xc4, 0x42};
    struct digest digest;
    uint8_t got[DIGEST_OCTETS];
    assert_true(digest_init(&digest));
    digest_begin(&digest);
    assert_true(digest_end(&digest, got));
    assert_memory_equal(got, none, sizeof none);
    digest_begin(&digest);
    digest_update(&digest, span_of("abc"));
    assert_true(digest_end(&digest, got));
    assert_memory_equal(got, abc, sizeof abc);
    digest_release(&digest);
}

/* OpenSSL's allocator, which has nothing left when told so. */
static bool is_out_of_memory;
static void *take(size_t size, const char *file, int line) {
    return (void)file, (void)line, is_out_of_memory ? NULL : malloc(size);
}
static void *take_more(void *block, size_t size, const char *file, int line) {
    return (void)file, (void)line, is_out_of_memory ? NULL : realloc(block, size);
}
static void give_back(void *block, const char *file, int line) { (void)file, (void)line, free(block); }

/* The context is then not ready, and OpenSSL would write through a null pointer. */
static void a_begin_without_memory_costs_the_value_only(void **state) {
    (void)state;
    static const uint8_t zeros[DIGEST_OCTETS];
    struct digest digest;
    uint8_t got[DIGEST_OCTETS] = {1};
    assert_true(digest_init(&digest));
    is_out_of_memory = true;
    digest_begin(&digest);
    is_out_of_memory = false;
    for (size_t len = 1; len <= TEXT; len *= 4) digest_update(&digest, (struct span){text, len});
    assert_false(digest_end(&digest, got));
    assert_memory_equal(got, zeros, sizeof zeros);
    digest_begin(&digest);
    update_exact(&digest, 0, TEXT);
    expect_digest(&digest, TEXT);
    digest_release(&digest);
}

/* Two pieces around every size that matters to the gathering, then steady pieces of every size. */
static void every_cut_gives_the_same_value(void **state) {
    (void)state;
    struct digest digest;
    assert_true(digest_init(&digest));
    for (size_t cut = 0; cut <= TEXT; cut += cut < 2600 ? 1 : 97) {
        digest_begin(&digest);
        update_exact(&digest, 0, cut);
        update_exact(&digest, cut, TEXT - cut);
        expect_digest(&digest, TEXT);
    }
    for (size_t step = 1; step < 1400; step++) {
        digest_begin(&digest);
        for (size_t at = 0; at < TEXT; at += step) update_exact(&digest, at, step < TEXT - at ? step : TEXT - at);
        expect_digest(&digest, TEXT);
    }
    digest_release(&digest);
}

static void a_copy_goes_on_by_itself(void **state) {
    (void)state;
    struct digest digest, copy;
    assert_true(digest_init(&digest));
    assert_true(digest_init(&copy));
    for (size_t cut = 0; cut < 2200; cut += 7) {
        digest_begin(&digest);
        digest_begin(&copy);
        update_exact(&copy, 0, 900); /* forgotten by the copy */
        update_exact(&digest, 0, cut / 2);
        update_exact(&digest, cut / 2, cut - cut / 2);
        assert_true(digest_copy(&digest, &copy));
        update_exact(&copy, cut, 1000);
        update_exact(&digest, cut, TEXT - cut);
        expect_digest(&copy, cut + 1000);
        expect_digest(&digest, TEXT);
    }
    digest_release(&digest);
    digest_release(&copy);
}

/* A digest that was not begun (or has ended) has no value. */
static void no_value_without_begin(void **state) {
    (void)state;
    struct digest digest;
    uint8_t got[DIGEST_OCTETS], zero[DIGEST_OCTETS] = {0};
    assert_true(digest_init(&digest));
    assert_false(digest_end(&digest, got));
    assert_memory_equal(got, zero, sizeof got);
    digest_begin(&digest);
    assert_true(digest_end(&digest, got));
    assert_false(digest_end(&digest, got));
    assert_memory_equal(got, zero, sizeof got);
    digest_begin(&digest);
    expect_digest(&digest, 0);
    digest_release(&digest);
    digest_release(&(struct digest){0});
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_values),
        cmocka_unit_test(a_begin_without_memory_costs_the_value_only),
        cmocka_unit_test(every_cut_gives_the_same_value),
        cmocka_unit_test(a_copy_goes_on_by_itself),
        cmocka_unit_test(no_value_without_begin),
    };
    if (CRYPTO_set_mem_functions(take, take_more, give_back) != 1) return 1; /* before OpenSSL takes any */
    return cmocka_run_group_tests(tests, fill_text, NULL);
}
