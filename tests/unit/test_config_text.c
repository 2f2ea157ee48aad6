#include "base/config_text.h" /* first, so the header is proved to stand alone */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static const struct {
    const char *text;
    enum config_text_status want;
    unsigned line;
} rows[] = {
    {"", CONFIG_TEXT_OK, 0},
    {"a = 1\r\n\tb = 'x' # it's {\n// \"\nc { d = { \"}\", '{' } }\n/* ' \" { \n */\n", CONFIG_TEXT_OK, 0},
    {"a = \"\\\\\\\"\\$ \\\n { }\"", CONFIG_TEXT_OK, 0},
    {"a = 'x\\'y'", CONFIG_TEXT_OK, 0},
    {"a = ${HOME} b = \"${HOME:-\"}\"", CONFIG_TEXT_OK, 0}, /* libconfuse looks for the brace first */
    {"path = /a/b", CONFIG_TEXT_OK, 0},
    {"# no end of line", CONFIG_TEXT_OK, 0},
    {"a\n\x01", CONFIG_TEXT_CONTROL, 2},
    {"a\n\x7f", CONFIG_TEXT_CONTROL, 2},
    {"a\n\nb = \"x\n\n", CONFIG_TEXT_OPEN_STRING, 3},
    {"b = 'x\\'", CONFIG_TEXT_OPEN_STRING, 1},
    {"b = \"x\\", CONFIG_TEXT_BAD_ESCAPE, 1},
    {"b = 'x\\", CONFIG_TEXT_OPEN_STRING, 1},
    {"\"a\n\\x00\"", CONFIG_TEXT_BAD_ESCAPE, 2},
    {"\"\\8\"", CONFIG_TEXT_BAD_ESCAPE, 1},
    {"\n/* x * /", CONFIG_TEXT_OPEN_COMMENT, 2},
    {"/*/", CONFIG_TEXT_OPEN_COMMENT, 1},
    {"a {\nb {\n}\n\n", CONFIG_TEXT_OPEN_BRACE, 1},
    {"a {\nb {\n", CONFIG_TEXT_OPEN_BRACE, 2},
    {"a { }\n}", CONFIG_TEXT_STRAY_BRACE, 2},
    {"a {\n b {\n c {", CONFIG_TEXT_TOO_DEEP, 3},
    {"listen =\n*:25", CONFIG_TEXT_STRAY_STAR, 2},
};

static void every_row_is_seen_as_wanted(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        size_t len = strlen(rows[i].text);
        char *exact = memcpy(malloc(len > 0 ? len : 1), rows[i].text, len);
        unsigned line;
        enum config_text_status got = config_text_check((struct span){exact, len}, &line);
        if (got != rows[i].want || (got != CONFIG_TEXT_OK && line != rows[i].line))
            fail_msg("\"%s\": %s, line %u", rows[i].text, config_text_status_text(got), line);
        free(exact);
    }
    unsigned line;
    assert_int_equal(config_text_check((struct span){"a\0b", 3}, &line), CONFIG_TEXT_CONTROL);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_row_is_seen_as_wanted)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
