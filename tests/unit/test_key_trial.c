#include "verifier/key_trial.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include "tests/support/pem_key.h"
#include "verifier/sealing_key.h"

static const uint8_t hash[DIGEST_OCTETS] = "thirty-two octets of a hash, say";

static void lookups_are_told_apart(void **state) {
    (void)state;
    static const struct {
        enum dns_status status;
        enum dkim_code wanted;
    } rows[] = {
        {DNS_FOUND, DKIM_KEY_MISSING}, /* found, but no record in it */
        {DNS_NXDOMAIN, DKIM_KEY_MISSING}, {DNS_NODATA, DKIM_KEY_MISSING}, {DNS_SERVFAIL, DKIM_DNS_SERVFAIL},
        {DNS_TIMEOUT, DKIM_DNS_TIMEOUT},  {DNS_BOGUS, DKIM_DNS_BOGUS},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct key_entry entry = {.status = rows[i].status};
        assert_int_equal(key_trial_lookup(&entry), rows[i].wanted);
    }
}

/* Of several records the one that came furthest speaks; the rest is tried only until one verifies. */
static void the_best_record_speaks(void **state) {
    (void)state;
    struct pem_key right, other;
    struct sealing_key *key;
    uint8_t octets[SEALING_KEY_SIGNATURE_MAX];
    size_t len;
    pem_key_make(&right, 1024), pem_key_make(&other, 1024);
    assert_int_equal(sealing_key_load(right.path, &key), SEALING_KEY_OK);
    assert_true(sealing_key_sign(key, hash, octets, &len));
    const struct dkim_signature signature = {.key_algorithm = KEY_RSA, .signature = {(const char *)octets, len}};
    struct {
        const char *record[3];
        enum dkim_code wanted;
        unsigned tried;
    } rows[] = {
        {{right.record}, DKIM_OK, 1},
        {{other.record}, DKIM_SIGNATURE_MISMATCH, 1},
        {{other.record, right.record, other.record}, DKIM_OK, 2},
        {{"v=DKIM1; p=", other.record}, DKIM_SIGNATURE_MISMATCH, 2},
        {{other.record, "v=DKIM1; p="}, DKIM_SIGNATURE_MISMATCH, 2},
        {{"v=DKIM1; p="}, DKIM_KEY_REVOKED, 1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct dns_answer answer = {.status = DNS_FOUND};
        for (size_t k = 0; k < 3 && rows[i].record[k] != NULL; k++)
            answer.record[answer.record_count++] = span_of(rows[i].record[k]);
        struct key_entry *entry = key_entry_create(&answer, 0);
        struct key_trial trial = key_trial_run(entry, &signature, hash, &verifier_policy_default);
        if (trial.code != rows[i].wanted || trial.records_tried != rows[i].tried || trial.record == NULL)
            fail_msg("row %zu: %s after %u", i, dkim_code_word(trial.code), trial.records_tried);
        key_entry_release(entry);
    }
    sealing_key_release(key);
    pem_key_remove(&right), pem_key_remove(&other);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(lookups_are_told_apart),
                                       cmocka_unit_test(the_best_record_speaks)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
