#include "verifier/record_text.h" /* first, so the header is proved to stand alone */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "tests/support/exact.h"
#include "tests/support/key_texts.h"

/* The names of all that is said, in its order. Sentences and zones: end_to_end/test_record_rows. */
static const struct {
    const char *text, *strings, *names;
    bool usable;
} rows[] = {
    {"v=DKIM1; p=" RSA_2048, "", "T-v1 T-p1 T-k1 T-p10", true},
    {"p=" RSA_2048, "", "T-v2 T-p1 T-k1 T-p10", true},
    {"p=" RSA_2048 "; v=DKIM1", "", "T-v3 T-p1 T-k1 T-p10", false},
    {"v=dkim1; p=" RSA_1024, "", "T-v4 T-p1 T-k1 T-p10", false},
    {"v=DKIM1; p=" RSA_768, "", "T-v1 T-p1 T-k1 T-p10", false},
    {"v=spf1 -all", "", "T-v5", false},
    {"o=~", "", "T-v5", false},
    {"", "", "T-v5", false},
    {"v=DKIM1", "", "T-v1 T-p3", false},
    {"v=DKIM1; p=", "", "T-v1 T-p2", false},
    {"v=DKIM1; k=dsa; p=" RSA_2048, "", "T-v1 T-k3 T-p1 T-k1 T-p10", false},
    {"v=DKIM1; k=ed25519; p=" ED25519, "", "T-v1 T-k2 T-p1", true},
    {"v=DKIM1; p=" ED25519, "", "T-v1 T-p1", false}, /* no RSA key */
    {"v=DKIM1; k=rsa; k=rsa; p=" RSA_2048, "", "T-x2 T-v1 T-p1 T-k1 T-p10", false},
    {"v=DKIM1 k=rsa p=" RSA_2048 " t=s", "", "T-x3 T-x3 T-x3 T-v1 T-p1 T-k1 T-p10", false},
    {"v=DKIM1k=rsa; p=" RSA_2048, "", "T-x3 T-v1 T-p1 T-k1 T-p10", false},
    {"v=DKIM1; n=k=x k=y; p=" RSA_2048, "", "T-v1 T-p1 T-k1 T-p10 T-n1", true},
    {"\"v=DKIM1; p=" RSA_2048 "\"", "", "T-x4 T-v1 T-p6 T-p1 T-k1 T-p10", false},
    {"v=DKIM1; h=sha1; s=x; t=y:s:q; g=; zz=1; p=" RSA_2048, "",
     "T-v1 T-p1 T-k1 T-p10 T-h1 T-h2 T-s1 T-ty T-t3 T-g2 T-x1", false},
    {"v=DKIM1; p=AAAA", "\13\4", "R-2 T-v1 T-p1", false},
    {"v=DKIM1; p= ", "\14", "T-v1 T-p2", false},
    {"v=DK IM1; p=AAAA", "\5\13", "R-2 R-3 T-v4 T-p1", false},
};

static void each_record_is_judged(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct span text = exact_copy(span_of(rows[i].text));
        struct arena *arena = arena_create(1 << 16);
        struct bytes names = bytes_with_cap(1000);
        struct record_text record;
        struct finding_list *findings = calloc(1, sizeof *findings);
        assert_true(record_text_read(text, span_of(rows[i].strings), arena, &record));
        assert_true(record_text_judge(&record, arena, findings));
        for (size_t f = 0; f < findings->count; f++)
            bytes_append_format(&names, "%s%s", f > 0 ? " " : "", finding_name(findings->finding[f].id));
        if (!span_is(bytes_span(&names), rows[i].names) || record.usable != rows[i].usable)
            fail_msg("%.60s: \"%.*s\", %d", rows[i].text, (int)names.len, names.ptr, record.usable);
        bytes_release(&names);
        free(findings);
        arena_destroy(arena);
        exact_free(text);
    }
}

/* However little memory there is, the answer is right or none. */
static void memory_may_end_anywhere(void **state) {
    (void)state;
    unsigned whole = 0;
    for (size_t room = 16; room < 4096; room += 48) {
        struct arena *arena = arena_create(room);
        struct record_text record;
        struct finding_list *findings = calloc(1, sizeof *findings);
        if (arena != NULL && record_text_read(span_of("\"v=DKIM1 p=" RSA_2048 "\""), span_of(""), arena, &record) &&
            record_text_judge(&record, arena, findings)) {
            assert_int_equal(strlen(record.fingerprint), 64);
            whole++;
        }
        free(findings);
        arena_destroy(arena);
    }
    assert_true(whole > 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_record_is_judged),
        cmocka_unit_test(memory_may_end_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
