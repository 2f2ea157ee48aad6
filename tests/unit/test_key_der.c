#include "verifier/key_der.h" /* first, so the header is proved to stand alone */
#include "base/ascii.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { DER_MAX = 8192, DEPTH_MAX = 8 };

/* Rows are written in a small assembler: hexadecimal octets; TAG{ ... } is an element whose length is computed in its
 * shortest form; N1024 is an odd integer of 1024 bits, with the leading 00 that keeps it positive. Blanks are for
 * people. */
struct assembler {
    uint8_t octets[DER_MAX];
    size_t len, open[DEPTH_MAX], depth;
};

static void put(struct assembler *a, unsigned octet) {
    assert_true(a->len < DER_MAX);
    a->octets[a->len++] = (uint8_t)octet;
}

static void put_modulus(struct assembler *a, unsigned bits) {
    if (bits % 8 == 0) put(a, 0);
    for (unsigned i = 0; i < (bits + 7) / 8; i++) {
        unsigned top = 1u << ((bits - 1) % 8);
        put(a, i == 0 ? top : i == (bits + 7) / 8 - 1 ? 0x4b : 0xa5);
    }
}

static void close_element(struct assembler *a) {
    size_t start = a->open[--a->depth], len = a->len - start;
    size_t extra = len < 0x80 ? 0 : len < 0x100 ? 1 : 2;
    for (size_t i = 0; i < extra + 1; i++) put(a, 0);
    memmove(a->octets + start + extra + 1, a->octets + start, len);
    a->octets[start] = (uint8_t)(extra == 0 ? len : 0x80 + extra);
    if (extra == 2) a->octets[start + 1] = (uint8_t)(len >> 8);
    if (extra > 0) a->octets[start + extra] = (uint8_t)len;
}

static void assemble(const char *text, struct assembler *a) {
    a->len = a->depth = 0;
    while (*text != '\0') {
        if (*text == ' ') {
            text++;
        } else if (*text == 'N') {
            char *end;
            put_modulus(a, (unsigned)strtoul(text + 1, &end, 10));
            text = end;
        } else if (*text == '{') {
            a->open[a->depth++] = a->len;
            text++;
        } else if (*text == '}') {
            close_element(a);
            text++;
        } else {
            put(a, (unsigned)(ascii_hex_value(text[0]) << 4 | ascii_hex_value(text[1])));
            text += 2;
        }
    }
    assert_true(a->depth == 0);
}

#define RSA "06{2a864886f70d010101}"
#define SPKI(numbers) "30{ 30{" RSA "05{}} 03{00 30{" numbers "}} }"

static const struct {
    const char *text;
    enum key_der_status want;
    unsigned bits;
    bool bare;
} rows[] = {
    {SPKI("02{N1024}02{010001}"), KEY_DER_OK, 1024, false},
    {SPKI("02{N2048}02{03}"), KEY_DER_OK, 2048, false},
    {SPKI("02{N1023}02{010001}"), KEY_DER_OK, 1023, false},
    {SPKI("02{N512}02{010001}"), KEY_DER_OK, 512, false},
    {SPKI("02{N16384}02{010001}"), KEY_DER_OK, 16384, false},
    {SPKI("02{N2048}02{00ffffffff}"), KEY_DER_OK, 2048, false},                    /* the greatest exponent */
    {"30{02{N2048}02{010001}}", KEY_DER_OK, 2048, true},                           /* RFC 8017 A.1.1 alone */
    {"30{ 30{" RSA "} 03{00 30{02{N1024}02{010001}}} }", KEY_DER_OK, 1024, false}, /* parameters absent */
    /* sizes nobody uses, told by their size */
    {SPKI("02{N511}02{010001}"), KEY_DER_BAD_SIZE, 511, false},
    {SPKI("02{N16385}02{010001}"), KEY_DER_BAD_SIZE, 16385, false},
    {SPKI("02{N32768}02{010001}"), KEY_DER_BAD_SIZE, 32768, false},
    {"30{02{07}02{03}}", KEY_DER_BAD_SIZE, 3, true},
    /* numbers that OpenSSL would load */
    {SPKI("02{N1024 00}02{010001}"), KEY_DER_BAD_MODULUS, 0, false}, /* even */
    {SPKI("02{85 N1023}02{010001}"), KEY_DER_BAD_MODULUS, 0, false}, /* negative */
    {SPKI("02{00}02{010001}"), KEY_DER_BAD_MODULUS, 0, false},
    {SPKI("02{N1024}02{01}"), KEY_DER_BAD_EXPONENT, 0, false},
    {SPKI("02{N1024}02{00}"), KEY_DER_BAD_EXPONENT, 0, false},
    {SPKI("02{N1024}02{04}"), KEY_DER_BAD_EXPONENT, 0, false},
    {SPKI("02{N1024}02{ff}"), KEY_DER_BAD_EXPONENT, 0, false},         /* -1 */
    {SPKI("02{N1024}02{0100000001}"), KEY_DER_BAD_EXPONENT, 0, false}, /* 2^32 + 1 */
    /* X.690 section 10.1 and 8.3.2: the shortest form and no other */
    {SPKI("02{00 N1024}02{010001}"), KEY_DER_BAD_ENCODING, 0, false},
    {SPKI("02{N1024}02{00010001}"), KEY_DER_BAD_ENCODING, 0, false},
    {SPKI("02{N1024}02{ffff}"), KEY_DER_BAD_ENCODING, 0, false},
    {SPKI("02{}02{010001}"), KEY_DER_BAD_ENCODING, 0, false},
    {"3080 02{N1024}02{010001} 0000", KEY_DER_BAD_ENCODING, 0, false}, /* indefinite */
    {"308106 020107 020103", KEY_DER_BAD_ENCODING, 0, false},          /* 81 for less than 128 */
    {"30820006 020107 020103", KEY_DER_BAD_ENCODING, 0, false},        /* leading zero in the length */
    {"30{ 30{" RSA "05{00}} 03{00 30{02{N1024}02{010001}}} }", KEY_DER_BAD_ENCODING, 0,
     false},                                                                                  /* a NULL with content */
    {"30{ 30{" RSA "05{}} 03{01 30{02{N1024}02{010001}}} }", KEY_DER_BAD_ENCODING, 0, false}, /* an unused bit */
    /* lengths that lie */
    {"", KEY_DER_TRUNCATED, 0, false},
    {"30", KEY_DER_TRUNCATED, 0, false},
    {"3003 0201", KEY_DER_TRUNCATED, 0, false},
    {"3084ffffffff", KEY_DER_TRUNCATED, 0, false},
    {"3088ffffffffffffffff 0000", KEY_DER_TRUNCATED, 0, false},
    {"30ff", KEY_DER_TRUNCATED, 0, false},
    {"30{ 30{" RSA "05{}} 03{} }", KEY_DER_TRUNCATED, 0, false},
    {"30{ 30{" RSA "05{}} 03{00} }", KEY_DER_TRUNCATED, 0, false},
    {"30{ 30{" RSA "05{}} }", KEY_DER_TRUNCATED, 0, false},
    {"30{}", KEY_DER_TRUNCATED, 0, true},
    {SPKI("02{N1024}"), KEY_DER_TRUNCATED, 0, false},
    /* too much */
    {SPKI("02{N1024}02{010001}") "00", KEY_DER_TRAILING, 0, false},
    {SPKI("02{N1024}02{010001}02{03}"), KEY_DER_TRAILING, 0, false},
    {"30{ 30{" RSA "05{}} 03{00 30{02{N1024}02{010001}}} 05{} }", KEY_DER_TRAILING, 0, false},
    {"30{ 30{" RSA "05{}05{}} 03{00 30{02{N1024}02{010001}}} }", KEY_DER_TRAILING, 0, false},
    {"30{ 30{" RSA "05{}} 03{00 30{02{N1024}02{010001}} 00} }", KEY_DER_TRAILING, 0, false},
    /* other things people publish */
    {"30{ 30{06{2b6570}} 03{00 N256} }", KEY_DER_ED25519, 0, false}, /* RFC 8463 section 4.2 wants the bare octets */
    {"30{ 30{06{2a8648ce3d0201}06{2a8648ce3d030107}} 03{00 04} }", KEY_DER_OTHER_ALGORITHM, 0, false},      /* EC */
    {"30{ 30{06{2a864886f70d01010a}} 03{00 30{02{N1024}02{010001}}} }", KEY_DER_OTHER_ALGORITHM, 0, false}, /* PSS */
    {"30{02{00} 02{N1024} 02{010001} 02{N1024} 02{N512} 02{N512}}", KEY_DER_PRIVATE, 0, false},
    {"30{02{00} 30{" RSA "05{}} 04{30{02{00}}} }", KEY_DER_PRIVATE, 0, false}, /* RFC 5958 */
    {"04{00}", KEY_DER_NOT_A_KEY, 0, false},
    {"30{30{04{00}}}", KEY_DER_NOT_A_KEY, 0, false},
    {"30{ 30{" RSA "04{}} 03{00 30{02{N1024}02{010001}}} }", KEY_DER_NOT_A_KEY, 0, false},
    {"30{ 30{" RSA "05{}} 04{00 30{02{N1024}02{010001}}} }", KEY_DER_NOT_A_KEY, 0, false},
    {"30{04{N1024}02{010001}}", KEY_DER_NOT_A_KEY, 0, false},
};

static enum key_der_status read_exact(const uint8_t *octets, size_t len, struct key_der *out, struct span *modulus) {
    char *exact = memcpy(malloc(len > 0 ? len : 1), octets, len);
    enum key_der_status status = key_der_read((struct span){exact, len}, out);
    if (status == KEY_DER_OK) {
        assert_true(out->modulus.ptr > exact && out->exponent.ptr + out->exponent.len == exact + len);
        assert_true(out->modulus.ptr[0] != 0 && out->exponent.ptr[0] != 0);
        assert_true(out->modulus.len == (out->bits + 7) / 8);
    }
    *modulus = out->modulus;
    free(exact);
    return status;
}

static void every_row_reads_as_wanted(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct assembler a;
        struct key_der key;
        struct span modulus;
        assemble(rows[i].text, &a);
        enum key_der_status got = read_exact(a.octets, a.len, &key, &modulus);
        bool bare = (got == KEY_DER_OK || got == KEY_DER_BAD_SIZE) && rows[i].bare;
        if (got != rows[i].want || key.bits != rows[i].bits || key.bare != bare)
            fail_msg("%s: %s, %u bits", rows[i].text, key_der_status_text(got), key.bits);
        if (got != KEY_DER_OK && (modulus.len > 0 || key.exponent.len > 0)) fail_msg("%s: spans left", rows[i].text);
    }
}

static void a_cut_key_is_never_read(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (rows[i].want != KEY_DER_OK) continue;
        struct assembler a;
        struct key_der key;
        struct span modulus;
        assemble(rows[i].text, &a);
        for (size_t len = 0; len < a.len; len++)
            if (read_exact(a.octets, len, &key, &modulus) != KEY_DER_TRUNCATED)
                fail_msg("%s at %zu", rows[i].text, len);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_reads_as_wanted),
        cmocka_unit_test(a_cut_key_is_never_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
