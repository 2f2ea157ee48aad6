#include "verifier/link_rewriter.h" /* first, so the header is proved to stand alone */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "tests/support/exact.h"

static const struct {
    const char *now, *before, *service; /* service NULL: nothing to undo */
    bool escape;
} rows[] = {
    {"see https://example.test/a?b=c&d=e.", "see https://example.test/a?b=c&d=e.", NULL, false},
    {"<a "
     "href=\"https://eur01.safelinks.protection.outlook.com/"
     "?url=https%3A%2F%2Fx.test%2F%3Fa%3D1%26b%3D2&amp;data=05%7C&amp;reserved=0\">x</a>",
     "<a href=\"https://x.test/?a=1&amp;b=2\">x</a>", "Microsoft Safe Links", true},
    {"https://urldefense.proofpoint.com/v2/url?u=https-3A__x.test_-3Fa-3D1&d=Dw", "https://x.test/?a=1",
     "Proofpoint URL Defense", false},
    {"https://urldefense.com/v3/__https://x.test/a*b__;w6k!!abc!d$ and",
     "https://x.test/a\xc3"
     "b and",
     "Proofpoint URL Defense", false},
    {"https://linkprotect.cudasvc.com/url?a=https%3a%2f%2fx.test&c=E,1", "https://x.test", "Barracuda Link Protection",
     false},
    {"https://url.avanan.click/v2/___https://x.test/___.YXB3", "https://x.test/", "Avanan", false},
    {"https://eu-west-1.protection.sophos.com?d=x.test&u=aHR0cHM6Ly94LnRlc3Q=&p=m", "https://x.test", "Sophos", false},
    {"https://secure-web.cisco.com/1abc-/https%3A%2F%2Fx.test%2Fa", "https://x.test/a", "Cisco Secure Email", false},
    {"(https://www.google.com/url?sa=D&q=https://x.test/)", "(https://x.test/)", "Google", false},
    {"https://www.google.com/search", "https://www.google.com/search", NULL, false},
    {"https://urldefense.com/v3/__cut", "https://urldefense.com/v3/__cut", NULL, false},
    {"http", "http", NULL, false},
};

static void every_row_is_undone_as_wanted(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct span now = exact_copy(span_of(rows[i].now));
        struct bytes out = bytes_with_cap(1024);
        const char *service = link_rewriter_undo(now, rows[i].escape, &out);
        if (!span_is(bytes_span(&out), rows[i].before)) fail_msg("%s: \"%.*s\"", rows[i].now, (int)out.len, out.ptr);
        if ((service == NULL) != (rows[i].service == NULL) ||
            (service != NULL && strcmp(service, rows[i].service) != 0))
            fail_msg("%s: %s", rows[i].now, service != NULL ? service : "none");
        bytes_release(&out);
        exact_free(now);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_row_is_undone_as_wanted)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
