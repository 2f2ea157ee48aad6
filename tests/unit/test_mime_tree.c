#include "verifier/mime_tree.h" /* first, so the header is proved to stand alone */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "tests/support/exact.h"

static const struct {
    const char *type, *encoding, *body;
    size_t leaves;
    const char *leaf[3]; /* their bodies */
    bool closed;
    const char *first;
} rows[] = {
    {"", "", "text\r\n", 1, {"text\r\n"}, true, ""},
    {"text/html", "base64", "", 1, {""}, true, ""},
    {"multipart/mixed", "", "--x\r\n\r\na\r\n--x--\r\n", 1, {"--x\r\n\r\na\r\n--x--\r\n"}, true, ""}, /* no boundary */
    {"multipart/mixed; boundary=x",
     "",
     "pre\r\n--x\r\n\r\na\r\n--x\r\nA: b\r\n\r\nb\r\n\r\n--x--\r\nepi\r\n",
     2,
     {"a", "b\r\n"},
     true,
     "a"},
    {"Multipart/Mixed; Boundary = \"x y\"", "", "--x y\r\n\r\na\r\n--x y--", 1, {"a"}, true, "a"},
    {"multipart/mixed; boundary=x", "", "--x\r\n\r\na\r\n--x\r\n\r\nb", 2, {"a", "b"}, false, "a"},
    {"multipart/mixed; boundary=x", "", "--x", 1, {""}, false, ""},
    {"multipart/mixed; boundary=x", "", "--xy\r\n\r\na\r\n--x \r\n\r\nb\r\n--x--", 1, {"b"}, true, "b"},
    {"multipart/mixed; boundary=x",
     "",
     "--x\r\nContent-Type: multipart/alternative;\r\n "
     "boundary=y\r\n\r\n--y\r\n\r\na\r\n--y\r\n\r\nb\r\n--y--\r\n--x\r\n\r\nc\r\n--x--\r\n",
     3,
     {"a", "b", "c"},
     true,
     "--y\r\n\r\na\r\n--y\r\n\r\nb\r\n--y--"},
    {"multipart/mixed; boundary=x",
     "", /* the inner multipart is not closed: the outer delimiter ends it */
     "--x\r\nContent-Type: multipart/alternative; boundary=y\r\n\r\n--y\r\n\r\na\r\n--x\r\n\r\nc\r\n--x--\r\n",
     2,
     {"a", "c"},
     true,
     "--y\r\n\r\na"},
    {"multipart/mixed; boundary=x", "", "no part at all", 1, {"no part at all"}, false, ""},
};

static void every_row_reads_as_wanted(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct span body = exact_copy(span_of(rows[i].body)), type = exact_copy(span_of(rows[i].type));
        struct mime_tree tree;
        mime_tree_read(type, span_of(rows[i].encoding), body, &tree);
        if (tree.count != rows[i].leaves || tree.is_closed != rows[i].closed)
            fail_msg("row %zu: %zu leaves", i, tree.count);
        for (size_t k = 0; k < tree.count; k++)
            if (!span_is(tree.leaf[k].body, rows[i].leaf[k]))
                fail_msg("row %zu, leaf %zu: \"%.*s\"", i, k, (int)tree.leaf[k].body.len, tree.leaf[k].body.ptr);
        if (!span_is(tree.first_body, rows[i].first))
            fail_msg("row %zu: first is \"%.*s\"", i, (int)tree.first_body.len, tree.first_body.ptr);
        exact_free(body), exact_free(type);
    }
}

static void parts_say_what_they_are(void **state) {
    (void)state;
    struct mime_tree tree;
    mime_tree_read(
        span_of("multipart/mixed; boundary=x"), span_of(""),
        span_of("--x\r\ncontent-type: text/HTML\r\nContent-Transfer-Encoding:\r\n Quoted-Printable \r\n\r\na\r\n--x\r\n"
                "Content-Type: image/png\r\nContent-Transfer-Encoding: "
                "base64\r\n\r\nb\r\n--x\r\nContent-Transfer-Encoding: x-uu\r\n\r\n--x--"),
        &tree);
    assert_int_equal(tree.count, 3);
    assert_true(tree.leaf[0].is_text && tree.leaf[0].is_html && tree.leaf[0].coding == MIME_QUOTED_PRINTABLE);
    assert_true(span_is(tree.leaf[0].encoding, "Quoted-Printable"));
    assert_true(!tree.leaf[1].is_text && tree.leaf[1].coding == MIME_BASE64);
    assert_true(tree.leaf[2].is_text && !tree.leaf[2].is_html && tree.leaf[2].coding == MIME_UNKNOWN);
}

static void limits_hold(void **state) {
    (void)state;
    struct mime_tree tree;
    char body[100 * 8], *at = body;
    for (int i = 0; i < 100; i++, at += 8) memcpy(at, "--x\r\n\r\na", 8), at[7] = '\n';
    mime_tree_read(span_of("multipart/mixed; boundary=x"), span_of(""), (struct span){body, sizeof body}, &tree);
    assert_int_equal(tree.count, MIME_LEAVES_MAX);
}

static void parameters_are_found(void **state) {
    (void)state;
    static const struct {
        const char *value, *want;
    } values[] = {{"text/plain; charset=utf-8", "utf-8"},
                  {"text/plain;CHARSET=\"a;b\"; x=y", "a;b"},
                  {"text/plain; xcharset=no", NULL},
                  {"text/plain; charset", NULL},
                  {"charset=no", NULL},
                  {"t/p;\r\n charset = \"\"", ""},
                  {"t/p; charset=\"open", "open"}};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        struct span value = exact_copy(span_of(values[i].value)), got = mime_parameter(value, "charset");
        if ((got.ptr == NULL) != (values[i].want == NULL) || (got.ptr != NULL && !span_is(got, values[i].want)))
            fail_msg("%s", values[i].value);
        exact_free(value);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_row_reads_as_wanted),
                                       cmocka_unit_test(parts_say_what_they_are), cmocka_unit_test(limits_hold),
                                       cmocka_unit_test(parameters_are_found)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
