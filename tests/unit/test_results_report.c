#include "verifier/results_report.h" /* first, so the header is proved to stand alone */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "tests/phrase_whole.h"
#include "tests/support/exact.h"

static const struct {
    const char *text, *value;
    bool is_arc;
    unsigned instance;
    bool has_message_signature, has_seal;
} rows[] = {
    {"mx; dkim=pass", "mx; dkim=pass", false, 0, false, false},
    {"Authentication-Results: mx; dkim=pass", " mx; dkim=pass", false, 0, false, false},
    {"authentication-results : mx;\r\n dkim=pass\r\nTo: b\r\n", " mx;\r\n dkim=pass\r\n", false, 0, false, false},
    {"Authentication-Results: mx;\ndkim=pass", " mx;\ndkim=pass", false, 0, false,
     false}, /* folds nothing: the reader's to refuse */
    {"From: a\nARC-Authentication-Results: i=3; mx; dkim=pass\nTo: b\n", " mx; dkim=pass", true, 3, false, false},
    {"ARC-Authentication-Results: i=51; mx; dkim=pass", " mx; dkim=pass", true, 0, false, false},
    {"ARC-Authentication-Results: mx; dkim=pass", " mx; dkim=pass", true, 0, false, false},
    {"ARC-Seal: i=1; a=b\nARC-Message-Signature: a=b; i=1\nARC-Authentication-Results: i=1; mx; none\n", " mx; none",
     true, 1, true, true},
    {"ARC-Seal: i=2; a=b\nARC-Message-Signature: a=b; i=1\nARC-Authentication-Results: i=1; mx; none", " mx; none",
     true, 1, true, false},
    {"", "", false, 0, false, false},
    {":", ":", false, 0, false, false},
};

static void each_paste_is_found(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct span text = exact_copy(span_of(rows[i].text));
        struct results_paste got = results_paste_find(text);
        if (!span_equal(got.value, span_of(rows[i].value)) || got.is_arc != rows[i].is_arc ||
            got.instance != rows[i].instance || got.has_message_signature != rows[i].has_message_signature ||
            got.has_seal != rows[i].has_seal)
            fail_msg("%s: \"%.*s\", i=%u", rows[i].text, (int)got.value.len, got.value.ptr, got.instance);
        exact_free(text);
    }
}

static void every_result_has_its_sentence(void **state) {
    (void)state;
    static const char *const methods[] = {"dkim", "spf", "dmarc", "arc", "x"};
    static const char *const results[] = {"pass", "fail", "none", "temperror", "hardfail"};
    for (size_t m = 0; m < 5; m++)
        for (size_t r = 0; r < 5; r++)
            phrase_expect_whole(results_report_phrase(span_of(methods[m]), span_of(results[r])), methods[m]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_paste_is_found),
        cmocka_unit_test(every_result_has_its_sentence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
