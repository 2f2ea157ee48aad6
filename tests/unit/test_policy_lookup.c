#include "verifier/policy_lookup.h" /* first, so the header is proved to stand alone */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "base/clock.h"
#include "tests/support/late_dns.h"
#include "verifier/diagnosis_path.h"
#include "verifier/dns_zone.h"

static const char fields[] =
    "Received: from forwarder ([192.0.2.7]) by here.example; Mon, 06 Jan 2025 10:20:31 +0000\r\n"
    "Received: from home ([10.0.0.1] [IPv6:2001:db8::9]) by out; Mon, 06 Jan 2025 10:20:30 +0000\r\n"
    "From: a@d.example\r\n\r\n";

/* One message: what the checks said, and the zone that they and the diagnosis asked. */
struct facts {
    const char *zone;
    struct spf_result spf;
    struct dmarc_result dmarc;
    struct dkim_result dkim;
    const char *suffix_organization;
};

#define SPF(word_result, word_code)                                                                                    \
    {                                                                                                                  \
        .is_evaluated = true, .scope = SPF_MAIL_FROM, .result = word_result, .code = word_code,                        \
        .identity = {"a@d.example", 11}, .domain = {                                                                   \
            "d.example",                                                                                               \
            9                                                                                                          \
        }                                                                                                              \
    }
#define DMARC(...)                                                                                                     \
    { .is_evaluated = true, .domain = {"d.example", 9}, __VA_ARGS__ }
#define AT_HOME .policy_domain = {"d.example", 9}, .organizational_domain = {"d.example", 9}
#define FROM_ABOVE .policy_domain = {"example", 7}, .organizational_domain = {"example", 7}
#define ABOVE "_dmarc.example. TXT \"v=DMARC1; p=reject\"\n"
#define PASSES(name)                                                                                                   \
    {                                                                                                                  \
        .result = RESULT_PASS, .domain_ascii = { name, sizeof name - 1 }                                               \
    }
#define GOOD_SPF "d.example. TXT \"v=spf1 ip4:198.51.100.1 -all\"\n"
#define GOOD_DMARC "_dmarc.d.example. TXT \"v=DMARC1; p=reject\"\n"

/* wanted: names of findings in order, "P3 P9"; says: part of the English sentence of the first. */
static const struct row {
    const char *wanted, *says;
    struct facts facts;
} rows[] = {
    {"", NULL, {GOOD_SPF GOOD_DMARC, SPF(RESULT_PASS, SPF_MATCHED), DMARC(AT_HOME, .spf_aligned = true), {0}, NULL}},
    {"P1",
     "lists 192.0.2.7",
     {"d.example. TXT \"v=spf1 ip4:192.0.2.7 -all\"\n", SPF(RESULT_FAIL, SPF_MATCHED), {0}, {0}, NULL}},
    {"P1",
     "lists 2001:db8::9",
     {"d.example. TXT \"v=spf1 ip6:2001:db8::/32 ~all\"\n", SPF(RESULT_SOFTFAIL, SPF_MATCHED), {0}, {0}, NULL}},
    {"", NULL, {"d.example. TXT \"v=spf1 ip4:198.51.100.1 -all\"\n", SPF(RESULT_FAIL, SPF_MATCHED), {0}, {0}, NULL}},
    {"P2", "too many", {GOOD_SPF, SPF(RESULT_PERMERROR, SPF_TOO_MANY_LOOKUPS), {0}, {0}, NULL}},
    {"P2", "too many", {GOOD_SPF, SPF(RESULT_PERMERROR, SPF_TOO_MANY_VOID), {0}, {0}, NULL}},
    {"P3",
     "2 SPF records",
     {GOOD_SPF "d.example. TXT \"v=spf1 -all\"\n", SPF(RESULT_PERMERROR, SPF_SEVERAL_RECORDS), {0}, {0}, NULL}},
    {"P3", "+all", {"d.example. TXT \"v=spf1 +all\"\n", SPF(RESULT_PASS, SPF_MATCHED), {0}, {0}, NULL}},
    {"P3", "no all", {"d.example. TXT \"v=spf1 mx\"\n", SPF(RESULT_PASS, SPF_MATCHED), {0}, {0}, NULL}},
    {"", NULL, {"d.example. TXT \"v=spf1 redirect=e.example\"\n", SPF(RESULT_PASS, SPF_MATCHED), {0}, {0}, NULL}},
    {"P3", "ptr", {"d.example. TXT \"v=spf1 ptr -all\"\n", SPF(RESULT_PASS, SPF_MATCHED), {0}, {0}, NULL}},
    {"P3",
     "does not exist: foo (position 8)",
     {"d.example. TXT \"v=spf1 foo -all\"\n", SPF(RESULT_PERMERROR, SPF_SYNTAX), {0}, {0}, NULL}},
    {"P4", "not for f.example", {GOOD_SPF GOOD_DMARC, SPF(RESULT_PASS, SPF_MATCHED), DMARC(AT_HOME), {0}, NULL}},
    {"P5", "without SPF record", {GOOD_SPF, SPF(RESULT_PERMERROR, SPF_INCLUDE_NONE), {0}, {0}, NULL}},
    {"P6", "no DMARC record", {"d.example. TXT \"x\"\n", {0}, DMARC(.code = DMARC_NO_RECORD), {0}, NULL}},
    {"P6",
     "at d.example itself",
     {"d.example. TXT \"v=DMARC1; p=none\"\n", {0}, DMARC(.code = DMARC_NO_RECORD), {0}, NULL}},
    {"P6",
     "2 DMARC records",
     {GOOD_DMARC "_dmarc.d.example. TXT \"v=DMARC1; p=none\"\n", {0}, DMARC(.code = DMARC_SEVERAL_RECORDS), {0}, NULL}},
    {"P6",
     "v=DMARC1",
     {"_dmarc.d.example. TXT \"v=dmarc1; p=none\"\n", {0}, DMARC(.code = DMARC_NO_RECORD), {0}, NULL}},
    {"P6",
     "p= is missing",
     {"_dmarc.d.example. TXT \"v=DMARC1; adkim=r\"\n", {0}, DMARC(.code = DMARC_SYNTAX), {0}, NULL}},
    {"P7", "adkim=s", {GOOD_DMARC, {0}, DMARC(AT_HOME, .strict_dkim = true), PASSES("mail.d.example"), NULL}},
    {"", NULL, {GOOD_DMARC, {0}, DMARC(AT_HOME, .strict_dkim = true), PASSES("other.example"), NULL}},
    {"", NULL, {GOOD_DMARC, {0}, DMARC(AT_HOME, .strict_dkim = true, .dkim_aligned = true), PASSES("d.example"), NULL}},
    {"P8", "d.example by the public suffix list", {ABOVE, {0}, DMARC(FROM_ABOVE), {0}, "d.example"}},
    {"", NULL, {ABOVE, {0}, DMARC(FROM_ABOVE), {0}, "example"}},
    {"", NULL, {GOOD_DMARC, {0}, DMARC(AT_HOME), {0}, "example"}}, /* his own record is found either way */
    {"P9 P9 P9",
     "pct=",
     {"_dmarc.d.example. TXT \"v=DMARC1; p=reject; pct=50; rf=afrf; ri=86400\"\n", {0}, DMARC(AT_HOME), {0}, NULL}},
    {"P10", "test mode", {"_dmarc.d.example. TXT \"v=DMARC1; p=reject; t=y\"\n", {0}, DMARC(AT_HOME), {0}, NULL}},
    {"P11", "sp=none", {"_dmarc.d.example. TXT \"v=DMARC1; p=reject; sp=none\"\n", {0}, DMARC(AT_HOME), {0}, NULL}},
    {"P11", "np=none", {"_dmarc.d.example. TXT \"v=DMARC1; p=reject; np=none\"\n", {0}, DMARC(AT_HOME), {0}, NULL}},
    {"", NULL, {"_dmarc.d.example. TXT \"v=DMARC1; p=none; sp=none\"\n", {0}, DMARC(AT_HOME), {0}, NULL}},
    {"P12",
     "go to r.example",
     {"_dmarc.d.example. TXT \"v=DMARC1; p=reject; rua=mailto:x@r.example!10m,mailto:y@d.example\"\n",
      {0},
      DMARC(AT_HOME),
      {0},
      NULL}},
    {"",
     NULL,
     {"_dmarc.d.example. TXT \"v=DMARC1; p=reject; rua=mailto:x@r.example\"\n"
      "d.example._report._dmarc.r.example. TXT \"v=DMARC1;\"\n",
      {0},
      DMARC(AT_HOME),
      {0},
      NULL}},
};

struct scene {
    struct dns_zone *zone;
    struct late_dns dns;
    struct clock_fixed clock;
    struct header_section section;
    struct arena *arena;
    struct message_result result;
    struct policy_lookup *lookup;
    unsigned done;
};

static void on_done(void *owner) { ((struct scene *)owner)->done++; }

static void scene_begin(struct scene *scene, const struct facts *facts, bool is_late) {
    char *error = NULL;
    size_t taken;
    *scene =
        (struct scene){.zone = dns_zone_create(), .clock = clock_fixed_at(1800000000), .arena = arena_create(1 << 20)};
    assert_true(dns_zone_add_text(scene->zone, "zone", span_of(facts->zone), &error));
    late_dns_init(&scene->dns, dns_zone_source(scene->zone), is_late);
    header_section_init(&scene->section, header_limits_default);
    assert_int_equal(header_section_update(&scene->section, span_of(fields), &taken), HEADER_COMPLETE);
    scene->result = (struct message_result){.dkim = &facts->dkim,
                                            .dkim_count = facts->dkim.domain_ascii.len > 0,
                                            .from_domain = span_of("f.example"),
                                            .dmarc = facts->dmarc};
    scene->result.spf[SPF_MAIL_FROM] = facts->spf;
    scene->lookup = policy_lookup_create(&scene->dns.source, &scene->clock.clock);
    assert_non_null(scene->lookup);
}

static void scene_end(struct scene *scene) {
    policy_lookup_destroy(scene->lookup);
    header_section_release(&scene->section);
    arena_destroy(scene->arena);
    dns_zone_destroy(scene->zone);
}

static bool start(struct scene *scene) {
    return policy_lookup_start(scene->lookup, &scene->result, &scene->section, scene->arena, on_done, scene);
}

static void expect_findings(const struct scene *scene, const struct row *row) {
    struct diagnosis_policy policy = {0};
    if (policy_lookup_policy(scene->lookup) != NULL) policy = *policy_lookup_policy(scene->lookup);
    if (row->facts.suffix_organization != NULL) policy.suffix_organization = span_of(row->facts.suffix_organization);
    struct diagnosis_input input = {.section = &scene->section, .result = &scene->result, .policy = &policy};
    struct finding_list list = {0};
    struct bytes names = bytes_with_cap(4096), text = bytes_with_cap(65536);
    diagnosis_path_look(&input, &list);
    for (size_t i = 0; i < list.count; i++) {
        bytes_append_text(&names, i > 0 ? " " : "");
        bytes_append_text(&names, finding_name(list.finding[i].id));
        assert_int_not_equal(list.finding[i].certainty, FINDING_PROVED);
    }
    finding_write_text(&text, &list, (struct report_style){LANGUAGE_EN, false});
    bytes_append_char(&text, '\0');
    if (!span_is(bytes_span(&names), row->wanted)) fail_msg("wanted %s:\n%s", row->wanted, text.ptr);
    if (row->says != NULL && strstr(text.ptr, row->says) == NULL)
        fail_msg("\"%s\" is not in:\n%s", row->says, text.ptr);
    if (strchr(text.ptr, '{') != NULL) fail_msg("a place is empty:\n%s", text.ptr);
    bytes_release(&names), bytes_release(&text);
}

static void every_row_is_found_at_once_and_late(void **state) {
    (void)state;
    for (size_t i = 0; i < 3 * sizeof rows / sizeof *rows; i++) {
        const struct row *row = &rows[i / 3];
        struct scene scene;
        scene_begin(&scene, &row->facts, i % 3 > 0);
        bool is_under_way = start(&scene);
        assert_int_equal(scene.done, 0);
        assert_int_equal(is_under_way, i % 3 > 0);
        while (late_dns_answer(&scene.dns, i % 3 == 2)) {}
        assert_int_equal(scene.done, is_under_way);
        expect_findings(&scene, row);
        scene_end(&scene);
    }
}

static void what_is_not_answered_is_not_said(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct scene scene;
        scene_begin(&scene, &rows[i].facts, true);
        assert_true(start(&scene));
        policy_lookup_expire(scene.lookup);
        assert_false(late_dns_answer(&scene.dns, false));
        assert_int_equal(scene.done, 0);
        const struct diagnosis_policy *policy = policy_lookup_policy(scene.lookup);
        assert_false(policy->spf.is_known || policy->dmarc.is_known || policy->earlier_address.len > 0);
        assert_true(start(&scene)); /* cancels, and begins anew */
        assert_true(start(&scene));
        scene_end(&scene);
    }
}

static void a_failed_lookup_is_no_absence(void **state) {
    (void)state;
    static const struct row row = {
        "", NULL, {"d.example. TXT \"x\"\n", {0}, DMARC(.code = DMARC_NO_RECORD), {0}, NULL}};
    struct scene scene;
    scene_begin(&scene, &row.facts, true);
    assert_true(start(&scene));
    while (late_dns_answer_with(&scene.dns, &(struct dns_answer){.status = DNS_TIMEOUT})) {}
    assert_int_equal(scene.done, 1);
    expect_findings(&scene, &row);
    scene_end(&scene);
}

static void nothing_is_asked_for_a_message_without_envelope(void **state) {
    (void)state;
    struct facts facts = {.zone = GOOD_SPF};
    struct scene scene;
    scene_begin(&scene, &facts, true);
    assert_false(start(&scene));
    assert_null(policy_lookup_policy(scene.lookup));
    assert_int_equal(scene.dns.lookups, 0);
    scene_end(&scene);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_is_found_at_once_and_late),
        cmocka_unit_test(what_is_not_answered_is_not_said),
        cmocka_unit_test(a_failed_lookup_is_no_absence),
        cmocka_unit_test(nothing_is_asked_for_a_message_without_envelope),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
