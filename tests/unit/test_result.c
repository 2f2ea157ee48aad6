#include "verifier/result.h" /* first, so the header is proved to stand alone */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* The only characters a comment of ours may hold: a semicolon or an equals sign inside one breaks readers. */
static const char comment_characters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 .,-_%:";

static void every_code_has_a_text_fit_for_a_comment(void **state) {
    (void)state;
    for (int code = 0; code < DKIM_CODE_COUNT; code++) {
        const char *text = dkim_code_text((enum dkim_code)code);
        if (text[strspn(text, comment_characters)] != '\0')
            fail_msg("%s: \"%s\"", dkim_code_word((enum dkim_code)code), text);
        assert_true(strlen(text) > 0);
    }
}

static void every_failure_has_a_cause(void **state) {
    (void)state;
    for (int code = 0; code < DKIM_CODE_COUNT; code++) {
        enum auth_result result = dkim_code_result((enum dkim_code)code);
        bool failed = result != RESULT_PASS && result != RESULT_NONE && code != DKIM_BODY_ABSENT;
        const char *cause = cause_word(dkim_code_cause((enum dkim_code)code));
        if (failed != (cause != NULL)) fail_msg("%s", dkim_code_word((enum dkim_code)code));
    }
}

static void words_are_unique(void **state) {
    (void)state;
    for (int a = 0; a < DKIM_CODE_COUNT; a++)
        for (int b = 0; b < a; b++)
            assert_string_not_equal(dkim_code_word((enum dkim_code)a), dkim_code_word((enum dkim_code)b));
    assert_string_equal(auth_result_word(RESULT_TEMPERROR), "temperror");
    assert_string_equal(part_state_word(PART_CHANGED), "changed");
    assert_string_equal(key_algorithm_word(KEY_ED25519), "ed25519");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_code_has_a_text_fit_for_a_comment),
        cmocka_unit_test(every_failure_has_a_cause),
        cmocka_unit_test(words_are_unique),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
