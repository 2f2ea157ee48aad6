#include "http/compress.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

/* gzip(1) reads back what we wrote: an independent reader. */
static void gzip_reads_it_back(void **state) {
    (void)state;
    struct bytes in = bytes_with_cap(1 << 20), out = bytes_with_cap(1 << 20);
    for (int i = 0; i < 3000; i++) bytes_append_format(&in, "sceau_messages_total{verdict=\"accept\"} %d\n", i * 7919);
    assert_true(compress_gzip(bytes_span(&in), &out));
    assert_true(out.len < in.len / 4);
    char name[] = "/tmp/sceau_test_compress_XXXXXX", command[128];
    int fd = mkstemp(name);
    assert_int_equal(write(fd, out.ptr, out.len), out.len);
    close(fd);
    snprintf(command, sizeof command, "gzip -dc < %s", name);
    FILE *pipe = popen(command, "r");
    char *back = malloc(in.len + 1);
    assert_int_equal(fread(back, 1, in.len + 1, pipe), in.len);
    assert_int_equal(pclose(pipe), 0);
    assert_memory_equal(back, in.ptr, in.len);
    unlink(name);
    free(back);
    bytes_release(&in);
    bytes_release(&out);
}

static void too_large_for_the_cap_fails(void **state) {
    (void)state;
    struct bytes out = bytes_with_cap(10);
    assert_false(compress_gzip(span_of("some text that needs more than ten octets"), &out));
    assert_int_equal(out.len, 0);
    bytes_release(&out);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(gzip_reads_it_back), cmocka_unit_test(too_large_for_the_cap_fails)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
