/* sceau spf: may this client send for this domain (RFC 7208)? */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "cli/common_envelope.h"
#include "cli/common_stage.h"
#include "cli/verb.h"
#include "verifier/spf_check.h"
#include "verifier/spf_report.h"

enum { OUTPUT_MAX = 1 << 20, DNS_BUDGET_MS = 20000 };

static void check_client(struct cli_stage *stage, struct spf_check *check, const struct spf_question *question) {
    if (spf_check_begin(check, question, cli_stage_done, stage) == SPF_DONE) return;
    cli_stage_wait(stage, DNS_BUDGET_MS);
    spf_check_expire(check); /* nothing when it is done */
}

static enum cli_status status_of(const struct spf_result *result) {
    if (result->result == RESULT_TEMPERROR) return CLI_TEMPORARY;
    return result->result == RESULT_PERMERROR ? CLI_PERMANENT : CLI_OK;
}

static enum cli_status report(const struct cli_options *options, const struct spf_result *result) {
    struct bytes out = bytes_with_cap(OUTPUT_MAX);
    struct report_style style = {options->report_language, isatty(STDOUT_FILENO) && getenv("NO_COLOR") == NULL};
    enum cli_status status = status_of(result);
    if (options->json) {
        struct json json = json_writer(&out);
        spf_report_write_json(&json, result);
        bytes_append_char(&out, '\n');
    } else {
        spf_report_write_text(&out, result, style);
    }
    if (out.failed) {
        cli_complain("the report is too large");
        status = CLI_USAGE;
    } else {
        fwrite(out.ptr, 1, out.len, stdout);
    }
    bytes_release(&out);
    return status;
}

static bool read_question(const struct cli_options *options, struct spf_question *out) {
    struct authentication_envelope envelope;
    if (options->operand.count > 0 || options->ip == NULL || options->helo == NULL) {
        cli_complain("spf: name the client with --ip and --helo, and the sender with --mail-from");
        return false;
    }
    if (!cli_envelope_read(options, "spf", &envelope)) return false;
    *out = (struct spf_question){.scope = options->mail_from != NULL ? SPF_MAIL_FROM : SPF_HELO,
                                 .is_v4 = envelope.is_v4,
                                 .helo = envelope.helo,
                                 .mail_from = envelope.mail_from,
                                 .wants_explanation = true};
    memcpy(out->address, envelope.address, sizeof out->address);
    return true;
}

static enum cli_status ask(const struct cli_options *options, const struct spf_question *question) {
    struct cli_stage stage;
    struct spf_check *check = NULL;
    enum cli_status status = CLI_USAGE;
    if (cli_stage_build(&stage, options)) {
        check = spf_check_create(cli_dns_source(stage.dns), cli_stage_clock(&stage, options));
        if (check == NULL) cli_complain("out of memory");
    }
    if (check != NULL) {
        check_client(&stage, check, question);
        status = report(options, spf_check_result(check));
    }
    spf_check_destroy(check);
    cli_stage_release(&stage);
    return status;
}

static enum cli_status run_verb(const struct cli_options *options) {
    struct spf_question question;
    char host[256] = "";
    if (options->help) {
        printf("usage: sceau spf [OPTION]... --ip A --helo H [--mail-from F]\n"
               "Asks whether a client may send for a domain (RFC 7208).\n\n");
        cli_options_help(stdout, VERB_SPF);
        return CLI_OK;
    }
    if (!read_question(options, &question)) return CLI_USAGE;
    if (gethostname(host, sizeof host - 1) == 0) question.receiver = span_of(host);
    return ask(options, &question);
}

enum cli_status verb_spf(int count, char **arguments) {
    struct cli_options options;
    enum cli_status status = CLI_USAGE;
    if (cli_options_read(count, arguments, VERB_SPF, "spf", &options)) status = run_verb(&options);
    cli_options_release(&options);
    return status;
}
