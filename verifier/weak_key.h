/* verifier/weak_key.h -- numbers that no sound generator makes an RSA key of (tester.md 3e D19): moduli with a small
 * factor, exponents so small that padding faults matter, and moduli of the form that CVE-2017-15361 ("ROCA") left
 * behind. Judges only; whether a key may verify is dkim_key's decision. Pure; any thread. Cost: one pass over the
 * modulus for each of some 170 primes. */
#pragma once
#include "verifier/key_der.h"

enum weak_key {
    WEAK_KEY_NONE,
    WEAK_KEY_FACTOR,   /* divisible by a prime below 1,000: anybody can find the private key */
    WEAK_KEY_ROCA,     /* 1 in 10^8 sound moduli looks like this, too */
    WEAK_KEY_EXPONENT, /* below 65537 */
};
/* key: as key_der_read handed it out with KEY_DER_OK. *number: the factor, or the exponent; else 0. */
enum weak_key weak_key_judge(const struct key_der *key, unsigned *number);
