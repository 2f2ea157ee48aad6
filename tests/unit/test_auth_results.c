#include "verifier/auth_results.h" /* first, so the header is proved to stand alone */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "tests/auth_results_property.h"

static struct span s(const char *text) { return span_of(text); }
#define s_(literal) {literal, sizeof literal - 1}

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

/* The field with its folds undone, without the final line end. */
static void unfold_message(const struct message_result *message, struct bytes *out) {
    struct bytes folded = bytes_with_cap(8192);
    assert_true(auth_results_write(&folded, s("mx.example.com"), message));
    property_check(s("mx.example.com"), message);
    bytes_clear(out);
    for (size_t i = 0; i < folded.len; i++)
        if (folded.ptr[i] != '\r' && folded.ptr[i] != '\n')
            bytes_append_char(out, folded.ptr[i] == '\t' ? ' ' : folded.ptr[i]);
    bytes_append_char(out, '\0');
    bytes_release(&folded);
}

static void unfolded(const struct dkim_result *results, size_t count, struct bytes *out) {
    struct message_result message = {.dkim_count = count, .dkim = results};
    unfold_message(&message, out);
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

static struct message_result all_methods(const struct dkim_result *dkim) {
    return (struct message_result){
        .dkim_count = 1,
        .dkim = dkim,
        .arc = {.is_evaluated = true,
                .result = RESULT_PASS,
                .code = ARC_OK,
                .sets = 3,
                .has_oldest_pass = true,
                .oldest_pass = 2,
                .has_key_answer = true,
                .dnssec = DNSSEC_SECURE},
        .spf = {{.is_evaluated = true, .scope = SPF_HELO, .result = RESULT_NONE, .code = SPF_NO_RECORD,
                 .identity = s("out.example.com")},
                {.is_evaluated = true, .scope = SPF_MAIL_FROM, .result = RESULT_PASS, .code = SPF_MATCHED,
                 .identity = s("user@Example.com"), .domain = s("example.com"), .dnssec = DNSSEC_INSECURE}},
        .dmarc = {.is_evaluated = true, .result = RESULT_PASS, .code = DMARC_ALIGNED, .domain = s("example.com"),
                  .policy = DMARC_POLICY_REJECT, .disposition = DMARC_POLICY_NONE},
        .iprev = {.is_evaluated = true, .result = RESULT_PASS, .address = s("192.0.2.1"), .name = s("out.example.com")},
    };
}

static void expect_written(const struct message_result *message, enum auth_results_style style, const char *want) {
    struct bytes out = bytes_with_cap(8192);
    assert_true(auth_results_write_styled(&out, s("mx.example.com"), message, style));
    bytes_append_char(&out, '\0');
    assert_string_equal(out.ptr, want);
    bytes_release(&out);
    property_check(s("mx.example.com"), message);
}

static void all_methods_stand_in_order(void **state) {
    (void)state;
    struct dkim_result dkim = result_of(DKIM_OK);
    struct message_result message = all_methods(&dkim);
    expect_written(&message, AUTH_RESULTS_STANDARD,
                   "Authentication-Results: mx.example.com; dkim=pass\r\n"
                   "\t(2048-bit rsa key, dnssec secure) header.d=example.com header.i=@example.com\r\n"
                   "\theader.s=sel header.a=rsa-sha256 header.b=dzdVyOfA;\r\n"
                   "\tarc=pass (chain verified, 3 sets, dnssec secure) header.oldest-pass=2;\r\n"
                   "\tspf=pass (a mechanism matched, dnssec insecure)\r\n"
                   "\tsmtp.mailfrom=user@example.com;\r\n"
                   "\tdmarc=pass (policy reject, disposition none) header.from=example.com\r\n"
                   "\tpolicy.dmarc=reject;\r\n"
                   "\tiprev=pass policy.iprev=192.0.2.1\r\n");
}

static const struct {
    struct message_result message;
    const char *want; /* behind dkim, folds undone */
} others[] = {
    {{.arc = {.is_evaluated = true, .result = RESULT_NONE, .code = ARC_NO_SETS}}, "arc=none (no ARC sets)"},
    {{.arc = {.is_evaluated = true, .result = RESULT_PASS, .code = ARC_OK, .sets = 1, .has_oldest_pass = true, .is_trusted = true}},
     "arc=pass (chain verified, 1 set, trusted sealer)"}, /* 0: every message signature passes; nothing is said */
    {{.arc = {.is_evaluated = true, .result = RESULT_FAIL, .code = ARC_SEAL, .sets = 3, .failed_set = 2}},
     "arc=fail (a seal does not verify, set 2)"},
    {{.spf = {{.is_evaluated = true, .scope = SPF_HELO, .result = RESULT_FAIL, .code = SPF_MATCHED, .identity = s_("OUT.Example.com")}}},
     "spf=fail (a mechanism matched) smtp.helo=out.example.com"},
    {{.spf = {{.is_evaluated = true, .scope = SPF_HELO, .result = RESULT_NONE, .code = SPF_NO_DOMAIN, .identity = s_("[192.0.2.1]")}}},
     "spf=none (no domain to check) smtp.helo=\"[192.0.2.1]\""},
    {{.spf = {[SPF_MAIL_FROM] = {.is_evaluated = true, .scope = SPF_MAIL_FROM, .result = RESULT_TEMPERROR, .code = SPF_DNS_BOGUS,
                                 .identity = s_("a;b@ex\xc3\xa4mple.com"), .dnssec = DNSSEC_BOGUS}}},
     "spf=temperror (dnssec bogus) smtp.mailfrom=\"a;b@xn--exmple-cua.com\""},
    {{.spf = {[SPF_MAIL_FROM] = {.is_evaluated = true, .scope = SPF_MAIL_FROM, .result = RESULT_SOFTFAIL, .code = SPF_MATCHED,
                                 .identity = s_("a@b.test\r\nX: y"), .dnssec = DNSSEC_SECURE}}},
     "spf=softfail (a mechanism matched, dnssec secure) smtp.mailfrom=\"a@b.testX: y\""},
    {{.dmarc = {.is_evaluated = true, .result = RESULT_FAIL, .code = DMARC_NOT_ALIGNED, .domain = s_("example.com"),
                .policy = DMARC_POLICY_REJECT, .disposition = DMARC_POLICY_QUARANTINE, .testing = true, .dnssec = DNSSEC_SECURE}},
     "dmarc=fail (policy reject, disposition quarantine, testing, dnssec secure) header.from=example.com policy.dmarc=reject"},
    {{.dmarc = {.is_evaluated = true, .result = RESULT_NONE, .code = DMARC_NO_RECORD, .domain = s_("example.com")}},
     "dmarc=none (no DMARC record) header.from=example.com"},
    {{.dmarc = {.is_evaluated = true, .result = RESULT_PERMERROR, .code = DMARC_SEVERAL_AUTHORS}},
     "dmarc=permerror (several author addresses)"},
    {{.dmarc = {.is_evaluated = true, .result = RESULT_TEMPERROR, .code = DMARC_UNDECIDED, .domain = s_("example.com"),
                .policy = DMARC_POLICY_NONE, .disposition = DMARC_POLICY_NONE}},
     "dmarc=temperror (an aligned identifier had a temporary error, policy none, disposition none) header.from=example.com "
     "policy.dmarc=none"},
    {{.iprev = {.is_evaluated = true, .result = RESULT_FAIL, .address = s_("2001:db8::1")}}, "iprev=fail policy.iprev=\"2001:db8::1\""},
};

static void each_method_says_what_it_found(void **state) {
    (void)state;
    static const char head[] = "Authentication-Results: mx.example.com; dkim=none (message not signed); ";
    struct bytes out = bytes_with_cap(8192);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        unfold_message(&others[i].message, &out);
        if (strncmp(out.ptr, head, sizeof head - 1) != 0 || strcmp(out.ptr + sizeof head - 1, others[i].want) != 0)
            fail_msg("wanted \"%s\", got \"%s\"", others[i].want, out.ptr);
    }
    bytes_release(&out);
}

/* The example in the OVHcloud guide on DKIM, in its own shape. */
static struct message_result guide_example(struct dkim_result *dkim) {
    *dkim = result_of(DKIM_OK);
    dkim->domain = s("mydomain.ovh");
    dkim->auid = s("@mydomain.ovh");
    dkim->selector = s("ovhex123456-selector1");
    dkim->signature = s("KUdGjiMsQ2hhcmFjdGVycw==");
    struct message_result message = all_methods(dkim);
    message.arc = (struct arc_result){.is_evaluated = true, .result = RESULT_NONE, .code = ARC_NO_SETS};
    message.spf[SPF_MAIL_FROM].identity = s("test-dkim@mydomain.ovh");
    message.spf[SPF_MAIL_FROM].domain = s("mydomain.ovh");
    message.dmarc = (struct dmarc_result){.is_evaluated = true, .result = RESULT_NONE, .code = DMARC_NO_RECORD,
                                          .domain = s("mydomain.ovh")};
    message.iprev.address = s("54.36.141.6");
    return message;
}

#define GUIDE                                                                                                          \
    " mx.example.com;\r\n"                                                                                             \
    "       dkim=pass header.i=@mydomain.ovh header.s=ovhex123456-selector1 header.b=KUdGjiMs;\r\n"                    \
    "       spf=pass (example.com: domain of test-dkim@mydomain.ovh designates 54.36.141.6 as permitted sender) "      \
    "smtp.mailfrom=test-dkim@mydomain.ovh\r\n"

static void the_provider_style_is_that_of_the_guide(void **state) {
    (void)state;
    struct dkim_result dkim;
    struct message_result message = guide_example(&dkim);
    struct bytes out = bytes_with_cap(8192);
    expect_written(&message, AUTH_RESULTS_PROVIDER, "Authentication-Results:" GUIDE);
    assert_true(auth_results_write_arc(&out, 1, s("mx.example.com"), &message, AUTH_RESULTS_PROVIDER));
    bytes_append_char(&out, '\0');
    assert_string_equal(out.ptr, "ARC-Authentication-Results: i=1;" GUIDE);
    bytes_release(&out);
}

static const struct {
    enum auth_result result;
    const char *identity, *client, *want; /* the spf result */
} provider_rows[] = {
    {RESULT_FAIL, "a@b.test", "2001:db8::1",
     "spf=fail (example.com: domain of a@b.test does not designate 2001:db8::1 as permitted sender) smtp.mailfrom=a@b.test"},
    {RESULT_SOFTFAIL, "a@b.test", "192.0.2.1",
     "spf=softfail (example.com: domain of transitioning a@b.test does not designate 192.0.2.1 as permitted sender) "
     "smtp.mailfrom=a@b.test"},
    {RESULT_NEUTRAL, "a@b.test", "192.0.2.1",
     "spf=neutral (example.com: domain of a@b.test neither permits nor denies 192.0.2.1) smtp.mailfrom=a@b.test"},
    {RESULT_NONE, "a@b.test", "192.0.2.1",
     "spf=none (example.com: a@b.test does not designate permitted sender hosts for 192.0.2.1) smtp.mailfrom=a@b.test"},
    {RESULT_TEMPERROR, "a@b.test", "192.0.2.1",
     "spf=temperror (example.com: temporary error in processing during lookup of a@b.test for 192.0.2.1) smtp.mailfrom=a@b.test"},
    {RESULT_PERMERROR, "a@b.test", "192.0.2.1",
     "spf=permerror (example.com: permanent error in processing during lookup of a@b.test for 192.0.2.1) smtp.mailfrom=a@b.test"},
    /* what is not plainly harmless stands in no comment */
    {RESULT_PASS, "a)dkim@b.test", "192.0.2.1", "spf=pass smtp.mailfrom=\"a)dkim@b.test\""},
    {RESULT_PASS, "dkim=pass@b.test", "192.0.2.1", "spf=pass smtp.mailfrom=\"dkim=pass@b.test\""},
    {RESULT_PASS, "a b@b.test", "192.0.2.1", "spf=pass smtp.mailfrom=\"a b@b.test\""},
    {RESULT_PASS, "\xc3\xa9@b.test", "192.0.2.1", "spf=pass smtp.mailfrom=\"\xc3\xa9@b.test\""},
    {RESULT_PASS, "a@b.test", "", "spf=pass smtp.mailfrom=a@b.test"},
};

static void the_provider_style_tells_spf_in_a_sentence(void **state) {
    (void)state;
    struct bytes out = bytes_with_cap(8192);
    for (size_t i = 0; i < sizeof provider_rows / sizeof *provider_rows; i++) {
        struct dkim_result dkim;
        struct message_result message = guide_example(&dkim);
        message.spf[SPF_MAIL_FROM].result = provider_rows[i].result;
        message.spf[SPF_MAIL_FROM].identity = s(provider_rows[i].identity);
        message.spf[SPF_MAIL_FROM].domain = s("b.test");
        message.iprev.address = s(provider_rows[i].client);
        bytes_clear(&out);
        assert_true(auth_results_write_styled(&out, s("mx.example.com"), &message, AUTH_RESULTS_PROVIDER));
        property_check(s("mx.example.com"), &message);
        bytes_append_char(&out, '\0');
        char *spf = strstr(out.ptr, "spf=");
        assert_non_null(spf);
        out.ptr[out.len - 3] = '\0'; /* the final CRLF */
        assert_string_equal(spf, provider_rows[i].want);
    }
    bytes_release(&out);
}

static void the_content_alone_has_no_name_and_no_line_end(void **state) {
    (void)state;
    struct dkim_result dkim = result_of(DKIM_OK);
    struct message_result message = all_methods(&dkim);
    struct bytes field = bytes_with_cap(8192), content = bytes_with_cap(8192);
    assert_true(auth_results_write(&field, s("mx.example.com"), &message));
    assert_true(auth_results_write_content(&content, 24, s("mx.example.com"), &message, AUTH_RESULTS_STANDARD));
    assert_int_equal(content.len, field.len - 24 - 2);
    assert_memory_equal(content.ptr, field.ptr + 24, content.len);
    bytes_release(&content);
    bytes_release(&field);
}

static void a_full_buffer_stays_as_it_was(void **state) {
    (void)state;
    struct dkim_result pass = result_of(DKIM_OK);
    struct message_result message = all_methods(&pass);
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

static enum auth_result random_result(uint32_t *seed) { return (enum auth_result)(next_random(seed) % AUTH_RESULT_COUNT); }

/* HELO, MAIL FROM, From and the PTR name are the sender's choice. */
static void random_others(uint32_t *seed, struct message_result *message, size_t most) {
    static char values[8][1200];
    uint32_t dice = next_random(seed);
    message->arc = (struct arc_result){.is_evaluated = dice & 1, .result = random_result(seed),
                                       .code = (enum arc_code)(dice % ARC_CODE_COUNT), .sets = dice % 51,
                                       .failed_set = dice % 50, .has_oldest_pass = dice & 2, .oldest_pass = dice % 50,
                                       .is_trusted = dice & 4, .sealer = random_value(seed, values[0], most),
                                       .has_key_answer = dice & 8, .dnssec = (enum dnssec_state)(dice % DNSSEC_STATE_COUNT)};
    for (unsigned scope = 0; scope < SPF_SCOPE_COUNT; scope++)
        message->spf[scope] = (struct spf_result){
            .is_evaluated = dice & (16u << scope), .scope = (enum spf_scope)scope, .result = random_result(seed),
            .code = (enum spf_code)(dice % SPF_CODE_COUNT), .identity = random_value(seed, values[1 + scope], most),
            .domain = random_value(seed, values[3 + scope], most), .mechanism = random_value(seed, values[5], most),
            .dnssec = (enum dnssec_state)(dice % DNSSEC_STATE_COUNT)};
    message->dmarc = (struct dmarc_result){.is_evaluated = dice & 64, .result = random_result(seed),
                                           .code = (enum dmarc_code)(dice % DMARC_CODE_COUNT),
                                           .domain = random_value(seed, values[6], most), .policy = (enum dmarc_policy)(dice % 4),
                                           .disposition = (enum dmarc_policy)(dice / 4 % 4), .testing = dice & 128,
                                           .dnssec = (enum dnssec_state)(dice % DNSSEC_STATE_COUNT)};
    message->iprev = (struct iprev_result){.is_evaluated = dice & 256, .result = random_result(seed),
                                           .address = dice & 512 ? s("192.0.2.1") : s("2001:db8::1"),
                                           .name = random_value(seed, values[7], most)};
}

static void any_octets_read_back_as_intended(void **state) {
    (void)state;
    enum { RESULTS = 12, VALUE = 1200 };
    static char values[RESULTS][5][VALUE];
    uint32_t seed = 20240531;
    for (int round = 0; round < 10000; round++) {
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
        random_others(&seed, &message, most);
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
        cmocka_unit_test(all_methods_stand_in_order),
        cmocka_unit_test(each_method_says_what_it_found),
        cmocka_unit_test(the_provider_style_is_that_of_the_guide),
        cmocka_unit_test(the_provider_style_tells_spf_in_a_sentence),
        cmocka_unit_test(the_content_alone_has_no_name_and_no_line_end),
        cmocka_unit_test(a_full_buffer_stays_as_it_was),
        cmocka_unit_test(any_octets_read_back_as_intended),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
