/* http/tester_token.h -- the names of tests: 80 random bits from the kernel, in a lower-case base32 without i, l, o and u,
 * so that they can be read aloud and fit in front of an @. Who knows one sees the test, so logs get its hash alone.
 * No allocation or lock; any thread. */
#pragma once
#include <stdbool.h>
#include "base/span.h"

enum { TESTER_TOKEN_LENGTH = 16 /* letters */, TESTER_TOKEN_HASH_LENGTH = 16 };

/* False: the kernel gives no random octets. Ends in a NUL. */
bool tester_token_make(char token[TESTER_TOKEN_LENGTH + 1]);
/* Writes text, of any letter case, as a token. False: it is none. */
bool tester_token_read(struct span text, char token[TESTER_TOKEN_LENGTH + 1]);
/* For logs: under a key of this process. Ends in a NUL. */
void tester_token_hash(const char *token, char hash[TESTER_TOKEN_HASH_LENGTH + 1]);
