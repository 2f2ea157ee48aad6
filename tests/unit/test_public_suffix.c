#include "verifier/public_suffix.h" /* first, so the header is proved to stand alone */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "tests/support/exact.h"

static const char list[] =
    "// a comment.example\n\ncom\nuk\nco.uk   // behind a blank\r\n*.ck\n!www.ck\ngithub.io\nio\nxn--x\n"
    "last.example";

/* The rows of https://publicsuffix.org/list/ that this list can show; want NULL: none. */
static const struct {
    const char *domain, *want;
} rows[] = {
    {"example.com", "example.com"},
    {"b.example.com", "example.com"},
    {"com", NULL},
    {"co.uk", NULL},
    {"a.b.co.uk", "b.co.uk"},
    {"x.uk", "x.uk"},
    {"ck", NULL},
    {"a.ck", NULL},
    {"b.a.ck", "b.a.ck"},
    {"c.b.a.ck", "b.a.ck"},
    {"www.ck", "www.ck"},
    {"a.www.ck", "www.ck"},
    {"me.github.io", "me.github.io"},
    {"github.io", NULL},
    {"notgithub.io", "notgithub.io"},
    {"a.b.unlisted", "b.unlisted"},
    {"unlisted", NULL},
    {"a.last.example", "a.last.example"},
    {"a.xn--b.com", NULL},
    {"", NULL},
};

static void every_row_has_its_organization(void **state) {
    (void)state;
    struct span exact = exact_copy((struct span){list, sizeof list - 1});
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct span domain = exact_copy(span_of(rows[i].domain)), got = public_suffix_organization(exact, domain);
        if (rows[i].want == NULL ? got.len > 0 : !span_is(got, rows[i].want))
            fail_msg("%s: \"%.*s\"", rows[i].domain, (int)got.len, got.ptr);
        exact_free(domain);
    }
    assert_int_equal(public_suffix_organization((struct span){NULL, 0}, span_of("a.com")).len, 0);
    exact_free(exact);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_row_has_its_organization)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
