#include "verifier/from_field.h" /* first, so the header is proved to stand alone */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum form { GOOD, MALFORMED };

/* Appendices and sections of RFC 5322 where no other is named. */
static const struct row {
    const char *section;
    size_t fields, addresses;
    enum form form;
    const char *address, *domain;
} rows[] = {
    {"From: John Doe <jdoe@machine.example>\r\n", 1, 1, GOOD, "jdoe@machine.example", "machine.example"}, /* A.1.1 */
    {"From: \"Joe Q. Public\" <john.q.public@example.com>\r\n", 1, 1, GOOD, "john.q.public@example.com", "example.com"},
    {"From: Mary Smith <mary@x.test>, jdoe@example.org, Who? <one@y.test>\r\n", 1, 3, GOOD, "", ""},
    {"From: Pete <pete@silly.example>\r\n", 1, 1, GOOD, "pete@silly.example", "silly.example"},
    {"From: A Group:Ed Jones <joe@where.test>,John <jdoe@one.test>;\r\n", 1, 2, GOOD, "", ""}, /* A.1.3 */
    {"From: Undisclosed recipients:;\r\n", 1, 0, GOOD, "", ""},
    {"From: \"Joe & J. Harvey\" <ddd @Org>, JJV @ BBN\r\n", 1, 2, GOOD, "", ""},
    {"From: Pete(A nice \\) chap) <pete(his account)@silly.test(his host)>\r\n", 1, 1, GOOD, "pete@silly.test",
     "silly.test"}, /* A.5 */
    {"From: (Empty list)(start)Hidden recipients  :(nobody(that I know))  ;\r\n", 1, 0, GOOD, "", ""},
    {"From: Joe Q. Public <john.q.public@example.com>\r\n", 1, 1, GOOD, "john.q.public@example.com",
     "example.com"}, /* A.6.1 */
    {"From: Mary Smith <@node.test:mary@example.net>, , jdoe@test  . example\r\n", 1, 2, GOOD, "", ""},
    {"From: <@a.test,,@b.test:mary@example.net>\r\n", 1, 1, GOOD, "mary@example.net", "example.net"}, /* 4.4 */
    {"From: , jdoe@test  . example ,\r\n", 1, 1, GOOD, "jdoe@test.example", "test.example"},
    {"From  : John Doe <jdoe@machine(comment).  example>\r\n", 1, 1, GOOD, "jdoe@machine.example",
     "machine.example"}, /* A.6.3 */
    {"From:\r\n a\r\n @(\r\n )b.example\r\n", 1, 1, GOOD, "a@b.example", "b.example"},
    {"From: \"a b\".c . d@X.Example\r\n", 1, 1, GOOD, "\"a b\".c.d@X.Example", "x.example"}, /* 4.4: obs-local-part */
    {"From: \"a\\\"@x.example\"@b.example\r\n", 1, 1, GOOD, "\"a\\\"@x.example\"@b.example", "b.example"},
    {"From: \"a\r\n b\"@b.example\r\n", 1, 1, GOOD, "\"a b\"@b.example", "b.example"},
    {"From: \"\"@b.example\r\n", 1, 1, GOOD, "\"\"@b.example", "b.example"},
    {"From: <a@[192.0.2.1]>\r\n", 1, 1, GOOD, "a@[192.0.2.1]", ""}, /* 3.4.1 */
    {"From: root@localhost\r\n", 1, 1, GOOD, "root@localhost", "localhost"},
    {"From: one:a@b.example;\r\n", 1, 1, GOOD, "a@b.example", "b.example"}, /* RFC 6854 */
    {"From: one:a@b.example;, c@d.example\r\n", 1, 2, GOOD, "", ""},
    /* RFC 6532 */
    {"From: J\xc3\xb6rg <j\xc3\xb6rg@b\xc3\xbc" "cher.example>\r\n", 1, 1, GOOD, "j\xc3\xb6rg@b\xc3\xbc" "cher.example",
     "xn--bcher-kva.example"},
    {"From: J\xf6rg <a@b.example>\r\n", 1, 1, MALFORMED, "a@b.example", "b.example"},
    {"From: <j\xf6rg@b.example>\r\n", 1, 1, MALFORMED, "", ""},
    /* what only looks like an address */
    {"From: \"a@b.example\" <c@d.example>\r\n", 1, 1, GOOD, "c@d.example", "d.example"},
    {"From: (a@b.example) c@d.example (e@f.example)\r\n", 1, 1, GOOD, "c@d.example", "d.example"},
    {"From: \"a@b.example, \\\"\" <c@d.example>\r\n", 1, 1, GOOD, "c@d.example", "d.example"},
    {"From: (nested (a@b.example) \\( ) c@d.example\r\n", 1, 1, GOOD, "c@d.example", "d.example"},
    {"From: =?utf-8?q?a=40b?= <c@d.example>\r\n", 1, 1, GOOD, "c@d.example", "d.example"}, /* RFC 2047 */
    {"From: =?utf-8?Q?Doe,_a@b.example?= <c@d.example>\r\n", 1, 1, MALFORMED, "c@d.example", "d.example"},
    {"From: =?utf-8?Q?a<b@b.example>?= <c@d.example>\r\n", 1, 2, MALFORMED, "", ""},
    {"From: =?x?q?a@b.example?=\r\n", 1, 0, MALFORMED, "", ""},
    {"From: =?x?q?a?=@b.example\r\n", 1, 1, GOOD, "=?x?q?a?=@b.example", "b.example"},
    {"From: =?x?q?a,?=@b.example\r\n", 1, 1, MALFORMED, "", ""},
    {"From: =?utf-8?q?a@b.example <c@d.example>\r\n", 1, 2, MALFORMED, "", ""},
    /* off the grammar, and one way to read it */
    {"From: a@b.example <A@B.Example>\r\n", 1, 1, MALFORMED, "a@b.example", "b.example"},
    {"From: Doe, John <a@b.example>\r\n", 1, 1, MALFORMED, "a@b.example", "b.example"},
    {"From: [List] John <a@b.example>\r\n", 1, 1, MALFORMED, "a@b.example", "b.example"},
    {"From: John) \\ <a@b.example>\r\n", 1, 1, MALFORMED, "a@b.example", "b.example"},
    {"From: Re: John <a@b.example>\r\n", 1, 1, MALFORMED, "a@b.example", "b.example"},
    {"From: John; <a@b.example>\r\n", 1, 1, MALFORMED, "a@b.example", "b.example"},
    {"From: .John <a@b.example>\r\n", 1, 1, MALFORMED, "a@b.example", "b.example"},
    {"From: a..b@b.example\r\n", 1, 1, MALFORMED, "a..b@b.example", "b.example"},
    {"From: a.@b.example\r\n", 1, 1, MALFORMED, "a.@b.example", "b.example"},
    {"From: a@b.example.\r\n", 1, 1, MALFORMED, "a@b.example", "b.example"},
    {"From: a@b.example, c\r\n", 1, 1, MALFORMED, "a@b.example", "b.example"},
    {"From: a@b_c.example\r\n", 1, 1, GOOD, "a@b_c.example", "b_c.example"},
    {"From: a@b!c.example\r\n", 1, 1, GOOD, "a@b!c.example", ""},
    /* two ways to read it, or none */
    {"From: a@b.example <c@d.example>\r\n", 1, 2, MALFORMED, "", ""},
    {"From: <a@b.example> <c@d.example>\r\n", 1, 2, MALFORMED, "", ""},
    {"From: <a@b.example> c@d.example\r\n", 1, 2, MALFORMED, "", ""},
    {"From: <a@b.example>, <c@d.example>\r\n", 1, 2, GOOD, "", ""},
    {"From: <a@b.example@d.example>\r\n", 1, 2, MALFORMED, "", ""},
    {"From: a@b.example@d.example\r\n", 1, 2, MALFORMED, "", ""},
    {"From: a@b.example c\r\n", 1, 1, MALFORMED, "", ""},
    {"From: John a@b.example\r\n", 1, 1, MALFORMED, "", ""},
    {"From: a@b..example\r\n", 1, 1, MALFORMED, "", ""},
    {"From: a@\"b.example\"\r\n", 1, 1, MALFORMED, "", ""},
    {"From: @b.example\r\n", 1, 1, MALFORMED, "", ""},
    {"From: a@\r\n", 1, 1, MALFORMED, "", ""},
    {"From: <a@b.example\r\n", 1, 1, MALFORMED, "", ""},
    {"From: <a@b.example>>\r\n", 1, 1, MALFORMED, "", ""},
    {"From: <@a.example,@b.example>\r\n", 1, 0, MALFORMED, "", ""},
    {"From: John <>\r\n", 1, 0, MALFORMED, "", ""},
    {"From: a@b.example <>\r\n", 1, 1, MALFORMED, "", ""},
    {"From: \"John <a@b.example>\r\n", 1, 1, MALFORMED, "", ""},
    {"From: (John <a@b.example>\r\n", 1, 1, MALFORMED, "", ""},
    {"From: a@b.example (c@d.example\r\n", 1, 2, MALFORMED, "", ""},
    {"From: [John <a@b.example>\r\n", 1, 1, MALFORMED, "", ""},
    {"From: a@b.example, \"c@d.example\r\n", 1, 2, MALFORMED, "", ""},
    {"From: \"a\\\r\n", 1, 0, MALFORMED, "", ""},
    {"From: a:b:c@d.example;\r\n", 1, 1, MALFORMED, "c@d.example", "d.example"},
    {"From: a@b.example\n c@d.example\r\n", 1, 2, MALFORMED, "", ""},
    {"From: a@b.example\r.x\r\n", 1, 1, MALFORMED, "", ""},
    {"From: a@b.example \x01\r\n", 1, 1, MALFORMED, "", ""},
    {"From: nobody\r\n", 1, 0, MALFORMED, "", ""},
    {"From:\r\n", 1, 0, MALFORMED, "", ""},
    {"From: ,,\r\n", 1, 0, MALFORMED, "", ""},
    {"From: (only a comment)\r\n", 1, 0, MALFORMED, "", ""},
    /* number of fields (R-04) */
    {"To: a@b.example\r\n", 0, 0, GOOD, "", ""},
    {"From: a@b.example\r\nFROM: a@b.example\r\n", 2, 2, GOOD, "", ""},
    {"From: a@b.example\r\nX: y\r\nfrom: nobody\r\n", 2, 1, MALFORMED, "", ""},
    {"From: a@b.example\r\nfrom:\r\n", 2, 1, MALFORMED, "", ""},
};

static void parse(struct span text, struct from_field *out, struct header_section *section, struct arena **arena) {
    size_t taken;
    *arena = arena_create(1 << 20);
    assert_non_null(*arena);
    header_section_init(section, header_limits_default);
    assert_int_equal(header_section_update(section, text, &taken), HEADER_MORE);
    assert_int_equal(header_section_finish(section), HEADER_COMPLETE);
    assert_true(from_field_parse(section, *arena, out));
}

static void every_row_is_read_as_wanted(void **state) {
    (void)state;
    size_t failed = 0;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct header_section section;
        struct arena *arena;
        struct from_field from;
        parse(span_of(rows[i].section), &from, &section, &arena);
        if (from.fields != rows[i].fields || from.addresses != rows[i].addresses ||
            from.malformed != (rows[i].form == MALFORMED) || !span_is(from.address, rows[i].address) ||
            !span_is(from.domain, rows[i].domain)) {
            failed++;
            print_error("row %zu, %s: %zu fields, %zu addresses, %s, address %.*s, domain %.*s\n", i, rows[i].section,
                        from.fields, from.addresses, from.malformed ? "malformed" : "good", (int)from.address.len,
                        from.address.len > 0 ? from.address.ptr : "", (int)from.domain.len,
                        from.domain.len > 0 ? from.domain.ptr : "");
        }
        arena_destroy(arena);
        header_section_release(&section);
    }
    assert_int_equal(failed, 0);
}

/* Every prefix of every row, in a heap block of exactly its size: no octet too many is read. */
static void every_prefix_is_survived(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (size_t len = strlen(rows[i].section); len > 6; len--) {
            char *exact = malloc(len - 5);
            struct arena *arena = arena_create(1 << 16);
            assert_non_null(exact);
            assert_non_null(arena);
            memcpy(exact, rows[i].section + 5, len - 5);
            struct span body = {exact, len - 5};
            struct header_field field = {.raw = body, .name = span_of("From"), .body = body};
            struct header_section section = {.fields = &field, .count = 1};
            struct from_field from;
            assert_true(from_field_parse(&section, arena, &from));
            assert_int_equal(from.fields, 1);
            arena_destroy(arena);
            free(exact);
        }
}

static void nul_ends_nothing(void **state) {
    (void)state;
    static const char text[] = "From: a@b.example\0, c\r\n";
    struct header_section section;
    struct arena *arena;
    struct from_field from;
    parse((struct span){text, sizeof text - 1}, &from, &section, &arena);
    assert_int_equal(from.addresses, 1);
    assert_true(from.malformed);
    assert_int_equal(from.address.len, 0);
    arena_destroy(arena);
    header_section_release(&section);
}

static void repeat(const char *start, const char *part, size_t times, struct from_field *from) {
    struct bytes text = bytes_with_cap(1 << 17);
    struct header_section section;
    struct arena *arena;
    bytes_append_text(&text, start);
    for (size_t i = 0; i < times; i++) bytes_append_text(&text, part);
    assert_true(bytes_append_text(&text, "\r\n"));
    size_t taken;
    arena = arena_create(1 << 20);
    assert_non_null(arena);
    header_section_init(&section, (struct header_limits){1 << 17, 1 << 17, 1000});
    assert_int_equal(header_section_update(&section, bytes_span(&text), &taken), HEADER_MORE);
    assert_int_equal(header_section_finish(&section), HEADER_COMPLETE);
    assert_true(from_field_parse(&section, arena, from));
    assert_int_equal(from->address.len, 0);
    arena_destroy(arena);
    header_section_release(&section);
    bytes_release(&text);
}

/* R-04, R-31: many mailboxes and deep nesting cost time in proportion, and no stack. */
static void quantity_is_survived(void **state) {
    (void)state;
    struct from_field from;
    repeat("From: a@b.example", ",a@b.example", 1998, &from);
    assert_int_equal(from.addresses, 1999);
    repeat("From: a@b.example", ",a@b.example", 5000, &from);
    assert_int_equal(from.addresses, FROM_ADDRESSES_MAX);
    repeat("From: a@b.example", " <a@b.example>", 5000, &from);
    assert_int_equal(from.addresses, FROM_ADDRESSES_MAX);
    repeat("From: ", "(", 100000, &from);
    assert_int_equal(from.addresses, 0);
    repeat("From: ", "a:", 50000, &from);
    assert_int_equal(from.addresses, 0);
    repeat("From: ", "=?x?q?", 15000, &from);
    repeat("From: ", "<", 100000, &from);
    repeat("From: ", "@", 100000, &from);
    assert_int_equal(from.addresses, FROM_ADDRESSES_MAX);
}

static void a_spent_arena_is_told(void **state) {
    (void)state;
    struct header_section section;
    struct arena *arena, *small = arena_create(1);
    struct from_field from;
    assert_non_null(small);
    parse(span_of("From: a@b.example\r\n"), &from, &section, &arena);
    assert_false(from_field_parse(&section, small, &from));
    arena_destroy(small);
    arena_destroy(arena);
    header_section_release(&section);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_is_read_as_wanted), cmocka_unit_test(every_prefix_is_survived),
        cmocka_unit_test(nul_ends_nothing),            cmocka_unit_test(quantity_is_survived),
        cmocka_unit_test(a_spent_arena_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
