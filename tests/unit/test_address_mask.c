#include "http/address_mask.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>
#include "tests/support/exact.h"

static const struct { const char *text, *want; } rows[] = {
    {"", ""},
    {"no address here", "no address here"},
    {"jane@example.org", "***@example.org"},
    {"@example.org", "@example.org"}, /* i= without a local part */
    {"Jane Doe <jane.doe@example.org>, bob@example.net", "Jane Doe <***@example.org>, ***@example.net"},
    {"for <a@b>;x@y", "for <***@b>;***@y"},
    {"\"jane doe\"@example.org", "***@example.org"},
    {"x \"jane doe\"@example.org", "x ***@example.org"},
    {"doe\"@example.org", "***@example.org"}, /* a quote that never began */
    {"bounce+jane=example.org@lists.example", "***@lists.example"},
    {"From:jane=40example.org|To:bob=40example.net", "From:***=40example.org|To:***=40example.net"},
    {"a@b@c", "***@***@c"},
    {"@@", "@@"},
    {"=4", "=4"},
    {"a=b; l=4096; p=40AB", "a=b; l=4096; p=40AB"},
};

static void every_row_is_masked(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct span octets = exact_copy(span_of(rows[i].text));
        struct bytes out = bytes_with_cap(1000);
        address_mask_append(&out, octets);
        if (!span_is(bytes_span(&out), rows[i].want))
            fail_msg("\"%s\": \"%.*s\"", rows[i].text, (int)out.len, out.ptr != NULL ? out.ptr : "");
        bytes_release(&out);
        exact_free(octets);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_row_is_masked)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
