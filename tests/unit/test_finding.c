#include "verifier/finding.h" /* first, so the header is proved to stand alone */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "tests/phrase_whole.h"

static void every_finding_is_told_in_both_languages(void **state) {
    (void)state;
    for (int id = 0; id < FINDING_COUNT; id++) {
        phrase_expect_whole(finding_sentence((enum finding_id)id), finding_name((enum finding_id)id));
        phrase_expect_whole(finding_cure((enum finding_id)id), finding_name((enum finding_id)id));
        assert_true(finding_sentence((enum finding_id)id)->text[LANGUAGE_EN][0] != '\0');
        bool has_cure = finding_cure((enum finding_id)id)->text[LANGUAGE_EN][0] != '\0';
        if (finding_severity((enum finding_id)id) == SEVERITY_ERROR && !has_cure)
            fail_msg("%s", finding_name((enum finding_id)id));
    }
}

static void json_and_text_carry_the_arguments(void **state) {
    (void)state;
    struct finding_list list = {0};
    struct bytes out = bytes_with_cap(8192);
    struct json json = json_writer(&out);
    finding_add(&list, FINDING_TESTING);
    struct finding *finding = finding_add(&list, FINDING_CNAME_WRONG);
    finding_add_text(finding, "selector", span_of("s\x1b"));
    finding_add_text(finding, "found", span_of("a.test"));
    finding_add_text(finding, "expected", span_of("b.test"));
    finding_add_number(finding, "position", 1);
    finding_write_json(&json, &list);
    bytes_append_char(&out, '\0');
    assert_non_null(strstr(
        out.ptr,
        "{\"id\":\"503\",\"class\":\"exact\",\"cause\":null,\"severity\":\"error\",\"signature\":null,\"args\":"
        "{\"selector\":\"s\\u001b\",\"found\":\"a.test\",\"expected\":\"b.test\",\"position\":1},\"text\":{\"fr\":"
        "\"CNAME faux pour s\\\\x1b (503)"));
    bytes_clear(&out);
    finding_write_text(&out, &list, (struct report_style){LANGUAGE_EN, false});
    bytes_append_char(&out, '\0');
    assert_string_equal(
        out.ptr, "      Why: CNAME wrong for s\\x1b (503): read a.test, expected b.test, they part at character 1.\n"
                 "      Cure: Correct the target of the CNAME.\n"
                 "      Note: Test mode (t=y): a failure must be treated like an unsigned message.\n"
                 "      Cure: Remove t=y once signing works.\n");
    bytes_release(&out);
}

static void a_full_list_takes_no_more(void **state) {
    (void)state;
    struct finding_list list = {0};
    for (size_t i = 0; i < FINDINGS_MAX + 5; i++) finding_add(&list, FINDING_TESTING);
    assert_int_equal(list.count, FINDINGS_MAX);
    finding_add(&list, FINDING_REVOKED);
    assert_int_equal(list.finding[FINDINGS_MAX - 1].id, FINDING_REVOKED);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_finding_is_told_in_both_languages),
        cmocka_unit_test(json_and_text_carry_the_arguments),
        cmocka_unit_test(a_full_list_takes_no_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
