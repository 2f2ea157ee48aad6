#include "verifier/spf_record.h" /* first, so the header is proved to stand alone */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "base/bytes.h"
#include "tests/support/exact.h"

/* want: of a valid record its directives and modifiers as the test writes them again; else the term at fault. */
static const struct {
    const char *text;
    enum spf_record_status status;
    const char *want;
} rows[] = {
    {"v=spf1", SPF_RECORD_OK, ""},
    {"V=SPF1  ", SPF_RECORD_OK, ""},
    {"v=spf1 mx a:example.com/24 -all", SPF_RECORD_OK, "+mx[]/32//128 +a[example.com]/24//128 -all "},
    {"v=spf1 a//64 A/0//0 ~MX:%{d2}/8 ?all", SPF_RECORD_OK, "+a[]/32//64 +a[]/0//0 ~mx[%{d2}]/8//128 ?all "},
    {"v=spf1 a:foo:bar/baz.example.com", SPF_RECORD_OK, "+a[foo:bar/baz.example.com]/32//128 "},
    {"v=spf1 a:a/24.example.com/24", SPF_RECORD_OK, "+a[a/24.example.com]/24//128 "},
    {"v=spf1 ip4:192.0.2.0/24 ip4:192.0.2.1 -ip6:2001:db8::/32 ip6:::1", SPF_RECORD_OK,
     "+ip4=c0000200/24 +ip4=c0000201/32 -ip6=20010db8/32 +ip6=00000000/128 "},
    {"v=spf1 ip6:::ffff:1.2.3.4/0", SPF_RECORD_OK, "+ip6=00000000/0 "},
    {"v=spf1 ptr ptr:example.com. include:%{o} exists:%{ir}.%{v}.x.org", SPF_RECORD_OK,
     "+ptr[] +ptr[example.com.] +include[%{o}] +exists[%{ir}.%{v}.x.org] "},
    {"v=spf1 REDIRECT=a.example eXp=%{d} moo= moo=x%{r} a.b-c_d=1", SPF_RECORD_OK, "redirect=a.example exp=%{d} "},
    {"v=spf1 all=x -all", SPF_RECORD_OK, "-all "}, /* a modifier by its "=" */
    {"v=spf10", SPF_RECORD_NO_VERSION, ""},
    {"v=spf1\tall", SPF_RECORD_NO_VERSION, ""},
    {"v=spf", SPF_RECORD_NO_VERSION, ""},
    {"", SPF_RECORD_NO_VERSION, ""},
    {"v=spf1 moo", SPF_RECORD_UNKNOWN_MECHANISM, "moo"},
    {"v=spf1 -all moo:x", SPF_RECORD_UNKNOWN_MECHANISM, "moo:x"}, /* 4.6: also behind a match */
    {"v=spf1 -", SPF_RECORD_UNKNOWN_MECHANISM, "-"},
    {"v=spf1 --all", SPF_RECORD_UNKNOWN_MECHANISM, "--all"},
    {"v=spf1 =all", SPF_RECORD_UNKNOWN_MECHANISM, "=all"},
    {"v=spf1 1up=foo", SPF_RECORD_UNKNOWN_MECHANISM, "1up=foo"},
    {"v=spf1 -moo=foo", SPF_RECORD_UNKNOWN_MECHANISM, "-moo=foo"},
    {"v=spf1 all:x.org", SPF_RECORD_BAD_ARGUMENT, "all:x.org"},
    {"v=spf1 all/8", SPF_RECORD_BAD_ARGUMENT, "all/8"},
    {"v=spf1 include", SPF_RECORD_BAD_ARGUMENT, "include"},
    {"v=spf1 include:", SPF_RECORD_BAD_ARGUMENT, "include:"},
    {"v=spf1 include:x.org/24", SPF_RECORD_BAD_DOMAIN, "include:x.org/24"},
    {"v=spf1 exists", SPF_RECORD_BAD_ARGUMENT, "exists"},
    {"v=spf1 a:", SPF_RECORD_BAD_ARGUMENT, "a:"},
    {"v=spf1 a:museum", SPF_RECORD_BAD_DOMAIN, "a:museum"},
    {"v=spf1 a:1.2.3.4", SPF_RECORD_BAD_DOMAIN, "a:1.2.3.4"},
    {"v=spf1 a:%{r}.org", SPF_RECORD_BAD_DOMAIN, "a:%{r}.org"},
    {"v=spf1 a/33", SPF_RECORD_BAD_PREFIX, "a/33"},
    {"v=spf1 a//129", SPF_RECORD_BAD_PREFIX, "a//129"},
    {"v=spf1 a/024", SPF_RECORD_BAD_PREFIX, "a/024"},
    {"v=spf1 a/00", SPF_RECORD_BAD_PREFIX, "a/00"},
    {"v=spf1 a//00", SPF_RECORD_BAD_PREFIX, "a//00"},
    {"v=spf1 a/99999999999999999999", SPF_RECORD_BAD_PREFIX, "a/99999999999999999999"},
    {"v=spf1 a/", SPF_RECORD_BAD_ARGUMENT, "a/"},
    {"v=spf1 a/24/", SPF_RECORD_BAD_ARGUMENT, "a/24/"},
    {"v=spf1 a/24//", SPF_RECORD_BAD_ARGUMENT, "a/24//"},
    {"v=spf1 a//24//64", SPF_RECORD_BAD_ARGUMENT, "a//24//64"},
    {"v=spf1 a///64", SPF_RECORD_BAD_ARGUMENT, "a///64"},
    {"v=spf1 mx/8:x.org", SPF_RECORD_BAD_ARGUMENT, "mx/8:x.org"},
    {"v=spf1 ptr/0", SPF_RECORD_BAD_ARGUMENT, "ptr/0"},
    {"v=spf1 ip4", SPF_RECORD_BAD_ARGUMENT, "ip4"},
    {"v=spf1 ip4:", SPF_RECORD_BAD_ARGUMENT, "ip4:"},
    {"v=spf1 ip4/24", SPF_RECORD_BAD_ARGUMENT, "ip4/24"},
    {"v=spf1 ip4:1.2.3", SPF_RECORD_BAD_NETWORK, "ip4:1.2.3"},
    {"v=spf1 ip4:1.2.3.04", SPF_RECORD_BAD_NETWORK, "ip4:1.2.3.04"},
    {"v=spf1 ip4:1.2.3.256", SPF_RECORD_BAD_NETWORK, "ip4:1.2.3.256"},
    {"v=spf1 ip4:1.2.3.4:25", SPF_RECORD_BAD_NETWORK, "ip4:1.2.3.4:25"},
    {"v=spf1 ip4:/24", SPF_RECORD_BAD_NETWORK, "ip4:/24"},
    {"v=spf1 ip4:1.2.3.4/33", SPF_RECORD_BAD_PREFIX, "ip4:1.2.3.4/33"},
    {"v=spf1 ip4:1.2.3.4//32", SPF_RECORD_BAD_PREFIX, "ip4:1.2.3.4//32"},
    {"v=spf1 ip4:1.2.3.4/", SPF_RECORD_BAD_PREFIX, "ip4:1.2.3.4/"},
    {"v=spf1 ip4:::1", SPF_RECORD_BAD_NETWORK, "ip4:::1"},
    {"v=spf1 ip6:1.2.3.4", SPF_RECORD_BAD_NETWORK, "ip6:1.2.3.4"},
    {"v=spf1 ip6:::1/129", SPF_RECORD_BAD_PREFIX, "ip6:::1/129"},
    {"v=spf1 ip6:1111:1111:1111:1111:1111:1111:111.111.111.1111", SPF_RECORD_BAD_NETWORK,
     "ip6:1111:1111:1111:1111:1111:1111:111.111.111.1111"},
    {"v=spf1 redirect=a.example redirect=b.example", SPF_RECORD_DUPLICATE_MODIFIER, "redirect=b.example"},
    {"v=spf1 exp=a.example EXP=a.example", SPF_RECORD_DUPLICATE_MODIFIER, "EXP=a.example"},
    {"v=spf1 redirect=", SPF_RECORD_BAD_DOMAIN, "redirect="},
    {"v=spf1 exp=-all", SPF_RECORD_BAD_DOMAIN, "exp=-all"},
    {"v=spf1 moo=%abc", SPF_RECORD_BAD_MODIFIER, "moo=%abc"},
    {"v=spf1 a\tmx", SPF_RECORD_BAD_OCTET, "a\tmx"},
    {"v=spf1 \xc3\xa9", SPF_RECORD_BAD_OCTET, "\xc3\xa9"},
};

static void write_directive(struct bytes *out, const struct spf_directive *directive) {
    static const char *const words[] = {"all", "include", "a", "mx", "ptr", "ip4", "ip6", "exists"};
    const uint8_t *address = directive->network.address;
    bool has_prefixes = directive->mechanism == SPF_MECHANISM_A || directive->mechanism == SPF_MECHANISM_MX;
    bool is_network = directive->mechanism == SPF_MECHANISM_IP4 || directive->mechanism == SPF_MECHANISM_IP6;
    char sign = directive->qualifier == RESULT_PASS       ? '+'
                : directive->qualifier == RESULT_FAIL     ? '-'
                : directive->qualifier == RESULT_SOFTFAIL ? '~'
                                                          : '?';
    bytes_append_format(out, "%c%s", sign, words[directive->mechanism]);
    if (is_network)
        bytes_append_format(out, "=%02x%02x%02x%02x/%u", address[0], address[1], address[2], address[3],
                            directive->network.prefix_bits);
    else if (directive->mechanism != SPF_MECHANISM_ALL)
        bytes_append_format(out, "[%.*s]", (int)directive->domain_spec.len, directive->domain_spec.ptr);
    if (has_prefixes) bytes_append_format(out, "/%u//%u", directive->prefix_v4_bits, directive->prefix_v6_bits);
    bytes_append_char(out, ' ');
}

static void write_record(struct bytes *out, const struct spf_record *record) {
    struct spf_directive directive;
    for (size_t at = 0; spf_record_next(record, &at, &directive);) write_directive(out, &directive);
    if (record->redirect.len > 0)
        bytes_append_format(out, "redirect=%.*s ", (int)record->redirect.len, record->redirect.ptr);
    if (record->explanation.len > 0)
        bytes_append_format(out, "exp=%.*s ", (int)record->explanation.len, record->explanation.ptr);
}

static void every_row_parses_as_wanted(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct span text = exact_copy(span_of(rows[i].text)), term;
        struct bytes out = bytes_with_cap(1000);
        struct spf_record record;
        enum spf_record_status status = spf_record_parse(text, &record, &term);
        write_record(&out, &record);
        if (status != SPF_RECORD_OK) assert_int_equal(out.len, 0);
        if (status != rows[i].status || !span_is(status == SPF_RECORD_OK ? bytes_span(&out) : term, rows[i].want))
            fail_msg("\"%s\": %s, %.*s \"%.*s\"", rows[i].text, spf_record_status_text(status), (int)term.len, term.ptr,
                     (int)out.len, out.ptr);
        bytes_release(&out);
        exact_free(text);
    }
}

static void a_nul_is_an_octet_of_the_term(void **state) {
    (void)state;
    static const char text[] = "v=spf1 a:foo.example.com\0 -all";
    struct spf_record record;
    struct span term;
    assert_int_equal(spf_record_parse((struct span){text, sizeof text - 1}, &record, &term), SPF_RECORD_BAD_OCTET);
    assert_int_equal(term.len, 18);
}

static void a_directive_keeps_its_text(void **state) {
    (void)state;
    struct spf_record record;
    struct spf_directive directive;
    struct span term;
    size_t at = 0;
    assert_int_equal(spf_record_parse(span_of("v=spf1 x=y ~A:b.example/8  -all"), &record, &term), SPF_RECORD_OK);
    assert_true(spf_record_next(&record, &at, &directive) && span_is(directive.text, "~A:b.example/8"));
    assert_true(spf_record_next(&record, &at, &directive) && span_is(directive.text, "-all"));
    assert_false(spf_record_next(&record, &at, &directive));
}

static void the_longest_record_is_16_kib(void **state) {
    (void)state;
    char *text = malloc(SPF_RECORD_MAX + 1);
    struct spf_record record;
    struct spf_directive directive;
    struct span term;
    size_t at = 0, count = 0;
    assert_non_null(text);
    memset(text, ' ', SPF_RECORD_MAX + 1);
    memcpy(text, "v=spf1", 6);
    for (size_t i = 7; i < SPF_RECORD_MAX; i += 2) text[i] = 'a';
    assert_int_equal(spf_record_parse((struct span){text, SPF_RECORD_MAX}, &record, &term), SPF_RECORD_OK);
    while (spf_record_next(&record, &at, &directive)) count++;
    assert_int_equal(count, (SPF_RECORD_MAX - 6) / 2);
    assert_int_equal(spf_record_parse((struct span){text, SPF_RECORD_MAX + 1}, &record, &term), SPF_RECORD_TOO_LONG);
    free(text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_parses_as_wanted),
        cmocka_unit_test(a_nul_is_an_octet_of_the_term),
        cmocka_unit_test(a_directive_keeps_its_text),
        cmocka_unit_test(the_longest_record_is_16_kib),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
