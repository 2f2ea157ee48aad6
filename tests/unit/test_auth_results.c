#include "verifier/auth_results.h" /* first, so the header is proved to stand alone */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "tests/auth_results_property.h"

static struct span s(const char *text) { return span_of(text); }

static struct dkim_result result_of(enum dkim_code code) {
    return (struct dkim_result){.code = code,
                                .result = dkim_code_result(code),
                                .domain = s("example.com"),
                                .selector = s("sel"),
                                .auid = s("@example.com"),
                                .algorithm = s("rsa-sha256"),
                                .signature = s("dzdVyOfAKCdLXdJOc9G2"),
                                .key_algorithm = KEY_RSA,
                                .key_bits = 2048,
                                .has_key_answer = true,
                                .dnssec = DNSSEC_SECURE,
                                .records_tried = 1,
                                .body_part = PART_INTACT,
                                .header_part = PART_INTACT};
}

static void expect_field(const struct dkim_result *results, size_t count, const char *want) {
    struct bytes out = bytes_with_cap(8192);
    struct message_result message = {.dkim_count = count, .dkim = results};
    assert_true(auth_results_write(&out, s("mx.example.com"), &message));
    bytes_append_char(&out, '\0');
    assert_string_equal(out.ptr, want);
    bytes_release(&out);
    property_check(s("mx.example.com"), &message);
}

static void a_pass_names_key_and_dnssec(void **state) {
    (void)state;
    struct dkim_result pass = result_of(DKIM_OK);
    expect_field(&pass, 1,
                 "Authentication-Results: mx.example.com; dkim=pass\r\n"
                 "\t(2048-bit rsa key, dnssec secure) header.d=example.com header.i=@example.com\r\n"
                 "\theader.s=sel header.a=rsa-sha256 header.b=dzdVyOfA\r\n");
}

static void no_signature_is_one_none(void **state) {
    (void)state;
    expect_field(NULL, 0, "Authentication-Results: mx.example.com; dkim=none (message not signed)\r\n");
}

static void both_parts_changed_are_both_told(void **state) {
    (void)state;
    struct dkim_result both = result_of(DKIM_BODY_HASH_MISMATCH);
    both.body_part = both.header_part = PART_CHANGED;
    both.dnssec = DNSSEC_INSECURE;
    both.key_bits = 1024;
    both.weak = both.testing = true;
    both.records_tried = 2;
    expect_field(&both, 1,
                 "Authentication-Results: mx.example.com; dkim=fail (body hash mismatch,\r\n"
                 "\tsignature mismatch, 1024-bit rsa key, weak, testing, 2 key records, dnssec\r\n"
                 "\tinsecure) header.d=example.com header.i=@example.com header.s=sel\r\n"
                 "\theader.a=rsa-sha256 header.b=dzdVyOfA\r\n");
}

static const struct {
    enum dkim_code code;
    const char *detail;
    uint64_t unsigned_octets;
    const char *want;
} comments[] = {
    {DKIM_SIGNATURE_MISMATCH, "", 0, "fail (signature mismatch, 2048-bit rsa key, dnssec secure)"},
    {DKIM_BODY_UNSIGNED_OCTETS, "", 17, "policy (17 octets unsigned, 2048-bit rsa key, dnssec secure)"},
    {DKIM_OK, "", 1, "pass (1 octet unsigned, 2048-bit rsa key, dnssec secure)"},
    {DKIM_SIG_MISSING_TAG, "bh=", 0,
     "permerror (signature lacks a required tag, tag bh, 2048-bit rsa key, dnssec secure)"},
    {DKIM_SIG_SYNTAX, "x); dkim=pass (\r\n\"\\", 0,
     "permerror (signature field has bad syntax, x dkimpass , 2048-bit rsa key, dnssec secure)"},
    {DKIM_SIG_SHA1, "a=", 0, "policy (rsa-sha1 is not accepted, 2048-bit rsa key, dnssec secure)"},
    {DKIM_KEY_REVOKED, "p= is empty: the key is revoked", 0,
     "permerror (key revoked, 2048-bit rsa key, dnssec secure)"},
    {DKIM_DNS_BOGUS, "", 0, "temperror (dnssec bogus, 2048-bit rsa key)"},
};

/* The field with its folds undone. */
static void unfolded(const struct dkim_result *results, size_t count, struct bytes *out) {
    struct bytes folded = bytes_with_cap(8192);
    struct message_result message = {.dkim_count = count, .dkim = results};
    assert_true(auth_results_write(&folded, s("mx.example.com"), &message));
    property_check(s("mx.example.com"), &message);
    bytes_clear(out);
    for (size_t i = 0; i < folded.len; i++)
        if (folded.ptr[i] != '\r' && folded.ptr[i] != '\n')
            bytes_append_char(out, folded.ptr[i] == '\t' ? ' ' : folded.ptr[i]);
    bytes_append_char(out, '\0');
    bytes_release(&folded);
}

static void comments_say_why(void **state) {
    (void)state;
    struct bytes out = bytes_with_cap(8192);
    for (size_t i = 0; i < sizeof comments / sizeof *comments; i++) {
        struct dkim_result result = result_of(comments[i].code);
        result.detail = s(comments[i].detail);
        result.has_unsigned_octets = comments[i].unsigned_octets > 0;
        result.unsigned_octets = comments[i].unsigned_octets;
        unfolded(&result, 1, &out);
        if (strstr(out.ptr, comments[i].want) == NULL) fail_msg("wanted \"%s\" in \"%s\"", comments[i].want, out.ptr);
    }
    bytes_release(&out);
}

static const struct {
    const char *domain, *auid, *selector, *want;
} names[] = {
    {"Example.COM.", "User@Example.COM", "SEL",
     "header.d=example.com header.i=User@example.com header.s=sel header.a="},
    {"ex\xc3\xa4mple.com", "@ex\xc3\xa4mple.com", "s",
     "header.d=xn--exmple-cua.com header.i=@xn--exmple-cua.com header.s=s header.a="},
    {"example.com", "\xc3\xa9t\xc3\xa9@example.com", "s",
     "header.i=\"\xc3\xa9t\xc3\xa9@example.com\" header.s"}, /* RFC 8616 */
    {"example.com", "\xff\xc2\x85x y@example.com", "s", "header.i=\"x y@example.com\" header.s"},
    {"example.com", "a=b/c@example.com", "s", "header.i=\"a=b/c@example.com\" header.s"},
    {"example.com", "\"a \\\"b\"@example.com", "s", "header.i=\"\\\"a \\\\\\\"b\\\"@example.com\" header.s"},
    {"a;b.test", "@a;b.test", "s", "header.d=\"a;b.test\" header.i=\"@a;b.test\" header.s=s"},
    {"a\r\nX: y", "", "\x01", "header.d=\"aX: y\" header.a="}, /* nothing is left of the selector, no AUID was read */
    {"", "", "", "dnssec secure) header.a=rsa-sha256"},
};

static void values_are_tokens_or_quoted(void **state) {
    (void)state;
    struct bytes out = bytes_with_cap(8192);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct dkim_result result = result_of(DKIM_OK);
        result.domain = s(names[i].domain);
        result.auid = s(names[i].auid);
        result.selector = s(names[i].selector);
        unfolded(&result, 1, &out);
        if (strstr(out.ptr, names[i].want) == NULL) fail_msg("wanted \"%s\" in \"%s\"", names[i].want, out.ptr);
    }
    bytes_release(&out);
}

static void signatures_are_told_apart_by_their_first_characters(void **state) { /* RFC 6008 section 3 */
    (void)state;
    struct bytes out = bytes_with_cap(8192);
    struct dkim_result results[4] = {result_of(DKIM_OK), result_of(DKIM_OK), result_of(DKIM_OK), result_of(DKIM_OK)};
    results[0].signature = s("AAAAAAAAAAb+dddd");
    results[1].signature = s("AAAAAAAAAAc/dddd");
    results[2].signature = s("short=");
    results[3].signature = s("short=");
    unfolded(results, 4, &out);
    assert_non_null(strstr(out.ptr, "header.b=AAAAAAAAAAb;"));
    assert_non_null(strstr(out.ptr, "header.b=AAAAAAAAAAc;"));
    assert_non_null(strstr(out.ptr, "header.b=\"short=\";"));
    assert_string_equal(out.ptr + out.len - 19, " header.b=\"short=\"");
    results[0].signature = s("a/b+ccccx");
    unfolded(results, 1, &out);
    assert_non_null(strstr(out.ptr, "header.b=\"a/b+cccc\""));
    bytes_release(&out);
}

static void too_many_results_keep_passes_and_count_the_rest(void **state) {
    (void)state;
    enum { COUNT = 40 };
    struct dkim_result results[COUNT];
    char signatures[COUNT][16];
    for (size_t i = 0; i < COUNT; i++) {
        results[i] = result_of(i == 39 ? DKIM_OK : DKIM_LIMIT);
        results[i].aligned = i == 39;
        snprintf(signatures[i], sizeof signatures[i], "%02zuxxxxxxxx", i);
        results[i].signature = s(signatures[i]);
    }
    struct bytes out = bytes_with_cap(8192);
    unfolded(results, COUNT, &out);
    assert_true(strncmp(out.ptr, "Authentication-Results: mx.example.com; dkim=pass ", 50) == 0);
    assert_non_null(strstr(out.ptr, "header.b=39xxxxxx; dkim=policy"));
    assert_non_null(strstr(out.ptr, "further signatures not listed)"));
    assert_true(out.len > 3500);
    bytes_release(&out);
}

static void a_full_buffer_stays_as_it_was(void **state) {
    (void)state;
    struct dkim_result pass = result_of(DKIM_OK);
    struct message_result message = {.dkim_count = 1, .dkim = &pass};
    struct bytes whole = bytes_with_cap(8192);
    assert_true(auth_results_write(&whole, s("mx.example.com"), &message));
    size_t enough = 5 + whole.len;
    bytes_release(&whole);
    for (size_t cap = 5; cap < enough; cap++) {
        struct bytes out = bytes_with_cap(cap);
        bytes_append_text(&out, "first");
        assert_false(auth_results_write(&out, s("mx.example.com"), &message));
        assert_int_equal(out.len, 5);
        assert_true(out.failed);
        bytes_release(&out);
    }
}

static uint32_t next_random(uint32_t *seed) { return *seed = *seed * 1664525u + 1013904223u, *seed >> 8; }

static struct span random_value(uint32_t *seed, char *buffer, size_t most) {
    static const char nasty[] = "\"\\;()=@.\r\n\t \0\x7f\xc3\xa4\xff,:/?[]<>";
    size_t len = next_random(seed) % most;
    for (size_t i = 0; i < len; i++) {
        uint32_t dice = next_random(seed);
        buffer[i] = dice % 3 == 0   ? nasty[(dice >> 2) % (sizeof nasty - 1)]
                    : dice % 3 == 1 ? (char)(dice >> 2)
                                    : (char)('a' + (dice >> 2) % 26);
    }
    return (struct span){buffer, len};
}

static void any_octets_read_back_as_intended(void **state) {
    (void)state;
    enum { RESULTS = 12, VALUE = 1200 };
    static char values[RESULTS][5][VALUE];
    uint32_t seed = 20240531;
    for (int round = 0; round < 20000; round++) {
        struct dkim_result results[RESULTS];
        size_t count = next_random(&seed) % RESULTS, most = next_random(&seed) % 20 == 0 ? VALUE : 24;
        for (size_t i = 0; i < count; i++) {
            results[i] = result_of((enum dkim_code)(next_random(&seed) % DKIM_CODE_COUNT));
            results[i].aligned = next_random(&seed) % 2;
            results[i].domain = random_value(&seed, values[i][0], most);
            results[i].auid = random_value(&seed, values[i][1], most);
            results[i].selector = random_value(&seed, values[i][2], most);
            results[i].algorithm = random_value(&seed, values[i][3], most);
            results[i].signature = random_value(&seed, values[i][4], most);
        }
        struct message_result message = {.dkim_count = count, .dkim = results};
        property_check(s("mx.example.com"), &message);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pass_names_key_and_dnssec),
        cmocka_unit_test(no_signature_is_one_none),
        cmocka_unit_test(both_parts_changed_are_both_told),
        cmocka_unit_test(comments_say_why),
        cmocka_unit_test(values_are_tokens_or_quoted),
        cmocka_unit_test(signatures_are_told_apart_by_their_first_characters),
        cmocka_unit_test(too_many_results_keep_passes_and_count_the_rest),
        cmocka_unit_test(a_full_buffer_stays_as_it_was),
        cmocka_unit_test(any_octets_read_back_as_intended),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
