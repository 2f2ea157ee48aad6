#include "verifier/field_index.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

static void read_section(struct header_section *section, struct span text) {
    size_t taken;
    header_section_init(section, header_limits_default);
    assert_int_equal(header_section_update(section, text, &taken), HEADER_COMPLETE);
}

static void instances_come_from_the_bottom_up(void **state) { /* RFC 6376 section 5.4.2 */
    (void)state;
    struct header_section section;
    struct arena *arena = arena_create(1 << 20);
    read_section(&section, span_of("Received: 1\r\nFrom: a\r\nreceived : 2\r\nnonsense\r\nRECEIVED: 3\r\n\r\n"));
    struct field_index *index = field_index_create(&section, arena);
    for (int again = 0; again < 2; again++) {
        static const char *const want[] = {" 3", " 2", " 1"};
        for (size_t i = 0; i < 3; i++) assert_true(span_is(field_index_next(index, span_of("rEceived"))->body, want[i]));
        assert_null(field_index_next(index, span_of("Received")));
        assert_true(span_is(field_index_next(index, span_of("from"))->body, " a"));
        assert_null(field_index_next(index, span_of("from")));
        assert_null(field_index_next(index, span_of("absent")));
        assert_null(field_index_next(index, span_of("")));
        field_index_restart(index);
    }
    header_section_release(&section);
    arena_destroy(arena);
}

static void a_thousand_names_of_the_same_start_are_told_apart(void **state) {
    (void)state;
    struct header_section section;
    struct arena *arena = arena_create(1 << 20);
    struct bytes text = bytes_with_cap(1 << 20);
    static const char stem[] = "X-Aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    for (unsigned i = 0; i < 1000; i++) bytes_append_format(&text, "%s-%u: %u\r\n", stem, i, i);
    bytes_append_text(&text, "\r\n");
    read_section(&section, bytes_span(&text));
    struct field_index *index = field_index_create(&section, arena);
    for (unsigned i = 0; i < 1000; i++) {
        char name[128], body[16];
        snprintf(name, sizeof name, "%s-%u", stem, i);
        snprintf(body, sizeof body, " %u", i);
        const struct header_field *field = field_index_next(index, span_of(name));
        assert_non_null(field);
        assert_true(span_is(field->body, body));
        assert_null(field_index_next(index, span_of(name)));
    }
    bytes_release(&text);
    header_section_release(&section);
    arena_destroy(arena);
}

static void an_empty_section_and_a_spent_arena(void **state) {
    (void)state;
    struct header_section section;
    struct arena *arena = arena_create(1 << 20), *tiny = arena_create(64);
    read_section(&section, span_of("\r\n"));
    assert_null(field_index_next(field_index_create(&section, arena), span_of("From")));
    assert_null(field_index_create(&section, tiny));
    header_section_release(&section);
    arena_destroy(arena);
    arena_destroy(tiny);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(instances_come_from_the_bottom_up),
        cmocka_unit_test(a_thousand_names_of_the_same_start_are_told_apart),
        cmocka_unit_test(an_empty_section_and_a_spent_arena),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
