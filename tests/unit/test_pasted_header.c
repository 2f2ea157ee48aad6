#include "verifier/pasted_header.h" /* first, so the header is proved to stand alone */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "tests/support/exact.h"

static const struct {
    const char *pasted, *read, *repaired; /* repaired NULL: nothing to repair */
} rows[] = {
    {"A: b\r\nC: d\r\n\r\nbody\r\n", "A: b\r\nC: d\r\n\r\n", NULL},
    {"\n\n  \nA: b\nC: d", "A: b\r\nC: d\r\n\r\n", NULL},
    {"A: b\rC: d\r", "A: b\r\nC: d\r\n\r\n", NULL},
    {"DKIM-Signature: v=1;\n d=x\n", "DKIM-Signature: v=1;\r\n d=x\r\n\r\n", NULL},
    {"DKIM-Signature: v=1;\nh=from:to;\nbh=ab=\nFrom: a\n",
     "DKIM-Signature: v=1;\r\nh=from:to;\r\nbh=ab=\r\nFrom: a\r\n\r\n",
     "DKIM-Signature: v=1;\r\n h=from:to;\r\n bh=ab=\r\nFrom: a\r\n\r\n"},
    {"Received: from x\nby y; Mon, 6 Jan 2025 10:20:30 +0000\nhttps://a\n",
     "Received: from x\r\nby y; Mon, 6 Jan 2025 10:20:30 +0000\r\nhttps://a\r\n\r\n",
     "Received: from x\r\n by y; Mon, 6 Jan 2025 10:20:30 +0000\r\n https://a\r\n\r\n"},
    {"", "\r\n", NULL},
};

static void every_row_reads_as_wanted(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct span pasted = exact_copy(span_of(rows[i].pasted));
        struct bytes read = bytes_with_cap(1024), repaired = bytes_with_cap(1024);
        pasted_header_read(pasted, &read);
        if (!span_is(bytes_span(&read), rows[i].read)) fail_msg("row %zu: \"%.*s\"", i, (int)read.len, read.ptr);
        bool any = pasted_header_repair(bytes_span(&read), &repaired);
        if (any != (rows[i].repaired != NULL)) fail_msg("row %zu", i);
        if (any && !span_is(bytes_span(&repaired), rows[i].repaired))
            fail_msg("row %zu: \"%.*s\"", i, (int)repaired.len, repaired.ptr);
        bytes_release(&read);
        bytes_release(&repaired);
        exact_free(pasted);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_row_reads_as_wanted)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
