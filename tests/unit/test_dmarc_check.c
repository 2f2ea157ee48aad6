#include "verifier/dmarc_check.h" /* first, so the header is proved to stand alone */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "tests/support/exact.h"
#include "tests/support/late_dns.h"
#include "verifier/dns_zone.h"

/* One DNS for all rows. */
static const char zone_text[] = "example.com. TXT \"x\"\n"
                                "_dmarc.example.com. TXT \"v=DMARC1; p=reject; sp=quarantine; np=none\"\n"
                                "mail.example.com. A 192.0.2.1\n"
                                "own.example.com. A 192.0.2.1\n"
                                "_dmarc.own.example.com. TXT \"v=DMARC1; p=none; adkim=s; aspf=r\"\n"
                                "_dmarc.split.example.com. TXT \"v=DMARC1; p=quarantine; psd=n\"\n"
                                "a.split.example.com. A 192.0.2.1\n"
                                "_dmarc.strict.example. TXT \"v=DMARC1; p=reject; adkim=s; aspf=s\"\n"
                                "_dmarc.test.example. TXT \"v=DMARC1; p=reject; sp=quarantine; t=y\"\n"
                                "sub.test.example. A 192.0.2.1\n"
                                "_dmarc.twice.example. TXT \"v=DMARC1; p=reject\"\n"
                                "_dmarc.twice.example. TXT \"v=DMARC1; p=none\"\n"
                                "_dmarc.twice.example.com. TXT \"v=DMARC1; p=reject\"\n"
                                "_dmarc.twice.example.com. TXT \"v=DMARC1; p=none\"\n"
                                "_dmarc.noise.example. TXT \"v=spf1 -all\"\n"
                                "_dmarc.noise.example. TXT \"v=DMARC1; p=none\"\n"
                                "_dmarc.broken.example. TXT \"v=DMARC1; p=all\"\n"
                                "_dmarc.watch.example. TXT \"v=DMARC1; rua=mailto:d@example.org\"\n"
                                "_dmarc.psd. TXT \"v=DMARC1; p=reject; psd=y; sp=none; np=quarantine\"\n"
                                "silent.psd. A 192.0.2.1\n"
                                "_dmarc.loud.psd. TXT \"v=DMARC1; p=quarantine\"\n"
                                "_dmarc.mid.silent.psd. TXT \"v=DMARC1; p=none\"\n"
                                "_dmarc.co.psd2. TXT \"v=DMARC1; p=reject; psd=y\"\n"
                                "_dmarc.my.bare.example. TXT \"v=DMARC1; p=reject\"\n"
                                "_dmarc.apart.bare.example. TXT \"v=DMARC1; p=reject; psd=n\"\n"
                                "_dmarc.far.away.bare.example. TXT \"v=DMARC1; p=reject\"\n"
                                "_dmarc.h.g.f.e.d.c.b.q. TXT \"v=DMARC1; p=none; psd=n\"\n"
                                "_dmarc.i.h.g.f.e.d.c.b.q. TXT \"v=DMARC1; p=reject\"\n"
                                "_dmarc.my.tight.example. TXT \"v=DMARC1; p=reject; aspf=s\"\n"
                                "_dmarc.tld. TXT \"v=DMARC1; p=none\"\n"
                                "_dmarc.seven.f.e.d.c.b.a. TXT \"v=DMARC1; p=reject\"\n"
                                "_dmarc.x.seven.f.e.d.c.b.a. TXT \"v=DMARC1; p=none; psd=n\"\n";
static const char faults_text[] =
    "{\"_dmarc.fails.example TXT\": \"servfail\", \"_dmarc.slow.example TXT\": \"timeout\","
    " \"_dmarc.tldfails TXT\": \"servfail\", \"ghost.example.com A\": \"servfail\"}";

enum { A = DMARC_POLICY_ABSENT, N = DMARC_POLICY_NONE, Q = DMARC_POLICY_QUARANTINE, R = DMARC_POLICY_REJECT };

/* identifiers: "dkim DOMAIN RESULT" and "spf DOMAIN RESULT", separated by commas. flags: d dkim_aligned, s spf_aligned,
 * t testing. Domains that are not compared are NULL. */
static const struct row {
    const char *author, *identifiers;
    enum dmarc_code code;
    const char *organization, *policy_domain;
    int policy, disposition;
    const char *flags;
} rows[] = {
    {"example.com", "", DMARC_NOT_ALIGNED, "example.com", "example.com", R, R, ""},
    {"example.com", "dkim example.com pass", DMARC_ALIGNED, "example.com", "example.com", R, N, "d"},
    {"example.com", "spf example.com pass", DMARC_ALIGNED, "example.com", "example.com", R, N, "s"},
    {"example.com", "dkim mail.example.com pass, spf a.b.example.com pass", DMARC_ALIGNED, "example.com", "example.com",
     R, N, "ds"},
    {"example.com", "dkim example.com fail, spf example.com softfail", DMARC_NOT_ALIGNED, "example.com", NULL, R, R,
     ""},
    {"example.com", "dkim example.com policy, spf example.com neutral", DMARC_NOT_ALIGNED, "example.com", NULL, R, R,
     ""},
    {"example.com", "dkim other.example pass, spf com pass", DMARC_NOT_ALIGNED, "example.com", NULL, R, R, ""},
    {"example.com", "dkim notexample.com pass, dkim example.com.other.example pass", DMARC_NOT_ALIGNED, NULL, NULL, R,
     R, ""},
    /* 4.10.1: sp= for a domain that exists, np= for one that does not; its own record comes before */
    {"mail.example.com", "", DMARC_NOT_ALIGNED, "example.com", "example.com", Q, Q, ""},
    {"nowhere.example.com", "", DMARC_NOT_ALIGNED, "example.com", "example.com", N, N, ""},
    {"ghost.example.com", "", DMARC_NOT_ALIGNED, "example.com", "example.com", Q, Q, ""}, /* not known: it may exist */
    {"own.example.com", "", DMARC_NOT_ALIGNED, "example.com", "own.example.com", N, N, ""},
    /* 4.4: strict and relaxed, of DKIM and SPF apart; the record that applies says which */
    {"own.example.com", "dkim example.com pass", DMARC_NOT_ALIGNED, NULL, NULL, N, N, ""},
    {"own.example.com", "dkim example.com pass, spf example.com pass", DMARC_ALIGNED, NULL, NULL, N, N, "s"},
    {"own.example.com", "dkim own.example.com pass", DMARC_ALIGNED, NULL, NULL, N, N, "d"},
    {"strict.example", "dkim m.strict.example pass, spf m.strict.example pass", DMARC_NOT_ALIGNED, "strict.example",
     NULL, R, R, ""},
    {"m.strict.example", "dkim m.strict.example pass, spf strict.example pass", DMARC_ALIGNED, "strict.example", NULL,
     R, N, "d"},
    /* psd=n makes an organization of its own */
    {"a.split.example.com", "spf b.split.example.com pass", DMARC_ALIGNED, "split.example.com", "split.example.com", Q,
     N, "s"},
    {"a.split.example.com", "spf example.com pass", DMARC_NOT_ALIGNED, "split.example.com", "split.example.com", Q, Q,
     ""},
    {"example.com", "dkim a.split.example.com pass", DMARC_NOT_ALIGNED, "example.com", NULL, R, R, ""},
    /* RFC 7489's organization, where there is no record above the author's own; not its other names, nor without a dot
     */
    {"my.bare.example", "spf bare.example pass", DMARC_ALIGNED, "my.bare.example", "my.bare.example", R, N, "s"},
    {"my.bare.example", "dkim a.my.bare.example pass", DMARC_ALIGNED, "my.bare.example", NULL, R, N, "d"},
    {"my.bare.example", "spf your.bare.example pass, dkim example pass", DMARC_NOT_ALIGNED, NULL, NULL, R, R, ""},
    {"my.tight.example", "spf tight.example pass", DMARC_NOT_ALIGNED, NULL, NULL, R, R, ""},
    {"far.away.bare.example", "spf bare.example pass", DMARC_NOT_ALIGNED, NULL, NULL, R, R, ""},
    {"i.h.g.f.e.d.c.b.q", "spf h.g.f.e.d.c.b.q pass", DMARC_NOT_ALIGNED, NULL, NULL, R, R, ""}, /* it has a record */
    {"apart.bare.example", "spf bare.example pass", DMARC_NOT_ALIGNED, NULL, NULL, R, R,
     ""}, /* psd=n says that it ends here */
    /* psd=y: the organization is one label below */
    {"silent.psd", "dkim a.silent.psd pass", DMARC_ALIGNED, "silent.psd", "psd", N, N, "d"},
    {"silent.psd", "dkim other.psd pass, spf psd pass", DMARC_NOT_ALIGNED, "silent.psd", "psd", N, N, ""},
    {"void.psd", "", DMARC_NOT_ALIGNED, "void.psd", "psd", Q, Q, ""},
    {"www.loud.psd", "spf loud.psd pass", DMARC_ALIGNED, "loud.psd", "loud.psd", Q, N, "s"},
    {"x.mid.silent.psd", "", DMARC_NOT_ALIGNED, "silent.psd", "psd", Q, Q, ""}, /* mid is none of the three places */
    {"mid.silent.psd", "dkim silent.psd pass", DMARC_ALIGNED, "silent.psd", "mid.silent.psd", N, N, "d"},
    {"psd", "dkim psd pass", DMARC_ALIGNED, "psd", "psd", R, N, "d"}, /* the suffix itself as author */
    {"psd", "dkim silent.psd pass", DMARC_NOT_ALIGNED, "psd", "psd", R, R, ""},
    {"a.b.co.psd2", "dkim b.co.psd2 pass", DMARC_ALIGNED, "b.co.psd2", "co.psd2", R, N, "d"},
    {"name.tld", "dkim name.tld pass", DMARC_ALIGNED, "tld", "tld", N, N,
     "d"}, /* without psd=y it is an organization */
    /* t=y: one step milder */
    {"test.example", "", DMARC_NOT_ALIGNED, NULL, NULL, R, Q, "t"},
    {"sub.test.example", "", DMARC_NOT_ALIGNED, NULL, NULL, Q, N, "t"},
    {"test.example", "dkim test.example pass", DMARC_ALIGNED, NULL, NULL, R, N, "dt"},
    /* no record, several, broken ones */
    {"norecord.example", "dkim norecord.example pass", DMARC_NO_RECORD, "", "", A, N, ""},
    {"twice.example", "dkim twice.example pass", DMARC_SEVERAL_RECORDS, "", "", A, N, ""},
    {"twice.example.com", "dkim example.com pass", DMARC_ALIGNED, "example.com", "example.com", Q, N,
     "d"}, /* 4.10 step 2 */
    {"noise.example", "", DMARC_NOT_ALIGNED, NULL, "noise.example", N, N, ""},
    {"broken.example", "dkim broken.example pass", DMARC_SYNTAX, NULL, "broken.example", A, N, ""},
    {"watch.example", "", DMARC_NOT_ALIGNED, NULL, NULL, N, N, ""},
    /* DNS failures decide only what they can change */
    {"fails.example", "dkim fails.example pass", DMARC_DNS_SERVFAIL, "", "", A, N, ""},
    {"slow.example", "dkim slow.example pass", DMARC_DNS_TIMEOUT, "", "", A, N, ""},
    {"sub.fails.example", "", DMARC_DNS_SERVFAIL, "", "", A, N, ""},
    {"example.com", "dkim bogus.example.com pass", DMARC_DNS_BOGUS, "example.com", "example.com", R, N, ""},
    {"example.com", "dkim bogus.example.com pass, spf example.com pass", DMARC_ALIGNED, "example.com", NULL, R, N, "s"},
    {"name.tldfails", "", DMARC_DNS_SERVFAIL, "", "", A, N, ""},
    {"bogus.example.com", "", DMARC_DNS_BOGUS, "", "", A, N, ""},
    /* a temporary error of an aligned identifier leaves it open, unless another passes (RFC 9989 section 5.3.6) */
    {"example.com", "dkim mail.example.com temperror", DMARC_UNDECIDED, NULL, NULL, R, N, ""},
    {"example.com", "dkim other.example temperror", DMARC_NOT_ALIGNED, NULL, NULL, R, R, ""},
    {"example.com", "dkim example.com temperror, spf mail.example.com pass", DMARC_ALIGNED, NULL, NULL, R, N, "s"},
    /* 4.10: behind a name of 8 labels or more stands the one of its last 7 */
    {"y.x.seven.f.e.d.c.b.a", "", DMARC_NOT_ALIGNED, "seven.f.e.d.c.b.a", "seven.f.e.d.c.b.a", R, R,
     ""}, /* x is passed by */
    {"x.seven.f.e.d.c.b.a", "", DMARC_NOT_ALIGNED, "x.seven.f.e.d.c.b.a", "x.seven.f.e.d.c.b.a", N, N, ""},
};

struct stage {
    struct dns_zone *zone;
    struct late_dns dns;
    struct dmarc_check *check;
    unsigned done;
};

static void count_done(void *owner) {
    struct stage *stage = owner;
    stage->done++;
}

static void set_up(struct stage *stage, bool is_late) {
    char *error = NULL;
    *stage = (struct stage){.zone = dns_zone_create()};
    assert_true(dns_zone_add_text(stage->zone, "zone", span_of(zone_text), &error));
    assert_true(dns_zone_add_faults_text(stage->zone, "faults", span_of(faults_text), &error));
    late_dns_init(&stage->dns, dns_zone_source(stage->zone), is_late);
    stage->dns.bogus = "_dmarc.bogus.example.com";
    stage->check = dmarc_check_create(&stage->dns.source);
    assert_non_null(stage->check);
}

static void tear_down(struct stage *stage) {
    dmarc_check_destroy(stage->check);
    assert_int_equal(stage->dns.waiting_count, 0);
    dns_zone_destroy(stage->zone);
}

static size_t read_identifiers(const char *text, struct dmarc_identifier out[8]) {
    size_t count = 0;
    for (char method[8], domain[64], word[16]; sscanf(text, " %7s %63s %15[a-z]", method, domain, word) == 3; count++) {
        out[count] = (struct dmarc_identifier){strcmp(method, "dkim") == 0 ? DMARC_BY_DKIM : DMARC_BY_SPF,
                                               exact_copy(span_of(domain)), RESULT_NONE};
        for (int result = 0; result < AUTH_RESULT_COUNT; result++)
            if (strcmp(auth_result_word((enum auth_result)result), word) == 0)
                out[count].result = (enum auth_result)result;
        text = strchr(text, ',') != NULL ? strchr(text, ',') + 1 : "";
    }
    return count;
}

/* The identifiers are gone once judge has returned. */
static enum dmarc_progress judge(struct stage *stage, const char *author, size_t addresses, const char *identifiers) {
    struct dmarc_identifier list[8];
    struct span exact = exact_copy(span_of(author));
    size_t count = read_identifiers(identifiers, list);
    enum dmarc_progress progress = dmarc_check_judge(stage->check, exact, addresses, list, count);
    for (size_t i = 0; i < count; i++) exact_free(list[i].domain);
    exact_free(exact);
    return progress;
}

static void expect_row(const struct row *row, const struct dmarc_result *got, const char *how) {
    const struct {
        bool is;
        char flag;
    } flags[] = {{got->dkim_aligned, 'd'}, {got->spf_aligned, 's'}, {got->testing, 't'}};
    const struct {
        struct span got;
        const char *want;
    } domains[] = {{got->domain, row->author},
                   {got->organizational_domain, row->organization},
                   {got->policy_domain, row->policy_domain}};
    if (got->code != row->code || (int)got->policy != row->policy || (int)got->disposition != row->disposition)
        fail_msg("%s [%s] %s: %s, policy %d, disposition %d", row->author, row->identifiers, how,
                 dmarc_code_word(got->code), (int)got->policy, (int)got->disposition);
    assert_int_equal(got->result, dmarc_code_result(row->code));
    assert_true(got->is_evaluated);
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
        if (flags[i].is != (strchr(row->flags, flags[i].flag) != NULL))
            fail_msg("%s [%s] %s: flag %c", row->author, row->identifiers, how, flags[i].flag);
    for (size_t i = 0; i < sizeof domains / sizeof *domains; i++)
        if (domains[i].want != NULL && !span_is(domains[i].got, domains[i].want))
            fail_msg("%s [%s] %s: domain %zu is %.*s", row->author, row->identifiers, how, i, (int)domains[i].got.len,
                     domains[i].got.ptr);
}

static void each_row_at_once(void **state) {
    (void)state;
    struct stage stage;
    set_up(&stage, false);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        dmarc_check_begin(stage.check, count_done, &stage);
        assert_false(dmarc_check_result(stage.check)->is_evaluated);
        assert_int_equal(judge(&stage, rows[i].author, 1, rows[i].identifiers), DMARC_DONE);
        expect_row(&rows[i], dmarc_check_result(stage.check), "at once");
    }
    assert_int_equal(stage.done, 0); /* what came by return value does not come again */
    tear_down(&stage);
}

static void tell(struct stage *stage, const struct row *row) {
    struct dmarc_identifier list[8];
    size_t count = read_identifiers(row->identifiers, list);
    dmarc_check_expect(stage->check, span_of(row->author));
    for (size_t i = 0; i < count; i++) dmarc_check_expect(stage->check, list[i].domain);
    for (size_t i = 0; i < count; i++) exact_free(list[i].domain);
}

/* Oldest question first and newest first; told before or not; some answers before the verdict is asked for, or none. */
static void each_row_late(void **state) {
    (void)state;
    struct stage stage;
    set_up(&stage, true);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (unsigned way = 0; way < 12; way++) {
            bool newest = (way & 1) != 0, told = (way & 2) != 0;
            dmarc_check_begin(stage.check, count_done, &stage);
            if (told) tell(&stage, &rows[i]);
            for (unsigned early = 0; early < way / 4 * 2; early++) late_dns_answer(&stage.dns, newest);
            stage.done = 0;
            bool is_done = judge(&stage, rows[i].author, 1, rows[i].identifiers) == DMARC_DONE;
            while (!is_done && stage.done == 0 && late_dns_answer(&stage.dns, newest)) {}
            assert_int_equal(stage.done, is_done ? 0 : 1);
            assert_int_equal(stage.dns.waiting_count, 0); /* what is not needed any more was cancelled */
            expect_row(&rows[i], dmarc_check_result(stage.check), newest ? "late, newest first" : "late");
        }
    tear_down(&stage);
}

/* 4.10: the example of the RFC, with its 8 queries; each name once, however many walks want it. */
static void a_walk_asks_at_most_eight_names(void **state) {
    (void)state;
    struct stage stage;
    set_up(&stage, false);
    dmarc_check_begin(stage.check, count_done, &stage);
    judge(&stage, "a.b.c.d.e.f.g.h.i.j.mail.example.org", 1, "");
    assert_string_equal(stage.dns.asked,
                        "_dmarc.a.b.c.d.e.f.g.h.i.j.mail.example.org 16\n_dmarc.g.h.i.j.mail.example.org 16\n"
                        "_dmarc.h.i.j.mail.example.org 16\n_dmarc.i.j.mail.example.org 16\n"
                        "_dmarc.j.mail.example.org 16\n_dmarc.mail.example.org 16\n"
                        "_dmarc.example.org 16\n_dmarc.org 16\n");
    late_dns_forget(&stage.dns);
    dmarc_check_begin(stage.check, count_done, &stage);
    dmarc_check_expect(stage.check, span_of("mail.example.com"));
    dmarc_check_expect(stage.check, span_of("mail.example.com"));
    judge(&stage, "example.com", 1, "dkim mail.example.com pass, spf b.example.com pass, dkim far.example pass");
    assert_string_equal(stage.dns.asked,
                        "_dmarc.mail.example.com 16\n_dmarc.example.com 16\n_dmarc.com 16\n_dmarc.b.example.com 16\n");
    tear_down(&stage);
}

/* Existence is asked for only where np= differs and the name below the domain does not exist. */
static void existence_is_asked_for_only_when_it_matters(void **state) {
    (void)state;
    static const struct {
        const char *author;
        bool asks;
    } authors[] = {
        {"example.com", false},        {"own.example.com", false},  {"mail.example.com", true},
        {"nowhere.example.com", true}, {"sub.test.example", false},
    };
    struct stage stage;
    set_up(&stage, false);
    for (size_t i = 0; i < sizeof authors / sizeof *authors; i++) {
        late_dns_forget(&stage.dns);
        dmarc_check_begin(stage.check, count_done, &stage);
        judge(&stage, authors[i].author, 1, "");
        if ((strstr(stage.dns.asked, " 1\n") != NULL) != authors[i].asks)
            fail_msg("%s: %s", authors[i].author, stage.dns.asked);
    }
    tear_down(&stage);
}

/* */
static void several_authors_or_none_never_pass(void **state) {
    (void)state;
    static const struct {
        const char *author;
        size_t addresses;
        enum dmarc_code code;
    } authors[] = {
        {"example.com", 2, DMARC_SEVERAL_AUTHORS},
        {"", 2000, DMARC_SEVERAL_AUTHORS},
        {"", 1, DMARC_NO_AUTHOR},
        {"", 0, DMARC_NO_AUTHOR},
    };
    struct stage stage;
    set_up(&stage, true);
    for (size_t i = 0; i < sizeof authors / sizeof *authors; i++) {
        dmarc_check_begin(stage.check, count_done, &stage);
        dmarc_check_expect(stage.check, span_of("example.com"));
        assert_int_equal(judge(&stage, authors[i].author, authors[i].addresses, "dkim example.com pass"), DMARC_DONE);
        const struct dmarc_result *result = dmarc_check_result(stage.check);
        assert_int_equal(result->code, authors[i].code);
        assert_int_equal(result->result, RESULT_PERMERROR);
        assert_int_equal(result->policy, DMARC_POLICY_ABSENT);
        assert_int_equal(stage.dns.waiting_count, 0);
    }
    tear_down(&stage);
}

/* Time is up after so many answers: what is known decides, done is not called, nothing is asked any more. */
static const struct {
    const char *author, *identifiers;
    unsigned answers;
    enum dmarc_code code;
} expiries[] = {
    {"example.com", "dkim example.com pass", 0, DMARC_DNS_TIMEOUT},
    {"example.com", "dkim example.com pass", 1, DMARC_ALIGNED}, /* the organization is not known, and is the same */
    {"example.com", "", 1, DMARC_NOT_ALIGNED},
    {"example.com", "dkim mail.example.com pass", 1, DMARC_DNS_TIMEOUT},
    {"example.com", "dkim mail.example.com pass, spf example.com pass", 1, DMARC_ALIGNED},
    {"strict.example", "dkim a.strict.example pass", 1, DMARC_NOT_ALIGNED},
    {"nowhere.example.com", "", 3, DMARC_NOT_ALIGNED},  /* its existence stays open */
    {"tld", "dkim a.b.tld pass", 1, DMARC_DNS_TIMEOUT}, /* a walk that would begin only now */
};

static void expiry_decides_by_what_is_known(void **state) {
    (void)state;
    struct stage stage;
    set_up(&stage, true);
    for (size_t i = 0; i < sizeof expiries / sizeof *expiries; i++) {
        dmarc_check_begin(stage.check, count_done, &stage);
        assert_int_equal(judge(&stage, expiries[i].author, 1, expiries[i].identifiers), DMARC_PENDING);
        for (unsigned n = 0; n < expiries[i].answers; n++) late_dns_answer(&stage.dns, false);
        assert_int_equal(stage.done, 0);
        dmarc_check_expire(stage.check);
        const struct dmarc_result *result = dmarc_check_result(stage.check);
        if (result->code != expiries[i].code)
            fail_msg("%s [%s]: %s", expiries[i].author, expiries[i].identifiers, dmarc_code_word(result->code));
        assert_int_equal(stage.dns.waiting_count, 0);
        dmarc_check_expire(stage.check); /* once is enough */
    }
    assert_int_equal(stage.done, 0);
    tear_down(&stage);
}

static void begin_and_destroy_cancel(void **state) {
    (void)state;
    struct stage stage;
    set_up(&stage, true);
    dmarc_check_begin(stage.check, count_done, &stage);
    dmarc_check_expect(stage.check, span_of("mail.example.com"));
    assert_int_equal(stage.dns.waiting_count, 3);
    dmarc_check_begin(stage.check, count_done, &stage);
    assert_int_equal(stage.dns.waiting_count, 0);
    judge(&stage, "example.com", 1, "dkim example.com pass");
    assert_int_equal(stage.dns.waiting_count, 2);
    tear_down(&stage);
    assert_int_equal(stage.done, 0);
}

/* done may begin the next message. */
static void begin_again(void *owner) {
    struct stage *stage = owner;
    stage->done++;
    dmarc_check_begin(stage->check, count_done, stage);
    dmarc_check_expect(stage->check, span_of("example.com"));
}

static void done_may_begin_the_next(void **state) {
    (void)state;
    struct stage stage;
    set_up(&stage, true);
    dmarc_check_begin(stage.check, begin_again, &stage);
    judge(&stage, "example.com", 1, "");
    while (stage.done == 0 && late_dns_answer(&stage.dns, false)) {}
    assert_int_equal(stage.done, 1);
    assert_int_equal(stage.dns.waiting_count, 2);
    tear_down(&stage);
}

/* More domains than the limit: none is lost that can decide. */
static void the_limit_of_expected_domains_loses_no_verdict(void **state) {
    (void)state;
    struct stage stage;
    set_up(&stage, false);
    dmarc_check_begin(stage.check, count_done, &stage);
    for (int i = 0; i < 100; i++) {
        char domain[32];
        snprintf(domain, sizeof domain, "d%d.example.com", i);
        dmarc_check_expect(stage.check, span_of(domain));
    }
    dmarc_check_expect(stage.check, (struct span){NULL, 0});
    assert_int_equal(stage.dns.lookups, DMARC_IDENTIFIERS_MAX + 2);
    judge(&stage, "mail.example.com", 1, "dkim other.example pass, dkim d99.example.com pass");
    assert_int_equal(dmarc_check_result(stage.check)->code, DMARC_ALIGNED);
    tear_down(&stage);
}

static void the_state_of_dnssec_is_that_of_the_record(void **state) {
    (void)state;
    struct stage stage;
    set_up(&stage, false);
    stage.dns.dnssec = DNSSEC_SECURE;
    dmarc_check_begin(stage.check, count_done, &stage);
    judge(&stage, "mail.example.com", 1, "");
    assert_int_equal(dmarc_check_result(stage.check)->dnssec, DNSSEC_SECURE);
    dmarc_check_begin(stage.check, count_done, &stage);
    judge(&stage, "bogus.example.com", 1, "");
    assert_int_equal(dmarc_check_result(stage.check)->dnssec, DNSSEC_BOGUS);
    tear_down(&stage);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_row_at_once),
        cmocka_unit_test(each_row_late),
        cmocka_unit_test(a_walk_asks_at_most_eight_names),
        cmocka_unit_test(existence_is_asked_for_only_when_it_matters),
        cmocka_unit_test(several_authors_or_none_never_pass),
        cmocka_unit_test(expiry_decides_by_what_is_known),
        cmocka_unit_test(begin_and_destroy_cancel),
        cmocka_unit_test(done_may_begin_the_next),
        cmocka_unit_test(the_limit_of_expected_domains_loses_no_verdict),
        cmocka_unit_test(the_state_of_dnssec_is_that_of_the_record),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
