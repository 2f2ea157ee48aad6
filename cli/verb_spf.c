/* sceau spf: may this client send for this domain (RFC 7208)? */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <unistd.h>
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

/* "<user@domain>" is taken as "user@domain". */
static struct span without_brackets(const char *text) {
    struct span path = span_of(text);
    bool has_brackets = path.len >= 2 && path.ptr[0] == '<' && path.ptr[path.len - 1] == '>';
    return has_brackets ? (struct span){path.ptr + 1, path.len - 2} : path;
}

static bool read_question(const struct cli_options *options, struct spf_question *out) {
    *out = (struct spf_question){.scope = options->mail_from != NULL ? SPF_MAIL_FROM : SPF_HELO,
                                 .wants_explanation = true};
    if (options->operand.count > 0 || options->ip == NULL || options->helo == NULL) {
        cli_complain("spf: name the client with --ip and --helo, and the sender with --mail-from");
        return false;
    }
    out->is_v4 = inet_pton(AF_INET, options->ip, out->address) == 1;
    if (!out->is_v4 && inet_pton(AF_INET6, options->ip, out->address) != 1) {
        cli_complain("spf: --ip wants an IPv4 or IPv6 address, not '%s'", options->ip);
        return false;
    }
    out->helo = span_of(options->helo);
    if (options->mail_from != NULL) out->mail_from = without_brackets(options->mail_from);
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
