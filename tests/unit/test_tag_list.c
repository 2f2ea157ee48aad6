#include "verifier/tag_list.h" /* first, so the header is proved to stand alone */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static const struct {
    const char *text;
    enum tag_list_status want;
    size_t at;
    const char *name, *value, *raw_value;
} rows[] = {
    {"v=1; a=rsa-sha256; x_1=y;", TAG_LIST_OK, 0, "a", "rsa-sha256", "rsa-sha256"},
    {"v=1; p=", TAG_LIST_OK, 0, "p", "", ""}, /* 3.6.1: an empty p= is a revoked key */
    {"v=1; p= ;", TAG_LIST_OK, 0, "p", "", " "},
    {"bh = x ;b= AQ\r\n\t ID\r\n ", TAG_LIST_OK, 0, "b", "AQ\r\n\t ID", " AQ\r\n\t ID\r\n "},
    {"\r\n v\t=\r\n 1", TAG_LIST_OK, 0, "v", "1", "\r\n 1"},
    {"b=a==", TAG_LIST_OK, 0, "b", "a==", "a=="},
    {"v=1;\r\n \r\n ", TAG_LIST_OK, 0, "v", "1", "1"},
    {"d=b\xc3\xbc" "cher.example", TAG_LIST_OK, 0, "d", "b\xc3\xbc" "cher.example", "b\xc3\xbc" "cher.example"},
    {"n=\xf0\x9f\x94\x91 new; v=2", TAG_LIST_OK, 0, "v", "2", "2"},
    {"", TAG_LIST_EMPTY, 0, "v", NULL, NULL},
    {" \r\n ", TAG_LIST_EMPTY, 0, "v", NULL, NULL},
    {";", TAG_LIST_BAD_NAME, 0, "v", NULL, NULL},
    {"v=1;; d=x", TAG_LIST_BAD_NAME, 4, "v", NULL, NULL},
    {"v=1; 2d=x", TAG_LIST_BAD_NAME, 4, "v", NULL, NULL},
    {"v=1; _d=x", TAG_LIST_BAD_NAME, 4, "v", NULL, NULL},
    {"v=1; =x", TAG_LIST_BAD_NAME, 4, "v", NULL, NULL},
    {"v=1; d d=x", TAG_LIST_BAD_NAME, 4, "v", NULL, NULL},
    {"v=1; d\xc3\xa9=x", TAG_LIST_BAD_NAME, 4, "v", NULL, NULL},
    {"v=1; d", TAG_LIST_NO_EQUALS, 4, "v", NULL, NULL},
    {"v=1; n=\x7f", TAG_LIST_BAD_VALUE, 4, "v", NULL, NULL},
    {"v=1; n=\x01", TAG_LIST_BAD_VALUE, 4, "v", NULL, NULL},
    {"v=1; n=a\xe9", TAG_LIST_BAD_VALUE, 4, "v", NULL, NULL}, /* Latin-1 */
    {"D=a; d=b; d=c", TAG_LIST_DUPLICATE, 9, "D", NULL, NULL}, /* 3.2: names are case-sensitive */
    {"d=b; d=b", TAG_LIST_DUPLICATE, 4, "d", NULL, NULL},
    {"a=;b=;c=;d=;e=;f=;g=;h=;i=;j=;k=;l=;m=;n=;o=;p=;q=;r=;s=;t=;u=;v=;w=;x=;y=;z=;A=;B=;C=;D=;E=;F=",
     TAG_LIST_OK, 0, "F", "", ""},
    {"a=;b=;c=;d=;e=;f=;g=;h=;i=;j=;k=;l=;m=;n=;o=;p=;q=;r=;s=;t=;u=;v=;w=;x=;y=;z=;A=;B=;C=;D=;E=;F=;G=",
     TAG_LIST_TOO_MANY, 96, "a", NULL, NULL},
};

static void every_row_parses_as_wanted(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        size_t at, len = strlen(rows[i].text);
        char *exact = malloc(len > 0 ? len : 1);
        assert_non_null(exact);
        memcpy(exact, rows[i].text, len);
        struct tag_list list;
        enum tag_list_status got = tag_list_parse((struct span){exact, len}, &list, &at);
        const struct tag *tag = tag_list_find(&list, rows[i].name);
        if (got != rows[i].want || at != rows[i].at || (tag != NULL) != (rows[i].value != NULL))
            fail_msg("\"%s\": %s at %zu", rows[i].text, tag_list_status_text(got), at);
        if (tag != NULL && (!span_is(tag->value, rows[i].value) || !span_is(tag->raw_value, rows[i].raw_value)))
            fail_msg("\"%s\": %s=\"%.*s\"", rows[i].text, rows[i].name, (int)tag->value.len, tag->value.ptr);
        free(exact);
    }
}

static void nul_is_no_end(void **state) {
    (void)state;
    struct tag_list list;
    size_t at;
    assert_int_equal(tag_list_parse((struct span){"v=1; d=a\0b", 10}, &list, &at), TAG_LIST_BAD_VALUE);
    assert_int_equal(tag_list_parse((struct span){"v=1; d\0=ab", 10}, &list, &at), TAG_LIST_BAD_NAME);
}

static void salvage_keeps_what_is_sound(void **state) {
    (void)state;
    struct tag_list list;
    tag_list_salvage(span_of("v=1; ; d=a.example; d=b.example; 3=4; s=x; n=\x01; last"), &list);
    assert_int_equal(list.count, 3);
    assert_true(span_is(tag_list_find(&list, "d")->value, "a.example"));
    assert_true(span_is(tag_list_find(&list, "s")->value, "x"));
    tag_list_salvage((struct span){NULL, 0}, &list);
    assert_int_equal(list.count, 0);
}

static void every_status_has_a_text(void **state) {
    (void)state;
    for (int i = 0; i < TAG_LIST_STATUS_COUNT; i++) assert_non_null(tag_list_status_text((enum tag_list_status)i));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_parses_as_wanted),
        cmocka_unit_test(nul_is_no_end),
        cmocka_unit_test(salvage_keeps_what_is_sound),
        cmocka_unit_test(every_status_has_a_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
