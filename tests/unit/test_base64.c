#include "base/base64.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static const struct {
    const char *text;
    enum base64_space space;
    enum base64_status want;
    const char *octets;
} rows[] = {
    /* RFC 4648 section 10 */
    {"", BASE64_SPACE_REFUSED, BASE64_OK, ""},
    {"Zg==", BASE64_SPACE_REFUSED, BASE64_OK, "f"},
    {"Zm8=", BASE64_SPACE_REFUSED, BASE64_OK, "fo"},
    {"Zm9v", BASE64_SPACE_REFUSED, BASE64_OK, "foo"},
    {"Zm9vYg==", BASE64_SPACE_REFUSED, BASE64_OK, "foob"},
    {"Zm9vYmE=", BASE64_SPACE_REFUSED, BASE64_OK, "fooba"},
    {"Zm9vYmFy", BASE64_SPACE_REFUSED, BASE64_OK, "foobar"},
    {"+/+/", BASE64_SPACE_REFUSED, BASE64_OK, "\xfb\xff\xbf"},
    /* RFC 6376 section 2.10: folding white space anywhere, between the = too */
    {" Z\r\n\tm 9v Y g\r\n = =\t\r\n", BASE64_SPACE_SKIPPED, BASE64_OK, "foob"},
    {" \r\n", BASE64_SPACE_SKIPPED, BASE64_OK, ""},
    {"Zm9v YmFy", BASE64_SPACE_REFUSED, BASE64_BAD_CHARACTER, ""},
    {"Zm9vYmFy ", BASE64_SPACE_REFUSED, BASE64_BAD_CHARACTER, ""},
    {"Zm9v\vYmFy", BASE64_SPACE_SKIPPED, BASE64_BAD_CHARACTER, ""},
    /* unused bits: RFC 4648 section 3.5 leaves it to the decoder */
    {"Zh==", BASE64_SPACE_REFUSED, BASE64_OK, "f"},
    {"Zm9=", BASE64_SPACE_REFUSED, BASE64_OK, "fo"},
    /* padding */
    {"Zg=", BASE64_SPACE_REFUSED, BASE64_CUT_OFF, ""},
    {"Zg", BASE64_SPACE_REFUSED, BASE64_CUT_OFF, ""},
    {"Zm9vY", BASE64_SPACE_REFUSED, BASE64_CUT_OFF, ""},
    {"=", BASE64_SPACE_REFUSED, BASE64_BAD_PADDING, ""},
    {"Z===", BASE64_SPACE_REFUSED, BASE64_BAD_PADDING, ""},
    {"Zg=v", BASE64_SPACE_REFUSED, BASE64_BAD_PADDING, ""},
    {"Zg===", BASE64_SPACE_REFUSED, BASE64_BAD_PADDING, ""},
    {"Zg==Zg==", BASE64_SPACE_REFUSED, BASE64_BAD_PADDING, ""},
    {"Zm9v=", BASE64_SPACE_REFUSED, BASE64_BAD_PADDING, ""},
    {"Zm8= x", BASE64_SPACE_SKIPPED, BASE64_BAD_PADDING, ""},
    /* alphabet */
    {"Zm9-", BASE64_SPACE_SKIPPED, BASE64_BAD_CHARACTER, ""},
    {"Zm9_", BASE64_SPACE_SKIPPED, BASE64_BAD_CHARACTER, ""},
    {"Zm9\xc3", BASE64_SPACE_SKIPPED, BASE64_BAD_CHARACTER, ""},
    {"Z%2B", BASE64_SPACE_SKIPPED, BASE64_BAD_CHARACTER, ""},
};

static char *exact_copy(const char *octets, size_t len) { return memcpy(malloc(len > 0 ? len : 1), octets, len); }

static void every_row_decodes_as_wanted(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        size_t text_len = strlen(rows[i].text), want_len = strlen(rows[i].octets), len = 99;
        char *text = exact_copy(rows[i].text, text_len);
        uint8_t *out = malloc(base64_decoded_max(text_len) + 1);
        enum base64_status got =
            base64_decode((struct span){text, text_len}, rows[i].space, out, base64_decoded_max(text_len), &len);
        if (got != rows[i].want || len != want_len || memcmp(out, rows[i].octets, want_len) != 0)
            fail_msg("\"%s\": %s, %zu octets", rows[i].text, base64_status_text(got), len);
        free(out);
        free(text);
    }
}

static void too_little_room_is_told(void **state) {
    (void)state;
    for (size_t room = 0; room < 7; room++) {
        uint8_t *out = malloc(room > 0 ? room : 1);
        size_t len = 99;
        enum base64_status got = base64_decode(span_of("Zm9v YmFy Yg=="), BASE64_SPACE_SKIPPED, out, room, &len);
        assert_int_equal(got, BASE64_NO_ROOM);
        assert_int_equal(len, 0);
        free(out);
    }
}

static void a_nul_is_no_end(void **state) {
    (void)state;
    uint8_t out[6];
    size_t len;
    assert_int_equal(base64_decode((struct span){"Zm9v\0", 5}, BASE64_SPACE_SKIPPED, out, sizeof out, &len), BASE64_BAD_CHARACTER);
}

static void what_is_encoded_decodes_to_the_same(void **state) {
    (void)state;
    uint32_t random = 1;
    for (size_t len = 0; len < 200; len++) {
        char *octets = malloc(len > 0 ? len : 1);
        for (size_t i = 0; i < len; i++) octets[i] = (char)((random = random * 1664525 + 1013904223) >> 24);
        struct bytes text = bytes_with_cap(1024);
        assert_true(base64_encode(&text, (struct span){octets, len}));
        assert_int_equal(text.len, (len + 2) / 3 * 4);
        char *exact = exact_copy(text.len > 0 ? text.ptr : "", text.len);
        size_t back_len;
        uint8_t *back = malloc(len > 0 ? len : 1); /* exactly as much as is needed */
        assert_int_equal(base64_decode((struct span){exact, text.len}, BASE64_SPACE_REFUSED, back, len, &back_len), BASE64_OK);
        assert_int_equal(back_len, len);
        assert_memory_equal(back, octets, len);
        free(back);
        free(exact);
        free(octets);
        bytes_release(&text);
    }
}

static void encoding_over_the_cap_fails(void **state) {
    (void)state;
    struct bytes text = bytes_with_cap(7);
    assert_false(base64_encode(&text, span_of("foob")));
    assert_true(text.failed);
    assert_int_equal(text.len, 0);
    bytes_release(&text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_decodes_as_wanted),         cmocka_unit_test(too_little_room_is_told),
        cmocka_unit_test(a_nul_is_no_end),                     cmocka_unit_test(what_is_encoded_decodes_to_the_same),
        cmocka_unit_test(encoding_over_the_cap_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
