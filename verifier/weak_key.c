#include "verifier/weak_key.h"
#include <stdint.h>

enum { FACTOR_MAX = 1000, ROCA_PRIME_MAX = 167, USUAL_EXPONENT = 65537 };

static unsigned remainder_of(struct span number, unsigned divisor) {
    unsigned rest = 0;
    for (size_t i = 0; i < number.len; i++) rest = (rest * 256 + (uint8_t)number.ptr[i]) % divisor;
    return rest;
}

static bool is_prime(unsigned number) {
    for (unsigned i = 3; i * i <= number; i += 2)
        if (number % i == 0) return false;
    return true;
}

static unsigned small_factor(struct span modulus) {
    for (unsigned prime = 3; prime < FACTOR_MAX; prime += 2)
        if (is_prime(prime) && remainder_of(modulus, prime) == 0) return prime;
    return 0;
}

/* Is rest a power of 65537 modulo prime? */
static bool is_power(unsigned rest, unsigned prime) {
    unsigned power = 1;
    for (unsigned i = 0; i < prime; i++) {
        if (power == rest) return true;
        power = power * (USUAL_EXPONENT % prime) % prime;
    }
    return false;
}

/* Primes of those keys are k * M + (65537^a mod M), M a product of the first primes: so is the modulus, modulo each. */
static bool is_roca(struct span modulus) {
    for (unsigned prime = 3; prime <= ROCA_PRIME_MAX; prime += 2)
        if (is_prime(prime) && !is_power(remainder_of(modulus, prime), prime)) return false;
    return true;
}

enum weak_key weak_key_judge(const struct key_der *key, unsigned *number) {
    unsigned exponent = 0;
    *number = small_factor(key->modulus);
    if (*number > 0) return WEAK_KEY_FACTOR;
    if (is_roca(key->modulus)) return WEAK_KEY_ROCA;
    for (size_t i = 0; i < key->exponent.len; i++) exponent = exponent * 256 + (uint8_t)key->exponent.ptr[i];
    if (exponent >= USUAL_EXPONENT) return WEAK_KEY_NONE;
    *number = exponent;
    return WEAK_KEY_EXPONENT;
}
