#include "http/tester_token.h" /* first, so the header is proved to stand alone */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static const char letters[] = "0123456789abcdefghjkmnpqrstvwxyz";

/* Each of the 32 letters in each of the 16 places: a bit that is always the same would be missed. */
static void tokens_use_all_their_letters(void **state) {
    (void)state;
    bool seen[TESTER_TOKEN_LENGTH][32] = {{false}};
    char token[TESTER_TOKEN_LENGTH + 1], same[TESTER_TOKEN_LENGTH + 1];
    for (int i = 0; i < 2000; i++) {
        assert_true(tester_token_make(token));
        assert_int_equal(strlen(token), TESTER_TOKEN_LENGTH);
        for (size_t k = 0; k < TESTER_TOKEN_LENGTH; k++) {
            const char *at = strchr(letters, token[k]);
            assert_non_null(at);
            seen[k][at - letters] = true;
        }
        assert_true(tester_token_read(span_of(token), same));
        assert_string_equal(same, token);
    }
    for (size_t k = 0; k < TESTER_TOKEN_LENGTH; k++)
        for (size_t i = 0; i < 32; i++) assert_true(seen[k][i]);
}

static const struct { const char *text, *want; } rows[] = {
    {"0123456789abcdef", "0123456789abcdef"}, {"0123456789ABCDEF", "0123456789abcdef"},
    {"0123456789abcde", NULL},                {"0123456789abcdefg", NULL},
    {"0123456789abcdei", NULL}, /* look-alikes are none of its letters */
    {"0123456789abcdel", NULL},               {"0123456789abcdeo", NULL},
    {"0123456789abcdeu", NULL},               {"0123456789abcd e", NULL},
    {"", NULL},
};

static void only_tokens_are_read(void **state) {
    (void)state;
    char token[TESTER_TOKEN_LENGTH + 1];
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        bool is_one = tester_token_read(span_of(rows[i].text), token);
        if (is_one != (rows[i].want != NULL)) fail_msg("\"%s\"", rows[i].text);
        if (is_one) assert_string_equal(token, rows[i].want);
    }
    assert_false(tester_token_read((struct span){"0123456\0" "89abcdef", 16}, token));
}

static void a_log_learns_the_hash_alone(void **state) {
    (void)state;
    char hash[TESTER_TOKEN_HASH_LENGTH + 1], again[TESTER_TOKEN_HASH_LENGTH + 1], other[TESTER_TOKEN_HASH_LENGTH + 1];
    tester_token_hash("0123456789abcdef", hash);
    tester_token_hash("0123456789abcdef", again);
    tester_token_hash("0123456789abcdeg", other);
    assert_string_equal(hash, again);
    assert_string_not_equal(hash, other);
    assert_int_equal(strlen(hash), TESTER_TOKEN_HASH_LENGTH);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(tokens_use_all_their_letters), cmocka_unit_test(only_tokens_are_read),
                                       cmocka_unit_test(a_log_learns_the_hash_alone)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
