/* sceau key: judge the key records of a domain's selectors, as DNS has them or as they are about to be published. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "cli/common_stage.h"
#include "cli/verb.h"
#include "cli/verb_key_input.h"
#include "verifier/dns_choice.h"
#include "verifier/domain_name.h"
#include "verifier/name_servers.h"
#include "verifier/record_check.h"

enum { OUTPUT_MAX = 4 << 20, DNS_BUDGET_MS = 10000 };

struct view_set {
    size_t count;
    struct record_view view[RECORD_VIEWS_MAX];
    struct dns_choice *choice[RECORD_VIEWS_MAX];
    char name[RECORD_VIEWS_MAX][NAME_SERVER_ADDRESS_MAX];
};

/* --- who else is asked ------------------------------------------------------------------------------------------- */

static bool add_view(struct view_set *set, struct loop *loop, enum record_view_kind kind, const char *address,
                     const char *domain) {
    if (set->count == RECORD_VIEWS_MAX) return true;
    struct dns_choice_options wanted = {.trust_anchor = "none"};
    char *stub = NULL, *error = NULL;
    if (kind == RECORD_VIEW_RESOLVER) {
        wanted.forward_count = 1;
        wanted.forward = &address;
    } else {
        if (asprintf(&stub, "%s=%s", domain, address) < 0) stub = NULL;
        wanted.stub_count = 1;
        wanted.stub = (const char *const *)&stub;
    }
    bool named = kind == RECORD_VIEW_RESOLVER || stub != NULL;
    struct dns_choice *choice = named ? dns_choice_create(loop, &wanted, &error) : NULL;
    if (choice == NULL) cli_complain("%s", error != NULL ? error : "out of memory");
    free(error);
    free(stub);
    if (choice == NULL) return false;
    set->choice[set->count] = choice;
    snprintf(set->name[set->count], sizeof set->name[0], "%s", address); /* for people; one that is longer is cut */
    set->view[set->count] = (struct record_view){kind, span_of(set->name[set->count]), dns_choice_source(choice)};
    set->count++;
    return true;
}

/* Every name server of the domain that has an address. */
static bool add_all_servers(struct view_set *set, struct cli_stage *stage, const char *domain) {
    char ascii[DOMAIN_NAME_MAX];
    size_t len = domain_name_write(span_of(domain), false, ascii), count;
    struct name_servers *servers = name_servers_create(cli_dns_source(stage->dns));
    bool good = servers != NULL;
    if (!good) cli_complain("out of memory");
    if (good && len > 0 && !name_servers_find(servers, (struct span){ascii, len}, cli_stage_done, stage)) {
        cli_stage_wait(stage, DNS_BUDGET_MS);
        name_servers_expire(servers);
    }
    const struct name_server *list = good ? name_servers_list(servers, &count) : NULL;
    for (size_t i = 0; good && i < count && set->count < RECORD_VIEWS_MAX; i++)
        if (list[i].address[0] != '\0') good = add_view(set, stage->loop, RECORD_VIEW_SERVER, list[i].address, domain);
    name_servers_destroy(servers);
    return good;
}

static bool open_views(struct view_set *set, struct cli_stage *stage, const struct cli_options *options) {
    size_t wanted = options->resolver.count + options->server.count;
    const char *domain = options->operand.count > 0 ? options->operand.item[0] : NULL;
    if (wanted > RECORD_VIEWS_MAX || (wanted > 0 && options->zone.count > 0) ||
        (options->server.count > 0 && domain == NULL)) {
        cli_complain("key: --resolver and --server stand %d times at most, beside a domain, and not beside --zone",
                     RECORD_VIEWS_MAX);
        return false;
    }
    for (size_t i = 0; i < options->resolver.count; i++)
        if (!add_view(set, stage->loop, RECORD_VIEW_RESOLVER, options->resolver.item[i], domain)) return false;
    for (size_t i = 0; i < options->server.count; i++) {
        bool all = strcmp(options->server.item[i], "all") == 0;
        bool added = all ? add_all_servers(set, stage, domain)
                         : add_view(set, stage->loop, RECORD_VIEW_SERVER, options->server.item[i], domain);
        if (!added) return false;
    }
    return true;
}

/* --- the report -------------------------------------------------------------------------------------------------- */

/* A selector that nobody named decides nothing: it may well be that there is only one. */
static enum cli_status status_of(const struct record_report *report) {
    bool all_set = true, any_unknown = false, any_derived = false;
    for (size_t i = 0; i < report->count; i++) {
        any_derived |= report->selector[i].is_derived;
        if (report->selector[i].is_derived) continue;
        all_set &= report->selector[i].state == RECORD_STATE_SET;
        any_unknown |= report->selector[i].state == RECORD_STATE_UNKNOWN;
    }
    if (report->pair != NULL && !any_derived) all_set &= report->pair->state == RECORD_STATE_SET;
    if (report->count == 0) return CLI_NOTHING;
    return any_unknown ? CLI_TEMPORARY : all_set ? CLI_OK : CLI_PERMANENT;
}

static enum cli_status write_report(const struct cli_options *options, const struct record_report *report) {
    struct bytes out = bytes_with_cap(OUTPUT_MAX);
    struct report_style style = {options->report_language, isatty(STDOUT_FILENO) && getenv("NO_COLOR") == NULL};
    enum cli_status status = status_of(report);
    if (options->json) {
        struct json json = json_writer(&out);
        record_report_write_json(&json, report);
        bytes_append_char(&out, '\n');
    } else {
        record_report_write_text(&out, report, options->explain, style);
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

/* Names the first selector that makes no name with the domain. */
static void complain_of_name(const struct record_question *question) {
    struct span selector = question->count > 0 ? question->wish[0].selector : span_of("SELECTOR");
    for (size_t i = 0; i < question->count; i++) {
        char ascii[DNS_NAME_MAX];
        if (domain_name_write(question->wish[i].selector, false, ascii) == 0) selector = question->wish[i].selector;
    }
    cli_complain("key: '%.*s._domainkey.%.*s' is no domain name", (int)selector.len, selector.ptr,
                 (int)question->domain.len, question->domain.ptr);
}

static enum cli_status complain(enum record_check_status status, const struct record_question *question) {
    if (status == RECORD_CHECK_BAD_NAME)
        complain_of_name(question);
    else if (status == RECORD_CHECK_NO_SELECTOR)
        cli_complain("key: the provider's answer names no record: name the domain");
    else
        cli_complain("%s", record_check_status_text(status));
    return CLI_USAGE;
}

/* --- the check --------------------------------------------------------------------------------------------------- */

static enum cli_status check_records(const struct cli_options *options, struct cli_stage *stage,
                                     const struct record_question *question) {
    struct record_check *check = record_check_create(cli_dns_source(stage->dns));
    if (check == NULL) return complain(RECORD_CHECK_NO_MEMORY, question);
    enum record_check_status status = record_check_start(check, question, cli_stage_done, stage);
    if (status == RECORD_CHECK_PENDING) {
        cli_stage_wait(stage, DNS_BUDGET_MS);
        record_check_expire(check); /* nothing when it is done */
        status = record_check_status(check);
    }
    enum cli_status exit_code =
        status == RECORD_CHECK_DONE ? write_report(options, record_check_report(check)) : complain(status, question);
    record_check_destroy(check);
    return exit_code;
}

static enum cli_status judge_operands(const struct cli_options *options, struct key_input *input) {
    struct cli_stage stage;
    struct view_set views = {0};
    enum cli_status status = CLI_USAGE;
    if (cli_stage_build(&stage, options) && open_views(&views, &stage, options)) {
        input->question.view = views.view;
        input->question.view_count = views.count;
        status = check_records(options, &stage, &input->question);
    }
    for (size_t i = 0; i < views.count; i++) dns_choice_destroy(views.choice[i]);
    cli_stage_release(&stage);
    return status;
}

static enum cli_status run_verb(const struct cli_options *options) {
    struct key_input input;
    enum cli_status status = CLI_USAGE;
    if (options->help) {
        printf("usage: sceau key [OPTION]... DOMAIN SELECTOR...\n       sceau key [OPTION]... --provider-answer FILE "
               "[DOMAIN]\n"
               "Judges the key records of selectors; two are judged as a pair too.\n\n");
        cli_options_help(stdout, VERB_KEY);
        return CLI_OK;
    }
    int64_t now_s = options->has_now ? options->now_s : clock_unix_s(&clock_system);
    if (key_input_read(options, now_s, &input)) status = judge_operands(options, &input);
    key_input_release(&input);
    return status;
}

enum cli_status verb_key(int count, char **arguments) {
    struct cli_options options;
    enum cli_status status = CLI_USAGE;
    if (cli_options_read(count, arguments, VERB_KEY, "key", &options)) status = run_verb(&options);
    cli_options_release(&options);
    return status;
}
