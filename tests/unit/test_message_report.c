#include "verifier/message_report.h" /* first, so the header is proved to stand alone */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "tests/phrase_whole.h"
#include "verifier/arc_report.h"
#include "verifier/dkim_report.h"
#include "verifier/dmarc_report.h"
#include "verifier/spf_report.h"

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

/* Every code has its sentences, whole in both languages; a cure stands in both or in neither. */
#define EXPLAINS(method, METHOD)                                                                                       \
    for (int code = 0; code < METHOD##_CODE_COUNT; code++) {                                                           \
        phrase_expect_whole(method##_code_why(code), method##_code_word(code));                                        \
        phrase_expect_whole(method##_code_cure(code), method##_code_word(code));                                       \
        assert_true(method##_code_why(code)->text[LANGUAGE_EN][0] != '\0');                                            \
    }

static void every_code_is_explained_in_both_languages(void **state) {
    (void)state;
    EXPLAINS(dkim, DKIM)
    EXPLAINS(arc, ARC)
    EXPLAINS(spf, SPF)
    EXPLAINS(dmarc, DMARC)
    for (int code = DKIM_OK + 1; code < DKIM_CODE_COUNT; code++)
        assert_true(dkim_code_cure((enum dkim_code)code)->text[LANGUAGE_EN][0] != '\0');
    for (int phrase = 0; phrase < REPORT_PHRASE_COUNT; phrase++)
        phrase_expect_whole(report_phrase((enum report_phrase)phrase), "phrase");
}

static void expect_json(const struct dkim_result *results, size_t count, const char *want) {
    struct bytes out = bytes_with_cap(65536);
    struct message_result result = {.dkim_count = count, .dkim = results, .size = 321};
    struct message_report message = {
        .file = s("a\xff.eml"), .our_field = s("Authentication-Results: mx; none\r\n"), .result = &result};
    struct json json = json_writer(&out);
    message_report_write_json(&json, &message);
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

static struct message_result all_methods(const struct dkim_result *dkim) {
    return (struct message_result){
        .dkim_count = 1,
        .dkim = dkim,
        .from_fields = 1,
        .from_addresses = 1,
        .arc = {.is_evaluated = true, .result = RESULT_FAIL, .code = ARC_SEAL, .sets = 2, .failed_set = 1,
                .sealer = s("list.test"), .has_key_answer = true, .dnssec = DNSSEC_SECURE},
        .spf = {{.is_evaluated = true, .scope = SPF_HELO, .result = RESULT_NONE, .code = SPF_NO_RECORD, .identity = s("h.test"),
                 .domain = s("h.test"), .lookups = 0},
                {.is_evaluated = true, .scope = SPF_MAIL_FROM, .result = RESULT_SOFTFAIL, .code = SPF_MATCHED, .lookups = 1,
                 .identity = s("a@example.com"), .domain = s("example.com"), .mechanism = s("~all"), .dnssec = DNSSEC_INSECURE}},
        .dmarc = {.is_evaluated = true, .result = RESULT_PASS, .code = DMARC_ALIGNED, .domain = s("example.com"),
                  .organizational_domain = s("example.com"), .policy_domain = s("example.com"), .policy = DMARC_POLICY_REJECT,
                  .disposition = DMARC_POLICY_NONE, .dkim_aligned = true, .dnssec = DNSSEC_SECURE},
        .iprev = {.is_evaluated = true, .result = RESULT_FAIL, .address = s("192.0.2.1")},
    };
}

static void json_of_all_methods(void **state) { /* design.md section 12 */
    (void)state;
    struct dkim_result dkim = result_of(DKIM_OK);
    struct message_result result = all_methods(&dkim);
    struct message_report message = {.file = s("a.eml"), .result = &result};
    struct bytes out = bytes_with_cap(65536);
    struct json json = json_writer(&out);
    message_report_write_json(&json, &message);
    bytes_append_char(&out, '\0');
    static const char want[] =
        ",\"arc\":{\"result\":\"fail\",\"sets\":2,\"oldest_pass\":null,\"code\":\"seal\",\"failed_set\":1,"
        "\"sealer\":\"list.test\",\"trusted\":false,\"dnssec\":\"secure\"},"
        "\"spf\":[{\"result\":\"none\",\"explanation\":null,\"code\":\"no_record\",\"lookups\":0,\"scope\":\"helo\","
        "\"identity\":\"h.test\",\"domain\":\"h.test\",\"mechanism\":null,\"detail\":null,\"void_lookups\":0,"
        "\"dnssec\":\"indeterminate\"},"
        "{\"result\":\"softfail\",\"explanation\":null,\"code\":\"matched\",\"lookups\":1,\"scope\":\"mfrom\","
        "\"identity\":\"a@example.com\",\"domain\":\"example.com\",\"mechanism\":\"~all\",\"detail\":null,"
        "\"void_lookups\":0,\"dnssec\":\"insecure\"}],"
        "\"dmarc\":{\"result\":\"pass\",\"domain\":\"example.com\",\"organizational_domain\":\"example.com\","
        "\"policy\":\"reject\",\"disposition\":\"none\",\"code\":\"aligned\",\"policy_domain\":\"example.com\","
        "\"dkim_aligned\":true,\"spf_aligned\":false,\"testing\":false,\"dnssec\":\"secure\"},"
        "\"iprev\":{\"result\":\"fail\",\"address\":\"192.0.2.1\",\"name\":null},\"headers\":[],"
        "\"action\":null,\"findings\":[]}";
    const char *arc = strstr(out.ptr, ",\"arc\"");
    assert_non_null(arc);
    assert_string_equal(arc, want);
    bytes_release(&out);
}

static void expect_text(const struct message_result *result, struct report_style style, const char *want) {
    struct bytes out = bytes_with_cap(65536);
    struct message_report message = {.file = s("a.eml"), .result = result};
    message_report_write_text(&out, &message, style);
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

static void people_read_every_method(void **state) {
    (void)state;
    struct dkim_result dkim = result_of(DKIM_OK);
    struct message_result result = all_methods(&dkim);
    expect_text(
        &result, (struct report_style){LANGUAGE_EN, false},
        "a.eml\n"
        "  pass      dkim example.com, selector sel, rsa-sha256, 2048-bit rsa key, DNSSEC secure, fits From\n"
        "  fail      arc list.test, 2 sets\n"
        "      Why: A seal does not fit the ARC fields that it covers: one of them was changed.\n"
        "      Cure: Look for a server that rewrites ARC fields, or that seals with another key than the one published.\n"
        "      Note: It fails at set 1.\n"
        "  softfail  spf mfrom a@example.com, ~all, DNSSEC insecure\n"
        "      Why: The record of example.com says so of this address, by \"~all\".\n"
        "      Cure: If this server sends your mail, name it in the record in front of that term.\n"
        "  pass      dmarc example.com, policy reject of example.com, proved by DKIM, DNSSEC secure\n"
        "  fail      iprev 192.0.2.1\n"
        "      Why: No name of the address (PTR) leads back to it.\n"
        "      Cure: Let the owner of the network give it one name whose A or AAAA record is this address.\n");
    result.spf[SPF_MAIL_FROM].is_evaluated = false; /* the null sender: HELO speaks */
    result.arc = (struct arc_result){.is_evaluated = true, .code = ARC_NO_SETS};
    result.dmarc.is_evaluated = false;
    result.iprev = (struct iprev_result){.is_evaluated = true, .result = RESULT_PASS, .address = s("2001:db8::1"), .name = s("h.test")};
    expect_text(
        &result, (struct report_style){LANGUAGE_FR, false},
        "a.eml\n"
        "  pass      dkim example.com, sélecteur sel, rsa-sha256, clé rsa de 2048 bits, DNSSEC secure, accordé avec From\n"
        "  none      spf helo h.test, DNSSEC indeterminate\n"
        "      Cause : h.test n'a pas d'enregistrement SPF.\n"
        "      Remède : Publiez-en un : un enregistrement TXT sous h.test qui commence par v=spf1.\n"
        "  pass      iprev 2001:db8::1, h.test\n");
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
        cmocka_unit_test(json_of_all_methods),
        cmocka_unit_test(people_read_one_line_a_check),
        cmocka_unit_test(people_read_every_method),
        cmocka_unit_test(people_read_their_language_in_colour),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
