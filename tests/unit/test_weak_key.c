#include "verifier/weak_key.h" /* first, so the header is proved to stand alone */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#define NUMBER(text)                                                                                                   \
    { text, sizeof text - 1 }
#define USUAL NUMBER("\x01\x00\x01")

/* 1009 * 1013 has neither a small factor nor the form; powers of 65537 have it. */
static const struct {
    struct key_der key;
    enum weak_key want;
    unsigned number;
} rows[] = {
    {{.modulus = NUMBER("\x01\x00\x01"), .exponent = USUAL}, WEAK_KEY_ROCA, 0},                 /* 65537 itself */
    {{.modulus = NUMBER("\x01\x00\x03\x00\x03\x00\x01"), .exponent = USUAL}, WEAK_KEY_ROCA, 0}, /* 65537^3 */
    {{.modulus = NUMBER("\x0f\x98\xa5"), .exponent = NUMBER("\x03")}, WEAK_KEY_EXPONENT, 3},
    {{.modulus = NUMBER("\x0f\x98\xa5"), .exponent = USUAL}, WEAK_KEY_NONE, 0},
    {{.modulus = NUMBER("\x65"), .exponent = USUAL}, WEAK_KEY_FACTOR, 101},
};

static void every_row_is_judged(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        unsigned number;
        enum weak_key got = weak_key_judge(&rows[i].key, &number);
        if (got != rows[i].want || number != rows[i].number) fail_msg("row %zu: %d, %u", i, got, number);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_row_is_judged)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
