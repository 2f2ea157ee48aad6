#include "base/memory_account.h"
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

static void the_bound_is_kept(void **state) {
    struct memory_account account = {.max = 100};
    (void)state;
    assert_true(memory_account_take(&account, 60));
    assert_false(memory_account_take(&account, 41));
    assert_int_equal(atomic_load(&account.used), 60);
    assert_true(memory_account_take(&account, 40));
    assert_false(memory_account_take(&account, 1));
    assert_true(memory_account_take(&account, 0));
    memory_account_give(&account, 100);
    assert_false(memory_account_take(&account, 101));
    assert_false(memory_account_take(&account, UINT64_MAX));
    assert_int_equal(atomic_load(&account.used), 0);
}

static void without_an_account_nobody_counts(void **state) {
    (void)state;
    assert_true(memory_account_take(NULL, UINT64_MAX));
    memory_account_give(NULL, UINT64_MAX);
}

static void *take_and_give(void *owner) {
    struct memory_account *account = owner;
    for (int i = 0; i < 20000; i++)
        if (memory_account_take(account, 30)) {
            assert_true(atomic_load(&account->used) <= account->max);
            memory_account_give(account, 30);
        }
    return NULL;
}

static void threads_share_it(void **state) {
    struct memory_account account = {.max = 70};
    pthread_t thread[4];
    (void)state;
    for (int i = 0; i < 4; i++) assert_int_equal(pthread_create(&thread[i], NULL, take_and_give, &account), 0);
    for (int i = 0; i < 4; i++) pthread_join(thread[i], NULL);
    assert_int_equal(atomic_load(&account.used), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_bound_is_kept),
        cmocka_unit_test(without_an_account_nobody_counts),
        cmocka_unit_test(threads_share_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
