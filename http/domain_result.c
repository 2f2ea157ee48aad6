#include "http/domain_result.h"

const char *domain_result_word(enum domain_result result) {
#define X(id, word) [id] = word,
    static const char *const words[] = {DOMAIN_RESULTS(X)};
#undef X
    return words[result];
}

enum domain_result domain_result_of(enum auth_result result) {
    if (result == RESULT_PASS) return DOMAIN_PASS;
    return result == RESULT_FAIL ? DOMAIN_FAIL : DOMAIN_OTHER;
}
