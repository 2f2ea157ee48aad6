/* http/password.h -- whether a password is the one of a crypt(5) hash. password.c is the only file that includes crypt.h.
 * Slow on purpose: 5 to 300 ms of CPU, as its hash wants it. Allocates 32 KiB for the time of the call; any thread. */
#pragma once
#include <stdbool.h>

enum { PASSWORD_OCTETS_MAX = 512 };

/* A hash that password_matches can read and that is no weak one: bcrypt ($2a$, $2b$, $2y$), yescrypt ($y$, $gy$), scrypt
 * ($7$), SHA-256 and SHA-512 ($5$, $6$). */
bool password_hash_is_usable(const char *hash);
/* False also when there is no memory. password has no NUL inside. */
bool password_matches(const char *password, const char *hash);
