#include "proxy/message_cause.h" /* first, so the header is proved to stand alone */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "base/clock.h"
#include "proxy/spool.h"
#include "tests/support/fake_keys.h"
#include "tests/support/signer.h"
#include "verifier/message_verifier.h"

static void the_allowance_has_a_burst_and_fills_again(void **state) {
    (void)state;
    struct message_cause_allowance allowance = {0, 0};
    int64_t now_us = 1000000000;
    for (int i = 0; i < MESSAGE_CAUSE_BURST; i++) assert_true(message_cause_allow(&allowance, now_us));
    assert_false(message_cause_allow(&allowance, now_us));
    now_us += MESSAGE_CAUSE_EVERY_MS * 1000 * 2;
    assert_true(message_cause_allow(&allowance, now_us));
    assert_true(message_cause_allow(&allowance, now_us));
    assert_false(message_cause_allow(&allowance, now_us));
}

static void done(void *owner) { (void)owner; }

/* The cause of message, signed by signer, as the proxy would count it. */
static enum cause cause_of(const struct signer *signer, struct span message) {
    struct fake_keys keys;
    struct clock_fixed clock = clock_fixed_at(1800000000);
    struct spool_account account = {.max = 1 << 20};
    struct spool_limits limits = {.message_max = 1 << 20, .memory_max = 1 << 20, .pool_memory_max = 1 << 20};
    struct spool_pool *pool = spool_pool_create(limits, &account, -1);
    struct spool *spool = spool_create(pool);
    fake_keys_init(&keys);
    fake_keys_add(&keys, "sel._domainkey.d.example", signer_record(signer), DNS_FOUND);
    struct message_verifier *verifier = message_verifier_create(&verifier_policy_default, &keys.source, &clock.clock);
    message_verifier_begin(verifier, done, NULL);
    message_verifier_update(verifier, message);
    assert_int_equal(message_verifier_end(verifier), VERIFIER_DONE);
    assert_int_equal(spool_append(spool, message), SPOOL_OK);
    const struct message_result *result = message_verifier_result(verifier);
    enum cause cause = dkim_code_cause(result->dkim[0].code);
    if (message_cause_is_vague(result))
        message_cause_refine(verifier, result, spool, message_verifier_header(verifier)->octets.len + 2, &cause, 1);
    message_verifier_destroy(verifier);
    spool_destroy(spool);
    spool_pool_destroy(pool);
    return cause;
}

static void causes_are_refined_where_they_can_be(void **state) {
    (void)state;
    static const struct {
        const char *from, *to;
        enum cause want;
    } rows[] = {{"Body", "Body", CAUSE_NONE},
                {"last line\r\n", "last line\r\n--\r\nthe list\r\n", CAUSE_BODY_APPENDED},
                {"Body", "CAUTION\r\nBody", CAUSE_BODY_PREPENDED},
                {"Body", "Bxdy", CAUSE_BODY_OTHER},
                {"Subject: ", "Subject: [list] ", CAUSE_HEADER_SUBJECT},
                {"Subject: x", "Subject: another", CAUSE_HEADER_OTHER}};
    struct signer *signer = signer_create_rsa(2048);
    struct span good = signer_sign(signer, &(struct signing){0},
                                   span_of("From: a@d.example\r\nTo: b@c.test\r\nSubject: x\r\n"
                                           "Date: Mon, 06 Jan 2025 10:20:30 +0000\r\n\r\nBody\r\nlast line\r\n"));
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *at = memmem(good.ptr, good.len, rows[i].from, strlen(rows[i].from));
        assert_non_null(at);
        struct bytes bad = bytes_with_cap(1 << 16);
        bytes_append(&bad, span_first(good, (size_t)(at - good.ptr)));
        bytes_append_text(&bad, rows[i].to);
        bytes_append(&bad, span_after(good, (size_t)(at - good.ptr) + strlen(rows[i].from)));
        enum cause got = cause_of(signer, bytes_span(&bad));
        if (got != rows[i].want) fail_msg("%s: %s", rows[i].to, got == CAUSE_NONE ? "none" : cause_word(got));
        bytes_release(&bad);
    }
    free((void *)(size_t)good.ptr);
    signer_destroy(signer);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_allowance_has_a_burst_and_fills_again),
                                       cmocka_unit_test(causes_are_refined_where_they_can_be)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
