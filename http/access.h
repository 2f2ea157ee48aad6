/* http/access.h -- who may read the pages: bearer tokens (RFC 6750) and names with passwords (RFC 7617), from a file that
 * holds neither, only their hashes. One a line; blank lines and lines that begin with # say nothing:
 *   Bearer SHA-256          the SHA-256 of the token's octets, 64 hex digits; tokens are long and random, so no slow hash
 *   name:crypt(5) hash      as htpasswd -B or mkpasswd write it (password.h says which)
 * The file must be a regular one (no link in its last place), belong to root or to us, and be closed to all others.
 * Comparisons take the same time whatever matches, and an unknown name costs as much as a wrong password. A password that
 * was right once is known again without its slow hash (by a hash under a key of this process); wrong ones are looked at
 * ACCESS_TRIES_PER_S times a second, and in between everybody whose password is not known yet is put off.
 * Thread rule: any thread; one lock, held while a credential is looked at (so a slow hash makes others wait).
 * Limits: ACCESS_FILE_MAX octets, ACCESS_ENTRIES_MAX lines. */
#pragma once
#include <stdbool.h>
#include "base/clock.h"
#include "base/span.h"

enum { ACCESS_FILE_MAX = 64 * 1024, ACCESS_ENTRIES_MAX = 256, ACCESS_TRIES_PER_S = 2, ACCESS_TRIES_AT_ONCE = 5 };

struct access;

/* Reads path, clock is borrowed. NULL: *error (caller frees; NULL when there is no memory) is one sentence that begins with
 * path. */
struct access *access_create(const char *path, const struct clock *clock, char **error);
void access_destroy(struct access *access); /* accepts NULL */
/* Reads path, maybe another one, again. False: *error as above, and what was in use stays so. */
bool access_reload(struct access *access, const char *path, char **error);

enum access_answer { ACCESS_GRANTED, ACCESS_REFUSED, ACCESS_PUT_OFF };
/* credentials: the value of the Authorization field, empty when there is none. */
enum access_answer access_check(struct access *access, struct span credentials);
