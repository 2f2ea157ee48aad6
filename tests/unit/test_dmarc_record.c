#include "verifier/dmarc_record.h" /* first, so the header is proved to stand alone */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "tests/support/exact.h"

enum { A = DMARC_POLICY_ABSENT, N = DMARC_POLICY_NONE, Q = DMARC_POLICY_QUARANTINE, R = DMARC_POLICY_REJECT };
enum { OK = DMARC_RECORD_OK, FOREIGN = DMARC_RECORD_FOREIGN, NO_POLICY = DMARC_RECORD_NO_POLICY };
enum { U = DMARC_PSD_UNKNOWN, NO = DMARC_PSD_NO, YES = DMARC_PSD_YES };

/* flags: t testing, d strict_dkim, s strict_spf, r has_report_address */
static const struct {
    const char *text;
    int status, p, sp, np, psd;
    const char *flags;
} rows[] = {
    {"v=DMARC1; p=none", OK, N, A, A, U, ""},
    {"v=DMARC1;p=quarantine;", OK, Q, A, A, U, ""},
    {"v=DMARC1; p=reject; sp=quarantine; np=none; psd=n; t=y; adkim=s; aspf=s; fo=1; rua=mailto:a@b; ruf=mailto:c@d",
     OK, R, Q, N, NO, "tdsr"},
    {"v = DMARC1 ;\tp\t= reject ", OK, R, A, A, U, ""}, /* 4.8: *WSP around = and ; */
    {"v=DMARC1; p=Reject; SP=NONE; Psd=Y; T=Y; ADKIM=S; aspf=S", OK, R, N, A, YES,
     "tds"},                                                                         /* ABNF literals have no case */
    {"v=DMARC1; adkim=s; p=reject", OK, R, A, A, U, "d"},                            /* only v= has its place */
    {"v=DMARC1; p=reject; pct=0; rf=afrf; ri=1; x=y", OK, R, A, A, U, ""},           /* historic and unknown tags */
    {"v=DMARC1; p=reject; adkim=strict; aspf=; psd=maybe; t=1", OK, R, A, A, U, ""}, /* 4.7: defaults instead */
    {"v=DMARC1; nonsense; =; ;; p=reject; fo:0", OK, R, A, A, U, ""},
    {"v=DMARC1; p=reject; p=none; adkim=r; adkim=s", OK, R, A, A, U, ""}, /* the first counts */
    {"v=DMARC1; psd=u; t=n; adkim=r; aspf=r; p=none", OK, N, A, A, U, ""},
    /* 4.7: v= first, and exactly DMARC1 */
    {"", FOREIGN, A, A, A, U, ""},
    {"v", FOREIGN, A, A, A, U, ""},
    {"v=", FOREIGN, A, A, A, U, ""},
    {"v=dmarc1; p=reject", FOREIGN, A, A, A, U, ""},
    {"v=DMARC1x; p=reject", FOREIGN, A, A, A, U, ""},
    {"v=DMARC1 p=reject", FOREIGN, A, A, A, U, ""},
    {"v=DMARC2; p=reject", FOREIGN, A, A, A, U, ""},
    {" v=DMARC1; p=reject", FOREIGN, A, A, A, U, ""},
    {"p=reject; v=DMARC1", FOREIGN, A, A, A, U, ""},
    {"v=spf1 -all", FOREIGN, A, A, A, U, ""},
    {"some other txt record", FOREIGN, A, A, A, U, ""},
    /* 4.10.1: no valid p=, or an sp= or np= that is no policy */
    {"v=DMARC1", NO_POLICY, A, A, A, U, ""},
    {"v=DMARC1; psd=n; sp=reject", NO_POLICY, A, A, A, NO, ""},
    {"v=DMARC1; p=", NO_POLICY, A, A, A, U, ""},
    {"v=DMARC1; p=rejected; rua=", NO_POLICY, A, A, A, U, ""},
    {"v=DMARC1; p=reject; sp=all", NO_POLICY, A, A, A, U, ""},
    {"v=DMARC1; p=reject; np=", NO_POLICY, A, A, A, U, ""},
    {"v=DMARC1; rua=mailto:d@example.org", OK, N, A, A, U, "r"},
    {"v=DMARC1; sp=reject; rua=mailto:d@example.org", OK, N, R, A, U, "r"}, /* 4.7: as if p=none were there, no more */
    {"v=DMARC1; p=block; rua=mailto:d@example.org", OK, N, A, A, U, "r"},
    {"v=DMARC1; p=reject; sp=block; np=reject; rua=mailto:d@example.org", OK, N, A, A, U, "r"},
    {"v=DMARC1; rua=mailto:nobody", NO_POLICY, A, A, A, U, ""},
    {"v=DMARC1; rua=mailto:@b", NO_POLICY, A, A, A, U, ""},
    {"v=DMARC1; rua=d@example.org", NO_POLICY, A, A, A, U, ""},
    {"v=DMARC1; rua=1http:x", NO_POLICY, A, A, A, U, ""},
    {"v=DMARC1; rua=ht tp:x", NO_POLICY, A, A, A, U, ""},
    {"v=DMARC1; rua=https:", NO_POLICY, A, A, A, U, ""},
    {"v=DMARC1; rua=https:a b", NO_POLICY, A, A, A, U, ""},
    {"v=DMARC1; rua=junk , https://r.example/d ,", OK, N, A, A, U, "r"}, /* one that is valid is enough */
    {"v=DMARC1; rua=MAILTO:d@example.org!10m", OK, N, A, A, U, "r"},     /* historic size limit */
};

static void every_row_parses_as_wanted(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct span text = exact_copy(span_of(rows[i].text));
        struct dmarc_record record;
        int status = (int)dmarc_record_parse(text, &record);
        if (status != rows[i].status || (int)record.policy != rows[i].p || (int)record.subdomain_policy != rows[i].sp ||
            (int)record.nonexistent_policy != rows[i].np || (int)record.psd != rows[i].psd)
            fail_msg("\"%s\": %d p %d sp %d np %d psd %d", rows[i].text, status, (int)record.policy,
                     (int)record.subdomain_policy, (int)record.nonexistent_policy, (int)record.psd);
        const struct {
            bool is;
            char flag;
        } flags[] = {{record.testing, 't'},
                     {record.strict_dkim, 'd'},
                     {record.strict_spf, 's'},
                     {record.has_report_address, 'r'}};
        for (size_t f = 0; f < sizeof flags / sizeof *flags; f++)
            if (flags[f].is != (strchr(rows[i].flags, flags[f].flag) != NULL))
                fail_msg("\"%s\": flag %c", rows[i].text, flags[f].flag);
        exact_free(text);
    }
}

static void octets_of_any_value_are_read_to_the_end(void **state) {
    (void)state;
    static const char octets[] = "v=DMARC1; n\0te=\xff\r\n; p=reject\0; adkim=s";
    struct span text = exact_copy((struct span){octets, sizeof octets - 1});
    struct dmarc_record record;
    assert_int_equal(dmarc_record_parse(text, &record), DMARC_RECORD_NO_POLICY); /* "reject" with a NUL is no policy */
    assert_true(record.strict_dkim);
    exact_free(text);
}

/* Section 4.10.1: p= for the domain itself, np= or sp= below it, each falling back on the next. */
static const struct {
    const char *text;
    int own, existing, missing;
} policies[] = {
    {"v=DMARC1; p=reject", R, R, R},
    {"v=DMARC1; p=reject; sp=none", R, N, N},
    {"v=DMARC1; p=none; np=reject", N, N, R},
    {"v=DMARC1; p=none; sp=quarantine; np=reject", N, Q, R},
};

static void the_policy_follows_the_domain(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof policies / sizeof *policies; i++) {
        struct dmarc_record record;
        assert_int_equal(dmarc_record_parse(span_of(policies[i].text), &record), DMARC_RECORD_OK);
        assert_int_equal(dmarc_record_policy_for(&record, false, true), policies[i].own);
        assert_int_equal(dmarc_record_policy_for(&record, false, false), policies[i].own);
        assert_int_equal(dmarc_record_policy_for(&record, true, true), policies[i].existing);
        assert_int_equal(dmarc_record_policy_for(&record, true, false), policies[i].missing);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_parses_as_wanted),
        cmocka_unit_test(octets_of_any_value_are_read_to_the_end),
        cmocka_unit_test(the_policy_follows_the_domain),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
