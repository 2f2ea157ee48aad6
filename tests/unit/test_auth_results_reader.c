#include "verifier/auth_results_reader.h" /* first, so the header is proved to stand alone */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "base/bytes.h"

/* What was read, as text: id/version, then |method/version=result "reason" type.name=<value> ... */
static const struct {
    const char *value, *want;
} valid[] = {
    {"example.org; none", "example.org/1"}, /* RFC 8601 appendix B.2 */
    {"example.org 1; none", "example.org/1"},
    {"example.com; spf=pass smtp.mailfrom=example.net",
     "example.com/1|spf/1=pass smtp.mailfrom=<example.net>"}, /* B.3 */
    {"example.com;\r\n\tauth=pass (cram-md5) smtp.auth=sender@example.net;\r\n\tspf=pass smtp.mailfrom=example.net",
     "example.com/1|auth/1=pass smtp.auth=<sender@example.net>|spf/1=pass smtp.mailfrom=<example.net>"}, /* B.4 */
    {"foo.example.net (foobar) 1 (baz);\r\n   dkim (Because I like it) / 1 (One yay) = (wait for it) fail\r\n"
     "     policy (A dot can go here) . (like that) expired\r\n     (this surprised me) = (as I wasn't expecting it) "
     "1362471462",
     "foo.example.net/1|dkim/1=fail policy.expired=<1362471462>"}, /* B.7 */
    {"a 17; none\r\n", "a/17"},
    {"\"a b\\\"c\"; none\n", "a b\"c/1"},
    {"(x(y(z))\\() a ; (c) none (d)", "a/1"},
    {"a; DKIM=Pass Header.D=Example.COM", "a/1|dkim/1=pass header.d=<Example.COM>"},
    {"a; dkim=fail reason=\"bad \\\"sig\\\"\" header.b=\"a/b=\"", "a/1|dkim/1=fail \"bad \"sig\"\" header.b=<a/b=>"},
    {"a; dkim=fail reason = token(c)header.b=DU/QdEi3", "a/1|dkim/1=fail \"token\" header.b=<DU/QdEi3>"},
    {"a; spf=pass smtp.mailfrom=\"\" smtp.helo=h", "a/1|spf/1=pass smtp.mailfrom=<> smtp.helo=<h>"},
    {"a; spf=pass smtp.mailfrom=\"j d\"@example.com", "a/1|spf/1=pass smtp.mailfrom=<\"j d\"@example.com>"},
    {"a; iprev=pass policy.iprev=2001:db8::1 (x)", "a/1|iprev/1=pass policy.iprev=<2001:db8::1>"},
    {"a; iprev=fail policy.iprev=\\", "a/1|iprev/1=fail policy.iprev=<\\>"},
    {"a; x-y-z/2=w-w dns.sec=y", "a/1|x-y-z/2=w-w dns.sec=<y>"},
    {"a; x=y r.s=\"one\r\n two\"", "a/1|x/1=y r.s=<one two>"},
    {"a; x=y reason.s=v", "a/1|x/1=y reason.s=<v>"},
    {"a; dkim=pass header.i=\"\xe8\x8a\xb1@x\"", "a/1|dkim/1=pass header.i=<\xe8\x8a\xb1@x>"}, /* RFC 8616 */
};

static const struct {
    const char *value;
    enum auth_results_status want;
    size_t at;
} invalid[] = {
    {"", AUTH_RESULTS_BAD_ID, 0},
    {"; none", AUTH_RESULTS_BAD_ID, 0},
    {"\"\"; none", AUTH_RESULTS_BAD_ID, 2},
    {"a@b; none", AUTH_RESULTS_BAD_VERSION, 1},
    {"a", AUTH_RESULTS_NO_RESULT, 1},
    {"a;", AUTH_RESULTS_NO_RESULT, 2},
    {"a 1", AUTH_RESULTS_NO_RESULT, 3},
    {"a 1.0; none", AUTH_RESULTS_BAD_VERSION, 3},
    {"a 1234567890; none", AUTH_RESULTS_BAD_VERSION, 2},
    {"a b; none", AUTH_RESULTS_BAD_VERSION, 2},
    {"a; none; spf=pass", AUTH_RESULTS_NONE_WITH_OTHERS, 7},
    {"a; spf=pass; none", AUTH_RESULTS_NO_EQUALS, 17},
    {"a; spf=pass;", AUTH_RESULTS_LAST_SEMICOLON, 12},
    {"a;; spf=pass", AUTH_RESULTS_BAD_METHOD, 2},
    {"a; spf", AUTH_RESULTS_NO_EQUALS, 6},
    {"a; spf pass", AUTH_RESULTS_NO_EQUALS, 7},
    {"a; spf=", AUTH_RESULTS_BAD_RESULT, 7},
    {"a; spf=\"pass\"", AUTH_RESULTS_BAD_RESULT, 7},
    {"a; spf/x=pass", AUTH_RESULTS_BAD_VERSION, 7},
    {"a; x=y reason=;", AUTH_RESULTS_BAD_REASON, 14},
    {"a; x=y p.q=r reason=s", AUTH_RESULTS_BAD_PROPERTY, 19},
    {"a; x=y p", AUTH_RESULTS_BAD_PROPERTY, 8},
    {"a; x=y p.", AUTH_RESULTS_BAD_PROPERTY, 9},
    {"a; x=y p.q", AUTH_RESULTS_NO_EQUALS, 10},
    {"a; x=y p.q=", AUTH_RESULTS_BAD_VALUE, 11},
    {"a; x=y p.q=;", AUTH_RESULTS_BAD_VALUE, 11},
    {"a; x=y p=q=r", AUTH_RESULTS_BAD_PROPERTY, 8},
    {"a; x=y )", AUTH_RESULTS_BAD_PROPERTY, 7},
    {"a; x=y (c", AUTH_RESULTS_OPEN_COMMENT, 7},
    {"a; x=y (c\\", AUTH_RESULTS_OPEN_COMMENT, 7},
    {"a; x=y (c\\)", AUTH_RESULTS_OPEN_COMMENT, 7},
    {"a; x=y p.q=\"r", AUTH_RESULTS_OPEN_QUOTE, 11},
    {"a; x=y p.q=\"r\\", AUTH_RESULTS_OPEN_QUOTE, 11},
    {"a; x=y p.q=\"r\rs\"", AUTH_RESULTS_BAD_OCTET, 13},
    {"a; x=y p.q=\"r\r\nX: y\"", AUTH_RESULTS_BAD_OCTET, 13},
    {"a; x=y (\x01)", AUTH_RESULTS_BAD_OCTET, 8},
    {"a; x=y (\xff)", AUTH_RESULTS_BAD_OCTET, 8},
    {"a; x=y\r", AUTH_RESULTS_BAD_PROPERTY, 6},
};

/* Microsoft's form, as it was seen: results from the start on. */
static const struct {
    const char *value, *want;
} claims[] = {
    {"spf=pass (sender IP is 40.107.22.53)\r\n smtp.mailfrom=example.com; dkim=pass (signature was verified)\r\n"
     " header.d=example.com;dmarc=pass action=none\r\n header.from=example.com;compauth=pass reason=100\r\n",
     "/1|spf/1=pass smtp.mailfrom=<example.com>|dkim/1=pass header.d=<example.com>"
     "|dmarc/1=pass .action=<none> header.from=<example.com>|compauth/1=pass \"100\""},
    {"spf=none (sender IP is )\r\n smtp.mailfrom=a.test; b.test; dkim=none (message not signed)\r\n header.d=none;b.test; "
     "dmarc=bestguesspass action=none header.from=a.test;",
     "/1|spf/1=none smtp.mailfrom=<a.test>|dkim/1=none header.d=<none>|dmarc/1=bestguesspass .action=<none> header.from=<a.test>"},
    {" (c) SPF (c) = fail", "/1|spf/1=fail"},
    {"spf/2=fail", NULL}, /* no version in this form */
    {"spf=", NULL},
    {"spf=pass b c; x=y", NULL},
    {"spf=pass; \"b.test\"; x=y", NULL},
    {"spf=pass (c", NULL},
    {"a.test; spf=pass action=none", NULL},
    {"a.test; spf=pass", NULL},
    {"", NULL},
    {"=", NULL},
    {"(c", NULL},
};

static void describe(const struct auth_results *read, struct bytes *text) {
    bytes_append(text, read->authserv_id);
    bytes_append_format(text, "/%u", read->version);
    for (size_t i = 0; i < read->count; i++) {
        const struct auth_results_info *info = &read->info[i];
        bytes_append_format(text, "|%.*s/%u=%.*s", (int)info->method.len, info->method.ptr, info->method_version,
                            (int)info->result.len, info->result.ptr);
        if (info->has_reason) bytes_append_format(text, " \"%.*s\"", (int)info->reason.len, info->reason.ptr);
        for (size_t p = 0; p < info->prop_count; p++)
            bytes_append_format(text, " %.*s.%.*s=<%.*s>", (int)info->prop[p].ptype.len, info->prop[p].ptype.ptr,
                                (int)info->prop[p].property.len, info->prop[p].property.ptr,
                                (int)info->prop[p].value.len, info->prop[p].value.ptr);
    }
    bytes_append_char(text, '\0');
    assert_false(text->failed);
}

static enum auth_results_status read_exact(const char *value, char **exact, struct arena *arena,
                                           struct auth_results *out, size_t *at) {
    size_t len = strlen(value);
    *exact = memcpy(malloc(len > 0 ? len : 1), value, len);
    return auth_results_read((struct span){*exact, len}, arena, out, at);
}

static void valid_values_are_read_as_wanted(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof valid / sizeof *valid; i++) {
        struct arena *arena = arena_create(1 << 20);
        struct bytes text = bytes_with_cap(1 << 16);
        struct auth_results read;
        char *exact;
        size_t at;
        enum auth_results_status status = read_exact(valid[i].value, &exact, arena, &read, &at);
        if (status != AUTH_RESULTS_OK)
            fail_msg("\"%s\": %s at %zu", valid[i].value, auth_results_status_text(status), at);
        describe(&read, &text);
        assert_string_equal(text.ptr, valid[i].want);
        bytes_release(&text);
        arena_destroy(arena);
        free(exact);
    }
}

static void invalid_values_are_refused_at_the_right_place(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof invalid / sizeof *invalid; i++) {
        struct arena *arena = arena_create(1 << 20);
        struct auth_results read;
        char *exact;
        size_t at;
        enum auth_results_status status = read_exact(invalid[i].value, &exact, arena, &read, &at);
        if (status != invalid[i].want || at != invalid[i].at)
            fail_msg("\"%s\": %s at %zu", invalid[i].value, auth_results_status_text(status), at);
        assert_int_equal(read.count, 0);
        assert_null(read.authserv_id.ptr);
        arena_destroy(arena);
        free(exact);
    }
}

/* Each beginning of a valid value is read or refused, never misread beyond its end (the sanitizer watches). */
static void every_cut_value_is_survived(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof valid / sizeof *valid; i++)
        for (size_t len = 0; len < strlen(valid[i].value); len++) {
            struct arena *arena = arena_create(1 << 20);
            char *exact = memcpy(malloc(len > 0 ? len : 1), valid[i].value, len);
            struct auth_results read;
            size_t at;
            auth_results_read((struct span){exact, len}, arena, &read, &at);
            assert_true(at <= len);
            arena_destroy(arena);
            free(exact);
        }
}

static void values_without_authserv_id_are_claims(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof claims / sizeof *claims; i++)
        for (size_t cut = 0, whole = strlen(claims[i].value); cut <= whole; cut++) {
            struct arena *arena = arena_create(1 << 20);
            struct bytes text = bytes_with_cap(1 << 16);
            struct auth_results read;
            size_t at, len = whole - cut;
            char *exact = memcpy(malloc(len > 0 ? len : 1), claims[i].value, len);
            struct span value = {exact, len};
            enum auth_results_status status = auth_results_read_claim(value, arena, &read, &at);
            assert_true(at <= len);
            if (cut == 0 && (status == AUTH_RESULTS_OK) != (claims[i].want != NULL))
                fail_msg("\"%s\": %s at %zu", claims[i].value, auth_results_status_text(status), at);
            describe(&read, &text);
            if (cut == 0 && status == AUTH_RESULTS_OK) assert_string_equal(text.ptr, claims[i].want);
            if (status == AUTH_RESULTS_OK) assert_int_not_equal(auth_results_read(value, arena, &read, &at), AUTH_RESULTS_OK);
            bytes_release(&text);
            arena_destroy(arena);
            free(exact);
        }
}

static void too_many_results_and_a_spent_arena_are_statuses(void **state) {
    (void)state;
    struct bytes text = bytes_with_cap(1 << 20);
    bytes_append_text(&text, "a");
    for (int i = 0; i <= AUTH_RESULTS_METHODS_MAX; i++) bytes_append_text(&text, ";x=y");
    struct arena *arena = arena_create(1 << 20), *small = arena_create(64);
    struct auth_results read;
    size_t at;
    assert_int_equal(auth_results_read(bytes_span(&text), arena, &read, &at), AUTH_RESULTS_TOO_MANY);
    assert_int_equal(auth_results_read(span_of("a; dkim=pass"), small, &read, &at), AUTH_RESULTS_OUT_OF_MEMORY);
    bytes_clear(&text);
    bytes_append_text(&text, "a; x=y");
    for (int i = 0; i <= AUTH_RESULTS_PROPS_MAX; i++) bytes_append_text(&text, " p.q=r");
    assert_int_equal(auth_results_read(bytes_span(&text), arena, &read, &at), AUTH_RESULTS_TOO_MANY);
    arena_destroy(small);
    arena_destroy(arena);
    bytes_release(&text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(valid_values_are_read_as_wanted),
        cmocka_unit_test(invalid_values_are_refused_at_the_right_place),
        cmocka_unit_test(every_cut_value_is_survived),
        cmocka_unit_test(values_without_authserv_id_are_claims),
        cmocka_unit_test(too_many_results_and_a_spent_arena_are_statuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
