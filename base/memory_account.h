/* base/memory_account.h -- how much memory what comes from outside takes, against a bound that all threads share.
 * Whoever holds such memory takes it here first and gives it back with it. Atomics, no lock; any thread. */
#pragma once
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct memory_account {
    _Atomic uint64_t used;
    uint64_t max;
};

/* False: it would be more than max, and nothing is taken. account may be NULL: nobody counts. */
bool memory_account_take(struct memory_account *account, uint64_t octets);
void memory_account_give(struct memory_account *account, uint64_t octets);
