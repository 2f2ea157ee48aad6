#include "verifier/diagnosis_message.h" /* first, so the header is proved to stand alone */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "tests/support/exact.h"
#include "verifier/diagnosis_arc.h"
#include "verifier/diagnosis_others.h"
#include "verifier/diagnosis_signing.h"
#include "verifier/from_field.h"

/* A header section, and what the verifier would have said of it. */
struct scene {
    struct span octets;
    struct header_section section;
    struct arena *arena;
    struct diagnosis_signatures all;
    struct dkim_result dkim[4];
    struct dkim_signature signature[4];
    struct arc_chain chain;
    struct message_result result;
    struct diagnosis_input input;
    struct finding_list list;
};

static void read_signature(struct scene *scene, size_t at, enum auth_result result) {
    struct dkim_signature *signature = &scene->signature[scene->all.count];
    assert_true(dkim_signature_parse(&scene->section.fields[at], scene->arena, signature));
    scene->dkim[scene->all.count++] =
        (struct dkim_result){.result = signature->code == DKIM_OK ? result : RESULT_PERMERROR,
                             .code = signature->code != DKIM_OK ? signature->code
                                     : result == RESULT_PASS    ? DKIM_OK
                                                                : DKIM_BODY_HASH_MISMATCH,
                             .body_part = result == RESULT_PASS ? PART_INTACT : PART_CHANGED,
                             .field_index = at,
                             .domain = signature->domain,
                             .domain_ascii = signature->domain_ascii,
                             .selector = signature->selector,
                             .signature = signature->signature_text,
                             .aligned = span_equal(signature->domain_ascii, scene->result.from_domain)};
}

/* All signatures get result. */
static void scene_begin(struct scene *scene, const char *fields, enum auth_result result) {
    size_t taken;
    struct from_field from;
    memset(scene, 0, sizeof *scene);
    scene->arena = arena_create(1 << 20);
    scene->octets = exact_copy(span_of(fields));
    header_section_init(&scene->section, header_limits_default);
    assert_int_equal(header_section_update(&scene->section, scene->octets, &taken), HEADER_COMPLETE);
    assert_true(from_field_parse(&scene->section, scene->arena, &from));
    scene->result = (struct message_result){
        .dkim = scene->dkim, .from_domain = from.domain, .from_fields = from.fields, .from_addresses = from.addresses};
    scene->all.signature = scene->signature;
    for (size_t i = 0; i < scene->section.count; i++)
        if (span_is_nocase(scene->section.fields[i].name, "DKIM-Signature")) read_signature(scene, i, result);
    scene->result.dkim_count = scene->all.count;
    assert_true(arc_set_collect(&scene->section, scene->arena, &scene->chain));
    scene->input = (struct diagnosis_input){.section = &scene->section, .result = &scene->result};
}

static void scene_end(struct scene *scene) {
    header_section_release(&scene->section);
    arena_destroy(scene->arena);
    exact_free(scene->octets);
}

/* Names of the findings in order, then part of the first one's English sentence. */
static void expect(const struct scene *scene, const char *wanted, const char *says) {
    struct bytes names = bytes_with_cap(4096), text = bytes_with_cap(65536);
    for (size_t i = 0; i < scene->list.count; i++) {
        bytes_append_text(&names, i > 0 ? " " : "");
        bytes_append_text(&names, finding_name(scene->list.finding[i].id));
        assert_int_not_equal(scene->list.finding[i].certainty, FINDING_PROVED);
    }
    finding_write_text(&text, &scene->list, (struct report_style){LANGUAGE_EN, false});
    bytes_append_char(&text, '\0');
    if (!span_is(bytes_span(&names), wanted))
        fail_msg("%.*s\nwanted %s:\n%s", (int)scene->octets.len, scene->octets.ptr, wanted, text.ptr);
    if (says != NULL && strstr(text.ptr, says) == NULL) fail_msg("\"%s\" is not in:\n%s", says, text.ptr);
    bytes_release(&names), bytes_release(&text);
}

#define SIGNED(d, s, h)                                                                                                \
    "DKIM-Signature: v=1; a=rsa-sha256; d=" d "; s=" s "; h=" h                                                        \
    "; bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=;\r\n b=AAAABBBBCCCCDDDD\r\n"
#define FROM "From: Alice <a@d.example>\r\n"
#define TIMED(d, t)                                                                                                    \
    "DKIM-Signature: v=1; a=rsa-sha256; t=" t "; d=" d                                                                 \
    "; s=s; h=from; bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=; b=AAAA\r\n"
#define SEEN(date) "Received: from a by b; " date "\r\n"

/* passes: the signatures' result. */
static const struct {
    const char *wanted, *says, *fields;
    bool passes;
} rows[] = {
    {"", NULL, SIGNED("d.example", "s", "from:subject") FROM "Subject: x\r\n\r\n", true},
    {"S8", "Received, Return-Path, X-Spam-Flag",
     SIGNED("d.example", "s", "from:Received:received:Return-Path:X-Spam-Flag:X-Mailer") FROM "\r\n", true},
    {"S9", "Subject, Date", SIGNED("d.example", "s", "from") FROM "Subject: x\r\nDate: y\r\n\r\n", true},
    {"", NULL,
     SIGNED("d.example", "s", "from:subject") SIGNED("d.example", "t", "from:date") FROM
     "Subject: x\r\nDate: y\r\n\r\n",
     true},
    {"S20", "of mailer.test passes", SIGNED("mailer.test", "s", "from") FROM "\r\n", true},
    {"S20", "Probably", SIGNED("b.corp.example", "s", "from") "From: a@a.corp.example\r\n\r\n",
     true}, /* may be one house */
    {"", NULL, SIGNED("mailer.test", "s", "from") SIGNED("d.example", "s", "from") FROM "\r\n", true},
    {"", NULL, SIGNED("mailer.test", "s", "from") FROM "\r\n", false},
    {"S21", "placeholder: example.com", SIGNED("example.com", "s", "from") "From: a@example.com\r\n\r\n", true},
    {"S21", "{domain}", SIGNED("{domain}", "s", "from") FROM "\r\n", true},
    {"S21", "$selector", SIGNED("d.example", "$selector", "from") FROM "\r\n", true},
    {"", NULL, SIGNED("mail.example.com", "s", "from") "From: a@mail.example.com\r\n\r\n", true},
    {"X1", "X-Mozilla-Status", "X-Mozilla-Status: 0001\r\n" SIGNED("d.example", "s", "from") FROM "\r\n", false},
    {"X1", "byte order mark", "\xef\xbb\xbfReturn-Path: <a@d.example>\r\n" SIGNED("d.example", "s", "from") FROM "\r\n",
     false},
    {"X1", "(From )", "From a@d.example Mon Jan  6 10:20:30 2025\r\n" SIGNED("d.example", "s", "from") FROM "\r\n",
     false},
    {"", NULL, "X-Mozilla-Status: 0001\r\n" SIGNED("d.example", "s", "from") FROM "\r\n", true},
    {"X5", "shows ceo@bank.test", "From: \"ceo@bank.test\" <a@d.example>\r\n\r\n", true},
    {"X5", "shows ceo@bank.test", "From: The CEO (ceo@bank.test) <a@d.example>\r\n\r\n", true},
    {"X5", "shows ceo@bank.test", "From: a@d.example (ceo@bank.test)\r\n\r\n", true},
    {"X5", "shows ceo@bank.test", "From: =?utf-8?B?Y2VvQGJhbmsudGVzdA==?= <a@d.example>\r\n\r\n", true},
    {"", NULL, "From: \"alice@D.example\" <a@d.example>\r\n\r\n", true},
    {"", NULL, "From: \"alice@mail.d.example\" <a@d.example>\r\n\r\n", true},
    {"", NULL, "From: \"Alice @ home\" <a@d.example>\r\n\r\n", true},
    {"X5", "2 authors", "From: a@d.example, b@e.example\r\n\r\n", true},
    {"X3", "3 others saw this message up to 3600 seconds",
     SEEN("Fri, 15 Jan 2027 09:00:00 +0000") SEEN("Fri, 15 Jan 2027 09:00:00 +0000") TIMED("d.example", "1800003600")
         FROM "\r\n",
     true},
    {"", NULL,
     SEEN("Fri, 15 Jan 2027 08:00:00 +0000") SEEN("Fri, 15 Jan 2027 08:00:00 +0000") TIMED("d.example", "1800003600")
         FROM "\r\n",
     true},
    {"", NULL,
     SEEN("Fri, 15 Jan 2027 09:00:00 +0000") TIMED("d.example", "1800003600") TIMED("d.example", "1800003600") FROM
     "\r\n",
     true}, /* two clocks */
};

static void every_row_is_found(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct scene scene;
        scene_begin(&scene, rows[i].fields, rows[i].passes ? RESULT_PASS : RESULT_FAIL);
        scene.input.has_now = true;
        scene.input.now_s = 1800000000; /* Fri, 15 Jan 2027 08:00:00 +0000 */
        diagnosis_signing_look(&scene.input, &scene.all, scene.arena, &scene.list);
        diagnosis_message_look(&scene.input, &scene.all, scene.arena, &scene.list);
        expect(&scene, rows[i].wanted, rows[i].says);
        scene_end(&scene);
    }
}

static void alignment_is_what_dmarc_found(void **state) {
    (void)state;
    struct scene scene;
    scene_begin(&scene, SIGNED("b.corp.example", "s", "from") "From: a@a.corp.example\r\n\r\n", RESULT_PASS);
    scene.result.dmarc = (struct dmarc_result){.is_evaluated = true, .dkim_aligned = true};
    diagnosis_signing_look(&scene.input, &scene.all, scene.arena, &scene.list);
    expect(&scene, "", NULL);
    scene.result.dmarc.dkim_aligned = false;
    diagnosis_signing_look(&scene.input, &scene.all, scene.arena, &scene.list);
    expect(&scene, "S20", NULL);
    assert_int_equal(scene.list.finding[0].certainty, FINDING_EXACT);
    scene_end(&scene);
}

#define AAR(i, results) "ARC-Authentication-Results: i=" i "; hop" i ".test; " results "\r\n"
#define SET(i, results) "ARC-Seal: i=" i "; cv=none\r\nARC-Message-Signature: i=" i "\r\n" AAR(i, results)
#define PASSED "dkim=pass header.d=d.example header.b=AAAABBBB"

static const struct {
    const char *wanted, *says, *fields;
    bool fails;
} chains[] = {
    {"A6", "hop1.test (ARC set 1) found the signature of d.example good", SET("1", PASSED), true},
    {"A6", "hop2.test (ARC set 2)", SET("2", PASSED) SET("1", PASSED), true},
    {"A6", "hop1.test",
     "ARC-Seal: i=1\r\nARC-Message-Signature: i=1\r\nARC-Authentication-Results: (a;b) i=1; hop1.test;\r\n " PASSED
     "\r\n",
     true},
    {"", NULL, SET("1", PASSED), false},
    {"", NULL, SET("1", "dkim=fail header.b=AAAABBBB"), true},
    {"", NULL, SET("1", "dkim=pass header.d=d.example"), true}, /* which one of the domain's is not said */
    {"", NULL, SET("1", "dkim=pass header.b=AAAABBBC"), true},
    {"", NULL, SET("1", "dkim=pass header.b=AAAA"), true},
    {"A7", "set 2 stand below", SET("1", "none") SET("2", "none"), true},
    {"A7", "set 2 stand below", AAR("1", "none") SET("2", "none") "ARC-Seal: i=1\r\n", true},
    {"A7", "ARC set 1 is missing", SET("2", "none"), true},
    {"", NULL, SET("3", "none") SET("2", "none") SET("1", "none"), true},
};

static void sealers_and_places_are_compared(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof chains / sizeof *chains; i++) {
        struct scene scene;
        struct bytes fields = bytes_with_cap(65536);
        bytes_append_text(&fields, chains[i].fields);
        bytes_append_text(&fields, SIGNED("d.example", "s", "from") FROM "\r\n");
        bytes_append_char(&fields, '\0');
        scene_begin(&scene, fields.ptr, chains[i].fails ? RESULT_FAIL : RESULT_PASS);
        for (int passes = 0; passes < 2; passes++) { /* what seals do not vouch for is not certain */
            scene.list.count = 0;
            scene.result.arc = (struct arc_result){
                .is_evaluated = true, .result = passes ? RESULT_PASS : RESULT_FAIL, .code = ARC_KEY};
            diagnosis_arc_look(&scene.input, &scene.chain, scene.arena, &scene.list);
            expect(&scene, chains[i].wanted, chains[i].says);
            if (scene.list.count > 0 && scene.list.finding[0].id == FINDING_ARC_PASSED)
                assert_int_equal(scene.list.finding[0].certainty, passes ? FINDING_EXACT : FINDING_GUESS);
        }
        bytes_release(&fields);
        scene_end(&scene);
    }
}

static void the_hop_since_when_nothing_changed_is_told(void **state) {
    (void)state;
    struct scene scene;
    scene_begin(&scene, SET("2", "none") SET("1", "none") FROM "\r\n", RESULT_PASS);
    scene.result.arc =
        (struct arc_result){.is_evaluated = true, .result = RESULT_PASS, .code = ARC_OK, .oldest_pass = 2};
    diagnosis_arc_look(&scene.input, &scene.chain, scene.arena, &scene.list);
    expect(&scene, "A5", "before ARC hop 2");
    assert_int_equal(scene.list.finding[0].hop, 2);
    scene_end(&scene);
}

static void other_mail_is_compared(void **state) {
    (void)state;
    static const struct {
        const char *wanted;
        struct diagnosis_seen seen;
        bool fails;
    } seen[] = {
        {"X2", {.signatures = 100, .body_failures = 80, .domains = 10, .failing_domains = 8}, true},
        {"", {.signatures = 100, .body_failures = 80, .domains = 10, .failing_domains = 8}, false},
        {"", {.signatures = 100, .body_failures = 79, .domains = 10, .failing_domains = 10}, true},
        {"", {.signatures = 100, .body_failures = 100, .domains = 4, .failing_domains = 4}, true}, /* few senders */
        {"", {.signatures = 100, .body_failures = 90, .domains = 10, .failing_domains = 1}, true}, /* one busy sender */
        {"", {.signatures = 49, .body_failures = 49, .domains = 10, .failing_domains = 10}, true},
        {"P13", {.failures = 10, .failures_through = 10, .through = {"192.0.2.7", 9}}, true},
        {"", {.failures = 10, .failures_through = 9, .through = {"192.0.2.7", 9}}, true},
        {"", {.failures = 9, .failures_through = 9, .through = {"192.0.2.7", 9}}, true},
        {"", {.failures = 10, .failures_through = 10, .through = {"192.0.2.7", 9}}, false},
    };
    for (size_t i = 0; i < sizeof seen / sizeof *seen; i++) {
        struct scene scene;
        scene_begin(&scene, SIGNED("d.example", "s", "from") FROM "\r\n", seen[i].fails ? RESULT_FAIL : RESULT_PASS);
        scene.input.seen = &seen[i].seen;
        diagnosis_others_look(&scene.input, &scene.list);
        expect(&scene, seen[i].wanted, NULL);
        scene_end(&scene);
    }
}

static void an_older_fingerprint_is_a_guess(void **state) {
    (void)state;
    struct diagnosis_seen_key key[] = {{{"sel._domainkey.d.example", 24}, {1}, 5}};
    struct diagnosis_seen seen = {.key_count = 1, .key = key};
    struct scene scene;
    struct span name = span_of("sel._domainkey.d.example");
    scene_begin(&scene, SIGNED("d.example", "sel", "from") FROM "\r\n", RESULT_FAIL);
    assert_false(diagnosis_others_key(&scene.input, 0, name, &scene.list)); /* nothing was seen */
    scene.input.seen = &seen;
    scene.dkim[0].has_key_fingerprint = true;
    scene.dkim[0].key_fingerprint[0] = 2;
    assert_true(diagnosis_others_key(&scene.input, 0, name, &scene.list));
    expect(&scene, "S19", "Probably");
    assert_false(diagnosis_others_key(&scene.input, 0, span_of("other._domainkey.d.example"), &scene.list));
    key[0].passes = 0; /* it never verified anything */
    assert_false(diagnosis_others_key(&scene.input, 0, name, &scene.list));
    key[0].passes = 5;
    scene.dkim[0].key_fingerprint[0] = 1; /* it is the one of today */
    assert_false(diagnosis_others_key(&scene.input, 0, name, &scene.list));
    scene_end(&scene);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_is_found),
        cmocka_unit_test(alignment_is_what_dmarc_found),
        cmocka_unit_test(sealers_and_places_are_compared),
        cmocka_unit_test(the_hop_since_when_nothing_changed_is_told),
        cmocka_unit_test(other_mail_is_compared),
        cmocka_unit_test(an_older_fingerprint_is_a_guess),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
