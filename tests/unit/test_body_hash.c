#include "verifier/body_hash.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

static void equal_wishes_share_a_hash(void **state) {
    (void)state;
    struct body_hash_set set;
    unsigned budget = 3;
    assert_true(body_hash_init(&set, 4));
    struct body_hash *relaxed = body_hash_want(&set, CANON_RELAXED, false, 0, &budget);
    struct body_hash *limited = body_hash_want(&set, CANON_RELAXED, true, 3, &budget);
    struct body_hash *simple = body_hash_want(&set, CANON_SIMPLE, false, 0, &budget);
    assert_ptr_equal(body_hash_want(&set, CANON_RELAXED, false, 7, &budget),
                     relaxed); /* no limit, whatever the number */
    assert_ptr_equal(body_hash_want(&set, CANON_RELAXED, true, 3, &budget), limited);
    assert_null(body_hash_want(&set, CANON_RELAXED, true, 4, &budget)); /* the budget is spent */
    budget = 2;
    assert_null(set.hash[3]); /* made when it is wanted */
    assert_non_null(body_hash_want(&set, CANON_RELAXED, true, 0, &budget)); /* l=0 is a limit */
    assert_null(body_hash_want(&set, CANON_SIMPLE, true, 0, &budget));      /* the room is spent */
    assert_false(relaxed->is_known);
    body_hash_update(&set, span_of("a  b"));
    body_hash_update(&set, span_of(" \r\n\r\n"));
    body_hash_end(&set);
    assert_true(relaxed->is_known && limited->is_known && simple->is_known);
    assert_int_equal(relaxed->canon.octets, 5); /* "a b" CRLF: RFC 6376 section 3.4.4 */
    assert_int_equal(simple->canon.octets, 7);
    assert_int_equal(limited->canon.octets, 5);
    struct digest digest;
    uint8_t value[DIGEST_OCTETS];
    assert_true(digest_init(&digest));
    digest_begin(&digest);
    digest_update(&digest, span_of("a b\r\n"));
    assert_true(digest_end(&digest, value));
    assert_memory_equal(relaxed->value, value, sizeof value);
    digest_release(&digest);
    body_hash_release(&set);
}

static void nothing_is_left_for_the_next_message(void **state) {
    (void)state;
    struct body_hash_set set;
    assert_true(body_hash_init(&set, 1));
    uint8_t first[DIGEST_OCTETS];
    for (int i = 0; i < 3; i++) {
        unsigned budget = 1;
        body_hash_reset(&set);
        struct body_hash *hash = body_hash_want(&set, CANON_SIMPLE, i == 1, 1, &budget);
        assert_false(hash->is_known);
        body_hash_update(&set, span_of("xy\r\n"));
        body_hash_end(&set);
        if (i == 0) memcpy(first, hash->value, sizeof first);
        assert_int_equal(memcmp(first, hash->value, sizeof first) == 0, i != 1);
    }
    body_hash_release(&set);
    body_hash_release(&set);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(equal_wishes_share_a_hash),
                                       cmocka_unit_test(nothing_is_left_for_the_next_message)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
