#include "http/tester_report_page.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "http/tester_live.h"

#define EVIL "<script>\x1b\xe2\x80\xae\"'&\r\nevent: end\r\n\r\n\xff"
#define S(text)                                                                                                        \
    { text, sizeof(text) - 1 }

/* A report in which every octet that may come from outside is hostile. */
static struct dkim_result dkim;
static struct message_result result;
static struct finding_list findings;
static const struct tester_tag tags[] = {{S("d"), S(EVIL)}, {S(EVIL), S(EVIL)}};
static struct tester_signature signature;
static const struct tester_step step = {S(EVIL), S(EVIL), S(EVIL), true, 1700000000};
static struct record_selector selector;
static struct record_text text;
static struct record_report record;
static struct tester_report report;

static int make(void **state) {
    (void)state;
    const struct span evil = S(EVIL);
    dkim = (struct dkim_result){.result = RESULT_FAIL,
                                .code = DKIM_BODY_HASH_MISMATCH,
                                .domain = evil,
                                .selector = evil,
                                .body_part = PART_CHANGED,
                                .header_part = PART_INTACT,
                                .key_algorithm = KEY_RSA,
                                .key_bits = 2048,
                                .has_key_answer = true,
                                .cname = {evil},
                                .cname_count = 1};
    result = (struct message_result){.dkim_count = 1, .dkim = &dkim};
    result.spf[SPF_MAIL_FROM] = (struct spf_result){
        .is_evaluated = true, .result = RESULT_PASS, .code = SPF_MATCHED, .domain = evil, .mechanism = evil};
    result.dmarc =
        (struct dmarc_result){.is_evaluated = true, .result = RESULT_FAIL, .code = DMARC_NOT_ALIGNED, .domain = evil};
    findings.count = 0;
    struct finding *added = finding_add(&findings, FINDING_BODY_FOOTER);
    added->certainty = FINDING_PROVED;
    added->has_signature = true;
    finding_add_number(added, "lines", 5);
    finding_add_text(added, "text", evil);
    added->evidence = (struct finding_evidence){.is_given = true, .received = evil, .received_octets = 4000};
    signature = (struct tester_signature){
        .result = &dkim, .tag_count = 2, .tag = tags, .canonical_header = {evil, 100}, .canonical_body = {evil, 9}};
    text = (struct record_text){
        .text = evil, .key = {.algorithm = KEY_RSA, .bits = 2048}, .tags = {1, {{S("p"), S(EVIL)}}}};
    selector = (struct record_selector){.selector = evil,
                                        .name = evil,
                                        .expected_cname = evil,
                                        .record = &text,
                                        .state = RECORD_STATE_TO_FIX,
                                        .answer = {.cname = {evil}, .cname_count = 1, .reason = evil}};
    record = (struct record_report){.domain = evil, .count = 1, .selector = &selector};
    report = (struct tester_report){.has_message = true,
                                    .arrival = {.octets = 1234, .has_envelope = true, .client = evil},
                                    .from = {evil, 50},
                                    .subject = {evil, 50},
                                    .result = &result,
                                    .signature_count = 1,
                                    .signature = &signature,
                                    .step_count = 1,
                                    .step = &step,
                                    .findings = &findings,
                                    .message = {evil, 50},
                                    .record_count = 1,
                                    .record = &record};
    return 0;
}

static char *ended(struct bytes *out) {
    assert_false(out->failed);
    bytes_append_char(out, '\0');
    return out->ptr;
}

static void expect_harmless(const char *page) {
    assert_null(strstr(page, "<script"));
    assert_null(strchr(page, '\x1b'));
    assert_null(strchr(page, '\r'));
    assert_null(strstr(page, "\xe2\x80\xae"));
    assert_null(strchr(page, '\xff'));
}

static void hostile_reports_are_shown_as_text(void **state) {
    (void)state;
    for (unsigned language = 0; language < LANGUAGE_COUNT; language++) {
        struct bytes out = bytes_with_cap(1 << 20);
        tester_report_page_write(&out, (enum language)language, &report, 1);
        const char *page = ended(&out);
        expect_harmless(page);
        assert_non_null(strstr(page, "&lt;script&gt;"));
        assert_non_null(strstr(page, "<ins>&lt;script&gt;<b>ESC</b><b>RLO</b>"));
        bytes_release(&out);
    }
}

static void a_report_says_what_to_do(void **state) {
    (void)state;
    struct bytes out = bytes_with_cap(1 << 20);
    tester_report_page_write(&out, LANGUAGE_FR, &report, 2);
    const char *page = ended(&out);
    static const char *const wanted[] = {"Message 2",
                                         "RSA, 2048 bits",
                                         "identiques à ce qui a été signé (prouvé)",
                                         "Ce qu&#39;il faut faire",
                                         "prouvé",
                                         "/fr/aide#B1\"",
                                         "à corriger (toFix)",
                                         "Signé (reconstitué, prouvé)",
                                         "<time datetime=\"2023-11-14"};
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
        if (strstr(page, wanted[i]) == NULL) fail_msg("%s is not in %s", wanted[i], page);
    bytes_clear(&out);
    findings.count = 0;
    dkim.result = RESULT_PASS, dkim.code = DKIM_OK, dkim.body_part = PART_INTACT;
    tester_report_page_write(&out, LANGUAGE_EN, &report, 1);
    assert_non_null(strstr(ended(&out), "Nothing: all is as it should be."));
    bytes_clear(&out);
    report.signature_count = 0;
    tester_report_page_write(&out, LANGUAGE_EN, &report, 1);
    assert_non_null(strstr(ended(&out), "The message carries no DKIM signature."));
    bytes_release(&out);
}

static void encoded_words_are_undone_unless_masked(void **state) {
    (void)state;
    struct bytes out = bytes_with_cap(1 << 20);
    report.subject = (struct tester_text){S("=?utf-8?q?d=C3=AEner=3Cb=3E?="), 29};
    tester_report_page_write(&out, LANGUAGE_FR, &report, 1);
    assert_non_null(strstr(ended(&out), "<dd>d\xc3\xaener&lt;b&gt;</dd>"));
    bytes_clear(&out);
    report.is_masked = true;
    tester_report_page_write(&out, LANGUAGE_FR, &report, 1);
    assert_non_null(strstr(ended(&out), "<dd>=?utf-8?q?d"));
    bytes_release(&out);
}

static unsigned count(const char *page, const char *part) {
    unsigned found = 0;
    for (const char *at = strstr(page, part); at != NULL; at = strstr(at + 1, part)) found++;
    return found;
}

/* Whatever a message holds, an event stays one event. */
static void events_cannot_be_forged(void **state) {
    (void)state;
    for (unsigned kind = 0; kind < TESTER_EVENT_KIND_COUNT; kind++) {
        const struct tester_event event = {
            .id = 7, .kind = (enum tester_event_kind)kind, .message = 1, .arrival = report.arrival, .report = &report};
        struct bytes out = bytes_with_cap(1 << 20);
        tester_live_events[LANGUAGE_EN].write(&out, &event, LANGUAGE_EN);
        const char *text_of_event = ended(&out);
        bool is_double = kind == TESTER_EVENT_REPORT; /* a row, and the word that it is there */
        assert_int_equal(count(text_of_event, "\n\n"), kind == TESTER_EVENT_ARC ? 0 : is_double ? 2 : 1);
        assert_int_equal(count(text_of_event, "\nevent: "), count(text_of_event, "\n\n"));
        expect_harmless(text_of_event);
        bytes_clear(&out);
        tester_live_page[LANGUAGE_FR].write(&out, &event, LANGUAGE_FR);
        expect_harmless(ended(&out));
        assert_int_equal(count(out.ptr, "id=\"fini\""), kind == TESTER_EVENT_END);
        bytes_release(&out);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test_setup(hostile_reports_are_shown_as_text, make),
                                       cmocka_unit_test_setup(a_report_says_what_to_do, make),
                                       cmocka_unit_test_setup(encoded_words_are_undone_unless_masked, make),
                                       cmocka_unit_test_setup(events_cannot_be_forged, make)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
