#include "verifier/header_section.h" /* first, so the header is proved to stand alone */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define LIT(text) {text, sizeof(text) - 1}

/* Sections of RFC 5322. want: each field as <name|body>.
 * body_len: octets left for the body; NONE: the message ends without an empty line. */
enum { NONE = 9999 };
static const struct row {
    struct span message;
    const char *want;
    size_t body_len;
} rows[] = {
    {LIT("From: a@b\r\nTo:c\r\n\r\nbody\r\n"), "<From| a@b><To|c>", 6},
    {LIT("Subject: This\r\n is a test\r\nTo: x\r\n\r\n"), "<Subject| This\r\n is a test><To| x>", 0}, /* 2.2.3 */
    {LIT("Subject: a\r\n \r\n\t\r\n b\r\n\r\nx"), "<Subject| a\r\n \r\n\t\r\n b>", 1}, /* 4.2: obs-FWS, not the end */
    {LIT("Subject \t: a\r\n\r\n"), "<Subject| a>", 0},                              /* 4.5: obs-optional */
    {LIT("\r\nbody"), "", 4},                                                        /* section empty */
    {LIT(""), "", NONE},
    {LIT("From: a\r\n"), "<From| a>", NONE},
    {LIT("From: a"), "<From| a>", NONE},
    {LIT("From: a\r"), "<From| a\r>", NONE},
    {LIT("From: a\r\n\r"), "<From| a><|\r>", NONE},
    {LIT("From: a\r\n\rb: c\r\n\r\n"), "<From| a><|\rb: c>", 0}, /* a CR alone is content */
    {LIT("From: a\n\nb: c\r\n\r\n"), "<From| a\n\nb: c>", 0},     /* and so is LF */
    {LIT("From: a\r\n\n\r\n\r\n"), "<From| a><|\n>", 0},
    {LIT("From: a\r\r\n\r\n"), "<From| a\r>", 0},
    {LIT("From: a\n\r\r\n\n\r\n\r\n"), "<From| a\n\r><|\n>", 0},
    {LIT("From: a\0b\r\n\0: c\r\n\r\n"), "<From| a\0b><|\0: c>", 0},
    {LIT("no colon\r\nFrom: a\r\n\r\n"), "<|no colon><From| a>", 0},
    {LIT("a b: c\r\n: d\r\n :e\r\n\r\n"), "<|a b: c><|: d\r\n :e>", 0},
    {LIT(" folded: first\r\n too\r\nTo: x\r\n\r\n"), "<| folded: first\r\n too><To| x>", 0},
    {LIT("Su\r\n bject: c\r\n\r\n"), "<|Su\r\n bject: c>", 0},
    {LIT("S\xc3\xa9: c\r\nX-\x7f: d\r\n\r\n"), "<|S\xc3\xa9: c><|X-\x7f: d>", 0},
    {LIT("a:\r\nb:\r\n\r\n\r\n"), "<a|><b|>", 2},
    {LIT("From x@y Mon Jan 1 00:00:00\r\na:b:c\r\n\r\n"), "<|From x@y Mon Jan 1 00:00:00><a|b:c>", 0},
    {LIT("A!#$%&'*+-/=?^_`{|}~;,.@()<>[]\\\": ok\r\n\r\n"), "<A!#$%&'*+-/=?^_`{|}~;,.@()<>[]\\\"| ok>", 0},
};

/* Feeds octets in parts that end at cut[0], cut[1] and the end, each in a buffer of its own size. */
static enum header_status feed(struct header_section *section, struct span octets, size_t cut0, size_t cut1,
                               size_t *taken) {
    size_t ends[] = {cut0, cut1, octets.len};
    enum header_status status = HEADER_MORE;
    *taken = 0;
    for (size_t i = 0, at = 0; i < 3 && status == HEADER_MORE; at = ends[i++]) {
        size_t len = ends[i] - at, part_taken;
        char *exact = malloc(len > 0 ? len : 1);
        assert_non_null(exact);
        memcpy(exact, octets.ptr + at, len);
        status = header_section_update(section, (struct span){exact, len}, &part_taken);
        free(exact);
        if (status == HEADER_MORE) assert_int_equal(part_taken, len);
        *taken += part_taken;
    }
    return status;
}

static void append_dump(struct bytes *out, const struct header_section *section) {
    for (size_t i = 0; i < section->count; i++) {
        const struct header_field *field = &section->fields[i];
        bytes_append_char(out, '<');
        bytes_append(out, field->name);
        bytes_append_char(out, '|');
        bytes_append(out, field->body);
        bytes_append_char(out, '>');
    }
}

static void check(const struct row *row, size_t row_number, struct header_section *section, size_t cut0, size_t cut1) {
    size_t taken;
    enum header_status status = feed(section, row->message, cut0, cut1, &taken);
    if (row->body_len == NONE) {
        assert_int_equal(status, HEADER_MORE);
        status = header_section_finish(section);
    } else if (taken + row->body_len != row->message.len) {
        fail_msg("row %zu cut at %zu, %zu: body at %zu", row_number, cut0, cut1, taken);
    }
    assert_int_equal(status, HEADER_COMPLETE);
    assert_int_equal(section->ended_by_empty_line, row->body_len != NONE);
    struct bytes dump = bytes_with_cap(4096), raw = bytes_with_cap(4096);
    append_dump(&dump, section);
    /* want may hold NUL: its length is that of the dump, and the octet behind it must be the final NUL */
    if (memcmp(dump.len > 0 ? dump.ptr : "", row->want, dump.len) != 0 || row->want[dump.len] != '\0')
        fail_msg("row %zu cut at %zu, %zu: %.*s", row_number, cut0, cut1, (int)dump.len, dump.ptr);
    for (size_t i = 0; i < section->count; i++) bytes_append(&raw, section->fields[i].raw);
    assert_true(span_equal(bytes_span(&raw), bytes_span(&section->octets)));
    assert_true(span_equal(bytes_span(&raw), span_first(row->message, raw.len)));
    bytes_release(&dump);
    bytes_release(&raw);
}

static void every_cut_gives_the_same_fields(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct header_section section;
        header_section_init(&section, header_limits_default);
        for (size_t cut0 = 0; cut0 <= rows[i].message.len; cut0++)
            for (size_t cut1 = cut0; cut1 <= rows[i].message.len; cut1++) {
                check(&rows[i], i, &section, cut0, cut1);
                header_section_reset(&section);
            }
        header_section_release(&section);
    }
}

static void octet_by_octet_gives_the_same_fields(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct header_section section;
        header_section_init(&section, header_limits_default);
        size_t taken = 0, fed = 0;
        enum header_status status = HEADER_MORE;
        for (; fed < rows[i].message.len && status == HEADER_MORE; fed++)
            status = header_section_update(&section, (struct span){rows[i].message.ptr + fed, 1}, &taken);
        if (status == HEADER_MORE) status = header_section_finish(&section);
        else assert_int_equal(fed + rows[i].body_len, rows[i].message.len);
        assert_int_equal(status, HEADER_COMPLETE);
        struct bytes dump = bytes_with_cap(4096);
        append_dump(&dump, &section);
        assert_memory_equal(dump.len > 0 ? dump.ptr : "", rows[i].want, dump.len);
        assert_int_equal(rows[i].want[dump.len], '\0');
        bytes_release(&dump);
        header_section_release(&section);
    }
}

static const struct limit_row {
    struct span message;
    struct header_limits limits;
    enum header_status want; /* HEADER_MORE: no limit is met before the end */
} limit_rows[] = {
    {LIT("a: b\r\nc: d\r\n\r\n"), {12, 6, 2}, HEADER_COMPLETE}, /* the empty line counts for no limit */
    {LIT("a: b\r\nc: d\r\n\r\n"), {11, 6, 2}, HEADER_SECTION_TOO_LARGE},
    {LIT("a: b\r\nc: d\r\n\r\n"), {12, 5, 2}, HEADER_FIELD_TOO_LARGE},
    {LIT("a: b\r\nc: d\r\n\r\n"), {12, 6, 1}, HEADER_TOO_MANY_FIELDS},
    {LIT("a: b\r\n c\r\nd: e\r\n\r\n"), {99, 10, 2}, HEADER_COMPLETE},
    {LIT("a: b\r\n c\r\nd: e\r\n\r\n"), {99, 9, 2}, HEADER_FIELD_TOO_LARGE}, /* folded lines are one field */
    {LIT("a: b\r\nc: d\r\nefghijklmnop"), {14, 6, 3}, HEADER_SECTION_TOO_LARGE},
    {LIT("a: b\r\nc: d\r\nefghijklmnop"), {24, 6, 3}, HEADER_FIELD_TOO_LARGE},
    {LIT("a: b\r\nc: d\r\nefghijklmnop"), {18, 6, 3}, HEADER_SECTION_TOO_LARGE}, /* both at one octet */
    {LIT("a: b\r\nc: d\r\nefghijklmnop"), {14, 6, 2}, HEADER_TOO_MANY_FIELDS},
    {LIT("a: b\r\n\r"), {6, 6, 1}, HEADER_TOO_MANY_FIELDS}, /* known at the end only */
    {LIT("a: b\r\n\r"), {6, 6, 2}, HEADER_SECTION_TOO_LARGE},
    {LIT("a: b\r\n\rc"), {7, 6, 2}, HEADER_SECTION_TOO_LARGE},
    {LIT("\r\n"), {0, 0, 0}, HEADER_COMPLETE},
    {LIT("a"), {0, 0, 0}, HEADER_TOO_MANY_FIELDS},
};

static void limits_do_not_depend_on_the_cut(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof limit_rows / sizeof *limit_rows; i++) {
        const struct limit_row *row = &limit_rows[i];
        for (size_t cut0 = 0; cut0 <= row->message.len; cut0++)
            for (size_t cut1 = cut0; cut1 <= row->message.len; cut1++) {
                struct header_section section;
                size_t taken;
                header_section_init(&section, row->limits);
                enum header_status got = feed(&section, row->message, cut0, cut1, &taken);
                if (got == HEADER_MORE) got = header_section_finish(&section);
                if (got != row->want)
                    fail_msg("row %zu cut at %zu, %zu: %s", i, cut0, cut1, header_status_text(got));
                assert_int_equal(header_section_update(&section, span_of("x: y\r\n"), &taken), row->want);
                assert_int_equal(taken, 0);
                assert_int_equal(header_section_finish(&section), row->want);
                header_section_release(&section);
            }
    }
}

static void default_limits_are_1000_fields(void **state) {
    (void)state;
    struct header_section section;
    size_t taken;
    header_section_init(&section, header_limits_default);
    for (size_t i = 0; i < 1000; i++)
        assert_int_equal(header_section_update(&section, span_of("X: 1\r\n"), &taken), HEADER_MORE);
    assert_int_equal(header_section_count(&section, "x"), 0); /* nothing is known before the end */
    assert_int_equal(header_section_update(&section, span_of("Y"), &taken), HEADER_TOO_MANY_FIELDS);
    header_section_release(&section);
    header_section_release(&section);
}

static void fields_are_found_in_any_case(void **state) {
    (void)state;
    struct header_section section;
    size_t taken;
    header_section_init(&section, header_limits_default);
    struct span message = span_of("From: 1\r\nto: 2\r\nFROM : 3\r\nFromm: 4\r\nfrom\r\n\r\n");
    assert_int_equal(header_section_update(&section, message, &taken), HEADER_COMPLETE);
    assert_int_equal(section.count, 5);
    assert_int_equal(header_section_count(&section, "fRoM"), 2);
    assert_ptr_equal(header_section_find(&section, "from", 0), &section.fields[0]);
    assert_ptr_equal(header_section_find(&section, "from", 1), &section.fields[2]);
    assert_null(header_section_find(&section, "from", 3));
    assert_null(header_section_find(&section, "from", 99));
    assert_null(header_section_find(&section, "Subject", 0));
    header_section_release(&section);
}

static void every_status_has_a_text(void **state) {
    (void)state;
    for (int i = 0; i < HEADER_STATUS_COUNT; i++) assert_non_null(header_status_text((enum header_status)i));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_cut_gives_the_same_fields),   cmocka_unit_test(octet_by_octet_gives_the_same_fields),
        cmocka_unit_test(limits_do_not_depend_on_the_cut),   cmocka_unit_test(default_limits_are_1000_fields),
        cmocka_unit_test(fields_are_found_in_any_case),      cmocka_unit_test(every_status_has_a_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
