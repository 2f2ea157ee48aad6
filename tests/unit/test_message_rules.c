#include "proxy/message_rules.h" /* first, so the header is proved to stand alone */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "base/named_counts.h"
#include "base/options.h"
#include "proxy/header_edit.h"
#include "proxy/rule_config.h"
#include "rules/replay_counter.h"
#include "verifier/result.h"

/* A message with one signature, judged by the rules of one text. */
struct scene {
    struct options *options;
    struct named_counts *counts;
    struct rule_config config;
    struct message_judge judge;
    struct header_section section;
    struct header_edit edit;
    struct dkim_result dkim;
    struct message_result result;
    struct rule_input input;
    struct message_rules rules;
};

static void open_scene(struct scene *scene, const char *text, const char *header) {
    const struct rule_source source = {span_of("test"), span_of(text)};
    struct rule_errors errors = {.count = 0};
    struct authserv_id id;
    size_t taken;
    *scene = (struct scene){.options = options_create(), .counts = named_counts_create(10)};
    if (rule_set_compile(&source, 1, &(struct rule_options){.arm_discard = true}, &errors, &scene->config.set) != RULE_SET_OK)
        fail_msg("%.*s", (int)errors.error[0].message.len, errors.error[0].message.ptr);
    scene->config.options = scene->options;
    scene->config.counts = scene->counts;
    scene->config.rows = rule_set_count(scene->config.set);
    scene->config.row = calloc(scene->config.rows, sizeof *scene->config.row);
    for (size_t i = 0; i < scene->config.rows; i++)
        scene->config.row[i] = named_counts_acquire(scene->counts, rule_set_name(scene->config.set, i));
    scene->judge = (struct message_judge){&scene->config, rule_scratch_create(false), replay_counter_create(1 << 16, 3600)};
    header_section_init(&scene->section, header_limits_default);
    assert_int_equal(header_section_update(&scene->section, span_of(header), &taken), HEADER_COMPLETE);
    header_edit_init(&scene->edit);
    assert_true(authserv_id_init(&id, span_of("mx.example.com")) && header_edit_sort(&scene->edit, &scene->section, &id));
    scene->dkim = (struct dkim_result){.result = RESULT_PASS, .signature = span_of("AQID")};
    scene->result = (struct message_result){.dkim = &scene->dkim, .dkim_count = 1, .from_domain = span_of("b.example")};
    scene->input = (struct rule_input){.result = &scene->result, .header = &scene->edit.kept, .now_s = 1000};
}

static void close_scene(struct scene *scene) {
    message_rules_release(&scene->rules);
    header_edit_release(&scene->edit);
    header_section_release(&scene->section);
    rule_scratch_destroy(scene->judge.scratch);
    replay_counter_destroy(scene->judge.replays);
    for (size_t i = 0; i < scene->config.rows; i++) named_counts_release(scene->counts, scene->config.row[i]);
    free(scene->config.row);
    rule_set_destroy(scene->config.set);
    named_counts_destroy(scene->counts);
    options_release(scene->options);
}

static uint64_t count_of(const struct scene *scene, size_t rule, enum rule_count kind) {
    return scene->config.row[rule]->count[kind];
}

static void a_decision_outlives_the_scratch(void **state) {
    struct scene scene;
    struct rule_outcome other;
    (void)state;
    open_scene(&scene,
               "rule \"no\" { when header[\"Subject\"] contains \"hello\" then log \"seen\", reject 550 5.7.20 \"Not {from.domain}\" }\n",
               "From: a@b.example\r\nSubject: hello\r\n\r\n");
    assert_true(message_rules_judge(&scene.rules, &scene.judge, &scene.input));
    assert_true(rule_set_evaluate(scene.config.set, &scene.input, scene.judge.scratch, &other)); /* the next message */
    assert_true(scene.rules.is_judged && scene.rules.verdict == RULE_REJECT && scene.rules.code == 550);
    assert_string_equal(scene.rules.enhanced, "5.7.20");
    assert_string_equal(scene.rules.text, "Not b.example");
    assert_true(span_is(scene.rules.rule, "no") && span_is(scene.rules.notes, "seen") && scene.rules.shadow_rule.len == 0);
    assert_true(scene.rules.hits == 1 && count_of(&scene, 0, RULE_COUNT_HITS) == 1);
    message_rules_reset(&scene.rules);
    assert_true(!scene.rules.is_judged && scene.rules.rule.len == 0 && scene.rules.edit_count == 0);
    close_scene(&scene);
}

static void shadows_are_counted_apart(void **state) {
    struct scene scene;
    (void)state;
    open_scene(&scene, "rule \"ghost\" { mode shadow when exists header[\"Subject\"] then reject }\n", "Subject: x\r\n\r\n");
    assert_true(message_rules_judge(&scene.rules, &scene.judge, &scene.input));
    assert_true(scene.rules.verdict == RULE_ACCEPT && scene.rules.shadow_verdict == RULE_REJECT);
    assert_true(span_is(scene.rules.shadow_rule, "ghost") && scene.rules.rule.len == 0);
    assert_true(count_of(&scene, 0, RULE_COUNT_SHADOW_HITS) == 1 && count_of(&scene, 0, RULE_COUNT_HITS) == 0);
    close_scene(&scene);
}

static void every_message_counts_as_a_repeat(void **state) {
    struct scene scene;
    (void)state;
    open_scene(&scene, "rule \"replay\" { when any signature.repeats >= 2 then tempfail }\n", "Subject: x\r\n\r\n");
    for (int i = 0; i < 4; i++) {
        message_rules_reset(&scene.rules);
        assert_true(message_rules_judge(&scene.rules, &scene.judge, &scene.input));
        assert_int_equal(scene.rules.verdict, i < 2 ? RULE_ACCEPT : RULE_TEMPFAIL);
    }
    assert_null(scene.input.memory);
    scene.dkim.signature = span_of("another");
    message_rules_reset(&scene.rules);
    assert_true(message_rules_judge(&scene.rules, &scene.judge, &scene.input));
    assert_int_equal(scene.rules.verdict, RULE_ACCEPT);
    close_scene(&scene);
}

static void edits_are_carried_out_in_order(void **state) {
    struct scene scene;
    struct bytes added = bytes_with_cap(MESSAGE_RULES_ADDED_MAX), kept = bytes_with_cap(4096);
    (void)state;
    open_scene(&scene,
               "rule \"edit\" { when exists header[\"X-Secret\"] then add header[\"X-One\"] \"1\", remove header[\"X-Secret\"], "
               "tag subject \"[out]\", add header[\"X-Two\"] \"2\", accept }\n",
               "X-Secret: 1\r\nSubject: x\r\nX-Sceau-Rule: forged\r\nx-secret: 2\r\nTo: y\r\n\r\n");
    scene.options->rules_header = 1;
    assert_true(message_rules_judge(&scene.rules, &scene.judge, &scene.input));
    assert_true(message_rules_edit(&scene.rules, &scene.judge, &scene.edit, &added));
    assert_true(header_edit_build(&scene.edit, (struct span){NULL, 0}));
    for (size_t i = 0; i < scene.edit.run_count; i++) bytes_append(&kept, scene.edit.run[i]);
    if (!span_is(bytes_span(&added), "X-Sceau-Rule: accept by \"edit\"\r\nX-One: 1\r\nX-Two: 2\r\n"))
        fail_msg("%.*s", (int)added.len, added.ptr);
    if (!span_is(bytes_span(&kept), "Subject: [out] x\r\nTo: y\r\n\r\n")) fail_msg("%.*s", (int)kept.len, kept.ptr);
    assert_int_equal(scene.edit.removed, 0); /* these were not forged */
    bytes_release(&added);
    bytes_release(&kept);
    close_scene(&scene);
}

static void what_cannot_be_carried_out_is_an_error_of_its_rule(void **state) {
    struct scene scene;
    (void)state;
    open_scene(&scene,
               "rule \"lost\" { when exists header[\"X-Lost\"] then quarantine \"bad\" to \"nowhere\" }\n"
               "rule \"move\" { when exists header[\"Subject\"] then redirect to \"desk@here.example\" }\n",
               "Subject: x\r\n\r\n");
    assert_true(message_rules_judge(&scene.rules, &scene.judge, &scene.input));
    assert_string_equal(scene.rules.redirect, "desk@here.example");
    message_rules_drop_redirect(&scene.rules, &scene.judge);
    assert_true(scene.rules.redirect == NULL && count_of(&scene, 1, RULE_COUNT_ERRORS) == 1 && scene.rules.errors == 1);
    close_scene(&scene);
    open_scene(&scene, "rule \"lost\" { when exists header[\"X-Lost\"] then quarantine \"bad\" to \"nowhere\" }\n", "X-Lost: x\r\n\r\n");
    assert_true(message_rules_judge(&scene.rules, &scene.judge, &scene.input));
    assert_true(scene.rules.verdict == RULE_TEMPFAIL && scene.rules.code == 451 && scene.rules.quarantine == NULL);
    assert_int_equal(count_of(&scene, 0, RULE_COUNT_ERRORS), 1);
    close_scene(&scene);
}

static void without_rules_nothing_is_judged(void **state) {
    struct message_rules rules = {.arena = NULL};
    struct rule_input input = {.now_s = 0};
    struct bytes added = bytes_with_cap(100);
    struct header_edit edit;
    (void)state;
    header_edit_init(&edit);
    assert_true(message_rules_judge(&rules, &(struct message_judge){.config = NULL}, &input));
    assert_true(!rules.is_judged && rules.verdict == RULE_ACCEPT);
    assert_true(message_rules_edit(&rules, &(struct message_judge){.config = NULL}, &edit, &added) && added.len == 0);
    message_rules_release(&rules);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_decision_outlives_the_scratch),
        cmocka_unit_test(shadows_are_counted_apart),
        cmocka_unit_test(every_message_counts_as_a_repeat),
        cmocka_unit_test(edits_are_carried_out_in_order),
        cmocka_unit_test(what_cannot_be_carried_out_is_an_error_of_its_rule),
        cmocka_unit_test(without_rules_nothing_is_judged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
