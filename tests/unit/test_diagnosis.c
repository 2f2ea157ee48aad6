#include "verifier/diagnosis.h" /* first, so the header is proved to stand alone */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>
#include "tests/support/exact.h"
#include "tests/support/fake_keys.h"
#include "tests/support/signer.h"
#include "verifier/message_verifier.h"

static const char plain[] = "From: Alice <alice@d.example>\r\nTo: bob@here.example\r\nSubject: The plan\r\n"
                            "Date: Mon, 06 Jan 2025 10:20:30 +0000\r\n\r\nFirst line\r\nSecond line\r\nThird line\r\n";

/* One message verified and explained, with what it needs kept until scene_end. */
struct scene {
    struct fake_keys keys;
    struct message_verifier *verifier;
    struct clock_fixed clock;
    struct verifier_policy policy;
    struct arena *arena;
    struct span message;
    struct key_entry *older;
    struct diagnosis_key key[8];
    size_t key_count;
    struct diagnosis out;
};

static void done(void *owner) { (void)owner; }

static struct signer *rsa, *other, *ed25519;

static void scene_begin(struct scene *scene, const char *record) {
    memset(scene, 0, sizeof *scene);
    fake_keys_init(&scene->keys);
    fake_keys_add(&scene->keys, "sel._domainkey.d.example", record, DNS_FOUND);
    scene->clock = clock_fixed_at(1800000000);
    scene->policy = verifier_policy_default;
    scene->arena = arena_create(DIAGNOSIS_ARENA_OCTETS);
    assert_non_null(scene->arena);
}

static void add_key(struct scene *scene, const char *name, const struct key_entry *entry,
                    enum diagnosis_key_kind kind) {
    scene->key[scene->key_count++] = (struct diagnosis_key){span_of(name), entry, kind};
}

static void scene_run(struct scene *scene, struct span message, struct diagnosis_budget budget) {
    scene->verifier = message_verifier_create(&scene->policy, &scene->keys.source, &scene->clock.clock);
    assert_non_null(scene->verifier);
    scene->message = exact_copy(message);
    message_verifier_begin(scene->verifier, done, NULL);
    message_verifier_update(scene->verifier, scene->message);
    assert_int_equal(message_verifier_end(scene->verifier), VERIFIER_DONE);
    const struct key_entry *own = message_verifier_key(scene->verifier, span_of("sel._domainkey.d.example"));
    if (own != NULL) add_key(scene, "sel._domainkey.d.example", own, DIAGNOSIS_KEY_CURRENT);
    const struct header_section *section = message_verifier_header(scene->verifier);
    size_t start = section->octets.len + (section->ended_by_empty_line ? 2 : 0);
    struct diagnosis_input input = {.section = section,
                                    .body = span_after(scene->message, start),
                                    .has_body = !scene->policy.header_alone,
                                    .result = message_verifier_result(scene->verifier),
                                    .keys = scene->key,
                                    .key_count = scene->key_count,
                                    .budget = budget};
    assert_true(diagnosis_run(&input, scene->arena, &scene->out));
}

static void scene_end(struct scene *scene) {
    key_entry_release(scene->older);
    message_verifier_destroy(scene->verifier);
    arena_destroy(scene->arena);
    exact_free(scene->message);
}

/* The message with the first occurrence of from replaced by to. */
static struct span replaced(struct span text, const char *from, const char *to) {
    const char *at = memmem(text.ptr, text.len, from, strlen(from));
    assert_non_null(at);
    size_t before = (size_t)(at - text.ptr), len = text.len - strlen(from) + strlen(to);
    char *out = malloc(len);
    assert_non_null(out);
    memcpy(out, text.ptr, before);
    memcpy(out + before, to, strlen(to));
    memcpy(out + before + strlen(to), at + strlen(from), text.len - before - strlen(from));
    return (struct span){out, len};
}

static const struct finding *find(const struct scene *scene, enum finding_id id) {
    for (size_t i = 0; i < scene->out.findings.count; i++)
        if (scene->out.findings.finding[i].id == id) return &scene->out.findings.finding[i];
    struct bytes text = bytes_with_cap(65536);
    finding_write_text(&text, &scene->out.findings, (struct report_style){LANGUAGE_EN, false});
    bytes_append_char(&text, '\0');
    fail_msg("no %s among:\n%s", finding_name(id), text.ptr);
    return NULL;
}

static void expect_arg(const struct finding *finding, const char *name, const char *value) {
    for (size_t i = 0; i < finding->arg_count; i++)
        if (strcmp(finding->arg[i].name, name) == 0) {
            if (!span_is(finding->arg[i].text, value))
                fail_msg("%s: %s is \"%.*s\"", finding_name(finding->id), name, (int)finding->arg[i].text.len,
                         finding->arg[i].text.ptr);
            return;
        }
    fail_msg("%s has no %s", finding_name(finding->id), name);
}

/* Signed by key, changed from -> to, explained with record published. */
static void explain(struct scene *scene, const struct signer *key, const char *record, const struct signing *how,
                    const char *from, const char *to) {
    struct span good = signer_sign(key, how, span_of(plain)), bad = replaced(good, from, to);
    scene_begin(scene, record);
    scene_run(scene, bad, diagnosis_budget_tester);
    exact_free(good);
    exact_free(bad);
}

static void an_untouched_message_says_nothing(void **state) {
    (void)state;
    const struct signer *signers[] = {rsa, ed25519};
    for (int i = 0; i < 4; i++) {
        struct scene scene;
        struct signing how = {.simple_header = i % 2, .simple_body = i % 2};
        explain(&scene, signers[i / 2], signer_record(signers[i / 2]), &how, "First", "First");
        assert_int_equal(scene.out.findings.count, 0);
        assert_int_equal(scene.out.octets, 0);
        assert_int_equal(scene.out.cause[0], CAUSE_NONE);
        scene_end(&scene);
    }
}

static void a_footer_is_proved_and_shown(void **state) {
    (void)state;
    struct scene scene;
    explain(&scene, rsa, signer_record(rsa), &(struct signing){0}, "Third line\r\n", "Third line\r\n--\r\nlist\r\n");
    const struct finding *finding = find(&scene, FINDING_BODY_FOOTER);
    assert_int_equal(finding->certainty, FINDING_PROVED);
    assert_true(finding->has_signature && finding->evidence.is_given);
    assert_true(span_is(finding->evidence.received, "--\r\nlist\r\n"));
    assert_int_equal(finding->evidence.offset, strlen("First line\r\nSecond line\r\nThird line\r\n"));
    assert_int_equal(find(&scene, FINDING_HEADER_INTACT)->certainty, FINDING_EXACT);
    assert_int_equal(scene.out.cause[0], CAUSE_BODY_APPENDED);
    scene_end(&scene);
}

/* bh= stands in a field that does not verify: a match is no proof. */
static void without_a_good_signature_a_match_is_a_guess(void **state) {
    (void)state;
    struct scene scene;
    struct span good = signer_sign(rsa, &(struct signing){0}, span_of(plain)),
                bad = replaced(good, "Third line\r\n", "Third line\r\nlist\r\n"),
                worse = replaced(bad, "10:20:30", "11:21:31");
    scene_begin(&scene, signer_record(rsa));
    scene_run(&scene, worse, diagnosis_budget_tester);
    assert_int_equal(find(&scene, FINDING_BODY_FOOTER)->certainty, FINDING_GUESS);
    assert_int_equal(find(&scene, FINDING_HEADER_CHANGED)->certainty, FINDING_EXACT);
    scene_end(&scene);
    exact_free(good), exact_free(bad), exact_free(worse);
}

static void a_tag_is_proved_by_both_kinds_of_key(void **state) {
    (void)state;
    const struct signer *signers[] = {rsa, ed25519};
    for (int i = 0; i < 2; i++) {
        struct scene scene;
        explain(&scene, signers[i], signer_record(signers[i]), &(struct signing){0}, "Subject: The",
                "Subject: [list] The");
        const struct finding *finding = find(&scene, FINDING_SUBJECT_TAG);
        assert_int_equal(finding->certainty, FINDING_PROVED);
        expect_arg(finding, "found", "[list]");
        expect_arg(finding, "expected", "The plan");
        find(&scene, FINDING_BODY_INTACT);
        assert_int_equal(scene.out.cause[0], CAUSE_HEADER_SUBJECT);
        scene_end(&scene);
    }
}

/* RFC 6376 section 3.5: z= tells what each field was, however it was changed. */
static void copied_fields_tell_what_was_there(void **state) {
    (void)state;
    struct scene scene;
    struct signing how = {.more_tags =
                              "z=From:=20Alice=20<alice@d.example>|Subject:=20The=20plan|To:=20bob@here.example;"};
    explain(&scene, rsa, signer_record(rsa), &how, "Subject: The plan", "Subject: Something else entirely");
    const struct finding *finding = find(&scene, FINDING_COPIED_FIELD);
    assert_int_equal(finding->certainty, FINDING_PROVED);
    expect_arg(finding, "name", "Subject");
    expect_arg(finding, "expected", "The plan");
    scene_end(&scene);
}

static void a_wrong_key_is_told_from_changed_fields(void **state) {
    (void)state;
    struct scene scene;
    explain(&scene, rsa, signer_record(other), &(struct signing){0}, "First", "First");
    assert_int_equal(find(&scene, FINDING_WRONG_KEY)->certainty, FINDING_EXACT);
    assert_int_equal(scene.out.cause[0], CAUSE_KEY_MISMATCH);
    scene_end(&scene);
}

static struct key_entry *entry_of(const char *record) {
    struct dns_answer answer = {.status = DNS_FOUND, .dnssec = DNSSEC_INSECURE, .ttl_s = 60, .record_count = 1};
    answer.record[0] = span_of(record);
    struct key_entry *entry = key_entry_create(&answer, 1800000000);
    assert_non_null(entry);
    return entry;
}

static void the_key_that_made_it_is_named(void **state) {
    (void)state;
    static const struct {
        const char *name;
        enum diagnosis_key_kind kind;
        enum finding_id id;
    } rows[] = {{"sel2._domainkey.d.example", DIAGNOSIS_KEY_CURRENT, FINDING_OTHER_SELECTOR},
                {"sel._domainkey.d.example", DIAGNOSIS_KEY_OLDER, FINDING_OLDER_KEY},
                {"sel._domainkey.d.example", DIAGNOSIS_KEY_FRESH, FINDING_KEY_CACHED}};
    const struct signer *signers[] = {rsa, ed25519};
    for (size_t i = 0; i < 6; i++) {
        struct scene scene;
        const struct signer *signer = signers[i / 3];
        struct span good = signer_sign(signer, &(struct signing){0}, span_of(plain));
        struct signer *wrong = i < 3 ? other : signer_create_ed25519();
        scene_begin(&scene, signer_record(wrong));
        scene.older = entry_of(signer_record(signer));
        add_key(&scene, rows[i % 3].name, scene.older, rows[i % 3].kind);
        scene_run(&scene, good, diagnosis_budget_tester);
        assert_int_equal(find(&scene, rows[i % 3].id)->certainty, FINDING_EXACT);
        scene_end(&scene);
        if (i >= 3) signer_destroy(wrong);
        exact_free(good);
    }
}

/* The signer's own selector has no key, and the one beside it, which did not sign, has. */
static void a_neighbour_that_did_not_sign_is_a_guess(void **state) {
    (void)state;
    struct span good = signer_sign(rsa, &(struct signing){0}, span_of(plain));
    struct scene scene;
    scene_begin(&scene, NULL);
    scene.keys.row[0].status = DNS_NXDOMAIN;
    scene.older = entry_of(signer_record(other));
    add_key(&scene, "default._domainkey.d.example", scene.older, DIAGNOSIS_KEY_CURRENT);
    scene_run(&scene, good, diagnosis_budget_tester);
    find(&scene, FINDING_KEY_ABSENT);
    assert_int_equal(find(&scene, FINDING_NEIGHBOUR_KEY)->certainty, FINDING_GUESS);
    assert_int_equal(scene.out.cause[0], CAUSE_KEY_MISSING);
    scene_end(&scene);
    exact_free(good);
}

/* A record that a form has spoilt, repaired until its key is the one that signed (D11, D12). */
static void a_repaired_record_proves_itself(void **state) {
    (void)state;
    struct span good = signer_sign(rsa, &(struct signing){0}, span_of(plain)), record = span_of(signer_record(rsa));
    for (int damage = 0; damage < 4; damage++) {
        struct bytes text = bytes_with_cap(8192);
        for (size_t i = 0; i < record.len; i++) {
            char c = record.ptr[i];
            if (damage == 0 && c == ';') continue;
            if (damage == 1 && (c == ';' || c == '=')) bytes_append_char(&text, '\\');
            bytes_append_char(&text, damage == 3 && c == '+' ? ' ' : c);
            if (damage == 2 && c == ';') bytes_append_char(&text, '"');
        }
        bytes_append_char(&text, '\0');
        struct scene scene;
        scene_begin(&scene, text.ptr);
        scene_run(&scene, good, diagnosis_budget_tester);
        size_t plus = 0;
        for (size_t i = 0; i < record.len; i++) plus += record.ptr[i] == '+';
        if (damage < 3)
            assert_int_equal(find(&scene, FINDING_RECORD_REPAIRED)->certainty, FINDING_PROVED);
        else if (plus >= 1 && plus <= 8)
            assert_int_equal(find(&scene, FINDING_RECORD_PLUS)->certainty, FINDING_PROVED);
        scene_end(&scene);
        bytes_release(&text);
    }
    exact_free(good);
}

/* A list's signature over the body with its footer: the change happened before it. */
static void signatures_tell_who_changed_the_body(void **state) {
    (void)state;
    struct span first = signer_sign(rsa, &(struct signing){0}, span_of(plain)),
                changed = replaced(first, "Second line", "Another line");
    struct span both = signer_sign(rsa, &(struct signing){.domain = "list.example"}, changed);
    struct scene scene;
    scene_begin(&scene, signer_record(rsa));
    fake_keys_add(&scene.keys, "sel._domainkey.list.example", signer_record(rsa), DNS_FOUND);
    scene_run(&scene, both, diagnosis_budget_tester);
    const struct finding *finding = find(&scene, FINDING_BODY_HOP);
    assert_int_equal(finding->signature, 1);
    expect_arg(finding, "found", "d.example");
    expect_arg(finding, "expected", "list.example");
    find(&scene, FINDING_BODY_CHANGED);
    scene_end(&scene);
    exact_free(first), exact_free(changed), exact_free(both);
}

/* One signature holds, another over more fields does not. */
static void another_signature_narrows_the_fields(void **state) {
    (void)state;
    struct span few = signer_sign(rsa, &(struct signing){.signed_names = "from:to"}, span_of(plain));
    struct span both = signer_sign(rsa, &(struct signing){.signed_names = "from:to:subject:date"}, few);
    struct span changed = replaced(both, "10:20:30", "11:21:31");
    struct scene scene;
    scene_begin(&scene, signer_record(rsa));
    scene_run(&scene, changed, diagnosis_budget_tester);
    expect_arg(find(&scene, FINDING_FIELD_AMONG), "text", "subject, date");
    scene_end(&scene);
    exact_free(few), exact_free(both), exact_free(changed);
}

static void the_budget_is_kept_and_the_verdict_too(void **state) {
    (void)state;
    struct span good = signer_sign(ed25519, &(struct signing){0}, span_of(plain)),
                bad = replaced(good, "10:20:30", "11:21:31"), worse = replaced(bad, "Second", "2nd");
    static const struct diagnosis_budget budgets[] = {{0, 0, 0}, {5000, 3, 2}, {1 << 16, 20, 20}};
    for (size_t i = 0; i < sizeof budgets / sizeof *budgets; i++) {
        struct scene scene;
        scene_begin(&scene, signer_record(ed25519));
        scene_run(&scene, worse, budgets[i]);
        assert_true(scene.out.octets <= budgets[i].octets);
        assert_true(scene.out.header_trials <= budgets[i].header_trials &&
                    scene.out.verifications <= budgets[i].verifications);
        assert_int_equal(message_verifier_result(scene.verifier)->dkim[0].code, DKIM_BODY_HASH_MISMATCH);
        assert_int_equal(scene.out.cause[0], CAUSE_BODY_OTHER);
        find(&scene, FINDING_BODY_CHANGED);
        scene_end(&scene);
    }
    exact_free(good), exact_free(bad), exact_free(worse);
}

/* A change that nothing explains costs the most: the whole budget, of a body of 100 kB. Printed, not judged: machines
 * differ; the counts are. */
static void the_worst_case_is_printed(void **state) {
    (void)state;
    struct bytes text = bytes_with_cap(1 << 20);
    bytes_append_text(
        &text, "From: a@d.example\r\nTo: b@here.example\r\nSubject: s\r\nDate: Mon, 06 Jan 2025 10:20:30 +0000\r\n"
               "Content-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n<html><body>\r\n");
    for (unsigned i = 0; text.len < 100000; i++)
        bytes_append_format(
            &text, "<p>Line %u of the text, with caf\xc3\xa9 and https://example.test/%u?x=1&amp;y=2 in it</p>\r\n", i,
            i * 7919);
    bytes_append_text(&text, "</body></html>\r\n");
    const struct {
        const char *name;
        const struct signer *signer;
        struct diagnosis_budget budget;
    } rows[] = {{"tester, rsa", rsa, diagnosis_budget_tester},
                {"tester, ed25519", ed25519, diagnosis_budget_tester},
                {"filter, rsa", rsa, diagnosis_budget_filter},
                {"filter, ed25519", ed25519, diagnosis_budget_filter}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct signing how = {.simple_header = true, .simple_body = true};
        struct span good = signer_sign(rows[i].signer, &how, bytes_span(&text));
        struct span bad = replaced(good, "Line 700 of", "Line 7OO of"), worse = replaced(bad, "10:20:30", "11:21:31");
        struct scene scene;
        scene_begin(&scene, signer_record(rows[i].signer));
        scene_run(&scene, worse, (struct diagnosis_budget){0, 0, 0});
        struct timespec start, end;
        const struct header_section *section = message_verifier_header(scene.verifier);
        struct diagnosis_input input = {.section = section,
                                        .body = span_after(scene.message, section->octets.len + 2),
                                        .has_body = true,
                                        .result = message_verifier_result(scene.verifier),
                                        .keys = scene.key,
                                        .key_count = scene.key_count,
                                        .budget = rows[i].budget};
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &start);
        assert_true(diagnosis_run(&input, scene.arena, &scene.out));
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &end);
        printf("    %s: %.2f ms of CPU, %llu octets, %u header trials, %u verifications\n", rows[i].name,
               (double)(end.tv_sec - start.tv_sec) * 1e3 + (double)(end.tv_nsec - start.tv_nsec) / 1e6,
               (unsigned long long)scene.out.octets, scene.out.header_trials, scene.out.verifications);
        assert_true(scene.out.octets <= rows[i].budget.octets);
        assert_true(scene.out.header_trials <= rows[i].budget.header_trials);
        assert_true(scene.out.verifications <= rows[i].budget.verifications);
        scene_end(&scene);
        exact_free(good), exact_free(bad), exact_free(worse);
    }
    bytes_release(&text);
}

/* b= covers the fields and bh=: without the body there is a verdict on the header part alone. */
static void a_header_alone_is_verified(void **state) {
    (void)state;
    struct span good = signer_sign(rsa, &(struct signing){0}, span_of(plain));
    struct span header =
        span_first(good, (size_t)((const char *)memmem(good.ptr, good.len, "\r\n\r\n", 4) - good.ptr) + 4);
    struct span bad = replaced(header, "Subject: The", "Subject: [x] The");
    struct scene scene;
    scene_begin(&scene, signer_record(rsa));
    scene.policy.header_alone = true;
    scene_run(&scene, header, diagnosis_budget_tester);
    const struct dkim_result *result = &message_verifier_result(scene.verifier)->dkim[0];
    assert_int_equal(result->code, DKIM_BODY_ABSENT);
    assert_int_equal(result->result, RESULT_NEUTRAL);
    assert_int_equal(result->header_part, PART_INTACT);
    assert_int_equal(result->body_part, PART_UNKNOWN);
    assert_int_equal(scene.out.findings.count, 0);
    scene_end(&scene);
    scene_begin(&scene, signer_record(rsa));
    scene.policy.header_alone = true;
    scene_run(&scene, bad, diagnosis_budget_tester);
    assert_int_equal(message_verifier_result(scene.verifier)->dkim[0].code, DKIM_SIGNATURE_MISMATCH);
    assert_int_equal(find(&scene, FINDING_SUBJECT_TAG)->certainty, FINDING_PROVED);
    scene_end(&scene);
    exact_free(good), exact_free(bad);
}

static void neighbours_are_the_pair_and_the_usual_ones(void **state) {
    (void)state;
    struct arena *arena = arena_create(65536);
    struct span names[DIAGNOSIS_NEIGHBOURS_MAX];
    struct dkim_result result = {
        .code = DKIM_SIGNATURE_MISMATCH, .selector = span_of("OVH-Selector1"), .domain_ascii = span_of("d.example")};
    assert_true(diagnosis_wants_neighbours(&result));
    assert_int_equal(diagnosis_neighbours(&result, arena, names), DIAGNOSIS_NEIGHBOURS_MAX);
    assert_true(span_is(names[0], "ovh-selector2._domainkey.d.example"));
    assert_true(span_is(names[1], "default._domainkey.d.example"));
    result.code = DKIM_OK;
    assert_false(diagnosis_wants_neighbours(&result));
    arena_destroy(arena);
}

static int make_keys(void **state) {
    (void)state;
    rsa = signer_create_rsa(2048);
    other = signer_create_rsa(2048);
    ed25519 = signer_create_ed25519();
    return 0;
}

static int drop_keys(void **state) {
    (void)state;
    signer_destroy(rsa);
    signer_destroy(other);
    signer_destroy(ed25519);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_untouched_message_says_nothing),
        cmocka_unit_test(a_footer_is_proved_and_shown),
        cmocka_unit_test(without_a_good_signature_a_match_is_a_guess),
        cmocka_unit_test(a_tag_is_proved_by_both_kinds_of_key),
        cmocka_unit_test(copied_fields_tell_what_was_there),
        cmocka_unit_test(a_wrong_key_is_told_from_changed_fields),
        cmocka_unit_test(the_key_that_made_it_is_named),
        cmocka_unit_test(a_neighbour_that_did_not_sign_is_a_guess),
        cmocka_unit_test(a_repaired_record_proves_itself),
        cmocka_unit_test(signatures_tell_who_changed_the_body),
        cmocka_unit_test(another_signature_narrows_the_fields),
        cmocka_unit_test(the_budget_is_kept_and_the_verdict_too),
        cmocka_unit_test(the_worst_case_is_printed),
        cmocka_unit_test(a_header_alone_is_verified),
        cmocka_unit_test(neighbours_are_the_pair_and_the_usual_ones),
    };
    return cmocka_run_group_tests(tests, make_keys, drop_keys);
}
