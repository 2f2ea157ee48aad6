#include "base/named_counts.h" /* first, so the header is proved to stand alone */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "base/bytes.h"

static void write_row(void *owner, struct span name, const uint64_t *count) {
    bytes_append(owner, name);
    bytes_append_char(owner, '=');
    for (size_t i = 0; i < NAMED_COUNTS_KINDS; i++) bytes_append_uint(owner, count[i]);
    bytes_append_char(owner, ' ');
}

static void expect(struct named_counts *counts, const char *want) {
    struct bytes text = bytes_with_cap(4096);
    named_counts_walk(counts, write_row, &text);
    if (!span_is(bytes_span(&text), want)) fail_msg("%.*s, not %s", (int)text.len, text.ptr, want);
    bytes_release(&text);
}

static void a_name_keeps_its_counts_while_somebody_has_it(void **state) {
    struct named_counts *counts = named_counts_create(3);
    (void)state;
    expect(counts, "other=0000 ");
    struct named_count *a = named_counts_acquire(counts, span_of("a")), *b = named_counts_acquire(counts, span_of("b"));
    named_count_add(a, 0);
    named_count_add(b, 3);
    assert_ptr_equal(named_counts_acquire(counts, span_of("a")), a); /* the next configuration has it too */
    expect(counts, "a=1000 b=0001 other=0000 ");
    named_counts_release(counts, a);
    named_counts_release(counts, b);
    expect(counts, "a=1000 other=0000 ");
    b = named_counts_acquire(counts, span_of("b"));
    expect(counts, "a=1000 b=0000 other=0000 ");
    named_counts_release(counts, a);
    named_counts_release(counts, b);
    named_counts_release(counts, NULL);
    expect(counts, "other=0000 ");
    named_counts_destroy(counts);
    named_counts_destroy(NULL);
}

static void names_beyond_the_rows_share_one(void **state) {
    struct named_counts *counts = named_counts_create(1);
    (void)state;
    struct named_count *other = named_counts_acquire(counts, span_of("other")), *a = named_counts_acquire(counts, span_of("a")),
                       *b = named_counts_acquire(counts, span_of("b")), *c = named_counts_acquire(counts, span_of("c"));
    assert_true(b == c && b == other && a != b);
    named_count_add(a, 1);
    named_count_add(b, 1);
    named_count_add(c, 1);
    expect(counts, "a=0100 other=0200 ");
    named_counts_release(counts, b);
    named_counts_release(counts, a);
    a = named_counts_acquire(counts, span_of("b")); /* there is room again; what was shared stays shared */
    expect(counts, "b=0000 other=0200 ");
    named_counts_release(counts, a);
    named_counts_destroy(counts);
}

static void sum_up(void *owner, struct span name, const uint64_t *count) {
    (void)name;
    *(uint64_t *)owner += count[0];
}

static void *come_and_go(void *owner) {
    char name[8];
    for (unsigned i = 0; i < 2000; i++) {
        uint64_t sum = 0;
        (void)snprintf(name, sizeof name, "r%u", i % 7);
        struct named_count *row = named_counts_acquire(owner, span_of(name));
        named_count_add(row, 0);
        if (i % 50 == 0) named_counts_walk(owner, sum_up, &sum);
        named_counts_release(owner, row);
    }
    return NULL;
}

static void threads_come_and_go(void **state) {
    struct named_counts *counts = named_counts_create(4);
    struct named_count *kept[7];
    pthread_t thread[4];
    uint64_t sum = 0;
    char name[8];
    (void)state;
    for (unsigned i = 0; i < 7; i++) {
        (void)snprintf(name, sizeof name, "r%u", i);
        kept[i] = named_counts_acquire(counts, span_of(name));
    }
    for (size_t i = 0; i < 4; i++) assert_int_equal(pthread_create(&thread[i], NULL, come_and_go, counts), 0);
    for (size_t i = 0; i < 4; i++) pthread_join(thread[i], NULL);
    named_counts_walk(counts, sum_up, &sum);
    assert_int_equal(sum, 8000);
    for (unsigned i = 0; i < 7; i++) named_counts_release(counts, kept[i]);
    expect(counts, "other=3424000 ");
    named_counts_destroy(counts);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_keeps_its_counts_while_somebody_has_it),
        cmocka_unit_test(names_beyond_the_rows_share_one),
        cmocka_unit_test(threads_come_and_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
