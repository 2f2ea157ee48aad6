#include "verifier/key_judgement.h" /* first, so the header is proved to stand alone */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "verifier/key_report.h"

#define RSA_2048                                                                                                       \
    "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEArhIaO9Dh0uDR5w3l2A3mIGzucOoLFSy99SP/HhOtvI889HCUEETFM5HN"             \
    "d9LpSQErGAJMHTWnGTxaxnfFqCtcFueI9klwu5m3osMay1XsiDfPYAxg6vlzU2QlC1kQtXCk8YtGurfZRkX8DxClHaX8arcjj7PM"             \
    "29oO/kmkJ1b3b1vrc5I6VmlDYVh8KZhLzOxuoLzLXVaW/Z27zQJUwRlneTn+8z/YALTPmACFwCl1JtJMi2qUxFf1lcM6Ne9BVJ1s"             \
    "b9pwFg8qXmdpV2bzOMju7EshdFLUeYet9bYt5N4fuoDeK4jbirqddRq7giLy2fbSF/CtzcOoo2y7ipVEgPjwhwIDAQAB"
#define RSA_1024                                                                                                       \
    "MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDwll7cuVTjGOqZ3JxjbTy7zoiZj+oB5Nu58M0CKg1DfYmM81kETf+xf70w/b4h"             \
    "jLdiq1SJQmBgfJmaZIWW2LY9TTaPHA1+KDzV4RDyMQV7FqXVDVlt4HKKaZRxPU45dqD3pNkQCcKl+8cFZ4q64AHUsHa2brYgv7sO"             \
    "DauVb+nRawIDAQAB"
#define RSA_768                                                                                                        \
    "MHwwDQYJKoZIhvcNAQEBBQADawAwaAJhAKnDCymbY8AId36IAwNRZUH7SQ/mbGejyAPM9dn72VNu5bgLBnlHXCAtsjT36KSoPWMr"             \
    "eL9hyZii/jHNfKJJD5sBXJUomgZ5a5ZtS3yjGbawAatNp/d6IA30m94JL7rKAQIDAQAB"
#define ED25519 "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=" /* RFC 8463 appendix A.2 */

/* What DNS said, and what comes of it: kind, state, and the names of the findings in their order. */
static const struct row {
    const char *what;
    enum dns_status status;
    const char *cname, *record, *record2, *expected_cname;
    enum key_kind kind;
    enum key_state state;
    const char *findings;
} rows[] = {
    {"good", DNS_FOUND, NULL, "v=DKIM1; p=" RSA_2048, NULL, NULL, KEY_KIND_TXT, KEY_STATE_SET, "T-p1"},
    {"good behind an alias", DNS_FOUND, "s.k.example", "v=DKIM1; p=" RSA_2048, NULL, "S.K.example", KEY_KIND_CNAME,
     KEY_STATE_SET, "T-p1"},
    {"alias elsewhere", DNS_FOUND, "s.x.example", "v=DKIM1; p=" RSA_2048, NULL, "s.k.example", KEY_KIND_CNAME,
     KEY_STATE_TO_FIX, "T-p1 503"},
    {"no alias", DNS_FOUND, NULL, "v=DKIM1; p=" RSA_2048, NULL, "s.k.example", KEY_KIND_TXT, KEY_STATE_TO_SET,
     "T-p1 504"},
    {"no alias, nothing", DNS_NXDOMAIN, NULL, NULL, NULL, "s.k.example", KEY_KIND_NONE, KEY_STATE_TO_SET, "D1 504"},
    {"alias to nothing", DNS_NXDOMAIN, "s.k.example", NULL, NULL, NULL, KEY_KIND_CNAME, KEY_STATE_TO_FIX, "R-7"},
    {"nothing", DNS_NXDOMAIN, NULL, NULL, NULL, NULL, KEY_KIND_NONE, KEY_STATE_TO_SET, "D1"},
    {"no TXT", DNS_NODATA, NULL, NULL, NULL, NULL, KEY_KIND_NONE, KEY_STATE_TO_SET, "R-13"},
    {"timeout", DNS_TIMEOUT, NULL, NULL, NULL, "s.k.example", KEY_KIND_NONE, KEY_STATE_UNKNOWN, "D20"},
    {"servfail", DNS_SERVFAIL, NULL, NULL, NULL, NULL, KEY_KIND_NONE, KEY_STATE_UNKNOWN, "D21"},
    {"bogus", DNS_BOGUS, NULL, NULL, NULL, NULL, KEY_KIND_NONE, KEY_STATE_UNKNOWN, "D22"},
    {"revoked", DNS_FOUND, NULL, "v=DKIM1; p=", NULL, NULL, KEY_KIND_TXT, KEY_STATE_REVOKED, "T-p2"},
    {"no p=", DNS_FOUND, NULL, "v=DKIM1; k=rsa", NULL, NULL, KEY_KIND_TXT, KEY_STATE_UNUSABLE, "T-p3"},
    {"no v=", DNS_FOUND, NULL, "p=" RSA_2048, NULL, NULL, KEY_KIND_TXT, KEY_STATE_SET, "T-p1 T-v2"},
    {"v= last", DNS_FOUND, NULL, "p=" RSA_2048 "; v=DKIM1", NULL, NULL, KEY_KIND_TXT, KEY_STATE_UNUSABLE, "T-v3"},
    {"v=dkim1", DNS_FOUND, NULL, "v=dkim1; p=" RSA_2048, NULL, NULL, KEY_KIND_TXT, KEY_STATE_UNUSABLE, "T-v4"},
    {"an SPF record", DNS_FOUND, NULL, "v=spf1 -all", NULL, NULL, KEY_KIND_TXT, KEY_STATE_UNUSABLE, "T-v5"},
    {"tag twice", DNS_FOUND, NULL, "v=DKIM1; k=rsa; k=rsa; p=" RSA_2048, NULL, NULL, KEY_KIND_TXT, KEY_STATE_UNUSABLE,
     "T-x2"},
    {"no tag-list", DNS_FOUND, NULL, "v=DKIM1; rsa; p=" RSA_2048, NULL, NULL, KEY_KIND_TXT, KEY_STATE_UNUSABLE, "T-x3"},
    {"unknown type", DNS_FOUND, NULL, "v=DKIM1; k=dsa; p=" RSA_2048, NULL, NULL, KEY_KIND_TXT, KEY_STATE_UNUSABLE,
     "T-k3"},
    {"bad base64", DNS_FOUND, NULL, "v=DKIM1; p=-----BEGIN", NULL, NULL, KEY_KIND_TXT, KEY_STATE_UNUSABLE, "T-p6"},
    {"no key in p=", DNS_FOUND, NULL, "v=DKIM1; p=AAAA", NULL, NULL, KEY_KIND_TXT, KEY_STATE_UNUSABLE, "T-p1"},
    {"weak", DNS_FOUND, NULL, "v=DKIM1; p=" RSA_1024, NULL, NULL, KEY_KIND_TXT, KEY_STATE_SET, "T-p1 T-p10"},
    {"too small", DNS_FOUND, NULL, "v=DKIM1; p=" RSA_768, NULL, NULL, KEY_KIND_TXT, KEY_STATE_UNUSABLE, "T-p1 T-p10"},
    {"ed25519", DNS_FOUND, NULL, "v=DKIM1; k=ed25519; p=" ED25519, NULL, NULL, KEY_KIND_TXT, KEY_STATE_SET,
     "T-p1 T-k2"},
    {"restricted", DNS_FOUND, NULL, "v=DKIM1; h=sha1; s=x; t=y; g=*; zz=1; p=" RSA_2048, NULL, NULL, KEY_KIND_TXT,
     KEY_STATE_UNUSABLE, "T-p1 T-h1 T-s1 T-ty T-g1 T-x1"},
    {"several", DNS_FOUND, NULL, "v=DKIM1; p=", "v=DKIM1; p=" RSA_2048, NULL, KEY_KIND_TXT, KEY_STATE_SET, "R-5 T-p1"},
};

static struct key_entry *entry_of(const struct row *row) {
    struct dns_answer answer = {.status = row->status, .ttl_s = 300};
    if (row->cname != NULL) answer.cname[answer.cname_count++] = span_of(row->cname);
    if (row->record != NULL) answer.record[answer.record_count++] = span_of(row->record);
    if (row->record2 != NULL) answer.record[answer.record_count++] = span_of(row->record2);
    return key_entry_create(&answer, 0);
}

static void judge_as(const char *selector, const struct row *row, struct arena *arena,
                     struct key_judgement *judgement) {
    struct span expected = row->expected_cname != NULL ? span_of(row->expected_cname) : (struct span){NULL, 0};
    struct bytes name = bytes_with_cap(100);
    bytes_append_format(&name, "%s._domainkey.d.example", selector);
    assert_true(key_judge(entry_of(row), span_of(selector), arena_copy(arena, bytes_span(&name)), expected, false,
                          arena, judgement));
    bytes_release(&name);
}

static void forget(struct key_judgement *judgement) {
    key_entry_release((struct key_entry *)(uintptr_t)judgement->entry); /* entry_of's reference */
}

static void join(const struct finding_list *list, struct bytes *out) {
    bytes_clear(out);
    for (size_t i = 0; i < list->count; i++)
        bytes_append_format(out, "%s%s", i > 0 ? " " : "", finding_name(list->finding[i].id));
}

static void each_answer_is_judged(void **state) {
    (void)state;
    struct bytes names = bytes_with_cap(1000);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct arena *arena = arena_create(1 << 16);
        struct key_judgement judgement;
        judge_as("s", &rows[i], arena, &judgement);
        join(&judgement.findings, &names);
        if (judgement.kind != rows[i].kind || judgement.state != rows[i].state ||
            !span_is(bytes_span(&names), rows[i].findings))
            fail_msg("%s: %s, %s, %.*s", rows[i].what, key_kind_word(judgement.kind), key_state_word(judgement.state),
                     (int)names.len, names.ptr);
        forget(&judgement);
        arena_destroy(arena);
    }
    bytes_release(&names);
}

#define KEY_A "v=DKIM1; p=" RSA_2048
#define KEY_B "v=DKIM1; k=ed25519; p=" ED25519
static const struct {
    const char *what;
    struct row first, second;
    enum key_state state;
    unsigned code;
    const char *findings;
} pairs[] = {
    {"both set", {.record = KEY_A}, {.record = KEY_B}, KEY_STATE_SET, 0, ""},
    {"one absent", {.record = KEY_A}, {.status = DNS_NXDOMAIN}, KEY_STATE_TO_SET, 501, "501"},
    {"both absent", {.status = DNS_NXDOMAIN}, {.status = DNS_NXDOMAIN}, KEY_STATE_TO_SET, 504, ""},
    {"same key", {.record = KEY_A}, {.record = KEY_A}, KEY_STATE_SET, 0, "same-key"},
    {"swapped",
     {.cname = "s2.k.example", .record = KEY_A},
     {.cname = "s1.k.example", .record = KEY_B},
     KEY_STATE_TO_FIX,
     503,
     "S18"},
    {"one alias wrong",
     {.cname = "s1.k.example", .record = KEY_A, .expected_cname = "s1.q.example"},
     {.record = KEY_B},
     KEY_STATE_TO_FIX,
     503,
     ""},
    {"one revoked", {.record = "v=DKIM1; p="}, {.record = KEY_B}, KEY_STATE_REVOKED, 0, ""},
    {"DNS fails", {.status = DNS_TIMEOUT}, {.record = KEY_B}, KEY_STATE_UNKNOWN, 0, ""},
};

static void pairs_are_judged_together(void **state) {
    (void)state;
    struct bytes names = bytes_with_cap(1000);
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        struct arena *arena = arena_create(1 << 16);
        struct key_judgement first, second;
        struct key_pair_judgement pair;
        judge_as("s1", &pairs[i].first, arena, &first);
        judge_as("s2", &pairs[i].second, arena, &second);
        key_judge_pair(&first, &second, &pair);
        join(&pair.findings, &names);
        if (pair.state != pairs[i].state || pair.code != pairs[i].code ||
            !span_is(bytes_span(&names), pairs[i].findings))
            fail_msg("%s: %s, %u, %.*s", pairs[i].what, key_state_word(pair.state), pair.code, (int)names.len,
                     names.ptr);
        forget(&first);
        forget(&second);
        arena_destroy(arena);
    }
    bytes_release(&names);
}

static void reports_say_it(void **state) {
    (void)state;
    struct arena *arena = arena_create(1 << 16);
    struct bytes out = bytes_with_cap(65536);
    struct json json = json_writer(&out);
    const struct row revoked = {.cname = "s.k\x1b.example", .record = "v=DKIM1; p=;"};
    struct key_judgement judgement;
    judge_as("s", &revoked, arena, &judgement);
    struct key_report report = {.domain = span_of("d.example"), .count = 1, .judgement = &judgement};
    key_report_write_json(&json, &report);
    bytes_append_char(&out, '\0');
    const char *start =
        "{\"domain\":\"d.example\",\"selectors\":[{\"selector\":\"s\",\"name\":\"s._domainkey.d.example\",\"kind\":"
        "\"cname\","
        "\"cname\":[\"s.k\\u001b.example\"],\"ttl\":300,\"dnssec\":\"indeterminate\",\"records\":1,\"key\":null,"
        "\"tags\":{\"v\":\"DKIM1\",\"p\":\"\"},\"state\":\"revoked\",\"findings\":[{\"id\":\"T-p2\",";
    const char *end = "\"dns\":\"found\",\"record\":\"v=DKIM1; p=;\"}],\"pair\":null,\"findings\":[]}";
    assert_int_equal(strncmp(out.ptr, start, strlen(start)), 0);
    assert_string_equal(out.ptr + strlen(out.ptr) - strlen(end), end);
    bytes_clear(&out);
    key_report_write_text(&out, &report, (struct report_style){LANGUAGE_EN, false});
    bytes_append_char(&out, '\0');
    assert_string_equal(
        out.ptr, "d.example\n"
                 "  revoked   s._domainkey.d.example, alias of s.k\\x1b.example, DNSSEC indeterminate, TTL 300 s\n"
                 "      Why: Key revoked: every signature with this selector fails, on purpose.\n"
                 "      Cure: Sign with the other selector.\n");
    forget(&judgement);
    bytes_release(&out);
    arena_destroy(arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_answer_is_judged),
        cmocka_unit_test(pairs_are_judged_together),
        cmocka_unit_test(reports_say_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
