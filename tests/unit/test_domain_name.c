#include "verifier/domain_name.h" /* first, so the header is proved to stand alone */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define L63 "a23456789012345678901234567890123456789012345678901234567890123"
#define L61 "a234567890123456789012345678901234567890123456789012345678901"

static const struct {
    const char *name;
    bool need_dot;
    const char *want; /* NULL: not legal */
} rows[] = {
    {"example.com", true, "example.com"},
    {"EXAMPLE.Com.", true, "example.com"},
    {"sel", false, "sel"},
    {"sel", true, NULL},
    {"sel.", true, NULL},
    {"_domainkey.x-1.example", true, "_domainkey.x-1.example"},
    {"s1024.2024_a", false, "s1024.2024_a"},
    {"", false, NULL},
    {".", false, NULL},
    {"..", false, NULL},
    {".a", false, NULL},
    {"a..b", false, NULL},
    {"a.b..", false, NULL},
    {"a b.c", true, NULL},
    {" a.b", true, NULL},
    {"a.b(c", true, NULL},
    {"legitimate.com(.attacker.com", true, NULL},
    {"a\n.b", true, NULL},
    {"a.b\x7f", true, NULL},
    {"a@b.c", true, NULL},
    {"*.b.c", true, NULL},
    {"a\\.b", true, NULL},
    {"[192.0.2.1]", true, NULL},
    {L63 ".b", true, L63 ".b"},
    {L63 "x.b", true, NULL}, /* RFC 1035 2.3.4: 63 octets a label */
    {L63 "." L63 "." L63 "." L61, true, L63 "." L63 "." L63 "." L61},
    {L63 "." L63 "." L63 "." L61 ".", true, L63 "." L63 "." L63 "." L61},
    {L63 "." L63 "." L63 "." L61 "x", true, NULL}, /* 253 octets a name */
    {L63 "." L63 "." L63 "." L61 ".b", true, NULL},
    {L63 "." L63 "." L63 "." L63, true, NULL},
    {"b\xc3\xbc" "cher.example", true, "xn--bcher-kva.example"}, /* RFC 8616: U-labels */
    {"B\xc3\x9c" "CHER.example.", true, "xn--bcher-kva.example"},
    {"bu\xcc\x88" "cher.example", true, "xn--bcher-kva.example"}, /* decomposed: NFC first */
    {"XN--BCHER-KVA.EXAMPLE", true, "xn--bcher-kva.example"},
    {"fa\xc3\x9f.de", true, "xn--fa-hia.de"}, /* RFC 5894: not fass */
    {"_x.b\xc3\xbc" "cher.example", true, "_x.xn--bcher-kva.example"},
    {"\xe4\xbe\x8b\xe3\x81\x88.\xe3\x83\x86\xe3\x82\xb9\xe3\x83\x88", true, "xn--r8jz45g.xn--zckzah"},
    {"\xc3\xbc", true, NULL},
    {"b\xfc" "cher.example", true, NULL},             /* Latin-1 */
    {"b\xc3\xbc cher.example", true, NULL},
    {"b\xc3\xbc_x.example", true, NULL},
    {"b\xc3\xbc(.example", true, NULL},
    {"\xef\xbd\x81.example", true, NULL},              /* full-width a */
    {"\xc3\xbc\xe3\x80\x82" "b.example", true, NULL},  /* ideographic full stop */
    {"\xe2\x98\x83.example", true, NULL},              /* a snowman: no IDNA 2008 letter */
    {"\xc2\xad.example", true, NULL},                  /* soft hyphen maps to nothing */
};

static void every_name_is_judged(void **state) {
    (void)state;
    struct arena *arena = arena_create(1 << 20);
    assert_non_null(arena);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        size_t len = strlen(rows[i].name);
        char *exact = malloc(len > 0 ? len : 1);
        assert_non_null(exact);
        memcpy(exact, rows[i].name, len);
        struct span got = domain_name_ascii((struct span){exact, len}, rows[i].need_dot, arena);
        if (rows[i].want == NULL ? got.ptr != NULL || got.len > 0 : !span_is(got, rows[i].want))
            fail_msg("row %zu, %s: %.*s", i, rows[i].name, (int)got.len, got.ptr != NULL ? got.ptr : "");
        free(exact);
    }
    assert_null(domain_name_ascii((struct span){"a.b\0c", 5}, true, arena).ptr);
    assert_null(domain_name_ascii((struct span){"\xc3\xbc\0c.b", 6}, true, arena).ptr);
    arena_destroy(arena);
}

static void a_spent_arena_can_be_told_apart(void **state) {
    (void)state;
    struct arena *arena = arena_create(4);
    char out[DOMAIN_NAME_MAX];
    assert_non_null(arena);
    assert_null(domain_name_ascii(span_of("a.example"), true, arena).ptr);
    assert_int_equal(domain_name_write(span_of("a.example"), true, out), 9);
    assert_int_equal(domain_name_write(span_of("a..example"), true, out), 0);
    arena_destroy(arena);
}

static const struct {
    const char *a, *b;
    bool within, related;
} pairs[] = {
    {"a.example", "a.example", true, true},
    {"b.a.example", "a.example", true, true},
    {"a.example", "b.a.example", false, true},
    {"xa.example", "a.example", false, false},
    {"b.example", "a.example", false, false},
    {"a.example", "example", true, false}, /* a top-level domain relates to nothing below it */
    {"example", "example", true, true},
    {"example", "a.example", false, false},
    {"", "", false, false},
    {"", "a", false, false},
    {"a", "", false, false},
};

static void every_pair_is_judged(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        struct span a = span_of(pairs[i].a), b = span_of(pairs[i].b);
        if (domain_name_is_within(a, b) != pairs[i].within || domain_name_is_related(a, b) != pairs[i].related ||
            domain_name_is_related(b, a) != pairs[i].related)
            fail_msg("pair %zu", i);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_name_is_judged),
        cmocka_unit_test(a_spent_arena_can_be_told_apart),
        cmocka_unit_test(every_pair_is_judged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
