#include "verifier/authserv_id.h" /* first, so the header is proved to stand alone */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>
#include "base/bytes.h"

#define ROW(text)                                                                                                      \
    { text, sizeof text - 1 } /* NUL is content */
struct row {
    const char *text;
    size_t len;
};

/* Ours is mx.example.com. R-01: every spelling that some reader takes for it. */
static const struct row claimed[] = {
    ROW("Authentication-Results: mx.example.com; dkim=pass header.d=bank.test"),
    ROW("authentication-RESULTS:mx.example.com;dkim=pass"),
    ROW("Authentication-Results \t: mx.example.com; dkim=pass"),
    ROW("Authentication-Results: MX.Example.COM; dkim=pass"),
    ROW("Authentication-Results: \"mx.example.com\"; dkim=pass"),
    ROW("Authentication-Results: \"mx\\.example\\.com\"; dkim=pass"),
    ROW("Authentication-Results: \"mx.example.com \"; dkim=pass"),
    ROW("Authentication-Results: \"mx.example.com; dkim=pass\"; spf=pass"),
    ROW("Authentication-Results: \"mx.example.com; dkim=pass"),
    ROW("Authentication-Results: \"\" mx.example.com; dkim=pass"),
    ROW("Authentication-Results: \"mx\".\"example\".com; dkim=pass"),
    ROW("Authentication-Results: 'mx.example.com'; dkim=pass"),
    ROW("Authentication-Results: (c) mx.example.com; dkim=pass"),
    ROW("Authentication-Results: (a(b)\\)c;) mx.example.com (d) ; dkim=pass"),
    ROW("Authentication-Results: mx.example.com(c); dkim=pass"),
    ROW("Authentication-Results: mx(c).example.com; dkim=pass"),
    ROW("Authentication-Results: mx . example . com; dkim=pass"),
    ROW("Authentication-Results: (a (b) mx.example.com; dkim=pass) evil.test; spf=pass"), /* comments not nested */
    ROW("Authentication-Results: (a\\) mx.example.com; dkim=pass) evil.test; spf=pass"),  /* no backslashes */
    ROW("Authentication-Results: (open mx.example.com; dkim=pass"),
    ROW("Authentication-Results: )( mx.example.com; dkim=pass"),
    ROW("Authentication-Results: mx.example.com 1; dkim=pass"),
    ROW("Authentication-Results: mx.example.com (v) 1 (w); dkim=pass"),
    ROW("Authentication-Results: mx.example.com/1; dkim=pass"),
    ROW("Authentication-Results: mx.example.com v1.0; dkim=pass"),
    ROW("Authentication-Results: 1 mx.example.com; dkim=pass"),
    ROW("Authentication-Results:\r\n\tmx.example.com;\r\n\tdkim=pass"),
    ROW("Authentication-Results: (\r\n\t)\r\n mx.example.com\r\n\t1\r\n ;dkim=pass"),
    ROW("Authentication-Results: mx.exa\r\n mple.com; dkim=pass"),
    ROW("Authentication-Results:\n mx.example.com; dkim=pass"),
    ROW("Authentication-Results: mx.example.com.; dkim=pass"),
    ROW("Authentication-Results: mx.example.com..; dkim=pass"),
    ROW("Authentication-Results: mx.example.com"),
    ROW("Authentication-Results: mx.example.com dkim=pass header.d=bank.test"),
    ROW("Authentication-Results: mx.example.com, dkim=pass"),
    ROW("Authentication-Results: mx.example.com: dkim=pass"),
    ROW("Authentication-Results: evil.test, mx.example.com; dkim=pass"),
    ROW("Authentication-Results: evil.test mx.example.com; dkim=pass"),
    ROW("Authentication-Results:: mx.example.com; dkim=pass"),
    ROW("Authentication-Results: ; mx.example.com; dkim=pass"),
    ROW("Authentication-Results: = mx.example.com; dkim=pass"),
    ROW("Authentication-Results: <mx.example.com>; dkim=pass"),
    ROW("Authentication-Results: [mx.example.com]; dkim=pass"),
    ROW("Authentication-Results: @mx.example.com; dkim=pass"),
    ROW("Authentication-Results: https://mx.example.com/; dkim=pass"),
    ROW("Authentication-Results: mx.example.com; spf=pass"),
    ROW("Authentication-Results: mx.example.com; none"),
    ROW("Authentication-Results: mx.example.com;;;=\"(\xff"),
    ROW("Authentication-Results: mx\\.example.com; dkim=pass"),
    ROW("Authentication-Results: mx.example.com\\; dkim=pass"),
    ROW("Authentication-Results: mx.example.com\0; dkim=pass"),
    ROW("Authentication-Results: mx\0.example.com; dkim=pass"),
    ROW("Authentication-Results: mx.example.com\0.evil.test; dkim=pass"),
    ROW("Authentication-Results: \"mx.example.com\0.evil.test\"; dkim=pass"),
    ROW("Authentication-Results: \x0b\x1fmx.example.com\x7f; dkim=pass"),
    ROW("Authentication-Results: \xc2\xa0mx.example.com\xc2\xa0; dkim=pass"),
    ROW("Authentication-Results: \xef\xbb\xbfmx.example.com; dkim=pass"),
    ROW("Authentication-Results: mx.exam\xe2\x80\x8bple.com; dkim=pass"),
    ROW("Authentication-Results: mx.exam\xc2\xadple.com; dkim=pass"),
    ROW("Authentication-Results: mx\xe3\x80\x82"
        "example\xef\xbc\x8e"
        "com; dkim=pass"),
    ROW("Authentication-Results: \xef\xbd\x8d\xef\xbd\x98.example.com; dkim=pass"),
    ROW("Authentication-Results: mx%2Eexample%2ecom; dkim=pass"),
    ROW("Authentication-Results: =?utf-8?q?mx=2Eexample=2Ecom?=; dkim=pass"),
    ROW("Authentication-Results: =?utf-8?q?mx=2Eexa?=\r\n =?utf-8?b?bXBsZS5jb20=?=; dkim=pass"),
    ROW("Authentication-Results: =?utf-8?q?mx=2Eexample=2Ecom=3B_dkim=3Dpass?="),
    ROW("Authentication-Results: =?us-ascii?q?mx?=.example.com; dkim=pass"),
    ROW("X-Odd: a\nAuthentication-Results: mx.example.com; dkim=pass"), /* */
    ROW("X-Odd: a\rAuthentication-Results \t:\n (c) mx.example.com; dkim=pass"),
};

/* Foreign ids and look-alikes: they stay, octet for octet. */
static const struct row foreign[] = {
    ROW("Authentication-Results: mx.example.com.evil.test; dkim=pass"),
    ROW("Authentication-Results: xmx.example.com; dkim=pass"),
    ROW("Authentication-Results: mx.example.comx; dkim=pass"),
    ROW("Authentication-Results: mx.example.co; dkim=pass"),
    ROW("Authentication-Results: example.com; dkim=pass"),
    ROW("Authentication-Results: a.mx.example.com; dkim=pass"),
    ROW("Authentication-Results: mx-example.com; dkim=pass"),
    ROW("Authentication-Results: mx.example.com-1; dkim=pass"),
    ROW("Authentication-Results: mx.ex\xd0\xb0mple.com; dkim=pass"), /* Cyrillic a */
    ROW("Authentication-Results: mx.example\xc2\xa0.net; dkim=pass"),
    ROW("Authentication-Results: evil.test; dkim=pass header.d=mx.example.com smtp.helo=mx.example.com"),
    ROW("Authentication-Results: evil.test (for mx.example.com); dkim=pass"),
    ROW("Authentication-Results: evil.test (for mx.example.com) dkim=pass"),
    ROW("Authentication-Results: \"evil.test (mx.example.com)\" 1; dkim=pass"),
    ROW("Authentication-Results: evil.test; mx.example.com; dkim=pass"),
    ROW("Authentication-Results: evil.test dkim=pass header.d=mx.example.com"),
    ROW("Authentication-Results: =?utf-8?q?evil=2Etest?=; dkim=pass (mx.example.com)"),
    ROW("Authentication-Results: spf=pass (sender IP is 192.0.2.1) smtp.mailfrom=mx.example.com; dkim=none"),
    ROW("Authentication-Results:"),
    ROW("Authentication-Results: ;"),
    ROW("Authentication-Results: (mx.example.com)"),
    ROW("Authentication-Results: i=1; mx.example.com; dkim=pass"),
    ROW("ARC-Authentication-Results: mx.example.com; dkim=pass"),
    ROW("ARC-Authentication-Results: i=1; mx.example.com; dkim=pass"),
    ROW("Original-Authentication-Results: mx.example.com; dkim=pass"),
    ROW("X-Authentication-Results: mx.example.com; dkim=pass"),
    ROW("Authentication-Result: mx.example.com; dkim=pass"),
    ROW("Subject: Authentication-Results: mx.example.com; dkim=pass"),
    ROW("Subject: x\r\n Authentication-Results: mx.example.com; dkim=pass"),
    ROW("X-Odd: a\nAuthentication-Results: evil.test; dkim=pass"),
};

/* What header_section makes of a field. */
static struct header_field field_of(struct span raw) {
    size_t colon = span_find(raw, ':');
    struct span body = colon < raw.len ? span_after(raw, colon + 1) : (struct span){NULL, 0};
    return (struct header_field){.raw = raw, .name = span_trim(span_first(raw, colon)), .body = body};
}

static bool is_claimed(const char *ours, struct row row) {
    struct authserv_id id;
    assert_true(authserv_id_init(&id, span_of(ours)));
    char *exact = memcpy(malloc(row.len), row.text, row.len);
    struct header_field field = field_of((struct span){exact, row.len});
    bool answer = authserv_id_claimed_by(&id, &field);
    free(exact);
    return answer;
}

static void every_spelling_of_ours_is_claimed(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof claimed / sizeof *claimed; i++)
        if (!is_claimed("MX.example.com.", claimed[i])) fail_msg("kept: %s", claimed[i].text);
}

static void foreign_ids_and_look_alikes_are_not(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++)
        if (is_claimed("mx.example.com", foreign[i])) fail_msg("claimed: %s", foreign[i].text);
}

static const struct row u_label[] = {
    ROW("Authentication-Results: mx.ex\xc3\xa4mple.com; dkim=pass"),
    ROW("Authentication-Results: MX.EX\xc3\x84MPLE.COM.; dkim=pass"),
    ROW("Authentication-Results: mx.exa\xcc\x88mple.com 1; dkim=pass"), /* decomposed */
    ROW("Authentication-Results: \"mx.ex\xc3\xa4mple.com\"; dkim=pass"),
    ROW("Authentication-Results: mx.XN--exmple-CUA.com; dkim=pass"),
    ROW("Authentication-Results: mx.ex%C3%A4mple.com; dkim=pass"),
    ROW("Authentication-Results: =?utf-8?q?mx.ex=C3=A4mple.com?=; dkim=pass"),
};

static void u_labels_and_a_labels_are_one(void **state) {
    (void)state;
    static const char *const ours[] = {"mx.ex\xc3\xa4mple.com", "mx.xn--exmple-cua.com"};
    for (size_t i = 0; i < sizeof u_label / sizeof *u_label; i++)
        for (size_t o = 0; o < 2; o++)
            if (!is_claimed(ours[o], u_label[i])) fail_msg("kept: %s", u_label[i].text);
    struct row plain = ROW("Authentication-Results: mx.exmple.com; dkim=pass");
    assert_false(is_claimed(ours[0], plain));
    struct row look_alike = ROW("Authentication-Results: mx.ex\xc3\xa4mple.com; dkim=pass");
    assert_false(is_claimed("mx.exmple.com", look_alike));
}

static void size_hides_nothing(void **state) {
    (void)state;
    static const struct {
        const char *filler, *tail;
    } rows[] = {
        {"(0123456789)", " mx.example.com; dkim=pass"},
        {"\r\n ", "mx.example.com; dkim=pass"},
        {"(", " mx.example.com; dkim=pass"},
        {"((", ")) mx.example.com; dkim=pass"},
        {"\"\"", " mx.example.com; dkim=pass"},
        {";", " mx.example.com; dkim=pass"},
        {"=?x?q?(a)_?=", " mx.example.com; dkim=pass"},
        {"\\", "mx.example.com; dkim=pass"},
        {"\xe2\x80\x8b", "mx.example.com; dkim=pass"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct bytes text = bytes_with_cap(1 << 17);
        bytes_append_text(&text, "Authentication-Results: ");
        while (text.len < 60000) bytes_append_text(&text, rows[i].filler);
        bytes_append_text(&text, rows[i].tail);
        clock_t start = clock();
        if (!is_claimed("mx.example.com", (struct row){text.ptr, text.len}))
            fail_msg("kept: %s...%s", rows[i].filler, rows[i].tail);
        if (clock() - start > CLOCKS_PER_SEC / 2) fail_msg("slow: %s", rows[i].filler);
        bytes_release(&text);
    }
}

static void only_names_become_ids(void **state) {
    (void)state;
    static const char *const bad[] = {"", ".", "a b", "mx.example.com;", "\"mx\"", "mx..com", "m\xffx"};
    static const char *const good[] = {"mx.example.com", "localhost", "MX_1.example.com."};
    struct authserv_id id;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (authserv_id_init(&id, span_of(bad[i]))) fail_msg("accepted: %s", bad[i]);
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        if (!authserv_id_init(&id, span_of(good[i]))) fail_msg("refused: %s", good[i]);
    assert_memory_equal(id.ascii, "mx_1.example.com", id.len);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_spelling_of_ours_is_claimed),
        cmocka_unit_test(foreign_ids_and_look_alikes_are_not),
        cmocka_unit_test(u_labels_and_a_labels_are_one),
        cmocka_unit_test(size_hides_nothing),
        cmocka_unit_test(only_names_become_ids),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
