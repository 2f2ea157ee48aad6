#include "verifier/policy_judge.h" /* first, so the header is proved to stand alone */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "tests/support/exact.h"

/* wanted: ids of the findings in order; found and position: of the first; position 0: it has none. */
static const struct row {
    bool is_spf;
    const char *text, *wanted, *says;
    unsigned position;
} rows[] = {
    {true, "v=spf1 mx -all", "", NULL, 0},
    {true, "V=SPF1 redirect=e.example", "", NULL, 0},
    {true, "v=spf1 +all", "P3", "any server in the world", 0},
    {true, "v=spf1 mx", "P3", "no all", 0},
    {true, "v=spf1 ptr ptr:e.example ~all", "P3", "ptr", 0}, /* once */
    {true, "v=spf1 foo -all", "P3", "does not exist: foo", 8},
    {true, "v=spf1 mx caf\xc3\xa9 -all", "P3", "may not stand there", 11}, /* RFC 7208 section 3.1 */
    {true, "v=spf1 include -all", "P3", "lacks its value", 8},
    {true, "v=spf1 mx all:x", "P3", "must not have: all:x", 11},
    {true, "v=spf1 include:.. -all", "P3", "a domain that is none: include:..", 8},
    {true, "v=spf1 ip4:1.2.3 -all", "P3", "an address that is none: ip4:1.2.3", 8},
    {true, "v=spf1 ip4:1.2.3.4/33 -all", "P3", "prefix length", 8},
    {true, "v=spf1 mx//129 -all", "P3", "prefix length", 8},
    {true, "v=spf1 x=%a -all", "P3", "value that cannot be read: x=%a", 8},
    {true, "v=spf1 redirect=a.example redirect=b.example", "P3", "twice", 27}, /* section 6 */
    {true, "v=spf1-all", "P3", "does not begin with v=spf1", 1},
    {false, "v=DMARC1; p=reject", "", NULL, 0},
    {false, "v=DMARC1;P=REJECT ; SP = quarantine;", "", NULL, 0}, /* RFC 9989 section 4.8: names have no case */
    {false, "v=dmarc1; p=none", "P6", "but with v=dmarc1", 1},
    {false, "v=DMARC1", "P6", "p= is missing", 0},
    {false, "v=DMARC1;\r\n p=none", "P6", "p= is missing", 0}, /* no white space of section 4.8 */
    {false, "v=dmarc1; p", "P6 P6", "without =: p", 11},
    {false, "v=DMARC1; p=rejct", "P6", "does not exist: p=rejct", 11},
    {false, "v=DMARC1; p=reject; sp=", "P6", "does not exist: sp=", 21},
    {false, "v=DMARC1; p=reject; np=maybe; pct=5", "P6 P9", "does not exist: np=maybe", 21},
    {false, "v=DMARC1; p=reject; rua", "P6", "without =: rua", 21},
    {false, "v=DMARC1; p=reject; ;", "P6", "no tag", 21},
    {false, "v=DMARC1; p=reject; r-a=x", "P6", "no tag: r-a=x", 21},
    {false, "v=DMARC1; p=reject; p=none", "P6", "twice", 21},
    {false, "v=DMARC1; p=reject; x=\x01", "P6", "character", 21},
    {false, "v=DMARC1; p=reject; t=y; sp=none", "P10 P11", "test mode", 0},
};

static void expect_row(const struct row *row) {
    struct span text = exact_copy(span_of(row->text)); /* the sanitizers see one octet too many */
    struct finding_list list = {.count = 0};
    struct bytes names = bytes_with_cap(1024), said = bytes_with_cap(65536);
    (row->is_spf ? policy_judge_spf : policy_judge_dmarc)(text, span_of("d.example"), &list);
    for (size_t i = 0; i < list.count; i++) {
        bytes_append_text(&names, i > 0 ? " " : "");
        bytes_append_text(&names, finding_name(list.finding[i].id));
    }
    finding_write_text(&said, &list, (struct report_style){LANGUAGE_EN, false});
    bytes_append_char(&said, '\0');
    if (!span_is(bytes_span(&names), row->wanted)) fail_msg("%s: wanted %s:\n%s", row->text, row->wanted, said.ptr);
    if (row->says != NULL && strstr(said.ptr, row->says) == NULL) fail_msg("%s: %s", row->text, said.ptr);
    if (strchr(said.ptr, '{') != NULL) fail_msg("%s: a place is empty: %s", row->text, said.ptr);
    unsigned position = 0;
    for (size_t i = 0; list.count > 0 && i < list.finding[0].arg_count; i++)
        if (strcmp(list.finding[0].arg[i].name, "position") == 0) position = (unsigned)list.finding[0].arg[i].number;
    if (position != row->position) fail_msg("%s: at %u, wanted %u", row->text, position, row->position);
    bytes_release(&names), bytes_release(&said);
    free((void *)(uintptr_t)text.ptr);
}

static void records_are_judged(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) expect_row(&rows[i]);
}

static void what_is_quoted_is_cut(void **state) {
    (void)state;
    char text[5000] = "v=spf1 ";
    struct finding_list list = {.count = 0};
    memset(text + 7, 'x', sizeof text - 7);
    policy_judge_spf((struct span){text, sizeof text}, span_of("d.example"), &list);
    assert_int_equal(list.count, 1);
    assert_int_equal(list.finding[0].arg[1].text.len, 200);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_are_judged),
        cmocka_unit_test(what_is_quoted_is_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
