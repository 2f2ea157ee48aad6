/* sceau results: read the value of an Authentication-Results field strictly (RFC 8601). One without authserv-id, as
 * Microsoft writes it, is read too, and told as the claim that it is. */
#include <stdlib.h>
#include <string.h>
#include "cli/common_input.h"
#include "cli/verb.h"
#include "verifier/auth_results_reader.h"
#include "verifier/results_report.h"

enum { OUTPUT_MAX = 16 << 20, ARENA_MAX = 64 << 20 };

/* Strictly; else as a claim. What is neither gets the sentence of the strict reader. */
static enum auth_results_status read_value(struct span value, struct arena *arena, struct auth_results *read,
                                           size_t *error_at) {
    size_t ignored;
    enum auth_results_status status = auth_results_read(value, arena, read, error_at);
    if (status == AUTH_RESULTS_OK || auth_results_read_claim(value, arena, read, &ignored) != AUTH_RESULTS_OK) return status;
    return AUTH_RESULTS_OK;
}

static enum cli_status read_text(const struct cli_options *options, const char *path, struct span text,
                                 struct bytes *out) {
    struct arena *arena = arena_create(ARENA_MAX);
    struct auth_results read;
    size_t error_at = 0;
    if (arena == NULL) {
        cli_complain("out of memory");
        return CLI_USAGE;
    }
    struct results_paste paste = results_paste_find(text);
    enum auth_results_status status = read_value(paste.value, arena, &read, &error_at);
    struct results_report report = {.paste = &paste, .read = &read};
    struct json json = json_writer(out);
    if (status == AUTH_RESULTS_OK) {
        if (options->json)
            results_report_write_json(&json, &report);
        else
            results_report_write_text(out, &report, (struct report_style){options->report_language, false});
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
        status = read_text(options, path, bytes_span(&text), &out);
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
