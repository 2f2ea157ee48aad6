/* sceau dmarc: what a domain's DMARC record makes of given DKIM and SPF results (RFC 9989). */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "cli/common_stage.h"
#include "cli/verb.h"
#include "verifier/dmarc_check.h"
#include "verifier/dmarc_report.h"
#include "verifier/domain_name.h"

enum { OUTPUT_MAX = 1 << 20, DNS_BUDGET_MS = 10000 };

struct question {
    size_t addresses, count;
    char author[DOMAIN_NAME_MAX];
    size_t author_len;
    struct dmarc_identifier identifier[DMARC_IDENTIFIERS_MAX];
    char domain[DMARC_IDENTIFIERS_MAX][DOMAIN_NAME_MAX];
};

/* --- The command line -------------------------------------------------------------------------------------------- */

/* An address's domain, or a domain alone; what stands behind the last @ counts. */
static size_t write_author(const char *text, char out[DOMAIN_NAME_MAX]) {
    const char *at = strrchr(text, '@');
    return domain_name_write(span_of(at != NULL ? at + 1 : text), false, out);
}

static bool read_authors(const struct cli_list *authors, struct question *out) {
    out->addresses = authors->count;
    for (size_t i = 0; i < authors->count; i++) {
        out->author_len = write_author(authors->item[i], out->author);
        if (out->author_len > 0) continue;
        cli_complain("dmarc: --header-from '%s' holds no domain name", authors->item[i]);
        return false;
    }
    if (out->addresses == 0) cli_complain("dmarc: name the author's address or domain with --header-from");
    return out->addresses > 0;
}

static bool read_word(const char *word, enum auth_result *out) {
    for (int result = 0; result < AUTH_RESULT_COUNT; result++) {
        if (strcmp(auth_result_word((enum auth_result)result), word) != 0) continue;
        *out = (enum auth_result)result;
        return true;
    }
    return false;
}

/* "DOMAIN=RESULT" */
static bool read_identifier(const char *text, enum dmarc_method method, struct question *out) {
    const char *name = method == DMARC_BY_DKIM ? "dkim" : "spf", *equals = strrchr(text, '=');
    struct dmarc_identifier *identifier = &out->identifier[out->count];
    char *domain = out->domain[out->count];
    if (equals == NULL || !read_word(equals + 1, &identifier->result)) {
        cli_complain("dmarc: --%s wants DOMAIN=RESULT, a result such as pass or fail, not '%s'", name, text);
        return false;
    }
    identifier->method = method;
    identifier->domain.ptr = domain;
    identifier->domain.len = domain_name_write((struct span){text, (size_t)(equals - text)}, false, domain);
    if (identifier->domain.len == 0) cli_complain("dmarc: --%s '%s' holds no domain name", name, text);
    out->count++;
    return identifier->domain.len > 0;
}

static bool read_question(const struct cli_options *options, struct question *out) {
    *out = (struct question){.count = 0};
    if (options->operand.count > 0) {
        cli_complain("dmarc: takes options only, not '%s'", options->operand.item[0]);
        return false;
    }
    if (!read_authors(&options->header_from, out)) return false;
    if (options->dkim.count + options->spf.count > DMARC_IDENTIFIERS_MAX) {
        cli_complain("dmarc: at most %d of --dkim and --spf together", DMARC_IDENTIFIERS_MAX);
        return false;
    }
    for (size_t i = 0; i < options->dkim.count; i++)
        if (!read_identifier(options->dkim.item[i], DMARC_BY_DKIM, out)) return false;
    for (size_t i = 0; i < options->spf.count; i++)
        if (!read_identifier(options->spf.item[i], DMARC_BY_SPF, out)) return false;
    return true;
}

/* --- The answer -------------------------------------------------------------------------------------------------- */

static enum cli_status status_of(const struct dmarc_result *result) {
    if (result->result == RESULT_TEMPERROR) return CLI_TEMPORARY;
    return result->result == RESULT_PERMERROR ? CLI_PERMANENT : CLI_OK;
}

static enum cli_status report(const struct cli_options *options, const struct dmarc_result *result) {
    struct bytes out = bytes_with_cap(OUTPUT_MAX);
    struct report_style style = {options->report_language, isatty(STDOUT_FILENO) && getenv("NO_COLOR") == NULL};
    enum cli_status status = status_of(result);
    if (options->json) {
        struct json json = json_writer(&out);
        dmarc_report_write_json(&json, result);
        bytes_append_char(&out, '\n');
    } else {
        dmarc_report_write_text(&out, result, style);
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

static void judge(struct cli_stage *stage, struct dmarc_check *check, const struct question *question) {
    bool is_one = question->addresses == 1;
    dmarc_check_begin(check, cli_stage_done, stage);
    enum dmarc_progress progress =
        dmarc_check_judge(check, (struct span){question->author, is_one ? question->author_len : 0},
                          question->addresses, question->identifier, question->count);
    if (progress == DMARC_PENDING) cli_stage_wait(stage, DNS_BUDGET_MS);
    dmarc_check_expire(check); /* nothing when it is done */
}

static enum cli_status ask(const struct cli_options *options, const struct question *question) {
    struct cli_stage stage;
    struct dmarc_check *check = NULL;
    enum cli_status status = CLI_USAGE;
    if (cli_stage_build(&stage, options)) {
        check = dmarc_check_create(cli_dns_source(stage.dns));
        if (check == NULL) cli_complain("out of memory");
    }
    if (check != NULL) {
        judge(&stage, check, question);
        status = report(options, dmarc_check_result(check));
    }
    dmarc_check_destroy(check);
    cli_stage_release(&stage);
    return status;
}

static enum cli_status run_verb(const struct cli_options *options) {
    struct question question;
    if (options->help) {
        printf("usage: sceau dmarc [OPTION]... --header-from D [--dkim DOMAIN=RESULT]... [--spf DOMAIN=RESULT]...\n"
               "Says what the author's domain asks for a message with these results (RFC 9989).\n\n");
        cli_options_help(stdout, VERB_DMARC);
        return CLI_OK;
    }
    return read_question(options, &question) ? ask(options, &question) : CLI_USAGE;
}

enum cli_status verb_dmarc(int count, char **arguments) {
    struct cli_options options;
    enum cli_status status = CLI_USAGE;
    if (cli_options_read(count, arguments, VERB_DMARC, "dmarc", &options)) status = run_verb(&options);
    cli_options_release(&options);
    return status;
}
