#include "verifier/message_verifier.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include "tests/support/fake_keys.h"
#include "tests/support/signer.h"

enum { NOW = 1700000000 };
static const char MESSAGE[] = "From: Alice <alice@d.example>\r\nTo: bob@e.example\r\nSubject: the  quick\r\n brown fox\r\n"
                              "Date: Tue, 14 Nov 2023 22:13:20 +0000\r\n\r\nHello  Bob \r\n\r\nsee you \t soon\r\n\r\n\r\n";

static struct signer *rsa, *ed25519, *small, *weak;

static int make_signers(void **state) {
    (void)state;
    rsa = signer_create_rsa(2048);
    ed25519 = signer_create_ed25519();
    small = signer_create_rsa(768);
    weak = signer_create_rsa(1024);
    return 0;
}
static int destroy_signers(void **state) {
    (void)state;
    signer_destroy(rsa), signer_destroy(ed25519), signer_destroy(small), signer_destroy(weak);
    return 0;
}

static void drop(struct span text) { free((void *)(uintptr_t)text.ptr); }

/* The message with the first occurrence of from replaced: what a relay did to it on the way. Takes text over. */
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

static void verify_in_pieces(struct message_verifier *verifier, struct span message, size_t piece) {
    message_verifier_begin(verifier, NULL, NULL);
    for (size_t at = 0; at < message.len; at += piece) {
        size_t len = message.len - at < piece ? message.len - at : piece;
        assert_int_equal(message_verifier_update(verifier, span_first(span_after(message, at), len)), VERIFIER_MORE);
    }
    assert_int_equal(message_verifier_end(verifier), VERIFIER_DONE);
}

#define INTACT .header = PART_INTACT, .body = PART_INTACT
static const struct row {
    const char *name;
    struct signer **signer;
    struct signing how;
    const char *from, *to;   /* what changed on the way */
    const char *from2, *to2; /* and then */
    const char *record;      /* NULL: the signer's own */
    enum dns_status status;
    enum dkim_code code;
    enum part_state header, body;
} rows[] = {
    {"rsa relaxed", &rsa, INTACT},
    {"rsa simple", &rsa, {.simple_header = true, .simple_body = true}, INTACT},
    {"ed25519", &ed25519, INTACT},
    {"ed25519 mixed", &ed25519, {.simple_body = true}, INTACT},
    {"1024 bits is weak", &weak, INTACT},
    {"relaxed: unfolded", &rsa, .from = "quick\r\n brown", .to = "quick brown", INTACT},
    {"simple: unfolded", &rsa, {.simple_header = true}, "quick\r\n brown", "quick brown", .code = DKIM_SIGNATURE_MISMATCH,
     .header = PART_CHANGED, .body = PART_INTACT},
    {"relaxed: blanks at the line's end", &rsa, .from = "Hello  Bob ", .to = "Hello Bob\t", INTACT},
    {"body changed", &rsa, .from = "see you", .to = "see me", .code = DKIM_BODY_HASH_MISMATCH, .header = PART_INTACT,
     .body = PART_CHANGED},
    {"subject changed", &rsa, .from = "quick", .to = "slow", .code = DKIM_SIGNATURE_MISMATCH, .header = PART_CHANGED,
     .body = PART_INTACT},
    {"both changed", &rsa, .from = "quick", .to = "slow", .from2 = "see you", .to2 = "see me",
     .code = DKIM_BODY_HASH_MISMATCH, .header = PART_CHANGED, .body = PART_CHANGED},
    {"unsigned field added", &rsa, .from = "To:", .to = "X-Spam: no\r\nTo:", INTACT},
    {"over-signed From added", &rsa, {.signed_names = "from:from:subject"}, "To:", "From: eve@f.example\r\nTo:",
     .code = DKIM_SIGNATURE_MISMATCH, .header = PART_CHANGED, .body = PART_INTACT}, /* 8.15 */
    {"names in h= in any case", &rsa, {.signed_names = "FROM:suBJECT:x-absent"}, INTACT},
    {"From not signed", &rsa, {.signed_names = "to:subject"}, .code = DKIM_SIG_FROM_UNSIGNED},
    {"v=2", &rsa, .from = "v=1;", .to = "v=2;", .code = DKIM_SIG_VERSION},
    {"no v=", &rsa, .from = "v=1;", .to = "", .code = DKIM_SIG_MISSING_TAG},
    {"no bh=", &rsa, .from = "bh=", .to = "zh=", .code = DKIM_SIG_MISSING_TAG},
    {"tag twice", &rsa, .from = "v=1;", .to = "v=1; d=d.example;", .code = DKIM_SIG_DUPLICATE_TAG},
    {"a= unknown", &rsa, {.algorithm = "rsa-sha512"}, .code = DKIM_SIG_ALGORITHM},
    {"a=rsa-sha1", &rsa, {.algorithm = "rsa-sha1"}, .code = DKIM_SIG_SHA1}, /* RFC 8301 3.1 */
    {"i= below d=", &rsa, {.more_tags = "i=x@sub.d.example;"}, INTACT},
    {"i= outside d=", &rsa, {.more_tags = "i=x@nd.example;"}, .code = DKIM_SIG_IDENTITY},
    {"d= with a parenthesis", &rsa, {.domain = "d.example(x"}, .code = DKIM_SIG_DOMAIN},
    {"expired", &rsa, {.more_tags = "x=1699999000;"}, .code = DKIM_SIG_EXPIRED},
    {"expired within the drift", &rsa, {.more_tags = "x=1699999701;"}, INTACT},
    {"x= before t=", &rsa, {.more_tags = "t=1699999999; x=1699999998;"}, .code = DKIM_SIG_EXPIRES_BEFORE_SIGNED},
    {"t= in the future", &rsa, {.more_tags = "t=1700000301;"}, .code = DKIM_SIG_FUTURE},
    {"t= within the drift", &rsa, {.more_tags = "t=1700000300;"}, INTACT},
    {"l= of the whole body", &rsa, {.has_limit = true, .limit = 27}, INTACT},
    {"l=0 is a limit", &rsa, {.has_limit = true}, .code = DKIM_BODY_UNSIGNED_OCTETS, INTACT},
    {"l= leaves octets", &rsa, {.has_limit = true, .limit = 27}, "soon\r\n", "soon\r\nbuy now\r\n",
     .code = DKIM_BODY_UNSIGNED_OCTETS, INTACT},
    {"l= beyond the body", &rsa, {.has_limit = true, .limit = 28}, .code = DKIM_BODY_TOO_SHORT, .header = PART_INTACT,
     .body = PART_CHANGED},
    {"no such name", &rsa, .status = DNS_NXDOMAIN, .code = DKIM_KEY_MISSING, .body = PART_INTACT},
    {"no such record", &rsa, .status = DNS_NODATA, .code = DKIM_KEY_MISSING, .body = PART_INTACT},
    {"servfail", &rsa, .status = DNS_SERVFAIL, .code = DKIM_DNS_SERVFAIL, .body = PART_INTACT},
    {"timeout", &rsa, .status = DNS_TIMEOUT, .code = DKIM_DNS_TIMEOUT, .body = PART_INTACT},
    {"bogus", &rsa, .status = DNS_BOGUS, .code = DKIM_DNS_BOGUS, .body = PART_INTACT},
    {"revoked", &rsa, .record = "v=DKIM1; p=", .code = DKIM_KEY_REVOKED, .body = PART_INTACT},
    {"v= not first", &rsa, .record = "p=AAAA; v=DKIM1", .code = DKIM_KEY_SYNTAX, .body = PART_INTACT},
    {"not a key", &rsa, .record = "v=DKIM1; p=AAAA", .code = DKIM_KEY_SYNTAX, .body = PART_INTACT},
    {"k= unknown", &rsa, .record = "v=DKIM1; k=dsa; p=AAAA", .code = DKIM_KEY_TYPE, .body = PART_INTACT},
    {"k= does not fit", &rsa, .record = "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=",
     .code = DKIM_KEY_TYPE, .body = PART_INTACT},
    {"ed25519 too short", &ed25519, .record = "v=DKIM1; k=ed25519; p=AAAA", .code = DKIM_KEY_SYNTAX, .body = PART_INTACT},
    {"768 bits", &small, .code = DKIM_KEY_TOO_SMALL, .body = PART_INTACT}, /* RFC 8301 3.2 */
    {"768 bits and the body changed", &small, .from = "see you", .to = "see me", .code = DKIM_BODY_HASH_MISMATCH,
     .body = PART_CHANGED},
    {"revoked and the body changed", &rsa, .from = "see you", .to = "see me", .record = "v=DKIM1; p=", .code = DKIM_KEY_REVOKED,
     .body = PART_CHANGED},
};

static struct span signed_message(const struct row *row) {
    struct span message = signer_sign(*row->signer, &row->how, (struct span){MESSAGE, sizeof MESSAGE - 1});
    if (row->from != NULL) message = replace(message, row->from, row->to);
    if (row->from2 != NULL) message = replace(message, row->from2, row->to2);
    return message;
}

static void check_row(const struct row *row, const struct dkim_result *got) {
    if (got->result != dkim_code_result(row->code) || got->code != row->code || got->header_part != row->header ||
        got->body_part != row->body)
        fail_msg("%s: %s %s, header %s, body %s (%.*s)", row->name, auth_result_word(got->result), dkim_code_word(got->code),
                 part_state_word(got->header_part), part_state_word(got->body_part), (int)got->detail.len, got->detail.ptr);
}

/* One verifier with a fake key source and a standing clock. */
struct bench { struct clock_fixed clock; struct fake_keys keys; struct message_verifier *verifier; };

static void set_up(struct bench *b, const struct verifier_policy *policy, const char *record, enum dns_status status) {
    b->clock = clock_fixed_at(NOW);
    fake_keys_init(&b->keys);
    fake_keys_add(&b->keys, "sel._domainkey.d.example", record, status);
    b->verifier = message_verifier_create(policy, &b->keys.source, &b->clock.clock);
    assert_non_null(b->verifier);
}

static void every_row_gets_its_verdict_however_it_is_cut(void **state) {
    (void)state;
    for (const struct row *row = rows; row < rows + sizeof rows / sizeof *rows; row++) {
        struct bench b;
        set_up(&b, &verifier_policy_default,
               row->record != NULL ? row->record : row->status == DNS_FOUND ? signer_record(*row->signer) : NULL, row->status);
        struct span message = signed_message(row);
        static const size_t pieces[] = {100000, 1, 2, 3, 7, 64};
        for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
            verify_in_pieces(b.verifier, message, pieces[i]);
            const struct message_result *result = message_verifier_result(b.verifier);
            assert_int_equal(result->dkim_count, 1);
            assert_int_equal(result->size, message.len);
            check_row(row, &result->dkim[0]);
        }
        drop(message);
        message_verifier_destroy(b.verifier);
    }
}

static void every_split_in_two_is_the_same(void **state) {
    (void)state;
    struct bench b;
    set_up(&b, &verifier_policy_default, signer_record(rsa), DNS_FOUND);
    struct span message = signed_message(&rows[0]);
    for (size_t at = 0; at <= message.len; at++) {
        message_verifier_begin(b.verifier, NULL, NULL);
        message_verifier_update(b.verifier, span_first(message, at));
        message_verifier_update(b.verifier, span_after(message, at));
        assert_int_equal(message_verifier_end(b.verifier), VERIFIER_DONE);
        check_row(&rows[0], &message_verifier_result(b.verifier)->dkim[0]);
    }
    drop(message);
    message_verifier_destroy(b.verifier);
}

/* ---- facts beside the verdict ---- */

static const struct dkim_result *verify_one(struct bench *b, const struct signer *signer, const struct signing *how) {
    struct span message = signer_sign(signer, how, (struct span){MESSAGE, sizeof MESSAGE - 1});
    verify_in_pieces(b->verifier, message, 4096);
    drop(message);
    return &message_verifier_result(b->verifier)->dkim[0];
}

static void key_facts_are_reported(void **state) {
    (void)state;
    struct bench b;
    char testing[2100];
    snprintf(testing, sizeof testing, "%s; t=y", signer_record(weak));
    set_up(&b, &verifier_policy_default, testing, DNS_FOUND);
    b.keys.row[0].dnssec = DNSSEC_SECURE;
    b.keys.row[0].cname = "sel.keys.example";
    const struct dkim_result *got = verify_one(&b, weak, &(struct signing){.more_tags = "t=1699999999; x=1700009999;"});
    assert_int_equal(got->code, DKIM_OK);
    assert_true(got->testing && got->weak && got->aligned && got->has_key_answer);
    assert_int_equal(got->key_bits, 1024);
    assert_int_equal(got->dnssec, DNSSEC_SECURE);
    assert_int_equal(got->cname_count, 1);
    assert_true(span_is(got->cname[0], "sel.keys.example"));
    assert_true(span_is(got->auid, "@d.example") && span_is(got->domain, "d.example") && span_is(got->selector, "sel"));
    assert_true(span_is(got->canonicalization, "relaxed/relaxed"));
    assert_int_equal(got->timestamp_s, 1699999999);
    assert_int_equal(got->expiration_s, 1700009999);
    assert_int_equal(got->body_octets, 27);
    message_verifier_destroy(b.verifier);
}

static void strict_identity_service_and_hash_of_the_key_count(void **state) {
    (void)state;
    static const struct { const char *more; enum dkim_code code; } more_rows[] = {
        {"; t=s", DKIM_KEY_STRICT_IDENTITY}, {"; s=tlsrpt", DKIM_KEY_SERVICE}, {"; h=sha1", DKIM_KEY_HASH},
        {"; s=*; h=sha1:sha256; g=*", DKIM_OK},
    };
    for (size_t i = 0; i < sizeof more_rows / sizeof *more_rows; i++) {
        struct bench b;
        char record[2100];
        snprintf(record, sizeof record, "%s%s", signer_record(rsa), more_rows[i].more);
        set_up(&b, &verifier_policy_default, record, DNS_FOUND);
        const struct dkim_result *got = verify_one(&b, rsa, &(struct signing){.more_tags = "i=a@sub.d.example;"});
        if (got->code != more_rows[i].code) fail_msg("%s: %s", more_rows[i].more, dkim_code_word(got->code));
        message_verifier_destroy(b.verifier);
    }
}

static void of_several_records_one_that_verifies_is_enough(void **state) {
    (void)state;
    struct bench b;
    set_up(&b, &verifier_policy_default, "v=DKIM1; p=", DNS_FOUND);
    b.keys.row[0].record[1] = signer_record(weak);
    b.keys.row[0].record[2] = signer_record(rsa);
    const struct dkim_result *got = verify_one(&b, rsa, &(struct signing){.domain = NULL});
    assert_int_equal(got->code, DKIM_OK);
    assert_int_equal(got->key_bits, 2048);
    b.keys.row[0].record[2] = "nonsense";
    got = verify_one(&b, rsa, &(struct signing){.domain = NULL});
    assert_int_equal(got->code, DKIM_SIGNATURE_MISMATCH); /* the record that came furthest speaks */
    message_verifier_destroy(b.verifier);
}

static void unsigned_octets_may_pass_by_choice(void **state) {
    (void)state;
    struct bench b;
    struct verifier_policy policy = verifier_policy_default;
    policy.unsigned_octets_pass = true;
    set_up(&b, &policy, signer_record(rsa), DNS_FOUND);
    const struct dkim_result *got = verify_one(&b, rsa, &(struct signing){.has_limit = true, .limit = 20});
    assert_int_equal(got->code, DKIM_OK);
    assert_true(got->has_unsigned_octets);
    assert_int_equal(got->unsigned_octets, 7);
    message_verifier_destroy(b.verifier);
}

/* NOW is 1700000000, 14 Nov 2023 22:13:20 +0000; the topmost Received field tells another time. */
static void times_are_judged_as_the_message_was_received(void **state) {
    (void)state;
    static const struct {
        const char *name, *received, *tags;
        bool is_trusted;
        enum dkim_code code;
    } receipts[] = {
        {"expired since", "Received: by a; 13 Nov 2023 22:13:20 +0000\r\n", "t=1699800000; x=1699990000;", true, DKIM_OK},
        {"the same, but nobody trusts it", "Received: by a; 13 Nov 2023 22:13:20 +0000\r\n", "t=1699800000; x=1699990000;", false,
         DKIM_SIG_EXPIRED},
        {"expired before", "Received: by a; 14 Nov 2023 22:10:00 +0000\r\n", "t=1699800000; x=1699990000;", true, DKIM_SIG_EXPIRED},
        {"signed after it", "Received: by a; 13 Nov 2023 22:13:20 +0000\r\n", "t=1699990000;", true, DKIM_SIG_FUTURE},
        {"a time to come is none", "Received: by a; 14 Nov 2024 22:13:20 +0000\r\n", "t=1700009000;", true, DKIM_SIG_FUTURE},
        {"no time", "Received: by a; yesterday\r\n", "t=1699800000; x=1699990000;", true, DKIM_SIG_EXPIRED},
        {"only the topmost", "Received: by a; now\r\nReceived: by b; 13 Nov 2023 22:13:20 +0000\r\n", "t=1699800000; x=1699990000;",
         true, DKIM_SIG_EXPIRED},
        {"no Received at all", "", "t=1699800000; x=1699990000;", true, DKIM_SIG_EXPIRED},
    };
    for (size_t i = 0; i < sizeof receipts / sizeof *receipts; i++) {
        struct bench b;
        struct verifier_policy policy = verifier_policy_default;
        policy.trusts_received = receipts[i].is_trusted;
        set_up(&b, &policy, signer_record(rsa), DNS_FOUND);
        struct span message = signer_sign(rsa, &(struct signing){.more_tags = receipts[i].tags}, (struct span){MESSAGE, sizeof MESSAGE - 1});
        message_verifier_begin(b.verifier, NULL, NULL);
        message_verifier_update(b.verifier, span_of(receipts[i].received));
        message_verifier_update(b.verifier, message);
        assert_int_equal(message_verifier_end(b.verifier), VERIFIER_DONE);
        enum dkim_code got = message_verifier_result(b.verifier)->dkim[0].code;
        if (got != receipts[i].code) fail_msg("%s: %s", receipts[i].name, dkim_code_word(got));
        message_verifier_destroy(b.verifier);
        drop(message);
    }
}

/* ---- many signatures (R-21) ---- */

static struct span under_junk(struct span message, size_t count) {
    char *out = malloc(count * 200 + message.len);
    size_t len = 0;
    for (size_t i = 0; i < count; i++)
        len += (size_t)snprintf(out + len, 200,
                                "DKIM-Signature: v=1; a=rsa-sha256; d=junk%zu.test; s=s; h=from;\r\n"
                                " bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=; b=AAAA\r\n", i);
    memcpy(out + len, message.ptr, message.len);
    size_t total = len + message.len;
    drop(message);
    return (struct span){out, total};
}

static void junk_above_does_not_hide_the_aligned_signature(void **state) {
    (void)state;
    struct bench b;
    set_up(&b, &verifier_policy_default, signer_record(rsa), DNS_FOUND);
    struct span message = under_junk(signed_message(&rows[0]), 30);
    verify_in_pieces(b.verifier, message, 1000);
    const struct message_result *result = message_verifier_result(b.verifier);
    assert_int_equal(result->dkim_count, 31);
    assert_int_equal(result->dkim[30].code, DKIM_OK);
    assert_int_equal(result->key_lookups, 8);
    assert_int_equal(b.keys.lookups, 8);
    for (size_t i = 0; i < 30; i++) assert_int_equal(result->dkim[i].code, i < 7 ? DKIM_KEY_MISSING : DKIM_LIMIT);
    message = under_junk(message, 10); /* 41: past 32 nothing is looked at, but each field has its result */
    verify_in_pieces(b.verifier, message, 1000);
    result = message_verifier_result(b.verifier);
    assert_int_equal(result->dkim_count, 41);
    assert_int_equal(result->dkim[40].code, DKIM_LIMIT);
    assert_int_equal(result->dkim[40].field_index, 40);
    drop(message);
    message_verifier_destroy(b.verifier);
}

static void two_from_fields_are_never_aligned(void **state) {
    (void)state;
    struct bench b;
    set_up(&b, &verifier_policy_default, signer_record(rsa), DNS_FOUND);
    struct span message = replace(signed_message(&rows[0]), "DKIM-Signature", "From: eve@f.example\r\nDKIM-Signature");
    verify_in_pieces(b.verifier, message, 1000);
    const struct message_result *result = message_verifier_result(b.verifier);
    assert_int_equal(result->dkim[0].code, DKIM_OK);
    assert_false(result->dkim[0].aligned);
    assert_int_equal(result->from_fields, 2);
    drop(message);
    message_verifier_destroy(b.verifier);
}

/* ---- answers at their own time ---- */

static unsigned done_calls;
static void count_done(void *owner) { done_calls++, (void)owner; }

static void feed(struct message_verifier *verifier, struct span message, enum verifier_progress want_at_end) {
    done_calls = 0;
    message_verifier_begin(verifier, count_done, NULL);
    assert_int_equal(message_verifier_update(verifier, message), VERIFIER_MORE);
    assert_int_equal(message_verifier_end(verifier), want_at_end);
}

static void a_late_key_calls_done_once(void **state) {
    (void)state;
    struct bench b;
    set_up(&b, &verifier_policy_default, signer_record(rsa), DNS_FOUND);
    b.keys.answers = FAKE_LATE;
    struct span message = signed_message(&rows[0]);
    feed(b.verifier, message, VERIFIER_MORE);
    assert_int_equal(done_calls, 0);
    fake_keys_answer(&b.keys);
    assert_int_equal(done_calls, 1);
    assert_int_equal(message_verifier_result(b.verifier)->dkim[0].code, DKIM_OK);
    drop(message);
    message_verifier_destroy(b.verifier);
}

static void the_lookup_leaves_when_the_header_section_ends(void **state) {
    (void)state;
    struct bench b;
    set_up(&b, &verifier_policy_default, signer_record(rsa), DNS_FOUND);
    b.keys.answers = FAKE_LATE;
    struct span message = signed_message(&rows[0]);
    size_t head = (size_t)((const char *)memmem(message.ptr, message.len, "\r\n\r\n", 4) - message.ptr) + 4;
    done_calls = 0;
    message_verifier_begin(b.verifier, count_done, NULL);
    message_verifier_update(b.verifier, span_first(message, head - 1));
    assert_int_equal(b.keys.lookups, 0);
    message_verifier_update(b.verifier, span_first(span_after(message, head - 1), 1));
    assert_int_equal(b.keys.lookups, 1);
    fake_keys_answer(&b.keys); /* before the end of the message: nobody is called */
    message_verifier_update(b.verifier, span_after(message, head));
    assert_int_equal(message_verifier_end(b.verifier), VERIFIER_DONE);
    assert_int_equal(done_calls, 0);
    assert_int_equal(message_verifier_result(b.verifier)->dkim[0].code, DKIM_OK);
    drop(message);
    message_verifier_destroy(b.verifier);
}

static void a_key_that_never_comes_costs_the_budget_and_is_cancelled(void **state) {
    (void)state;
    struct bench b;
    set_up(&b, &verifier_policy_default, signer_record(rsa), DNS_FOUND);
    b.keys.answers = FAKE_LATE;
    struct span message = signed_message(&rows[0]);
    feed(b.verifier, message, VERIFIER_MORE);
    message_verifier_expire(b.verifier);
    assert_int_equal(message_verifier_result(b.verifier)->dkim[0].code, DKIM_DNS_TIMEOUT);
    assert_int_equal(message_verifier_result(b.verifier)->dkim[0].body_part, PART_INTACT);
    assert_int_equal(b.keys.cancels, 1);
    feed(b.verifier, message, VERIFIER_MORE); /* begun anew, then destroyed, while a key is under way */
    feed(b.verifier, message, VERIFIER_MORE);
    assert_int_equal(b.keys.cancels, 2);
    message_verifier_destroy(b.verifier);
    assert_int_equal(b.keys.cancels, 3);
    assert_true(list_is_empty(&b.keys.waiting));
    assert_int_equal(done_calls, 0);
    drop(message);
}

static void a_source_without_memory_costs_a_temperror(void **state) {
    (void)state;
    struct bench b;
    set_up(&b, &verifier_policy_default, signer_record(rsa), DNS_FOUND);
    b.keys.answers = FAKE_NO_MEMORY;
    struct span message = signed_message(&rows[0]);
    feed(b.verifier, message, VERIFIER_DONE);
    assert_int_equal(message_verifier_result(b.verifier)->dkim[0].result, RESULT_TEMPERROR);
    assert_int_equal(message_verifier_result(b.verifier)->dkim[0].code, DKIM_NO_MEMORY);
    drop(message);
    message_verifier_destroy(b.verifier);
}

static void unsigned_empty_and_oversize_messages(void **state) {
    (void)state;
    struct bench b;
    set_up(&b, &verifier_policy_default, signer_record(rsa), DNS_FOUND);
    feed(b.verifier, span_of("From: a@b.example\r\n\r\nhi\r\n"), VERIFIER_DONE);
    assert_int_equal(message_verifier_result(b.verifier)->dkim_count, 0);
    assert_true(span_is(message_verifier_result(b.verifier)->from_domain, "b.example"));
    feed(b.verifier, span_of(""), VERIFIER_DONE);
    assert_int_equal(message_verifier_result(b.verifier)->dkim_count, 0);
    feed(b.verifier, span_of("Subject: no body, no line end"), VERIFIER_DONE);
    assert_int_equal(message_verifier_header(b.verifier)->count, 1);
    message_verifier_destroy(b.verifier);

    struct verifier_policy policy = verifier_policy_default;
    policy.header.section_max = 1000;
    set_up(&b, &policy, NULL, DNS_NXDOMAIN);
    char large[2000];
    memset(large, 'x', sizeof large);
    message_verifier_begin(b.verifier, NULL, NULL);
    assert_int_equal(message_verifier_update(b.verifier, (struct span){large, sizeof large}), VERIFIER_REFUSED);
    assert_int_equal(message_verifier_header_status(b.verifier), HEADER_SECTION_TOO_LARGE);
    assert_int_equal(message_verifier_end(b.verifier), VERIFIER_REFUSED);
    message_verifier_destroy(b.verifier);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_gets_its_verdict_however_it_is_cut),
        cmocka_unit_test(every_split_in_two_is_the_same),
        cmocka_unit_test(key_facts_are_reported),
        cmocka_unit_test(strict_identity_service_and_hash_of_the_key_count),
        cmocka_unit_test(of_several_records_one_that_verifies_is_enough),
        cmocka_unit_test(unsigned_octets_may_pass_by_choice),
        cmocka_unit_test(times_are_judged_as_the_message_was_received),
        cmocka_unit_test(junk_above_does_not_hide_the_aligned_signature),
        cmocka_unit_test(two_from_fields_are_never_aligned),
        cmocka_unit_test(a_late_key_calls_done_once),
        cmocka_unit_test(the_lookup_leaves_when_the_header_section_ends),
        cmocka_unit_test(a_key_that_never_comes_costs_the_budget_and_is_cancelled),
        cmocka_unit_test(a_source_without_memory_costs_a_temperror),
        cmocka_unit_test(unsigned_empty_and_oversize_messages),
    };
    return cmocka_run_group_tests(tests, make_signers, destroy_signers);
}
