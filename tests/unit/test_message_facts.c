#include "http/message_facts.h" /* first, so the header is proved to stand alone */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include "tests/support/exact.h"

struct scene {
    struct header_section section;
    struct arena *arena;
    struct span text;
};

static void open_scene(struct scene *scene, const char *text) {
    size_t taken;
    scene->text = exact_copy(span_of(text));
    scene->arena = arena_create(1 << 20);
    header_section_init(&scene->section, header_limits_default);
    if (header_section_update(&scene->section, scene->text, &taken) == HEADER_MORE)
        assert_int_equal(header_section_finish(&scene->section), HEADER_COMPLETE);
}

static void close_scene(struct scene *scene) {
    header_section_release(&scene->section);
    arena_destroy(scene->arena);
    exact_free(scene->text);
}

static void fields_are_unfolded_and_cut(void **state) {
    (void)state;
    struct scene scene;
    char long_field[TESTER_FIELD_MAX + 100] = "Date: ";
    memset(long_field + 6, 'x', sizeof long_field - 6);
    memcpy(long_field + sizeof long_field - 3, "\r\n", 3);
    open_scene(&scene, "Subject:  one\r\n two\r\n\tthree \r\nsubject: other\r\nFrom:\r\n\r\n");
    struct tester_text subject = message_fact_field(&scene.section, "Subject", scene.arena);
    assert_true(span_is(subject.text, "one two\tthree") && subject.octets == subject.text.len);
    assert_true(message_fact_field(&scene.section, "From", scene.arena).text.len == 0);
    assert_true(message_fact_field(&scene.section, "Date", scene.arena).text.ptr == NULL);
    close_scene(&scene);
    open_scene(&scene, long_field);
    struct tester_text date = message_fact_field(&scene.section, "Date", scene.arena);
    assert_true(date.text.len == TESTER_FIELD_MAX && date.octets == sizeof long_field - 9);
    close_scene(&scene);
}

static const struct { const char *body, *from, *by, *with; bool has_time; } steps[] = {
    {"from a.test (b [192.0.2.1])\r\n by c.test (Postfix) with ESMTPS id 1\r\n for <x@y>; Mon, 1 Jan 2024 00:00:00 +0000",
     "a.test (b [192.0.2.1])", "c.test (Postfix)", "ESMTPS", true},
    {"by c.test; Mon, 1 Jan 2024 00:00:00 +0000", NULL, "c.test", NULL, true},
    {"FROM a BY b WITH c", "a", "b", "c", false},
    {"from a from b by c", "a", "c", NULL, false}, /* the first one counts */
    {"from (by x (with y)) by z", "(by x (with y))", "z", NULL, false},
    {"from (never closed by x", "(never closed by x", NULL, NULL, false},
    {"from a\\(b by \\)c", "a\\(b by \\)c", NULL, NULL, false},
    {"", NULL, NULL, NULL, false},
    {";;;", NULL, NULL, NULL, false},
    {"from", NULL, NULL, NULL, false},
};

static void steps_are_taken_apart(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        struct scene scene;
        struct tester_step step[TESTER_STEPS_MAX];
        struct bytes text = bytes_with_cap(1000);
        bytes_append_format(&text, "Received: %s\r\nReceived: by last.test\r\n", steps[i].body);
        bytes_append_char(&text, '\0');
        open_scene(&scene, text.ptr);
        assert_int_equal(message_fact_steps(&scene.section, step), 2);
        const struct { struct span got; const char *want; } parts[] = {
            {step[0].from, steps[i].from}, {step[0].by, steps[i].by}, {step[0].with, steps[i].with}};
        for (size_t k = 0; k < 3; k++)
            if (!span_equal(parts[k].got, parts[k].want != NULL ? span_of(parts[k].want) : (struct span){NULL, 0}))
                fail_msg("row %zu part %zu: \"%.*s\"", i, k, (int)parts[k].got.len, parts[k].got.ptr);
        assert_true(step[0].has_time == steps[i].has_time && (!step[0].has_time || step[0].time_s == 1704067200));
        assert_true(span_is(step[1].by, "last.test"));
        bytes_release(&text);
        close_scene(&scene);
    }
}

static void steps_have_a_cap(void **state) {
    (void)state;
    struct scene scene;
    struct tester_step step[TESTER_STEPS_MAX];
    struct bytes text = bytes_with_cap(1 << 20);
    for (int i = 0; i < 100; i++) bytes_append_text(&text, "Received: by x\r\n");
    bytes_append_char(&text, '\0');
    open_scene(&scene, text.ptr);
    assert_int_equal(message_fact_steps(&scene.section, step), TESTER_STEPS_MAX);
    bytes_release(&text);
    close_scene(&scene);
}

static void broken_signatures_show_what_they_have(void **state) {
    (void)state;
    struct scene scene;
    open_scene(&scene, "DKIM-Signature: v=1; nonsense; d=a.test;\r\n s=b; h=from; d=twice\r\nFrom: x\r\n\r\n");
    struct dkim_result result = {.field_index = 0};
    struct tester_signature signature = {.tag_count = 0};
    message_fact_signature(&scene.section, true, span_of("body"), &result, scene.arena, &signature);
    assert_int_equal(signature.tag_count, 4);
    assert_true(span_is(signature.tag[1].name, "d") && span_is(signature.tag[1].value, "a.test"));
    result.field_index = 7; /* not there */
    signature = (struct tester_signature){.tag_count = 0};
    message_fact_signature(&scene.section, true, span_of("body"), &result, scene.arena, &signature);
    assert_int_equal(signature.tag_count, 0);
    close_scene(&scene);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(fields_are_unfolded_and_cut), cmocka_unit_test(steps_are_taken_apart),
                                       cmocka_unit_test(steps_have_a_cap), cmocka_unit_test(broken_signatures_show_what_they_have)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
