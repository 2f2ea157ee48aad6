/* sceau rules facts and sceau rules manual: the tables of the language, for people and as sceau.rules(5). */
#include <string.h>
#include "base/json.h"
#include "cli/verb_rules.h"
#include "rules/rule_expect.h"
#include "rules/rule_facts.h"

static const struct {
    const char *word, *types, *help;
} operators[] = {
#define OPERATOR(id, word, types, help) {word, types, help},
#include "rules/operators.def"
#undef OPERATOR
};

static const struct {
    const char *word, *kind, *syntax, *help;
} actions[] = {
#define ACTION(id, word, kind, syntax, help) {word, #kind, syntax, help},
#include "rules/actions.def"
#undef ACTION
};

static const char *const type_words[RULE_TYPE_COUNT] = {"condition", "number",  "text", "domain",
                                                        "mailbox",   "address", "word"};

/* --- facts -------------------------------------------------------------------------------------------------------- */

static void append_words(struct bytes *out, enum rule_word_list list) {
    const char *word;
    for (unsigned i = 0; (word = rule_word(list, i)) != NULL; i++)
        bytes_append_format(out, "%s%s", i > 0 ? " " : "", word);
}

static void write_facts_json(struct bytes *out) {
    struct json json = json_writer(out);
    for (size_t i = 0; i < FACT_COUNT; i++) {
        const struct rule_fact *fact = &rule_facts[i];
        const char *word;
        json_object(&json);
        json_key_text(&json, "fact", fact->name);
        json_key_text(&json, "type", type_words[fact->type]);
        json_key_text(&json, "of", rule_scope_word(fact->scope));
        json_key_text(&json, "unit", rule_unit_word(fact->unit));
        json_key(&json, "words");
        json_array(&json);
        for (unsigned w = 0; (word = rule_word(fact->words, w)) != NULL; w++) json_text(&json, word);
        json_array_end(&json);
        json_key_text(&json, "source", fact->source);
        json_key_text(&json, "help", fact->help);
        json_object_end(&json);
    }
    bytes_append_char(out, '\n');
}

static void write_facts_text(struct bytes *out) {
    bytes_append_text(out, "Facts\n");
    for (size_t i = 0; i < FACT_COUNT; i++) {
        const struct rule_fact *fact = &rule_facts[i];
        bytes_append_format(out, "  %-28s %-9s %s\n", fact->name, type_words[fact->type], fact->help);
        if (fact->type != RULE_WORD) continue;
        bytes_append_format(out, "  %-38s ", "");
        append_words(out, fact->words);
        bytes_append_char(out, '\n');
    }
    bytes_append_format(out, "  %-28s %-9s %s\n", "header[\"NAME\"]", "text", "Each field of that name, unfolded.");
    bytes_append_format(out, "  %-28s %-9s %s\n", "header.decoded[\"NAME\"]", "text",
                        "The same with its encoded-words undone.");
    bytes_append_text(out, "Operators\n");
    for (size_t i = 0; i < sizeof operators / sizeof *operators; i++)
        bytes_append_format(out, "  %-28s %s\n", operators[i].word[0] != '\0' ? operators[i].word : "FACT",
                            operators[i].help);
    bytes_append_text(out, "Actions\n");
    for (size_t i = 0; i < sizeof actions / sizeof *actions; i++)
        bytes_append_format(out, "  %-38s %s\n", actions[i].syntax, actions[i].help);
}

static enum cli_status print(struct bytes *out) {
    bool sound = !out->failed;
    if (sound)
        fwrite(out->ptr, 1, out->len, stdout);
    else
        cli_complain("out of memory");
    bytes_release(out);
    return sound ? CLI_OK : CLI_USAGE;
}

enum cli_status rules_facts(const struct cli_options *options) {
    struct bytes out = bytes_with_cap(1 << 20);
    (options->json ? write_facts_json : write_facts_text)(&out);
    return print(&out);
}

/* --- the manual page ---------------------------------------------------------------------------------------------- */

/* As text of mdoc: backslashes doubled, a dot or quote at the start of a line hidden. */
static void append_mdoc(struct bytes *out, const char *text) {
    if (text[0] == '.' || text[0] == '\'') bytes_append_text(out, "\\&");
    for (; *text != '\0'; text++) {
        if (*text == '\\')
            bytes_append_text(out, "\\e");
        else if (*text == '"')
            bytes_append_text(out, "\\(dq");
        else
            bytes_append_char(out, *text);
    }
    bytes_append_char(out, '\n');
}

static void append_item(struct bytes *out, const char *head) {
    bytes_append_text(out, ".It ");
    for (; *head != '\0'; head++) {
        if (*head == '"')
            bytes_append_text(out, "\\(dq");
        else
            bytes_append_char(out, *head);
    }
    bytes_append_char(out, '\n');
}

static void write_manual_facts(struct bytes *out) {
    bytes_append_text(out, ".Sh FACTS\n.Bl -tag -width Ds\n");
    for (size_t i = 0; i < FACT_COUNT; i++) {
        const struct rule_fact *fact = &rule_facts[i];
        append_item(out, fact->name);
        bytes_append_format(out, "(%s%s%s%s%s) ", type_words[fact->type], fact->unit > RULE_UNIT_COUNT ? " in " : "",
                            rule_unit_word(fact->unit), fact->scope != RULE_SCOPE_MESSAGE ? ", one for each " : "",
                            fact->scope != RULE_SCOPE_MESSAGE ? rule_scope_word(fact->scope) : "");
        append_mdoc(out, fact->help);
        if (fact->type == RULE_WORD) {
            bytes_append_text(out, "Words: ");
            append_words(out, fact->words);
            bytes_append_text(out, ".\n");
        }
        bytes_append_text(out, "From: ");
        append_mdoc(out, fact->source);
    }
    append_item(out, "header[\"NAME\"]");
    append_mdoc(out, "(text, one for each field of that name) Unfolded, without white space at its ends.");
    append_item(out, "header.decoded[\"NAME\"]");
    append_mdoc(out, "(text, one for each field of that name) The same with its encoded-words undone (RFC 2047); "
                     "octets keep their charset.");
    bytes_append_text(out, ".El\n");
}

static void write_manual_operators(struct bytes *out) {
    bytes_append_text(out, ".Sh OPERATORS\n.Bl -tag -width Ds\n");
    for (size_t i = 0; i < sizeof operators / sizeof *operators; i++) {
        append_item(out, operators[i].word[0] != '\0' ? operators[i].word : "FACT");
        append_mdoc(out, operators[i].help);
        bytes_append_text(out, "For:");
        for (enum rule_type type = 0; type < RULE_TYPE_COUNT; type++)
            if (strchr(operators[i].types, rule_type_letter(type)) != NULL)
                bytes_append_format(out, " %s", type_words[type]);
        bytes_append_text(out, ".\n");
    }
    bytes_append_text(out, ".El\n");
}

static void write_manual_actions(struct bytes *out) {
    bytes_append_text(out, ".Sh ACTIONS\n.Bl -tag -width Ds\n");
    for (size_t i = 0; i < sizeof actions / sizeof *actions; i++) {
        append_item(out, actions[i].syntax);
        append_mdoc(out, actions[i].help);
    }
    bytes_append_text(out, ".El\n");
}

static void write_manual_tests(struct bytes *out) {
    bytes_append_text(
        out, ".Sh TESTS\nA file of expectations, run by\n.Ic sceau rules test ,\n"
             "names rules, zones and the time, and what is expected of messages:\n.Bd -literal -offset indent\n"
             "rules \"bank.rules\"\nzone \"test.zone\"\nnow 1764000000\nexpect \"unsigned mail is refused\" {\n"
             "    message \"unsigned.eml\"\n    client 192.0.2.1\n    from \"a@example.com\"\n    verdict reject\n"
             "    rule \"bank must sign\"\n}\n.Ed\n.Pp\n"
             "At its top may also stand\n.Ql arm discard\nand\n.Ql shadow .\nPaths begin at the folder of the file.\n"
             "The parts of a block:\n.Bl -tag -width Ds\n");
    for (enum rule_expect_part part = 0; part < EXPECT_PART_COUNT; part++) {
        append_item(out, rule_expect_word(part));
        append_mdoc(out, rule_expect_help(part));
    }
    bytes_append_text(out, ".El\n");
}

static const char opening[] =
    ".\\\" Written by 'sceau rules manual' from the tables of the program: change those.\n"
    ".Dd November 24, 2026\n.Dt SCEAU.RULES 5\n.Os\n.Sh NAME\n.Nm sceau.rules\n.Nd what verdicts of sceau lead to\n"
    ".Sh DESCRIPTION\n"
    "A file of rules says what happens to messages, by what\n.Xr sceaud 8\nhas found out about them.\n"
    "It is plain text; # begins a comment.\n.Bd -literal -offset indent\n"
    "set banks of domains { \"mabanque.fr\" \".example.com\" }\n\n"
    "rule \"bank must sign\" {\n    when from.domain in banks and not dkim.aligned\n"
    "    then reject 550 5.7.22 \"No aligned DKIM signature for {from.domain}\"\n}\n.Ed\n.Pp\n"
    ".Ic sceau rules check\nfinds mistakes and names the cure,\n.Ic sceau rules run\nshows which rule decides about a "
    "message, with the value of each "
    "condition,\n.Ic sceau rules test\nruns expectations.\n"
    ".Sh STATEMENTS\n.Bl -tag -width Ds\n"
    ".It rule \\(dqNAME\\(dq { [mode shadow|armed] [on error WHAT] [when CONDITION] then ACTION[, ACTION]... }\n"
    "Names are unique. Without when the rule always applies. In mode shadow it is counted and logged, and nothing "
    "happens.\n"
    ".It set NAME of KIND { VALUE... }\n.It set NAME of KIND from \\(dqFILE\\(dq\n"
    "KIND is domains, mailboxes, networks or texts. Domains with a dot in front stand for all below them, too, "
    "mailboxes without\n"
    "local part for everybody there. A file, whose path begins at the folder of the rule file, has one value on each "
    "line, up to two million;\n"
    "it is read again on reload. Texts of sets have no case.\n"
    ".It default accept | quarantine | tempfail | reject [ARGUMENTS]\nWhat holds when no rule decides; accept unless "
    "given.\n"
    ".It on error skip | accept | quarantine | tempfail | reject [ARGUMENTS]\n"
    "For all rules behind it: what happens when a condition cannot be evaluated. skip, the default, goes on with the "
    "next rule. It is always "
    "counted.\n"
    ".It mode shadow | armed\nFor all rules behind it.\n"
    ".It arm discard\nWithout it, and without the same in the program's configuration, the action discard is a "
    "mistake.\n.El\n"
    ".Sh ORDER\n"
    "Rules are looked at in the order of the files and of their places in them. A rule whose condition holds has all "
    "its actions carried out.\n"
    "A verdict ends the evaluation, unless\n.Ic continue\nfollows it: then it stands until another rule gives "
    "one.\n.Ic stop\nends it without one.\n"
    "When the message is refused, edits are dropped.\n"
    ".Sh CONDITIONS\n"
    "Comparisons are joined by\n.Ic and ,\n.Ic or\nand\n.Ic not ;\nwhere and and or meet, parentheses say what belongs "
    "together.\n"
    "A comparison of a fact with several values holds when it holds for one of them; behind\n.Ic all\nfor each, and "
    "there is one.\n"
    ".Bd -literal -offset indent\nany signature { signature.result == pass and signature.key_bits >= 2048 bits }\nall "
    "recipient.domain in ours\n.Ed\n.Pp\n"
    "Comparisons with an absent value do not hold, != included; exists asks for that.\n"
    "Sizes have a unit (octets KiB MiB GiB), times too (s min h d), and keys (bits).\n"
    "A pattern stands between slashes, with flags behind: i (any case), m, s, x, u (UTF-8). One that runs over its "
    "limit, or lack of memory, makes a "
    "comparison neither true nor false.\n"
    "What such a comparison cannot change keeps its value: false and error is false, true or error is true.\n"
    ".Pp\nIn the texts of actions {FACT} stands for its value, {rule} for the rule's name, {header[NAME]} for a field, "
    "{{ and }} for braces; "
    "what is not printable ASCII becomes a question mark.\n";

static const char closing[] = ".Sh SEE ALSO\n.Xr sceau 1 ,\n.Xr pcre2pattern 3 ,\n.Xr sceaud 8\n";

enum cli_status rules_manual(const struct cli_options *options) {
    struct bytes out = bytes_with_cap(1 << 20);
    if (options->operand.count > 0 || options->json) {
        cli_complain("rules manual: takes no arguments");
        return CLI_USAGE;
    }
    bytes_append_text(&out, opening);
    write_manual_facts(&out);
    write_manual_operators(&out);
    write_manual_actions(&out);
    write_manual_tests(&out);
    bytes_append_text(&out, closing);
    return print(&out);
}
