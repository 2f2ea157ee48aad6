#include "verifier/dns_parcel.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static struct bytes parcel;

/* Reads an exactly sized copy, which is handed back to be freed: spans of the answer lie in it. */
static char *copy_of(struct span octets) {
    return memcpy(malloc(octets.len > 0 ? octets.len : 1), octets.ptr, octets.len);
}

static void questions_come_back(void **state) {
    (void)state;
    struct dns_parcel_question ask = {.kind = DNS_PARCEL_ASK, .client = 300, .id = UINT64_MAX - 1, .type = DNS_AAAA},
                               got;
    assert_true(dns_name_from_text(span_of("S._domainkey.\\001\\..example"), NULL, &ask.name));
    assert_true(dns_parcel_write_question(&ask, &parcel));
    char *exact = copy_of(bytes_span(&parcel));
    assert_true(dns_parcel_read_question((struct span){exact, parcel.len}, &got));
    assert_int_equal(got.kind, ask.kind);
    assert_int_equal(got.client, ask.client);
    assert_int_equal(got.id, ask.id);
    assert_int_equal(got.type, ask.type);
    assert_true(dns_name_equal(&got.name, &ask.name));
    free(exact);
    struct dns_parcel_question cancel = {.kind = DNS_PARCEL_CANCEL, .client = 1, .id = 7};
    assert_true(dns_parcel_write_question(&cancel, &parcel));
    assert_true(dns_parcel_read_question(bytes_span(&parcel), &got));
    assert_int_equal(got.kind, DNS_PARCEL_CANCEL);
    assert_int_equal(got.id, 7);
}

static void answers_come_back(void **state) {
    (void)state;
    struct dns_answer answer = {.status = DNS_FOUND,
                                .dnssec = DNSSEC_SECURE,
                                .ttl_s = 0x01020304,
                                .cname_count = 2,
                                .record_count = 2},
                      got;
    uint64_t id;
    answer.cname[0] = span_of("one.example");
    answer.cname[1] = span_of("");
    answer.cname_ttl_s[0] = 0x0a0b0c0d;
    answer.cname_ttl_s[1] = UINT32_MAX;
    answer.record[0] = (struct span){"v=DKIM1\0p=", 10};
    answer.record[1] = span_of("two");
    answer.strings[0] = (struct span){"\007\003", 2};
    answer.reason = span_of("no signature");
    assert_true(dns_parcel_write_answer(0x1122334455667788, &answer, &parcel));
    char *exact = copy_of(bytes_span(&parcel));
    assert_true(dns_parcel_read_answer((struct span){exact, parcel.len}, &id, &got));
    assert_true(id == 0x1122334455667788);
    assert_int_equal(got.status, DNS_FOUND);
    assert_int_equal(got.dnssec, DNSSEC_SECURE);
    assert_int_equal(got.ttl_s, 0x01020304);
    assert_int_equal(got.cname_count, 2);
    assert_int_equal(got.record_count, 2);
    for (size_t i = 0; i < 2; i++) assert_int_equal(got.cname_ttl_s[i], answer.cname_ttl_s[i]);
    for (size_t i = 0; i < 2; i++)
        assert_true(span_equal(got.cname[i], answer.cname[i]) && span_equal(got.record[i], answer.record[i]) &&
                    span_equal(got.strings[i], answer.strings[i]));
    assert_true(span_equal(got.reason, answer.reason));
    free(exact);
}

static void every_cut_and_every_addition_is_refused(void **state) {
    (void)state;
    struct dns_parcel_question question = {.kind = DNS_PARCEL_ASK, .type = DNS_TXT}, got_question;
    struct dns_answer answer = {.status = DNS_FOUND,
                                .cname_count = 1,
                                .record_count = 1,
                                .cname = {{"a.b", 3}},
                                .record = {{"text", 4}}},
                      got;
    uint64_t id;
    assert_true(dns_name_from_text(span_of("a.example"), NULL, &question.name));
    for (int what = 0; what < 2; what++) {
        assert_true(what == 0 ? dns_parcel_write_question(&question, &parcel)
                              : dns_parcel_write_answer(1, &answer, &parcel));
        bytes_append_char(&parcel, '\0');
        for (size_t len = 0; len <= parcel.len; len++) {
            char *exact = copy_of(span_first(bytes_span(&parcel), len));
            struct span octets = {exact, len};
            bool good =
                what == 0 ? dns_parcel_read_question(octets, &got_question) : dns_parcel_read_answer(octets, &id, &got);
            if (good != (len == parcel.len - 1)) fail_msg("%s of %zu octets", what == 0 ? "question" : "answer", len);
            free(exact);
        }
    }
}

static void values_out_of_range_are_refused(void **state) {
    (void)state;
    /* offsets into an answer: status, state, hops, records; and into a question: kind, low octet of the type */
    static const struct {
        size_t at;
        char value;
    } rows[] = {{8, DNS_STATUS_COUNT},   {8, DNS_NXDOMAIN},        {9, DNSSEC_STATE_COUNT},
                {14, DNS_CNAME_MAX + 1}, {15, DNS_RECORD_MAX + 1}, {15, 0}};
    struct dns_answer answer = {.status = DNS_FOUND, .record_count = 1, .record = {{"text", 4}}}, got;
    struct dns_parcel_question question = {.kind = DNS_PARCEL_ASK, .type = DNS_TXT}, got_question;
    uint64_t id;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_true(dns_parcel_write_answer(1, &answer, &parcel));
        assert_true(dns_parcel_read_answer(bytes_span(&parcel), &id, &got));
        parcel.ptr[rows[i].at] = rows[i].value;
        if (dns_parcel_read_answer(bytes_span(&parcel), &id, &got)) fail_msg("row %zu", i);
    }
    assert_true(dns_name_from_text(span_of("a.example"), NULL, &question.name));
    for (size_t at = 0; at <= 12; at += 12) {
        assert_true(dns_parcel_write_question(&question, &parcel));
        parcel.ptr[at] = 99;
        assert_false(dns_parcel_read_question(bytes_span(&parcel), &got_question));
    }
}

static void what_does_not_fit_is_told(void **state) {
    (void)state;
    struct bytes small = bytes_with_cap(20);
    struct dns_answer answer = {.status = DNS_FOUND, .record_count = 1, .record = {{"text", 4}}};
    assert_false(dns_parcel_write_answer(1, &answer, &small));
    answer = (struct dns_answer){.status = DNS_SERVFAIL};
    assert_true(dns_parcel_write_answer(1, &answer, &small));
    bytes_release(&small);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(questions_come_back),
        cmocka_unit_test(answers_come_back),
        cmocka_unit_test(every_cut_and_every_addition_is_refused),
        cmocka_unit_test(values_out_of_range_are_refused),
        cmocka_unit_test(what_does_not_fit_is_told),
    };
    parcel = bytes_with_cap(4096);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    bytes_release(&parcel);
    return failed;
}
