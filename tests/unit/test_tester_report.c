#include "http/tester_report.h" /* first, so the header is proved to stand alone */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include "tests/support/exact.h"

enum { SPANS_MAX = 96 };

/* A draft whose every text is an exactly sized copy that is freed as soon as the report is made. */
struct draft {
    struct tester_report report;
    struct message_result result;
    struct dkim_result dkim[2];
    struct tester_signature signature[2];
    struct tester_tag tag[2];
    struct tester_step step;
    struct finding_list findings;
    struct domain_policy policy;
    struct record_report record;
    struct record_selector selector;
    struct record_text text;
    struct record_pair pair;
    struct provider_answer provider;
    struct span own[SPANS_MAX];
    size_t count;
};

static struct span own(struct draft *draft, const char *text) {
    assert_true(draft->count < SPANS_MAX);
    return draft->own[draft->count++] = exact_copy(span_of(text));
}

static struct tester_text own_text(struct draft *draft, const char *text) {
    struct span span = own(draft, text);
    return (struct tester_text){span, span.len + 1};
}

static void fill_record(struct draft *draft) {
    draft->text = (struct record_text){.text = own(draft, "v=DKIM1; n=ask jane@a.test; p="), .mended = own(draft, "v=DKIM1"), .strings = own(draft, "\x1e")};
    draft->text.tags.count = 1;
    draft->text.tags.tag[0] = (struct tag){own(draft, "n"), own(draft, "ask jane@a.test"), own(draft, "ask jane@a.test")};
    draft->selector = (struct record_selector){.selector = own(draft, "s1"), .name = own(draft, "s1._domainkey.a.test"),
                                               .expected_cname = own(draft, "x.test"), .record = &draft->text};
    draft->selector.answer.cname_count = draft->selector.answer.record_count = 1;
    draft->selector.answer.cname[0] = own(draft, "y.test");
    draft->selector.answer.record[0] = own(draft, "v=DKIM1");
    draft->selector.answer.reason = own(draft, "expired");
    draft->provider = (struct provider_answer){.count = 1, .active = own(draft, "s1")};
    draft->provider.selector[0] = (struct provider_selector){.selector = own(draft, "s1"), .target = own(draft, "x.test")};
    finding_add_text(finding_add(&draft->pair.findings, FINDING_VERSION_VALUE), "found", own(draft, "jane@a.test"));
    draft->policy = (struct domain_policy){.asked = 1, .has_record = true, .policy_domain = own(draft, "a.test"),
                                           .organization = own(draft, "a.test"),
                                           .record_text = own(draft, "v=DMARC1; p=none; rua=mailto:jane@a.test")};
    draft->policy.spf = (struct domain_policy_place){.name = own(draft, "a.test"), .count = DOMAIN_POLICY_TEXTS_MAX + 1, .cname_count = 1};
    draft->policy.spf.cname[0] = own(draft, "z.test");
    for (size_t i = 0; i < DOMAIN_POLICY_TEXTS_MAX; i++) draft->policy.spf.text[i] = own(draft, "v=spf1 -all");
    draft->policy.dmarc[0] = (struct domain_policy_place){.name = own(draft, "_dmarc.a.test"), .count = 1, .reason = own(draft, "none")};
    draft->policy.dmarc[0].text[0] = own(draft, "v=DMARC1; p=none; rua=mailto:jane@a.test");
    finding_add_text(finding_add(&draft->policy.spf_findings, FINDING_SPF_SEVERAL), "domain", own(draft, "a.test"));
    finding_add_text(finding_add(&draft->policy.dmarc_findings, FINDING_DMARC_BAD_NAME), "found", own(draft, "jane@a.test"));
    draft->record = (struct record_report){.domain = own(draft, "a.test"), .count = 1, .selector = &draft->selector,
                                           .pair = &draft->pair, .provider = &draft->provider, .policy = &draft->policy};
}

static void fill_message(struct draft *draft) {
    for (size_t i = 0; i < 2; i++) {
        draft->dkim[i] = (struct dkim_result){.domain = own(draft, "a.test"), .selector = own(draft, "s1"),
                                              .auid = own(draft, "jane@a.test"), .cname_count = 1};
        draft->dkim[i].cname[0] = own(draft, "y.test");
        draft->signature[i] = (struct tester_signature){.result = &draft->dkim[i]};
    }
    draft->tag[0] = (struct tester_tag){own(draft, "i"), own(draft, "jane@a.test")};
    draft->tag[1] = (struct tester_tag){own(draft, "l"), own(draft, "40")};
    draft->signature[0].tag = draft->tag;
    draft->signature[0].tag_count = 2;
    draft->signature[0].key = &draft->selector;
    draft->signature[0].canonical_header = own_text(draft, "from:Jane <jane@a.test>\r\nl=40; i=jane@a.test");
    draft->signature[0].canonical_body = own_text(draft, "jane@a.test writes");
    draft->result = (struct message_result){.dkim_count = 2, .dkim = draft->dkim, .from_domain = own(draft, "a.test")};
    draft->result.spf[SPF_MAIL_FROM] = (struct spf_result){.is_evaluated = true, .identity = own(draft, "jane@a.test"), .domain = own(draft, "a.test")};
    struct finding *finding = finding_add(&draft->findings, FINDING_VERSION_VALUE);
    finding_add_text(finding, "found", own(draft, "jane@a.test"));
    finding->evidence = (struct finding_evidence){.is_given = true, .original = own(draft, "to jane@a.test"), .received = own(draft, "x")};
    draft->step = (struct tester_step){.from = own(draft, "jane@a.test"), .by = own(draft, "b.test")};
}

static void open_draft(struct draft *draft) {
    *draft = (struct draft){.count = 0};
    fill_record(draft);
    fill_message(draft);
    draft->report = (struct tester_report){.made_s = 1, .has_message = true, .header = HEADER_COMPLETE, .result = &draft->result,
                                           .signature_count = 2, .signature = draft->signature, .step_count = 1,
                                           .step = &draft->step, .findings = &draft->findings, .record_count = 1,
                                           .record = &draft->record};
    draft->report.arrival = (struct tester_arrival){.at_s = 1, .has_envelope = true, .client = own(draft, "192.0.2.1"),
                                                    .helo = own(draft, "h.test"), .mail_from = own(draft, "jane@a.test")};
    draft->report.from = own_text(draft, "Jane <jane@a.test>");
    draft->report.subject = own_text(draft, "for jane@a.test");
    draft->report.message = own_text(draft, "To: jane@a.test");
}

static void close_draft(struct draft *draft) {
    for (size_t i = 0; i < draft->count; i++) exact_free(draft->own[i]);
}

static struct bytes json_of(const struct tester_report *report) {
    struct bytes out = bytes_with_cap(1 << 20);
    struct json json = json_writer(&out);
    tester_report_write_json(&json, report);
    assert_false(out.failed);
    return out;
}

static bool has(const struct bytes *text, const char *needle) {
    return memmem(text->ptr, text->len, needle, strlen(needle)) != NULL;
}

static void a_report_is_a_copy_of_everything(void **state) {
    (void)state;
    struct draft draft;
    open_draft(&draft);
    struct bytes before = json_of(&draft.report);
    const struct tester_report *report = tester_report_make(&draft.report);
    close_draft(&draft);
    draft = (struct draft){.count = 0};
    struct bytes after = json_of(report); /* the address sanitizer sees what still points to the draft */
    assert_true(span_equal(bytes_span(&before), bytes_span(&after)));
    assert_true(has(&after, "jane@a.test writes") && has(&after, "\"text\":\"To: jane@a.test\""));
    assert_ptr_equal(report->signature[0].key, &report->record[0].selector[0]);
    assert_ptr_equal(report->signature[1].result, &report->result->dkim[1]);
    assert_null(report->signature[1].key);
    assert_true(span_is(report->record[0].selector[0].answer.reason, "expired"));
    assert_true(span_is(report->record[0].provider->selector[0].target, "x.test"));
    assert_true(tester_report_octets(report) > sizeof *report && tester_report_octets(report) < 300000);
    tester_report_release(tester_report_acquire(report));
    tester_report_release(report);
    tester_report_release(NULL);
    bytes_release(&before);
    bytes_release(&after);
}

static void the_masked_twin_has_no_local_part(void **state) {
    (void)state;
    struct draft draft;
    open_draft(&draft);
    const struct tester_report *report = tester_report_make(&draft.report), *masked = tester_report_mask(report);
    close_draft(&draft);
    struct bytes text = json_of(masked), whole = json_of(report);
    assert_true(masked->is_masked && !report->is_masked);
    assert_false(has(&text, "jane@"));
    assert_true(has(&whole, "jane@"));
    assert_true(has(&text, "***@a.test") && has(&text, "h.test") && has(&text, "\"value\":\"40\"") && has(&text, "l=40"));
    assert_true(masked->signature[0].canonical_body.text.len == 0 && masked->message.text.len == 0);
    assert_ptr_equal(masked->signature[0].key, &masked->record[0].selector[0]);
    tester_report_release(report); /* they live apart */
    assert_true(span_is(masked->arrival.mail_from, "***@a.test"));
    tester_report_release(masked);
    bytes_release(&text);
    bytes_release(&whole);
}

static void *share(void *report) {
    for (int i = 0; i < 10000; i++) tester_report_release(tester_report_acquire(report));
    tester_report_release(report);
    return NULL;
}

static void threads_share_it(void **state) {
    (void)state;
    static const struct finding_list nothing;
    const struct tester_report draft = {.made_s = 1, .findings = &nothing};
    const struct tester_report *report = tester_report_make(&draft);
    pthread_t threads[2];
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, share, (void *)(uintptr_t)tester_report_acquire(report)), 0);
    for (int i = 0; i < 2; i++) pthread_join(threads[i], NULL);
    assert_int_equal(report->made_s, 1);
    tester_report_release(report);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_report_is_a_copy_of_everything),
                                       cmocka_unit_test(the_masked_twin_has_no_local_part), cmocka_unit_test(threads_share_it)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
