#include "base/nearest_word.h" /* first, so the header is proved to stand alone */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static const char *const words[] = {
    "listen", "protocol",  "downstream",
    "trust",  "line_ends", "a_word_of_more_than_sixty_three_octets_is_never_near_to_any_other_one"};

static const struct {
    const char *word, *want;
} rows[] = {
    {"listen", "listen"},
    {"lisen", "listen"},
    {"lissten", "listen"},
    {"lixten", "listen"},
    {"line_end", "line_ends"},
    {"protokol", "protocol"},
    {"down", NULL},
    {"down-stream", "downstream"},
    {"trsut", "trust"},
    {"qqqqqqqqqq", NULL},
    {"x", NULL},
    {"", NULL},
    {"Listen", "listen"},
    {"list", "listen"},
    {"a_word_of_more_than_sixty_three_octets_is_never_near_to_any_other_one", NULL},
};

static void every_row_is_found_as_wanted(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *got = nearest_word(rows[i].word, words, sizeof words / sizeof *words);
        if ((got == NULL) != (rows[i].want == NULL) || (got != NULL && strcmp(got, rows[i].want) != 0))
            fail_msg("\"%s\": %s", rows[i].word, got != NULL ? got : "none");
    }
    assert_null(nearest_word("listen", words, 0));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_row_is_found_as_wanted)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
