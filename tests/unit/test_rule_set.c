/* What rules do with one message whose facts are all known: each action has its rows, and a missing one fails the test.
 * Order, default, shadow, errors, and that waiting for literals changes nothing. */
#include "rules/rule_set.h" /* first, so the header is proved to stand alone */
#include "base/bytes.h"
#include "tests/unit/rule_message.h"

/* --- actions ------------------------------------------------------------------------------------------------------ */

static void expect_span(struct span got, const char *want, const char *row) {
    if (!span_is(got, want)) fail_msg("%s: \"%.*s\", not \"%s\"", row, (int)got.len, got.ptr, want);
}

/* clang-format off */
static const struct {
    const char *rule; /* what stands in the rule's braces */
    enum rule_verdict verdict;
    unsigned code;
    const char *enhanced, *text, *downstream;
} verdicts[] = {
    {"then accept", RULE_ACCEPT, 0, "", "", ""},
    {"then reject", RULE_REJECT, 550, "5.7.1", "Message refused by policy", ""},
    {"then reject 554 5.6.0 \"no\"", RULE_REJECT, 554, "5.6.0", "no", ""},
    {"when not dkim.all_pass then reject \"x\"", RULE_REJECT, 550, "5.7.20", "x", ""},                  /* RFC 7372 section 3.1 */
    {"when not dkim.aligned then reject \"x\"", RULE_REJECT, 550, "5.7.22", "x", ""},
    {"when dkim.pass and not dkim.aligned then reject \"x\"", RULE_REJECT, 550, "5.7.22", "x", ""},
    {"when spf.result == softfail then reject \"x\"", RULE_REJECT, 550, "5.7.23", "x", ""},             /* section 3.2 */
    {"when spf.result == softfail then tempfail", RULE_TEMPFAIL, 451, "4.7.24", "Message deferred by policy, try again later", ""},
    {"when iprev.result == pass then reject \"x\"", RULE_REJECT, 550, "5.7.25", "x", ""},               /* section 3.3 */
    {"when dkim.pass and spf.result == softfail then reject \"x\"", RULE_REJECT, 550, "5.7.26", "x", ""}, /* section 3.4 */
    {"when dmarc.result == fail then reject \"x\"", RULE_REJECT, 550, "5.7.26", "x", ""},
    {"when arc.result == pass then reject \"x\"", RULE_REJECT, 550, "5.7.29", "x", ""},                 /* RFC 8617 section 9.6 */
    {"when from.domain within \"example\" then reject \"x\"", RULE_REJECT, 550, "5.7.1", "x", ""},
    {"then tempfail 450 4.7.1 \"{rule}: {recipients} for {recipient.domain} {{}}\"", RULE_TEMPFAIL, 450, "4.7.1",
     "r: 2 for example.net, sub.example.com {}", ""},
    {"then reject \"{header[Subject]} \\\"{header[X-Folded]}\\\" {arc.failed_set}{from.address}\"", RULE_REJECT, 550, "5.7.1",
     "=?utf-8?q?Win=20a?= prize \"one two\" 2alice@xn--bcher-kva.example", ""},
    {"then discard", RULE_DISCARD, 0, "", "", ""},
    {"then quarantine", RULE_QUARANTINE, 0, "", "", ""},
    {"then quarantine \"odd\" to \"junk\"", RULE_QUARANTINE, 0, "", "odd", "junk"},
    {"then stop", RULE_ACCEPT, 0, "", "", ""},
};
/* clang-format on */

static void verdicts_are_as_written(void **state) {
    (void)state;
    struct rule_input input = input_of_message();
    struct rule_scratch *scratch = rule_scratch_create(false);
    for (size_t i = 0; i < sizeof verdicts / sizeof *verdicts; i++) {
        char text[512];
        struct rule_outcome outcome;
        snprintf(text, sizeof text, "arm discard\nrule \"r\" { %s }\nrule \"behind\" { then log \"not reached\" }",
                 verdicts[i].rule);
        struct rule_set *set = compile(text);
        assert_true(rule_set_evaluate(set, &input, scratch, &outcome));
        const struct rule_decision *decision = &outcome.decision;
        if (decision->verdict != verdicts[i].verdict || decision->code != verdicts[i].code || outcome.event_count != 1)
            fail_msg("%s: %s %u, %zu events", verdicts[i].rule, rule_verdict_word(decision->verdict), decision->code,
                     outcome.event_count);
        assert_true(decision->rule == (strcmp(verdicts[i].rule, "then stop") == 0 ? RULE_NONE : 0));
        expect_span(decision->enhanced, verdicts[i].enhanced, verdicts[i].rule);
        expect_span(decision->text, verdicts[i].text, verdicts[i].rule);
        expect_span(decision->downstream, verdicts[i].downstream, verdicts[i].rule);
        rule_set_destroy(set);
    }
    rule_scratch_destroy(scratch);
}

static void edits_are_as_written(void **state) {
    (void)state;
    struct rule_input input = input_of_message();
    struct rule_scratch *scratch = rule_scratch_create(false);
    struct rule_outcome outcome;
    struct rule_set *set = compile(
        "rule \"a\" { then add header[\"X-Note\"] \"{dmarc.result} for {from.domain}\", remove header[\"X-Twice\"],\n"
        "  tag subject \"[{spf.result}]\", redirect to \"postmaster@example.com\", log \"seen {message.size}\" }\n"
        "rule \"b\" { then quarantine \"why\" }");
    assert_true(rule_set_evaluate(set, &input, scratch, &outcome));
    assert_int_equal(outcome.edit_count, 5);
    static const struct {
        enum rule_edit_kind kind;
        const char *name, *value;
    } want[] = {{RULE_ADD_FIELD, "X-Note", "fail for xn--bcher-kva.example"},
                {RULE_REMOVE_FIELD, "X-Twice", ""},
                {RULE_TAG_SUBJECT, "", "[softfail]"},
                {RULE_REDIRECT, "", "postmaster@example.com"},
                {RULE_ADD_FIELD, "X-Sceau-Quarantine", "b; why"}};
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(outcome.edit[i].kind, want[i].kind);
        expect_span(outcome.edit[i].name, want[i].name, "name");
        expect_span(outcome.edit[i].value, want[i].value, "value");
    }
    expect_span(outcome.event[0].log, "seen 5000", "log");
    assert_true(outcome.decision.verdict == RULE_QUARANTINE && outcome.decision.rule == 1);
    rule_set_destroy(set);
    /* More than fit: an error of the rule, counted, and the message goes its way. */
    struct bytes text = bytes_with_cap(1 << 20);
    for (int i = 0; i < 70; i++) bytes_append_format(&text, "rule \"%d\" { then add header[\"X-N\"] \"%d\" }\n", i, i);
    bytes_append_char(&text, '\0');
    set = compile(text.ptr);
    assert_true(rule_set_evaluate(set, &input, scratch, &outcome));
    assert_true(outcome.edit_count == RULE_EDITS_MAX && outcome.event_count == 76 &&
                outcome.decision.verdict == RULE_ACCEPT);
    rule_set_destroy(set);
    bytes_release(&text);
    rule_scratch_destroy(scratch);
}

/* Octets from outside stay on one line of printable ASCII. */
static void texts_carry_nothing_else_than_text(void **state) {
    (void)state;
    static const char hostile[] = "Subject: a\x01\x7f\xff\xc3\xa9\x1b[31m\r\n\tX-Evil: yes\r\n\r\n";
    struct header_section odd;
    size_t taken;
    header_section_init(&odd, header_limits_default);
    assert_int_equal(header_section_update(&odd, (struct span){hostile, sizeof hostile - 1}, &taken), HEADER_COMPLETE);
    struct rule_input input = input_of_message();
    input.header = &odd;
    struct rule_scratch *scratch = rule_scratch_create(true);
    struct rule_outcome outcome;
    struct rule_set *set = compile("rule \"r\" { when exists header[\"Subject\"] then reject \"{header[Subject]}\" }");
    assert_true(rule_set_evaluate(set, &input, scratch, &outcome));
    expect_span(outcome.decision.text, "a??????[31m X-Evil: yes", "reply");
    expect_span(outcome.trace[0].value, "a\\x01\\x7f\\xff\\xc3\\xa9\\x1b[31m\\x09X-Evil: yes", "trace");
    rule_set_destroy(set);
    rule_scratch_destroy(scratch);
    header_section_release(&odd);
}

static void every_action_has_a_row(void **state) {
    static const char *const rows[] = {"add", "remove",   "tag",     "redirect",
                                       "log", "override", "continue"}; /* the edits above, the order below */
    static const char *const actions[] = {
#define ACTION(id, word, kind, syntax, help) word,
#include "rules/actions.def"
#undef ACTION
    };
    (void)state;
    for (size_t i = 0; i < sizeof actions / sizeof *actions; i++) {
        char want[32];
        bool found = false;
        snprintf(want, sizeof want, "then %s", actions[i]);
        for (size_t j = 0; j < sizeof verdicts / sizeof *verdicts; j++) found |= holds(span_of(verdicts[j].rule), want);
        for (size_t j = 0; j < sizeof rows / sizeof *rows; j++) found |= strcmp(rows[j], actions[i]) == 0;
        if (!found) fail_msg("no row for %s", actions[i]);
    }
}

/* --- order, default, shadow, errors ------------------------------------------------------------------------------- */

#define TRUE_RULE(name, actions) "rule \"" name "\" { when dkim.pass then " actions " }\n"
#define BAD_PATTERN "header[\"X-Folded\"] matches /^(\\w+\\s*)*$/" /* undecided over a long subject, see below */

/* clang-format off */
static const struct {
    const char *text;
    enum rule_verdict verdict;
    const char *rule;           /* that decided; "" none */
    const char *events;         /* names with + (hit), ~ (shadow), ! (error), % (shadow error) in front */
    enum rule_verdict shadow;
} orders[] = {
    {"", RULE_ACCEPT, "", "", RULE_ACCEPT},
    {"default reject \"x\"", RULE_REJECT, "", "", RULE_REJECT},
    {"default reject \"x\" " TRUE_RULE("a", "accept"), RULE_ACCEPT, "a", "+a", RULE_ACCEPT},
    {"default quarantine " TRUE_RULE("a", "log \"x\""), RULE_QUARANTINE, "", "+a", RULE_QUARANTINE},
    {TRUE_RULE("a", "accept") TRUE_RULE("b", "reject"), RULE_ACCEPT, "a", "+a", RULE_ACCEPT},
    {TRUE_RULE("a", "log \"x\"") TRUE_RULE("b", "reject"), RULE_REJECT, "b", "+a +b", RULE_REJECT},
    {TRUE_RULE("a", "quarantine, continue") TRUE_RULE("b", "reject"), RULE_REJECT, "b", "+a +b", RULE_REJECT},
    {TRUE_RULE("a", "quarantine, continue") TRUE_RULE("b", "log \"x\""), RULE_QUARANTINE, "a", "+a +b", RULE_QUARANTINE},
    {TRUE_RULE("a", "quarantine, continue") TRUE_RULE("b", "stop") TRUE_RULE("c", "reject"), RULE_QUARANTINE, "a", "+a +b", RULE_QUARANTINE},
    {"default tempfail " TRUE_RULE("a", "stop") TRUE_RULE("b", "accept"), RULE_TEMPFAIL, "", "+a", RULE_TEMPFAIL},
    {"rule \"a\" { mode shadow then reject } " TRUE_RULE("b", "log \"x\""), RULE_ACCEPT, "", "~a +b", RULE_REJECT},
    {"rule \"a\" { mode shadow then reject } rule \"b\" { mode shadow then accept } " TRUE_RULE("c", "log \"x\""), RULE_ACCEPT, "", "~a +c", RULE_REJECT},
    {TRUE_RULE("a", "accept") "rule \"b\" { mode shadow then reject }", RULE_ACCEPT, "a", "+a", RULE_ACCEPT},
    {"mode shadow " TRUE_RULE("a", "reject") "rule \"b\" { mode armed then tempfail }", RULE_TEMPFAIL, "b", "~a +b", RULE_REJECT},
    {"rule \"a\" { when dmarc.disposition == quarantine then override \"list\" }\n"
     "rule \"b\" { when dmarc.disposition == quarantine then reject }\nrule \"c\" { when override.active then quarantine }",
     RULE_QUARANTINE, "c", "+a +c", RULE_QUARANTINE},
    {"rule \"a\" { mode shadow then override \"list\" }\nrule \"b\" { when dmarc.disposition == quarantine then tempfail }",
     RULE_TEMPFAIL, "b", "~a +b", RULE_ACCEPT},
    {"rule \"a\" { mode shadow then override \"list\" }\nrule \"b\" { when dmarc.disposition == quarantine then tempfail }\n"
     "rule \"c\" { mode shadow when override.active then quarantine }\nrule \"d\" { then reject }",
     RULE_TEMPFAIL, "b", "~a +b ~c", RULE_QUARANTINE},
    {"rule \"a\" { mode shadow then override \"list\" }\nrule \"b\" { mode shadow when override.active then reject }", RULE_ACCEPT, "", "~a ~b", RULE_REJECT},
    /* evaluation errors */
    {"rule \"a\" { when " BAD_PATTERN " then reject }", RULE_ACCEPT, "", "!a", RULE_ACCEPT},
    {"rule \"a\" { when not " BAD_PATTERN " then reject }", RULE_ACCEPT, "", "!a", RULE_ACCEPT},
    {"rule \"a\" { on error tempfail \"x\" when " BAD_PATTERN " then reject }" TRUE_RULE("b", "accept"), RULE_TEMPFAIL, "a", "!a", RULE_TEMPFAIL},
    {"on error quarantine rule \"a\" { when " BAD_PATTERN " then reject }", RULE_QUARANTINE, "a", "!a", RULE_QUARANTINE},
    {"on error reject rule \"a\" { on error skip when " BAD_PATTERN " then accept }", RULE_ACCEPT, "", "!a", RULE_ACCEPT},
    {"rule \"a\" { mode shadow on error reject when " BAD_PATTERN " then accept }", RULE_ACCEPT, "", "%a", RULE_REJECT},
    {"rule \"a\" { when dkim.aligned and " BAD_PATTERN " then reject }", RULE_ACCEPT, "", "", RULE_ACCEPT},
    {"rule \"a\" { when " BAD_PATTERN " and dkim.aligned then reject }", RULE_ACCEPT, "", "", RULE_ACCEPT},
    {"rule \"a\" { when " BAD_PATTERN " or dkim.pass then reject }", RULE_REJECT, "a", "+a", RULE_REJECT},
    {"rule \"a\" { when " BAD_PATTERN " or dkim.aligned then reject }", RULE_ACCEPT, "", "!a", RULE_ACCEPT},
};
/* clang-format on */

static void describe(const struct rule_set *set, const struct rule_outcome *outcome, struct bytes *out) {
    static const char marks[] = {
        [RULE_EVENT_HIT] = '+', [RULE_EVENT_SHADOW] = '~', [RULE_EVENT_ERROR] = '!', [RULE_EVENT_SHADOW_ERROR] = '%'};
    for (size_t i = 0; i < outcome->event_count; i++) {
        if (i > 0) bytes_append_char(out, ' ');
        bytes_append_char(out, marks[outcome->event[i].kind]);
        bytes_append(out, rule_set_name(set, outcome->event[i].rule));
    }
}

/* A header section over whose X-Folded the bad pattern cannot be decided. */
static void read_long_header(struct header_section *out) {
    struct bytes text = bytes_with_cap(1 << 16);
    size_t taken;
    bytes_append_text(&text, "X-Folded: ");
    for (int i = 0; i < 4000; i++) bytes_append_char(&text, 'a');
    bytes_append_text(&text, "!\r\n\r\n");
    header_section_init(out, header_limits_default);
    assert_int_equal(header_section_update(out, bytes_span(&text), &taken), HEADER_COMPLETE);
    bytes_release(&text);
}

static void order_is_as_documented(void **state) {
    (void)state;
    struct rule_input input = input_of_message();
    struct header_section odd;
    read_long_header(&odd);
    input.header = &odd;
    for (size_t i = 0; i < sizeof orders / sizeof *orders * 2; i++) {
        const char *text = orders[i / 2].text;
        struct rule_scratch *scratch = rule_scratch_create(i % 2);
        struct rule_set *set = compile(text);
        struct rule_outcome outcome;
        struct bytes got = bytes_with_cap(1000);
        assert_true(rule_set_evaluate(set, &input, scratch, &outcome));
        struct span rule =
            outcome.decision.rule != RULE_NONE ? rule_set_name(set, outcome.decision.rule) : (struct span){0};
        describe(set, &outcome, &got);
        if (outcome.decision.verdict != orders[i / 2].verdict || outcome.shadow.verdict != orders[i / 2].shadow ||
            !span_is(rule, orders[i / 2].rule) || !span_is(bytes_span(&got), orders[i / 2].events))
            fail_msg("%s: %s by \"%.*s\", in shadow %s, events \"%.*s\"", text,
                     rule_verdict_word(outcome.decision.verdict), (int)rule.len, rule.ptr,
                     rule_verdict_word(outcome.shadow.verdict), (int)got.len, got.ptr);
        bytes_release(&got);
        rule_set_destroy(set);
        rule_scratch_destroy(scratch);
    }
    header_section_release(&odd);
}

static uint32_t draw(uint32_t *state) { return *state = *state * 1664525u + 1013904223u, *state >> 8; }

/* The same rules armed and in shadow count the same, rule by rule, over 10,000 messages. */
static void shadow_counts_like_armed(void **state) {
    static const char text[] = "rule \"a\" { when dkim.pass then log \"x\" }\nrule \"b\" { when spf.result == fail "
                               "then quarantine, continue }\n"
                               "rule \"c\" { when arc.trusted then override \"x\" }\nrule \"d\" { when "
                               "dmarc.disposition == reject then reject }\n"
                               "rule \"e\" { when override.active and not dkim.pass then tempfail }\nrule \"f\" { when "
                               "recipients == 2 then stop }\n"
                               "rule \"g\" { then accept }";
    enum { RULES = 7, MESSAGES = 10000 };
    struct rule_input input = input_of_message();
    struct rule_set *armed = compile(text), *shadow = compile_with(text, (struct rule_options){.all_shadow = true});
    struct rule_scratch *one = rule_scratch_create(false), *two = rule_scratch_create(false);
    size_t hits[RULES] = {0}, would[RULES] = {0};
    uint32_t seed = 1;
    (void)state;
    for (int i = 0; i < MESSAGES; i++) {
        struct message_result drawn = result;
        struct dkim_result signature = signatures[0];
        struct rule_outcome a, b;
        signature.result = draw(&seed) % 2 ? RESULT_PASS : RESULT_FAIL;
        drawn.dkim = &signature, drawn.dkim_count = draw(&seed) % 2;
        drawn.spf[SPF_MAIL_FROM].result = draw(&seed) % 2 ? RESULT_FAIL : RESULT_PASS;
        drawn.arc.is_trusted = draw(&seed) % 2;
        drawn.dmarc.disposition = draw(&seed) % 2 ? DMARC_POLICY_REJECT : DMARC_POLICY_NONE;
        input.result = &drawn;
        input.recipient_count = draw(&seed) % 3;
        assert_true(rule_set_evaluate(armed, &input, one, &a) && rule_set_evaluate(shadow, &input, two, &b));
        for (size_t e = 0; e < a.event_count; e++)
            assert_int_equal(a.event[e].kind, RULE_EVENT_HIT), hits[a.event[e].rule]++;
        for (size_t e = 0; e < b.event_count; e++)
            assert_int_equal(b.event[e].kind, RULE_EVENT_SHADOW), would[b.event[e].rule]++;
        assert_true(a.decision.verdict == b.shadow.verdict && a.decision.rule == b.shadow.rule);
        assert_true(b.decision.verdict == RULE_ACCEPT && b.decision.rule == RULE_NONE && b.edit_count == 0 &&
                    !b.is_overridden);
    }
    for (size_t i = 0; i < RULES; i++) assert_true(hits[i] == would[i] && hits[i] > 0);
    printf("hits armed and in shadow: %zu %zu %zu %zu %zu %zu %zu\n", hits[0], hits[1], hits[2], hits[3], hits[4],
           hits[5], hits[6]);
    rule_scratch_destroy(one);
    rule_scratch_destroy(two);
    rule_set_destroy(armed);
    rule_set_destroy(shadow);
}

/* --- waiting for literals ----------------------------------------------------------------------------------------- */

/* Random conditions over random headers: with the trace every rule is looked at, without only those that are due. */
static void waiting_changes_nothing(void **state) {
    static const char *const atoms[] = {"header[\"Subject\"] contains \"alpha\"",
                                        "header[\"Subject\"] matches /bet+a|gamma delta/i",
                                        "header[\"X-Rare\"] == \"alpha\"",
                                        "exists header[\"X-Rare\"]",
                                        "count header[\"X-Rare\"] == 0",
                                        "all header[\"Subject\"] matches /^a/",
                                        "dkim.pass",
                                        "dkim.aligned",
                                        "header.decoded[\"Subject\"] contains \"alpha\"",
                                        "header[\"Subject\"] in { \"alpha\" \"beta\" }",
                                        "header[\"Subject\"] ends \"delta\" nocase"};
    static const char *const words[] = {
        "alpha", "beta", "Gamma", "delta", "gamma", "BETTA", "\r\n ", " ", "=?utf-8?q?alpha?="};
    (void)state;
    uint32_t seed = 7;
    size_t hits = 0;
    for (int round = 0; round < 200; round++) {
        struct bytes text = bytes_with_cap(1 << 20), header = bytes_with_cap(4096);
        for (unsigned rule = 0; rule < 100; rule++) {
            bytes_append_format(&text, "rule \"%u\" { when ", rule);
            unsigned parts = draw(&seed) % 3 + 1;
            const char *joint = draw(&seed) % 2 ? " and " : " or ";
            for (unsigned i = 0; i < parts; i++)
                bytes_append_format(&text, "%s%s%s", i > 0 ? joint : "", draw(&seed) % 4 == 0 ? "not " : "",
                                    atoms[draw(&seed) % (sizeof atoms / sizeof *atoms)]);
            bytes_append_text(&text, " then log \"x\" }\n");
        }
        bytes_append_char(&text, '\0');
        bytes_append_text(&header, "Subject:");
        for (unsigned i = draw(&seed) % 4; i > 0; i--)
            bytes_append_text(&header, words[draw(&seed) % (sizeof words / sizeof *words)]);
        bytes_append_text(&header, draw(&seed) % 2 ? "x\r\nX-Rare: alpha\r\n\r\n" : "y\r\n\r\n");
        struct header_section odd;
        size_t taken;
        header_section_init(&odd, header_limits_default);
        assert_int_equal(header_section_update(&odd, bytes_span(&header), &taken), HEADER_COMPLETE);
        struct rule_input input = input_of_message();
        input.header = &odd;
        struct rule_set *set = compile(text.ptr);
        struct rule_scratch *quick = rule_scratch_create(false), *whole = rule_scratch_create(true);
        struct rule_outcome a, b;
        assert_true(rule_set_evaluate(set, &input, quick, &a) && rule_set_evaluate(set, &input, whole, &b));
        assert_int_equal(a.event_count, b.event_count);
        for (size_t i = 0; i < a.event_count; i++)
            assert_true(a.event[i].rule == b.event[i].rule && a.event[i].kind == b.event[i].kind);
        hits += a.event_count;
        rule_scratch_destroy(quick);
        rule_scratch_destroy(whole);
        rule_set_destroy(set);
        header_section_release(&odd);
        bytes_release(&text);
        bytes_release(&header);
    }
    assert_true(hits > 1000 && hits < 19000);
    printf("20000 rules, %zu hits, with and without waiting\n", hits);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(verdicts_are_as_written),
        cmocka_unit_test(edits_are_as_written),
        cmocka_unit_test(texts_carry_nothing_else_than_text),
        cmocka_unit_test(every_action_has_a_row),
        cmocka_unit_test(order_is_as_documented),
        cmocka_unit_test(shadow_counts_like_armed),
        cmocka_unit_test(waiting_changes_nothing),
    };
    return cmocka_run_group_tests(tests, read_header, release_header);
}
