#include "rules/literal_set.h" /* first, so the header is proved to stand alone */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "base/ascii.h"
#include "tests/support/exact.h"

static struct literal_set *set_of(const struct span *literals, size_t count, uint32_t *index) {
    struct literal_set_builder *builder = literal_set_builder_create();
    struct literal_set *set;
    for (size_t i = 0; i < count; i++) {
        struct span exact = exact_copy(literals[i]);
        assert_int_equal(literal_set_builder_add(builder, exact, &index[i]), LITERAL_SET_OK);
        exact_free(exact);
    }
    assert_int_equal(literal_set_build(builder, &set), LITERAL_SET_OK);
    literal_set_builder_destroy(builder);
    return set;
}

enum { WORDS = 2 };

/* Cut at every place, whole, and octet by octet: the answer must not change. */
static void scan_all_ways(const struct literal_set *set, struct span text, uint64_t seen[WORDS]) {
    struct span exact = exact_copy(text);
    uint32_t state = 0;
    memset(seen, 0, WORDS * sizeof *seen);
    literal_set_scan(set, &state, exact, seen);
    uint64_t bits[WORDS] = {0};
    state = 0;
    for (size_t i = 0; i < exact.len; i++) literal_set_scan(set, &state, (struct span){exact.ptr + i, 1}, bits);
    assert_memory_equal(bits, seen, sizeof bits);
    for (size_t cut = 0; cut <= exact.len; cut++) {
        memset(bits, 0, sizeof bits);
        state = 0;
        literal_set_scan(set, &state, span_first(exact, cut), bits);
        literal_set_scan(set, &state, span_after(exact, cut), bits);
        assert_memory_equal(bits, seen, sizeof bits);
    }
    exact_free(exact);
}

static const struct { const char *literals, *text, *want; } rows[] = {
    /* literals with commas; want: + seen, - not */
    {"he,she,his,hers", "ushers", "++-+"},
    {"abc", "ABC", "+"},
    {"ABC", "xabc", "+"},
    {"abcd,bc", "xbcy", "-+"},
    {"abcd,bc", "abcd", "++"},
    {"a,aa,aaa", "aa", "++-"},
    {"abab,bab", "abaab", "--"},
    {"abab,bab", "aabab", "++"},
    {"abcde,bcd,c", "abcdx", "-++"},
    {"mabanque.fr,banque,.fr", "X-From: www.MaBanque.Fr\r\n", "+++"},
    {"\xc3\xa9,\xc3\x89", "\xc3\xa9", "+-"}, /* no case beyond A-Z */
    {"x,x,y", "x", "++-"},                  /* twice the same */
    {"abc", "", "-"},
    {"@[`{", "@[`{", "+"},
};

static void every_row_is_seen_as_wanted(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct span literals[8], rest = span_of(rows[i].literals);
        uint32_t index[8];
        size_t count = 0;
        for (bool more = true; more;) {
            size_t len = span_find(rest, ',');
            more = len < rest.len;
            literals[count++] = span_first(rest, len);
            rest = span_after(rest, more ? len + 1 : len);
        }
        struct literal_set *set = set_of(literals, count, index);
        uint64_t seen[WORDS];
        scan_all_ways(set, span_of(rows[i].text), seen);
        for (size_t k = 0; k < count; k++)
            if (literal_set_has(seen, index[k]) != (rows[i].want[k] == '+'))
                fail_msg("%s in \"%s\": literal %zu", rows[i].literals, rows[i].text, k);
        literal_set_destroy(set);
    }
}

static uint64_t seed = 88172645463325252;

static unsigned draw(unsigned below) {
    seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
    return (unsigned)((seed >> 11) % below);
}

static void draw_octets(char *out, size_t len, unsigned letters) {
    static const char some[] = "aAbBcC\0\xff";
    for (size_t i = 0; i < len; i++) out[i] = letters == 256 ? (char)draw(256) : some[draw(letters)];
}

static bool occurs(struct span text, struct span literal) {
    for (size_t at = 0; at + literal.len <= text.len; at++)
        if (span_equal_nocase(span_first(span_after(text, at), literal.len), literal)) return true;
    return false;
}

static void a_plain_search_sees_the_same(void **state) {
    (void)state;
    for (int round = 0; round < 400; round++) {
        static char octets[100][12], text[200];
        struct span literals[100];
        uint32_t index[100];
        unsigned letters = round % 4 == 0 ? 256 : 3 + draw(6);
        size_t count = draw(101), len = draw(sizeof text);
        uint64_t seen[WORDS];
        for (size_t i = 0; i < count; i++) {
            literals[i] = (struct span){octets[i], 1 + draw(letters == 256 ? 2 : 12)};
            draw_octets(octets[i], literals[i].len, letters);
        }
        draw_octets(text, len, letters);
        struct literal_set *set = set_of(literals, count, index);
        assert_true(literal_set_count(set) <= count);
        scan_all_ways(set, (struct span){text, len}, seen);
        for (size_t i = 0; i < count; i++)
            if (literal_set_has(seen, index[i]) != occurs((struct span){text, len}, literals[i])) fail_msg("round %d, literal %zu", round, i);
        literal_set_destroy(set);
    }
}

static void bits_of_several_texts_add_up(void **state) {
    struct span literals[] = {{"abc", 3}, {"def", 3}};
    uint32_t index[2], at = 0;
    uint64_t seen[WORDS] = {0};
    (void)state;
    struct literal_set *set = set_of(literals, 2, index);
    literal_set_scan(set, &at, span_of("xabcd"), seen);
    at = 0; /* another text: the d does not go on */
    literal_set_scan(set, &at, span_of("ef"), seen);
    assert_true(literal_set_has(seen, index[0]) && !literal_set_has(seen, index[1]));
    literal_set_destroy(set);
}

static void limits_hold(void **state) {
    struct literal_set_builder *builder = literal_set_builder_create();
    struct literal_set *set;
    char octets[LITERAL_SET_LITERAL_MAX + 1];
    uint32_t index = 7, number;
    (void)state;
    memset(octets, 'x', sizeof octets);
    assert_int_equal(literal_set_builder_add(builder, (struct span){NULL, 0}, &index), LITERAL_SET_EMPTY_LITERAL);
    assert_int_equal(literal_set_builder_add(builder, (struct span){octets, sizeof octets}, &index),
                     LITERAL_SET_LITERAL_TOO_LONG);
    assert_int_equal(literal_set_build(builder, &set), LITERAL_SET_OK);
    assert_int_equal(literal_set_count(set), 0);
    literal_set_scan(set, &(uint32_t){0}, span_of("anything"), NULL);
    literal_set_destroy(set);
    /* Distinct ones of all octets, until it is full. */
    enum literal_set_status status = LITERAL_SET_OK;
    for (number = 0; status == LITERAL_SET_OK; number++) {
        memset(octets, (int)(number % 251), sizeof octets);
        memcpy(octets, &number, sizeof number);
        status = literal_set_builder_add(builder, (struct span){octets, 64}, &index);
    }
    assert_int_equal(status, LITERAL_SET_TOO_LARGE);
    assert_true(number > 10000);
    assert_int_equal(literal_set_build(builder, &set), LITERAL_SET_TOO_LARGE); /* the table would be */
    assert_null(set);
    literal_set_builder_destroy(builder);
    assert_string_equal(literal_set_status_text(LITERAL_SET_OK), "ok");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_is_seen_as_wanted),
        cmocka_unit_test(a_plain_search_sees_the_same),
        cmocka_unit_test(bits_of_several_texts_add_up),
        cmocka_unit_test(limits_hold),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
