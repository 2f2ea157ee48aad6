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
