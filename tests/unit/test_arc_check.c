#include "verifier/arc_check.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include "tests/support/fake_keys.h"
#include "tests/support/pem_key.h"
#include "verifier/arc_seal.h"
#include "verifier/message_verifier.h"

/* Chains are made with arc_seal and validated as they stream through message_verifier. */

enum { NOW = 1700000000 };
static const char MESSAGE[] =
    "From: Alice <alice@d.example>\r\nTo: bob@e.example\r\nSubject: the  quick\r\n brown fox\r\n"
    "Date: Tue, 14 Nov 2023 22:13:20 +0000\r\n\r\nHello  Bob \r\n\r\nsee you \t soon\r\n\r\n\r\n";

static struct pem_key rsa_file, ed25519_file, small_file;
static struct sealing_key *rsa, *ed25519;
static const char *const trusted[] = {"other.example", "d.example"};

static int make_keys(void **state) {
    (void)state;
    pem_key_make(&rsa_file, 1024);
    pem_key_make(&ed25519_file, 0);
    pem_key_make(&small_file, 768);
    return sealing_key_load(rsa_file.path, &rsa) == SEALING_KEY_OK &&
                   sealing_key_load(ed25519_file.path, &ed25519) == SEALING_KEY_OK
               ? 0
               : -1;
}

static int remove_keys(void **state) {
    (void)state;
    sealing_key_release(rsa), sealing_key_release(ed25519);
    pem_key_remove(&rsa_file), pem_key_remove(&ed25519_file), pem_key_remove(&small_file);
    return 0;
}

struct fixture {
    struct verifier_policy policy;
    struct clock_fixed clock;
    struct fake_keys keys;
    struct message_verifier *verifier;
};

static void set_up(struct fixture *fixture) {
    fixture->policy = verifier_policy_default;
    fixture->policy.wants_seal_hash = true;
    fixture->policy.trusted_sealers = trusted;
    fixture->policy.trusted_sealer_count = 2;
    fixture->clock = clock_fixed_at(NOW);
    fake_keys_init(&fixture->keys);
    fake_keys_add(&fixture->keys, "rsa._domainkey.d.example", rsa_file.record, DNS_FOUND);
    fake_keys_add(&fixture->keys, "ed._domainkey.d.example", ed25519_file.record, DNS_FOUND);
    fixture->verifier = message_verifier_create(&fixture->policy, &fixture->keys.source, &fixture->clock.clock);
    assert_non_null(fixture->verifier);
}

static void tear_down(struct fixture *fixture) { message_verifier_destroy(fixture->verifier); }

static const struct arc_result *validate(struct fixture *fixture, struct span message) {
    message_verifier_begin(fixture->verifier, NULL, NULL);
    message_verifier_update(fixture->verifier, message);
    assert_int_equal(message_verifier_end(fixture->verifier), VERIFIER_DONE);
    return &message_verifier_result(fixture->verifier)->arc;
}

static struct span text_of(const char *text) {
    char *copy = malloc(strlen(text));
    memcpy(copy, text, strlen(text));
    return (struct span){copy, strlen(text)};
}
static void drop(struct span text) { free((void *)(uintptr_t)text.ptr); }

/* The message with the first occurrence of from replaced. Takes text over. */
static struct span replace(struct span text, const char *from, const char *to) {
    const char *at = memmem(text.ptr, text.len, from, strlen(from));
    if (at == NULL) fail_msg("\"%s\" is not in the message", from);
    size_t before = (size_t)(at - text.ptr), len = text.len - strlen(from) + strlen(to);
    char *out = malloc(len);
    memcpy(out, text.ptr, before);
    memcpy(out + before, to, strlen(to));
    memcpy(out + before + strlen(to), at + strlen(from), text.len - before - strlen(from));
    drop(text);
    return (struct span){out, len};
}

/* One more set on top, with the verdict as it is or (claim) as it is claimed to be. Takes message over. */
static struct span seal(struct fixture *fixture, struct span message, const char *selector,
                        const struct arc_result *claim) {
    uint8_t body_hash[DIGEST_OCTETS];
    struct bytes out = bytes_with_cap(1 << 20);
    struct arc_result found = *validate(fixture, message);
    assert_true(message_verifier_seal_hash(fixture->verifier, body_hash));
    struct arc_seal_request request = {.section = message_verifier_header(fixture->verifier),
                                       .body_hash = body_hash,
                                       .arc = claim != NULL ? claim : &found,
                                       .results = span_of("mx.d.example; none"),
                                       .domain = span_of("d.example"),
                                       .selector = span_of(selector),
                                       .key = strcmp(selector, "ed") == 0 ? ed25519 : rsa,
                                       .now_s = NOW};
    assert_int_equal(arc_seal_write(&out, &request), ARC_SEAL_ADDED);
    bytes_append(&out, message);
    drop(message);
    return bytes_span(&out);
}

static struct span chain(struct fixture *fixture, unsigned sets) {
    struct span message = text_of(MESSAGE);
    for (unsigned i = 0; i < sets; i++) message = seal(fixture, message, i % 2 == 0 ? "rsa" : "ed", NULL);
    return message;
}

static const struct row {
    const char *name;
    unsigned sets;
    const char *from, *to;  /* what changed on the way */
    enum dns_status status; /* of the RSA key (sets 1 and 3) */
    const char *record;     /* NULL: its own */
    enum arc_code code;
    unsigned failed_set;
} rows[] = {
    {"none", 0, .code = ARC_NO_SETS},
    {"one", 1, .code = ARC_OK},
    {"two", 2, .code = ARC_OK},
    {"three", 3, .code = ARC_OK},
    {"ten", 10, .code = ARC_OK},
    {"relaxed: unfolded", 2, "quick\r\n brown", "quick brown", .code = ARC_OK},
    {"body changed", 3, "see you", "see me", .code = ARC_MESSAGE_SIGNATURE, .failed_set = 3},
    {"subject changed", 3, "quick", "slow", .code = ARC_MESSAGE_SIGNATURE, .failed_set = 3},
    {"a second From", 1, "From:", "From: eve@f.example\r\nFrom:", .code = ARC_MESSAGE_SIGNATURE, .failed_set = 1},
    {"unsigned field added", 1, "From:", "X-Spam: no\r\nFrom:", .code = ARC_OK},
    {"results of set 1 changed", 3, "i=1; mx.d.example; none", "i=1; mx.d.example; spf=pass", .code = ARC_SEAL,
     .failed_set = 3},
    {"results of the newest set changed", 2, "i=2; mx.d.example; none", "i=2; mx.d.example; spf=pass", .code = ARC_SEAL,
     .failed_set = 2},
    {"date of a seal changed", 2, "ARC-Seal: i=1; a=rsa-sha256; cv=none; d=d.example; s=rsa; t=1700000000",
     "ARC-Seal: i=1; a=rsa-sha256; cv=none; d=d.example; s=rsa; t=1700000001", .code = ARC_SEAL, .failed_set = 2},
    {"seal refolded", 2, "cv=none; d=d.example", "cv=none;\r\n d=d.example", .code = ARC_OK},
    {"unknown tag added to a seal", 1, "cv=none;", "cv=none; x=y;", .code = ARC_SEAL, .failed_set = 1},
    {"no key", 1, .status = DNS_NXDOMAIN, .code = ARC_KEY, .failed_set = 1},
    {"no record", 1, .status = DNS_NODATA, .code = ARC_KEY, .failed_set = 1},
    {"revoked", 1, .record = "v=DKIM1; p=", .code = ARC_KEY, .failed_set = 1},
    {"not a key", 1, .record = "v=DKIM1; p=AAAA", .code = ARC_KEY, .failed_set = 1},
    {"768 bits", 1, .record = small_file.record, .code = ARC_KEY, .failed_set = 1},
    {"another key", 1, .record = ed25519_file.record, .code = ARC_KEY, .failed_set = 1},
    {"servfail", 1, .status = DNS_SERVFAIL, .code = ARC_DNS, .failed_set = 1}, /* 5.2.1: all failures are permanent */
    {"timeout", 1, .status = DNS_TIMEOUT, .code = ARC_DNS, .failed_set = 1},
    {"bogus", 1, .status = DNS_BOGUS, .code = ARC_DNS, .failed_set = 1},
    {"the first seal's key is gone", 2, .status = DNS_NXDOMAIN, .code = ARC_KEY, .failed_set = 1},
};

static void every_row_gets_its_code(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct row *row = &rows[i];
        struct fixture fixture;
        set_up(&fixture);
        struct span message = chain(&fixture, row->sets);
        if (row->from != NULL) message = replace(message, row->from, row->to);
        struct fake_row *key = &fixture.keys.row[0];
        key->status = row->status;
        if (row->record != NULL) key->record[0] = row->record;
        if (row->status != DNS_FOUND) key->record[0] = NULL;
        const struct arc_result *arc = validate(&fixture, message);
        enum auth_result wanted = row->code == ARC_OK        ? RESULT_PASS
                                  : row->code == ARC_NO_SETS ? RESULT_NONE
                                                             : RESULT_FAIL;
        bool oldest = row->code == ARC_OK;
        if (!arc->is_evaluated || arc->code != row->code || arc->result != wanted ||
            arc->failed_set != row->failed_set || arc->sets != row->sets || arc->has_oldest_pass != oldest ||
            arc->oldest_pass != 0 || arc->is_trusted != oldest)
            fail_msg("%s: %s %s, set %u of %u, oldest %u", row->name, auth_result_word(arc->result),
                     arc_code_word(arc->code), arc->failed_set, arc->sets, arc->oldest_pass);
        if (row->sets > 0) assert_true(span_is(arc->sealer, "d.example"));
        drop(message);
        tear_down(&fixture);
    }
}

/* Section 5.2 step 5: who changes the message between the sets shows. */
static void oldest_pass_names_the_first_that_holds(void **state) {
    (void)state;
    static const struct arc_result passed = {.is_evaluated = true, .result = RESULT_PASS, .code = ARC_OK};
    struct fixture fixture;
    set_up(&fixture);
    for (unsigned change_after = 1; change_after <= 4; change_after++) {
        struct span message = text_of(MESSAGE);
        for (unsigned i = 1; i <= 4; i++) {
            message = seal(&fixture, message, i % 2 == 0 ? "rsa" : "ed", i > 1 ? &passed : NULL);
            if (i == change_after && i < 4) message = replace(message, "the  quick", "[list] the quick");
        }
        const struct arc_result *arc = validate(&fixture, message);
        assert_int_equal(arc->code, ARC_OK);
        assert_int_equal(arc->oldest_pass, change_after < 4 ? change_after + 1 : 0);
        drop(message);
    }
    tear_down(&fixture);
}

static void wake(void *owner) { ++*(unsigned *)owner; }

static void late_keys_and_none(void **state) {
    (void)state;
    struct fixture fixture;
    set_up(&fixture);
    struct span message = chain(&fixture, 3);
    unsigned done = 0;
    fixture.keys.answers = FAKE_LATE;
    fixture.keys.lookups = 0;
    message_verifier_begin(fixture.verifier, wake, &done);
    for (size_t i = 0; i < message.len; i++)
        assert_int_equal(message_verifier_update(fixture.verifier, span_first(span_after(message, i), 1)),
                         VERIFIER_MORE);
    assert_int_equal(message_verifier_end(fixture.verifier), VERIFIER_MORE);
    assert_int_equal(fixture.keys.lookups, 2); /* six signatures, two names */
    fake_keys_answer(&fixture.keys);
    assert_int_equal(done, 1);
    assert_int_equal(message_verifier_result(fixture.verifier)->arc.code, ARC_OK);
    assert_int_equal(message_verifier_result(fixture.verifier)->key_lookups, 2);

    message_verifier_begin(fixture.verifier, wake, &done); /* keys come before the body ends */
    message_verifier_update(fixture.verifier, message);
    fake_keys_answer(&fixture.keys);
    assert_int_equal(message_verifier_end(fixture.verifier), VERIFIER_DONE);
    assert_int_equal(message_verifier_result(fixture.verifier)->arc.code, ARC_OK);

    message_verifier_begin(fixture.verifier, wake, &done); /* time is up */
    message_verifier_update(fixture.verifier, message);
    assert_int_equal(message_verifier_end(fixture.verifier), VERIFIER_MORE);
    message_verifier_expire(fixture.verifier);
    assert_int_equal(message_verifier_result(fixture.verifier)->arc.code, ARC_DNS);
    assert_int_equal(message_verifier_result(fixture.verifier)->arc.result, RESULT_FAIL);

    fixture.keys.answers = FAKE_NO_MEMORY;
    assert_int_equal(validate(&fixture, message)->code, ARC_NO_MEMORY);
    assert_int_equal(done, 1);
    drop(message);
    tear_down(&fixture);
}

/* What is decided does not wait for the rest: a changed body for no key, a newest message signature for its own.
 */
static void a_broken_message_is_told_at_once(void **state) {
    (void)state;
    struct fixture fixture;
    unsigned done = 0;
    set_up(&fixture);
    struct span message = chain(&fixture, 2), changed = replace(chain(&fixture, 2), "see you", "see me");
    fixture.keys.answers = FAKE_LATE;
    assert_int_equal(validate(&fixture, changed)->code, ARC_MESSAGE_SIGNATURE);
    message_verifier_begin(fixture.verifier, wake, &done);
    message_verifier_update(fixture.verifier, message);
    assert_int_equal(message_verifier_end(fixture.verifier), VERIFIER_MORE);
    struct key_request *first = LIST_ENTRY(fixture.keys.waiting.next, struct key_request, node);
    list_remove(&first->node); /* the newest set's */
    free(first->source_data);
    first->ready(first, NULL);
    assert_int_equal(done, 1);
    assert_int_equal(message_verifier_result(fixture.verifier)->arc.code, ARC_NO_MEMORY);
    drop(message), drop(changed);
    tear_down(&fixture);
}

/* Every seal with a key of its own: at the cap, and one past it, where nothing is asked at all. */
static void keys_are_capped(void **state) {
    (void)state;
    for (unsigned sets = 10; sets <= 11; sets++) {
        struct fixture fixture;
        char names[11][40], selectors[11][8];
        set_up(&fixture);
        struct span message = text_of(MESSAGE);
        fixture.policy.arc_keys_max = 10;
        for (unsigned i = 0; i < sets; i++) {
            snprintf(selectors[i], sizeof selectors[i], "s%u", i);
            snprintf(names[i], sizeof names[i], "s%u._domainkey.d.example", i);
            fake_keys_add(&fixture.keys, names[i], rsa_file.record, DNS_FOUND);
            message = seal(&fixture, message, selectors[i], NULL);
        }
        fixture.keys.lookups = 0;
        const struct arc_result *arc = validate(&fixture, message);
        assert_int_equal(arc->code, sets <= 10 ? ARC_OK : ARC_LIMIT);
        assert_int_equal(fixture.keys.lookups, sets <= 10 ? 10 : 0);
        drop(message);
        tear_down(&fixture);
    }
}

/* Nothing of one message is left for the next, whatever became of it. */
static void messages_do_not_mix(void **state) {
    (void)state;
    struct fixture fixture;
    set_up(&fixture);
    struct span good = chain(&fixture, 2), bad = replace(chain(&fixture, 1), "see you", "see me");
    for (int i = 0; i < 3; i++) {
        assert_int_equal(validate(&fixture, good)->code, ARC_OK);
        assert_int_equal(validate(&fixture, bad)->code, ARC_MESSAGE_SIGNATURE);
        const struct arc_result *none = validate(&fixture, span_of(MESSAGE));
        assert_int_equal(none->code, ARC_NO_SETS);
        assert_int_equal(none->sealer.len, 0);
    }
    drop(good), drop(bad);
    tear_down(&fixture);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_gets_its_code), cmocka_unit_test(oldest_pass_names_the_first_that_holds),
        cmocka_unit_test(late_keys_and_none),      cmocka_unit_test(a_broken_message_is_told_at_once),
        cmocka_unit_test(keys_are_capped),         cmocka_unit_test(messages_do_not_mix)};
    return cmocka_run_group_tests(tests, make_keys, remove_keys);
}
