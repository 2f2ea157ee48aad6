/* sceau rules run: messages through the verifier and the rules, with the value of each condition. */
#include <stdlib.h>
#include "base/json.h"
#include "cli/common_envelope.h"
#include "cli/common_input.h"
#include "cli/common_judge.h"
#include "cli/verb_rules.h"
#include "rules/rule_input.h"
#include "verifier/phrase.h"

enum { REPORT_MAX = 16 << 20 };

struct runner {
    const struct cli_options *options;
    struct cli_judge judge;
    struct authentication_envelope envelope;
    bool has_envelope;
    struct rule_input input; /* what is the same for every message */
    struct rule_set *set;
    struct rule_scratch *scratch;
    struct bytes out;
};

static const char *const truths[] = {[RULE_FALSE] = "false", [RULE_TRUE] = "true", [RULE_UNKNOWN] = "error"};
static const char *const events[] = {[RULE_EVENT_HIT] = "hit",
                                     [RULE_EVENT_SHADOW] = "shadow",
                                     [RULE_EVENT_ERROR] = "error",
                                     [RULE_EVENT_SHADOW_ERROR] = "shadow error"};
static const char *const edits[] = {
    [RULE_ADD_FIELD] = "add", [RULE_REMOVE_FIELD] = "remove", [RULE_TAG_SUBJECT] = "tag", [RULE_REDIRECT] = "redirect"};

/* --- JSON --------------------------------------------------------------------------------------------------------- */

static void write_rule(struct json *json, const struct runner *runner, uint32_t rule) {
    json_key(json, "rule");
    if (rule == RULE_NONE)
        json_null(json);
    else
        json_string(json, rule_set_name(runner->set, rule));
}

static void write_decision_json(struct json *json, const struct runner *runner, const struct rule_decision *decision) {
    json_key_text(json, "verdict", rule_verdict_word(decision->verdict));
    write_rule(json, runner, decision->rule);
    json_key_bool(json, "on_error", decision->is_on_error);
    if (decision->code > 0) json_key_uint(json, "code", decision->code);
    if (decision->enhanced.len > 0) json_key_string(json, "enhanced", decision->enhanced);
    if (decision->text.len > 0) json_key_string(json, "text", decision->text);
    if (decision->downstream.len > 0) json_key_string(json, "downstream", decision->downstream);
}

static void write_edits_json(struct json *json, const struct runner *runner, const struct rule_outcome *outcome) {
    json_key(json, "edits");
    json_array(json);
    for (size_t i = 0; i < outcome->edit_count; i++) {
        const struct rule_edit *edit = &outcome->edit[i];
        json_object(json);
        json_key_text(json, "edit", edits[edit->kind]);
        if (edit->name.len > 0) json_key_string(json, "name", edit->name);
        if (edit->kind != RULE_REMOVE_FIELD) json_key_string(json, "value", edit->value);
        write_rule(json, runner, edit->rule);
        json_object_end(json);
    }
    json_array_end(json);
}

static void write_events_json(struct json *json, const struct runner *runner, const struct rule_outcome *outcome) {
    json_key(json, "events");
    json_array(json);
    for (size_t i = 0; i < outcome->event_count; i++) {
        json_object(json);
        json_key_text(json, "event", events[outcome->event[i].kind]);
        write_rule(json, runner, outcome->event[i].rule);
        if (outcome->event[i].log.len > 0) json_key_string(json, "log", outcome->event[i].log);
        json_object_end(json);
    }
    json_array_end(json);
}

static void write_trace_json(struct json *json, const struct runner *runner, const struct rule_outcome *outcome) {
    json_key(json, "conditions");
    json_array(json);
    for (size_t i = 0; i < outcome->trace_count; i++) {
        const struct rule_trace *trace = &outcome->trace[i];
        json_object(json);
        write_rule(json, runner, trace->rule);
        json_key_bool(json, "whole", trace->is_rule);
        json_key_string(json, "text", trace->text);
        json_key_text(json, "truth", truths[trace->truth]);
        if (trace->has_value) json_key_string(json, "value", trace->value);
        json_object_end(json);
    }
    json_array_end(json);
}

static void write_json(struct runner *runner, const char *path, const struct rule_outcome *outcome) {
    struct json json = json_writer(&runner->out);
    json_object(&json);
    json_key_string(&json, "file", span_of(path));
    write_decision_json(&json, runner, &outcome->decision);
    json_key(&json, "shadow");
    json_object(&json);
    write_decision_json(&json, runner, &outcome->shadow);
    json_object_end(&json);
    json_key(&json, "override");
    if (outcome->is_overridden)
        json_string(&json, outcome->override_reason);
    else
        json_null(&json);
    write_edits_json(&json, runner, outcome);
    write_events_json(&json, runner, outcome);
    write_trace_json(&json, runner, outcome);
    json_object_end(&json);
    bytes_append_char(&runner->out, '\n');
}

/* --- text --------------------------------------------------------------------------------------------------------- */

static void write_decision(struct runner *runner, const struct rule_decision *decision) {
    struct bytes *out = &runner->out;
    bytes_append_text(out, rule_verdict_word(decision->verdict));
    if (decision->code > 0) bytes_append_format(out, " %u ", decision->code), bytes_append(out, decision->enhanced);
    if (decision->text.len > 0)
        bytes_append_text(out, " \""), bytes_append(out, decision->text), bytes_append_char(out, '"');
    if (decision->downstream.len > 0)
        bytes_append_text(out, " to "), phrase_append_printable(out, decision->downstream);
    if (decision->rule == RULE_NONE)
        bytes_append_text(out, ", by default");
    else
        bytes_append_text(out, ", by rule \""), bytes_append(out, rule_set_name(runner->set, decision->rule)),
            bytes_append_char(out, '"');
    if (decision->is_on_error) bytes_append_text(out, ", since it could not be evaluated");
    bytes_append_char(out, '\n');
}

static void write_trace(struct runner *runner, const struct rule_trace *trace) {
    struct bytes *out = &runner->out;
    bytes_append_format(out, "    %-5s  ", truths[trace->truth]);
    for (size_t i = 0; i < trace->text.len; i++) { /* on one line, however it is written */
        bool is_break = trace->text.ptr[i] == '\n' || trace->text.ptr[i] == '\r' || trace->text.ptr[i] == '\t';
        if (!is_break)
            phrase_append_printable(out, (struct span){trace->text.ptr + i, 1});
        else if (out->ptr[out->len - 1] != ' ')
            bytes_append_char(out, ' ');
    }
    bytes_append_text(out, trace->has_value ? "   is: " : "   is absent");
    bytes_append(out, trace->value);
    bytes_append_char(out, '\n');
}

/* The comparisons of a rule stand before the rule's own line, which is printed first. */
static void write_traces(struct runner *runner, const struct rule_outcome *outcome) {
    struct bytes *out = &runner->out;
    size_t start = 0;
    for (size_t i = 0; i < outcome->trace_count; i++) {
        const struct rule_trace *trace = &outcome->trace[i];
        if (!trace->is_rule) continue;
        bytes_append_format(out, "  %-5s  rule \"", truths[trace->truth]);
        bytes_append(out, rule_set_name(runner->set, trace->rule));
        bytes_append_text(out, rule_set_is_shadow(runner->set, trace->rule) ? "\" (shadow)\n" : "\"\n");
        for (; start < i; start++) write_trace(runner, &outcome->trace[start]);
        start = i + 1;
    }
}

static void write_text(struct runner *runner, const char *path, const struct rule_outcome *outcome) {
    struct bytes *out = &runner->out;
    phrase_append_printable(out, span_of(path));
    bytes_append_text(out, ": ");
    write_decision(runner, &outcome->decision);
    bool differs =
        outcome->shadow.verdict != outcome->decision.verdict || outcome->shadow.rule != outcome->decision.rule;
    if (differs) bytes_append_text(out, "  with the shadow rules armed: "), write_decision(runner, &outcome->shadow);
    if (outcome->is_overridden)
        bytes_append_text(out, "  override: "), bytes_append(out, outcome->override_reason),
            bytes_append_char(out, '\n');
    for (size_t i = 0; i < outcome->edit_count; i++) {
        bytes_append_format(out, "  %s ", edits[outcome->edit[i].kind]);
        phrase_append_printable(out, outcome->edit[i].name);
        if (outcome->edit[i].name.len > 0 && outcome->edit[i].kind == RULE_ADD_FIELD) bytes_append_text(out, ": ");
        phrase_append_printable(out, outcome->edit[i].value);
        bytes_append_char(out, '\n');
    }
    for (size_t i = 0; i < outcome->event_count; i++) {
        if (outcome->event[i].log.len == 0) continue;
        bytes_append_text(out, "  log ");
        bytes_append(out, outcome->event[i].log);
        bytes_append_char(out, '\n');
    }
    write_traces(runner, outcome);
}

/* --- messages ----------------------------------------------------------------------------------------------------- */

static bool complain(const char *path, const char *problem) {
    cli_complain("%s: %s", path, problem);
    return false;
}

static bool run_message(struct runner *runner, const char *path) {
    struct bytes text = bytes_with_cap(CLI_INPUT_MAX);
    struct cli_input_notes notes;
    struct rule_outcome outcome;
    enum cli_input_status status = cli_input_read(path, &text, &notes);
    const char *problem = status == CLI_INPUT_UNREADABLE ? notes.problem
                          : status == CLI_INPUT_EMPTY    ? "the file is empty"
                                                         : NULL;
    if (problem == NULL)
        problem = cli_judge_message(&runner->judge, bytes_span(&text), runner->has_envelope ? &runner->envelope : NULL,
                                    &runner->input.result, &runner->input.header);
    if (problem == NULL && !rule_set_evaluate(runner->set, &runner->input, runner->scratch, &outcome))
        problem = "out of memory";
    bytes_clear(&runner->out);
    if (problem == NULL) (runner->options->json ? write_json : write_text)(runner, path, &outcome);
    if (problem == NULL && runner->out.failed) problem = "the report is too large";
    if (problem == NULL) fwrite(runner->out.ptr, 1, runner->out.len, stdout);
    bytes_release(&text);
    return problem == NULL || complain(path, problem);
}

static void fill_input(struct runner *runner, const struct span *recipients) {
    const struct cli_options *options = runner->options;
    struct rule_input *input = &runner->input;
    input->now_s = clock_unix_s(runner->judge.clock);
    input->has_client = runner->envelope.has_address;
    memcpy(input->client, runner->envelope.address, sizeof input->client);
    input->client_is_v4 = runner->envelope.is_v4;
    input->helo = runner->envelope.helo;
    input->has_envelope = options->mail_from != NULL || options->recipient.count > 0;
    input->mail_from = runner->envelope.mail_from;
    input->recipients = recipients;
    input->recipient_count = options->recipient.count;
}

static enum cli_status run_messages(struct runner *runner) {
    const struct cli_options *options = runner->options;
    struct cli_inputs inputs = {0};
    bool sound = true, usable;
    for (size_t i = 0; i < options->operand.count; i++)
        sound &= cli_inputs_add(&inputs, options->operand.item[i], &usable);
    for (size_t i = 0; i < inputs.count; i++) sound &= run_message(runner, inputs.path[i]);
    bool has_message = inputs.count > 0;
    cli_inputs_release(&inputs);
    return !sound ? CLI_USAGE : has_message ? CLI_OK : CLI_NOTHING;
}

enum cli_status rules_run(const struct cli_options *options) {
    struct runner runner = {.options = options, .out = bytes_with_cap(REPORT_MAX)};
    struct rule_options wanted = {.arm_discard = options->arm_discard, .all_shadow = options->shadow};
    enum cli_status status = CLI_USAGE;
    if (options->rules.count == 0 || options->operand.count == 0) {
        cli_complain("rules run: name the rules with --rules, and message files");
        return CLI_USAGE;
    }
    if (!cli_envelope_read(options, "rules", &runner.envelope)) return CLI_USAGE;
    runner.has_envelope = cli_envelope_is_given(options);
    struct span *recipients = calloc(options->recipient.count + 1, sizeof *recipients);
    for (size_t i = 0; i < options->recipient.count && recipients != NULL; i++)
        recipients[i] = span_of(options->recipient.item[i]);
    runner.set = rules_load(options->rules.item, options->rules.count, &wanted);
    runner.scratch = rule_scratch_create(true);
    if (recipients == NULL || runner.scratch == NULL) {
        cli_complain("out of memory");
    } else if (runner.set != NULL) {
        if (cli_judge_build(&runner.judge, options)) {
            fill_input(&runner, recipients);
            status = run_messages(&runner);
        }
        cli_judge_release(&runner.judge);
    }
    bytes_release(&runner.out);
    rule_scratch_destroy(runner.scratch);
    rule_set_destroy(runner.set);
    free(recipients);
    return status;
}
