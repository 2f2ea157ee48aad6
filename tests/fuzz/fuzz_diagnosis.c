/* Any message, with a key record for whatever its signatures ask for: a diagnosis ends, keeps to its budget, never says
 * "proved" of a signature that passed, and its findings can be written. */
#include <stdint.h>
#include <stdlib.h>
#include "base/clock.h"
#include "verifier/diagnosis.h"
#include "verifier/message_verifier.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(condition)                                                                                             \
    do                                                                                                                 \
        if (!(condition)) abort();                                                                                     \
    while (0)

#define FUZZ_RSA_RECORD                                                                                                \
    "v=DKIM1; k=rsa; "                                                                                                 \
    "p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQCsnG43vUZtOsyAC9nBfnbVE6tMaoxu2UM36UQ+"                                   \
    "UIGE9sHZOXgrgUJWGbqlZKbAmWhU3luAueGq1oMCpuaKf/YyaPgMtjcz"                                                         \
    "l8Cf2T8+cd7Jv7PmLmjBubue/ImN/UN0ldn7eNekVgMCpHvrKGsj9lHWt4WMf7S4oXgVpG43Aa2CrwIDAQAB"

/* The keys that made the seeds' signatures, and one that a web form spoilt. */
enum record { RECORD_RSA, RECORD_ED25519, RECORD_BROKEN };
static const char *const records[] = {
    [RECORD_RSA] = FUZZ_RSA_RECORD,
    [RECORD_ED25519] = "v=DKIM1; k=ed25519; p=6kpsY+KcUgq+9VB7Ey7F+ZVHdq6+vnuSQh7qaRRG0iw=",
    [RECORD_BROKEN] = "v=dkim1 k=rsa\\; p=\"MIGf MA0G CSqG\"",
};

/* One record for every name: the first octet of the message chooses it. */
struct any_key {
    struct key_source source; /* first */
    enum record record;
};

static enum key_progress get(struct key_source *source, struct span name, struct key_request *request,
                             struct key_entry **entry) {
    struct dns_answer answer = {.status = DNS_FOUND, .dnssec = DNSSEC_INSECURE, .ttl_s = 300, .record_count = 1};
    (void)name;
    (void)request;
    answer.record[0] = span_of(records[((struct any_key *)(void *)source)->record]);
    *entry = key_entry_create(&answer, 1700000000);
    return KEY_READY;
}

static void cancel(struct key_source *source, struct key_request *request) {
    (void)source;
    (void)request;
}

static void done(void *owner) { (void)owner; }

static void diagnose(const struct message_verifier *verifier, struct span message) {
    static const struct diagnosis_budget budget = {.octets = 1 << 21, .header_trials = 100, .verifications = 20};
    const struct header_section *section = message_verifier_header(verifier);
    const struct message_result *result = message_verifier_result(verifier);
    struct arena *arena = arena_create(DIAGNOSIS_ARENA_OCTETS);
    struct diagnosis *out = malloc(sizeof *out);
    struct diagnosis_key keys[DIAGNOSIS_SIGNATURES_MAX];
    size_t count = 0, start = section->octets.len + (section->ended_by_empty_line ? 2 : 0);
    REQUIRE(arena != NULL && out != NULL && start <= message.len);
    for (size_t i = 0; i < result->dkim_count && i < DIAGNOSIS_SIGNATURES_MAX; i++) {
        struct span name = diagnosis_key_name(&result->dkim[i], arena);
        const struct key_entry *entry = message_verifier_key(verifier, name);
        if (entry != NULL) keys[count++] = (struct diagnosis_key){name, entry, DIAGNOSIS_KEY_CURRENT};
    }
    /* The body as the records of policies, which are anybody's text as well. */
    struct diagnosis_policy policy = {.dmarc_domain = span_of("d.example"), .spf_domain = span_of("d.example")};
    policy.spf = policy.dmarc = (struct policy_answer){.is_known = true, .count = 1, .text = {span_after(message, start)}};
    struct diagnosis_input input = {.section = section,
                                    .body = span_after(message, start),
                                    .has_body = true,
                                    .result = result,
                                    .keys = keys,
                                    .key_count = count,
                                    .budget = budget,
                                    .has_now = true,
                                    .now_s = 1700000000,
                                    .policy = &policy};
    diagnosis_run(&input, arena, out);
    REQUIRE(out->octets <= budget.octets * result->dkim_count);
    REQUIRE(out->findings.count <= FINDINGS_MAX);
    for (size_t i = 0; i < out->findings.count; i++) {
        const struct finding *finding = &out->findings.finding[i];
        REQUIRE(finding->certainty != FINDING_PROVED || result->dkim[finding->signature].result != RESULT_PASS);
    }
    struct bytes text = bytes_with_cap(1 << 20);
    struct json json = json_writer(&text);
    finding_write_json(&json, &out->findings);
    finding_write_text(&text, &out->findings, (struct report_style){LANGUAGE_FR, false});
    bytes_release(&text);
    free(out);
    arena_destroy(arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct any_key keys = {.source = {get, cancel}};
    struct clock_fixed clock = clock_fixed_at(2000000000);
    if (size == 0) return 0;
    if (data[0] == '\t') keys.record = RECORD_ED25519;
    if (data[0] == ' ') keys.record = RECORD_BROKEN;
    struct message_verifier *verifier = message_verifier_create(&verifier_policy_default, &keys.source, &clock.clock);
    size_t mark = keys.record != RECORD_RSA;
    struct span message = {(const char *)data + mark, size - mark};
    REQUIRE(verifier != NULL);
    message_verifier_begin(verifier, done, NULL);
    if (message_verifier_update(verifier, message) != VERIFIER_REFUSED &&
        message_verifier_end(verifier) == VERIFIER_DONE)
        diagnose(verifier, message);
    message_verifier_destroy(verifier);
    return 0;
}
