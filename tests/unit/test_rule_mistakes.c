/* Every mistake that a rule file can hold: where it is said to be, what it is called, and the cure. The rows name the kinds;
 * a kind without a row fails the test. */
#include "rules/rule_set.h" /* first, so the header is proved to stand alone */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "base/arena.h"
#include "base/bytes.h"
#include "rules/rule_expect.h"
#include "rules/rule_mistake.h"

#define WHEN(condition) "rule \"r\" { when " condition " then accept }"
#define THEN(actions) "rule \"r\" { then " actions " }"

/* kind, text, line, column (of the first mistake), a part of the message, a part of the cure */
static const struct row {
    enum rule_mistake kind;
    const char *text;
    unsigned line, column;
    const char *message, *cure;
} rows[] = {
    {MISTAKE_CONTROL, "\x01", 1, 1, "control character", "plain text"},
    {MISTAKE_CONTROL, "rule \"a\x02\"", 1, 8, "control character", "plain text"},
    {MISTAKE_OPEN_STRING, "rule \"a\n{ then accept }", 1, 6, "not closed on its line", "end it with \""},
    {MISTAKE_BAD_ESCAPE, "rule \"a\\n\" { then accept }", 1, 8, "\\n means nothing", "backslash"},
    {MISTAKE_OPEN_PATTERN, WHEN("from.domain matches /a"), 1, 37, "pattern is not closed", "end it with /"},
    {MISTAKE_EMPTY_PATTERN, WHEN("from.domain matches // and dkim.pass"), 1, 37, "pattern is empty", "leave the comparison out"},
    {MISTAKE_BAD_FLAG, WHEN("from.domain matches /a/g"), 1, 40, "'g' is no flag", "i (any case)"},
    {MISTAKE_BAD_FLAG, WHEN("from.domain matches /a/ii"), 1, 41, "'i' is no flag", "each once"},
    {MISTAKE_SINGLE_QUOTE, WHEN("from.domain == 'x.fr'"), 1, 32, "single quotes", "\"text\""},
    {MISTAKE_TYPOGRAPHIC_QUOTE, WHEN("from.domain == \xe2\x80\x9cx.fr\xe2\x80\x9d"), 1, 32, "word processor", "plain quote"},
    {MISTAKE_AMPERSAND, WHEN("dkim.pass && arc.trusted"), 1, 27, "'&&' is no operator", "write and"},
    {MISTAKE_AMPERSAND, WHEN("dkim.pass & arc.trusted"), 1, 27, "'&' is no operator", "write and"},
    {MISTAKE_BAR, WHEN("dkim.pass || arc.trusted"), 1, 27, "'||' is no operator", "write or"},
    {MISTAKE_BANG, WHEN("!dkim.pass"), 1, 17, "'!' is no operator", "write not"},
    {MISTAKE_EQUALS, WHEN("spf.result = pass"), 1, 28, "'=' is no operator", "write =="},
    {MISTAKE_LESS_GREATER, WHEN("spf.result <> pass"), 1, 28, "'<>' is no operator", "write !="},
    {MISTAKE_TILDE, WHEN("from.domain =~ /x/"), 1, 29, "'=~' is no operator", "matches /PATTERN/"},
    {MISTAKE_CHARACTER, WHEN("dkim.pass;"), 1, 26, "means nothing here", "double quotes"},
    {MISTAKE_CHARACTER, WHEN("spf.result == pa\xc3\x9f"), 1, 33, "means nothing here", "double quotes"},
    {MISTAKE_NUMBER_SIZE, WHEN("recipients > 99999999999999999999"), 1, 30, "too large", "9,000"},
    {MISTAKE_NUMBER_SIZE, WHEN("message.size > 9000000000000 MiB"), 1, 32, "too large", "9,000"},
    {MISTAKE_NUMBER, WHEN("recipients > 12x3"), 1, 30, "'12x3' is no number", "KiB"},

    {MISTAKE_STATEMENT, "\nrul \"a\" { then accept }", 2, 1, "begins with 'rul'", "did you mean rule?"},
    {MISTAKE_CASE, "Rule \"a\" { then accept }", 1, 1, "'Rule' is written in lower case", "write rule"},
    {MISTAKE_RULE_NAME, "rule bank { then accept }", 1, 6, "no name", "rule \"NAME\" {"},
    {MISTAKE_RULE_NAME_BAD, "rule \"\" { then accept }", 1, 6, "no name for a rule", "1 to 64"},
    {MISTAKE_RULE_NAME_BAD, "rule \"caf\xc3\xa9\" { then accept }", 1, 6, "no name for a rule", "printable ASCII"},
    {MISTAKE_RULE_NAME_TWICE, "rule \"a\" { then accept }\nrule \"a\" { then accept }", 2, 6, "another rule \"a\"", "unique"},
    {MISTAKE_OPEN_BRACE, "rule \"a\" then accept", 1, 10, "'{' is wanted here, not 'then'", "rule \"NAME\" {"},
    {MISTAKE_OPEN_RULE, "rule \"a\" { mode shadow", 1, 1, "not closed when the file ends", "}"},
    {MISTAKE_PART, "rule \"a\" { whem dkim.pass then accept }", 1, 12, "'whem' is no part", "did you mean when?"},
    {MISTAKE_PART_TWICE, "rule \"a\" { when dkim.pass when dkim.pass then accept }", 1, 27, "when stands twice", "join conditions"},
    {MISTAKE_PART_TWICE, "rule \"a\" { mode shadow mode armed then accept }", 1, 24, "mode stands twice", "a rule has one"},
    {MISTAKE_PART_TWICE, "rule \"a\" { then log \"a\" then accept }", 1, 25, "then stands twice", "commas"},
    {MISTAKE_NO_THEN, "rule \"a\" { when dkim.pass }", 1, 27, "does nothing", "then accept"},
    {MISTAKE_PART_BEHIND_THEN, "rule \"a\" { then accept when dkim.pass }", 1, 24, "when stands behind then", "come last"},
    {MISTAKE_MODE, "rule \"a\" { mode shdow then accept }", 1, 17, "'shdow' is no mode", "did you mean shadow?"},
    {MISTAKE_ON_ERROR, "on errors skip", 1, 4, "followed by error", "on error skip"},
    {MISTAKE_ON_ERROR_KIND, "on error tempfial", 1, 10, "'tempfial' is nothing to do", "did you mean tempfail?"},
    {MISTAKE_ON_ERROR_KIND, "on error discard", 1, 10, "'discard' is nothing to do", "skip, accept"},
    {MISTAKE_DEFAULT, "default discard", 1, 9, "'discard' is no default", "accept, quarantine"},
    {MISTAKE_TWICE, "default accept\ndefault reject", 2, 1, "default stands twice", "keep one"},
    {MISTAKE_TWICE, "on error skip\non error reject", 2, 1, "on error stands twice", "keep one"},
    {MISTAKE_ARM, "arm reject", 1, 5, "only discard", "arm discard"},

    {MISTAKE_SET_NAME, "set of domains { \"a.fr\" }", 1, 5, "set has no name", "set NAME of domains"},
    {MISTAKE_SET_NAME_TAKEN, "set from.domain of domains { \"a.fr\" }", 1, 5, "word of the language", "another name"},
    {MISTAKE_SET_TWICE, "set a of domains { \"a.fr\" }\nset a of domains { \"b.fr\" }", 2, 5, "another set a", "another name"},
    {MISTAKE_SET_OF, "set a { \"a.fr\" }", 1, 7, "what does the set hold", "domains, mailboxes"},
    {MISTAKE_SET_KIND, "set a of domain { \"a.fr\" }", 1, 10, "no set holds 'domain'", "did you mean domains?"},
    {MISTAKE_SET_VALUES, "set a of domains \"a.fr\"", 1, 18, "set has no values", "from \"FILE\""},
    {MISTAKE_SET_EMPTY, "set a of domains { }", 1, 20, "set is empty", "name a value"},
    {MISTAKE_SET_ITEM, "set a of domains { \"a.fr\" / }", 1, 27, "pattern", ""},
    {MISTAKE_SET_ITEM, "set a of domains { \"a.fr\" ( }", 1, 27, "'(' is no value of a set", "} at the end"},
    {MISTAKE_SET_ITEM_KIND, "set a of domains { a.fr }", 1, 20, "set of domains holds no such value", "in quotes"},
    {MISTAKE_SET_ITEM_KIND, "set a of networks { here }", 1, 21, "set of networks holds no such value", "10.0.0.0/8"},
    {MISTAKE_SET_FILE, "set a of domains from \"/no/such/file\"", 1, 23, "cannot read the list", "one value on each line"},
    {MISTAKE_SET_UNKNOWN, "set banks of domains { \"a.fr\" }\n" WHEN("from.domain in bnaks"), 2, 32, "no set bnaks", "did you mean banks?"},
    {MISTAKE_SET_USE, "set a of networks { ::1 }\n" WHEN("from.domain in a"), 2, 32, "from.domain cannot be in a set of a", "set that holds"},

    {MISTAKE_CONDITION, WHEN("and dkim.pass"), 1, 17, "condition is wanted here, not 'and'", "name a fact"},
    {MISTAKE_CONDITION, WHEN("dkim.pass and"), 1, 31, "condition is wanted here, not 'then'", "name a fact"},
    {MISTAKE_LITERAL_FIRST, WHEN("\"a.fr\" == from.domain"), 1, 17, "begins with the fact", "other way round"},
    {MISTAKE_OPEN_PARENTHESIS, WHEN("(dkim.pass and arc.trusted"), 1, 17, "never closed", "put )"},
    {MISTAKE_CONDITION_ENDS, WHEN("dkim.pass )"), 1, 27, "')' does not go on", "and or or"},
    {MISTAKE_AND_OR, WHEN("dkim.pass and arc.trusted or dmarc.testing"), 1, 43, "side by side", "(a and b) or c"},
    {MISTAKE_DEEP, WHEN("((((((((((((((((((((((((((((((((dkim.pass))))))))))))))))))))))))))))))))"), 1, 49, "more than 32 deep", "split"},
    {MISTAKE_CHAIN, WHEN("from.domain == \"a.fr\" == dmarc.domain"), 1, 39, "not compared again", "a == b and b == c"},
    {MISTAKE_FACT, WHEN("from.domian == \"a.fr\""), 1, 17, "no fact from.domian", "did you mean from.domain?"},
    {MISTAKE_CASE, WHEN("dkim.pass AND arc.trusted"), 1, 27, "'AND' is written in lower case", "write and"},
    {MISTAKE_CASE, WHEN("NOT dkim.pass"), 1, 17, "'NOT' is written in lower case", "write not"},
    {MISTAKE_CASE, WHEN("from.domain Matches /a/"), 1, 29, "'Matches' is written in lower case", "write matches"},
    {MISTAKE_OPERATOR, WHEN("spf.result is pass"), 1, 28, "behind spf.result stands an operator, not 'is'", "== !="},
    {MISTAKE_NOT_BOOL, WHEN("spf.result"), 1, 17, "spf.result is no condition by itself", "exists spf.result"},
    {MISTAKE_HEADER, WHEN("header.Subject == \"x\""), 1, 17, "no fact header.Subject", ""},
    {MISTAKE_HEADER, WHEN("header contains \"x\""), 1, 24, "wants a field name", "header[\"Subject\"]"},
    {MISTAKE_HEADER, WHEN("header[Subject] contains \"x\""), 1, 24, "wants a field name", "header[\"Subject\"]"},
    {MISTAKE_HEADER_NAME, WHEN("exists header[\"Sub ject:\"]"), 1, 31, "no name of a header field", "List-Id"},
    {MISTAKE_HEADER_CLOSE, WHEN("exists header[\"Subject\""), 1, 41, "not closed with ]", "header[\"Subject\"]"},
    {MISTAKE_OPERAND, WHEN("spf.result =="), 1, 31, "behind == stands a value, not 'then'", "a text in quotes"},
    {MISTAKE_OPERATOR_TYPE, WHEN("spf.result < pass"), 1, 28, "< asks nothing of a word", "sceau.rules(5)"},
    {MISTAKE_OPERATOR_TYPE, WHEN("client.address within \"a.fr\""), 1, 32, "within asks nothing of an IP address", ""},
    {MISTAKE_OPERAND_TYPE, WHEN("recipients > \"three\""), 1, 30, "recipients is not compared with this", "a number"},
    {MISTAKE_OPERAND_TYPE, WHEN("client.address == \"here\""), 1, 35, "no address or network", ""},
    {MISTAKE_OPERAND_TYPE, WHEN("from.domain == spf.result"), 1, 32, "from.domain is not compared with this", "a domain in quotes"},
    {MISTAKE_OPERAND_TYPE, WHEN("message.size > recipients"), 1, 32, "message.size is not compared with this", "a number"},
    {MISTAKE_OPERAND_TYPE, WHEN("from.domain == { \"a.fr\" }"), 1, 32, "from.domain is not compared with this", ""},
    {MISTAKE_UNIT, WHEN("message.size > 10 MB"), 1, 35, "'MB' is no unit", "MiB"},
    {MISTAKE_UNIT_MISSING, WHEN("message.size > 10"), 1, 32, "message.size has a unit", "write 10 KiB"},
    {MISTAKE_UNIT_MISSING, WHEN("domain.first_seen < 7"), 1, 37, "domain.first_seen has a unit", "write 7 d"},
    {MISTAKE_UNIT_WRONG, WHEN("signature.key_bits < 1 KiB"), 1, 40, "not measured in KiB", "its own unit"},
    {MISTAKE_UNIT_WRONG, WHEN("recipients > 3 s"), 1, 32, "recipients is not measured in s", ""},
    {MISTAKE_WORD, WHEN("spf.result == soft"), 1, 31, "spf.result is never 'soft'", "softfail"},
    {MISTAKE_WORD, WHEN("signature.code == key_revokd"), 1, 35, "never 'key_revokd'", "did you mean key_revoked?"},
    {MISTAKE_WORD_QUOTED, WHEN("spf.result == \"pass\""), 1, 31, "spf.result is a word", "pass without quotes"},
    {MISTAKE_TEXT_UNQUOTED, WHEN("from.domain == example.com"), 1, 32, "compared with a text", "\"example.com\" in quotes"},
    {MISTAKE_DOMAIN, WHEN("from.domain == \"a b\""), 1, 32, "\"a b\" is no domain name", "mail.example.com"},
    {MISTAKE_MAILBOX, WHEN("from.address == \"alice\""), 1, 33, "\"alice\" is no address", "without <>"},
    {MISTAKE_MAILBOX, WHEN("from.address == \"<a@b.fr>\""), 1, 33, "is no address", "without <>"},
    {MISTAKE_ADDRESS, WHEN("client.address == 192.0.2.300"), 1, 35, "'192.0.2.300' is no address", "2001:db8::/32"},
    {MISTAKE_ADDRESS, WHEN("client.address in 10.0.0.0/33"), 1, 35, "'10.0.0.0/33' is no address", "10.0.0.0/8"},
    {MISTAKE_HOST_BITS, WHEN("client.address in 10.1.2.3/8"), 1, 35, "10.1.2.3/8 has bits behind its prefix", "write 10.0.0.0/8"},
    {MISTAKE_NETWORK_EQUAL, WHEN("client.address == 10.0.0.0/8"), 1, 35, "not equal to an address", "write in 10.0.0.0/8"},
    {MISTAKE_PATTERN, WHEN("from.domain matches /ab(c/"), 1, 42, "pattern is wrong", "PCRE2"},
    {MISTAKE_PATTERN_WANTED, WHEN("from.domain matches \"a.fr\""), 1, 37, "matches wants a pattern", "/PATTERN/"},
    {MISTAKE_PATTERN_UNWANTED, WHEN("from.domain == /a/"), 1, 32, "only matches takes a pattern", "matches /.../"},
    {MISTAKE_NOCASE, WHEN("from.domain == \"a.fr\" nocase"), 1, 39, "nocase means nothing", "no case anyway"},
    {MISTAKE_MANY_DIFFER, WHEN("signature.domain != \"a.fr\""), 1, 34, "signature.domain has several values", "not (signature.domain == ...)"},
    {MISTAKE_ONE_VALUE, WHEN("any from.domain == \"a.fr\""), 1, 17, "from.domain has one value only", "leave any out"},
    {MISTAKE_ONE_VALUE, WHEN("count from.domain > 1"), 1, 23, "from.domain has one value only", "leave count out"},
    {MISTAKE_ONE_VALUE, WHEN("any signature { all signature.result == pass }"), 1, 33, "one value only", "leave all out"},
    {MISTAKE_BLOCK, WHEN("any signatur { dkim.pass }"), 1, 21, "'signatur' cannot be gone through", "did you mean signature?"},
    {MISTAKE_BLOCK_OPEN, "rule \"r\" { when any signature { signature.testing then accept }", 1, 31, "{ is never closed", "put }"},
    {MISTAKE_BLOCK_NESTED, WHEN("any signature { any recipient { dkim.pass } }"), 1, 33, "inside each other", "one block beside the other"},
    {MISTAKE_COUNT, WHEN("count signature.result"), 1, 40, "compares with a number", "count signature.result > 1"},
    {MISTAKE_COUNT, WHEN("count header[\"To\"] contains \"x\""), 1, 36, "compares with a number", "> 1"},

    {MISTAKE_ACTION, THEN("rejct"), 1, 17, "no action 'rejct'", "did you mean reject?"},
    {MISTAKE_ACTIONS_MANY, THEN("log \"1\", log \"2\", log \"3\", log \"4\", log \"5\", log \"6\", log \"7\", log \"8\", log \"9\", log \"a\", log \"b\", log \"c\", "
                                "log \"d\", log \"e\", log \"f\", log \"g\", accept"), 1, 161, "more than 16 actions", "split"},
    {MISTAKE_CODE, THEN("reject 450"), 1, 24, "450 is no code for reject", "500 to 599"},
    {MISTAKE_CODE, THEN("tempfail 421"), 1, 26, "421 is no code for tempfail", "ends sessions"},
    {MISTAKE_ENHANCED, THEN("reject 550 4.7.1"), 1, 28, "4.7.1 is no enhanced code of reject", "RFC 3463"},
    {MISTAKE_ENHANCED, THEN("tempfail 4.7"), 1, 26, "4.7 is no enhanced code of tempfail", "4.7.1"},
    {MISTAKE_TEXT_WANTED, THEN("log"), 1, 21, "log wants a text", "log \"...\""},
    {MISTAKE_TEXT_ASCII, THEN("reject \"refus\xc3\xa9\""), 1, 30, "other than printable ASCII", "plain letters"},
    {MISTAKE_PLACE_OPEN, THEN("log \"a {from.domain\""), 1, 24, "not closed in the text", "{{"},
    {MISTAKE_PLACE_CLOSE, THEN("log \"a } b\""), 1, 24, "closes nothing in the text", "}}"},
    {MISTAKE_PLACE_FACT, THEN("log \"{from.domian}\""), 1, 23, "no fact from.domian to put in", "did you mean from.domain?"},
    {MISTAKE_DISCARD_FILE, THEN("discard"), 1, 17, "not armed in this file", "arm discard"},
    {MISTAKE_DISCARD_PROGRAM, "arm discard\n" THEN("discard"), 2, 17, "not armed in the configuration", "arm_discard"},
    {MISTAKE_FIELD_KEPT, THEN("add header[\"Subject\"] \"x\""), 1, 28, "rules leave Subject alone", "X-Subject"},
    {MISTAKE_FIELD_KEPT, THEN("remove header[\"arc-seal\"]"), 1, 31, "rules leave arc-seal alone", "proofs"},
    {MISTAKE_TAG_SUBJECT, THEN("tag \"[x]\""), 1, 21, "only the subject", "tag subject"},
    {MISTAKE_TO, THEN("redirect \"a@b.fr\""), 1, 26, "'to' is wanted here", "redirect to"},
    {MISTAKE_MAILBOX, THEN("redirect to \"nobody\""), 1, 29, "\"nobody\" is no address", "someone@example.com"},
    {MISTAKE_DOWNSTREAM, THEN("quarantine to junk"), 1, 31, "name is missing", "quarantine to \"NAME\""},
    {MISTAKE_VERDICT_TWICE, THEN("accept, reject"), 1, 25, "already has a verdict", "keep one"},
    {MISTAKE_CONTINUE, THEN("log \"a\", continue"), 1, 26, "continue stands behind a verdict", "go on by themselves"},
    {MISTAKE_BEHIND_STOP, THEN("stop, log \"a\""), 1, 23, "nothing follows stop", "put it before"},
    {MISTAKE_STOP, THEN("accept, stop"), 1, 25, "stops by itself", "leave stop out"},
};

/* Those that need more than a line. */
static const enum rule_mistake elsewhere[] = {
    MISTAKE_FILE, MISTAKE_RULES_MANY, MISTAKE_SETS_MANY, MISTAKE_LONG, MISTAKE_TEXT_LONG,
    MISTAKE_EXPECT_STATEMENT, MISTAKE_EXPECT_NAME, MISTAKE_EXPECT_OPEN, MISTAKE_EXPECT_PART, MISTAKE_EXPECT_VALUE,
    MISTAKE_EXPECT_MESSAGE, MISTAKE_EXPECT_RULES, MISTAKE_EXPECT_NONE,
};

static bool holds(struct span text, const char *part) {
    size_t len = strlen(part);
    for (size_t i = 0; i + len <= text.len; i++)
        if (memcmp(text.ptr + i, part, len) == 0) return true;
    return len == 0;
}

static enum rule_set_status compile(struct span text, struct rule_errors *errors, struct rule_set **set) {
    char *exact = malloc(text.len > 0 ? text.len : 1);
    assert_non_null(exact);
    if (text.len > 0) memcpy(exact, text.ptr, text.len);
    struct rule_source source = {span_of("test.rules"), {exact, text.len}};
    struct rule_options options = {0};
    enum rule_set_status status = rule_set_compile(&source, 1, &options, errors, set);
    free(exact);
    return status;
}

static void every_row_names_place_and_cure(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct rule_errors errors = {0};
        struct rule_set *set;
        enum rule_set_status status = compile(span_of(rows[i].text), &errors, &set);
        const struct rule_error *error = &errors.error[0];
        if (status != RULE_SET_BAD || errors.count == 0) fail_msg("%s: no mistake was found", rows[i].text);
        if (error->line != rows[i].line || error->column != rows[i].column || !holds(error->message, rows[i].message) ||
            !holds(error->hint, rows[i].cure))
            fail_msg("%s: %u:%u: %.*s (%.*s)", rows[i].text, error->line, error->column, (int)error->message.len, error->message.ptr,
                     (int)error->hint.len, error->hint.ptr);
        assert_true(error->hint.len > 0 && set == NULL && span_is(error->file, "test.rules"));
        rule_errors_release(&errors);
    }
    printf("%zu mistakes, each with line, column and cure\n", sizeof rows / sizeof *rows);
}

static void every_kind_has_a_row(void **state) {
    (void)state;
    bool seen[MISTAKE_COUNT_OF_KINDS] = {0};
    size_t kinds = 0;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) seen[rows[i].kind] = true;
    for (size_t i = 0; i < sizeof elsewhere / sizeof *elsewhere; i++) seen[elsewhere[i]] = true;
    for (size_t i = 0; i < MISTAKE_COUNT_OF_KINDS; i++) {
        if (!seen[i]) fail_msg("mistake %zu has no row", i);
        kinds += seen[i];
    }
    assert_true(kinds >= 60);
}

/* --- what needs more than a line ---------------------------------------------------------------------------------- */

static void expect_first(struct bytes *text, const char *message, unsigned line) {
    struct rule_errors errors = {0};
    struct rule_set *set;
    assert_false(text->failed);
    assert_int_equal(compile(bytes_span(text), &errors, &set), RULE_SET_BAD);
    if (!holds(errors.error[0].message, message) || errors.error[0].line != line)
        fail_msg("%u: %.*s", errors.error[0].line, (int)errors.error[0].message.len, errors.error[0].message.ptr);
    rule_errors_release(&errors);
    bytes_release(text);
}

static void limits_are_told(void **state) {
    (void)state;
    struct bytes text = bytes_with_cap(RULE_SET_TEXT_MAX);
    for (unsigned i = 1; i <= RULE_SET_RULES_MAX + 1; i++) bytes_append_format(&text, "rule \"%u\" { then accept }\n", i);
    expect_first(&text, "more rules than 10,000", RULE_SET_RULES_MAX + 1);
    for (unsigned i = 1; i <= 1001; i++) bytes_append_format(&text, "set s%u of domains { \"a.fr\" }\n", i);
    expect_first(&text, "more sets than 1,000", 1001);
    bytes_append_text(&text, "rule \"r\" { when dkim.pass");
    for (unsigned i = 1; i <= 1000; i++) bytes_append_text(&text, " and\ndkim.pass");
    bytes_append_text(&text, " then accept }");
    expect_first(&text, "more than 1,000 comparisons", 1001);
    bytes_append_text(&text, "rule \"r\" {\n then log \"");
    for (unsigned i = 0; i < 401; i++) bytes_append_char(&text, 'x');
    bytes_append_text(&text, "\" }");
    expect_first(&text, "text is too long", 2);
}

static void many_mistakes_are_told_in_order(void **state) {
    (void)state;
    struct rule_errors errors = {0};
    struct rule_set *set;
    struct bytes text = bytes_with_cap(RULE_SET_TEXT_MAX);
    /* Grammar and meaning by turns: the parser goes on behind each, and the places come in order. */
    for (unsigned i = 0; i < 40; i++)
        bytes_append_format(&text, i % 2 == 0 ? "rule \"%u\" { when from.domian == \"x.fr\" then accept }\n" : "rule \"%u\" { when dkim.pass && then accept }\n", i);
    assert_int_equal(compile(bytes_span(&text), &errors, &set), RULE_SET_BAD);
    assert_int_equal(errors.count, 40);
    for (unsigned i = 0; i < 40; i++) assert_int_equal(errors.error[i].line, i + 1);
    rule_errors_release(&errors);
    for (unsigned i = 0; i < 200; i++) bytes_append_text(&text, "?\n");
    assert_int_equal(compile(bytes_span(&text), &errors, &set), RULE_SET_BAD);
    assert_int_equal(errors.count, RULE_SET_ERRORS_MAX);
    rule_errors_release(&errors);
    bytes_release(&text);
}

static void files_that_cannot_be_read_are_told(void **state) {
    (void)state;
    const char *paths[] = {"/no/such/file.rules", "/"};
    struct rule_errors errors = {0};
    struct rule_set *set;
    struct rule_options options = {0};
    assert_int_equal(rule_set_load(paths, 2, &options, &errors, &set), RULE_SET_BAD);
    assert_int_equal(errors.count, 2);
    assert_true(holds(errors.error[0].message, "cannot read the file: No such file") && errors.error[0].line == 0);
    assert_true(holds(errors.error[1].message, "cannot read the file") && span_is(errors.error[1].file, "/"));
    rule_errors_release(&errors);
}

static void tests_have_mistakes_too(void **state) {
    static const struct {
        const char *text;
        unsigned line, column;
        const char *message;
    } tests[] = {
        {"rule \"a\"", 1, 1, "no statement of a test"},
        {"rules \"a\"\nexpect { }", 2, 8, "wants a name"},
        {"rules \"a\"\nexpect \"x\" { message \"m\"", 2, 25, "not closed"},
        {"rules \"a\"\nexpect \"x\" { mesage \"m\" }", 2, 14, "'mesage' is nothing"},
        {"rules \"a\"\nexpect \"x\" { message \"m\" code \"550\" }", 2, 31, "code has no such value"},
        {"rules \"a\"\nexpect \"x\" { verdict accept }", 2, 29, "about one message"},
        {"expect \"x\" { message \"m\" }", 1, 27, "names no rules"},
        {"rules \"a\"", 1, 10, "expects nothing"},
        {"now soon", 1, 5, "now has no such value"},
        {"arm reject", 1, 5, "only discard"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++) {
        struct rule_errors errors = {0};
        struct rule_expect_file file;
        struct arena *arena = arena_create(1 << 20);
        struct rule_source source = {span_of("a.test"), span_of(tests[i].text)};
        bool sound = rule_expect_read(&source, arena, &errors, &file);
        if (sound || errors.count != 1 || errors.error[0].line != tests[i].line || errors.error[0].column != tests[i].column ||
            !holds(errors.error[0].message, tests[i].message))
            fail_msg("%s: %u:%u: %.*s", tests[i].text, errors.error[0].line, errors.error[0].column, (int)errors.error[0].message.len,
                     errors.error[0].message.ptr);
        rule_errors_release(&errors);
        arena_destroy(arena);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_names_place_and_cure),     cmocka_unit_test(every_kind_has_a_row),
        cmocka_unit_test(limits_are_told),                    cmocka_unit_test(many_mistakes_are_told_in_order),
        cmocka_unit_test(files_that_cannot_be_read_are_told), cmocka_unit_test(tests_have_mistakes_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
