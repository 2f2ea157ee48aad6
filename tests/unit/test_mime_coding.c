#include "verifier/mime_coding.h" /* first, so the header is proved to stand alone */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "tests/support/exact.h"

static void expect(const struct bytes *out, const char *want, const char *what) {
    if (!span_is(bytes_span(out), want)) fail_msg("%s: \"%.*s\"", what, (int)out->len, out->ptr);
}

static void quoted_printable_is_undone(void **state) { /* RFC 2045 section 6.7 */
    (void)state;
    static const struct {
        const char *in, *out;
    } rows[] = {{"caf=C3=A9", "caf\xc3\xa9"},
                {"a=\r\nb", "ab"},
                {"a= \t\r\nb", "ab"},
                {"a=\nb", "ab"},
                {"=zz=4", "=zz=4"},
                {"=", "="},
                {"=3d", "="},
                {"a =\r\n", "a "},
                {"", ""}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct span in = exact_copy(span_of(rows[i].in));
        struct bytes out = bytes_with_cap(256);
        mime_decode_quoted_printable(in, &out);
        expect(&out, rows[i].out, rows[i].in);
        bytes_release(&out);
        exact_free(in);
    }
}

static void quoted_printable_is_written_as_mailers_do(void **state) {
    (void)state;
    static const struct {
        const char *in, *out;
    } rows[] = {
        {"caf\xc3\xa9 = 1\r\n", "caf=C3=A9 =3D 1\r\n"},
        {"end \r\n\tx\t", "end=20\r\n\tx=09"},
        {"1234567890123456789012345678901234567890123456789012345678901234567890123456", /* 76: no break */
         "1234567890123456789012345678901234567890123456789012345678901234567890123456"},
        {"12345678901234567890123456789012345678901234567890123456789012345678901234567",
         "123456789012345678901234567890123456789012345678901234567890123456789012345=\r\n67"},
        {"1234567890123456789012345678901234567890123456789012345678901234567890123=x",
         "1234567890123456789012345678901234567890123456789012345678901234567890123=\r\n=3Dx"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct span in = exact_copy(span_of(rows[i].in));
        struct bytes out = bytes_with_cap(256);
        mime_encode_quoted_printable(in, &out);
        expect(&out, rows[i].out, rows[i].in);
        bytes_release(&out);
        exact_free(in);
    }
}

static void base64_goes_back_and_forth(void **state) {
    (void)state;
    struct bytes octets = bytes_with_cap(256), text = bytes_with_cap(256);
    assert_true(mime_decode_base64(span_of("QUJD\r\nREVG\r\nRw=="), &octets));
    expect(&octets, "ABCDEFG", "decoded");
    mime_encode_base64(bytes_span(&octets), 4, &text);
    expect(&text, "QUJD\r\nREVG\r\nRw==", "encoded");
    assert_false(mime_decode_base64(span_of("no. base64"), &octets));
    bytes_release(&octets);
    bytes_release(&text);
}

static void character_sets_are_undone(void **state) {
    (void)state;
    static const struct {
        enum mime_conversion conversion;
        const char *now, *before; /* NULL: cannot have been */
    } rows[] = {
        {MIME_FROM_LATIN1, "caf\xc3\xa9", "caf\xe9"},
        {MIME_FROM_LATIN1, "\xe2\x82\xac", NULL},
        {MIME_FROM_LATIN1, "\xe9", NULL},
        {MIME_FROM_CP1252, "\xe2\x82\xac", "\x80"},
        {MIME_FROM_UTF8, "caf\xe9", "caf\xc3\xa9"},
        {MIME_FROM_UTF8, "\x80", "\xe2\x82\xac"},
        {MIME_FROM_UTF8, "\x81", NULL},
        {MIME_FROM_NFC, "cafe\xcc\x81", "caf\xc3\xa9"},
        {MIME_FROM_NFC, "x\xcc\x81", "x\xcc\x81"},
        {MIME_FROM_NFD, "caf\xc3\xa9", "cafe\xcc\x81"},
        {MIME_FROM_NFD, "\xc3\xbf\xc3\xa7",
         "y\xcc\x88"
         "c\xcc\xa7"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct span now = exact_copy(span_of(rows[i].now));
        struct bytes out = bytes_with_cap(256);
        bool can = mime_unconvert(rows[i].conversion, now, &out);
        if (can != (rows[i].before != NULL)) fail_msg("row %zu", i);
        if (can) expect(&out, rows[i].before, rows[i].now);
        bytes_release(&out);
        exact_free(now);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quoted_printable_is_undone), cmocka_unit_test(quoted_printable_is_written_as_mailers_do),
        cmocka_unit_test(base64_goes_back_and_forth), cmocka_unit_test(character_sets_are_undone)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
