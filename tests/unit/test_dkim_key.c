#include "verifier/dkim_key.h" /* first, so the header is proved to stand alone */
#include "verifier/public_key.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* RFC 8463 appendix A.2. */
#define ED25519 "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
#define RSA_1024                                                                                                       \
    "MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWRiGs5V6NpP3idY6Wk08a5qhdR6wy5bdOKb2jLQiY/J16JYi0Qvx/b"           \
    "yYzCNb3W91y3FutACDfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqMKrM3rG4hstT5QjvHO9PzoxZyVYLzBfO2EeC3Ip3G+2kryOTIKT+l/"          \
    "K4w3QIDAQAB"
/* The same key without its envelope. */
#define RSA_1024_BARE                                                                                                  \
    "MIGJAoGBAOQeU5CgFPNZGIazlXo2k/eJ1jpaTTxrmqF1HrDLlt04pvaMtCJj8nXoliLRC/H9vJjMI1vdb3XLcW60AIN/PBD8EL97/y4GwJ"       \
    "H7LPUvGP48vqUe+owqszesbiGy1PlCO8c70/OjFnJVgvMF87YR4LcincbbaSvI5MgpP6X8rjDdAgMBAAE="
#define RSA_512                                                                                                        \
    "MFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBANmBe10IgY+u7h3enWTukkqtUD5PR52Tb/mPfjC0QJTocVBq6Za/"                             \
    "PlzfV+Py92VaCak19F4WrbVTK5Gg5tW220MCAwEAAQ=="
#define ED25519_SPKI "MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="

/* What a row wants, one letter each: 2 sha256, 1 sha1, e email, y testing, s strict identity. */
static const struct {
    const char *text;
    enum dkim_key_status want;
    enum key_algorithm algorithm;
    unsigned bits;
    const char *flags;
} rows[] = {
    {"v=DKIM1; k=rsa; p=" RSA_1024, DKIM_KEY_OK, KEY_RSA, 1024, "21e"}, /* RFC 8463 A.2 */
    {"v=DKIM1; k=ed25519; p=" ED25519, DKIM_KEY_OK, KEY_ED25519, 256, "21e"},
    {"p=" RSA_1024, DKIM_KEY_OK, KEY_RSA, 1024, "21e"},                  /* RFC 6376 3.6.1: all else has defaults */
    {"v=DKIM1;p=" RSA_1024_BARE ";", DKIM_KEY_OK, KEY_RSA, 1024, "21e"}, /* PKCS#1 alone, seen in the wild */
    {" v = DKIM1 ; p = " RSA_1024 " ; ", DKIM_KEY_OK, KEY_RSA, 1024, "21e"},
    {"v=DKIM1; p= 11qY AYKx\r\n\tCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=; k=ed25519", DKIM_KEY_OK, KEY_ED25519, 256,
     "21e"},
    {"v=DKIM1; g=; n=what a note; x=unknown; p=" RSA_1024, DKIM_KEY_OK, KEY_RSA, 1024, "21e"}, /* g= is historic */
    /* RFC 8301 section 3.2: readable, its size known, not usable */
    {"v=DKIM1; p=" RSA_512, DKIM_KEY_OK, KEY_RSA, 512, "21e"},
    {"v=DKIM1; p=MAYCAQcCAQM=", DKIM_KEY_BAD_SIZE, KEY_RSA, 3, "21e"},
    /* h=, s=, t= */
    {"v=DKIM1; h=sha256; p=" RSA_1024, DKIM_KEY_OK, KEY_RSA, 1024, "2e"},
    {"v=DKIM1; h= sha1 : sha256 ; p=" RSA_1024, DKIM_KEY_OK, KEY_RSA, 1024, "21e"},
    {"v=DKIM1; h=sha1; p=" RSA_1024, DKIM_KEY_OK, KEY_RSA, 1024, "1e"},
    {"v=DKIM1; h=sha512; p=" RSA_1024, DKIM_KEY_OK, KEY_RSA, 1024, "e"},
    {"v=DKIM1; h=; p=" RSA_1024, DKIM_KEY_OK, KEY_RSA, 1024, "e"},
    {"v=DKIM1; h=SHA256; p=" RSA_1024, DKIM_KEY_OK, KEY_RSA, 1024, "e"}, /* 3.2: values are case-sensitive */
    {"v=DKIM1; s=*; p=" RSA_1024, DKIM_KEY_OK, KEY_RSA, 1024, "21e"},
    {"v=DKIM1; s=other:email; p=" RSA_1024, DKIM_KEY_OK, KEY_RSA, 1024, "21e"},
    {"v=DKIM1; s=other; p=" RSA_1024, DKIM_KEY_OK, KEY_RSA, 1024, "21"},
    {"v=DKIM1; s=e-mail:emails; p=" RSA_1024, DKIM_KEY_OK, KEY_RSA, 1024, "21"},
    {"v=DKIM1; t=y; p=" RSA_1024, DKIM_KEY_OK, KEY_RSA, 1024, "21ey"},
    {"v=DKIM1; t=s; p=" RSA_1024, DKIM_KEY_OK, KEY_RSA, 1024, "21es"},
    {"v=DKIM1; t=s :x: y; p=" RSA_1024, DKIM_KEY_OK, KEY_RSA, 1024, "21eys"},
    {"v=DKIM1; t=ys; p=" RSA_1024, DKIM_KEY_OK, KEY_RSA, 1024, "21e"}, /* one unknown flag, ignored */
    /* v= */
    {"k=rsa; v=DKIM1; p=" RSA_1024, DKIM_KEY_BAD_VERSION, KEY_RSA, 0, "21e"},
    {"v=DKIM2; p=" RSA_1024, DKIM_KEY_BAD_VERSION, KEY_RSA, 0, "21e"},
    {"v=dkim1; p=" RSA_1024, DKIM_KEY_BAD_VERSION, KEY_RSA, 0, "21e"},
    {"v=DKIM1\\; p=" RSA_1024, DKIM_KEY_BAD_VERSION, KEY_RSA, 0, "21e"},
    {"v=; p=" RSA_1024, DKIM_KEY_BAD_VERSION, KEY_RSA, 0, "21e"},
    {"v=DKIM1 k=rsa; p=" RSA_1024, DKIM_KEY_BAD_VERSION, KEY_RSA, 0, "21e"}, /* a missing semicolon */
    /* k= */
    {"v=DKIM1; k=dsa; p=" RSA_1024, DKIM_KEY_UNKNOWN_TYPE, KEY_ALGORITHM_UNKNOWN, 0, "21e"},
    {"v=DKIM1; k=; p=" RSA_1024, DKIM_KEY_UNKNOWN_TYPE, KEY_ALGORITHM_UNKNOWN, 0, "21e"},
    {"v=DKIM1; k=ed25519; p=" RSA_1024, DKIM_KEY_BAD_KEY, KEY_ED25519, 0, "21e"},
    {"v=DKIM1; p=" ED25519, DKIM_KEY_BAD_KEY, KEY_RSA, 0, "21e"},
    /* p= */
    {"v=DKIM1; k=ed25519; p=" ED25519_SPKI, DKIM_KEY_BAD_KEY, KEY_ED25519, 0,
     "21e"}, /* RFC 8463 4.2: the bare octets */
    {"v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHUQ==", DKIM_KEY_BAD_KEY, KEY_ED25519, 0, "21e"},
    {"v=DKIM1; p=", DKIM_KEY_EMPTY_P, KEY_RSA, 0, "21e"}, /* 3.6.1: revoked */
    {"p= \t ", DKIM_KEY_EMPTY_P, KEY_RSA, 0, "21e"},
    {"v=DKIM1; k=dsa; t=y; p=;", DKIM_KEY_EMPTY_P, KEY_ALGORITHM_UNKNOWN, 0, "21ey"},
    {"v=DKIM1; k=rsa", DKIM_KEY_NO_P, KEY_RSA, 0, "21e"},
    {"v=DKIM1; P=" RSA_1024, DKIM_KEY_NO_P, KEY_RSA, 0, "21e"}, /* 3.2: so are names */
    {"v=DKIM1; p=BARF", DKIM_KEY_BAD_KEY, KEY_RSA, 0, "21e"},
    {"v=DKIM1; p=BAR", DKIM_KEY_BAD_BASE64, KEY_RSA, 0, "21e"},
    {"v=DKIM1; p=-----BEGIN PUBLIC KEY-----", DKIM_KEY_BAD_BASE64, KEY_RSA, 0, "21e"},
    /* not a tag-list */
    {"", DKIM_KEY_BAD_TAG_LIST, KEY_RSA, 0, "21e"},
    {"v=DKIM1; p=" RSA_1024 "; p=" RSA_1024, DKIM_KEY_BAD_TAG_LIST, KEY_RSA, 0, "21e"}, /* 3.2: duplicate */
    {"v=DKIM1; k=ed25519; t=y; p=" ED25519 "; p=", DKIM_KEY_BAD_TAG_LIST, KEY_ED25519, 0, "21ey"},
    {"v=spf1 -all", DKIM_KEY_BAD_VERSION, KEY_RSA, 0, "21e"},
    {"google-site-verification: x", DKIM_KEY_BAD_TAG_LIST, KEY_RSA, 0, "21e"},
};

static bool flag_fits(const char *flags, char letter, bool got) { return (strchr(flags, letter) != NULL) == got; }

static void check_row(size_t i, const struct dkim_key *key) {
    const char *flags = rows[i].flags;
    if (key->status != rows[i].want || key->algorithm != rows[i].algorithm || key->bits != rows[i].bits)
        fail_msg("\"%s\": %s, %u bits", rows[i].text, dkim_key_status_text(key->status), key->bits);
    if ((key->key != NULL) != (rows[i].want == DKIM_KEY_OK && rows[i].bits != 512))
        fail_msg("\"%s\": public key %p", rows[i].text, (void *)key->key);
    if (!flag_fits(flags, '2', key->hash_sha256) || !flag_fits(flags, '1', key->hash_sha1) ||
        !flag_fits(flags, 'e', key->service_email) || !flag_fits(flags, 'y', key->testing) ||
        !flag_fits(flags, 's', key->strict_identity))
        fail_msg("\"%s\": flags are not %s", rows[i].text, flags);
}

static void every_row_reads_as_wanted(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        size_t len = strlen(rows[i].text);
        char *exact = memcpy(malloc(len > 0 ? len : 1), rows[i].text, len);
        struct arena *arena = arena_create(16384);
        struct dkim_key key;
        assert_int_equal(dkim_key_parse((struct span){exact, len}, arena, &key), rows[i].want);
        free(exact); /* the key keeps a copy of its own */
        check_row(i, &key);
        assert_true(span_is(key.text, rows[i].text));
        dkim_key_release(&key);
        arena_destroy(arena);
    }
}

static void no_room_for_the_text_is_a_status(void **state) {
    (void)state;
    struct arena *arena = arena_create(16);
    struct dkim_key key;
    assert_int_equal(dkim_key_parse(span_of("v=DKIM1; p=" RSA_1024), arena, &key), DKIM_KEY_OUT_OF_MEMORY);
    assert_null(key.key);
    dkim_key_release(&key);
    arena_destroy(arena);
}

static void a_zeroed_key_may_be_released(void **state) {
    (void)state;
    struct dkim_key key = {0};
    dkim_key_release(&key);
    assert_null(key.key);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_reads_as_wanted),
        cmocka_unit_test(no_room_for_the_text_is_a_status),
        cmocka_unit_test(a_zeroed_key_may_be_released),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
