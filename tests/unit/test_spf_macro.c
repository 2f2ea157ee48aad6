#include "verifier/spf_macro.h" /* first, so the header is proved to stand alone */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "tests/support/exact.h"

static const uint8_t v4[4] = {192, 0, 2, 3};
static const uint8_t v6[16] = {0x20, 0x01, 0x0d, 0xb8, [14] = 0xcb, [15] = 0x01};

static struct spf_macro_values values_of(const char *local_part, const char *sender, bool is_v4) {
    return (struct spf_macro_values){.sender = span_of(sender),
                                     .local_part = span_of(local_part),
                                     .sender_domain = span_of("email.example.com"),
                                     .domain = span_of("email.example.com"),
                                     .helo = span_of("mx.Example.org"),
                                     .receiver = span_of(""),
                                     .validated_name = span_of("mx.example.org"),
                                     .address = is_v4 ? v4 : v6,
                                     .is_v4 = is_v4,
                                     .now_s = 1700000000};
}

static struct spf_macro_values usual(bool is_v4) {
    return values_of("strong-bad", "strong-bad@email.example.com", is_v4);
}

static const struct {
    const char *text, *want;
    bool is_v6;
} texts[] = {
    /* section 7.4 */
    {"%{s}", "strong-bad@email.example.com", false},
    {"%{o}", "email.example.com", false},
    {"%{d}", "email.example.com", false},
    {"%{d4}", "email.example.com", false},
    {"%{d3}", "email.example.com", false},
    {"%{d2}", "example.com", false},
    {"%{d1}", "com", false},
    {"%{dr}", "com.example.email", false},
    {"%{d2r}", "example.email", false},
    {"%{l}", "strong-bad", false},
    {"%{l-}", "strong.bad", false},
    {"%{lr}", "strong-bad", false},
    {"%{lr-}", "bad.strong", false},
    {"%{l1r-}", "strong", false},
    {"%{ir}.%{v}._spf.%{d2}", "3.2.0.192.in-addr._spf.example.com", false},
    {"%{lr-}.lp._spf.%{d2}", "bad.strong.lp._spf.example.com", false},
    {"%{lr-}.lp.%{ir}.%{v}._spf.%{d2}", "bad.strong.lp.3.2.0.192.in-addr._spf.example.com", false},
    {"%{ir}.%{v}.%{l1r-}.lp._spf.%{d2}", "3.2.0.192.in-addr.strong.lp._spf.example.com", false},
    {"%{d2}.trusted-domains.example.net", "example.com.trusted-domains.example.net", false},
    {"%{ir}.%{v}._spf.%{d2}", "1.0.b.c.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6._spf.example.com",
     true},
    /* the other letters, escapes and delimiters */
    {"%{c} %{i} %{v}", "192.0.2.3 192.0.2.3 in-addr", false},
    {"%{c} %{v}", "2001:db8::cb01 ip6", true},
    {"%{r} %{t} %{p} %{h}", "unknown 1700000000 mx.example.org mx.Example.org", false},
    {"%{S}", "strong-bad%40email.example.com", false},
    {"%{S2.@}", NULL, false}, /* @ is no delimiter */
    {"100%% of%_it%-", "100% of it%20", false},
    {"%{l99999999999999999999999r-}", "bad.strong", false},
    {"%{d2R}", "example.email", false},
    {"%{o.-+,/_=}", "email.example.com", false},
    {"", "", false},
};

static void texts_expand_as_wanted(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct span text = exact_copy(span_of(texts[i].text));
        struct spf_macro_values values = usual(!texts[i].is_v6);
        struct bytes out = bytes_with_cap(1024);
        enum spf_macro_status status = spf_macro_expand_text(text, &values, &out);
        bool wanted = texts[i].want != NULL ? status == SPF_MACRO_OK && span_is(bytes_span(&out), texts[i].want)
                                            : status == SPF_MACRO_SYNTAX;
        if (!wanted)
            fail_msg("\"%s\": %s, \"%.*s\"", texts[i].text, spf_macro_status_text(status), (int)out.len, out.ptr);
        bytes_release(&out);
        exact_free(text);
    }
}

static const struct {
    const char *local_part, *text, *want;
} parts[] = {
    {"a.b-c+d,e/f_g=h", "%{l.-+,/_=}", "a.b.c.d.e.f.g.h"},
    {"a.b-c+d,e/f_g=h", "%{l3r.-+,/_=}", "c.b.a"},
    {"a.b-c+d,e/f_g=h", "%{l1.-+,/_=}", "h"},
    {"a--b", "%{l-}", "a..b"},
    {"a--b", "%{l2-}", ".b"},
    {"a--b", "%{l2r-}", ".a"},
    {"-", "%{lr-}", "."},
    {"-a", "%{l1r-}", ""},
    {"a-", "%{l1-}", ""},
    {"jack&jill=up", "%{L}", "jack%26jill%3Dup"},
    {"jack&jill=up", "%{L=}", "jack%26jill.up"},
    {"a~b_c.d", "%{L}", "a~b_c.d"},
};

static void parts_are_split_reversed_and_kept(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        struct span local_part = exact_copy(span_of(parts[i].local_part));
        struct spf_macro_values values = usual(true);
        struct bytes out = bytes_with_cap(1024);
        values.local_part = local_part;
        assert_int_equal(spf_macro_expand_text(span_of(parts[i].text), &values, &out), SPF_MACRO_OK);
        if (!span_is(bytes_span(&out), parts[i].want))
            fail_msg("%s of \"%s\": \"%.*s\"", parts[i].text, parts[i].local_part, (int)out.len, out.ptr);
        bytes_release(&out);
        exact_free(local_part);
    }
}

static const struct {
    const char *text;
    bool domain, modifier, explanation;
} grammar[] = {
    {"a.example", true, true, true},
    {"a.example.", true, true, true},
    {".com", true, true, true},
    {"%{d}", true, true, true},
    {"a%%", true, true, true},
    {"foo:bar/baz.example", true, true, true},
    {"a.xn--zckzah", true, true, true},
    {"a.1-2", true, true, true},
    {"", false, true, true},
    {"a", false, true, true},
    {"a.", false, true, true},
    {".", false, true, true},
    {"%{d}.", false, true, true},
    {"%{d}com", false, true, true},
    {"a.123", false, true, true},
    {"a.-com", false, true, true},
    {"a.com-", false, true, true},
    {"a.example:80", false, true, true},
    {"%{c}", false, true, true}, /* 7.2: only in exp= text; an unknown modifier's value means nothing */
    {"%{r}.example", false, true, true},
    {"%{T}.example", false, true, true},
    {"a b.example", false, false, true},
    {"%", false, false, false},
    {"%a", false, false, false},
    {"%(d)", false, false, false},
    {"%{", false, false, false},
    {"%{d", false, false, false},
    {"%{}", false, false, false},
    {"%{x}", false, false, false},
    {"%{d0}", false, false, false}, /* 7.3: nonzero */
    {"%{d00}", false, false, false},
    {"%{dr2}", false, false, false},
    {"%{d-r}", false, false, false},
    {"%{d;}", false, false, false},
    {"a\tb", false, false, false},
    {"a\x7f", false, false, false},
    {"\xc3\xa9.example", false, false, false},
};

static void the_grammar_is_kept(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof grammar / sizeof *grammar; i++) {
        struct span text = exact_copy(span_of(grammar[i].text));
        if (spf_macro_is_valid(text, SPF_MACRO_IN_DOMAIN) != grammar[i].domain ||
            spf_macro_is_valid(text, SPF_MACRO_IN_MODIFIER) != grammar[i].modifier ||
            spf_macro_is_valid(text, SPF_MACRO_IN_EXPLANATION) != grammar[i].explanation)
            fail_msg("\"%s\"", grammar[i].text);
        exact_free(text);
    }
    assert_false(spf_macro_is_valid((struct span){"a.b\0", 4}, SPF_MACRO_IN_EXPLANATION));
    assert_true(spf_macro_wants_validated_name(span_of("a.%{d}.%{P2r-}")));
    assert_false(spf_macro_wants_validated_name(span_of("p.%%{p}.%{d}")));
}

/* count times piece, then end; free() its ptr. */
static struct span repeat(const char *piece, size_t count, const char *end) {
    size_t len = strlen(piece);
    char *text = malloc(count * len + strlen(end) + 1);
    assert_non_null(text);
    for (size_t i = 0; i < count; i++) memcpy(text + i * len, piece, len);
    memcpy(text + count * len, end, strlen(end));
    return (struct span){text, count * len + strlen(end)};
}

static void long_names_lose_labels_on_the_left(void **state) {
    (void)state;
    struct spf_macro_values values = usual(true);
    char out[SPF_MACRO_DOMAIN_MAX];
    for (size_t count = 1; count < 600; count++) { /* labels of 9 octets and a dot each */
        struct span spec = repeat("labellabe.", count, "example.org."), plain = {spec.ptr, spec.len - 1};
        size_t len, kept = plain.len <= 253 ? plain.len : (253 - 11) / 10 * 10 + 11;
        assert_int_equal(spf_macro_expand_domain(spec, &values, out, &len), SPF_MACRO_OK);
        if (!span_equal((struct span){out, len}, span_after(plain, plain.len - kept))) fail_msg("%zu labels", count);
        free((void *)(size_t)spec.ptr);
    }
    struct span one = repeat("a", 300, ".%{d}"), all = repeat("a", 300, "%{l}");
    size_t len;
    assert_int_equal(spf_macro_expand_domain(one, &values, out, &len), SPF_MACRO_OK);
    assert_true(span_is((struct span){out, len}, "email.example.com"));
    assert_int_equal(spf_macro_expand_domain(all, &values, out, &len), SPF_MACRO_OK);
    assert_int_equal(len, 0); /* one label that is too long: nothing is left */
    free((void *)(size_t)one.ptr);
    free((void *)(size_t)all.ptr);
}

static void bombs_are_refused(void **state) {
    (void)state;
    struct span big = repeat("x-", 2000, ""), bomb = repeat("%{Lr-}", 2500, ".example"),
                fits = repeat("%{Lr-}", 16, ".a");
    struct spf_macro_values values = usual(true);
    char name[SPF_MACRO_DOMAIN_MAX];
    size_t len;
    values.local_part = big;
    assert_int_equal(spf_macro_expand_domain(bomb, &values, name, &len), SPF_MACRO_TOO_LONG);
    assert_int_equal(len, 0);
    assert_int_equal(spf_macro_expand_domain(fits, &values, name, &len), SPF_MACRO_OK); /* 64,000 octets: within */
    struct bytes text = bytes_with_cap(100);
    assert_int_equal(spf_macro_expand_text(fits, &values, &text), SPF_MACRO_TOO_LONG);
    assert_true(text.len <= 100);
    bytes_release(&text);
    free((void *)(size_t)big.ptr);
    free((void *)(size_t)bomb.ptr);
    free((void *)(size_t)fits.ptr);
}

static void an_explanation_is_ascii(void **state) {
    (void)state;
    static const char *const local_parts[] = {"\xc3\xa9", "a\r\nb", "a\tb", "a\x7f"};
    for (size_t i = 0; i < sizeof local_parts / sizeof *local_parts; i++) {
        struct spf_macro_values values = values_of(local_parts[i], "x", true);
        struct bytes out = bytes_with_cap(100);
        assert_int_equal(spf_macro_expand_text(span_of("hello %{l}"), &values, &out), SPF_MACRO_NOT_ASCII);
        bytes_clear(&out);
        assert_int_equal(spf_macro_expand_text(span_of("hello %{L}"), &values, &out), SPF_MACRO_OK);
        bytes_release(&out);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_expand_as_wanted), cmocka_unit_test(parts_are_split_reversed_and_kept),
        cmocka_unit_test(the_grammar_is_kept),    cmocka_unit_test(long_names_lose_labels_on_the_left),
        cmocka_unit_test(bombs_are_refused),      cmocka_unit_test(an_explanation_is_ascii),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
