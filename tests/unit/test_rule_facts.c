/* Rules over one message whose facts are all known: each fact and operator has rows in which it holds and in which it
 * does not, and a missing one fails the test. What is absent; sets. */
#include "rules/rule_facts.h" /* first, so the header is proved to stand alone */
#include <unistd.h>
#include "tests/unit/rule_message.h"

/* How a condition comes out: by the event that its rule leaves. */
static enum rule_truth judge(const char *condition, bool wants_trace, const struct rule_input *input) {
    char text[4096];
    snprintf(text, sizeof text, "rule \"r\" { when %s\n then log \"yes\" }", condition);
    struct rule_set *set = compile(text);
    struct rule_scratch *scratch = rule_scratch_create(wants_trace);
    struct rule_outcome outcome;
    assert_true(rule_set_evaluate(set, input, scratch, &outcome));
    enum rule_truth truth = outcome.event_count == 0                  ? RULE_FALSE
                            : outcome.event[0].kind == RULE_EVENT_HIT ? RULE_TRUE
                                                                      : RULE_UNKNOWN;
    if (wants_trace) assert_true(outcome.trace_count > 0 && outcome.trace[outcome.trace_count - 1].truth == truth);
    rule_scratch_destroy(scratch);
    rule_set_destroy(set);
    return truth;
}

/* --- facts and operators ------------------------------------------------------------------------------------------ */

/* Conditions that hold, and conditions that do not. */
/* clang-format off */
static const char *const holding[] = {
    "dkim.result == pass", "dkim.pass", "not dkim.all_pass", "not dkim.aligned", "dkim.signatures == 2", "dkim.key_lookups <= 2",
    "signature.result == fail", "all signature.result in { pass fail }", "signature.code == body_hash_mismatch",
    "signature.cause == body_other", "signature.detail == \"bh=\"", "signature.domain == \"B\xc3\xbc" "cher.EXAMPLE.\"",
    "signature.domain == from.domain", "signature.selector in { \"s1\" \"s9\" }", "signature.auid == \"alice@xn--bcher-kva.example\"",
    "signature.auid == \"@example.org\"", "signature.algorithm starts \"rsa-\"", "signature.canonicalization == \"relaxed/simple\"",
    "signature.key_type == ed25519", "signature.key_bits < 2048 bits", "all signature.key_bits >= 256 bits", "any signature.weak",
    "signature.testing", "signature.dnssec == secure", "signature.cname within \"provider.example\"", "signature.records == 2",
    "signature.aligned", "signature.body_part == changed", "all signature.header_part == intact", "signature.unsigned_octets > 0",
    "signature.unsigned_octets == 17 octets", "signature.body_octets == 2 KiB", "signature.age == 100000 s", "signature.age > 1 d",
    "signature.expires_in == 1 h", "signature.position == 2", "signature.repeats > 10",
    "any signature { signature.result == pass and signature.domain == \"example.org\" and signature.weak }",
    "all signature { signature.result == pass or signature.aligned }",
    "any signature { not signature.testing and signature.domain == from.domain }",
    "any signature { signature.position == dkim.signatures }",
    "arc.result == pass", "arc.code == ok", "arc.sets == 3", "arc.failed_set == 2", "arc.oldest_pass == 2",
    "arc.sealer within \"example.org\"", "arc.trusted", "arc.was_failed", "arc.dnssec == bogus",
    "spf.result == softfail", "spf.result in { fail softfail }", "spf.result != pass", "spf.code == matched", "spf.scope == mfrom",
    "spf.identity == \"bounce@example.org\"", "spf.domain == \"example.org\"", "spf.mechanism == \"~all\"", "spf.lookups >= 4",
    "spf.void_lookups == 1", "spf.dnssec == secure", "spf.helo.result == neutral", "spf.mail_from.result == softfail",
    "spf.result == spf.mail_from.result",
    "dmarc.result == fail", "dmarc.code == not_aligned", "dmarc.policy == reject", "dmarc.disposition == quarantine",
    "dmarc.domain == from.domain", "dmarc.organizational_domain == from.domain", "dmarc.policy_domain == from.domain", "dmarc.testing",
    "dmarc.dkim_aligned", "dmarc.spf_aligned", "dmarc.strict_dkim", "dmarc.strict_spf == true", "dmarc.dnssec == insecure",
    "iprev.result == pass", "iprev.name == \"mail.example.org\"", "iprev.name == client.helo",
    "from.domain matches /^xn--/", "from.domain ends \".EXAMPLE\"", "from.domain contains \"bcher\"", "from.address == \"ALICE@b\xc3\xbc" "cher.example\"",
    "from.fields == 1", "from.addresses == 1",
    "mail_from.address == \"bounce@EXAMPLE.org\"", "mail_from.domain == \"example.org\"", "mail_from.null == false", "not mail_from.null",
    "recipient.address == \"bob@example.net\"", "recipient.domain within \"example.com\"", "all recipient.domain within { \"example.net\" \"example.com\" }",
    "recipient.local_part == \"Bob\"", "recipient.named", "not all recipient.named", "recipients == 2",
    "any recipient { recipient.local_part == \"dave\" and not recipient.named }",
    "client.address in 192.0.2.0/24", "client.address in { 10.0.0.0/8 192.0.2.7 }", "client.address == 192.0.2.7",
    "client.address != 2001:db8::1", "not client.address in { ::1 2001:db8::/32 }", "client.helo == \"mail.example.org\"",
    "client.helo_text == \"MAIL.example.org\"", "client.helo_text == \"mail.EXAMPLE.org\" nocase", "client.tls", "client.tls_version == \"TLSv1.3\"",
    "client.tls_cipher contains \"GCM\"", "listener.name == \"edge\"", "listener.protocol == lmtp",
    "message.size == 5000 octets", "message.size < 1 MiB", "header.size > 100 octets", "header.fields == 9", "finding.name == \"T-p2\"",
    "domain.first_seen < 7 d", "domain.first_seen == 72 h", "domain.volume == 77", "not override.active", "override.active == false",
    "header[\"Subject\"] contains \"prize\"", "header[\"subject\"] ends \"PRIZE\" nocase", "header.decoded[\"Subject\"] == \"Win a prize\"",
    "header[\"X-Folded\"] == \"one\ttwo\"", "header[\"X-Folded\"] matches /one\\s+two$/", "header[\"X-Twice\"] == \"second\"",
    "all header[\"X-Twice\"] matches /^(first|second)$/", "all header[\"X-Twice\"] != \"third\"", "count header[\"X-Twice\"] == 2",
    "count header[\"X-None\"] == 0", "count signature.detail == 1", "exists header[\"List-Id\"]", "exists header[\"X-Empty\"]",
    "header[\"X-Empty\"] == \"\"", "header[\"X-Twice\"] in { \"a\" \"SECOND\" } nocase", "not exists header[\"X-None\"]",
    "exists arc.failed_set", "header[\"X-Twice\"] == header[\"x-twice\"]", "header[\"To\"] contains \"carol@\"",
    "dkim.pass and arc.trusted and spf.result == softfail", "dkim.aligned or dkim.all_pass or arc.trusted",
    "(dkim.aligned or dkim.pass) and (spf.result == pass or arc.trusted)", "not (dkim.aligned and dkim.pass)", "not not dkim.pass",
    "recipients >= 2", "recipients > 1", "recipients < 3", "recipients <= 2", "recipients != 3",
};

static const char *const failing[] = {
    "dkim.result == fail", "dkim.all_pass", "dkim.aligned", "dkim.signatures != 2", "dkim.key_lookups > 2", "not dkim.pass",
    "signature.result == temperror", "all signature.result == pass", "signature.code == key_revoked", "signature.cause == limit",
    "signature.detail contains \"d=\"", "signature.domain in { \"example.com\" \"org\" }", "signature.selector == \"S1\"",
    "signature.auid contains \"carol\"", "signature.algorithm ends \"sha1\"", "signature.canonicalization == \"simple/relaxed\"",
    "signature.key_type == unknown", "signature.key_bits > 2048 bits", "all signature.weak", "all signature.testing", "signature.dnssec == bogus",
    "signature.cname within \"hop.example\"", "signature.records > 2", "all signature.aligned", "all signature.body_part == changed",
    "signature.header_part == changed", "signature.unsigned_octets > 1 KiB", "signature.body_octets > 1 MiB", "signature.age < 1 d",
    "signature.expires_in < 0", "signature.position == 0", "signature.repeats < 10",
    "any signature { signature.result == pass and signature.aligned }", "all signature { signature.result == pass }",
    "arc.result == fail", "arc.code == seal", "arc.sets > 3", "arc.failed_set != 2", "arc.oldest_pass == 0", "arc.sealer == \"example.org\"",
    "not arc.trusted", "not arc.was_failed", "arc.dnssec == secure",
    "spf.result == pass", "spf.code == no_record", "spf.scope == helo", "spf.identity == \"x\"", "spf.domain within \"example.com\"",
    "spf.mechanism == \"-all\"", "spf.lookups > 4", "spf.void_lookups > 1", "spf.dnssec == bogus", "spf.helo.result == pass",
    "spf.mail_from.result == neutral", "spf.result == spf.helo.result",
    "dmarc.result == pass", "dmarc.code == aligned", "dmarc.policy == none", "dmarc.disposition == reject", "dmarc.domain == \"example\"",
    "dmarc.organizational_domain == \"example.org\"", "dmarc.policy_domain == \"example.org\"", "not dmarc.testing", "not dmarc.dkim_aligned",
    "not dmarc.spf_aligned", "dmarc.strict_dkim == false", "not dmarc.strict_spf", "dmarc.dnssec in { secure bogus }",
    "iprev.result == fail", "iprev.name == \"example.org\"",
    "from.domain within \"cher.example\"", "from.address contains \"carol\"", "from.fields > 1", "from.addresses != 1",
    "mail_from.address == \"bounce@example.com\"", "mail_from.domain within \"sub.example.org\"", "mail_from.null",
    "recipient.address == \"carol@example.net\"", "all recipient.domain within \"example.net\"", "recipient.local_part == \"bob\"",
    "all recipient.named", "recipients == 1", "recipients <= 1", "recipients >= 3",
    "client.address in 10.0.0.0/8", "client.address in ::/0", "client.helo == \"example.org\"", "client.helo_text == \"mail.example.org\"",
    "not client.tls", "client.tls_version == \"TLSv1.2\"", "client.tls_cipher contains \"RC4\"", "listener.name == \"Edge\"", "listener.protocol == smtp",
    "message.size > 5000 octets", "header.size > 1 MiB", "header.fields < 9", "finding.name == \"T-p3\"", "domain.first_seen > 7 d",
    "domain.volume > 77", "override.active",
    "header[\"Subject\"] contains \"Prize\"", "header.decoded[\"Subject\"] starts \"=?\"", "header[\"X-None\"] matches /a|b/", "all header[\"X-None\"] == \"\"",
    "header[\"X-Twice\"] == \"third\"", "count header[\"X-Twice\"] > 2", "exists header[\"X-None\"]", "header[\"Subject\"] == header[\"X-None\"]",
    "header[\"X-Twice\"] in { \"SECOND\" }", "header[\"X-Folded\"] == \"one\"",
};

/* clang-format on */

static void every_condition_comes_out_as_wanted(void **state) {
    (void)state;
    struct rule_input input = input_of_message();
    for (size_t i = 0; i < sizeof holding / sizeof *holding; i++)
        for (int trace = 0; trace < 2; trace++)
            if (judge(holding[i], trace, &input) != RULE_TRUE) fail_msg("does not hold: %s", holding[i]);
    for (size_t i = 0; i < sizeof failing / sizeof *failing; i++)
        for (int trace = 0; trace < 2; trace++)
            if (judge(failing[i], trace, &input) != RULE_FALSE) fail_msg("holds: %s", failing[i]);
    printf("%zu conditions that hold, %zu that do not\n", sizeof holding / sizeof *holding,
           sizeof failing / sizeof *failing);
}

/* word as a whole word of a row. */
static bool stands_in(const char *const *rows, size_t count, const char *word) {
    char padded[300], want[64];
    snprintf(want, sizeof want, " %s ", word);
    for (size_t i = 0; i < count; i++) {
        snprintf(padded, sizeof padded, " %s ", rows[i]);
        for (char *c = padded; *c != '\0'; c++)
            if (*c == '(' || *c == ')') *c = ' ';
        if (holds(span_of(padded), want)) return true;
    }
    return false;
}

static void every_fact_and_operator_has_rows(void **state) {
    static const char *const operators[] = {
#define OPERATOR(id, word, types, help) word,
#include "rules/operators.def"
#undef OPERATOR
    };
    (void)state;
    for (size_t i = 0; i < FACT_COUNT; i++) {
        if (!stands_in(holding, sizeof holding / sizeof *holding, rule_facts[i].name))
            fail_msg("no row in which %s holds", rule_facts[i].name);
        if (!stands_in(failing, sizeof failing / sizeof *failing, rule_facts[i].name))
            fail_msg("no row in which %s fails", rule_facts[i].name);
    }
    for (size_t i = 1; i < sizeof operators / sizeof *operators; i++)
        if (!stands_in(holding, sizeof holding / sizeof *holding, operators[i]) ||
            !stands_in(failing, sizeof failing / sizeof *failing, operators[i]))
            fail_msg("no rows for %s", operators[i]);
    printf("%d facts, %zu operators\n", FACT_COUNT, sizeof operators / sizeof *operators);
}

/* What nobody knows is absent: no comparison with it holds, and exists says so. */
static void every_fact_may_be_absent(void **state) {
    (void)state;
    static const struct message_result nothing = {0};
    struct rule_input input = {.result = &nothing, .header = &section};
    char condition[128];
    size_t absent = 0;
    for (size_t i = 0; i < FACT_COUNT; i++) {
        snprintf(condition, sizeof condition, "exists %s", rule_facts[i].name);
        absent += judge(condition, false, &input) == RULE_FALSE;
        if (rule_facts[i].scope != RULE_SCOPE_MESSAGE) continue;
        bool exists = judge(condition, false, &input) == RULE_TRUE;
        snprintf(condition, sizeof condition, "%s != %s", rule_facts[i].name, rule_facts[i].name);
        if (judge(condition, false, &input) != RULE_FALSE) fail_msg("%s differs from itself", rule_facts[i].name);
        snprintf(condition, sizeof condition, "%s == %s", rule_facts[i].name, rule_facts[i].name);
        if ((judge(condition, false, &input) == RULE_TRUE) != exists) fail_msg("%s", rule_facts[i].name);
    }
    assert_int_equal(judge("dkim.result == none and not dkim.pass and not dkim.all_pass", false, &input), RULE_TRUE);
    assert_int_equal(judge("all signature { signature.result == pass }", false, &input), RULE_FALSE);
    assert_true(absent > FACT_COUNT / 2);
    printf("%zu of %d facts are absent from an empty message\n", absent, FACT_COUNT);
}

/* --- sets --------------------------------------------------------------------------------------------------------- */

static void sets_hold_what_they_say(void **state) {
    static const char *const conditions[] = {
        "signature.domain in domains", "from.domain in domains",       "iprev.name in domains",
        "spf.domain within domains",   "client.address in nets",       "recipient.address in people",
        "mail_from.address in people", "header[\"X-Twice\"] in words", "signature.domain in filed",
        "iprev.name in filed",         "iprev.name within filed"};
    static const bool want[] = {true, false, true, true, true, true, true, true, true, false, true};
    char path[] = "/tmp/sceau-test-list.XXXXXX", text[1024];
    (void)state;
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "# a list\nexample.org\n", 21), 21);
    close(fd);
    struct rule_input input = input_of_message();
    struct rule_scratch *scratch = rule_scratch_create(false);
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        snprintf(text, sizeof text,
                 "set domains of domains { \"example.org\", \".Example.org\" }\nset nets of networks { 10.0.0.0/8 "
                 "192.0.2.0/24 }\n"
                 "set people of mailboxes { \"BOB@example.net\" \"@example.org\" }\nset words of texts { \"third\" "
                 "\"Second\" }\n"
                 "set filed of domains from \"%s\"\nrule \"r\" { when %s then reject }",
                 path, conditions[i]);
        struct rule_set *set = compile(text);
        struct rule_outcome outcome;
        assert_true(rule_set_evaluate(set, &input, scratch, &outcome));
        if ((outcome.event_count == 1) != want[i]) fail_msg("%s", conditions[i]);
        rule_set_destroy(set);
    }
    rule_scratch_destroy(scratch);
    unlink(path);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_condition_comes_out_as_wanted),
        cmocka_unit_test(every_fact_and_operator_has_rows),
        cmocka_unit_test(every_fact_may_be_absent),
        cmocka_unit_test(sets_hold_what_they_say),
    };
    return cmocka_run_group_tests(tests, read_header, release_header);
}
