#include "proxy/header_edit.h" /* first, so the header is proved to stand alone */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "base/arena.h"
#include "base/bytes.h"
#include "tests/support/exact.h"

#define LIT(text) {text, sizeof(text) - 1}
#define OURS "Authentication-Results: mx.example.com; dkim=none\r\n"
#define NOTICE "X-Sceau-Notice: the header section began with a folded line\r\n"

/* message: header section and body. want: what is sent of the section, behind OURS. */
static const struct row { struct span message, want; size_t removed, runs;
} rows[] = {
    {LIT("From: a@b\r\nTo: c\r\n\r\nbody"), LIT("From: a@b\r\nTo: c\r\n\r\n"), 0, 3},
    {LIT("\r\nbody"), LIT("\r\n"), 0, 2},
    {LIT("From: a@b\r\n"), LIT("From: a@b\r\n"), 0, 2}, /* no body at all: no empty line is added */
    {LIT(""), LIT(""), 0, 1},
    {LIT("Authentication-Results: mx.example.com; spf=pass\r\nFrom: a\r\n\r\n"), LIT("From: a\r\n\r\n"), 1, 3},
    {LIT("From: a\r\nAuthentication-Results: mx.example.com; spf=pass\r\nTo: b\r\n\r\n"),
     LIT("From: a\r\nTo: b\r\n\r\n"), 1, 4},
    {LIT("A: 1\r\naUTHENTICATION-rESULTS :\r\n MX.Example.COM\r\n ; spf=pass\r\nauthentication-results: "
         "\"mx.example.com\" 1; x\r\n"
         "B: 2\r\nAuthentication-Results: (c) mx.example.com.; dkim=pass\r\n\r\n"),
     LIT("A: 1\r\nB: 2\r\n\r\n"), 3, 4},
    /* look-alikes and foreign ids stay octet for octet */
    {LIT("Authentication-Results: mx.example.com.evil.example; dkim=pass\r\nX-Authentication-Results: mx.example.com; "
         "a\r\n"
         "ARC-Authentication-Results: i=1; mx.example.com; dkim=pass\r\nAuthentication-Results:  other.example; "
         "dkim=fail\r\n"
         "authentication-results-x: mx.example.com\r\n\r\n"),
     LIT("Authentication-Results: mx.example.com.evil.example; dkim=pass\r\nX-Authentication-Results: mx.example.com; "
         "a\r\n"
         "ARC-Authentication-Results: i=1; mx.example.com; dkim=pass\r\nAuthentication-Results:  other.example; "
         "dkim=fail\r\n"
         "authentication-results-x: mx.example.com\r\n\r\n"),
     0, 3},
    /* hidden behind a bare LF or CR (line_ends = pass): the field it hides in goes */
    {LIT("X: y\nAuthentication-Results: mx.example.com; dkim=pass\r\nFrom: a\r\n\r\n"), LIT("From: a\r\n\r\n"), 1, 3},
    {LIT("From: a\rAuthentication-Results: mx.example.com; dkim=pass\r\nTo: b\r\n\r\n"), LIT("To: b\r\n\r\n"), 1, 3},
    /* what the sender wrote is never read as the continuation of our field */
    {LIT(" dkim=pass\r\nFrom: a\r\n\r\n"), LIT(NOTICE " dkim=pass\r\nFrom: a\r\n\r\n"), 0, 4},
    {LIT("\tx\r\n\r\n"), LIT(NOTICE "\tx\r\n\r\n"), 0, 4},
    {LIT("no colon\r\nFrom: a\r\n\r\n"), LIT("no colon\r\nFrom: a\r\n\r\n"), 0, 3},
};

static void read_section(struct header_section *section, struct span message) {
    size_t taken;
    header_section_init(section, header_limits_default);
    enum header_status status = header_section_update(section, message, &taken);
    if (status == HEADER_MORE) status = header_section_finish(section);
    assert_int_equal(status, HEADER_COMPLETE);
}

static void collect(const struct header_edit *edit, struct bytes *out) {
    for (size_t i = 0; i < edit->run_count; i++) bytes_append(out, edit->run[i]);
    assert_int_equal(edit->octets, out->len);
}

static struct authserv_id our_id(void) {
    struct authserv_id id;
    assert_true(authserv_id_init(&id, span_of("mx.example.com")));
    return id;
}

static void every_row_is_sent_as_wanted(void **state) {
    struct authserv_id id = our_id();
    struct header_edit edit;
    (void)state;
    header_edit_init(&edit); /* one for all: nothing may leak from message to message */
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct header_section section;
        struct span message = exact_copy(rows[i].message), added = exact_copy(span_of(OURS));
        struct bytes got = bytes_with_cap(1 << 20), want = bytes_with_cap(1 << 20);
        read_section(&section, message);
        bytes_append_text(&want, OURS);
        bytes_append(&want, rows[i].want);
        assert_true(header_edit_sort(&edit, &section, &id) && header_edit_build(&edit, added));
        collect(&edit, &got);
        if (!span_equal(bytes_span(&got), bytes_span(&want))) fail_msg("row %zu: %.*s", i, (int)got.len, got.ptr);
        if (edit.removed != rows[i].removed || edit.run_count != rows[i].runs)
            fail_msg("row %zu: %zu removed, %zu runs", i, edit.removed, edit.run_count);
        bytes_release(&got);
        bytes_release(&want);
        header_section_release(&section);
        exact_free(message);
        exact_free(added);
    }
    header_edit_release(&edit);
}

/* What rules ask for: fields taken out by name, a text in front of a field's body. */
static const struct { struct span message; const char *remove, *text; struct span want; } edits[] = {
    {LIT("From: a\r\nX-A: 1\r\nx-a : 2\r\n folded\r\nTo: b\r\n\r\n"), "X-a", NULL, LIT("From: a\r\nTo: b\r\n\r\n")},
    {LIT("X-A: 1\r\n\r\n"), "X-a", NULL, LIT("\r\n")},
    {LIT("X-AB: 1\r\n\r\n"), "X-A", NULL, LIT("X-AB: 1\r\n\r\n")},
    {LIT("no colon\r\n\r\n"), "", "[x]", LIT("no colon\r\n\r\n")},
    {LIT("subject: hello\r\nSubject: two\r\n\r\n"), "-", "[x]", LIT("subject: [x] hello\r\nSubject: two\r\n\r\n")},
    {LIT("Subject:hello\r\n\r\n"), "-", "[x]", LIT("Subject: [x] hello\r\n\r\n")},
    {LIT("Subject :\r\n hello\r\n\tthere\r\n\r\n"), "-", "[x]", LIT("Subject: [x] hello\r\n\tthere\r\n\r\n")},
    {LIT("Subject:\r\n\r\n"), "-", "[x]", LIT("Subject: [x]\r\n\r\n")},
    {LIT("Subject: \t \r\n\r\n"), "-", "[x]", LIT("Subject: [x]\r\n\r\n")},
    {LIT("Subject: hello"), "-", "[x]", LIT("Subject: [x] hello")}, /* the message ended here */
    {LIT("Subject: 0123456789012345678901234567890123456789012345678901234567890123\r\n more\r\n\r\n"), "-", "[x]",
     LIT("Subject: [x] 0123456789012345678901234567890123456789012345678901234567890123\r\n more\r\n\r\n")},
    {LIT("Subject: 01234567890123456789012345678901234567890123456789012345678901234\r\n more\r\n\r\n"), "-", "[xx]",
     LIT("Subject: [xx]\r\n 01234567890123456789012345678901234567890123456789012345678901234\r\n more\r\n\r\n")},
};

static void rules_edit_what_stays(void **state) {
    struct authserv_id id = our_id();
    struct header_edit edit;
    struct arena *arena = arena_create(1 << 16);
    (void)state;
    header_edit_init(&edit);
    for (size_t i = 0; i < sizeof edits / sizeof *edits; i++) {
        struct header_section section;
        struct span message = exact_copy(edits[i].message);
        struct bytes got = bytes_with_cap(1 << 20);
        read_section(&section, message);
        assert_true(header_edit_sort(&edit, &section, &id));
        header_edit_remove(&edit, span_of(edits[i].remove[0] != '\0' ? edits[i].remove : "-"));
        if (edits[i].text != NULL) {
            bool is_there = header_section_count(&section, "Subject") > 0;
            assert_int_equal(header_edit_tag(&edit, span_of("Subject"), span_of(edits[i].text), arena),
                             is_there ? HEADER_EDIT_DONE : HEADER_EDIT_NO_FIELD);
        }
        assert_true(header_edit_build(&edit, (struct span){NULL, 0}));
        collect(&edit, &got);
        if (!span_equal(bytes_span(&got), edits[i].want)) fail_msg("row %zu: %.*s", i, (int)got.len, got.ptr);
        if (edits[i].text != NULL && header_section_count(&edit.kept, "Subject") > 0 &&
            !span_is(span_first(span_trim(header_section_find(&edit.kept, "Subject", 0)->body), 2), "[x"))
            fail_msg("row %zu: body", i); /* what a seal will hash */
        bytes_release(&got);
        header_section_release(&section);
        exact_free(message);
        arena_reset(arena);
    }
    header_edit_release(&edit);
    arena_destroy(arena);
}

/* CVE-2022-48521: fields deleted from a list by index, each deletion moving the rest. Forged fields in every pattern of
 * eight places: exactly the others remain, in order. */
static void every_pattern_of_forged_fields_is_removed(void **state) {
    struct authserv_id id = our_id();
    (void)state;
    for (unsigned pattern = 0; pattern < 256; pattern++) {
        struct bytes message = bytes_with_cap(4096), want = bytes_with_cap(4096), got = bytes_with_cap(4096);
        struct header_section section;
        struct header_edit edit;
        bytes_append_text(&want, OURS);
        for (unsigned i = 0; i < 8; i++) {
            if (pattern & 1u << i) {
                bytes_append_text(&message, "Authentication-Results: mx.example.com; dkim=pass\r\n");
                continue;
            }
            bytes_append_format(&message, "Authentication-Results: mx%u.example.com; dkim=pass\r\n", i);
            bytes_append_format(&want, "Authentication-Results: mx%u.example.com; dkim=pass\r\n", i);
        }
        bytes_append_text(&message, "\r\n");
        bytes_append_text(&want, "\r\n");
        read_section(&section, bytes_span(&message));
        header_edit_init(&edit);
        assert_true(header_edit_sort(&edit, &section, &id) && header_edit_build(&edit, span_of(OURS)));
        collect(&edit, &got);
        if (!span_equal(bytes_span(&got), bytes_span(&want))) fail_msg("pattern %u", pattern);
        header_edit_release(&edit);
        header_section_release(&section);
        bytes_release(&message);
        bytes_release(&want);
        bytes_release(&got);
    }
}

static void fifty_copies_and_nothing_else(void **state) {
    struct authserv_id id = our_id();
    struct bytes message = bytes_with_cap(65536);
    struct header_section section;
    struct header_edit edit;
    (void)state;
    for (int i = 0; i < 50; i++) bytes_append_text(&message, "Authentication-Results: mx.example.com; dkim=pass\r\n");
    bytes_append_text(&message, "\r\n");
    read_section(&section, bytes_span(&message));
    header_edit_init(&edit);
    assert_true(header_edit_sort(&edit, &section, &id) && header_edit_build(&edit, (struct span){NULL, 0}));
    assert_int_equal(edit.removed, 50);
    assert_int_equal(edit.run_count, 1);
    assert_true(span_is(edit.run[0], "\r\n"));
    header_edit_release(&edit);
    header_section_release(&section);
    bytes_release(&message);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_is_sent_as_wanted),
        cmocka_unit_test(rules_edit_what_stays),
        cmocka_unit_test(every_pattern_of_forged_fields_is_removed),
        cmocka_unit_test(fifty_copies_and_nothing_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
