/* Rules over one message whose facts are all known: each fact, operator and action has its rows, and a missing one
 * fails the test. Order, default, shadow, errors, and that waiting for literals changes nothing. */
#include "rules/rule_set.h" /* first, so the header is proved to stand alone */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include "base/bytes.h"
#include "rules/rule_facts.h"
#include "rules/rule_input.h"
#include "tests/support/exact.h"
#include "verifier/finding.h"
#include "verifier/header_section.h"
#include "verifier/result.h"

/* --- the message -------------------------------------------------------------------------------------------------- */

static const char header_text[] = "Received: from a by b\r\n"
                                  "From: Alice <Alice@B\xc3\xbc"
                                  "cher.example>\r\n"
                                  "To: bob@example.net,\r\n carol@example.net\r\n"
                                  "Subject: =?utf-8?q?Win=20a?= prize\r\n"
                                  "X-Folded: one\r\n\ttwo  \r\n"
                                  "X-Twice: first\r\n"
                                  "x-twice: second\r\n"
                                  "X-Empty:\r\n"
                                  "List-Id: <list.example.org>\r\n\r\n";

#define S(text)                                                                                                        \
    { text, sizeof(text) - 1 }
static const struct dkim_result signatures[] = {
    {.result = RESULT_PASS,
     .code = DKIM_OK,
     .domain = S("example.org"),
     .domain_ascii = S("example.org"),
     .selector = S("s1"),
     .auid = S("@example.org"),
     .algorithm = S("rsa-sha256"),
     .canonicalization = S("relaxed/simple"),
     .signature = S("AAAA"),
     .body_part = PART_INTACT,
     .header_part = PART_INTACT,
     .key_algorithm = KEY_RSA,
     .key_bits = 1024,
     .has_key_answer = true,
     .dnssec = DNSSEC_SECURE,
     .cname = {S("hop.example"), S("Sel1.Dkim.Provider.Example")},
     .cname_count = 2,
     .records_tried = 1,
     .testing = true,
     .weak = true,
     .has_unsigned_octets = true,
     .unsigned_octets = 17,
     .body_octets = 2048,
     .has_timestamp = true,
     .timestamp_s = 900000,
     .has_expiration = true,
     .expiration_s = 1003600},
    {.result = RESULT_FAIL,
     .code = DKIM_BODY_HASH_MISMATCH,
     .domain = S("xn--bcher-kva.example"),
     .domain_ascii = S("xn--bcher-kva.example"),
     .selector = S("s2"),
     .auid = S("Alice@B\xc3\xbc"
               "cher.example"),
     .algorithm = S("ed25519-sha256"),
     .canonicalization = S("simple/simple"),
     .signature = S("BBBB"),
     .detail = S("bh="),
     .body_part = PART_CHANGED,
     .header_part = PART_INTACT,
     .key_algorithm = KEY_ED25519,
     .key_bits = 256,
     .has_key_answer = true,
     .dnssec = DNSSEC_INSECURE,
     .records_tried = 2,
     .aligned = true,
     .body_octets = 100},
};

static const struct message_result result = {
    .dkim_count = 2,
    .dkim = signatures,
    .from_domain = S("xn--bcher-kva.example"),
    .from_fields = 1,
    .from_addresses = 1,
    .size = 5000,
    .key_lookups = 2,
    .arc = {.is_evaluated = true,
            .result = RESULT_PASS,
            .code = ARC_OK,
            .sets = 3,
            .failed_set = 2,
            .has_oldest_pass = true,
            .oldest_pass = 2,
            .was_failed = true,
            .sealer = S("list.example.org"),
            .is_trusted = true,
            .dnssec = DNSSEC_BOGUS,
            .has_key_answer = true},
    .spf = {[SPF_HELO] = {.is_evaluated = true, .scope = SPF_HELO, .result = RESULT_NEUTRAL, .code = SPF_NO_MATCH},
            [SPF_MAIL_FROM] = {.is_evaluated = true,
                               .scope = SPF_MAIL_FROM,
                               .result = RESULT_SOFTFAIL,
                               .code = SPF_MATCHED,
                               .identity = S("bounce@example.org"),
                               .domain = S("example.org"),
                               .mechanism = S("~all"),
                               .lookups = 4,
                               .void_lookups = 1,
                               .dnssec = DNSSEC_SECURE}},
    .dmarc = {.is_evaluated = true,
              .result = RESULT_FAIL,
              .code = DMARC_NOT_ALIGNED,
              .domain = S("xn--bcher-kva.example"),
              .organizational_domain = S("xn--bcher-kva.example"),
              .policy_domain = S("xn--bcher-kva.example"),
              .policy = DMARC_POLICY_REJECT,
              .disposition = DMARC_POLICY_QUARANTINE,
              .testing = true,
              .dkim_aligned = true,
              .spf_aligned = true,
              .strict_dkim = true,
              .strict_spf = true,
              .dnssec = DNSSEC_INSECURE},
    .iprev = {.is_evaluated = true, .result = RESULT_PASS, .address = S("192.0.2.7"), .name = S("Mail.Example.org")},
};

static const struct span recipients[] = {S("Bob@example.net"), S("dave@Sub.example.com")};
static const struct finding_list findings = {.count = 1, .finding = {{.id = FINDING_REVOKED}}};

static bool repeats(void *owner, struct span signature, uint64_t *count) {
    (void)owner;
    *count = 12;
    return span_is(signature, "AAAA");
}
static bool first_seen(void *owner, struct span domain, int64_t *age_s) {
    (void)owner;
    *age_s = 3 * 86400;
    return span_is(domain, "xn--bcher-kva.example");
}
static bool volume(void *owner, struct span domain, uint64_t *messages) {
    (void)owner, (void)domain;
    *messages = 77;
    return true;
}
static const struct rule_memory memory = {.repeats = repeats, .first_seen = first_seen, .volume = volume};

static struct header_section section;

static struct rule_input input_of_message(void) {
    return (struct rule_input){.result = &result,
                               .header = &section,
                               .findings = &findings,
                               .now_s = 1000000,
                               .has_client = true,
                               .client = {192, 0, 2, 7},
                               .client_is_v4 = true,
                               .helo = S("MAIL.example.org"),
                               .has_envelope = true,
                               .mail_from = S("Bounce@example.org"),
                               .recipients = recipients,
                               .recipient_count = 2,
                               .has_tls = true,
                               .tls_version = S("TLSv1.3"),
                               .tls_cipher = S("TLS_AES_256_GCM_SHA384"),
                               .listener = S("edge"),
                               .protocol = RULE_PROTOCOL_LMTP,
                               .memory = &memory};
}

static int read_header(void **state) {
    (void)state;
    size_t taken;
    header_section_init(&section, header_limits_default);
    return header_section_update(&section, (struct span){header_text, sizeof header_text - 1}, &taken) ==
                   HEADER_COMPLETE
               ? 0
               : 1;
}

static int release_header(void **state) {
    (void)state;
    header_section_release(&section);
    return 0;
}

/* --- compile and run ---------------------------------------------------------------------------------------------- */

static struct rule_set *compile_with(const char *text, struct rule_options options) {
    struct rule_errors errors = {0};
    struct rule_set *set;
    struct span exact = exact_copy(span_of(text));
    struct rule_source source = {span_of("test.rules"), exact};
    enum rule_set_status status = rule_set_compile(&source, 1, &options, &errors, &set);
    if (status != RULE_SET_OK)
        fail_msg("%s: %s %u:%u %.*s (%.*s)", text, rule_set_status_text(status), errors.error[0].line,
                 errors.error[0].column, (int)errors.error[0].message.len, errors.error[0].message.ptr,
                 (int)errors.error[0].hint.len, errors.error[0].hint.ptr);
    exact_free(exact);
    rule_errors_release(&errors);
    return set;
}
static struct rule_set *compile(const char *text) {
    return compile_with(text, (struct rule_options){.arm_discard = true});
}

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
static const char *const holding[] = {
    "dkim.result == pass",
    "dkim.pass",
    "not dkim.all_pass",
    "not dkim.aligned",
    "dkim.signatures == 2",
    "dkim.key_lookups <= 2",
    "signature.result == fail",
    "all signature.result in { pass fail }",
    "signature.code == body_hash_mismatch",
    "signature.cause == body_other",
    "signature.detail == \"bh=\"",
    "signature.domain == \"B\xc3\xbc"
    "cher.EXAMPLE.\"",
    "signature.domain == from.domain",
    "signature.selector in { \"s1\" \"s9\" }",
    "signature.auid == \"alice@xn--bcher-kva.example\"",
    "signature.auid == \"@example.org\"",
    "signature.algorithm starts \"rsa-\"",
    "signature.canonicalization == \"relaxed/simple\"",
    "signature.key_type == ed25519",
    "signature.key_bits < 2048 bits",
    "all signature.key_bits >= 256 bits",
    "any signature.weak",
    "signature.testing",
    "signature.dnssec == secure",
    "signature.cname within \"provider.example\"",
    "signature.records == 2",
    "signature.aligned",
    "signature.body_part == changed",
    "all signature.header_part == intact",
    "signature.unsigned_octets > 0",
    "signature.unsigned_octets == 17 octets",
    "signature.body_octets == 2 KiB",
    "signature.age == 100000 s",
    "signature.age > 1 d",
    "signature.expires_in == 1 h",
    "signature.position == 2",
    "signature.repeats > 10",
    "any signature { signature.result == pass and signature.domain == \"example.org\" and signature.weak }",
    "all signature { signature.result == pass or signature.aligned }",
    "any signature { not signature.testing and signature.domain == from.domain }",
    "any signature { signature.position == dkim.signatures }",
    "arc.result == pass",
    "arc.code == ok",
    "arc.sets == 3",
    "arc.failed_set == 2",
    "arc.oldest_pass == 2",
    "arc.sealer within \"example.org\"",
    "arc.trusted",
    "arc.was_failed",
    "arc.dnssec == bogus",
    "spf.result == softfail",
    "spf.result in { fail softfail }",
    "spf.result != pass",
    "spf.code == matched",
    "spf.scope == mfrom",
    "spf.identity == \"bounce@example.org\"",
    "spf.domain == \"example.org\"",
    "spf.mechanism == \"~all\"",
    "spf.lookups >= 4",
    "spf.void_lookups == 1",
    "spf.dnssec == secure",
    "spf.helo.result == neutral",
    "spf.mail_from.result == softfail",
    "spf.result == spf.mail_from.result",
    "dmarc.result == fail",
    "dmarc.code == not_aligned",
    "dmarc.policy == reject",
    "dmarc.disposition == quarantine",
    "dmarc.domain == from.domain",
    "dmarc.organizational_domain == from.domain",
    "dmarc.policy_domain == from.domain",
    "dmarc.testing",
    "dmarc.dkim_aligned",
    "dmarc.spf_aligned",
    "dmarc.strict_dkim",
    "dmarc.strict_spf == true",
    "dmarc.dnssec == insecure",
    "iprev.result == pass",
    "iprev.name == \"mail.example.org\"",
    "iprev.name == client.helo",
    "from.domain matches /^xn--/",
    "from.domain ends \".EXAMPLE\"",
    "from.domain contains \"bcher\"",
    "from.address == \"ALICE@b\xc3\xbc"
    "cher.example\"",
    "from.fields == 1",
    "from.addresses == 1",
    "mail_from.address == \"bounce@EXAMPLE.org\"",
    "mail_from.domain == \"example.org\"",
    "mail_from.null == false",
    "not mail_from.null",
    "recipient.address == \"bob@example.net\"",
    "recipient.domain within \"example.com\"",
    "all recipient.domain within { \"example.net\" \"example.com\" }",
    "recipient.local_part == \"Bob\"",
    "recipient.named",
    "not all recipient.named",
    "recipients == 2",
    "any recipient { recipient.local_part == \"dave\" and not recipient.named }",
    "client.address in 192.0.2.0/24",
    "client.address in { 10.0.0.0/8 192.0.2.7 }",
    "client.address == 192.0.2.7",
    "client.address != 2001:db8::1",
    "not client.address in { ::1 2001:db8::/32 }",
    "client.helo == \"mail.example.org\"",
    "client.helo_text == \"MAIL.example.org\"",
    "client.helo_text == \"mail.EXAMPLE.org\" nocase",
    "client.tls",
    "client.tls_version == \"TLSv1.3\"",
    "client.tls_cipher contains \"GCM\"",
    "listener.name == \"edge\"",
    "listener.protocol == lmtp",
    "message.size == 5000 octets",
    "message.size < 1 MiB",
    "header.size > 100 octets",
    "header.fields == 9",
    "finding.name == \"T-p2\"",
    "domain.first_seen < 7 d",
    "domain.first_seen == 72 h",
    "domain.volume == 77",
    "not override.active",
    "override.active == false",
    "header[\"Subject\"] contains \"prize\"",
    "header[\"subject\"] ends \"PRIZE\" nocase",
    "header.decoded[\"Subject\"] == \"Win a prize\"",
    "header[\"X-Folded\"] == \"one\ttwo\"",
    "header[\"X-Folded\"] matches /one\\s+two$/",
    "header[\"X-Twice\"] == \"second\"",
    "all header[\"X-Twice\"] matches /^(first|second)$/",
    "all header[\"X-Twice\"] != \"third\"",
    "count header[\"X-Twice\"] == 2",
    "count header[\"X-None\"] == 0",
    "count signature.detail == 1",
    "exists header[\"List-Id\"]",
    "exists header[\"X-Empty\"]",
    "header[\"X-Empty\"] == \"\"",
    "header[\"X-Twice\"] in { \"a\" \"SECOND\" } nocase",
    "not exists header[\"X-None\"]",
    "exists arc.failed_set",
    "header[\"X-Twice\"] == header[\"x-twice\"]",
    "header[\"To\"] contains \"carol@\"",
    "dkim.pass and arc.trusted and spf.result == softfail",
    "dkim.aligned or dkim.all_pass or arc.trusted",
    "(dkim.aligned or dkim.pass) and (spf.result == pass or arc.trusted)",
    "not (dkim.aligned and dkim.pass)",
    "not not dkim.pass",
    "recipients >= 2",
    "recipients > 1",
    "recipients < 3",
    "recipients <= 2",
    "recipients != 3",
};

static const char *const failing[] = {
    "dkim.result == fail",
    "dkim.all_pass",
    "dkim.aligned",
    "dkim.signatures != 2",
    "dkim.key_lookups > 2",
    "not dkim.pass",
    "signature.result == temperror",
    "all signature.result == pass",
    "signature.code == key_revoked",
    "signature.cause == limit",
    "signature.detail contains \"d=\"",
    "signature.domain in { \"example.com\" \"org\" }",
    "signature.selector == \"S1\"",
    "signature.auid contains \"carol\"",
    "signature.algorithm ends \"sha1\"",
    "signature.canonicalization == \"simple/relaxed\"",
    "signature.key_type == unknown",
    "signature.key_bits > 2048 bits",
    "all signature.weak",
    "all signature.testing",
    "signature.dnssec == bogus",
    "signature.cname within \"hop.example\"",
    "signature.records > 2",
    "all signature.aligned",
    "all signature.body_part == changed",
    "signature.header_part == changed",
    "signature.unsigned_octets > 1 KiB",
    "signature.body_octets > 1 MiB",
    "signature.age < 1 d",
    "signature.expires_in < 0",
    "signature.position == 0",
    "signature.repeats < 10",
    "any signature { signature.result == pass and signature.aligned }",
    "all signature { signature.result == pass }",
    "arc.result == fail",
    "arc.code == seal",
    "arc.sets > 3",
    "arc.failed_set != 2",
    "arc.oldest_pass == 0",
    "arc.sealer == \"example.org\"",
    "not arc.trusted",
    "not arc.was_failed",
    "arc.dnssec == secure",
    "spf.result == pass",
    "spf.code == no_record",
    "spf.scope == helo",
    "spf.identity == \"x\"",
    "spf.domain within \"example.com\"",
    "spf.mechanism == \"-all\"",
    "spf.lookups > 4",
    "spf.void_lookups > 1",
    "spf.dnssec == bogus",
    "spf.helo.result == pass",
    "spf.mail_from.result == neutral",
    "spf.result == spf.helo.result",
    "dmarc.result == pass",
    "dmarc.code == aligned",
    "dmarc.policy == none",
    "dmarc.disposition == reject",
    "dmarc.domain == \"example\"",
    "dmarc.organizational_domain == \"example.org\"",
    "dmarc.policy_domain == \"example.org\"",
    "not dmarc.testing",
    "not dmarc.dkim_aligned",
    "not dmarc.spf_aligned",
    "dmarc.strict_dkim == false",
    "not dmarc.strict_spf",
    "dmarc.dnssec in { secure bogus }",
    "iprev.result == fail",
    "iprev.name == \"example.org\"",
    "from.domain within \"cher.example\"",
    "from.address contains \"carol\"",
    "from.fields > 1",
    "from.addresses != 1",
    "mail_from.address == \"bounce@example.com\"",
    "mail_from.domain within \"sub.example.org\"",
    "mail_from.null",
    "recipient.address == \"carol@example.net\"",
    "all recipient.domain within \"example.net\"",
    "recipient.local_part == \"bob\"",
    "all recipient.named",
    "recipients == 1",
    "recipients <= 1",
    "recipients >= 3",
    "client.address in 10.0.0.0/8",
    "client.address in ::/0",
    "client.helo == \"example.org\"",
    "client.helo_text == \"mail.example.org\"",
    "not client.tls",
    "client.tls_version == \"TLSv1.2\"",
    "client.tls_cipher contains \"RC4\"",
    "listener.name == \"Edge\"",
    "listener.protocol == smtp",
    "message.size > 5000 octets",
    "header.size > 1 MiB",
    "header.fields < 9",
    "finding.name == \"T-p3\"",
    "domain.first_seen > 7 d",
    "domain.volume > 77",
    "override.active",
    "header[\"Subject\"] contains \"Prize\"",
    "header.decoded[\"Subject\"] starts \"=?\"",
    "header[\"X-None\"] matches /a|b/",
    "all header[\"X-None\"] == \"\"",
    "header[\"X-Twice\"] == \"third\"",
    "count header[\"X-Twice\"] > 2",
    "exists header[\"X-None\"]",
    "header[\"Subject\"] == header[\"X-None\"]",
    "header[\"X-Twice\"] in { \"SECOND\" }",
    "header[\"X-Folded\"] == \"one\"",
};

static bool holds(struct span text, const char *part) {
    size_t len = strlen(part);
    for (size_t i = 0; i + len <= text.len; i++)
        if (memcmp(text.ptr + i, part, len) == 0) return true;
    return len == 0;
}

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

/* --- actions ------------------------------------------------------------------------------------------------------ */

static void expect_span(struct span got, const char *want, const char *row) {
    if (!span_is(got, want)) fail_msg("%s: \"%.*s\", not \"%s\"", row, (int)got.len, got.ptr, want);
}

static const struct {
    const char *rule; /* what stands in the rule's braces */
    enum rule_verdict verdict;
    unsigned code;
    const char *enhanced, *text, *downstream;
} verdicts[] = {
    {"then accept", RULE_ACCEPT, 0, "", "", ""},
    {"then reject", RULE_REJECT, 550, "5.7.1", "Message refused by policy", ""},
    {"then reject 554 5.6.0 \"no\"", RULE_REJECT, 554, "5.6.0", "no", ""},
    {"when not dkim.all_pass then reject \"x\"", RULE_REJECT, 550, "5.7.20", "x", ""}, /* RFC 7372 section 3.1 */
    {"when not dkim.aligned then reject \"x\"", RULE_REJECT, 550, "5.7.22", "x", ""},
    {"when dkim.pass and not dkim.aligned then reject \"x\"", RULE_REJECT, 550, "5.7.22", "x", ""},
    {"when spf.result == softfail then reject \"x\"", RULE_REJECT, 550, "5.7.23", "x", ""}, /* section 3.2 */
    {"when spf.result == softfail then tempfail", RULE_TEMPFAIL, 451, "4.7.24",
     "Message deferred by policy, try again later", ""},
    {"when iprev.result == pass then reject \"x\"", RULE_REJECT, 550, "5.7.25", "x", ""}, /* section 3.3 */
    {"when dkim.pass and spf.result == softfail then reject \"x\"", RULE_REJECT, 550, "5.7.26", "x",
     ""}, /* section 3.4 */
    {"when dmarc.result == fail then reject \"x\"", RULE_REJECT, 550, "5.7.26", "x", ""},
    {"when arc.result == pass then reject \"x\"", RULE_REJECT, 550, "5.7.29", "x", ""}, /* RFC 8617 section 9.6 */
    {"when from.domain within \"example\" then reject \"x\"", RULE_REJECT, 550, "5.7.1", "x", ""},
    {"then tempfail 450 4.7.1 \"{rule}: {recipients} for {recipient.domain} {{}}\"", RULE_TEMPFAIL, 450, "4.7.1",
     "r: 2 for example.net, sub.example.com {}", ""},
    {"then reject \"{header[Subject]} \\\"{header[X-Folded]}\\\" {arc.failed_set}{from.address}\"", RULE_REJECT, 550,
     "5.7.1", "=?utf-8?q?Win=20a?= prize \"one two\" 2alice@xn--bcher-kva.example", ""},
    {"then discard", RULE_DISCARD, 0, "", "", ""},
    {"then quarantine", RULE_QUARANTINE, 0, "", "", ""},
    {"then quarantine \"odd\" to \"junk\"", RULE_QUARANTINE, 0, "", "odd", "junk"},
    {"then stop", RULE_ACCEPT, 0, "", "", ""},
};

static void verdicts_are_as_written(void **state) {
    (void)state;
    struct rule_input input = input_of_message();
    struct rule_scratch *scratch = rule_scratch_create(false);
    for (size_t i = 0; i < sizeof verdicts / sizeof *verdicts; i++) {
        char text[512];
        struct rule_outcome outcome;
        snprintf(text, sizeof text, "arm discard\nrule \"r\" { %s }\nrule \"behind\" { then log \"not reached\" }",
                 verdicts[i].rule);
        struct rule_set *set = compile(text);
        assert_true(rule_set_evaluate(set, &input, scratch, &outcome));
        const struct rule_decision *decision = &outcome.decision;
        if (decision->verdict != verdicts[i].verdict || decision->code != verdicts[i].code || outcome.event_count != 1)
            fail_msg("%s: %s %u, %zu events", verdicts[i].rule, rule_verdict_word(decision->verdict), decision->code,
                     outcome.event_count);
        assert_true(decision->rule == (strcmp(verdicts[i].rule, "then stop") == 0 ? RULE_NONE : 0));
        expect_span(decision->enhanced, verdicts[i].enhanced, verdicts[i].rule);
        expect_span(decision->text, verdicts[i].text, verdicts[i].rule);
        expect_span(decision->downstream, verdicts[i].downstream, verdicts[i].rule);
        rule_set_destroy(set);
    }
    rule_scratch_destroy(scratch);
}

static void edits_are_as_written(void **state) {
    (void)state;
    struct rule_input input = input_of_message();
    struct rule_scratch *scratch = rule_scratch_create(false);
    struct rule_outcome outcome;
    struct rule_set *set = compile(
        "rule \"a\" { then add header[\"X-Note\"] \"{dmarc.result} for {from.domain}\", remove header[\"X-Twice\"],\n"
        "  tag subject \"[{spf.result}]\", redirect to \"postmaster@example.com\", log \"seen {message.size}\" }\n"
        "rule \"b\" { then quarantine \"why\" }");
    assert_true(rule_set_evaluate(set, &input, scratch, &outcome));
    assert_int_equal(outcome.edit_count, 5);
    static const struct {
        enum rule_edit_kind kind;
        const char *name, *value;
    } want[] = {{RULE_ADD_FIELD, "X-Note", "fail for xn--bcher-kva.example"},
                {RULE_REMOVE_FIELD, "X-Twice", ""},
                {RULE_TAG_SUBJECT, "", "[softfail]"},
                {RULE_REDIRECT, "", "postmaster@example.com"},
                {RULE_ADD_FIELD, "X-Sceau-Quarantine", "b; why"}};
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(outcome.edit[i].kind, want[i].kind);
        expect_span(outcome.edit[i].name, want[i].name, "name");
        expect_span(outcome.edit[i].value, want[i].value, "value");
    }
    expect_span(outcome.event[0].log, "seen 5000", "log");
    assert_true(outcome.decision.verdict == RULE_QUARANTINE && outcome.decision.rule == 1);
    rule_set_destroy(set);
    /* More than fit: an error of the rule, counted, and the message goes its way. */
    struct bytes text = bytes_with_cap(1 << 20);
    for (int i = 0; i < 70; i++) bytes_append_format(&text, "rule \"%d\" { then add header[\"X-N\"] \"%d\" }\n", i, i);
    bytes_append_char(&text, '\0');
    set = compile(text.ptr);
    assert_true(rule_set_evaluate(set, &input, scratch, &outcome));
    assert_true(outcome.edit_count == RULE_EDITS_MAX && outcome.event_count == 76 &&
                outcome.decision.verdict == RULE_ACCEPT);
    rule_set_destroy(set);
    bytes_release(&text);
    rule_scratch_destroy(scratch);
}

/* Octets from outside stay on one line of printable ASCII. */
static void texts_carry_nothing_else_than_text(void **state) {
    (void)state;
    static const char hostile[] = "Subject: a\x01\x7f\xff\xc3\xa9\x1b[31m\r\n\tX-Evil: yes\r\n\r\n";
    struct header_section odd;
    size_t taken;
    header_section_init(&odd, header_limits_default);
    assert_int_equal(header_section_update(&odd, (struct span){hostile, sizeof hostile - 1}, &taken), HEADER_COMPLETE);
    struct rule_input input = input_of_message();
    input.header = &odd;
    struct rule_scratch *scratch = rule_scratch_create(true);
    struct rule_outcome outcome;
    struct rule_set *set = compile("rule \"r\" { when exists header[\"Subject\"] then reject \"{header[Subject]}\" }");
    assert_true(rule_set_evaluate(set, &input, scratch, &outcome));
    expect_span(outcome.decision.text, "a??????[31m X-Evil: yes", "reply");
    expect_span(outcome.trace[0].value, "a\\x01\\x7f\\xff\\xc3\\xa9\\x1b[31m\\x09X-Evil: yes", "trace");
    rule_set_destroy(set);
    rule_scratch_destroy(scratch);
    header_section_release(&odd);
}

static void every_action_has_a_row(void **state) {
    static const char *const rows[] = {"add", "remove",   "tag",     "redirect",
                                       "log", "override", "continue"}; /* the edits above, the order below */
    static const char *const actions[] = {
#define ACTION(id, word, kind, syntax, help) word,
#include "rules/actions.def"
#undef ACTION
    };
    (void)state;
    for (size_t i = 0; i < sizeof actions / sizeof *actions; i++) {
        char want[32];
        bool found = false;
        snprintf(want, sizeof want, "then %s", actions[i]);
        for (size_t j = 0; j < sizeof verdicts / sizeof *verdicts; j++) found |= holds(span_of(verdicts[j].rule), want);
        for (size_t j = 0; j < sizeof rows / sizeof *rows; j++) found |= strcmp(rows[j], actions[i]) == 0;
        if (!found) fail_msg("no row for %s", actions[i]);
    }
}

/* --- order, default, shadow, errors ------------------------------------------------------------------------------- */

#define TRUE_RULE(name, actions) "rule \"" name "\" { when dkim.pass then " actions " }\n"
#define BAD_PATTERN "header[\"X-Folded\"] matches /^(\\w+\\s*)*$/" /* undecided over a long subject, see below */

static const struct {
    const char *text;
    enum rule_verdict verdict;
    const char *rule;   /* that decided; "" none */
    const char *events; /* names with + (hit), ~ (shadow), ! (error), % (shadow error) in front */
    enum rule_verdict shadow;
} orders[] = {
    {"", RULE_ACCEPT, "", "", RULE_ACCEPT},
    {"default reject \"x\"", RULE_REJECT, "", "", RULE_REJECT},
    {"default reject \"x\" " TRUE_RULE("a", "accept"), RULE_ACCEPT, "a", "+a", RULE_ACCEPT},
    {"default quarantine " TRUE_RULE("a", "log \"x\""), RULE_QUARANTINE, "", "+a", RULE_QUARANTINE},
    {TRUE_RULE("a", "accept") TRUE_RULE("b", "reject"), RULE_ACCEPT, "a", "+a", RULE_ACCEPT},
    {TRUE_RULE("a", "log \"x\"") TRUE_RULE("b", "reject"), RULE_REJECT, "b", "+a +b", RULE_REJECT},
    {TRUE_RULE("a", "quarantine, continue") TRUE_RULE("b", "reject"), RULE_REJECT, "b", "+a +b", RULE_REJECT},
    {TRUE_RULE("a", "quarantine, continue") TRUE_RULE("b", "log \"x\""), RULE_QUARANTINE, "a", "+a +b",
     RULE_QUARANTINE},
    {TRUE_RULE("a", "quarantine, continue") TRUE_RULE("b", "stop") TRUE_RULE("c", "reject"), RULE_QUARANTINE, "a",
     "+a +b", RULE_QUARANTINE},
    {"default tempfail " TRUE_RULE("a", "stop") TRUE_RULE("b", "accept"), RULE_TEMPFAIL, "", "+a", RULE_TEMPFAIL},
    {"rule \"a\" { mode shadow then reject } " TRUE_RULE("b", "log \"x\""), RULE_ACCEPT, "", "~a +b", RULE_REJECT},
    {"rule \"a\" { mode shadow then reject } rule \"b\" { mode shadow then accept } " TRUE_RULE("c", "log \"x\""),
     RULE_ACCEPT, "", "~a +c", RULE_REJECT},
    {TRUE_RULE("a", "accept") "rule \"b\" { mode shadow then reject }", RULE_ACCEPT, "a", "+a", RULE_ACCEPT},
    {"mode shadow " TRUE_RULE("a", "reject") "rule \"b\" { mode armed then tempfail }", RULE_TEMPFAIL, "b", "~a +b",
     RULE_REJECT},
    {"rule \"a\" { when dmarc.disposition == quarantine then override \"list\" }\n"
     "rule \"b\" { when dmarc.disposition == quarantine then reject }\nrule \"c\" { when override.active then "
     "quarantine }",
     RULE_QUARANTINE, "c", "+a +c", RULE_QUARANTINE},
    {"rule \"a\" { mode shadow then override \"list\" }\nrule \"b\" { when dmarc.disposition == quarantine then "
     "tempfail }",
     RULE_TEMPFAIL, "b", "~a +b", RULE_TEMPFAIL},
    {"rule \"a\" { mode shadow then override \"list\" }\nrule \"b\" { mode shadow when override.active then reject }",
     RULE_ACCEPT, "", "~a ~b", RULE_REJECT},
    /* evaluation errors */
    {"rule \"a\" { when " BAD_PATTERN " then reject }", RULE_ACCEPT, "", "!a", RULE_ACCEPT},
    {"rule \"a\" { when not " BAD_PATTERN " then reject }", RULE_ACCEPT, "", "!a", RULE_ACCEPT},
    {"rule \"a\" { on error tempfail \"x\" when " BAD_PATTERN " then reject }" TRUE_RULE("b", "accept"), RULE_TEMPFAIL,
     "a", "!a", RULE_TEMPFAIL},
    {"on error quarantine rule \"a\" { when " BAD_PATTERN " then reject }", RULE_QUARANTINE, "a", "!a",
     RULE_QUARANTINE},
    {"on error reject rule \"a\" { on error skip when " BAD_PATTERN " then accept }", RULE_ACCEPT, "", "!a",
     RULE_ACCEPT},
    {"rule \"a\" { mode shadow on error reject when " BAD_PATTERN " then accept }", RULE_ACCEPT, "", "%a", RULE_REJECT},
    {"rule \"a\" { when dkim.aligned and " BAD_PATTERN " then reject }", RULE_ACCEPT, "", "", RULE_ACCEPT},
    {"rule \"a\" { when " BAD_PATTERN " and dkim.aligned then reject }", RULE_ACCEPT, "", "", RULE_ACCEPT},
    {"rule \"a\" { when " BAD_PATTERN " or dkim.pass then reject }", RULE_REJECT, "a", "+a", RULE_REJECT},
    {"rule \"a\" { when " BAD_PATTERN " or dkim.aligned then reject }", RULE_ACCEPT, "", "!a", RULE_ACCEPT},
};

static void describe(const struct rule_set *set, const struct rule_outcome *outcome, struct bytes *out) {
    static const char marks[] = {
        [RULE_EVENT_HIT] = '+', [RULE_EVENT_SHADOW] = '~', [RULE_EVENT_ERROR] = '!', [RULE_EVENT_SHADOW_ERROR] = '%'};
    for (size_t i = 0; i < outcome->event_count; i++) {
        if (i > 0) bytes_append_char(out, ' ');
        bytes_append_char(out, marks[outcome->event[i].kind]);
        bytes_append(out, rule_set_name(set, outcome->event[i].rule));
    }
}

/* A header section over whose X-Folded the bad pattern cannot be decided. */
static void read_long_header(struct header_section *out) {
    struct bytes text = bytes_with_cap(1 << 16);
    size_t taken;
    bytes_append_text(&text, "X-Folded: ");
    for (int i = 0; i < 4000; i++) bytes_append_char(&text, 'a');
    bytes_append_text(&text, "!\r\n\r\n");
    header_section_init(out, header_limits_default);
    assert_int_equal(header_section_update(out, bytes_span(&text), &taken), HEADER_COMPLETE);
    bytes_release(&text);
}

static void order_is_as_documented(void **state) {
    (void)state;
    struct rule_input input = input_of_message();
    struct header_section odd;
    read_long_header(&odd);
    input.header = &odd;
    for (size_t i = 0; i < sizeof orders / sizeof *orders * 2; i++) {
        const char *text = orders[i / 2].text;
        struct rule_scratch *scratch = rule_scratch_create(i % 2);
        struct rule_set *set = compile(text);
        struct rule_outcome outcome;
        struct bytes got = bytes_with_cap(1000);
        assert_true(rule_set_evaluate(set, &input, scratch, &outcome));
        struct span rule =
            outcome.decision.rule != RULE_NONE ? rule_set_name(set, outcome.decision.rule) : (struct span){0};
        describe(set, &outcome, &got);
        if (outcome.decision.verdict != orders[i / 2].verdict || outcome.shadow.verdict != orders[i / 2].shadow ||
            !span_is(rule, orders[i / 2].rule) || !span_is(bytes_span(&got), orders[i / 2].events))
            fail_msg("%s: %s by \"%.*s\", in shadow %s, events \"%.*s\"", text,
                     rule_verdict_word(outcome.decision.verdict), (int)rule.len, rule.ptr,
                     rule_verdict_word(outcome.shadow.verdict), (int)got.len, got.ptr);
        bytes_release(&got);
        rule_set_destroy(set);
        rule_scratch_destroy(scratch);
    }
    header_section_release(&odd);
}

static uint32_t draw(uint32_t *state) { return *state = *state * 1664525u + 1013904223u, *state >> 8; }

/* The same rules armed and in shadow count the same, rule by rule, over 10,000 messages. */
static void shadow_counts_like_armed(void **state) {
    static const char text[] = "rule \"a\" { when dkim.pass then log \"x\" }\nrule \"b\" { when spf.result == fail "
                               "then quarantine, continue }\n"
                               "rule \"c\" { when arc.trusted then override \"x\" }\nrule \"d\" { when "
                               "dmarc.disposition == reject then reject }\n"
                               "rule \"e\" { when override.active and not dkim.pass then tempfail }\nrule \"f\" { when "
                               "recipients == 2 then stop }\n"
                               "rule \"g\" { then accept }";
    enum { RULES = 7, MESSAGES = 10000 };
    struct rule_input input = input_of_message();
    struct rule_set *armed = compile(text), *shadow = compile_with(text, (struct rule_options){.all_shadow = true});
    struct rule_scratch *one = rule_scratch_create(false), *two = rule_scratch_create(false);
    size_t hits[RULES] = {0}, would[RULES] = {0};
    uint32_t seed = 1;
    (void)state;
    for (int i = 0; i < MESSAGES; i++) {
        struct message_result drawn = result;
        struct dkim_result signature = signatures[0];
        struct rule_outcome a, b;
        signature.result = draw(&seed) % 2 ? RESULT_PASS : RESULT_FAIL;
        drawn.dkim = &signature, drawn.dkim_count = draw(&seed) % 2;
        drawn.spf[SPF_MAIL_FROM].result = draw(&seed) % 2 ? RESULT_FAIL : RESULT_PASS;
        drawn.arc.is_trusted = draw(&seed) % 2;
        drawn.dmarc.disposition = draw(&seed) % 2 ? DMARC_POLICY_REJECT : DMARC_POLICY_NONE;
        input.result = &drawn;
        input.recipient_count = draw(&seed) % 3;
        assert_true(rule_set_evaluate(armed, &input, one, &a) && rule_set_evaluate(shadow, &input, two, &b));
        for (size_t e = 0; e < a.event_count; e++)
            assert_int_equal(a.event[e].kind, RULE_EVENT_HIT), hits[a.event[e].rule]++;
        for (size_t e = 0; e < b.event_count; e++)
            assert_int_equal(b.event[e].kind, RULE_EVENT_SHADOW), would[b.event[e].rule]++;
        assert_true(a.decision.verdict == b.shadow.verdict && a.decision.rule == b.shadow.rule);
        assert_true(b.decision.verdict == RULE_ACCEPT && b.decision.rule == RULE_NONE && b.edit_count == 0 &&
                    !b.is_overridden);
    }
    for (size_t i = 0; i < RULES; i++) assert_true(hits[i] == would[i] && hits[i] > 0);
    printf("hits armed and in shadow: %zu %zu %zu %zu %zu %zu %zu\n", hits[0], hits[1], hits[2], hits[3], hits[4],
           hits[5], hits[6]);
    rule_scratch_destroy(one);
    rule_scratch_destroy(two);
    rule_set_destroy(armed);
    rule_set_destroy(shadow);
}

/* --- waiting for literals ----------------------------------------------------------------------------------------- */

/* Random conditions over random headers: with the trace every rule is looked at, without only those that are due. */
static void waiting_changes_nothing(void **state) {
    static const char *const atoms[] = {"header[\"Subject\"] contains \"alpha\"",
                                        "header[\"Subject\"] matches /bet+a|gamma delta/i",
                                        "header[\"X-Rare\"] == \"alpha\"",
                                        "exists header[\"X-Rare\"]",
                                        "count header[\"X-Rare\"] == 0",
                                        "all header[\"Subject\"] matches /^a/",
                                        "dkim.pass",
                                        "dkim.aligned",
                                        "header.decoded[\"Subject\"] contains \"alpha\"",
                                        "header[\"Subject\"] in { \"alpha\" \"beta\" }",
                                        "header[\"Subject\"] ends \"delta\" nocase"};
    static const char *const words[] = {
        "alpha", "beta", "Gamma", "delta", "gamma", "BETTA", "\r\n ", " ", "=?utf-8?q?alpha?="};
    (void)state;
    uint32_t seed = 7;
    size_t hits = 0;
    for (int round = 0; round < 200; round++) {
        struct bytes text = bytes_with_cap(1 << 20), header = bytes_with_cap(4096);
        for (unsigned rule = 0; rule < 100; rule++) {
            bytes_append_format(&text, "rule \"%u\" { when ", rule);
            unsigned parts = draw(&seed) % 3 + 1;
            const char *joint = draw(&seed) % 2 ? " and " : " or ";
            for (unsigned i = 0; i < parts; i++)
                bytes_append_format(&text, "%s%s%s", i > 0 ? joint : "", draw(&seed) % 4 == 0 ? "not " : "",
                                    atoms[draw(&seed) % (sizeof atoms / sizeof *atoms)]);
            bytes_append_text(&text, " then log \"x\" }\n");
        }
        bytes_append_char(&text, '\0');
        bytes_append_text(&header, "Subject:");
        for (unsigned i = draw(&seed) % 4; i > 0; i--)
            bytes_append_text(&header, words[draw(&seed) % (sizeof words / sizeof *words)]);
        bytes_append_text(&header, draw(&seed) % 2 ? "x\r\nX-Rare: alpha\r\n\r\n" : "y\r\n\r\n");
        struct header_section odd;
        size_t taken;
        header_section_init(&odd, header_limits_default);
        assert_int_equal(header_section_update(&odd, bytes_span(&header), &taken), HEADER_COMPLETE);
        struct rule_input input = input_of_message();
        input.header = &odd;
        struct rule_set *set = compile(text.ptr);
        struct rule_scratch *quick = rule_scratch_create(false), *whole = rule_scratch_create(true);
        struct rule_outcome a, b;
        assert_true(rule_set_evaluate(set, &input, quick, &a) && rule_set_evaluate(set, &input, whole, &b));
        assert_int_equal(a.event_count, b.event_count);
        for (size_t i = 0; i < a.event_count; i++)
            assert_true(a.event[i].rule == b.event[i].rule && a.event[i].kind == b.event[i].kind);
        hits += a.event_count;
        rule_scratch_destroy(quick);
        rule_scratch_destroy(whole);
        rule_set_destroy(set);
        header_section_release(&odd);
        bytes_release(&text);
        bytes_release(&header);
    }
    assert_true(hits > 1000 && hits < 19000);
    printf("20000 rules, %zu hits, with and without waiting\n", hits);
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
        cmocka_unit_test(verdicts_are_as_written),
        cmocka_unit_test(edits_are_as_written),
        cmocka_unit_test(texts_carry_nothing_else_than_text),
        cmocka_unit_test(every_action_has_a_row),
        cmocka_unit_test(order_is_as_documented),
        cmocka_unit_test(shadow_counts_like_armed),
        cmocka_unit_test(waiting_changes_nothing),
        cmocka_unit_test(sets_hold_what_they_say),
    };
    return cmocka_run_group_tests(tests, read_header, release_header);
}
