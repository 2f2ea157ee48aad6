#include "verifier/record_trial.h"
#include "verifier/key_source.h"
#include "verifier/message_verifier.h"

/* The one key there is. */
struct tried_key {
    struct key_source source; /* first */
    struct span name;
    struct dns_answer answer;
    int64_t now_s;
};

static enum key_progress get(struct key_source *source, struct span name, struct key_request *request,
                             struct key_entry **entry) {
    const struct tried_key *key = (const struct tried_key *)(const void *)source;
    const struct dns_answer nothing = {.status = DNS_NXDOMAIN};
    list_init(&request->node);
    *entry = key_entry_create(span_equal_nocase(name, key->name) ? &key->answer : &nothing, key->now_s);
    return KEY_READY;
}

static void cancel(struct key_source *source, struct key_request *request) { /* nothing is ever pending */
    (void)source;
    (void)request;
}

static void tell(const struct dkim_result *result, bool has_body, struct finding_list *findings) {
    if (result->result == RESULT_PASS) {
        finding_add(findings, FINDING_TRIAL_PASSES);
    } else if (result->header_part == PART_CHANGED) {
        finding_add(findings, FINDING_TRIAL_OTHER_KEY);
    } else if (result->header_part == PART_INTACT && (!has_body || result->body_part == PART_CHANGED)) {
        finding_add(findings, has_body ? FINDING_TRIAL_BODY : FINDING_TRIAL_HEADER);
    } else {
        finding_add_text(finding_add(findings, FINDING_TRIAL_FAILS), "text", span_of(dkim_code_word(result->code)));
    }
}

static bool never_late(struct message_verifier *verifier, struct span message) {
    message_verifier_begin(verifier, NULL, NULL);
    return message_verifier_update(verifier, message) != VERIFIER_REFUSED &&
           message_verifier_end(verifier) == VERIFIER_DONE;
}

bool record_trial_run(const struct record_question *question, struct record_selector *selector, struct span domain) {
    struct tried_key key = {.source = {get, cancel}, .name = selector->name, .now_s = question->now_s};
    struct clock_fixed clock = clock_fixed_at(question->now_s);
    struct verifier_policy policy = verifier_policy_default;
    policy.header_alone = !question->message_has_body;
    key.answer = (struct dns_answer){.status = DNS_FOUND, .record_count = 1};
    key.answer.record[0] = selector->record->text;
    struct message_verifier *verifier = message_verifier_create(&policy, &key.source, &clock.clock);
    if (verifier == NULL) return false;
    if (never_late(verifier, question->message)) {
        const struct message_result *result = message_verifier_result(verifier);
        for (size_t i = 0; i < result->dkim_count; i++) {
            const struct dkim_result *dkim = &result->dkim[i];
            if (span_equal_nocase(dkim->domain_ascii, domain) && span_equal_nocase(dkim->selector, selector->selector))
                tell(dkim, question->message_has_body, &selector->findings);
        }
    }
    message_verifier_destroy(verifier);
    return true;
}
