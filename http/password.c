#include "http/password.h"
#include <crypt.h>
#include <stdlib.h>
#include <string.h>
#include "http/secret.h"

bool password_hash_is_usable(const char *hash) {
    static const char *const kinds[] = {"$2a$", "$2b$", "$2y$", "$y$", "$gy$", "$7$", "$5$", "$6$"};
    bool known = false;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) known = known || strncmp(hash, kinds[i], strlen(kinds[i])) == 0;
    int status = crypt_checksalt(hash);
    return known && (status == CRYPT_SALT_OK || status == CRYPT_SALT_TOO_CHEAP);
}

bool password_matches(const char *password, const char *hash) {
    struct crypt_data *data = calloc(1, sizeof *data);
    const char *got = data != NULL ? crypt_r(password, hash, data) : NULL;
    bool matches = got != NULL && got[0] == '$' && secret_equal(span_of(got), span_of(hash));
    if (data != NULL) explicit_bzero(data, sizeof *data);
    free(data);
    return matches;
}
