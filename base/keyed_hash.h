/* base/keyed_hash.h -- SipHash-2-4 (Aumasson and Bernstein, 2012): a hash for tables whose keys come from outside, so that
 * nobody without the key can choose names that all fall into one bucket.
 * Pure but for keyed_hash_key_random and keyed_hash_process_key, which ask the kernel (getrandom). Any thread. About one
 * cycle an octet and 20 ns for a name of 30 octets. */
#pragma once
#include <stdint.h>
#include "base/span.h"

struct keyed_hash_key { uint64_t k0, k1; };

/* A fresh key from the kernel. */
struct keyed_hash_key keyed_hash_key_random(void);
/* The key of this process: drawn at the first call, the same for ever after. */
const struct keyed_hash_key *keyed_hash_process_key(void);
uint64_t keyed_hash(const struct keyed_hash_key *key, struct span octets);
