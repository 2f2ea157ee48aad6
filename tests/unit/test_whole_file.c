#include "base/whole_file.h" /* first, so the header is proved to stand alone */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

enum { OCTETS = 100000 };

static void a_file_comes_whole_or_not_at_all(void **state) {
    (void)state;
    char path[] = "whole_file.XXXXXX", octets[OCTETS];
    struct bytes out;
    for (size_t i = 0; i < OCTETS; i++) octets[i] = (char)i;
    int file = mkstemp(path);
    assert_int_equal(write(file, octets, OCTETS), OCTETS);
    close(file);
    assert_true(whole_file_read(path, OCTETS, &out));
    assert_int_equal(out.len, OCTETS);
    assert_memory_equal(out.ptr, octets, OCTETS);
    bytes_release(&out);
    assert_false(whole_file_read(path, OCTETS - 1, &out));
    assert_int_equal(out.len, 0);
    bytes_release(&out);
    unlink(path);
    assert_false(whole_file_read(path, OCTETS, &out));
    assert_int_equal(out.len, 0);
    bytes_release(&out);
    assert_false(whole_file_read(".", OCTETS, &out)); /* a directory opens and cannot be read */
    bytes_release(&out);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_file_comes_whole_or_not_at_all)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
