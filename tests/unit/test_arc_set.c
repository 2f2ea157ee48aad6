#include "verifier/arc_set.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include "tests/support/exact.h"

/* A header section of fields; the caller releases it. */
static struct header_section section_of(const char *text) {
    struct header_section section;
    size_t taken;
    header_section_init(&section, header_limits_default);
    header_section_update(&section, span_of(text), &taken);
    assert_int_equal(header_section_finish(&section), HEADER_COMPLETE);
    return section;
}

static void instances_of_results(void **state) {
    (void)state;
    static const struct {
        const char *body;
        unsigned wanted;
    } rows[] = {
        {" i=1; mx.example; none", 1},
        {"i=50;x", 50},
        {" i = 7 ; x", 7},
        {"\r\n\ti=2\r\n ;x", 2},
        {" (c) i (a (b) \\) c) = (d)3 (e); x", 3}, /* section 4.1.1: CFWS anywhere */
        {" i=051; x", 51},
        {" i=0; x", 0},
        {" i=1 mx.example; none", 0},
        {" mx.example; i=1; none", 0},
        {" I=1; x", 0}, /* %s"i" */
        {"", 0},
        {" ", 0},
        {"i", 0},
        {"i=", 0},
        {"i=1", 0},
        {"i=;", 0},
        {"i=-1;", 0},
        {"i=1x;", 0},
        {"i=12345;", 0},
        {"(", 0},
        {"(i=1;", 0},
        {"(\\", 0},
        {"i=1(;", 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct span exact = exact_copy(span_of(rows[i].body));
        unsigned got = arc_set_results_instance(exact);
        if (got != rows[i].wanted) fail_msg("\"%s\": %u", rows[i].body, got);
        exact_free(exact);
    }
}

#define AAR(i) "ARC-Authentication-Results: i=" i "; mx.example; none\r\n"
#define BH "bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
#define AMS(i) "ARC-Message-Signature: i=" i "; a=rsa-sha256; d=d.example; s=s; h=from; " BH "; b=AAAA\r\n"
#define AS(i, cv) "ARC-Seal: i=" i "; a=rsa-sha256; cv=" cv "; d=d.example; s=s; b=AAAA\r\n"
#define SET(i, cv) AS(i, cv) AMS(i) AAR(i)

static const struct row {
    const char *name, *text;
    enum arc_code code;
    unsigned failed_set, sets, newest;
    bool was_failed;
} rows[] = {
    {"no field", "From: a@b.example\r\n", ARC_NO_SETS, 0, 0, 0, false},
    {"one set", SET("1", "none"), ARC_OK, 0, 1, 1, false},
    {"names in any case", "arc-SEAL: i=1; a=rsa-sha256; cv=None; d=d.example; s=s; b=AAAA\r\n" AMS("1") AAR("1"),
     ARC_OK, 0, 1, 1, false},
    {"three sets, not in order", SET("2", "pass") SET("1", "none") SET("3", "pass"), ARC_OK, 0, 3, 3, false},
    {"fields of sets mixed", AS("2", "pass") AAR("1") AMS("1") AMS("2") AS("1", "none") AAR("2"), ARC_OK, 0, 2, 2,
     false},
    /* 5.2 step 2 */
    {"the newest seal says fail", SET("2", "fail") SET("1", "none"), ARC_CV, 2, 2, 2, true},
    {"the only seal says fail", SET("1", "fail"), ARC_CV, 1, 1, 1, true},
    {"a seal says fail and its set is not whole", AS("2", "fail") SET("1", "none"), ARC_CV, 2, 2, 2, true},
    {"of two newest seals the second says fail", AS("1", "none") SET("1", "fail"), ARC_CV, 1, 2, 1, true},
    /* step 3 A */
    {"no seal", AMS("1") AAR("1"), ARC_STRUCTURE, 1, 1, 1, false},
    {"no message signature", AS("1", "none") AAR("1"), ARC_STRUCTURE, 1, 1, 1, false},
    {"no results", AS("1", "none") AMS("1"), ARC_STRUCTURE, 1, 1, 1, false},
    {"two seals", AS("1", "none") SET("1", "none"), ARC_STRUCTURE, 1, 2, 1, false},
    {"two message signatures", AMS("1") SET("1", "none"), ARC_STRUCTURE, 1, 2, 1, false},
    {"two results", AAR("1") SET("1", "none"), ARC_STRUCTURE, 1, 2, 1, false},
    /* step 3 B */
    {"gap", SET("3", "pass") SET("1", "none"), ARC_STRUCTURE, 2, 2, 3, false},
    {"starts at 2", SET("2", "pass"), ARC_STRUCTURE, 1, 1, 2, false},
    {"instance 0", SET("0", "none"), ARC_STRUCTURE, 0, 1, 0, false},
    {"instance 51", SET("51", "pass"), ARC_TOO_MANY_SETS, 0, 1, 0, false},
    {"instance 99999", SET("99999", "pass"), ARC_STRUCTURE, 0, 1, 0, false},
    {"no instance in the seal", "ARC-Seal: a=rsa-sha256; cv=none; d=d.example; s=s; b=AAAA\r\n" SET("1", "none"),
     ARC_STRUCTURE, 0, 2, 1, false},
    /* */
    {"nothing in the fields", "ARC-Seal: x\r\nARC-Message-Signature:\r\nARC-Authentication-Results: ;;\r\n",
     ARC_STRUCTURE, 0, 1, 0, false},
    {"a seal alone", "ARC-Seal: \r\n", ARC_STRUCTURE, 0, 1, 0, false},
    /* step 3 C */
    {"cv=pass on the first", SET("1", "pass"), ARC_CV, 1, 1, 1, false},
    {"cv=none on the second", SET("2", "none") SET("1", "none"), ARC_CV, 2, 2, 2, false},
    {"cv=fail below the newest", SET("2", "pass") SET("1", "fail"), ARC_CV, 1, 2, 2, false},
    {"cv= unknown", SET("1", "maybe"), ARC_FIELD_SYNTAX, 1, 1, 1, false},
    {"cv= empty", SET("1", ""), ARC_FIELD_SYNTAX, 1, 1, 1, false},
    /* 4.1.3 */
    {"h= in a seal", "ARC-Seal: i=1; a=rsa-sha256; cv=none; d=d.example; s=s; h=from; b=AAAA\r\n" AMS("1") AAR("1"),
     ARC_FIELD_SYNTAX, 1, 1, 1, false},
    {"h= empty in a seal", "ARC-Seal: i=1; a=rsa-sha256; cv=none; d=d.example; s=s; h=; b=AAAA\r\n" AMS("1") AAR("1"),
     ARC_FIELD_SYNTAX, 1, 1, 1, false},
    {"seal without d=", "ARC-Seal: i=1; a=rsa-sha256; cv=none; s=s; b=AAAA\r\n" AMS("1") AAR("1"), ARC_FIELD_SYNTAX, 1,
     1, 1, false},
    {"seal without b=", "ARC-Seal: i=1; a=rsa-sha256; cv=none; d=d.example; s=s\r\n" AMS("1") AAR("1"),
     ARC_FIELD_SYNTAX, 1, 1, 1, false},
    {"seal with rsa-sha1", "ARC-Seal: i=1; a=rsa-sha1; cv=none; d=d.example; s=s; b=AAAA\r\n" AMS("1") AAR("1"),
     ARC_FIELD_SYNTAX, 1, 1, 1, false},
    {"seal with unknown tags",
     "ARC-Seal: i=1; v=2; c=x; bh=; q=?; a=rsa-sha256; cv=none; d=d.example; s=s; b=AAAA;\r\n" AMS("1") AAR("1"),
     ARC_OK, 0, 1, 1, false},
    /* 4.1.2 */
    {"v= in a message signature means nothing",
     AS("1", "none") "ARC-Message-Signature: v=7; i=1; a=rsa-sha256; d=d.example; s=s; h=from; " BH
                     "; b=AAAA\r\n" AAR("1"),
     ARC_OK, 0, 1, 1, false},
    {"h= empty in a message signature",
     AS("1", "none") "ARC-Message-Signature: i=1; a=rsa-sha256; d=d.example; s=s; h=; " BH "; b=AAAA\r\n" AAR("1"),
     ARC_OK, 0, 1, 1, false},
    {"no h= in a message signature",
     AS("1", "none") "ARC-Message-Signature: i=1; a=rsa-sha256; d=d.example; s=s; " BH "; b=AAAA\r\n" AAR("1"),
     ARC_FIELD_SYNTAX, 1, 1, 1, false},
    {"ARC-Seal in h=",
     AS("1", "none") "ARC-Message-Signature: i=1; a=rsa-sha256; d=d.example; s=s; h=from:arc-seal; " BH
                     "; b=AAAA\r\n" AAR("1"),
     ARC_FIELD_SYNTAX, 1, 1, 1, false},
    {"tag twice in the newest message signature",
     AS("1", "none") "ARC-Message-Signature: i=1; i=1; a=rsa-sha256; d=d.example; s=s; h=from; " BH
                     "; b=AAAA\r\n" AAR("1"),
     ARC_FIELD_SYNTAX, 1, 1, 1, false},
    {"an older message signature is broken: step 5 A",
     SET("2", "pass") AS("1", "none") "ARC-Message-Signature: i=1; a=?\r\n" AAR("1"), ARC_OK, 0, 2, 2, false},
};

static void every_row_is_judged_as_wanted(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct arena *arena = arena_create(1 << 20);
        struct header_section section = section_of(rows[i].text);
        struct arc_chain chain;
        assert_true(arc_set_collect(&section, arena, &chain));
        if (chain.code != rows[i].code || chain.failed_set != rows[i].failed_set || chain.sets != rows[i].sets ||
            chain.newest != rows[i].newest || chain.was_failed != rows[i].was_failed)
            fail_msg("%s: %s, set %u of %u, newest %u%s", rows[i].name, arc_code_word(chain.code), chain.failed_set,
                     chain.sets, chain.newest, chain.was_failed ? ", failed before" : "");
        header_section_release(&section);
        arena_destroy(arena);
    }
}

static char *chain_text(unsigned sets) {
    char *text = malloc(sets * 512 + 1), *at = text;
    for (unsigned i = 1; i <= sets; i++)
        at += snprintf(at, 512,
                       "ARC-Seal: i=%u; a=rsa-sha256; cv=%s; d=d.example; s=s; b=AAAA\r\n"
                       "ARC-Message-Signature: i=%u; a=rsa-sha256; d=d.example; s=s; h=from; " BH "; b=AAAA\r\n"
                       "ARC-Authentication-Results: i=%u; x; none\r\n",
                       i, i == 1 ? "none" : "pass", i, i);
    return text;
}

/* Section 5.2 step 1: 50 and no more. */
static void fifty_sets_are_read(void **state) {
    (void)state;
    for (unsigned sets = 49; sets <= 51; sets++) {
        struct arena *arena = arena_create(1 << 20);
        char *text = chain_text(sets);
        struct header_section section = section_of(text);
        struct arc_chain chain;
        assert_true(arc_set_collect(&section, arena, &chain));
        assert_int_equal(chain.code, sets <= 50 ? ARC_OK : ARC_TOO_MANY_SETS);
        assert_int_equal(chain.sets, sets);
        header_section_release(&section);
        arena_destroy(arena);
        free(text);
    }
}

static void a_spent_arena_is_told(void **state) {
    (void)state;
    char *text = chain_text(3);
    struct header_section section = section_of(text);
    bool ended = false;
    for (size_t cap = 0; cap < 1 << 18 && !ended; cap += 4096) {
        struct arena *arena = arena_create(cap);
        struct arc_chain chain;
        if (arena != NULL) ended = arc_set_collect(&section, arena, &chain) && chain.code == ARC_OK;
        arena_destroy(arena);
    }
    assert_true(ended);
    header_section_release(&section);
    free(text);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(instances_of_results),
                                       cmocka_unit_test(every_row_is_judged_as_wanted),
                                       cmocka_unit_test(fifty_sets_are_read), cmocka_unit_test(a_spent_arena_is_told)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
