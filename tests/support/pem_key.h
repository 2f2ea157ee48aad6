/* tests/support/pem_key.h -- private keys in files for tests that seal, with the records of their public halves.
 * Ends the process when something fails; not for use outside tests. */
#pragma once
#include <stdbool.h>

struct pem_key {
    char path[64], record[1024];
};

/* bits 0: Ed25519. The file has mode 0600. */
void pem_key_make(struct pem_key *key, unsigned bits);
void pem_key_remove(const struct pem_key *key);
