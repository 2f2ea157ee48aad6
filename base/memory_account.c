#include "base/memory_account.h"
#include <stddef.h>

bool memory_account_take(struct memory_account *account, uint64_t octets) {
    if (account == NULL) return true;
    uint64_t used = atomic_load_explicit(&account->used, memory_order_relaxed);
    do {
        if (octets > account->max || used > account->max - octets) return false;
    } while (!atomic_compare_exchange_weak_explicit(&account->used, &used, used + octets, memory_order_relaxed,
                                                    memory_order_relaxed));
    return true;
}

void memory_account_give(struct memory_account *account, uint64_t octets) {
    if (account != NULL) atomic_fetch_sub_explicit(&account->used, octets, memory_order_relaxed);
}
