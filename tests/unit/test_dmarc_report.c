#include "verifier/dmarc_report.h" /* first, so the header is proved to stand alone */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "tests/phrase_whole.h"

static void every_code_is_said_in_both_languages(void **state) {
    (void)state;
    for (int code = 0; code < DMARC_CODE_COUNT; code++) {
        const char *word = dmarc_code_word((enum dmarc_code)code);
        phrase_expect_whole(dmarc_code_why((enum dmarc_code)code), word);
        phrase_expect_whole(dmarc_code_cure((enum dmarc_code)code), word);
        assert_true(dmarc_code_why((enum dmarc_code)code)->text[LANGUAGE_EN][0] != '\0');
    }
}

#define SPAN(text)                                                                                                     \
    { text, sizeof text - 1 }
static const struct {
    struct dmarc_result result;
    const char *json, *text;
} rows[] = {
    {{.is_evaluated = true,
      .result = RESULT_FAIL,
      .code = DMARC_NOT_ALIGNED,
      .domain = SPAN("a.example.com"),
      .organizational_domain = SPAN("example.com"),
      .policy_domain = SPAN("example.com"),
      .policy = DMARC_POLICY_REJECT,
      .disposition = DMARC_POLICY_QUARANTINE,
      .testing = true,
      .dnssec = DNSSEC_SECURE},
     "{\"result\":\"fail\",\"domain\":\"a.example.com\",\"organizational_domain\":\"example.com\",\"policy\":"
     "\"reject\","
     "\"disposition\":\"quarantine\",\"code\":\"not_aligned\",\"policy_domain\":\"example.com\",\"dkim_aligned\":false,"
     "\"spf_aligned\":false,\"testing\":true,\"dnssec\":\"secure\"}",
     "  fail      dmarc a.example.com, policy reject of example.com, asks for quarantine, DNSSEC secure\n"
     "      Note: The record says t=y (testing): what it asks for is one step milder than its policy.\n"
     "      Why: Neither a valid signature nor SPF speaks for a.example.com.\n"
     "      Cure: Sign with d=a.example.com, or send with a reverse-path in that domain and an SPF record that names "
     "the "
     "server.\n"},
    {{.is_evaluated = true,
      .result = RESULT_PASS,
      .code = DMARC_ALIGNED,
      .domain = SPAN("d.example"),
      .organizational_domain = SPAN("d.example"),
      .policy_domain = SPAN("d.example"),
      .policy = DMARC_POLICY_NONE,
      .disposition = DMARC_POLICY_NONE,
      .dkim_aligned = true,
      .spf_aligned = true},
     "{\"result\":\"pass\",\"domain\":\"d.example\",\"organizational_domain\":\"d.example\",\"policy\":\"none\","
     "\"disposition\":\"none\",\"code\":\"aligned\",\"policy_domain\":\"d.example\",\"dkim_aligned\":true,"
     "\"spf_aligned\":true,\"testing\":false,\"dnssec\":\"indeterminate\"}",
     "  pass      dmarc d.example, policy none of d.example, proved by DKIM, proved by SPF, DNSSEC indeterminate\n"},
    {{.is_evaluated = true, .result = RESULT_PERMERROR, .code = DMARC_NO_AUTHOR, .disposition = DMARC_POLICY_NONE},
     "{\"result\":\"permerror\",\"domain\":null,\"organizational_domain\":null,\"policy\":null,\"disposition\":"
     "\"none\","
     "\"code\":\"no_author\",\"policy_domain\":null,\"dkim_aligned\":false,\"spf_aligned\":false,\"testing\":false,"
     "\"dnssec\":null}",
     "  permerror dmarc\n      Why: The message has no author address with a legal domain.\n"
     "      Cure: Write exactly one From field with one address.\n"},
};

static void a_result_is_written_as_wanted(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct bytes json_out = bytes_with_cap(4096), text_out = bytes_with_cap(4096);
        struct json json = json_writer(&json_out);
        dmarc_report_write_json(&json, &rows[i].result);
        dmarc_report_write_text(&text_out, &rows[i].result, (struct report_style){LANGUAGE_EN, false});
        if (!span_is(bytes_span(&json_out), rows[i].json)) fail_msg("%.*s", (int)json_out.len, json_out.ptr);
        if (!span_is(bytes_span(&text_out), rows[i].text)) fail_msg("%.*s", (int)text_out.len, text_out.ptr);
        bytes_release(&json_out);
        bytes_release(&text_out);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_code_is_said_in_both_languages),
        cmocka_unit_test(a_result_is_written_as_wanted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
