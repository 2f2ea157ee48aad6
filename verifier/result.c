#include "verifier/result.h"

const char *auth_result_word(enum auth_result result) {
#define X(id, word) [id] = word,
    static const char *const words[] = {AUTH_RESULTS(X)};
#undef X
    return words[result];
}

const char *cause_word(enum cause cause) {
#define X(id, word) [id] = word,
    static const char *const words[CAUSE_COUNT + 1] = {CAUSES(X)};
#undef X
    return words[cause];
}

#define X(id, word, result, cause, text) [id] = {word, text, result, cause},
static const struct {
    const char *word, *text;
    enum auth_result result;
    enum cause cause;
} codes[] = {DKIM_CODES(X)};
#undef X

const char *dkim_code_word(enum dkim_code code) { return codes[code].word; }
const char *dkim_code_text(enum dkim_code code) { return codes[code].text; }
enum auth_result dkim_code_result(enum dkim_code code) { return codes[code].result; }
enum cause dkim_code_cause(enum dkim_code code) { return codes[code].cause; }

bool dkim_code_wants_detail(enum dkim_code code) {
    return code == DKIM_SIG_SYNTAX || code == DKIM_SIG_MISSING_TAG || code == DKIM_SIG_DUPLICATE_TAG || code == DKIM_SIG_DOMAIN ||
           code == DKIM_KEY_SYNTAX;
}

const char *part_state_word(enum part_state state) {
    static const char *const words[] = {[PART_UNKNOWN] = "unknown", [PART_INTACT] = "intact", [PART_CHANGED] = "changed"};
    return words[state];
}

const char *key_algorithm_word(enum key_algorithm algorithm) {
    static const char *const words[] = {[KEY_ALGORITHM_UNKNOWN] = "unknown", [KEY_RSA] = "rsa", [KEY_ED25519] = "ed25519"};
    return words[algorithm];
}

#define X(id, word, result, text) [id] = {word, text, result},
static const struct { const char *word, *text; enum auth_result result; } arc_codes[] = {ARC_CODES(X)},
    dmarc_codes[] = {DMARC_CODES(X)};
#undef X

const char *arc_code_word(enum arc_code code) { return arc_codes[code].word; }
const char *arc_code_text(enum arc_code code) { return arc_codes[code].text; }
enum auth_result arc_code_result(enum arc_code code) { return arc_codes[code].result; }
const char *dmarc_code_word(enum dmarc_code code) { return dmarc_codes[code].word; }
const char *dmarc_code_text(enum dmarc_code code) { return dmarc_codes[code].text; }
enum auth_result dmarc_code_result(enum dmarc_code code) { return dmarc_codes[code].result; }

#define X(id, word, text) [id] = {word, text},
static const struct { const char *word, *text; } spf_codes[] = {SPF_CODES(X)};
#undef X

const char *spf_code_word(enum spf_code code) { return spf_codes[code].word; }
const char *spf_code_text(enum spf_code code) { return spf_codes[code].text; }
const char *spf_scope_word(enum spf_scope scope) { return scope == SPF_HELO ? "helo" : "mfrom"; }

const char *dmarc_policy_word(enum dmarc_policy policy) {
    static const char *const words[] = {[DMARC_POLICY_ABSENT] = NULL, [DMARC_POLICY_NONE] = "none",
                                        [DMARC_POLICY_QUARANTINE] = "quarantine", [DMARC_POLICY_REJECT] = "reject"};
    return words[policy];
}
