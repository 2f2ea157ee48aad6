#include "rules/rule_words.h"
#include <stddef.h>
#include "rules/rule_input.h"
#include "verifier/result.h"

static const char *const parts[] = {[PART_UNKNOWN] = "unknown", [PART_INTACT] = "intact", [PART_CHANGED] = "changed"};
static const char *const key_types[] = {
    [KEY_ALGORITHM_UNKNOWN] = "unknown", [KEY_RSA] = "rsa", [KEY_ED25519] = "ed25519"};
static const char *const policies[] = {[DMARC_POLICY_ABSENT] = "absent",
                                       [DMARC_POLICY_NONE] = "none",
                                       [DMARC_POLICY_QUARANTINE] = "quarantine",
                                       [DMARC_POLICY_REJECT] = "reject"};
static const char *const protocols[] = {
    [RULE_PROTOCOL_UNKNOWN] = "unknown", [RULE_PROTOCOL_SMTP] = "smtp", [RULE_PROTOCOL_LMTP] = "lmtp"};

static const char *one_of(const char *const *words, unsigned count, unsigned index) {
    return index < count ? words[index] : NULL;
}

const char *rule_word(enum rule_word_list list, unsigned index) {
    switch (list) {
    case RULE_WORDS_RESULT: return index < AUTH_RESULT_COUNT ? auth_result_word((enum auth_result)index) : NULL;
    case RULE_WORDS_DKIM_CODE: return index < DKIM_CODE_COUNT ? dkim_code_word((enum dkim_code)index) : NULL;
    case RULE_WORDS_CAUSE: return index < CAUSE_COUNT ? cause_word((enum cause)index) : NULL;
    case RULE_WORDS_PART: return one_of(parts, sizeof parts / sizeof *parts, index);
    case RULE_WORDS_KEY_TYPE: return one_of(key_types, sizeof key_types / sizeof *key_types, index);
    case RULE_WORDS_DNSSEC: return index < DNSSEC_STATE_COUNT ? dnssec_state_word((enum dnssec_state)index) : NULL;
    case RULE_WORDS_ARC_CODE: return index < ARC_CODE_COUNT ? arc_code_word((enum arc_code)index) : NULL;
    case RULE_WORDS_SPF_CODE: return index < SPF_CODE_COUNT ? spf_code_word((enum spf_code)index) : NULL;
    case RULE_WORDS_SPF_SCOPE: return index < SPF_SCOPE_COUNT ? spf_scope_word((enum spf_scope)index) : NULL;
    case RULE_WORDS_DMARC_CODE: return index < DMARC_CODE_COUNT ? dmarc_code_word((enum dmarc_code)index) : NULL;
    case RULE_WORDS_POLICY: return one_of(policies, sizeof policies / sizeof *policies, index);
    case RULE_WORDS_PROTOCOL: return one_of(protocols, sizeof protocols / sizeof *protocols, index);
    default: return NULL;
    }
}
