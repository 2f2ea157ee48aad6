#include "verifier/report.h" /* first, so the header is proved to stand alone */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "tests/phrase_whole.h"

static struct span s(const char *text) { return span_of(text); }

static struct dkim_result result_of(enum dkim_code code) {
    return (struct dkim_result){.code = code,
                                .result = dkim_code_result(code),
                                .domain = s("example.com"),
                                .selector = s("sel"),
                                .auid = s("@example.com"),
                                .algorithm = s("rsa-sha256"),
                                .canonicalization = s("relaxed/relaxed"),
                                .signature = s("dzdVyOfAKCdLXdJOc9G2"),
                                .key_algorithm = KEY_RSA,
                                .key_bits = 2048,
                                .has_key_answer = true,
                                .dnssec = DNSSEC_SECURE,
                                .records_tried = 1,
                                .body_part = PART_INTACT,
                                .header_part = PART_INTACT,
                                .aligned = true};
}

static void every_code_is_explained_in_both_languages(void **state) {
    (void)state;
    for (int code = 0; code < DKIM_CODE_COUNT; code++) {
        phrase_expect_whole(report_code_why((enum dkim_code)code), dkim_code_word((enum dkim_code)code));
        phrase_expect_whole(report_code_cure((enum dkim_code)code), dkim_code_word((enum dkim_code)code));
        if (code != DKIM_OK) assert_true(report_code_cure((enum dkim_code)code)->text[LANGUAGE_EN][0] != '\0');
    }
    for (int phrase = 0; phrase < REPORT_PHRASE_COUNT; phrase++)
        phrase_expect_whole(report_phrase((enum report_phrase)phrase), "phrase");
}

static void expect_json(const struct dkim_result *results, size_t count, const char *want) {
    struct bytes out = bytes_with_cap(65536);
    struct message_result result = {.dkim_count = count, .dkim = results, .size = 321};
    struct report_message message = {
        .file = s("a\xff.eml"), .our_field = s("Authentication-Results: mx; none\r\n"), .result = &result};
    struct json json = json_writer(&out);
    report_write_json(&json, &message);
    bytes_append_char(&out, '\0');
    assert_false(out.failed);
    assert_string_equal(out.ptr, want);
    bytes_release(&out);
}

#define TAIL                                                                                                           \
    "\"arc\":null,\"spf\":null,\"dmarc\":null,\"iprev\":null,\"headers\":[\"Authentication-Results: mx; none\"],"      \
    "\"action\":null,\"findings\":[]}"

static void json_has_every_key_in_order(void **state) { /* design.md section 12 */
    (void)state;
    expect_json(NULL, 0, "{\"file\":\"a\\ufffd.eml\",\"size\":321,\"dkim\":[]," TAIL);
    struct dkim_result results[2] = {result_of(DKIM_BODY_HASH_MISMATCH),
                                     {.code = DKIM_SIG_MISSING_TAG, .result = RESULT_PERMERROR, .detail = s("bh=")}};
    results[0].body_part = results[0].header_part = PART_CHANGED;
    results[0].has_timestamp = true;
    results[0].timestamp_s = 1700000000;
    results[0].cname[0] = s("k.example.net");
    results[0].cname_count = 1;
    expect_json(
        results, 2,
        "{\"file\":\"a\\ufffd.eml\",\"size\":321,\"dkim\":[{\"result\":\"fail\",\"code\":\"body_hash_mismatch\","
        "\"domain\":\"example.com\",\"selector\":\"sel\",\"auid\":\"@example.com\",\"algorithm\":\"rsa-sha256\","
        "\"canonicalization\":\"relaxed/relaxed\",\"key_bits\":2048,\"dnssec\":\"secure\",\"aligned\":true,"
        "\"body_part\":\"changed\",\"header_part\":\"changed\",\"unsigned_octets\":0,\"signature\":\"dzdVyOfA\","
        "\"codes\":[\"body_hash_mismatch\",\"signature_mismatch\"],\"detail\":null,\"testing\":false,\"weak\":false,"
        "\"cname\":[\"k.example.net\"],\"records\":1,\"timestamp\":1700000000,\"expiration\":null},"
        "{\"result\":\"permerror\",\"code\":\"sig_missing_tag\",\"domain\":null,\"selector\":null,\"auid\":null,"
        "\"algorithm\":null,\"canonicalization\":null,\"key_bits\":null,\"dnssec\":null,\"aligned\":false,"
        "\"body_part\":\"unknown\",\"header_part\":\"unknown\",\"unsigned_octets\":null,\"signature\":null,"
        "\"codes\":[\"sig_missing_tag\"],\"detail\":\"bh=\",\"testing\":false,\"weak\":false,\"cname\":[],\"records\":"
        "0,"
        "\"timestamp\":null,\"expiration\":null}]," TAIL);
}

static void expect_text(const struct message_result *result, struct report_style style, const char *want) {
    struct bytes out = bytes_with_cap(65536);
    struct report_message message = {.file = s("a.eml"), .result = result};
    report_write_text(&out, &message, style);
    bytes_append_char(&out, '\0');
    assert_false(out.failed);
    assert_string_equal(out.ptr, want);
    bytes_release(&out);
}

static void people_read_one_line_a_check(void **state) {
    (void)state;
    struct dkim_result results[2] = {result_of(DKIM_OK), result_of(DKIM_KEY_MISSING)};
    results[1].domain = s("evil\x1b[1m.test");
    results[1].aligned = false;
    results[1].key_bits = 0;
    struct message_result result = {.dkim_count = 2, .dkim = results, .from_fields = 1, .from_addresses = 2};
    expect_text(
        &result, (struct report_style){LANGUAGE_EN, false},
        "a.eml\n"
        "  pass      dkim example.com, selector sel, rsa-sha256, 2048-bit rsa key, DNSSEC secure, fits From\n"
        "  permerror dkim evil\\x1b[1m.test, selector sel, rsa-sha256, DNSSEC secure, does not fit From\n"
        "      Why: There is no key at sel._domainkey.evil\\x1b[1m.test in DNS.\n"
        "      Cure: Publish the key there as a TXT record (or the CNAME that your provider shows), or sign with the "
        "selector that is published.\n"
        "      Note: The message has 2 author addresses: it never counts as aligned.\n");
}

static void people_read_their_language_in_colour(void **state) {
    (void)state;
    struct dkim_result fail = result_of(DKIM_BODY_HASH_MISMATCH);
    fail.body_part = PART_CHANGED;
    fail.key_bits = 1024;
    fail.weak = fail.testing = true;
    struct message_result result = {.dkim_count = 1, .dkim = &fail, .from_fields = 1, .from_addresses = 1};
    expect_text(
        &result, (struct report_style){LANGUAGE_FR, true},
        "a.eml\n"
        "  \x1b[31mfail     \x1b[0m dkim example.com, sélecteur sel, rsa-sha256, clé rsa de 1024 bits, DNSSEC secure, "
        "accordé avec From\n"
        "      Cause : Le corps a été modifié après la signature.\n"
        "      Remède : Cherchez sur le trajet une liste de diffusion, un antivirus ou un bandeau qui modifie les "
        "messages ; signez après lui, ou faites-lui épargner les messages signés.\n"
        "      Note : Les en-têtes signés sont intacts.\n"
        "      Note : La clé a 1024 bits : c'est faible aujourd'hui. Publiez-en une nouvelle de 2048 bits.\n"
        "      Note : La clé indique t=y (essai). Retirez-le une fois la signature au point.\n");
    struct message_result none = {.from_fields = 1, .from_addresses = 1};
    expect_text(&none, (struct report_style){LANGUAGE_EN, false},
                "a.eml\n"
                "  none      dkim\n"
                "      Why: The message carries no DKIM signature.\n"
                "      Cure: Switch on DKIM signing at the server or provider that sends your mail.\n");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_code_is_explained_in_both_languages),
        cmocka_unit_test(json_has_every_key_in_order),
        cmocka_unit_test(people_read_one_line_a_check),
        cmocka_unit_test(people_read_their_language_in_colour),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
