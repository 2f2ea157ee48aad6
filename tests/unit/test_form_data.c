#include "http/form_data.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define URLENCODED "application/x-www-form-urlencoded"
#define MULTIPART "multipart/form-data; boundary=XX"
#define PART(name) "\r\nContent-Disposition: form-data; name=\"" name "\"\r\n\r\n"

/* Reads it from exactly sized heap buffers and writes what it found as "name=value;" or "name@value;" of files. */
static enum form_data_status read(const char *type, struct span body, struct bytes *told) {
    struct bytes room = bytes_with_cap(body.len);
    struct form_data form;
    char *exact = malloc(body.len > 0 ? body.len : 1);
    assert_non_null(exact);
    memcpy(exact, body.ptr, body.len);
    enum form_data_status status = form_data_read(span_of(type), (struct span){exact, body.len}, &room, &form);
    for (size_t i = 0; i < form.count; i++) {
        bytes_append(told, form.field[i].name);
        bytes_append_char(told, form.field[i].is_file ? '@' : '=');
        bytes_append(told, form.field[i].value);
        bytes_append_char(told, ';');
    }
    free(exact);
    bytes_release(&room);
    return status;
}

static void every_row_reads_as_wanted(void **state) {
    (void)state;
    static const struct {
        const char *type;
        struct span body;
        enum form_data_status want;
        struct span told;
    } rows[] = {
#define ROW(type, body, want, told)                                                                                    \
    {                                                                                                                  \
        type, {body, sizeof(body) - 1}, want, { told, sizeof(told) - 1 }                                               \
    }
        ROW(URLENCODED, "", FORM_DATA_OK, ""),
        ROW(URLENCODED, "a=1&b=2", FORM_DATA_OK, "a=1;b=2;"),
        ROW(URLENCODED "; charset=utf-8", "a=x+y%2B%0d%0A&&b&=c", FORM_DATA_OK, "a=x y+\r\n;b=;=c;"),
        ROW("Application/X-WWW-Form-Urlencoded", "a=%&b=%4&c=%zz&d=%00", FORM_DATA_OK, "a=%;b=%4;c=%zz;d=\0;"),
        ROW(URLENCODED, "a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a", FORM_DATA_TOO_MANY, ""),
        ROW("text/plain", "a=1", FORM_DATA_OTHER_TYPE, ""),
        ROW("", "a=1", FORM_DATA_OTHER_TYPE, ""),
        ROW(MULTIPART, "--XX" PART("a") "one\r\n--XX" PART("b") "\0\r\n\r\n\r\n--XX--\r\n", FORM_DATA_OK,
            "a=one;b=\0\r\n\r\n;"),
        ROW(MULTIPART, "--XX" PART("a") "\r\n--XX--", FORM_DATA_OK, "a=;"),
        ROW(MULTIPART, "--XX--\r\n", FORM_DATA_OK, ""),
        ROW("multipart/form-data; charset=x; Boundary=\"X X\"", "--X X" PART("a") "\r\n--X\r\n--X X--", FORM_DATA_OK,
            "a=\r\n--X;"),
        ROW(MULTIPART,
            "--XX\r\ncontent-type: text/plain\r\ncontent-disposition: form-data; filename=\"C:\\a;b\"; name=f\r\n\r\n"
            "x\r--XX\n--XX\r\n--XX--",
            FORM_DATA_OK, "f@x\r--XX\n--XX;"),
        ROW(MULTIPART, "", FORM_DATA_MALFORMED, ""),
        ROW(MULTIPART, "--XX", FORM_DATA_MALFORMED, ""),
        ROW(MULTIPART, "--XX" PART("a") "one", FORM_DATA_MALFORMED, ""),
        ROW(MULTIPART, "--XX" PART("a") "one\r\n--XX", FORM_DATA_MALFORMED, ""),
        ROW(MULTIPART, "--XX\r\nContent-Type: text/plain\r\n\r\nno name\r\n--XX--", FORM_DATA_MALFORMED, ""),
        ROW(MULTIPART, "--XX\r\nContent-Disposition: form-data; name=\"a\r\n\r\nx\r\n--XX--", FORM_DATA_MALFORMED, ""),
        ROW(MULTIPART, "--YY" PART("a") "x\r\n--YY--", FORM_DATA_MALFORMED, ""),
        ROW("multipart/form-data", "--XX" PART("a") "x\r\n--XX--", FORM_DATA_MALFORMED, ""),
        ROW("multipart/form-data; boundary=", "--\r\n", FORM_DATA_MALFORMED, ""),
#undef ROW
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct bytes told = bytes_with_cap(1000);
        enum form_data_status got = read(rows[i].type, rows[i].body, &told);
        if (got != rows[i].want || !span_equal(bytes_span(&told), rows[i].told))
            fail_msg("row %zu: %s, %.*s", i, form_data_status_text(got), (int)told.len, told.ptr);
        bytes_release(&told);
    }
}

static void fields_are_found_by_name(void **state) {
    (void)state;
    struct bytes room = bytes_with_cap(100);
    struct form_data form;
    assert_int_equal(form_data_read(span_of(URLENCODED), span_of("a=1&b=&a=2"), &room, &form), FORM_DATA_OK);
    assert_true(span_is(form_data_value(&form, "a"), "1"));
    assert_non_null(form_data_find(&form, "b"));
    assert_null(form_data_find(&form, "c"));
    assert_int_equal(form_data_value(&form, "c").len, 0);
    bytes_release(&room);
    room = bytes_with_cap(3);
    assert_int_equal(form_data_read(span_of(URLENCODED), span_of("a=1&b"), &room, &form), FORM_DATA_NO_MEMORY);
    assert_int_equal(form.count, 0);
    bytes_release(&room);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_row_reads_as_wanted),
                                       cmocka_unit_test(fields_are_found_by_name)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
