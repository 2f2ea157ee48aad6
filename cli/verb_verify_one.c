#include "cli/verb_verify_one.h"
#include <stdlib.h>
#include <string.h>
#include "base/ascii.h"
#include "base/loop.h"
#include "cli/common_dns.h"
#include "cli/common_input.h"
#include "rules/rule_input.h"
#include "rules/rule_set.h"
#include "cli/verb_verify_explain.h"
#include "verifier/auth_results.h"
#include "verifier/authentication.h"
#include "verifier/pasted_header.h"

enum {
    REPORT_MAX = 1 << 20, /* octets of one message's report */
    COMPLAINT_MAX = 16384,
    SEAL_MAX = 192 * 1024,   /* the three fields of one ARC set */
    RANDOM_CUTS = 200,
    DNS_BUDGET_MS = 5000,  /* after the end of a message; then temperror */
    SPF_BUDGET_MS = 20000, /* the same when SPF is among what waits: RFC 7208 section 4.6.4 */
};

bool cut_parse(const char *text, struct cut *out) {
    static const char random[] = "random:";
    bool is_random = strncmp(text, random, sizeof random - 1) == 0;
    const char *digits = is_random ? text + sizeof random - 1 : text;
    *out = (struct cut){.kind = is_random ? CUT_RANDOM : CUT_EVERY};
    if (strcmp(text, "octets") == 0) {
        out->number = 1;
        return true;
    }
    size_t len = 0;
    for (; ascii_is_digit(digits[len]) && len < 9; len++)
        out->number = out->number * 10 + (uint32_t)(digits[len] - '0');
    return len > 0 && digits[len] == '\0' && (is_random || out->number > 0);
}

struct verify_worker {
    const struct verify_job *job;
    struct loop *loop;
    struct loop_timer *budget;
    struct cli_dns *dns;
    struct authentication *authentication;
    struct rule_scratch *rules; /* NULL: no rules are asked */
    struct verify_explain *explain; /* NULL: no diagnosis is wanted */
    bool is_done; /* the last verdict fell, or the budget ran out */
};

static void wake(void *owner) {
    struct verify_worker *worker = owner;
    worker->is_done = true;
    loop_stop(worker->loop);
}

static void give_up(void *owner) {
    struct verify_worker *worker = owner;
    authentication_expire(worker->authentication);
    wake(worker);
}

static struct authentication *create_authentication(const struct verify_job *job, struct cli_dns *dns) {
    struct authentication_setup setup = {
        .policy = &job->policy,
        .keys = cli_dns_keys(dns),
        .dns = job->has_envelope ? cli_dns_source(dns) : NULL,
        .clock = job->clock,
        .receiver = job->authserv_id,
    };
    return authentication_create(&setup);
}

struct verify_worker *verify_worker_create(const struct verify_job *job) {
    struct verify_worker *worker = calloc(1, sizeof *worker);
    if (worker != NULL) {
        worker->job = job;
        worker->loop = loop_create();
        if (worker->loop != NULL) worker->budget = loop_timer_create(worker->loop, give_up, worker);
    }
    if (worker == NULL || worker->budget == NULL) {
        cli_complain("out of memory or descriptors");
        verify_worker_destroy(worker);
        return NULL;
    }
    worker->dns = cli_dns_create(job->options, worker->loop, job->cache, job->clock);
    if (worker->dns != NULL) worker->authentication = create_authentication(job, worker->dns);
    if (worker->dns != NULL && worker->authentication == NULL) cli_complain("out of memory");
    if (job->rules != NULL) worker->rules = rule_scratch_create(false);
    bool explains = worker->authentication != NULL && job->options->explain;
    if (explains) worker->explain = verify_explain_create(worker->loop, cli_dns_keys(worker->dns), cli_dns_source(worker->dns), job->clock);
    bool is_whole = (job->rules == NULL || worker->rules != NULL) && (!explains || worker->explain != NULL);
    if (!is_whole) cli_complain("out of memory or descriptors");
    if (worker->authentication != NULL && is_whole) return worker;
    verify_worker_destroy(worker);
    return NULL;
}

void verify_worker_destroy(struct verify_worker *worker) {
    if (worker == NULL) return;
    rule_scratch_destroy(worker->rules);
    verify_explain_destroy(worker->explain);
    authentication_destroy(worker->authentication);
    cli_dns_destroy(worker->dns);
    loop_timer_destroy(worker->budget);
    loop_destroy(worker->loop);
    free(worker);
}

/* --- the message, whole or in pieces ----------------------------------------------------------------------------- */

static int compare_sizes(const void *a, const void *b) {
    size_t left = *(const size_t *)a, right = *(const size_t *)b;
    return (left > right) - (left < right);
}

static enum verifier_progress feed_random(struct authentication *authentication, struct span message, uint32_t seed) {
    size_t place[RANDOM_CUTS + 1], from = 0;
    enum verifier_progress progress = VERIFIER_MORE;
    uint64_t state = seed;
    for (size_t i = 0; i < RANDOM_CUTS; i++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        place[i] = (size_t)(state >> 33) % (message.len + 1);
    }
    place[RANDOM_CUTS] = message.len;
    qsort(place, RANDOM_CUTS, sizeof *place, compare_sizes);
    for (size_t i = 0; i <= RANDOM_CUTS && progress == VERIFIER_MORE; from = place[i++])
        progress = authentication_update(authentication, (struct span){message.ptr + from, place[i] - from});
    return progress;
}

static enum verifier_progress feed(struct authentication *authentication, struct span message, struct cut cut) {
    enum verifier_progress progress = VERIFIER_MORE;
    if (cut.kind == CUT_RANDOM) return feed_random(authentication, message, cut.number);
    size_t piece = cut.kind == CUT_EVERY ? cut.number : message.len;
    while (message.len > 0 && progress == VERIFIER_MORE) {
        size_t len = piece < message.len ? piece : message.len;
        progress = authentication_update(authentication, span_first(message, len));
        message = span_after(message, len);
    }
    return progress;
}

/* False: the header section is over a limit. */
static bool verify(struct verify_worker *worker, struct span message) {
    worker->is_done = false;
    const struct verify_job *job = worker->job;
    authentication_begin(worker->authentication, job->has_envelope ? &job->envelope : NULL, wake, worker);
    if (feed(worker->authentication, message, job->cut) == VERIFIER_REFUSED) return false;
    enum verifier_progress progress = authentication_end(worker->authentication);
    if (progress != VERIFIER_MORE) return progress == VERIFIER_DONE;
    loop_timer_start(worker->budget, job->has_envelope ? SPF_BUDGET_MS : DNS_BUDGET_MS);
    bool runs = loop_run(worker->loop);
    loop_timer_stop(worker->budget);
    if (!runs || !worker->is_done) authentication_expire(worker->authentication);
    return true;
}

/* --- what became of it ------------------------------------------------------------------------------------------- */

static bool any_header_intact(const struct message_result *result) {
    for (size_t i = 0; i < result->dkim_count; i++)
        if (result->dkim[i].header_part == PART_INTACT) return true;
    return false;
}

static void complain(struct verify_outcome *outcome, const char *path, const char *problem) {
    bytes_append_text(&outcome->complaints, "sceau: ");
    phrase_append_printable(&outcome->complaints, span_of(path));
    bytes_append_text(&outcome->complaints, ": ");
    bytes_append_text(&outcome->complaints, problem);
    bytes_append_char(&outcome->complaints, '\n');
}

static void tally(struct verify_outcome *outcome, const struct message_result *result) {
    for (size_t i = 0; i < result->dkim_count; i++) {
        const struct dkim_result *dkim = &result->dkim[i];
        if (dkim->code == DKIM_LIMIT) continue; /* was not checked */
        switch (dkim->result) {
        case RESULT_PASS: outcome->passes++; break;
        case RESULT_FAIL: outcome->fails++; break;
        case RESULT_TEMPERROR: outcome->temporaries++; break;
        default: outcome->permanents++; break;
        }
    }
}

/* An empty header section makes a poor message, but a message. */
static bool looks_like_a_message(const struct header_section *section) {
    for (size_t i = 0; i < section->count; i++)
        if (section->fields[i].name.len > 0) return true;
    return section->count == 0;
}

/* What the rules say; *out lives until the next message. */
static void ask_rules(struct verify_worker *worker, struct message_action *out) {
    const struct verify_job *job = worker->job;
    struct rule_input input = {.result = authentication_result(worker->authentication),
                               .header = message_verifier_header(authentication_verifier(worker->authentication)),
                               .now_s = clock_unix_s(job->clock),
                               .has_client = job->envelope.has_address,
                               .client_is_v4 = job->envelope.is_v4,
                               .helo = job->envelope.helo,
                               .has_envelope = job->options->mail_from != NULL,
                               .mail_from = job->envelope.mail_from};
    struct rule_outcome outcome;
    memcpy(input.client, job->envelope.address, sizeof input.client);
    rule_set_evaluate(job->rules, &input, worker->rules, &outcome); /* without memory the outcome is a tempfail, and says so */
    const struct rule_decision *decision = &outcome.decision;
    *out = (struct message_action){rule_verdict_word(decision->verdict), {0}, decision->code, decision->enhanced, decision->text};
    if (decision->rule != RULE_NONE) out->rule = rule_set_name(job->rules, decision->rule);
}

/* Pasted header fields: as they are, or, when that lets a signature verify, with their folds repaired. *repaired says which.
 * False: the header section is over a limit. */
static bool verify_header(struct verify_worker *worker, struct bytes *text, bool *repaired) {
    struct bytes section = bytes_with_cap(CLI_INPUT_MAX), other = bytes_with_cap(CLI_INPUT_MAX);
    pasted_header_read(bytes_span(text), &section);
    bool fits = !section.failed && verify(worker, bytes_span(&section));
    *repaired = false;
    if (fits && !any_header_intact(authentication_result(worker->authentication)) &&
        pasted_header_repair(bytes_span(&section), &other)) {
        *repaired = verify(worker, bytes_span(&other)) && any_header_intact(authentication_result(worker->authentication));
        if (!*repaired) fits = verify(worker, bytes_span(&section));
    }
    bytes_clear(text);
    bytes_append(text, bytes_span(*repaired ? &other : &section));
    bytes_release(&section);
    bytes_release(&other);
    return fits;
}

static const struct finding_list *explain(struct verify_worker *worker, struct span text, bool repaired, struct finding_list *list) {
    const struct message_result *result = authentication_result(worker->authentication);
    const struct message_verifier *verifier = authentication_verifier(worker->authentication);
    *list = (struct finding_list){.count = 0};
    if (worker->explain != NULL)
        *list = *verify_explain_run(worker->explain, verifier, result, text, worker->job->options->headers);
    if (repaired) finding_add(list, FINDING_PASTE_REPAIRED)->certainty = FINDING_PROVED;
    return list;
}

static void report(struct verify_worker *worker, const char *path, const struct finding_list *findings, struct verify_outcome *outcome) {
    const struct verify_job *job = worker->job;
    struct bytes field = bytes_with_cap(8192), seal = bytes_with_cap(SEAL_MAX);
    struct message_report message = {.file = span_of(path), .result = authentication_result(worker->authentication),
                                     .findings = findings};
    struct message_action action;
    if (job->rules != NULL) ask_rules(worker, &action), message.action = &action;
    bool written = auth_results_write_styled(&field, job->authserv_id, message.result, job->results_style);
    message.our_field = bytes_span(&field);
    if (job->seal != NULL && written) {
        const char *why = verify_seal_write(job->seal, authentication_verifier(worker->authentication), message.our_field, &seal);
        if (why != NULL) complain(outcome, path, why);
        message.seal = bytes_span(&seal);
    }
    if (job->options->json) {
        struct json json = json_writer(&outcome->report);
        message_report_write_json(&json, &message);
        bytes_append_char(&outcome->report, '\n');
    } else {
        message_report_write_text(&outcome->report, &message, job->style);
    }
    bytes_release(&field);
    bytes_release(&seal);
    tally(outcome, message.result);
    if (written && !outcome->report.failed) return;
    outcome->report.len = 0;
    outcome->unusable = true;
    complain(outcome, path, "not enough memory for the report");
}

void verify_worker_run(struct verify_worker *worker, const char *path, struct verify_outcome *outcome) {
    struct bytes text = bytes_with_cap(CLI_INPUT_MAX);
    struct cli_input_notes notes;
    struct finding_list findings;
    bool repaired = false;
    *outcome =
        (struct verify_outcome){.report = bytes_with_cap(REPORT_MAX), .complaints = bytes_with_cap(COMPLAINT_MAX)};
    enum cli_input_status status = cli_input_read(path, &text, &notes);
    if (notes.mbox_line)
        complain(outcome, path, "the mbox line \"From ...\" at the top is no part of the message and was skipped");
    if (status == CLI_INPUT_UNREADABLE) {
        outcome->unusable = true;
        complain(outcome, path, notes.problem);
    } else if (status == CLI_INPUT_EMPTY) {
        complain(outcome, path, "the file is empty");
    } else if (!(worker->job->options->headers ? verify_header(worker, &text, &repaired) : verify(worker, bytes_span(&text)))) {
        complain(outcome, path, header_status_text(message_verifier_header_status(authentication_verifier(worker->authentication))));
    } else if (!looks_like_a_message(message_verifier_header(authentication_verifier(worker->authentication)))) {
        complain(outcome, path, "not a message: it does not begin with header fields");
    } else {
        report(worker, path, explain(worker, bytes_span(&text), repaired, &findings), outcome);
    }
    bytes_release(&text);
}
