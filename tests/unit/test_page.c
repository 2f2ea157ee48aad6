#include "http/page.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "http/assets.h"

static const struct { const char *id, *text[LANGUAGE_COUNT]; } texts[] = {
#define PAGE_TEXT(id, en, fr) {#id, {[LANGUAGE_EN] = en, [LANGUAGE_FR] = fr}},
#include "http/page_texts.def"
#undef PAGE_TEXT
};

static unsigned count_of(const char *text, const char *part, size_t len) {
    unsigned count = 0;
    for (size_t i = 0; i + len <= strlen(text); i++) count += memcmp(text + i, part, len) == 0;
    return count;
}

/* Every text is there in both languages, with the same places, and brings no markup. */
static void texts_are_whole_in_both_languages(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        for (unsigned language = 0; language < LANGUAGE_COUNT; language++) {
            const char *text = texts[i].text[language], *other = texts[i].text[!language];
            if (text[0] == '\0' || strpbrk(text, "<>&") != NULL) fail_msg("%s: \"%s\"", texts[i].id, text);
            for (const char *open = strchr(text, '{'); open != NULL; open = strchr(open + 1, '{')) {
                const char *close = strchr(open, '}');
                if (close == NULL) fail_msg("%s: a place does not end", texts[i].id);
                if (count_of(other, open, (size_t)(close - open) + 1) != count_of(text, open, (size_t)(close - open) + 1))
                    fail_msg("%s: the languages have different places", texts[i].id);
            }
        }
    }
}

static void the_path_says_the_language(void **state) {
    (void)state;
    static const struct { const char *path; bool found; enum language language; const char *rest; } rows[] = {
        {"/fr/stats", true, LANGUAGE_FR, "/stats"}, {"/en/stats/a.b", true, LANGUAGE_EN, "/stats/a.b"}, {"/fr/", true, LANGUAGE_FR, "/"},
        {"/stats", false, LANGUAGE_EN, ""},         {"/fr", false, LANGUAGE_EN, ""},                    {"/frs/x", false, LANGUAGE_EN, ""},
        {"/de/stats", false, LANGUAGE_EN, ""},      {"", false, LANGUAGE_EN, ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        enum language language;
        struct span rest;
        assert_int_equal(page_language_of_path(span_of(rows[i].path), &language, &rest), rows[i].found);
        if (!rows[i].found) continue;
        assert_int_equal(language, rows[i].language);
        assert_true(span_is(rest, rows[i].rest));
    }
}

static struct span wish;
static bool find_wish(const void *connection, enum http_part part, const char *name, struct span *value) {
    (void)connection, (void)name;
    *value = wish;
    return part == HTTP_PART_FIELD;
}

static void the_browser_wishes(void **state) {
    (void)state;
    static const struct { const char *list; enum language language; } rows[] = {
        {"", LANGUAGE_EN}, {"fr", LANGUAGE_FR}, {"fr-CA, en;q=0.9", LANGUAGE_FR}, {"en-US, fr;q=0.9", LANGUAGE_EN},
        {"de, fr;q=0.4, en;q=0.3", LANGUAGE_FR}, {"fr;q=0", LANGUAGE_EN}, {"es", LANGUAGE_EN}, {"en, fr", LANGUAGE_EN},
    };
    struct http_request request = {.find = find_wish};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        wish = span_of(rows[i].list);
        assert_int_equal(page_language_wanted(&request), rows[i].language);
    }
}

static void assets_are_found_by_their_path(void **state) {
    (void)state;
    assert_true(asset_count >= 2);
    for (size_t i = 0; i < asset_count; i++) {
        assert_true(assets[i].len > 0 && assets[i].content_type[0] != '\0');
        assert_ptr_equal(asset_find(span_of(assets[i].path)), &assets[i]);
        assert_string_equal(asset_path(assets[i].file), assets[i].path);
    }
    assert_null(asset_find(span_of("/assets/style.css")));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_are_whole_in_both_languages),
        cmocka_unit_test(the_path_says_the_language),
        cmocka_unit_test(the_browser_wishes),
        cmocka_unit_test(assets_are_found_by_their_path),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
