#include "http/tester_report_page.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define EVIL "<script>\x1b\xe2\x80\xae\"'&\r\n\xff"
#define S(text)                                                                                                        \
    { text, sizeof(text) - 1 }

static struct domain_policy policy;

static char *page(enum language language) {
    struct bytes out = bytes_with_cap(1 << 20);
    tester_policy_page_write(&out, language, &policy, (struct span)S("d.example"), "d0", 3);
    assert_false(out.failed);
    bytes_append_char(&out, '\0');
    return out.ptr;
}

static void expect(enum language language, const char *wanted) {
    char *text = page(language);
    if (strstr(text, wanted) == NULL) fail_msg("\"%s\" is not in %s", wanted, text);
    free(text);
}

/* A policy of this SPF record, and of this DMARC record above the domain. */
static void fill(const char *spf, const char *dmarc) {
    policy = (struct domain_policy){.spf_state = DOMAIN_POLICY_VALID,
                                    .dmarc_state = DOMAIN_POLICY_VALID,
                                    .asked = 2,
                                    .has_record = true,
                                    .found_at = 1,
                                    .is_inherited = true,
                                    .policy_domain = S("example"),
                                    .organization = S("example"),
                                    .record_text = span_of(dmarc)};
    policy.spf = (struct domain_policy_place){.name = S("d.example"), .count = 1, .ttl_s = 300};
    policy.spf.text[0] = span_of(spf);
    policy.dmarc[0] = (struct domain_policy_place){.name = S("_dmarc.d.example"), .status = DNS_NXDOMAIN};
    policy.dmarc[1] = (struct domain_policy_place){.name = S("_dmarc.example"), .count = 1};
    policy.dmarc[1].text[0] = policy.record_text;
    assert_int_not_equal(dmarc_record_parse(policy.record_text, &policy.record), DMARC_RECORD_FOREIGN);
    policy.applied = dmarc_record_policy_for(&policy.record, true, true);
}

static void terms_and_tags_are_said_in_plain_words(void **state) {
    (void)state;
    static const char *const english[] = {
        "<code>ip4:192.0.2.0/24</code></th><td>may send (pass)</td><td>This IPv4 address or network.",
        "<code>?a</code></th><td>nothing is said (neutral)",
        "<code>~all</code></th><td>suspect (softfail)",
        "<code>redirect=r.example</code></th><td></td><td>Where nothing matches",
        "the DMARC record of a domain above applies",
        "<dt>Found at</dt><dd><code id=\"d0-dmarc-name\">_dmarc.example</code>",
        "<dt>Mail of d.example that fails</dt><dd>treat it as suspect, for example as junk (quarantine)",
        "<code>p</code></th><td><code>reject</code></td><td>Mail of example itself that fails: refuse it (reject)",
        "<code>sp</code></th><td><code>quarantine</code></td><td>Mail of its subdomains that fails: treat it as "
        "suspect",
        "<code>np</code></th><td><code>quarantine</code> <span class=\"quiet\">(not given)</span>",
        "<code>t</code></th><td><code>y</code></td><td>Test mode: on",
        "<code>adkim</code></th><td><code>s</code></td><td>The domain that signs with DKIM (d=): must be exactly",
        "<code>aspf</code></th><td><code>r</code> <span class=\"quiet\">(not given)</span></td><td>The domain that SPF "
        "passes for: must be of the same organization",
        "<code>rua</code>",
        "<li><code>_dmarc.d.example</code>: DMARC records: 0</li>",
        "unsigned"};
    static const char *const french[] = {"SPF : quels serveurs peuvent envoyer",
                                         "<td>peut envoyer (pass)</td><td>Cette adresse ou ce réseau IPv4.",
                                         "l&#39;enregistrement DMARC d&#39;un domaine supérieur s&#39;applique",
                                         "Message en échec de ses sous-domaines\xc2\xa0: le traiter comme suspect",
                                         "<span class=\"quiet\">(absent)</span>",
                                         "Mode test\xc2\xa0: oui",
                                         "doit être exactement celui de From (strict)",
                                         "non signé"};
    fill("v=spf1 ip4:192.0.2.0/24 ?a ~all redirect=r.example",
         "v=DMARC1; p=reject; sp=quarantine; t=y; ADKIM=s; rua=mailto:r@example");
    policy.spf.dnssec = DNSSEC_INSECURE;
    for (size_t i = 0; i < sizeof english / sizeof *english; i++) expect(LANGUAGE_EN, english[i]);
    for (size_t i = 0; i < sizeof french / sizeof *french; i++) expect(LANGUAGE_FR, french[i]);
}

static void each_state_has_its_sentence(void **state) {
    (void)state;
    static const struct {
        enum domain_policy_state state;
        const char *spf[LANGUAGE_COUNT], *dmarc[LANGUAGE_COUNT];
    } rows[] = {
        {DOMAIN_POLICY_NONE,
         {"no SPF record", "pas d&#39;enregistrement SPF"},
         {"neither here nor above", "ni ici ni au-dessus"}},
        {DOMAIN_POLICY_VALID,
         {"one SPF record, and it can be read", "un enregistrement SPF, lisible"},
         {"of a domain above applies", "domaine supérieur s&#39;applique"}},
        {DOMAIN_POLICY_SEVERAL,
         {"several SPF records", "plusieurs enregistrements SPF"},
         {"several DMARC records", "plusieurs enregistrements DMARC"}},
        {DOMAIN_POLICY_MALFORMED,
         {"the SPF record cannot be read", "l&#39;enregistrement SPF est illisible"},
         {"no policy that could be applied", "pas de politique applicable"}},
        {DOMAIN_POLICY_UNKNOWN,
         {"(temperror): DNSSEC bogus", "(temperror)\xc2\xa0: DNSSEC faux"},
         {"(temperror): DNS did not answer", "(temperror)\xc2\xa0: le DNS n&#39;a pas répondu"}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        fill("v=spf1 -all", "v=DMARC1; p=none");
        policy.spf_state = policy.dmarc_state = rows[i].state;
        if (rows[i].state == DOMAIN_POLICY_UNKNOWN) {
            policy.spf.status = DNS_BOGUS;
            policy.dmarc[0].status = DNS_TIMEOUT;
        }
        for (unsigned language = 0; language < LANGUAGE_COUNT; language++) {
            expect((enum language)language, rows[i].spf[language]);
            expect((enum language)language, rows[i].dmarc[language]);
        }
    }
}

/* A record with a fault of its owner is no good news, even if it can be read. */
static void an_error_takes_the_good_mark_away(void **state) {
    (void)state;
    fill("v=spf1 +all", "v=DMARC1; p=none");
    expect(LANGUAGE_EN, "<p class=\"good\"><span class=\"mark\"");
    finding_add_text(finding_add(&policy.spf_findings, FINDING_SPF_PLUS_ALL), "domain", (struct span)S("d.example"));
    char *text = page(LANGUAGE_EN);
    const char *doubt = strstr(text, "<p class=\"doubt\">"), *good = strstr(text, "<p class=\"good\">");
    assert_true(doubt != NULL && good != NULL && doubt < good); /* DMARC is still well */
    free(text);
}

static void hostile_records_are_shown_as_text(void **state) {
    (void)state;
    const struct span evil = S(EVIL);
    for (unsigned i = 0; i < DOMAIN_POLICY_STATE_COUNT * 2 * LANGUAGE_COUNT; i++) {
        struct domain_policy_place place = {.name = evil,
                                            .reason = evil,
                                            .cname_count = 1,
                                            .cname = {evil},
                                            .count = 9,
                                            .text = {evil, evil, evil, evil}};
        policy = (struct domain_policy){.spf_state = (enum domain_policy_state)(i / 4),
                                        .dmarc_state = (enum domain_policy_state)(i / 4),
                                        .spf = place,
                                        .asked = DMARC_WALK_STEPS_MAX,
                                        .has_record = i % 4 / 2 == 1,
                                        .policy_domain = evil,
                                        .organization = evil,
                                        .applied = DMARC_POLICY_REJECT,
                                        .record_text = S("v=DMARC1; p=none; " EVIL "=x; rua=" EVIL)};
        policy.record.policy = DMARC_POLICY_NONE;
        for (size_t k = 0; k < DMARC_WALK_STEPS_MAX; k++) policy.dmarc[k] = place;
        finding_add_text(finding_add(&policy.spf_findings, FINDING_SPF_UNKNOWN_MECHANISM), "found", evil);
        finding_add_text(finding_add(&policy.dmarc_findings, FINDING_DMARC_BAD_NAME), "found", evil);
        char *text = page((enum language)(i % 2));
        assert_null(strstr(text, "<script"));
        assert_null(strchr(text, '\x1b'));
        assert_null(strchr(text, '\r'));
        assert_null(strstr(text, "\xe2\x80\xae"));
        assert_null(strchr(text, '\xff'));
        assert_non_null(strstr(text, "&lt;script&gt;"));
        free(text);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(terms_and_tags_are_said_in_plain_words),
        cmocka_unit_test(each_state_has_its_sentence),
        cmocka_unit_test(an_error_takes_the_good_mark_away),
        cmocka_unit_test(hostile_records_are_shown_as_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
