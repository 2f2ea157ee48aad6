/* sceau results: read the value of an Authentication-Results field strictly (RFC 8601). One without authserv-id, as
 * Microsoft writes it, is read too, and told as the claim that it is. */
#include <stdlib.h>
#include <string.h>
#include "base/json.h"
#include "cli/common_input.h"
#include "cli/verb.h"
#include "verifier/auth_results_reader.h"
#include "verifier/report.h"

enum { OUTPUT_MAX = 16 << 20, ARENA_MAX = 64 << 20 };

/* A whole field is accepted too: its name and colon are skipped. */
static struct span value_of(struct span text) {
    static const char name[] = "Authentication-Results";
    size_t colon = span_find(text, ':');
    if (colon < text.len && span_is_nocase(span_trim(span_first(text, colon)), name))
        return span_after(text, colon + 1);
    return text;
}

static bool is_claim(const struct auth_results *read) { return read->authserv_id.len == 0; }

static void write_props(struct json *json, const struct auth_results_info *info) {
    json_key(json, "props");
    json_array(json);
    for (size_t i = 0; i < info->prop_count; i++) {
        json_object(json);
        if (info->prop[i].ptype.len > 0)
            json_key_string(json, "ptype", info->prop[i].ptype);
        else
            json_key_null(json, "ptype");
        json_key_string(json, "property", info->prop[i].property);
        json_key_string(json, "value", info->prop[i].value);
        json_object_end(json);
    }
    json_array_end(json);
}

static void write_json(struct json *json, const struct auth_results *read) {
    json_object(json);
    if (is_claim(read)) {
        json_key_null(json, "authserv_id");
        json_key_bool(json, "claim", true);
    } else {
        json_key_string(json, "authserv_id", read->authserv_id);
    }
    json_key_uint(json, "version", read->version);
    json_key(json, "results");
    json_array(json);
    for (size_t i = 0; i < read->count; i++) {
        const struct auth_results_info *info = &read->info[i];
        json_object(json);
        json_key_string(json, "method", info->method);
        json_key_uint(json, "method_version", info->method_version);
        json_key_string(json, "result", info->result);
        if (info->has_reason)
            json_key_string(json, "reason", info->reason);
        else
            json_key_null(json, "reason");
        write_props(json, info);
        json_object_end(json);
    }
    json_array_end(json);
    json_object_end(json);
}

static void write_text(struct bytes *out, const struct auth_results *read, enum language language) {
    if (is_claim(read))
        phrase_append(out, report_phrase(PHRASE_CLAIM), language, NULL, 0);
    else
        phrase_append_printable(out, read->authserv_id);
    bytes_append_text(out, read->count == 0 ? ": none\n" : "\n");
    for (size_t i = 0; i < read->count; i++) {
        const struct auth_results_info *info = &read->info[i];
        bytes_append_text(out, "  ");
        phrase_append_printable(out, info->result);
        for (size_t pad = info->result.len; pad < 10; pad++) bytes_append_char(out, ' ');
        phrase_append_printable(out, info->method);
        if (info->has_reason) {
            bytes_append_text(out, " (");
            phrase_append_printable(out, info->reason);
            bytes_append_char(out, ')');
        }
        for (size_t p = 0; p < info->prop_count; p++) {
            bytes_append_text(out, p == 0 ? ": " : ", ");
            bytes_append(out, info->prop[p].ptype);
            if (info->prop[p].ptype.len > 0) bytes_append_char(out, '.');
            bytes_append(out, info->prop[p].property);
            bytes_append_char(out, '=');
            phrase_append_printable(out, info->prop[p].value);
        }
        bytes_append_char(out, '\n');
    }
}

/* Strictly; else as a claim. What is neither gets the sentence of the strict reader. */
static enum auth_results_status read_value(struct span value, struct arena *arena, struct auth_results *read,
                                           size_t *error_at) {
    size_t ignored;
    enum auth_results_status status = auth_results_read(value, arena, read, error_at);
    if (status == AUTH_RESULTS_OK || auth_results_read_claim(value, arena, read, &ignored) != AUTH_RESULTS_OK) return status;
    return AUTH_RESULTS_OK;
}

static enum cli_status report(const struct cli_options *options, const char *path, struct span text,
                              struct bytes *out) {
    struct arena *arena = arena_create(ARENA_MAX);
    struct auth_results read;
    size_t error_at = 0;
    if (arena == NULL) {
        cli_complain("out of memory");
        return CLI_USAGE;
    }
    struct span value = value_of(text);
    enum auth_results_status status = read_value(value, arena, &read, &error_at);
    struct json json = json_writer(out);
    if (status == AUTH_RESULTS_OK) {
        if (options->json)
            write_json(&json, &read);
        else
            write_text(out, &read, options->report_language);
    } else if (options->json) {
        json_object(&json);
        json_key_text(&json, "error", auth_results_status_text(status));
        json_key_uint(&json, "position", error_at);
        json_object_end(&json);
    } else {
        cli_complain("%s: %s, at octet %zu", path, auth_results_status_text(status), error_at);
    }
    if (options->json) bytes_append_char(out, '\n');
    arena_destroy(arena);
    return status == AUTH_RESULTS_OK ? CLI_OK : CLI_FAILED;
}

static enum cli_status read_and_report(const struct cli_options *options, const char *path) {
    struct bytes text = bytes_with_cap(CLI_INPUT_MAX), out = bytes_with_cap(OUTPUT_MAX);
    const char *problem;
    enum cli_status status = CLI_USAGE;
    if (!cli_file_read(path, &text, &problem)) {
        cli_complain("cannot read %s: %s", path, problem);
    } else {
        status = report(options, path, bytes_span(&text), &out);
        if (out.failed)
            cli_complain("%s: the report is too large", path);
        else if (out.len > 0)
            fwrite(out.ptr, 1, out.len, stdout);
    }
    bytes_release(&out);
    bytes_release(&text);
    return status;
}

static enum cli_status run_verb(const struct cli_options *options) {
    if (options->help) {
        printf("usage: sceau results [OPTION]... FILE|-\nReads the value of an Authentication-Results field (RFC "
               "8601).\n\n");
        cli_options_help(stdout, VERB_RESULTS);
        return CLI_OK;
    }
    if (options->operand.count != 1) {
        cli_complain("results: name one file, or - for standard input");
        return CLI_USAGE;
    }
    return read_and_report(options, options->operand.item[0]);
}

enum cli_status verb_results(int count, char **arguments) {
    struct cli_options options;
    enum cli_status status = CLI_USAGE;
    if (cli_options_read(count, arguments, VERB_RESULTS, "results", &options)) status = run_verb(&options);
    cli_options_release(&options);
    return status;
}
