/* sceau rules test: files of expectations (rules/rule_expect.h), run offline where they name zones. */
#include <stdio.h>
#include <stdlib.h>
#include "base/json.h"
#include "cli/common_envelope.h"
#include "cli/common_input.h"
#include "cli/common_judge.h"
#include "cli/verb_rules.h"
#include "rules/rule_expect.h"
#include "rules/rule_input.h"

enum { FILE_ARENA_MAX = 64 << 20, RECIPIENTS_MAX = 100, WHY_MAX = 1024 };

/* One test file at work. */
struct bench {
    const struct cli_options *options; /* of the command line */
    struct cli_options own;            /* with the file's zones and time */
    const char *path;
    struct arena *arena;
    struct rule_expect_file file;
    struct cli_judge judge;
    struct rule_set *set;
    struct rule_scratch *scratch;
    size_t passed, failed;
};

/* A path beside the test file. NULL: no memory. */
static const char *beside(struct bench *bench, const char *name) {
    struct span folder = span_of(bench->path), file = span_of(name);
    while (folder.len > 0 && folder.ptr[folder.len - 1] != '/') folder.len--;
    if (file.len > 0 && file.ptr[0] == '/') folder.len = 0;
    char *out = arena_alloc(bench->arena, folder.len + file.len + 1);
    if (out == NULL) return NULL;
    if (folder.len > 0) memcpy(out, folder.ptr, folder.len);
    memcpy(out + folder.len, file.ptr, file.len);
    return out;
}

/* --- what is expected --------------------------------------------------------------------------------------------- */

static bool holds(struct span text, const char *part) {
    size_t len = strlen(part);
    for (size_t i = 0; i + len <= text.len; i++)
        if (memcmp(text.ptr + i, part, len) == 0) return true;
    return len == 0;
}

static bool has_hit(const struct bench *bench, const struct rule_outcome *outcome, const char *name) {
    for (size_t i = 0; i < outcome->event_count; i++) {
        bool applied = outcome->event[i].kind == RULE_EVENT_HIT || outcome->event[i].kind == RULE_EVENT_SHADOW;
        if (applied && span_is(rule_set_name(bench->set, outcome->event[i].rule), name)) return true;
    }
    return false;
}

static bool adds_field(const struct rule_outcome *outcome, const char *field) {
    struct span want = span_of(field);
    for (size_t i = 0; i < outcome->edit_count; i++) {
        const struct rule_edit *edit = &outcome->edit[i];
        if (edit->kind != RULE_ADD_FIELD || want.len != edit->name.len + 2 + edit->value.len) continue;
        if (span_equal_nocase(span_first(want, edit->name.len), edit->name) &&
            memcmp(want.ptr + edit->name.len, ": ", 2) == 0 &&
            span_equal(span_after(want, edit->name.len + 2), edit->value))
            return true;
    }
    return false;
}

static bool knows_rule(const struct bench *bench, const char *name) {
    for (size_t i = 0; i < rule_set_count(bench->set); i++)
        if (span_is(rule_set_name(bench->set, i), name)) return true;
    return name[0] == '\0';
}

static bool is_met(const struct bench *bench, enum rule_expect_part part, const char *want,
                   const struct rule_outcome *outcome) {
    const struct rule_decision *decision = &outcome->decision;
    struct span rule = decision->rule != RULE_NONE ? rule_set_name(bench->set, decision->rule) : (struct span){0};
    switch (part) {
    case EXPECT_VERDICT: return strcmp(want, rule_verdict_word(decision->verdict)) == 0;
    case EXPECT_SHADOW_VERDICT: return strcmp(want, rule_verdict_word(outcome->shadow.verdict)) == 0;
    case EXPECT_RULE: return span_is(rule, want);
    case EXPECT_HIT: return has_hit(bench, outcome, want);
    case EXPECT_MISS: return !has_hit(bench, outcome, want);
    case EXPECT_CODE: return decision->code == strtoul(want, NULL, 10);
    case EXPECT_ENHANCED: return span_is(decision->enhanced, want);
    case EXPECT_TEXT: return holds(decision->text, want);
    case EXPECT_FIELD: return adds_field(outcome, want);
    default: return true;
    }
}

/* Appends what is not as expected; nothing when all is. */
static void compare(const struct bench *bench, const struct rule_expect *expect, const struct rule_outcome *outcome,
                    struct bytes *why) {
    const struct rule_decision *decision = &outcome->decision;
    for (enum rule_expect_part part = EXPECT_VERDICT; part < EXPECT_PART_COUNT; part++)
        for (const struct rule_expect_text *want = expect->part[part]; want != NULL; want = want->next) {
            bool names_rule = part == EXPECT_RULE || part == EXPECT_HIT || part == EXPECT_MISS;
            if (names_rule && !knows_rule(bench, want->text))
                bytes_append_format(why, "\n    there is no rule \"%s\"", want->text);
            else if (!is_met(bench, part, want->text, outcome))
                bytes_append_format(why, "\n    not so: %s %s", rule_expect_word(part), want->text);
        }
    if (why->len == 0) return;
    struct span rule = decision->rule != RULE_NONE ? rule_set_name(bench->set, decision->rule) : span_of("by default");
    bytes_append_format(why, "\n    it is: %s", rule_verdict_word(decision->verdict));
    if (decision->code > 0)
        bytes_append_format(why, " %u %.*s", decision->code, (int)decision->enhanced.len, decision->enhanced.ptr);
    bytes_append_format(why, " %.*s (%.*s)", (int)decision->text.len, decision->text.ptr, (int)rule.len, rule.ptr);
}

/* --- one expectation ---------------------------------------------------------------------------------------------- */

static const char *first(const struct rule_expect *expect, enum rule_expect_part part) {
    return expect->part[part] != NULL ? expect->part[part]->text : NULL;
}

/* NULL: the outcome is there; else why not. */
static const char *judge(struct bench *bench, const struct rule_expect *expect, struct bytes *text,
                         struct rule_outcome *outcome) {
    struct rule_input input = {.now_s = clock_unix_s(bench->judge.clock)};
    struct authentication_envelope envelope;
    struct span recipients[RECIPIENTS_MAX];
    struct cli_input_notes notes;
    struct cli_options options = {.ip = first(expect, EXPECT_CLIENT),
                                  .helo = first(expect, EXPECT_HELO),
                                  .mail_from = first(expect, EXPECT_FROM)};
    const char *path = beside(bench, first(expect, EXPECT_MESSAGE));
    if (path == NULL) return "out of memory";
    if (!cli_envelope_read(&options, "rules", &envelope)) return "the client's address is none";
    if (cli_input_read(path, text, &notes) != CLI_INPUT_OK) return "cannot read the message";
    bool has_envelope = cli_envelope_is_given(&options);
    const char *problem = cli_judge_message(&bench->judge, bytes_span(text), has_envelope ? &envelope : NULL,
                                            &input.result, &input.header);
    if (problem != NULL) return problem;
    for (const struct rule_expect_text *to = expect->part[EXPECT_TO];
         to != NULL && input.recipient_count < RECIPIENTS_MAX; to = to->next)
        recipients[input.recipient_count++] = span_of(to->text);
    input.recipients = recipients;
    input.has_client = envelope.has_address;
    memcpy(input.client, envelope.address, sizeof input.client);
    input.client_is_v4 = envelope.is_v4;
    input.helo = envelope.helo;
    input.mail_from = envelope.mail_from;
    input.has_envelope = options.mail_from != NULL || input.recipient_count > 0;
    return rule_set_evaluate(bench->set, &input, bench->scratch, outcome) ? NULL : "out of memory";
}

static void run_expect(struct bench *bench, const struct rule_expect *expect) {
    struct bytes text = bytes_with_cap(CLI_INPUT_MAX), why = bytes_with_cap(WHY_MAX * 16);
    struct rule_outcome outcome;
    const char *problem = judge(bench, expect, &text, &outcome);
    if (problem != NULL)
        bytes_append_format(&why, "\n    %s: %s", first(expect, EXPECT_MESSAGE), problem);
    else
        compare(bench, expect, &outcome, &why);
    bool passed = why.len == 0;
    *(passed ? &bench->passed : &bench->failed) += 1;
    if (bench->options->json) {
        struct bytes line = bytes_with_cap(WHY_MAX * 32);
        struct json json = json_writer(&line);
        json_object(&json);
        json_key_text(&json, "file", bench->path);
        json_key_uint(&json, "line", expect->line);
        json_key_text(&json, "expect", expect->name);
        json_key_bool(&json, "passed", passed);
        json_key_string(&json, "why", bytes_span(&why));
        json_object_end(&json);
        printf("%.*s\n", (int)line.len, line.ptr);
        bytes_release(&line);
    } else {
        printf("%s:%u: %s %s%.*s\n", bench->path, expect->line, passed ? "ok" : "FAILED", expect->name, (int)why.len,
               why.len > 0 ? why.ptr : "");
    }
    bytes_release(&text);
    bytes_release(&why);
}

/* --- one file ----------------------------------------------------------------------------------------------------- */

static size_t count(const struct rule_expect_text *list) {
    size_t out = 0;
    for (; list != NULL; list = list->next) out++;
    return out;
}

/* The paths of list beside the file, as many as count says. NULL: no memory. */
static const char **paths_of(struct bench *bench, const struct rule_expect_text *list) {
    const char **paths = arena_alloc(bench->arena, (count(list) + 1) * sizeof *paths);
    for (size_t i = 0; list != NULL && paths != NULL; list = list->next)
        if ((paths[i++] = beside(bench, list->text)) == NULL) return NULL;
    return paths;
}

static bool prepare(struct bench *bench) {
    struct rule_options wanted = {.arm_discard = bench->file.arm_discard,
                                  .all_shadow = bench->file.all_shadow || bench->options->shadow};
    const char **rules = paths_of(bench, bench->file.rules), **zones = paths_of(bench, bench->file.zones);
    if (rules == NULL || zones == NULL) return cli_complain("out of memory"), false;
    bench->own = *bench->options;
    if (bench->file.zones != NULL) bench->own.zone = (struct cli_list){count(bench->file.zones), zones};
    if (bench->file.now != NULL) bench->own.has_now = true, bench->own.now_s = strtoll(bench->file.now, NULL, 10);
    bench->set = rules_load(rules, count(bench->file.rules), &wanted);
    return bench->set != NULL;
}

static bool read_expectations(struct bench *bench, struct bytes *text) {
    struct rule_errors errors = {0};
    const char *problem;
    if (!cli_file_read(bench->path, text, &problem)) {
        cli_complain("%s: %s", bench->path, problem);
        return false;
    }
    struct rule_source source = {span_of(bench->path), bytes_span(text)};
    bool sound = rule_expect_read(&source, bench->arena, &errors, &bench->file);
    struct bytes out = bytes_with_cap(1 << 20);
    rules_write_errors(&out, &errors, false);
    if (out.len > 0) fwrite(out.ptr, 1, out.len, stderr);
    if (!sound && errors.count == 0) cli_complain("out of memory");
    bytes_release(&out);
    rule_errors_release(&errors);
    return sound && errors.count == 0;
}

/* False: the file, or what it names, is of no use. */
static bool run_file(struct bench *bench) {
    struct bytes text = bytes_with_cap(RULE_SET_TEXT_MAX);
    bool sound = read_expectations(bench, &text) && prepare(bench);
    if (sound) {
        sound = cli_judge_build(&bench->judge, &bench->own);
        for (const struct rule_expect *expect = bench->file.first; expect != NULL && sound; expect = expect->next)
            run_expect(bench, expect);
        cli_judge_release(&bench->judge);
    }
    rule_set_destroy(bench->set);
    bench->set = NULL;
    bytes_release(&text);
    return sound;
}

enum cli_status rules_test(const struct cli_options *options) {
    struct bench bench = {.options = options, .scratch = rule_scratch_create(false)};
    bool sound = bench.scratch != NULL;
    if (options->operand.count == 0) cli_complain("rules test: name the files of expectations");
    for (size_t i = 0; i < options->operand.count && sound; i++) {
        bench.path = options->operand.item[i];
        bench.arena = arena_create(FILE_ARENA_MAX);
        sound = bench.arena != NULL && run_file(&bench);
        arena_destroy(bench.arena);
    }
    rule_scratch_destroy(bench.scratch);
    if (!options->json && bench.passed + bench.failed > 0)
        printf("%zu passed, %zu failed\n", bench.passed, bench.failed);
    if (!sound || options->operand.count == 0) return CLI_USAGE;
    return bench.failed > 0 ? CLI_FAILED : CLI_OK;
}
