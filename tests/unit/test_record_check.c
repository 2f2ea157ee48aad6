#include "verifier/record_check.h" /* first, so the header is proved to stand alone */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "tests/support/key_texts.h"
#include "tests/support/late_dns.h"
#include "verifier/dns_zone.h"

#define KEY_A "\"v=DKIM1; p=" RSA_1024 "\""
#define KEY_B "\"v=DKIM1; k=ed25519; p=" ED25519 "\""

struct bench {
    struct dns_zone *zone, *other;
    struct late_dns dns, second;
    struct record_check *check;
    struct record_wish wish[2];
    struct record_view view[2];
    struct record_question question;
    unsigned done;
};

static void set_up(struct bench *bench, const char *zone, const char *other, bool is_late) {
    char *error = NULL;
    *bench = (struct bench){.zone = dns_zone_create(), .other = dns_zone_create()};
    if (!dns_zone_add_text(bench->zone, "zone", span_of(zone), &error)) fail_msg("%s", error);
    if (!dns_zone_add_text(bench->other, "other", span_of(other), &error)) fail_msg("%s", error);
    late_dns_init(&bench->dns, dns_zone_source(bench->zone), is_late);
    late_dns_init(&bench->second, dns_zone_source(bench->other), is_late);
    bench->check = record_check_create(&bench->dns.source);
    assert_non_null(bench->check);
    bench->wish[0].selector = span_of("s1");
    bench->wish[1].selector = span_of("s2");
    bench->question = (struct record_question){.domain = span_of("D.example."), .count = 2, .wish = bench->wish};
}

static void tear_down(struct bench *bench) {
    record_check_destroy(bench->check);
    dns_zone_destroy(bench->zone);
    dns_zone_destroy(bench->other);
}

static void is_done(void *owner) { ((struct bench *)owner)->done++; }

static enum record_check_status start(struct bench *bench) {
    return record_check_start(bench->check, &bench->question, is_done, bench);
}

static const struct finding *find_in(const struct finding_list *list, const char *name) {
    for (size_t i = 0; i < list->count; i++)
        if (strcmp(finding_name(list->finding[i].id), name) == 0) return &list->finding[i];
    return NULL;
}

static bool says(const struct record_report *report, size_t selector, const char *name) {
    return find_in(&report->selector[selector].findings, name) != NULL;
}

#define ZONE "s1._domainkey.d.example. TXT " KEY_A "\ns2._domainkey.d.example.d.example. TXT " KEY_B "\n"

static void expect_report(const struct record_report *report) {
    assert_int_equal(report->count, 2);
    assert_true(span_is(report->domain, "d.example"));
    assert_int_equal(report->selector[0].state, RECORD_STATE_SET);
    assert_int_equal(report->selector[1].state, RECORD_STATE_TO_SET);
    assert_true(says(report, 1, "R-10"));
    assert_int_equal(report->pair->code, 501);
}

static void answers_at_once_or_later_give_the_same(void **state) {
    (void)state;
    for (int way = 0; way < 3; way++) { /* at once, oldest first, newest first */
        struct bench bench;
        set_up(&bench, ZONE, "", way > 0);
        enum record_check_status status = start(&bench);
        assert_int_equal(status, way > 0 ? RECORD_CHECK_PENDING : RECORD_CHECK_DONE);
        assert_int_equal(bench.done, 0); /* never before start has returned */
        while (late_dns_answer(&bench.dns, way == 2)) {}
        assert_int_equal(bench.done, way > 0);
        assert_int_equal(record_check_status(bench.check), RECORD_CHECK_DONE);
        expect_report(record_check_report(bench.check));
        tear_down(&bench);
    }
}

static void time_may_be_up_at_any_answer(void **state) {
    (void)state;
    for (unsigned answers = 0; answers < 9; answers++) {
        struct bench bench;
        set_up(&bench, ZONE, "", true);
        assert_int_equal(start(&bench), RECORD_CHECK_PENDING);
        for (unsigned i = 0; i < answers; i++) late_dns_answer(&bench.dns, false);
        bool pending = bench.dns.waiting_count > 0;
        record_check_expire(bench.check);
        assert_int_equal(bench.dns.waiting_count, 0); /* cancelled */
        assert_int_equal(bench.done, pending ? 0 : 1);
        assert_int_equal(record_check_status(bench.check), RECORD_CHECK_DONE);
        const struct record_report *report = record_check_report(bench.check);
        assert_int_equal(report->selector[0].state, answers > 0 ? RECORD_STATE_SET : RECORD_STATE_UNKNOWN);
        assert_int_equal(report->selector[1].state, answers > 1 ? RECORD_STATE_TO_SET : RECORD_STATE_UNKNOWN);
        record_check_expire(bench.check); /* nothing more */
        tear_down(&bench);
    }
}

static void it_may_be_given_up_at_any_answer(void **state) {
    (void)state;
    for (unsigned answers = 0; answers < 9; answers++) {
        struct bench bench;
        set_up(&bench, ZONE, "", true);
        start(&bench);
        for (unsigned i = 0; i < answers; i++) late_dns_answer(&bench.dns, true);
        size_t pending = bench.dns.waiting_count;
        record_check_destroy(bench.check);
        bench.check = NULL;
        assert_int_equal(bench.dns.waiting_count, 0);
        assert_int_equal(bench.dns.cancels, pending);
        tear_down(&bench);
    }
}

static void questions_have_their_limit(void **state) {
    (void)state;
    struct bench bench;
    set_up(&bench, ZONE, "", false);
    bench.question.questions_max = 2;
    assert_int_equal(start(&bench), RECORD_CHECK_DONE);
    assert_int_equal(bench.dns.lookups, 2);
    assert_false(says(record_check_report(bench.check), 1, "R-10"));
    tear_down(&bench);
    set_up(&bench, ZONE, "", false);
    bench.question.questions_max = 1;
    assert_int_equal(start(&bench), RECORD_CHECK_DONE);
    assert_int_equal(record_check_report(bench.check)->selector[1].state, RECORD_STATE_UNKNOWN);
    tear_down(&bench);
    set_up(&bench, ZONE, "", false); /* what is there needs no question more */
    bench.question.count = 1;
    assert_int_equal(start(&bench), RECORD_CHECK_DONE);
    assert_int_equal(bench.dns.lookups, 1);
    tear_down(&bench);
}

static void other_views_are_compared(void **state) {
    (void)state;
    static const struct {
        const char *other;
        enum record_view_kind kind;
        const char *name; /* of the finding; NULL: none */
    } rows[] = {
        {"s1._domainkey.d.example. TXT " KEY_A "\n", RECORD_VIEW_RESOLVER, NULL},
        {"$TTL 7200\nd.example. SOA a b 1 2 3 4 900\n", RECORD_VIEW_RESOLVER, "R-14"},
        {"s1._domainkey.d.example. TXT " KEY_B "\n", RECORD_VIEW_RESOLVER, "R-14"},
        {"s1._domainkey.d.example. TXT " KEY_A "\n", RECORD_VIEW_SERVER, NULL},
        {"s1._domainkey.d.example. TXT " KEY_B "\n", RECORD_VIEW_SERVER, "R-15"},
        {"", RECORD_VIEW_SERVER, "R-15"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct bench bench;
        set_up(&bench, ZONE, rows[i].other, i % 2 == 0);
        bench.view[0] = (struct record_view){rows[i].kind, span_of("192.0.2.1"), &bench.second.source};
        bench.question.view = bench.view;
        bench.question.view_count = 1;
        bench.question.count = 1;
        start(&bench);
        while (late_dns_answer(&bench.dns, false) || late_dns_answer(&bench.second, false)) {}
        const struct finding_list *findings = &record_check_report(bench.check)->selector[0].findings;
        bool any = find_in(findings, "R-14") != NULL || find_in(findings, "R-15") != NULL;
        if (rows[i].name == NULL ? any : find_in(findings, rows[i].name) == NULL) fail_msg("row %zu", i);
        if (i == 1) assert_int_equal(find_in(findings, "R-14")->arg[1].number, 900); /* the SOA's minimum: no earlier */
        tear_down(&bench);
    }
}

static void names_that_are_none_are_refused(void **state) {
    (void)state;
    struct bench bench;
    set_up(&bench, "", "", false);
    bench.wish[1].selector = span_of("a b");
    assert_int_equal(start(&bench), RECORD_CHECK_BAD_NAME);
    tear_down(&bench);
    set_up(&bench, "", "", false);
    bench.question.count = 0;
    assert_int_equal(start(&bench), RECORD_CHECK_NO_SELECTOR);
    tear_down(&bench);
    set_up(&bench, "", "", false);
    bench.question.domain = span_of("d..example");
    assert_int_equal(start(&bench), RECORD_CHECK_BAD_NAME);
    assert_string_equal(record_check_status_text(RECORD_CHECK_BAD_NAME), "a domain or selector is no domain name");
    tear_down(&bench);
}

static void reports_say_it(void **state) {
    (void)state;
    struct bench bench;
    struct bytes out = bytes_with_cap(65536);
    struct json json = json_writer(&out);
    set_up(&bench,
           "$TTL 300\ns1._domainkey.d.example. CNAME s\\027.k.example.\ns\\027.k.example. TXT \"v=DKIM1; \" \"p=;\"\n",
           "", false);
    bench.question.count = 1;
    assert_int_equal(start(&bench), RECORD_CHECK_DONE);
    const struct record_report *report = record_check_report(bench.check);
    record_report_write_json(&json, report);
    bytes_append_char(&out, '\0');
    const char *head =
        "{\"domain\":\"d.example\",\"selectors\":[{\"selector\":\"s1\",\"name\":\"s1._domainkey.d.example\",\"kind\":"
        "\"cname\",\"cname\":[\"s\\\\027.k.example\"],\"cname_ttl\":[300],\"ttl\":300,\"dnssec\":\"indeterminate\",\"records\":1,\"key\":"
        "null,"
        "\"tags\":{\"v\":\"DKIM1\",\"p\":\"\"},\"state\":\"revoked\",\"findings\":[{\"id\":\"R-6\",";
    const char *tail =
        "\"dns\":\"found\",\"record\":\"v=DKIM1; p=;\",\"strings\":[9,3],\"expected_cname\":null,\"derived\":false}],"
        "\"pair\":null,\"findings\":[]}";
    assert_int_equal(strncmp(out.ptr, head, strlen(head)), 0);
    assert_string_equal(out.ptr + strlen(out.ptr) - strlen(tail), tail);
    bytes_clear(&out);
    record_report_write_text(&out, report, false, (struct report_style){LANGUAGE_EN, false});
    bytes_append_char(&out, '\0');
    assert_string_equal(
        out.ptr, "d.example\n"
                 "  revoked   s1._domainkey.d.example, alias of s\\027.k.example, DNSSEC indeterminate, TTL 300 s\n"
                 "      Why: Key revoked: every signature with this selector fails, on purpose.\n"
                 "      Cure: Sign with the other selector; delete this one after 7 days.\n");
    bytes_release(&out);
    tear_down(&bench);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_at_once_or_later_give_the_same),
        cmocka_unit_test(time_may_be_up_at_any_answer),
        cmocka_unit_test(it_may_be_given_up_at_any_answer),
        cmocka_unit_test(questions_have_their_limit),
        cmocka_unit_test(other_views_are_compared),
        cmocka_unit_test(names_that_are_none_are_refused),
        cmocka_unit_test(reports_say_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
