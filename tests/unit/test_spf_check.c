#include "verifier/spf_check.h" /* first, so the header is proved to stand alone */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include "base/bytes.h"
#include "base/clock.h"
#include "tests/support/exact.h"
#include "tests/support/late_dns.h"
#include "verifier/dns_zone.h"

/* A check over a zone, and what its owner was told. */
struct bench {
    struct dns_zone *zone;
    struct late_dns dns;
    struct clock_fixed clock;
    struct spf_check *check;
    unsigned done;
    bool is_inside; /* a call of the module has not returned */
};

static void done(void *owner) {
    struct bench *bench = owner;
    assert_false(bench->is_inside);
    bench->done++;
}

static void open_bench(struct bench *bench, const char *records, const char *faults) {
    char *error = NULL;
    *bench = (struct bench){.zone = dns_zone_create(), .clock = clock_fixed_at(1700000000)};
    assert_non_null(bench->zone);
    if (!dns_zone_add_text(bench->zone, "records", span_of(records), &error)) fail_msg("%s", error);
    if (faults != NULL && !dns_zone_add_faults_text(bench->zone, "faults", span_of(faults), &error))
        fail_msg("%s", error);
    late_dns_init(&bench->dns, dns_zone_source(bench->zone), false);
    bench->check = spf_check_create(&bench->dns.source, &bench->clock.clock);
    assert_non_null(bench->check);
}

static void close_bench(struct bench *bench) {
    spf_check_destroy(bench->check);
    assert_true(list_is_empty(&bench->dns.waiting));
    dns_zone_destroy(bench->zone);
}

static struct spf_question question_of(const char *ip, const char *helo, const char *mail_from) {
    struct spf_question question = {.scope = mail_from != NULL ? SPF_MAIL_FROM : SPF_HELO,
                                    .helo = span_of(helo),
                                    .mail_from = span_of(mail_from != NULL ? mail_from : ""),
                                    .receiver = span_of("mx.here.example"),
                                    .wants_explanation = true};
    question.is_v4 = inet_pton(AF_INET, ip, question.address) == 1;
    if (!question.is_v4) assert_int_equal(inet_pton(AF_INET6, ip, question.address), 1);
    return question;
}

static enum spf_progress begin(struct bench *bench, const struct spf_question *question) {
    bench->is_inside = true;
    enum spf_progress progress = spf_check_begin(bench->check, question, done, bench);
    bench->is_inside = false;
    return progress;
}

/* The whole check, with a DNS that answers at once or late. */
static const struct spf_result *judge(struct bench *bench, const struct spf_question *question, bool is_late) {
    bench->dns.is_late = is_late;
    bench->done = 0;
    enum spf_progress progress = begin(bench, question);
    while (late_dns_answer(&bench->dns, false)) {}
    assert_int_equal(bench->done, progress == SPF_PENDING);
    return spf_check_result(bench->check);
}

static const char zone[] = "$TTL 300\n"
                           "ip.example. IN TXT \"v=spf1 ip4:192.0.2.0/28 ip6:2001:db8::/32 -all\"\n"
                           "a.example. IN TXT \"v=spf1 a/30 ~all\"\n"
                           "a.example. IN A 192.0.2.4\n"
                           "a.example. IN AAAA 2001:db8::1\n"
                           "mx.example. IN TXT \"v=spf1 mx -all\"\n"
                           "mx.example. IN MX 10 m1.example.\n"
                           "mx.example. IN MX 20 a.example.\n"
                           "m1.example. IN A 192.0.2.20\n"
                           "nullmx.example. IN TXT \"v=spf1 mx ?all\"\n"
                           "nullmx.example. IN MX 0 .\n"
                           "empty.example. IN TXT \"v=spf1\"\n"
                           "two.example. IN TXT \"v=spf1 +all\"\n"
                           "two.example. IN TXT \"V=SPF1 -all\"\n"
                           "strings.example. IN TXT \"v=spf1 ip4:192.\" \"0.2.1 -a\" \"ll\"\n"
                           "other.example. IN TXT \"v=spf10 +all\"\n"
                           "bad.example. IN TXT \"v=spf1 +all ip4:1.2.3\"\n"
                           "inc.example. IN TXT \"v=spf1 ?include:ip.example ~include:soft.example -all\"\n"
                           "soft.example. IN TXT \"v=spf1 ~all\"\n"
                           "incnone.example. IN TXT \"v=spf1 include:none.example +all\"\n"
                           "incbad.example. IN TXT \"v=spf1 include:bad.example +all\"\n"
                           "incred.example. IN TXT \"v=spf1 include:red.example -all\"\n"
                           "red.example. IN TXT \"v=spf1 redirect=ip.example\"\n"
                           "redall.example. IN TXT \"v=spf1 redirect=none.example ?all\"\n"
                           "rednone.example. IN TXT \"v=spf1 redirect=none.example\"\n"
                           "redlong.example. IN TXT \"v=spf1 redirect=%{l}.%{l}.none.example\"\n"
                           "exists.example. IN TXT \"v=spf1 exists:%{ir}.list.example -all\"\n"
                           "1.2.0.192.list.example. IN A 127.0.0.1\n"
                           "ptr.example. IN TXT \"v=spf1 ptr:hosts.example ptr -all\"\n"
                           "1.2.0.192.in-addr.arpa. IN PTR forged.hosts.example.\n"
                           "1.2.0.192.in-addr.arpa. IN PTR real.hosts.example.\n"
                           "forged.hosts.example. IN A 203.0.113.1\n"
                           "real.hosts.example. IN A 192.0.2.1\n"
                           "2.2.0.192.in-addr.arpa. IN PTR forged.hosts.example.\n"
                           "p.example. IN TXT \"v=spf1 exists:%{p}.list.example -all exp=p.exp.example\"\n"
                           "real.hosts.example.list.example. IN A 127.0.0.1\n"
                           "p.exp.example. IN TXT \"%{p} is not %{d}\"\n"
                           "slow.example. IN TXT \"v=spf1 a:slow.a.example -all\"\n"
                           "incslow.example. IN TXT \"v=spf1 include:late.example -all\"\n"
                           "local.example. IN TXT \"v=spf1 exists:%{l}.%{o}.%{h}.local.example -all\"\n"
                           "postmaster.local.example.local.example.local.example. IN A 127.0.0.1\n"
                           "quoted.example. IN TXT \"v=spf1 exists:%{l}.list.example -all\"\n"
                           "\\\"a@b\\\\c\\\".list.example. IN A 127.0.0.1\n"
                           "alias.example. IN CNAME ip.example.\n";

static const struct {
    const char *ip, *helo, *mail_from; /* mail_from NULL: the HELO identity */
    enum auth_result result;
    enum spf_code code;
    const char *mechanism;
    unsigned lookups, voids;
} rows[] = {
    {"192.0.2.15", "h.example", "a@ip.example", RESULT_PASS, SPF_MATCHED, "ip4:192.0.2.0/28", 0, 0},
    {"192.0.2.16", "h.example", "a@ip.example", RESULT_FAIL, SPF_MATCHED, "-all", 0, 0},
    {"2001:db8:1::", "h.example", "a@IP.Example", RESULT_PASS, SPF_MATCHED, "ip6:2001:db8::/32", 0, 0},
    {"::ffff:192.0.2.1", "h.example", "a@ip.example", RESULT_PASS, SPF_MATCHED, "ip4:192.0.2.0/28", 0, 0}, /* 5 */
    {"192.0.2.7", "h.example", "a@a.example", RESULT_PASS, SPF_MATCHED, "a/30", 1, 0},
    {"192.0.2.8", "h.example", "a@a.example", RESULT_SOFTFAIL, SPF_MATCHED, "~all", 1, 0},
    {"2001:db8::1", "h.example", "a@a.example", RESULT_PASS, SPF_MATCHED, "a/30", 1, 0},
    {"2001:db8::2", "h.example", "a@a.example", RESULT_SOFTFAIL, SPF_MATCHED, "~all", 1, 0},
    {"192.0.2.4", "h.example", "a@mx.example", RESULT_PASS, SPF_MATCHED, "mx", 1, 0},
    {"2001:db8::1", "h.example", "a@mx.example", RESULT_PASS, SPF_MATCHED, "mx", 1, 1},
    {"192.0.2.4", "h.example", "a@nullmx.example", RESULT_NEUTRAL, SPF_MATCHED, "?all", 1, 0},
    {"192.0.2.4", "h.example", "a@empty.example", RESULT_NEUTRAL, SPF_NO_MATCH, "", 0, 0},
    {"192.0.2.4", "h.example", "a@two.example", RESULT_PERMERROR, SPF_SEVERAL_RECORDS, "", 0, 0}, /* 4.5 */
    {"192.0.2.1", "h.example", "a@strings.example", RESULT_PASS, SPF_MATCHED, "ip4:192.0.2.1", 0, 0},
    {"192.0.2.1", "h.example", "a@other.example", RESULT_NONE, SPF_NO_RECORD, "", 0, 0},
    {"192.0.2.1", "h.example", "a@none.example", RESULT_NONE, SPF_NO_RECORD, "", 0, 0},
    {"192.0.2.1", "h.example", "a@bad.example", RESULT_PERMERROR, SPF_SYNTAX, "", 0,
     0}, /* 4.6: before anything matches */
    {"192.0.2.1", "h.example", "a@inc.example", RESULT_NEUTRAL, SPF_MATCHED, "?include:ip.example", 1, 0},
    {"192.0.2.99", "h.example", "a@inc.example", RESULT_FAIL, SPF_MATCHED, "-all", 2, 0}, /* 5.2 */
    {"192.0.2.1", "h.example", "a@incnone.example", RESULT_PERMERROR, SPF_INCLUDE_NONE, "", 1, 0},
    {"192.0.2.1", "h.example", "a@incbad.example", RESULT_PERMERROR, SPF_SYNTAX, "", 1, 0},
    {"192.0.2.1", "h.example", "a@incred.example", RESULT_PASS, SPF_MATCHED, "include:red.example", 2, 0},
    {"192.0.2.99", "h.example", "a@incred.example", RESULT_FAIL, SPF_MATCHED, "-all", 2, 0},
    {"192.0.2.1", "h.example", "a@red.example", RESULT_PASS, SPF_MATCHED, "ip4:192.0.2.0/28", 1, 0},
    {"192.0.2.1", "h.example", "a@redall.example", RESULT_NEUTRAL, SPF_MATCHED, "?all", 0, 0}, /* 6.1 */
    {"192.0.2.1", "h.example", "a@rednone.example", RESULT_PERMERROR, SPF_REDIRECT_NONE, "", 1, 0},
    {"192.0.2.1", "h.example", "..@redlong.example", RESULT_PERMERROR, SPF_REDIRECT_NONE, "", 1,
     0}, /* malformed name */
    {"192.0.2.1", "h.example", "a@exists.example", RESULT_PASS, SPF_MATCHED, "exists:%{ir}.list.example", 1, 0},
    {"192.0.2.2", "h.example", "a@exists.example", RESULT_FAIL, SPF_MATCHED, "-all", 1, 1},
    {"192.0.2.1", "h.example", "a@ptr.example", RESULT_PASS, SPF_MATCHED, "ptr:hosts.example", 1, 0},
    {"192.0.2.2", "h.example", "a@ptr.example", RESULT_FAIL, SPF_MATCHED, "-all", 2, 0}, /* forged name */
    {"192.0.2.3", "h.example", "a@ptr.example", RESULT_FAIL, SPF_MATCHED, "-all", 2, 1}, /* asked once */
    {"192.0.2.1", "h.example", "a@p.example", RESULT_PASS, SPF_MATCHED, "exists:%{p}.list.example", 2, 0},
    {"192.0.2.2", "h.example", "a@p.example", RESULT_FAIL, SPF_MATCHED, "-all", 2, 1},
    {"192.0.2.1", "h.example", "a@slow.example", RESULT_TEMPERROR, SPF_DNS_SERVFAIL, "", 1, 0},
    {"192.0.2.1", "h.example", "a@incslow.example", RESULT_TEMPERROR, SPF_DNS_TIMEOUT, "", 1, 0},
    {"192.0.2.1", "h.example", "a@late.example", RESULT_TEMPERROR, SPF_DNS_TIMEOUT, "", 0, 0},
    {"192.0.2.1", "ip.example", NULL, RESULT_PASS, SPF_MATCHED, "ip4:192.0.2.0/28", 0, 0},
    {"192.0.2.1", "ip.example", "", RESULT_PASS, SPF_MATCHED, "ip4:192.0.2.0/28", 0, 0}, /* 2.4: the null sender */
    {"192.0.2.1", "local.example", "@local.example", RESULT_PASS, SPF_MATCHED, "exists:%{l}.%{o}.%{h}.local.example", 1,
     0},
    {"192.0.2.1", "local.example", NULL, RESULT_PASS, SPF_MATCHED, "exists:%{l}.%{o}.%{h}.local.example", 1, 0},
    {"192.0.2.1", "local.example", "local.example", RESULT_PASS, SPF_MATCHED, "exists:%{l}.%{o}.%{h}.local.example", 1,
     0},
    {"192.0.2.1", "h.example", "\"a@b\\c\"@quoted.example", RESULT_PASS, SPF_MATCHED, "exists:%{l}.list.example", 1, 0},
    {"192.0.2.1", "h.example", "a@alias.example", RESULT_PASS, SPF_MATCHED, "ip4:192.0.2.0/28", 0, 0},
    {"192.0.2.1", "[192.0.2.1]", NULL, RESULT_NONE, SPF_NO_DOMAIN, "", 0, 0}, /* 4.3 */
    {"192.0.2.1", "localhost", "", RESULT_NONE, SPF_NO_DOMAIN, "", 0, 0},
    {"192.0.2.1", "", NULL, RESULT_NONE, SPF_NO_DOMAIN, "", 0, 0},
    {"192.0.2.1", "", "", RESULT_NONE, SPF_NO_DOMAIN, "", 0, 0},
    {"192.0.2.1", "h.example", "a@", RESULT_NONE, SPF_NO_DOMAIN, "", 0, 0},
    {"192.0.2.1", "h.example", "a@b..example", RESULT_NONE, SPF_NO_DOMAIN, "", 0, 0},
};

static void every_row_is_judged_as_wanted_at_once_and_late(void **state) {
    (void)state;
    struct bench bench;
    open_bench(&bench, zone, "{\"slow.a.example A\": \"servfail\", \"late.example TXT\": \"timeout\"}");
    for (size_t i = 0; i < 2 * (sizeof rows / sizeof *rows); i++) {
        size_t row = i / 2;
        struct spf_question question = question_of(rows[row].ip, rows[row].helo, rows[row].mail_from);
        struct span helo = question.helo = exact_copy(question.helo);
        struct span mail_from = question.mail_from = exact_copy(question.mail_from);
        const struct spf_result *result = judge(&bench, &question, i % 2 == 1);
        if (result->result != rows[row].result || result->code != rows[row].code ||
            !span_is(result->mechanism, rows[row].mechanism) || result->lookups != rows[row].lookups ||
            result->void_lookups != rows[row].voids || !result->is_evaluated)
            fail_msg("%s %s %s: %s, %s, \"%.*s\", %u lookups, %u void", rows[row].ip, rows[row].helo,
                     rows[row].mail_from, auth_result_word(result->result), spf_code_word(result->code),
                     (int)result->mechanism.len, result->mechanism.ptr, result->lookups, result->void_lookups);
        exact_free(helo);
        exact_free(mail_from);
    }
    close_bench(&bench);
}

static void the_identity_is_told(void **state) {
    (void)state;
    static const struct {
        const char *helo, *mail_from, *identity, *domain;
    } identities[] = {
        {"Mail.Example.", NULL, "Mail.Example.", "mail.example"},
        {"Mail.Example", "", "postmaster@Mail.Example", "mail.example"},
        {"h.example", "A@B@\xc3\xa9t\xc3\xa9.Example", "A@B@\xc3\xa9t\xc3\xa9.Example", "xn--t-9fab.example"},
        {"h.example", "@b.example", "postmaster@b.example", "b.example"},
        {"[::1]", "", "postmaster@[::1]", ""},
    };
    struct bench bench;
    open_bench(&bench, zone, NULL);
    for (size_t i = 0; i < sizeof identities / sizeof *identities; i++) {
        struct spf_question question = question_of("192.0.2.1", identities[i].helo, identities[i].mail_from);
        const struct spf_result *result = judge(&bench, &question, false);
        if (!span_is(result->identity, identities[i].identity) || !span_is(result->domain, identities[i].domain))
            fail_msg("row %zu: %.*s, %.*s", i, (int)result->identity.len, result->identity.ptr, (int)result->domain.len,
                     result->domain.ptr);
    }
    close_bench(&bench);
}

/* ---- Limits: section 4.6.4 ---- */

static const struct spf_result *judge_records(struct bench *bench, const struct bytes *records, const char *ip,
                                              bool is_late) {
    static char text[1 << 20];
    assert_true(!records->failed && records->len < sizeof text);
    memcpy(text, records->ptr, records->len);
    text[records->len] = '\0';
    open_bench(bench, text, NULL);
    struct spf_question question = question_of(ip, "h.example", "u@d.example");
    return judge(bench, &question, is_late);
}

static void put_terms(struct bytes *records, const char *term, unsigned count, const char *end) {
    bytes_append_text(records, "d.example. IN TXT \"v=spf1");
    for (unsigned i = 0; i < count; i++) bytes_append_format(records, "\" \" %s", term);
    bytes_append_format(records, "\" \" %s\"\n", end);
}

/* count times term in one record; hosts stands beside it. */
static const struct {
    const char *term, *end, *hosts;
    unsigned most; /* of terms that are within the limit */
    enum auth_result within;
    enum spf_code beyond;
} limits[] = {
    {"a", "-all", "d.example. IN A 203.0.113.1\n", 10, RESULT_FAIL, SPF_TOO_MANY_LOOKUPS},
    {"mx", "-all", "d.example. IN MX 1 m.example.\nm.example. IN A 203.0.113.1\n", 10, RESULT_FAIL,
     SPF_TOO_MANY_LOOKUPS},
    {"ptr", "-all", "1.2.0.192.in-addr.arpa. IN PTR m.example.\nm.example. IN A 203.0.113.1\n", 10, RESULT_FAIL,
     SPF_TOO_MANY_LOOKUPS},
    {"-exists:d.example", "?all", "d.example. IN AAAA ::1\nd.example. IN A 203.0.113.1\n", 10, RESULT_FAIL, 0},
    {"include:i.example", "-all", "i.example. IN TXT \"v=spf1\"\n", 10, RESULT_FAIL, SPF_TOO_MANY_LOOKUPS},
    {"include:i.example", "redirect=r.example", "i.example. IN TXT \"v=spf1\"\nr.example. IN TXT \"v=spf1 ~all\"\n", 9,
     RESULT_SOFTFAIL, SPF_TOO_MANY_LOOKUPS},
    {"a:%{p}.x.example", "-all", "unknown.x.example. IN A 203.0.113.1\n", 9, RESULT_FAIL, SPF_TOO_MANY_LOOKUPS},
    {"ip4:203.0.113.1", "-all", "", 500, RESULT_FAIL, 0},
    {"a:none.example", "-all", "", 2, RESULT_FAIL, SPF_TOO_MANY_VOID},
    {"mx:none.example", "-all", "", 2, RESULT_FAIL, SPF_TOO_MANY_VOID},
    {"exists:none.example", "-all", "", 2, RESULT_FAIL, SPF_TOO_MANY_VOID},
    {"mx", "-all",
     "d.example. IN MX 1 none.example.\nd.example. IN MX 2 none2.example.\nd.example. IN MX 3 none3.example.\n", 2,
     RESULT_FAIL, SPF_TOO_MANY_VOID}, /* three hosts, one term */
};

static void limits_are_hit_at_the_limit_and_refused_one_past_it(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        for (unsigned past = 0; past <= (limits[i].beyond != 0); past++) {
            struct bytes records = bytes_with_cap(1 << 20);
            struct bench bench;
            bytes_append_text(&records, limits[i].hosts);
            put_terms(&records, limits[i].term, limits[i].most + past, limits[i].end);
            const struct spf_result *result = judge_records(&bench, &records, "192.0.2.1", i % 2 == 0);
            enum auth_result want = past ? RESULT_PERMERROR : limits[i].within;
            if (result->result != want || (past && result->code != limits[i].beyond) || result->lookups > 10 ||
                result->void_lookups > 2)
                fail_msg("%u times %s: %s, %s", limits[i].most + past, limits[i].term, auth_result_word(result->result),
                         spf_code_word(result->code));
            close_bench(&bench);
            bytes_release(&records);
        }
    }
}

static void ten_mx_names_are_read_and_eleven_refused(void **state) {
    (void)state;
    for (unsigned count = 10; count <= 11; count++) {
        struct bytes records = bytes_with_cap(1 << 16);
        struct bench bench;
        put_terms(&records, "mx", 1, "-all");
        for (unsigned i = 1; i <= count; i++)
            bytes_append_format(&records, "d.example. IN MX %u m%u.example.\nm%u.example. IN A 192.0.2.%u\n", i, i, i,
                                i);
        const struct spf_result *result = judge_records(&bench, &records, "192.0.2.10", true);
        assert_int_equal(result->result, count == 10 ? RESULT_PASS : RESULT_PERMERROR);
        if (count == 11) assert_int_equal(result->code, SPF_TOO_MANY_MX);
        assert_int_equal(bench.dns.lookups, count == 10 ? 12 : 2);
        close_bench(&bench);
        bytes_release(&records);
    }
}

static void ten_ptr_names_are_read_and_others_ignored(void **state) {
    (void)state;
    for (unsigned real = 10; real <= 11; real++) { /* which of the names leads back to the client */
        struct bytes records = bytes_with_cap(1 << 16);
        struct bench bench;
        put_terms(&records, "ptr", 1, "-all");
        for (unsigned i = 1; i <= 11; i++)
            bytes_append_format(&records,
                                "1.2.0.192.in-addr.arpa. IN PTR m%u.d.example.\nm%u.d.example. IN A 192.0.2.%u\n", i, i,
                                i == real ? 1 : 100 + i);
        const struct spf_result *result = judge_records(&bench, &records, "192.0.2.1", false);
        assert_int_equal(result->result, real == 10 ? RESULT_PASS : RESULT_FAIL);
        assert_int_equal(bench.dns.lookups, 12);
        close_bench(&bench);
        bytes_release(&records);
    }
}

static void includes_nest_ten_deep_and_no_deeper(void **state) {
    (void)state;
    static const unsigned depths[] = {10, 11, 25};
    for (size_t k = 0; k < sizeof depths / sizeof *depths; k++) {
        struct bytes records = bytes_with_cap(1 << 16);
        struct bench bench;
        put_terms(&records, "include:i1.example", 1, "-all");
        for (unsigned i = 1; i < depths[k]; i++)
            bytes_append_format(&records, "i%u.example. IN TXT \"v=spf1 include:i%u.example -all\"\n", i, i + 1);
        bytes_append_format(&records, "i%u.example. IN TXT \"v=spf1 ip4:192.0.2.1\"\n", depths[k]);
        const struct spf_result *result = judge_records(&bench, &records, "192.0.2.1", k == 2);
        assert_int_equal(result->result, depths[k] == 10 ? RESULT_PASS : RESULT_PERMERROR);
        assert_int_equal(result->code, depths[k] == 10 ? SPF_MATCHED : SPF_TOO_MANY_LOOKUPS);
        if (depths[k] == 10) assert_true(span_is(result->mechanism, "include:i1.example"));
        assert_int_equal(bench.dns.lookups, 11);
        close_bench(&bench);
        bytes_release(&records);
    }
}

static void loops_end(void **state) {
    (void)state;
    static const char *const terms[] = {"include:d.example", "redirect=d.example", "include:%{d}", "redirect=%{o}"};
    for (size_t i = 0; i < sizeof terms / sizeof *terms; i++) {
        struct bytes records = bytes_with_cap(1 << 16);
        struct bench bench;
        put_terms(&records, terms[i], 1, "");
        const struct spf_result *result = judge_records(&bench, &records, "192.0.2.1", i % 2 == 1);
        assert_int_equal(result->code, SPF_TOO_MANY_LOOKUPS);
        assert_int_equal(bench.dns.lookups, 11);
        close_bench(&bench);
        bytes_release(&records);
    }
}

/* One TXT record: head, then piece again and again up to so many octets, in strings of at most 250. */
static void put_long_text(struct bytes *records, const char *name, const char *head, const char *piece, size_t octets) {
    size_t step = strlen(piece), in_string = strlen(head);
    bytes_append_format(records, "%s IN TXT \"%s", name, head);
    for (size_t len = 0; len + step <= octets; len += step, in_string += step) {
        if (in_string + step > 250) bytes_append_text(records, "\" \""), in_string = 0;
        bytes_append_text(records, piece);
    }
    bytes_append_text(records, "\"\n");
}

static void macro_bombs_end(void **state) {
    (void)state;
    struct bytes records = bytes_with_cap(1 << 20);
    struct bench bench;
    put_long_text(&records, "d.example.", "v=spf1 exists:", "%{Sr-}", 16000);
    assert_int_equal(judge_records(&bench, &records, "192.0.2.1", false)->code,
                     SPF_NO_MATCH); /* 27 KiB: ends, no name */
    char long_sender[4096] = "";
    memset(long_sender, 'x', sizeof long_sender - 11);
    memcpy(long_sender + sizeof long_sender - 11, "@d.example", 10);
    struct spf_question question = question_of("192.0.2.1", "h.example", long_sender);
    assert_int_equal(judge(&bench, &question, false)->code, SPF_MACRO);
    static char longer[4098];
    memset(longer, 'x', sizeof longer - 1);
    question.mail_from = span_of(longer);
    assert_int_equal(judge(&bench, &question, false)->code, SPF_LIMIT);
    close_bench(&bench);
    bytes_release(&records);
}

static void a_record_over_16_kib_is_refused(void **state) {
    (void)state;
    static char text[16 * 1024 + 1];
    struct spf_question question = question_of("192.0.2.1", "ip.example", NULL);
    struct bench bench;
    memset(text, ' ', sizeof text);
    memcpy(text, "v=spf1 +all", 11);
    open_bench(&bench, zone, NULL);
    bench.dns.is_late = true;
    for (size_t over = 0; over <= 1; over++) {
        struct dns_answer answer = {.status = DNS_FOUND, .record_count = 1, .record = {{text, sizeof text - 1 + over}}};
        begin(&bench, &question);
        late_dns_answer_with(&bench.dns, &answer);
        assert_int_equal(spf_check_result(bench.check)->code, over ? SPF_LIMIT : SPF_MATCHED);
        assert_int_equal(spf_check_result(bench.check)->result, over ? RESULT_PERMERROR : RESULT_PASS);
    }
    close_bench(&bench);
}

/* ---- The explanation: section 6.2 ---- */

static const struct {
    const char *exp, *record, *want; /* exp=, what stands there; "": the receiver's own words */
} explanations[] = {
    {"why.example", "\"%{i} is not one of %{d}'s: %{c} %{r}\"",
     "192.0.2.1 is not one of d.example's: 192.0.2.1 mx.here.example"},
    {"why.example", "\"two \" \"strings, %{t}%%\"", "two strings, 1700000000%"},
    {"%{l}.%{o}", "\"unused\"", ""},
    {"why.example", "\"%{p}\"", "real.d.example"},
    {"%{p1}.why.example", "\"unused\"", ""},
    {"none.example", "\"unused\"", ""},
    {"why.example", "\"\"", ""},
    {"why.example", "\"bad %{x}\"", ""},
    {"why.example", "\"bad %\"", ""},
    {"why.example", "\"\\195\\169\"", ""},
    {"why.example", "\"one\"\nwhy.example. IN TXT \"two\"", ""},
    {"slow.example", "\"unused\"", ""},
    {"late.example", "\"unused\"", ""},
    {"..why.example", "\"unused\"", ""},
};

static void open_explained(struct bench *bench, const char *exp, const char *record) {
    char text[1000];
    snprintf(text, sizeof text,
             "d.example. IN TXT \"v=spf1 -all exp=%s\"\nwhy.example. IN TXT %s\n"
             "1.2.0.192.in-addr.arpa. IN PTR other.example.\n1.2.0.192.in-addr.arpa. IN PTR real.d.example.\n"
             "other.example. IN A 192.0.2.1\nreal.d.example. IN A 192.0.2.1\n",
             exp, record);
    open_bench(bench, text, "{\"slow.example TXT\": \"servfail\", \"late.example TXT\": \"timeout\"}");
}

static void explanations_are_sound_or_absent(void **state) {
    (void)state;
    for (size_t i = 0; i < 2 * (sizeof explanations / sizeof *explanations); i++) {
        struct bench bench;
        open_explained(&bench, explanations[i / 2].exp, explanations[i / 2].record);
        struct spf_question question = question_of("192.0.2.1", "h.example", "u@d.example");
        const struct spf_result *result = judge(&bench, &question, i % 2 == 1);
        if (result->result != RESULT_FAIL || !span_is(result->explanation, explanations[i / 2].want) ||
            result->lookups != 0 || result->void_lookups != 0)
            fail_msg("%s, %s: \"%.*s\"", explanations[i / 2].exp, explanations[i / 2].record,
                     (int)result->explanation.len, result->explanation.ptr);
        close_bench(&bench);
    }
}

static void explanations_are_asked_for_only_when_wanted(void **state) {
    (void)state;
    struct bench bench;
    open_explained(&bench, "why.example", "\"because\"");
    struct spf_question question = question_of("192.0.2.1", "h.example", "u@d.example");
    question.wants_explanation = false;
    const struct spf_result *result = judge(&bench, &question, false);
    assert_int_equal(result->result, RESULT_FAIL);
    assert_int_equal(result->explanation.len, 0);
    assert_int_equal(bench.dns.lookups, 1);
    close_bench(&bench);
}

static void explanation_bombs_end(void **state) {
    (void)state;
    struct bytes records = bytes_with_cap(1 << 20);
    struct bench bench;
    put_terms(&records, "-all", 1, "exp=why.example");
    put_long_text(&records, "why.example.", "", "%{S}%{D}", 16000);
    const struct spf_result *result = judge_records(&bench, &records, "192.0.2.1", true);
    assert_int_equal(result->result, RESULT_FAIL);
    assert_int_equal(result->explanation.len, 0);
    close_bench(&bench);
    bytes_release(&records);
}

static void an_explanation_may_use_names_after_the_tenth_lookup(void **state) {
    (void)state;
    struct bytes records = bytes_with_cap(1 << 16);
    struct bench bench;
    put_terms(&records, "a", 10, "-all exp=why.example");
    bytes_append_text(&records, "d.example. IN A 203.0.113.1\nwhy.example. IN TXT \"%{p}\"\n");
    const struct spf_result *result = judge_records(&bench, &records, "192.0.2.1", false);
    assert_int_equal(result->result, RESULT_FAIL);
    assert_true(span_is(result->explanation, "unknown"));
    close_bench(&bench);
    bytes_release(&records);
}

/* ---- Time, cancelling, beginning again ---- */

static void an_expired_check_is_a_temperror_at_once(void **state) {
    (void)state;
    struct bench bench;
    open_explained(&bench, "why.example", "\"because\"");
    struct spf_question question = question_of("192.0.2.1", "h.example", "u@d.example");
    bench.dns.is_late = true;
    assert_int_equal(begin(&bench, &question), SPF_PENDING);
    spf_check_expire(bench.check);
    assert_int_equal(spf_check_result(bench.check)->result, RESULT_TEMPERROR);
    assert_int_equal(spf_check_result(bench.check)->code, SPF_DNS_TIMEOUT);
    assert_int_equal(bench.dns.cancels, 1);
    assert_false(late_dns_answer(&bench.dns, false));
    /* While only the explanation is awaited, the fail stands. */
    assert_int_equal(begin(&bench, &question), SPF_PENDING);
    assert_true(late_dns_answer(&bench.dns, false));
    spf_check_expire(bench.check);
    assert_int_equal(spf_check_result(bench.check)->result, RESULT_FAIL);
    assert_int_equal(bench.done, 0);
    /* One that is done stays as it is. */
    assert_int_equal(judge(&bench, &question, true)->explanation.len, 7);
    spf_check_expire(bench.check);
    assert_int_equal(spf_check_result(bench.check)->result, RESULT_FAIL);
    assert_int_equal(spf_check_result(bench.check)->explanation.len, 7);
    close_bench(&bench);
}

static void expire_destroy_and_begin_cancel_at_every_lookup(void **state) {
    (void)state;
    struct spf_question question = question_of("192.0.2.2", "h.example", "a@p.example");
    for (unsigned answers = 0;; answers++) {
        struct bench bench;
        open_bench(&bench, zone, NULL);
        bench.dns.is_late = true;
        assert_int_equal(begin(&bench, &question), SPF_PENDING);
        for (unsigned i = 0; i < answers && late_dns_answer(&bench.dns, false); i++) {}
        bool is_over = bench.done == 1;
        if (answers % 3 == 0) spf_check_expire(bench.check);
        if (answers % 3 == 1) begin(&bench, &question);
        assert_int_equal(bench.done, is_over);
        close_bench(&bench);
        if (is_over) break;
        assert_true(answers < 20);
    }
}

static void begin_from_done(void *owner) {
    struct bench *bench = owner;
    struct spf_question question = question_of("192.0.2.1", "ip.example", NULL);
    assert_int_equal(spf_check_result(bench->check)->result, RESULT_FAIL);
    assert_int_equal(spf_check_begin(bench->check, &question, done, bench), SPF_PENDING);
}

static void destroy_from_done(void *owner) {
    struct bench *bench = owner;
    spf_check_destroy(bench->check);
    bench->check = NULL;
}

static void done_may_begin_or_destroy(void **state) {
    (void)state;
    struct bench bench;
    struct spf_question question = question_of("192.0.2.99", "ip.example", NULL);
    open_bench(&bench, zone, NULL);
    bench.dns.is_late = true;
    assert_int_equal(spf_check_begin(bench.check, &question, begin_from_done, &bench), SPF_PENDING);
    while (late_dns_answer(&bench.dns, false)) {}
    assert_int_equal(bench.done, 1);
    assert_int_equal(spf_check_result(bench.check)->result, RESULT_PASS);
    assert_int_equal(spf_check_begin(bench.check, &question, destroy_from_done, &bench), SPF_PENDING);
    while (late_dns_answer(&bench.dns, false)) {}
    assert_null(bench.check);
    close_bench(&bench);
}

static void bogus_answers_and_dnssec_are_told(void **state) {
    (void)state;
    struct bench bench;
    struct spf_question question = question_of("192.0.2.1", "ip.example", NULL);
    open_bench(&bench, zone, NULL);
    bench.dns.is_late = true;
    assert_int_equal(begin(&bench, &question), SPF_PENDING);
    struct dns_answer answer = {.status = DNS_BOGUS, .dnssec = DNSSEC_BOGUS};
    late_dns_answer_with(&bench.dns, &answer);
    assert_int_equal(bench.done, 1);
    assert_int_equal(spf_check_result(bench.check)->code, SPF_DNS_BOGUS);
    assert_int_equal(spf_check_result(bench.check)->result, RESULT_TEMPERROR);
    assert_int_equal(spf_check_result(bench.check)->dnssec, DNSSEC_BOGUS);
    answer = (struct dns_answer){.status = DNS_FOUND,
                                 .dnssec = DNSSEC_SECURE,
                                 .record_count = 1,
                                 .record = {span_of("v=spf1 include:ip.example")}};
    begin(&bench, &question);
    late_dns_answer_with(&bench.dns, &answer);
    assert_true(late_dns_answer(&bench.dns, false)); /* the included record is insecure: the first one counts */
    assert_int_equal(spf_check_result(bench.check)->result, RESULT_PASS);
    assert_int_equal(spf_check_result(bench.check)->dnssec, DNSSEC_SECURE);
    close_bench(&bench);
}

static void what_is_wrong_is_told(void **state) {
    (void)state;
    static const char *const wanted[][2] = {{"bad.example", "not an address: ip4:1.2.3"},
                                            {"incnone.example", "none.example"},
                                            {"rednone.example", "none.example"},
                                            {"inc.example", ""}};
    struct bench bench;
    open_bench(&bench, zone, NULL);
    for (size_t i = 0; i < 2 * sizeof wanted / sizeof *wanted; i++) {
        struct spf_question question = question_of("192.0.2.1", wanted[i / 2][0], NULL);
        assert_true(span_is(judge(&bench, &question, i % 2 == 1)->detail, wanted[i / 2][1]));
    }
    close_bench(&bench);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_is_judged_as_wanted_at_once_and_late),
        cmocka_unit_test(the_identity_is_told),
        cmocka_unit_test(limits_are_hit_at_the_limit_and_refused_one_past_it),
        cmocka_unit_test(ten_mx_names_are_read_and_eleven_refused),
        cmocka_unit_test(ten_ptr_names_are_read_and_others_ignored),
        cmocka_unit_test(includes_nest_ten_deep_and_no_deeper),
        cmocka_unit_test(loops_end),
        cmocka_unit_test(macro_bombs_end),
        cmocka_unit_test(a_record_over_16_kib_is_refused),
        cmocka_unit_test(explanations_are_sound_or_absent),
        cmocka_unit_test(explanations_are_asked_for_only_when_wanted),
        cmocka_unit_test(explanation_bombs_end),
        cmocka_unit_test(an_explanation_may_use_names_after_the_tenth_lookup),
        cmocka_unit_test(an_expired_check_is_a_temperror_at_once),
        cmocka_unit_test(expire_destroy_and_begin_cancel_at_every_lookup),
        cmocka_unit_test(done_may_begin_or_destroy),
        cmocka_unit_test(bogus_answers_and_dnssec_are_told),
        cmocka_unit_test(what_is_wrong_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
