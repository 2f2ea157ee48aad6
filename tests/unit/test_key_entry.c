#include "verifier/key_source.h" /* first, so the header is proved to stand alone */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define KEY "p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
#define GOOD(note) "v=DKIM1; k=ed25519; n=" note "; " KEY
#define SPF "v=spf1 -all"

/* Records of an answer and, as their digits, those that are kept and in which order. */
static const struct {
    const char *record[6];
    const char *kept;
} rows[] = {
    {{GOOD("a")}, "0"},
    {{GOOD("a"), GOOD("b")}, "01"},
    {{"v=DKIM1; p=", GOOD("a")}, "10"},                                /* those that parse first */
    {{"v=DKIM1; p=%", "k=x; " KEY, GOOD("a"), "p="}, "2013"},          /* then those meant as keys, in their order */
    {{GOOD("a"), GOOD("b"), GOOD("c"), GOOD("d"), GOOD("e")}, "0123"}, /* KEY_RECORD_MAX */
    {{"p=", "p=", "p=", "p=", "p=", GOOD("a")}, "5012"},
    {{SPF, GOOD("a")}, "1"},
    {{"google-site-verification=x", GOOD("a"), "hello", "v=DMARC1; p=none"}, "1"},
    {{SPF, "v=DKIM1; p="}, "1"},           /* revoked says more than an SPF record */
    {{" V=spf1", "v = dkim1; " KEY}, "1"}, /* wrong version, but meant as a key */
    {{"v=DKIM1; p=AAAA; p=AAAA", SPF}, "0"},
    {{"k=rsa", "k=ed25519; " KEY}, "1"},
    {{SPF}, "0"}, /* nothing else is there: then it is the bad key */
    {{SPF, "v=DMARC1; p=none"}, "01"},
    {{"", "very important"}, "01"},
    {{NULL}, ""},
};

static struct dns_answer answer_of(const char *const *record, size_t most) {
    struct dns_answer answer = {.status = DNS_FOUND, .dnssec = DNSSEC_SECURE, .ttl_s = 300};
    for (; answer.record_count < most && record[answer.record_count] != NULL; answer.record_count++)
        answer.record[answer.record_count] = span_of(record[answer.record_count]);
    return answer;
}

static void records_are_kept_as_wanted(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct dns_answer answer = answer_of(rows[i].record, 6);
        struct key_entry *entry = key_entry_create(&answer, 1000);
        assert_non_null(entry);
        assert_int_equal(entry->records_seen, answer.record_count);
        if (entry->record_count != strlen(rows[i].kept)) fail_msg("row %zu: %zu kept", i, entry->record_count);
        for (size_t k = 0; k < entry->record_count; k++) {
            struct span want = answer.record[rows[i].kept[k] - '0'], got = entry->record[k]->text;
            if (!span_equal(got, want)) fail_msg("row %zu, place %zu: %.*s", i, k, (int)got.len, got.ptr);
            if (want.len > 0) assert_ptr_not_equal(got.ptr, want.ptr); /* a copy of its own */
            assert_true((entry->record[k]->key != NULL) == (entry->record[k]->status == DKIM_KEY_OK));
        }
        key_entry_release(entry);
    }
}

static void the_answer_is_told_whole(void **state) {
    (void)state;
    for (int status = 0; status < DNS_STATUS_COUNT; status++) {
        struct dns_answer answer = {
            .status = (enum dns_status)status, .dnssec = DNSSEC_INSECURE, .ttl_s = 17, .cname_count = 2};
        char *hop = memcpy(malloc(9), "x.example", 9);
        answer.cname[0] = (struct span){hop, 9};
        answer.cname[1] = span_of("y.example");
        struct key_entry *entry = key_entry_create(&answer, 4711);
        free(hop);
        assert_true(entry->status == answer.status && entry->dnssec == DNSSEC_INSECURE);
        assert_true(entry->ttl_s == 17 && entry->fetched_s == 4711 && !entry->stale && entry->record_count == 0);
        assert_true(entry->cname_count == 2 && span_is(entry->cname[0], "x.example") &&
                    span_is(entry->cname[1], "y.example"));
        key_entry_release(entry);
    }
}

static void the_last_reference_frees(void **state) {
    (void)state;
    struct dns_answer answer = answer_of(rows[1].record, 6);
    struct key_entry *entry = key_entry_create(&answer, 0);
    assert_ptr_equal(key_entry_acquire(entry), entry);
    key_entry_release(entry);
    assert_int_equal(entry->record_count, 2); /* still there; the sanitizer watches */
    key_entry_release(entry);
    key_entry_release(NULL);
}

static void octets_grow_with_what_is_kept(void **state) {
    (void)state;
    struct dns_answer one = answer_of(rows[0].record, 6), two = answer_of(rows[1].record, 6);
    struct dns_answer none = {.status = DNS_NXDOMAIN};
    struct key_entry *small = key_entry_create(&one, 0), *large = key_entry_create(&two, 0);
    struct key_entry *negative = key_entry_create(&none, 0);
    assert_true(key_entry_octets(negative) >= sizeof *negative && key_entry_octets(negative) < 1024);
    assert_true(key_entry_octets(small) > key_entry_octets(negative) + 1024);
    assert_true(key_entry_octets(large) - key_entry_octets(small) > 1024);
    key_entry_release(small);
    key_entry_release(large);
    key_entry_release(negative);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_are_kept_as_wanted),
        cmocka_unit_test(the_answer_is_told_whole),
        cmocka_unit_test(the_last_reference_frees),
        cmocka_unit_test(octets_grow_with_what_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
