#include "verifier/domain_policy_lookup.h" /* first, so the header is proved to stand alone */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "tests/support/late_dns.h"
#include "verifier/dns_zone.h"

/* says: part of what JSON tells, findings included; found_at: of the DMARC record; NULL: none applies. */
static const struct row {
    const char *zone;
    enum domain_policy_state spf, dmarc;
    const char *found_at, *says;
} rows[] = {
    {"other.example. TXT \"x\"\n", DOMAIN_POLICY_NONE, DOMAIN_POLICY_NONE, NULL, "no SPF record"},
    {"sub.d.example. TXT \"x\"\n", DOMAIN_POLICY_NONE, DOMAIN_POLICY_NONE, NULL, "sub.d.example has no DMARC record"},
    {"sub.d.example. TXT \"google-site-verification=x\"\nsub.d.example. TXT \"v=spf1 mx -all\"\n"
     "_dmarc.sub.d.example. TXT \"v=DMARC1; p=reject\"\n",
     DOMAIN_POLICY_VALID, DOMAIN_POLICY_VALID, "_dmarc.sub.d.example",
     "\"texts\":[\"v=spf1 mx -all\"],\"terms\":[{"
     "\"term\":\"mx\",\"mechanism\":\"mx\",\"result\":\"pass\"},{\"term\":\"-all\",\"mechanism\":\"all\",\"result\":"
     "\"fail\"}]"},
    {"sub.d.example. TXT \"v=spf1 mx -all\"\nsub.d.example. TXT \"v=spf1 -all\"\n"
     "_dmarc.sub.d.example. TXT \"v=DMARC1; p=reject\"\n_dmarc.sub.d.example. TXT \"v=DMARC1; p=none\"\n",
     DOMAIN_POLICY_SEVERAL, DOMAIN_POLICY_SEVERAL, NULL, "sub.d.example has 2 SPF records"},
    {"_dmarc.sub.d.example. TXT \"v=DMARC1; p=reject\"\n_dmarc.sub.d.example. TXT \"v=DMARC1; p=none\"\n"
     "_dmarc.d.example. TXT \"v=DMARC1; p=quarantine\"\n", /* section 4.10: two are none, the walk goes on */
     DOMAIN_POLICY_NONE, DOMAIN_POLICY_SEVERAL, "_dmarc.d.example", "_dmarc.sub.d.example holds 2 DMARC records"},
    {"_dmarc.d.example. TXT \"v=DMARC1; p=reject\"\n_dmarc.d.example. TXT \"v=DMARC1; p=none\"\n", DOMAIN_POLICY_NONE,
     DOMAIN_POLICY_SEVERAL, NULL, "_dmarc.d.example holds 2 DMARC records"},
    {"sub.d.example. TXT \"v=spf1 mx foo -all\"\n_dmarc.sub.d.example. TXT \"v=DMARC1; sp=none\"\n",
     DOMAIN_POLICY_MALFORMED, DOMAIN_POLICY_MALFORMED, "_dmarc.sub.d.example", "does not exist: foo (position 11)"},
    {"_dmarc.sub.d.example. TXT \"v=dmarc1; p=reject\"\n", DOMAIN_POLICY_NONE, DOMAIN_POLICY_MALFORMED, NULL,
     "does not begin with v=DMARC1 but with v=dmarc1"},
    {"_dmarc.sub.d.example. TXT \"v=DMARC1; p=reject; adkim=s; aspf=S; psd=n\"\n", DOMAIN_POLICY_NONE,
     DOMAIN_POLICY_VALID, "_dmarc.sub.d.example",
     "\"policy\":{\"p\":\"reject\",\"sp\":\"reject\",\"np\":\"reject\",\"t\":false,\"adkim\":\"s\",\"aspf\":\"s\","
     "\"psd\":\"n\"}"},
    {"_dmarc.d.example. TXT \"v=DMARC1; p=none; sp=quarantine; np=reject; t=y\"\nsub.d.example. TXT \"x\"\n",
     DOMAIN_POLICY_NONE, DOMAIN_POLICY_VALID, "_dmarc.d.example",
     "\"policy_domain\":\"d.example\",\"inherited\":true,\"organizational_domain\":\"d.example\",\"applied\":"
     "\"quarantine\""},
    {"_dmarc.d.example. TXT \"v=DMARC1; p=none; sp=quarantine; np=reject\"\n", /* the domain does not exist */
     DOMAIN_POLICY_NONE, DOMAIN_POLICY_VALID, "_dmarc.d.example", "\"applied\":\"reject\""},
    {"_dmarc.sub.d.example. CNAME p.provider.example.\np.provider.example. 60 TXT \"v=DMARC1; p=none\"\n",
     DOMAIN_POLICY_NONE, DOMAIN_POLICY_VALID, "_dmarc.sub.d.example",
     "\"cname\":[\"p.provider.example\"],\"cname_ttl\":[300],\"records\":1"},
    {"sub.d.example. TXT \"v=DMARC1; p=none\"\n", DOMAIN_POLICY_NONE, DOMAIN_POLICY_NONE, NULL,
     "stands at sub.d.example itself"},
    {"sub.d.example. TXT \"v=spf1 +all\"\n", DOMAIN_POLICY_VALID, DOMAIN_POLICY_NONE, NULL, "any server in the world"},
};

struct scene {
    struct dns_zone *zone;
    struct late_dns dns;
    struct arena *arena;
    struct domain_policy_lookup *lookup;
    unsigned done;
};

static void on_done(void *owner) { ((struct scene *)owner)->done++; }

static void scene_begin(struct scene *scene, const char *records, bool is_late) {
    char *error = NULL, text[2048];
    snprintf(text, sizeof text, "$TTL 300\nexample. SOA ns.example. h.example. 1 2 3 4 900\n%s", records);
    *scene = (struct scene){.zone = dns_zone_create(), .arena = arena_create(1 << 20)};
    if (!dns_zone_add_text(scene->zone, "zone", span_of(text), &error)) fail_msg("%s", error);
    late_dns_init(&scene->dns, dns_zone_source(scene->zone), is_late);
    scene->lookup = domain_policy_lookup_create(&scene->dns.source);
    assert_non_null(scene->lookup);
}

static void scene_end(struct scene *scene) {
    domain_policy_lookup_destroy(scene->lookup);
    assert_int_equal(scene->dns.waiting_count, 0);
    arena_destroy(scene->arena);
    dns_zone_destroy(scene->zone);
}

static bool start(struct scene *scene) {
    bool is_under_way =
        domain_policy_lookup_start(scene->lookup, span_of("sub.d.example"), scene->arena, on_done, scene);
    assert_int_equal(scene->done, 0); /* never from inside a call */
    return is_under_way;
}

static void expect_row(const struct scene *scene, const struct row *row) {
    const struct domain_policy *policy = domain_policy_lookup_policy(scene->lookup);
    struct bytes out = bytes_with_cap(65536);
    struct json json = json_writer(&out);
    json_object(&json);
    domain_policy_write_json(&json, policy);
    json_object_end(&json);
    assert_false(out.failed);
    bytes_append_char(&out, '\0');
    if (policy->spf_state != row->spf || policy->dmarc_state != row->dmarc)
        fail_msg("%s: spf %s, dmarc %s", row->zone, domain_policy_state_word(policy->spf_state),
                 domain_policy_state_word(policy->dmarc_state));
    assert_true(policy->has_record == (row->found_at != NULL));
    if (policy->has_record && !span_is(policy->dmarc[policy->found_at].name, row->found_at))
        fail_msg("%s: found at %.*s", row->zone, (int)policy->dmarc[policy->found_at].name.len,
                 policy->dmarc[policy->found_at].name.ptr);
    if (strstr(out.ptr, row->says) == NULL) fail_msg("%s\n\"%s\" is not in:\n%s", row->zone, row->says, out.ptr);
    assert_null(strstr(out.ptr, "site-verification")); /* nobody's business */
    bytes_release(&out);
}

static void every_state_is_found_at_once_and_late(void **state) {
    (void)state;
    for (size_t i = 0; i < 3 * sizeof rows / sizeof *rows; i++) {
        struct scene scene;
        scene_begin(&scene, rows[i / 3].zone, i % 3 > 0);
        assert_int_equal(start(&scene), i % 3 > 0);
        while (late_dns_answer(&scene.dns, i % 3 == 2)) {}
        assert_int_equal(scene.done, i % 3 > 0);
        assert_int_equal(scene.dns.lookups, 4); /* the domain, and _dmarc at it, d.example and example */
        expect_row(&scene, &rows[i / 3]);
        scene_end(&scene);
    }
}

/* After each number of answers time is up, or nobody wants to know any more. */
static void time_may_be_up_at_any_answer(void **state) {
    (void)state;
    for (size_t i = 0; i < 2 * 4 * sizeof rows / sizeof *rows; i++) {
        struct scene scene;
        size_t answers = i / 2 % 4;
        scene_begin(&scene, rows[i / 8].zone, true);
        assert_true(start(&scene));
        for (size_t k = 0; k < answers; k++) assert_true(late_dns_answer(&scene.dns, i % 2 == 1));
        domain_policy_lookup_expire(scene.lookup);
        assert_int_equal(scene.done, 0);
        const struct domain_policy *policy = domain_policy_lookup_policy(scene.lookup);
        assert_int_equal(policy->asked, 3);
        assert_int_equal(policy->spf.status == DNS_TIMEOUT, policy->spf_state == DOMAIN_POLICY_UNKNOWN);
        if (answers == 0) assert_int_equal(policy->dmarc_state, DOMAIN_POLICY_UNKNOWN);
        domain_policy_lookup_expire(scene.lookup); /* no effect */
        scene_end(&scene);
        scene_begin(&scene, rows[i / 8].zone, true);
        assert_true(start(&scene));
        for (size_t k = 0; k < answers; k++) assert_true(late_dns_answer(&scene.dns, i % 2 == 1));
        scene_end(&scene);
        assert_int_equal(scene.done, 0);
    }
}

static void failures_are_no_absence(void **state) {
    (void)state;
    static const enum dns_status failures[] = {DNS_SERVFAIL, DNS_TIMEOUT, DNS_BOGUS};
    for (size_t i = 0; i < sizeof failures / sizeof *failures; i++) {
        struct scene scene;
        scene_begin(&scene, rows[2].zone, true);
        assert_true(start(&scene));
        const struct dns_answer answer = {
            .status = failures[i], .dnssec = DNSSEC_BOGUS, .reason = span_of("signature expired")};
        while (late_dns_answer_with(&scene.dns, &answer)) {}
        assert_int_equal(scene.done, 1);
        const struct row row = {"failures", DOMAIN_POLICY_UNKNOWN, DOMAIN_POLICY_UNKNOWN, NULL,
                                "\"dnssec\":\"bogus\",\"reason\":\"signature expired\",\"ttl\":null"};
        expect_row(&scene, &row);
        assert_int_equal(domain_policy_lookup_policy(scene.lookup)->spf_findings.count, 0);
        assert_int_equal(domain_policy_lookup_policy(scene.lookup)->dmarc_findings.count, 0);
        scene_end(&scene);
    }
}

/* The domain's own record decides whatever happens above it, and the other way round it is not known. */
static void what_failed_above_does_not_matter(void **state) {
    (void)state;
    struct scene scene;
    scene_begin(&scene, rows[2].zone, false);
    scene.dns.bogus = "_dmarc.d.example";
    assert_false(start(&scene));
    assert_int_equal(domain_policy_lookup_policy(scene.lookup)->dmarc_state, DOMAIN_POLICY_VALID);
    scene_end(&scene);
    scene_begin(&scene, rows[9].zone, false);
    scene.dns.bogus = "_dmarc.sub.d.example";
    assert_false(start(&scene));
    assert_int_equal(domain_policy_lookup_policy(scene.lookup)->dmarc_state, DOMAIN_POLICY_UNKNOWN);
    scene_end(&scene);
}

static void dnssec_states_are_told(void **state) {
    (void)state;
    struct scene scene;
    scene_begin(&scene, rows[2].zone, false);
    scene.dns.dnssec = DNSSEC_SECURE;
    assert_false(start(&scene));
    const struct row row = {rows[2].zone, DOMAIN_POLICY_VALID, DOMAIN_POLICY_VALID, "_dmarc.sub.d.example",
                            "\"name\":\"sub.d.example\",\"dns\":\"found\",\"dnssec\":\"secure\""};
    expect_row(&scene, &row);
    scene_end(&scene);
}

/* Records beyond the cap are counted, and of others none takes room. */
static void many_records_have_their_cap(void **state) {
    (void)state;
    struct bytes text = bytes_with_cap(8192);
    struct scene scene;
    for (int i = 0; i < 20; i++) bytes_append_format(&text, "sub.d.example. TXT \"other %d\"\n", i);
    for (int i = 0; i < 7; i++) bytes_append_format(&text, "sub.d.example. TXT \"v=spf1 ip4:192.0.2.%d -all\"\n", i);
    bytes_append_char(&text, '\0');
    scene_begin(&scene, text.ptr, false);
    assert_false(start(&scene));
    const struct domain_policy *policy = domain_policy_lookup_policy(scene.lookup);
    assert_int_equal(policy->spf.count, 7);
    assert_int_equal(policy->spf_state, DOMAIN_POLICY_SEVERAL);
    assert_true(span_is(policy->spf.text[0], "v=spf1 ip4:192.0.2.0 -all"));
    scene_end(&scene);
    bytes_release(&text);
}

/* A spent arena is a failure of ours, never a record that is not there. */
static void a_spent_arena_is_a_failure(void **state) {
    (void)state;
    for (size_t cap = 0; cap < 4096; cap += 64) {
        struct scene scene;
        scene_begin(&scene, rows[2].zone, cap % 128 == 0);
        struct arena *small = arena_create(cap);
        if (small != NULL) {
            domain_policy_lookup_start(scene.lookup, span_of("sub.d.example"), small, on_done, &scene);
            while (late_dns_answer(&scene.dns, false)) {}
            const struct domain_policy *policy = domain_policy_lookup_policy(scene.lookup);
            assert_true(policy->spf_state == DOMAIN_POLICY_VALID || policy->spf_state == DOMAIN_POLICY_UNKNOWN);
            assert_true(policy->dmarc_state == DOMAIN_POLICY_VALID || policy->dmarc_state == DOMAIN_POLICY_UNKNOWN);
        }
        scene_end(&scene);
        arena_destroy(small);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_state_is_found_at_once_and_late),
        cmocka_unit_test(time_may_be_up_at_any_answer),
        cmocka_unit_test(failures_are_no_absence),
        cmocka_unit_test(what_failed_above_does_not_matter),
        cmocka_unit_test(dnssec_states_are_told),
        cmocka_unit_test(many_records_have_their_cap),
        cmocka_unit_test(a_spent_arena_is_a_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
