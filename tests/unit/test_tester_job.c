#include "http/tester_job.h" /* first, so the header is proved to stand alone */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include "base/clock.h"
#include "base/loop.h"
#include "tests/support/fake_keys.h"
#include "tests/support/late_dns.h"
#include "tests/support/signer.h"
#include "verifier/dns_zone.h"

static const char plain[] = "From: a@d.example\r\nTo: b@e.example\r\nSubject: see http://evil.example/x\r\nDate: Mon, 1 Jan 2024 00:00:00 +0000\r\n"
                            "Reply-To: c@other.example\r\n\r\nGo to https://tracker.example/ or mail x@third.example.\r\n";

/* One job on a loop, with a zone, keys that tests answer, and a signed message. */
struct bench {
    struct loop *loop;
    struct dns_zone *zone;
    struct late_dns dns;
    struct fake_keys keys;
    struct signer *signer;
    struct span message;
    struct clock_fixed clock;
    struct tester_job_setup setup;
    struct tester_job *job;
    const struct tester_report *report;
    unsigned done;
};

static void on_done(void *owner, struct tester_job *job, const struct tester_report *report) {
    struct bench *bench = owner;
    assert_ptr_equal(job, bench->job);
    bench->report = report;
    bench->done++;
    tester_job_destroy(job);
    bench->job = NULL;
    loop_stop(bench->loop);
}

static struct bench *open_bench(bool is_late) {
    struct bench *bench = calloc(1, sizeof *bench);
    char zone[2048], *error = NULL;
    bench->loop = loop_create();
    bench->signer = signer_create_rsa(2048);
    bench->message = signer_sign(bench->signer, &(struct signing){.domain = "d.example", .selector = "selector1", .signed_names = "from:to:subject:date:reply-to"}, span_of(plain));
    const char *record = signer_record(bench->signer);
    snprintf(zone, sizeof zone, "selector1._domainkey.d.example. TXT \"%.200s\" \"%s\"\n_dmarc.d.example. TXT \"v=DMARC1; p=reject\"\n"
             "d.example. TXT \"v=spf1 ip4:192.0.2.1 -all\"\n", record, record + 200);
    bench->zone = dns_zone_create();
    assert_true(dns_zone_add_text(bench->zone, "zone", span_of(zone), &error));
    late_dns_init(&bench->dns, dns_zone_source(bench->zone), is_late);
    fake_keys_init(&bench->keys);
    bench->keys.answers = is_late ? FAKE_LATE : FAKE_AT_ONCE;
    fake_keys_add(&bench->keys, "selector1._domainkey.d.example", record, DNS_FOUND);
    bench->clock = clock_fixed_at(1704067200);
    bench->setup = (struct tester_job_setup){.loop = bench->loop, .keys = &bench->keys.source, .dns = &bench->dns.source,
                                             .clock = &bench->clock.clock, .policy = verifier_policy_default,
                                             .receiver = span_of("mx.test"), .may_keep_messages = true};
    return bench;
}

static void close_bench(struct bench *bench) {
    tester_job_destroy(bench->job);
    tester_report_release(bench->report);
    assert_true(bench->dns.waiting_count == 0 && list_is_empty(&bench->keys.waiting));
    dns_zone_destroy(bench->zone);
    signer_destroy(bench->signer);
    loop_destroy(bench->loop);
    free((void *)(uintptr_t)bench->message.ptr);
    free(bench);
}

static void start(struct bench *bench, const struct tester_message *message) {
    bench->job = tester_job_create(&bench->setup, tester_request_of_message(message), on_done, bench);
    assert_non_null(bench->job);
    assert_int_equal(bench->done, 0); /* never from inside a call */
}

static const struct tester_report *work(struct bench *bench, const struct tester_message *message) {
    start(bench, message);
    assert_true(loop_run(bench->loop));
    assert_true(bench->done == 1 && bench->report != NULL);
    return bench->report;
}

static const struct finding *find(const struct finding_list *list, const char *name) {
    for (size_t i = 0; i < list->count; i++)
        if (strcmp(finding_name(list->finding[i].id), name) == 0) return &list->finding[i];
    return NULL;
}

static void a_whole_message_is_verified_and_its_key_judged(void **state) {
    (void)state;
    struct bench *bench = open_bench(false);
    const struct tester_report *report = work(bench, &(struct tester_message){.octets = bench->message});
    assert_true(report->has_message && report->signature_count == 1 && report->findings->count == 0);
    assert_int_equal(report->result->dkim[0].result, RESULT_PASS);
    assert_int_equal(report->result->dmarc.result, RESULT_PASS); /* by DKIM alone */
    assert_false(report->result->spf[SPF_MAIL_FROM].is_evaluated);
    assert_true(report->record_count == 1 && report->signature[0].key == &report->record[0].selector[0]);
    assert_int_equal(report->record[0].selector[0].state, RECORD_STATE_SET);
    assert_true(report->message.text.len == 0 && report->arrival.octets == bench->message.len);
    close_bench(bench);
}

static void an_envelope_brings_spf(void **state) {
    (void)state;
    struct bench *bench = open_bench(false);
    struct tester_message message = {.octets = bench->message, .has_envelope = true, .has_address = true, .is_v4 = true,
                                     .address = {192, 0, 2, 1}, .helo = span_of("d.example"), .mail_from = span_of("a@d.example"),
                                     .client = span_of("192.0.2.1"), .is_to_be_kept = true};
    const struct tester_report *report = work(bench, &message);
    assert_int_equal(report->result->spf[SPF_MAIL_FROM].result, RESULT_PASS);
    assert_true(span_is(report->arrival.client, "192.0.2.1") && span_equal(report->message.text, bench->message));
    close_bench(bench);
}

static void what_was_added_is_proved(void **state) {
    (void)state;
    struct bench *bench = open_bench(false);
    struct bytes text = bytes_with_cap(10000);
    bytes_append(&text, bench->message);
    bytes_append_text(&text, "-- \r\nsent by a list\r\n");
    const struct tester_report *report = work(bench, &(struct tester_message){.octets = bytes_span(&text)});
    const struct finding *finding = find(report->findings, "B1");
    assert_true(finding != NULL && finding->certainty == FINDING_PROVED && span_is(finding->evidence.received, "-- \r\nsent by a list\r\n"));
    assert_int_equal(report->signature[0].cause, CAUSE_BODY_APPENDED);
    bytes_release(&text);
    close_bench(bench);
}

/* The folds of a paste, lost and proved to be where they were. */
static void pasted_header_fields_are_repaired(void **state) {
    (void)state;
    struct bench *bench = open_bench(false);
    struct bytes text = bytes_with_cap(10000);
    for (size_t i = 0; i < bench->message.len; i++) {
        char c = bench->message.ptr[i];
        bool is_fold = (c == ' ' || c == '\t') && i > 0 && bench->message.ptr[i - 1] == '\n';
        if (c != '\r' && !is_fold) bytes_append_char(&text, c);
    }
    struct tester_message message = {.octets = bytes_span(&text), .is_header_alone = true};
    const struct tester_report *report = work(bench, &message);
    bool has_folds = memmem(bench->message.ptr, bench->message.len, "\r\n ", 3) != NULL || memmem(bench->message.ptr, bench->message.len, "\r\n\t", 3) != NULL;
    assert_true(has_folds); /* else there is nothing to be repaired */
    assert_true(report->arrival.is_header_alone && report->arrival.is_repaired && find(report->findings, "H18") != NULL);
    assert_true(report->result->dkim[0].header_part == PART_INTACT && report->result->dkim[0].code == DKIM_BODY_ABSENT);
    bytes_release(&text);
    close_bench(bench);
}

static void a_paste_that_cannot_be_repaired_is_shown_as_it_came(void **state) {
    (void)state;
    struct bench *bench = open_bench(false);
    const char text[] = "DKIM-Signature: v=1; a=rsa-sha256; d=d.example; s=selector1; h=from;\nbh=AAAA; b=AAAA\nFrom: a@d.example\n";
    const struct tester_report *report = work(bench, &(struct tester_message){.octets = span_of(text), .is_header_alone = true});
    assert_true(!report->arrival.is_repaired && find(report->findings, "H18") == NULL && report->signature_count == 1);
    close_bench(bench);
}

static void too_large_header_sections_are_refused(void **state) {
    (void)state;
    struct bench *bench = open_bench(false);
    bench->setup.policy.header.fields_max = 3;
    const struct tester_report *report = work(bench, &(struct tester_message){.octets = bench->message});
    assert_true(report->header == HEADER_TOO_MANY_FIELDS && report->result == NULL && report->signature_count == 0);
    close_bench(bench);
}

/* Only the signing and author domain's names (keys, DMARC, SPF) and reverse lookups leave; nothing that a text mentions. */
static void no_other_name_is_looked_up(void **state) {
    (void)state;
    struct bench *bench = open_bench(false);
    struct tester_message message = {.octets = bench->message, .has_envelope = true, .has_address = true, .is_v4 = true,
                                     .address = {192, 0, 2, 1}, .helo = span_of("d.example"), .mail_from = span_of("a@d.example")};
    (void)work(bench, &message);
    struct span asked = {bench->dns.asked, bench->dns.asked_len};
    assert_true(asked.len > 0);
    while (asked.len > 0) {
        size_t end = span_find(asked, '\n');
        struct span line = span_first(asked, end), name = span_first(line, span_find(line, ' '));
        bool is_ours = span_is(name, "d.example") || span_ends_nocase(name, span_of(".d.example")) ||
                       span_is(name, "_dmarc.example") || span_ends_nocase(name, span_of(".in-addr.arpa"));
        if (!is_ours) fail_msg("%.*s", (int)line.len, line.ptr);
        asked = span_after(asked, end < asked.len ? end + 1 : end);
    }
    close_bench(bench);
}

static void questions_are_answered_without_a_message(void **state) {
    (void)state;
    struct bench *bench = open_bench(false);
    struct tester_question question = {.domain = span_of("d.example"), .selector_count = 2,
                                       .selector = {span_of("selector1"), span_of("selector2")}};
    bench->job = tester_job_create(&bench->setup, tester_request_of_question(&question), on_done, bench);
    assert_true(loop_run(bench->loop));
    assert_true(!bench->report->has_message && bench->report->record_count == 1 && bench->report->record[0].count == 2);
    assert_true(bench->report->record[0].pair != NULL && bench->report->record[0].pair->code == 501);
    assert_int_equal(bench->report->findings->count, 0);
    const struct domain_policy *policy = bench->report->record[0].policy;
    assert_true(policy->spf_state == DOMAIN_POLICY_VALID && policy->dmarc_state == DOMAIN_POLICY_VALID);
    assert_true(span_is(policy->record_text, "v=DMARC1; p=reject") && span_is(policy->spf.text[0], "v=spf1 ip4:192.0.2.1 -all"));
    close_bench(bench);
}

/* Without a selector: SPF and DMARC alone, also where DNS takes longer than it may. */
static void a_domain_alone_is_a_question(void **state) {
    (void)state;
    for (int is_late = 0; is_late < 2; is_late++) {
        struct bench *bench = open_bench(is_late);
        struct tester_question question = {.domain = span_of("D.Example.")};
        bench->job = tester_job_create(&bench->setup, tester_request_of_question(&question), on_done, bench);
        assert_true(loop_run(bench->loop));
        const struct record_report *record = &bench->report->record[0];
        assert_true(bench->report->record_count == 1 && record->count == 0 && span_is(record->domain, "d.example"));
        enum domain_policy_state wanted = is_late ? DOMAIN_POLICY_UNKNOWN : DOMAIN_POLICY_VALID;
        assert_true(record->policy->spf_state == wanted && record->policy->dmarc_state == wanted);
        close_bench(bench);
    }
}

/* The domain stands in what the provider said. */
static void the_providers_domain_has_policies_too(void **state) {
    (void)state;
    struct bench *bench = open_bench(false);
    struct tester_question question = {.provider_answer = span_of("customerRecord: selector1._domainkey.d.example")};
    bench->job = tester_job_create(&bench->setup, tester_request_of_question(&question), on_done, bench);
    assert_true(loop_run(bench->loop));
    assert_true(bench->report->record_count == 1 && bench->report->record[0].count > 0);
    assert_int_equal(bench->report->record[0].policy->spf_state, DOMAIN_POLICY_VALID);
    close_bench(bench);
}

/* Destroyed at any moment, nothing is asked or told any more. */
static void a_job_may_be_given_up(void **state) {
    (void)state;
    struct bench *bench = open_bench(true);
    start(bench, &(struct tester_message){.octets = bench->message});
    tester_job_destroy(bench->job); /* before it began */
    start(bench, &(struct tester_message){.octets = bench->message});
    struct loop_timer *soon = loop_timer_create(bench->loop, (void (*)(void *))loop_stop, bench->loop);
    loop_timer_start(soon, 1);
    assert_true(loop_run(bench->loop));
    assert_true(bench->done == 0 && tester_job_lookups(bench->job) > 0);
    tester_job_destroy(bench->job); /* with keys on their way */
    bench->job = NULL;
    loop_timer_destroy(soon);
    assert_int_equal(bench->done, 0);
    close_bench(bench);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_message_is_verified_and_its_key_judged),
        cmocka_unit_test(an_envelope_brings_spf),
        cmocka_unit_test(what_was_added_is_proved),
        cmocka_unit_test(pasted_header_fields_are_repaired),
        cmocka_unit_test(a_paste_that_cannot_be_repaired_is_shown_as_it_came),
        cmocka_unit_test(too_large_header_sections_are_refused),
        cmocka_unit_test(no_other_name_is_looked_up),
        cmocka_unit_test(questions_are_answered_without_a_message),
        cmocka_unit_test(a_domain_alone_is_a_question),
        cmocka_unit_test(the_providers_domain_has_policies_too),
        cmocka_unit_test(a_job_may_be_given_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
