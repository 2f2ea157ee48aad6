#include "verifier/record_paste.h" /* first, so the header is proved to stand alone */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "tests/support/exact.h"

static const struct {
    const char *text;
    enum record_paste_kind kind;
    const char *owner, *target, *record, *strings;
} rows[] = {
    {" v=DKIM1; p=AB\n", RECORD_PASTE_TEXT, "", "", "v=DKIM1; p=AB", ""},
    {"", RECORD_PASTE_TEXT, "", "", "", ""},
    {"v=DKIM1; n=a TXT record; p=AB", RECORD_PASTE_TEXT, "", "", "v=DKIM1; n=a TXT record; p=AB", ""},
    {"v=\"DKIM1\"; p=AB", RECORD_PASTE_TEXT, "", "", "v=\"DKIM1\"; p=AB", ""},
    {"\"v=DKIM1; \" \"p=AB\"", RECORD_PASTE_STRINGS, "", "", "v=DKIM1; p=AB", "\11\4"},
    {"( \"v=DKIM1\\; \"\n\"p=\\\"AB\" )", RECORD_PASTE_STRINGS, "", "", "v=DKIM1; p=\"AB", "\11\5"},
    {"\"v=DKIM1", RECORD_PASTE_TEXT, "", "", "\"v=DKIM1", ""},
    {"s._domainkey IN TXT \"v=DKIM1; \" \"p=AB\"", RECORD_PASTE_ZONE_TXT, "s._domainkey", "", "v=DKIM1; p=AB", "\11\4"},
    {"s._domainkey.d.example. 300 txt v=DKIM1; p=AB", RECORD_PASTE_ZONE_TXT, "s._domainkey.d.example.", "",
     "v=DKIM1; p=AB", ""},
    {"  300 IN TXT v=DKIM1", RECORD_PASTE_ZONE_TXT, "", "", "v=DKIM1", ""},
    {"s._domainkey\tIN\tCNAME\ts.k.example.", RECORD_PASTE_ZONE_CNAME, "s._domainkey", "s.k.example.", "", ""},
    {"CNAME s.k.example", RECORD_PASTE_ZONE_CNAME, "", "s.k.example", "", ""},
    {"CNAME", RECORD_PASTE_TEXT, "", "", "CNAME", ""},
    {"Version (v=) : DKIM1\nNotes (n=) :\nKey (p=): AB CD\r\nTest (t=y) : yes\nSub-domains (t=s) : no\n",
     RECORD_PASTE_FORM, "", "", "v=DKIM1;p=AB CD;t=y", ""},
    {"(v=)DKIM1\n(t=y) oui\n(t=s) oui\n(p=)", RECORD_PASTE_FORM, "", "", "v=DKIM1;p=;t=y:s", ""},
    {"(t=y) x\n(t=s) x\n(t=y) x\n(t=y) x", RECORD_PASTE_FORM, "", "", "t=y:s", ""},
};

static void each_paste_is_read(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct span text = exact_copy(span_of(rows[i].text));
        struct arena *arena = arena_create(1 << 16);
        struct record_paste paste;
        assert_true(record_paste_read(text, arena, &paste));
        if (paste.kind != rows[i].kind || !span_is(paste.owner, rows[i].owner) ||
            !span_is(paste.target, rows[i].target) || !span_is(paste.text, rows[i].record) ||
            !span_is(paste.strings, rows[i].strings))
            fail_msg("%s: kind %d, \"%.*s\"", rows[i].text, (int)paste.kind, (int)paste.text.len, paste.text.ptr);
        arena_destroy(arena);
        exact_free(text);
    }
}

static void long_strings_are_told(void **state) {
    (void)state;
    struct arena *arena = arena_create(1 << 16);
    struct record_paste paste;
    char text[303] = "\"";
    memset(text + 1, 'a', 300);
    text[301] = '"';
    assert_true(record_paste_read((struct span){text, 302}, arena, &paste));
    assert_int_equal(paste.longest, 300);
    assert_int_equal((unsigned char)paste.strings.ptr[0], 255);
    arena_destroy(arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_paste_is_read),
        cmocka_unit_test(long_strings_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
