/* sceau rules: check rule files, run them over messages, test them, list what they can ask. */
#include <string.h>
#include "base/json.h"
#include "base/nearest_word.h"
#include "cli/verb.h"
#include "cli/verb_rules.h"
#include "verifier/phrase.h"

enum { ERRORS_TEXT_MAX = 1 << 20 };

static void write_error_json(struct bytes *out, const struct rule_error *error) {
    struct json json = json_writer(out);
    json_object(&json);
    json_key_string(&json, "file", error->file);
    json_key_uint(&json, "line", error->line);
    json_key_uint(&json, "column", error->column);
    json_key_string(&json, "message", error->message);
    json_key_string(&json, "hint", error->hint);
    json_object_end(&json);
    bytes_append_char(out, '\n');
}

/* Under the line a caret; tabs stay tabs, and a character of several octets is one column on a terminal. */
static void write_caret(struct bytes *out, const struct rule_error *error) {
    bytes_append_text(out, "    ");
    for (size_t i = 0; i < error->source.len; i++)
        if (error->source.ptr[i] == '\t')
            bytes_append_char(out, ' ');
        else
            phrase_append_printable(out, (struct span){error->source.ptr + i, 1});
    bytes_append_text(out, "\n    ");
    for (size_t i = 1; i < error->column && i <= error->source.len; i++) bytes_append_char(out, ' ');
    bytes_append_text(out, "^\n");
}

static void write_error_text(struct bytes *out, const struct rule_error *error) {
    phrase_append_printable(out, error->file);
    if (error->line > 0) bytes_append_format(out, ":%u:%u", error->line, error->column);
    bytes_append_text(out, ": ");
    phrase_append_printable(out, error->message);
    bytes_append_char(out, '\n');
    if (error->line > 0) write_caret(out, error);
    bytes_append_text(out, "  ");
    phrase_append_printable(out, error->hint);
    bytes_append_char(out, '\n');
}

void rules_write_errors(struct bytes *out, const struct rule_errors *errors, bool json) {
    for (size_t i = 0; i < errors->count; i++) (json ? write_error_json : write_error_text)(out, &errors->error[i]);
    if (errors->count == RULE_SET_ERRORS_MAX && !json) bytes_append_text(out, "... and so on: reading ended here\n");
}

static void print_errors(const struct rule_errors *errors, bool json, FILE *where) {
    struct bytes out = bytes_with_cap(ERRORS_TEXT_MAX);
    rules_write_errors(&out, errors, json);
    if (out.len > 0) fwrite(out.ptr, 1, out.len, where);
    bytes_release(&out);
}

struct rule_set *rules_load(const char *const *paths, size_t count, const struct rule_options *options) {
    struct rule_errors errors = {0};
    struct rule_set *set;
    enum rule_set_status status = rule_set_load(paths, count, options, &errors, &set);
    if (status == RULE_SET_NO_MEMORY) cli_complain("%s", rule_set_status_text(status));
    print_errors(&errors, false, stderr);
    rule_errors_release(&errors);
    return set;
}

static enum cli_status check(const struct cli_options *options) {
    struct rule_options wanted = {.arm_discard = options->arm_discard, .all_shadow = options->shadow};
    struct rule_errors errors = {0};
    struct rule_set *set;
    if (options->operand.count == 0) {
        cli_complain("rules check: name the rule files, in their order");
        return CLI_USAGE;
    }
    enum rule_set_status status = rule_set_load(options->operand.item, options->operand.count, &wanted, &errors, &set);
    if (status == RULE_SET_NO_MEMORY) cli_complain("%s", rule_set_status_text(status));
    print_errors(&errors, options->json, stdout);
    if (status == RULE_SET_OK && !options->json)
        printf("%zu %s, no mistakes\n", rule_set_count(set), rule_set_count(set) == 1 ? "rule" : "rules");
    rule_errors_release(&errors);
    rule_set_destroy(set);
    return status == RULE_SET_OK ? CLI_OK : status == RULE_SET_BAD ? CLI_FAILED : CLI_USAGE;
}

static const struct {
    const char *name;
    enum cli_status (*run)(const struct cli_options *options);
    const char *help;
} parts[] = {
    {"check", check, "FILE...            look for mistakes: line, column, cure"},
    {"run", rules_run, "--rules FILE... MESSAGE...   which rule decides, and the value of each condition"},
    {"test", rules_test, "FILE...            run the expectations of test files"},
    {"facts", rules_facts, "                   list facts, operators and actions"},
    {"manual", rules_manual, "                   write the manual page sceau.rules(5)"},
};
enum { PART_COUNT = sizeof parts / sizeof *parts };

static void help(void) {
    puts("usage: sceau rules PART [OPTION]... OPERAND...\n");
    for (size_t i = 0; i < PART_COUNT; i++) printf("  %-8s %s\n", parts[i].name, parts[i].help);
    puts("");
    cli_options_help(stdout, VERB_RULES);
}

static enum cli_status run_verb(int count, char **arguments, struct cli_options *options) {
    const char *names[PART_COUNT];
    if (count == 0 || strcmp(arguments[0], "--help") == 0 || strcmp(arguments[0], "-h") == 0) {
        if (count > 0) return help(), CLI_OK;
        cli_complain("rules: say what to do: check, run, test, facts or manual");
        return CLI_USAGE;
    }
    for (size_t i = 0; i < PART_COUNT; i++) {
        names[i] = parts[i].name;
        if (strcmp(arguments[0], parts[i].name) != 0) continue;
        if (!cli_options_read(count - 1, arguments + 1, VERB_RULES, "rules", options)) return CLI_USAGE;
        if (options->help) return help(), CLI_OK;
        return parts[i].run(options);
    }
    const char *nearest = nearest_word(arguments[0], names, PART_COUNT);
    if (nearest != NULL)
        cli_complain("rules: there is no '%s'; did you mean %s?", arguments[0], nearest);
    else
        cli_complain("rules: there is no '%s'; say check, run, test, facts or manual", arguments[0]);
    return CLI_USAGE;
}

enum cli_status verb_rules(int count, char **arguments) {
    struct cli_options options = {0};
    enum cli_status status = run_verb(count, arguments, &options);
    cli_options_release(&options);
    return status;
}
