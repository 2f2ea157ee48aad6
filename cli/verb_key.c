/* sceau key: judge the key records of a domain's selectors, as DNS has them or as they are about to be published. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/loop.h"
#include "cli/common_dns.h"
#include "cli/verb.h"
#include "verifier/domain_name.h"
#include "verifier/key_report.h"

enum { OUTPUT_MAX = 1 << 20, ARENA_MAX = 4 << 20, CACHE_OCTETS = 1 << 20, DNS_BUDGET_MS = 10000, SELECTORS_MAX = 100 };

/* One selector's question and its answer. */
struct question {
    struct key_request request; /* first: a pointer to it is a pointer to the question */
    struct asker *asker;
    struct span selector, name, expected_cname;
    bool is_pending;
    struct key_entry *entry; /* owned */
};

struct asker {
    const struct cli_options *options;
    const struct clock *clock;
    struct loop *loop;
    struct loop_timer *budget;
    struct key_cache *cache;
    struct cli_dns *dns;
    struct arena *arena;
    size_t count, pending;
    struct question *question;
    struct key_judgement *judgement;
};

static void answered(struct key_request *request, struct key_entry *entry) {
    struct question *question = (struct question *)(void *)request;
    question->entry = entry;
    question->is_pending = false;
    if (--question->asker->pending == 0) loop_stop(question->asker->loop);
}

static void stop_waiting(void *owner) {
    struct asker *asker = owner;
    loop_stop(asker->loop);
}

static struct key_entry *entry_of(const struct asker *asker, struct dns_answer answer) {
    return key_entry_create(&answer, clock_unix_s(asker->clock));
}

/* Asks for all at once and waits until all are answered or the budget is spent. */
static bool ask_dns(struct asker *asker) {
    asker->loop = loop_create();
    if (asker->loop != NULL) asker->budget = loop_timer_create(asker->loop, stop_waiting, asker);
    asker->cache = key_cache_create(CACHE_OCTETS, 0, asker->clock);
    if (asker->budget == NULL || asker->cache == NULL) {
        cli_complain("out of memory or descriptors");
        return false;
    }
    asker->dns = cli_dns_create(asker->options, asker->loop, asker->cache, asker->clock);
    if (asker->dns == NULL) return false;
    struct key_source *keys = cli_dns_keys(asker->dns);
    for (size_t i = 0; i < asker->count; i++) {
        struct question *question = &asker->question[i];
        question->is_pending =
            key_source_get(keys, question->name, &question->request, &question->entry) == KEY_PENDING;
        asker->pending += question->is_pending;
    }
    if (asker->pending == 0) return true;
    loop_timer_start(asker->budget, DNS_BUDGET_MS);
    if (!loop_run(asker->loop)) cli_complain("the event loop failed");
    for (size_t i = 0; i < asker->count; i++) {
        if (!asker->question[i].is_pending) continue;
        key_source_cancel(keys, &asker->question[i].request);
        asker->question[i].entry = entry_of(asker, (struct dns_answer){.status = DNS_TIMEOUT});
    }
    return true;
}

static bool take_record(struct asker *asker) {
    struct dns_answer answer = {.status = DNS_FOUND, .record_count = 1, .record = {span_of(asker->options->record)}};
    for (size_t i = 0; i < asker->count; i++) asker->question[i].entry = entry_of(asker, answer);
    return true;
}

static bool judge(struct asker *asker) {
    for (size_t i = 0; i < asker->count; i++) {
        const struct question *question = &asker->question[i];
        bool judged = question->entry != NULL &&
                      key_judge(question->entry, question->selector, question->name, question->expected_cname,
                                asker->options->record != NULL, asker->arena, &asker->judgement[i]);
        if (judged) continue;
        cli_complain("out of memory");
        return false;
    }
    return true;
}

static enum cli_status status_of(const struct asker *asker) {
    bool all_set = true, any_unknown = false;
    for (size_t i = 0; i < asker->count; i++) {
        all_set &= asker->judgement[i].state == KEY_STATE_SET;
        any_unknown |= asker->judgement[i].state == KEY_STATE_UNKNOWN;
    }
    return any_unknown ? CLI_TEMPORARY : all_set ? CLI_OK : CLI_PERMANENT;
}

static enum cli_status report(const struct asker *asker, const char *domain) {
    struct bytes out = bytes_with_cap(OUTPUT_MAX);
    struct key_pair_judgement pair;
    struct key_report report = {.domain = span_of(domain), .count = asker->count, .judgement = asker->judgement};
    struct report_style style = {asker->options->report_language, isatty(STDOUT_FILENO) && getenv("NO_COLOR") == NULL};
    enum cli_status status = status_of(asker);
    if (asker->count == 2) {
        key_judge_pair(&asker->judgement[0], &asker->judgement[1], &pair);
        report.pair = &pair;
        if (status == CLI_OK && pair.state != KEY_STATE_SET) status = CLI_PERMANENT;
    }
    if (asker->options->json) {
        struct json json = json_writer(&out);
        key_report_write_json(&json, &report);
        bytes_append_char(&out, '\n');
    } else {
        key_report_write_text(&out, &report, style);
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

/* selector._domainkey.domain in A-labels; without final dot. */
static bool name_question(struct asker *asker, struct question *question, const char *selector, const char *domain) {
    char ascii[DOMAIN_NAME_MAX];
    struct bytes name = bytes_with_cap(4096);
    bytes_append_text(&name, selector);
    bytes_append_text(&name, "._domainkey.");
    bytes_append_text(&name, domain);
    size_t len = name.failed ? 0 : domain_name_write(bytes_span(&name), true, ascii);
    bytes_release(&name);
    if (len == 0) {
        cli_complain("key: '%s._domainkey.%s' is no domain name", selector, domain);
        return false;
    }
    question->asker = asker;
    question->request.ready = answered;
    question->selector = span_of(selector);
    question->name = arena_copy(asker->arena, (struct span){ascii, len});
    return question->name.ptr != NULL;
}

static bool prepare(struct asker *asker) {
    const struct cli_list *operand = &asker->options->operand, *expected = &asker->options->expect_cname;
    asker->count = operand->count - 1;
    asker->arena = arena_create(ARENA_MAX);
    if (asker->arena != NULL) asker->question = arena_alloc(asker->arena, asker->count * sizeof *asker->question);
    if (asker->question != NULL) asker->judgement = arena_alloc(asker->arena, asker->count * sizeof *asker->judgement);
    if (asker->judgement == NULL) {
        cli_complain("out of memory");
        return false;
    }
    for (size_t i = 0; i < asker->count; i++) {
        if (!name_question(asker, &asker->question[i], operand->item[i + 1], operand->item[0])) return false;
        if (i >= expected->count) continue;
        struct span target = span_of(expected->item[i]);
        if (target.len > 0 && target.ptr[target.len - 1] == '.') target.len--;
        asker->question[i].expected_cname = target;
    }
    return true;
}

static void release(struct asker *asker) {
    for (size_t i = 0; asker->question != NULL && i < asker->count; i++) key_entry_release(asker->question[i].entry);
    cli_dns_destroy(asker->dns);
    key_cache_destroy(asker->cache);
    loop_timer_destroy(asker->budget);
    loop_destroy(asker->loop);
    arena_destroy(asker->arena);
}

static enum cli_status judge_operands(const struct cli_options *options) {
    struct clock_fixed fixed = clock_fixed_at(options->now_s);
    struct asker asker = {.options = options, .clock = options->has_now ? &fixed.clock : &clock_system};
    enum cli_status status = CLI_USAGE;
    if (prepare(&asker) && (options->record != NULL ? take_record(&asker) : ask_dns(&asker)) && judge(&asker))
        status = report(&asker, options->operand.item[0]);
    release(&asker);
    return status;
}

static enum cli_status run_verb(const struct cli_options *options) {
    if (options->help) {
        printf("usage: sceau key [OPTION]... DOMAIN SELECTOR...\nJudges the key records of selectors; two are judged "
               "as a pair too.\n\n");
        cli_options_help(stdout, VERB_KEY);
        return CLI_OK;
    }
    size_t selectors = options->operand.count > 0 ? options->operand.count - 1 : 0;
    if (selectors == 0 || selectors > SELECTORS_MAX) {
        cli_complain("key: name a domain and its selectors (at most %d)", SELECTORS_MAX);
        return CLI_USAGE;
    }
    if (options->record != NULL && selectors != 1) {
        cli_complain("key: --record judges one selector");
        return CLI_USAGE;
    }
    if (options->expect_cname.count > selectors) {
        cli_complain("key: --expect-cname stands more often than there are selectors");
        return CLI_USAGE;
    }
    return judge_operands(options);
}

enum cli_status verb_key(int count, char **arguments) {
    struct cli_options options;
    enum cli_status status = CLI_USAGE;
    if (cli_options_read(count, arguments, VERB_KEY, "key", &options)) status = run_verb(&options);
    cli_options_release(&options);
    return status;
}
