#include "http/tester_token.h"
#include <stdint.h>
#include <stdio.h>
#include <sys/random.h>
#include "base/ascii.h"
#include "base/keyed_hash.h"

static const char letters[] = "0123456789abcdefghjkmnpqrstvwxyz"; /* without i, l, o, u */

bool tester_token_make(char token[TESTER_TOKEN_LENGTH + 1]) {
    uint8_t octets[TESTER_TOKEN_LENGTH];
    if (getrandom(octets, sizeof octets, 0) != (ssize_t)sizeof octets) return false;
    for (size_t i = 0; i < TESTER_TOKEN_LENGTH; i++) token[i] = letters[octets[i] & 31];
    token[TESTER_TOKEN_LENGTH] = '\0';
    return true;
}

bool tester_token_read(struct span text, char token[TESTER_TOKEN_LENGTH + 1]) {
    if (text.len != TESTER_TOKEN_LENGTH) return false;
    for (size_t i = 0; i < text.len; i++) {
        token[i] = ascii_lower(text.ptr[i]);
        if (token[i] == '\0' || strchr(letters, token[i]) == NULL) return false;
    }
    token[TESTER_TOKEN_LENGTH] = '\0';
    return true;
}

void tester_token_hash(const char *token, char hash[TESTER_TOKEN_HASH_LENGTH + 1]) {
    uint64_t value = keyed_hash(keyed_hash_process_key(), (struct span){token, TESTER_TOKEN_LENGTH});
    snprintf(hash, TESTER_TOKEN_HASH_LENGTH + 1, "%016llx", (unsigned long long)value);
}
