#include "verifier/dns.h"

const char *dns_status_word(enum dns_status status) {
#define X(id, word) [id] = word,
    static const char *const words[] = {DNS_STATUSES(X)};
#undef X
    return words[status];
}

const char *dnssec_state_word(enum dnssec_state state) {
    static const char *const words[] = {
        [DNSSEC_INDETERMINATE] = "indeterminate",
        [DNSSEC_INSECURE] = "insecure",
        [DNSSEC_SECURE] = "secure",
        [DNSSEC_BOGUS] = "bogus",
    };
    return words[state];
}
