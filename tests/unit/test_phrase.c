#include "verifier/phrase.h" /* first, so the header is proved to stand alone */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static const struct {
    const char *word;
    bool known;
    enum language want;
} languages[] = {
    {"en", true, LANGUAGE_EN},    {"FR", true, LANGUAGE_FR},      {"fr_CA.UTF-8", true, LANGUAGE_FR},
    {"fr-FR", true, LANGUAGE_FR}, {"french", false, LANGUAGE_EN}, {"C", false, LANGUAGE_EN},
    {"", false, LANGUAGE_EN},     {"de", false, LANGUAGE_EN},
};

static void languages_are_known_by_their_first_two_letters(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof languages / sizeof *languages; i++) {
        enum language got = LANGUAGE_EN;
        if (language_parse(languages[i].word, &got) != languages[i].known || got != languages[i].want)
            fail_msg("%s", languages[i].word);
    }
}

static const struct {
    const char *text, *want;
} phrases[] = {
    {"", ""},     {"plain", "plain"}, {"{a}", "A"}, {"x{a}y{b}{a}", "xAy\\x1b[1mA"}, {"{unknown} {", "{unknown} {"},
    {"{}", "{}"},
};

static void places_are_filled(void **state) {
    (void)state;
    const struct phrase_value values[] = {{"a", {"A", 1}}, {"b", {"\x1b[1m", 4}}};
    for (size_t i = 0; i < sizeof phrases / sizeof *phrases; i++) {
        struct bytes out = bytes_with_cap(1000);
        struct phrase phrase = {.text = {[LANGUAGE_EN] = phrases[i].text, [LANGUAGE_FR] = "non"}};
        phrase_append(&out, &phrase, LANGUAGE_EN, values, 2);
        if (!span_is(bytes_span(&out), phrases[i].want))
            fail_msg("\"%s\": \"%.*s\"", phrases[i].text, (int)out.len, out.ptr);
        bytes_release(&out);
    }
}

static void what_a_terminal_obeys_is_escaped(void **state) {
    (void)state;
    struct bytes out = bytes_with_cap(1000);
    phrase_append_printable(&out, span_of("\xc3\xa9\r\n\x7f\xff\xc2\x9b\xe2\x80\xae\xe2\x81\xa6\xe2\x82\xac"));
    assert_true(
        span_is(bytes_span(&out), "\xc3\xa9\\x0d\\x0a\\x7f\\xff\\xc2\\x9b\\xe2\\x80\\xae\\xe2\\x81\\xa6\xe2\x82\xac"));
    bytes_release(&out);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(languages_are_known_by_their_first_two_letters),
        cmocka_unit_test(places_are_filled),
        cmocka_unit_test(what_a_terminal_obeys_is_escaped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
