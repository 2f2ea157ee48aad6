/* tests/unit/rule_message.h -- one message whose facts are all known, for the tests of rules; and rules compiled from text. */
#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "rules/rule_input.h"
#include "rules/rule_set.h"
#include "tests/support/exact.h"
#include "verifier/finding.h"
#include "verifier/header_section.h"
#include "verifier/result.h"

/* clang-format off */
static const char header_text[] = "Received: from a by b\r\n"
                                  "From: Alice <Alice@B\xc3\xbc" "cher.example>\r\n"
                                  "To: bob@example.net,\r\n carol@example.net\r\n"
                                  "Subject: =?utf-8?q?Win=20a?= prize\r\n"
                                  "X-Folded: one\r\n\ttwo  \r\n"
                                  "X-Twice: first\r\n"
                                  "x-twice: second\r\n"
                                  "X-Empty:\r\n"
                                  "List-Id: <list.example.org>\r\n\r\n";

#define S(text) {text, sizeof(text) - 1}
static const struct dkim_result signatures[] = {
    {.result = RESULT_PASS, .code = DKIM_OK, .domain = S("example.org"), .domain_ascii = S("example.org"), .selector = S("s1"),
     .auid = S("@example.org"), .algorithm = S("rsa-sha256"), .canonicalization = S("relaxed/simple"), .signature = S("AAAA"),
     .body_part = PART_INTACT, .header_part = PART_INTACT, .key_algorithm = KEY_RSA, .key_bits = 1024, .has_key_answer = true,
     .dnssec = DNSSEC_SECURE, .cname = {S("hop.example"), S("Sel1.Dkim.Provider.Example")}, .cname_count = 2, .records_tried = 1,
     .testing = true, .weak = true, .has_unsigned_octets = true, .unsigned_octets = 17, .body_octets = 2048, .has_timestamp = true,
     .timestamp_s = 900000, .has_expiration = true, .expiration_s = 1003600},
    {.result = RESULT_FAIL, .code = DKIM_BODY_HASH_MISMATCH, .domain = S("xn--bcher-kva.example"), .domain_ascii = S("xn--bcher-kva.example"),
     .selector = S("s2"), .auid = S("Alice@B\xc3\xbc" "cher.example"), .algorithm = S("ed25519-sha256"),
     .canonicalization = S("simple/simple"), .signature = S("BBBB"), .detail = S("bh="), .body_part = PART_CHANGED,
     .header_part = PART_INTACT, .key_algorithm = KEY_ED25519, .key_bits = 256, .has_key_answer = true, .dnssec = DNSSEC_INSECURE,
     .records_tried = 2, .aligned = true, .body_octets = 100},
};

static const struct message_result result = {
    .dkim_count = 2, .dkim = signatures, .from_domain = S("xn--bcher-kva.example"), .from_fields = 1, .from_addresses = 1,
    .size = 5000, .key_lookups = 2,
    .arc = {.is_evaluated = true, .result = RESULT_PASS, .code = ARC_OK, .sets = 3, .failed_set = 2, .has_oldest_pass = true, .oldest_pass = 2,
            .was_failed = true, .sealer = S("list.example.org"), .is_trusted = true, .dnssec = DNSSEC_BOGUS, .has_key_answer = true},
    .spf = {[SPF_HELO] = {.is_evaluated = true, .scope = SPF_HELO, .result = RESULT_NEUTRAL, .code = SPF_NO_MATCH},
            [SPF_MAIL_FROM] = {.is_evaluated = true, .scope = SPF_MAIL_FROM, .result = RESULT_SOFTFAIL, .code = SPF_MATCHED,
                               .identity = S("bounce@example.org"), .domain = S("example.org"), .mechanism = S("~all"), .lookups = 4,
                               .void_lookups = 1, .dnssec = DNSSEC_SECURE}},
    .dmarc = {.is_evaluated = true, .result = RESULT_FAIL, .code = DMARC_NOT_ALIGNED, .domain = S("xn--bcher-kva.example"),
              .organizational_domain = S("xn--bcher-kva.example"), .policy_domain = S("xn--bcher-kva.example"), .policy = DMARC_POLICY_REJECT,
              .disposition = DMARC_POLICY_QUARANTINE, .testing = true, .dkim_aligned = true, .spf_aligned = true, .strict_dkim = true,
              .strict_spf = true, .dnssec = DNSSEC_INSECURE},
    .iprev = {.is_evaluated = true, .result = RESULT_PASS, .address = S("192.0.2.7"), .name = S("Mail.Example.org")},
};

static const struct span recipients[] = {S("Bob@example.net"), S("dave@Sub.example.com")};
static const struct finding_list findings = {.count = 1, .finding = {{.id = FINDING_REVOKED}}};

static inline bool repeats(void *owner, struct span signature, uint64_t *count) {
    (void)owner;
    *count = 12;
    return span_is(signature, "AAAA");
}
static inline bool first_seen(void *owner, struct span domain, int64_t *age_s) {
    (void)owner;
    *age_s = 3 * 86400;
    return span_is(domain, "xn--bcher-kva.example");
}
static inline bool volume(void *owner, struct span domain, uint64_t *messages) {
    (void)owner, (void)domain;
    *messages = 77;
    return true;
}
static const struct rule_memory memory = {.repeats = repeats, .first_seen = first_seen, .volume = volume};

static struct header_section section;

static inline struct rule_input input_of_message(void) {
    return (struct rule_input){.result = &result, .header = &section, .findings = &findings, .now_s = 1000000, .has_client = true,
                               .client = {192, 0, 2, 7}, .client_is_v4 = true, .helo = S("MAIL.example.org"), .has_envelope = true,
                               .mail_from = S("Bounce@example.org"), .recipients = recipients, .recipient_count = 2, .has_tls = true,
                               .tls_version = S("TLSv1.3"), .tls_cipher = S("TLS_AES_256_GCM_SHA384"), .listener = S("edge"),
                               .protocol = RULE_PROTOCOL_LMTP, .memory = &memory};
}

static inline int read_header(void **state) {
    (void)state;
    size_t taken;
    header_section_init(&section, header_limits_default);
    return header_section_update(&section, (struct span){header_text, sizeof header_text - 1}, &taken) == HEADER_COMPLETE ? 0 : 1;
}

static inline int release_header(void **state) {
    (void)state;
    header_section_release(&section);
    return 0;
}

/* --- compile and run ---------------------------------------------------------------------------------------------- */

static inline struct rule_set *compile_with(const char *text, struct rule_options options) {
    struct rule_errors errors = {0};
    struct rule_set *set;
    struct span exact = exact_copy(span_of(text));
    struct rule_source source = {span_of("test.rules"), exact};
    enum rule_set_status status = rule_set_compile(&source, 1, &options, &errors, &set);
    if (status != RULE_SET_OK)
        fail_msg("%s: %s %u:%u %.*s (%.*s)", text, rule_set_status_text(status), errors.error[0].line, errors.error[0].column,
                 (int)errors.error[0].message.len, errors.error[0].message.ptr, (int)errors.error[0].hint.len, errors.error[0].hint.ptr);
    exact_free(exact);
    rule_errors_release(&errors);
    return set;
}
static inline struct rule_set *compile(const char *text) { return compile_with(text, (struct rule_options){.arm_discard = true}); }


/* Does part stand in text? */
static inline bool holds(struct span text, const char *part) {
    size_t len = strlen(part);
    for (size_t i = 0; i + len <= text.len; i++)
        if (memcmp(text.ptr + i, part, len) == 0) return true;
    return len == 0;
}
/* clang-format on */
