#include "verifier/provider_answer.h" /* first, so the header is proved to stand alone */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "base/bytes.h"
#include "tests/support/exact.h"

#define N1 "p1-selector1._domainkey.d.example"
#define T1 "p1-selector1._domainkey.7.ab.k.example"
#define N2 "p1-selector2._domainkey.d.example"
#define T2 "p1-selector2._domainkey.8.ab.k.example"
#define BOTH "p1-selector1|" N1 "|" T1 "|set p1-selector2|" N2 "|" T2 "|toSet"

/* Whatever way it is written, it says the same: "selector|name|target|state" of each, then state, code and active. */
static const struct {
    const char *what, *text, *selectors, *state;
    unsigned code;
    const char *active;
    enum json_fault fault;
} rows[] = {
    {"JSON",
     "{\"activeSelector\": \"p1-selector1\", \"selectors\": [{\"selectorName\": \"p1-selector1\", \"status\": \"set\", "
     "\"cname\": \"" N1 " CNAME " T1 ".\"}, {\"cname\": \"" N2 " CNAME " T2
     ".\", \"status\": \"toSet\", \"selectorName\": \"p1-selector2\"}], \"status\": "
     "\"modifying\"}",
     BOTH, "modifying", 0, "p1-selector1", JSON_FAULT_NONE},
    {"JSON without its commas",
     "{\"activeSelector\": null\n \"status\": \"disabled\"\n \"selectors\": [\n{\"cname\": \"" N1 " CNAME " T1
     ".\"\n\"status\": \"set\"\n\"selectorName\": \"p1-selector1\"}\n{\"selectorName\": \"p1-selector2\"\n\"cname\": "
     "\"" N2 " CNAME " T2 ".\"\n\"status\": \"toSet\"}]}",
     BOTH, "disabled", 0, NULL, JSON_FAULT_COMMA},
    {"one selector a paste, bare keys",
     "targetRecord: \"" T1
     "\"\nstatus: \"set\"\ncnameIsValid: false\nlastUpdate: \"1970-01-01T00:00:00+01:00\"\ncustomerRecord: \"" N1
     "\"\nselectorName: \"p1-selector1\"\ntargetRecord: \"" T2 "\"\nstatus: \"toset\"\ncustomerRecord: \"" N2
     "\"\nselectorName: \"p1-selector2\"\n",
     BOTH, NULL, 0, NULL, JSON_FAULT_BARE_WORD},
    {"one selector as JSON", "{\"targetRecord\": \"" T1 "\", \"customerRecord\": \"" N1 "\", \"taskPendingId\": 502}",
     "|" N1 "|" T1 "|", NULL, 0, NULL, JSON_FAULT_NONE},
    {"a sentence",
     "add a CNAME with the sub-domain `P1-selector1.domainkey.d.example` and the target "
     "`p1-selector1.domainkey.7.ab.k.example`.",
     "|" N1 "|" T1 "|", NULL, 0, NULL, JSON_FAULT_NONE},
    {"a zone file", N1 ". IN CNAME " T1 ".\n" N2 ". 300 CNAME " T2 ".\n", "|" N1 "|" T1 "| |" N2 "|" T2 "|", NULL, 0,
     NULL, JSON_FAULT_NONE},
    {"names only", "\"p1-selector1\"\n\"p1-selector2\"\n", "p1-selector1||| p1-selector2|||", NULL, 0, NULL,
     JSON_FAULT_NONE},
    {"a task", "status: \"todo\",\nfunction: \"addDomainDKIM\",\nid : 501,\n\"finishDate\": null,", "", "todo", 0, NULL,
     JSON_FAULT_BARE_WORD},
    {"not there",
     "Not Found (404)\n{ \"message\": \"The requested object (selectorName = p1-selector1) does not exist\" }", "",
     NULL, 404, NULL, JSON_FAULT_NONE},
    {"501", "Only one dkim selector has been initialized", "", NULL, 501, NULL, JSON_FAULT_NONE},
    {"502", "502\nOne DKIM configuration task is in error", "", NULL, 502, NULL, JSON_FAULT_NONE},
    {"503", "\"CNAME record is wrong\"", "", NULL, 503, NULL, JSON_FAULT_NONE},
    {"504", "error 504", "", NULL, 504, NULL, JSON_FAULT_NONE},
    {"nothing", "hello, world", "", NULL, 0, NULL, JSON_FAULT_NONE},
    {"empty", "", "", NULL, 0, NULL, JSON_FAULT_NONE},
    {"a quote without its end", "\"cname: " N1 "\n" T1 "\n", "|" N1 "|" T1 "|", NULL, 0, NULL, JSON_FAULT_OTHER},
};

static void append(struct bytes *out, struct span text, const char *end) {
    bytes_append(out, text);
    bytes_append_text(out, end);
}

static void each_way_of_saying_it_is_read(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct span text = exact_copy(span_of(rows[i].text));
        struct arena *arena = arena_create(1 << 16);
        struct bytes got = bytes_with_cap(4096);
        struct provider_answer answer;
        assert_true(provider_answer_read(text, arena, &answer));
        for (size_t s = 0; s < answer.count; s++) {
            const char *word = provider_state_word(answer.selector[s].state);
            append(&got, answer.selector[s].selector, "|");
            append(&got, answer.selector[s].name, "|");
            append(&got, answer.selector[s].target, "|");
            append(&got, span_of(word != NULL ? word : ""), s + 1 < answer.count ? " " : "");
        }
        const char *word = provider_state_word(answer.state);
        bool same_state =
            word == NULL ? rows[i].state == NULL : rows[i].state != NULL && strcmp(word, rows[i].state) == 0;
        if (!span_is(bytes_span(&got), rows[i].selectors) || !same_state || answer.code != rows[i].code ||
            answer.fault != rows[i].fault || !span_is(answer.active, rows[i].active != NULL ? rows[i].active : ""))
            fail_msg("%s: \"%.*s\", %s, %u, fault %d", rows[i].what, (int)got.len, got.ptr, word, answer.code,
                     (int)answer.fault);
        bytes_release(&got);
        arena_destroy(arena);
        exact_free(text);
    }
}

static void a_missing_underscore_is_told(void **state) {
    (void)state;
    struct arena *arena = arena_create(1 << 16);
    struct provider_answer answer;
    assert_true(provider_answer_read(span_of("s.domainkey.d.example t._domainkey.k.example"), arena, &answer));
    assert_true(span_is(answer.selector[0].name_as_written, "s.domainkey.d.example"));
    assert_int_equal(answer.selector[0].target_as_written.len, 0);
    assert_true(span_is(provider_selector_label(&answer.selector[0]), "s"));
    arena_destroy(arena);
}

static void too_much_is_cut(void **state) {
    (void)state;
    struct arena *arena = arena_create(1 << 20);
    struct bytes text = bytes_with_cap(1 << 20);
    struct provider_answer answer;
    for (int i = 0; i < 3000; i++) bytes_append_format(&text, "{\"selectorName\":\"x%d-selector1\"}\n", i);
    assert_true(provider_answer_read(bytes_span(&text), arena, &answer));
    assert_int_equal(answer.count, PROVIDER_SELECTORS_MAX);
    bytes_release(&text);
    arena_destroy(arena);
}

static void a_spent_arena_is_no_answer(void **state) {
    (void)state;
    struct arena *arena = arena_create(8);
    struct provider_answer answer;
    assert_false(provider_answer_read(span_of(N1 " " T1), arena, &answer));
    arena_destroy(arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_way_of_saying_it_is_read),
        cmocka_unit_test(a_missing_underscore_is_told),
        cmocka_unit_test(too_much_is_cut),
        cmocka_unit_test(a_spent_arena_is_no_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
