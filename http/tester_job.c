#include "http/tester_job.h"
#include <stdlib.h>
#include "base/clock.h"
#include "base/loop.h"
#include "http/counted_lookups.h"
#include "http/message_facts.h"
#include "http/stats_recall.h"
#include "http/tester_job_records.h"
#include "verifier/authentication.h"
#include "verifier/diagnosis.h"
#include "verifier/pasted_header.h"
#include "verifier/policy_lookup.h"

enum {
    NEIGHBOURS_MAX = 16,
    FRESH_MAX = 4,
    KEYS_MAX = DIAGNOSIS_SIGNATURES_MAX + NEIGHBOURS_MAX + FRESH_MAX,
    DNS_BUDGET_MS = 5000,  /* of each wait; then temperror */
    SPF_BUDGET_MS = 20000, /* the same where SPF is among what waits: RFC 7208 section 4.6.4 */
    ARENA_MAX = DIAGNOSIS_ARENA_OCTETS,
};

enum progress { PROGRESS_AGAIN, PROGRESS_WAIT };

enum job_state { JOB_VERIFY, JOB_AWAIT_VERDICT, JOB_LOOK_AROUND, JOB_AWAIT_RECORDS, JOB_REPORT, JOB_DONE };

/* What pasted header fields are tried as, in this order. */
enum attempt { ATTEMPT_FIRST, ATTEMPT_REPAIRED, ATTEMPT_LAST };

/* One neighbour's key on its way. */
struct neighbour {
    struct key_request request; /* first */
    struct tester_job *job;
    struct span name;
    struct key_entry *entry;
    bool is_pending;
};

struct tester_job {
    const struct tester_job_setup *setup;
    struct tester_request *request;
    void (*done)(void *owner, struct tester_job *job, const struct tester_report *report);
    void *owner;
    struct loop_task task;
    struct loop_timer *timer;
    struct arena *arena;
    struct counted_lookups lookups;
    enum job_state state;
    bool is_verified, is_late;
    int64_t begun_s;
    /* The message. */
    struct verifier_policy policy;
    struct authentication *authentication;
    struct bytes pasted, repaired; /* of header fields alone */
    enum attempt attempt;
    struct span text;              /* what was verified last */
    enum header_status header;
    struct neighbour neighbour[NEIGHBOURS_MAX];
    size_t neighbours, neighbours_pending;
    struct policy_lookup *policies;
    bool policies_pending;
    struct diagnosis_key key[KEYS_MAX];
    size_t key_count;
    struct key_entry *fresh[FRESH_MAX];
    size_t fresh_count;
    struct diagnosis diagnosis;
    /* Key records, a message's or those asked about. */
    struct job_records records;
};

unsigned tester_job_lookups(const struct tester_job *job) { return job->lookups.asked; }

static void run_soon(struct tester_job *job) {
    if (job->task.node.next == &job->task.node) loop_defer(job->setup->loop, &job->task);
}

static void on_event(void *owner) { run_soon(owner); }

static void on_verified(void *owner) {
    struct tester_job *job = owner;
    job->is_verified = true;
    run_soon(job);
}

static void on_late(void *owner) {
    struct tester_job *job = owner;
    job->is_late = true;
    run_soon(job);
}

static void on_neighbour(struct key_request *request, struct key_entry *entry) {
    struct neighbour *neighbour = (struct neighbour *)(void *)request;
    neighbour->entry = entry;
    neighbour->is_pending = false;
    neighbour->job->neighbours_pending--;
    run_soon(neighbour->job);
}

static void on_policies(void *owner) {
    struct tester_job *job = owner;
    job->policies_pending = false;
    run_soon(job);
}

static void wait_for(struct tester_job *job, int64_t delay_ms) {
    job->is_late = false;
    loop_timer_start(job->timer, delay_ms);
}

/* ---- the verdict ---- */

static const struct message_verifier *verifier_of(const struct tester_job *job) { return authentication_verifier(job->authentication); }

static const struct message_result *result_of(const struct tester_job *job) { return authentication_result(job->authentication); }

/* What was pasted tells nothing of who sent it; DMARC then rests on DKIM alone. */
static struct authentication_envelope envelope_of(const struct tester_message *message) {
    struct authentication_envelope envelope = {.has_address = message->has_address, .is_v4 = message->is_v4,
                                               .helo = message->helo, .mail_from = message->mail_from,
                                               .left_out = message->left_out};
    memcpy(envelope.address, message->address, sizeof envelope.address);
    if (!message->has_envelope) envelope.left_out |= AUTHENTICATION_NO_SPF | AUTHENTICATION_NO_IPREV;
    return envelope;
}

static void take_header_status(struct tester_job *job, enum verifier_progress progress) {
    job->header = HEADER_COMPLETE;
    if (progress == VERIFIER_REFUSED) job->header = message_verifier_header_status(verifier_of(job));
}

static enum progress verify(struct tester_job *job) {
    const struct tester_message *message = &job->request->message;
    struct authentication_envelope envelope = envelope_of(message);
    job->is_verified = false;
    authentication_begin(job->authentication, message->is_header_alone ? NULL : &envelope, on_verified, job);
    enum verifier_progress progress = authentication_update(job->authentication, job->text);
    if (progress == VERIFIER_MORE) progress = authentication_end(job->authentication);
    take_header_status(job, progress);
    job->is_verified |= progress != VERIFIER_MORE;
    job->state = JOB_AWAIT_VERDICT;
    wait_for(job, message->has_envelope ? SPF_BUDGET_MS : DNS_BUDGET_MS);
    return PROGRESS_AGAIN;
}

static bool any_header_intact(const struct message_result *result) {
    for (size_t i = 0; i < result->dkim_count; i++)
        if (result->dkim[i].header_part == PART_INTACT) return true;
    return false;
}

/* Is there another way to read the paste that should be tried? A signature that verifies proves the repair. */
static bool try_again(struct tester_job *job) {
    bool is_proved = job->header == HEADER_COMPLETE && any_header_intact(result_of(job));
    if (!job->request->message.is_header_alone || is_proved || job->attempt == ATTEMPT_LAST) return false;
    if (job->attempt == ATTEMPT_FIRST) {
        if (!pasted_header_repair(bytes_span(&job->pasted), &job->repaired)) return false;
        job->attempt = ATTEMPT_REPAIRED;
        job->text = bytes_span(&job->repaired);
    } else {
        job->attempt = ATTEMPT_LAST;
        job->text = bytes_span(&job->pasted);
    }
    return true;
}

static enum progress await_verdict(struct tester_job *job) {
    if (!job->is_verified && !job->is_late) return PROGRESS_WAIT;
    loop_timer_stop(job->timer);
    if (!job->is_verified) authentication_expire(job->authentication);
    job->state = try_again(job) ? JOB_VERIFY : JOB_LOOK_AROUND;
    return PROGRESS_AGAIN;
}

/* ---- other keys, and the records for their owners ---- */

static void look_up(struct tester_job *job, struct span name) {
    for (size_t i = 0; i < job->neighbours; i++)
        if (span_equal(job->neighbour[i].name, name)) return;
    if (job->neighbours == NEIGHBOURS_MAX) return;
    struct neighbour *neighbour = &job->neighbour[job->neighbours++];
    *neighbour = (struct neighbour){.request = {.ready = on_neighbour}, .job = job, .name = name};
    neighbour->is_pending = key_source_get(&job->lookups.keys, name, &neighbour->request, &neighbour->entry) == KEY_PENDING;
    job->neighbours_pending += neighbour->is_pending;
}

static void look_up_neighbours(struct tester_job *job, const struct message_result *result) {
    for (size_t i = 0; i < result->dkim_count && i < DIAGNOSIS_SIGNATURES_MAX; i++) {
        struct span names[DIAGNOSIS_NEIGHBOURS_MAX];
        if (!diagnosis_wants_neighbours(&result->dkim[i])) continue;
        size_t count = diagnosis_neighbours(&result->dkim[i], job->arena, names);
        for (size_t k = 0; k < count; k++) look_up(job, names[k]);
    }
}

static enum progress look_around(struct tester_job *job) {
    if (!job->request->has_message) {
        job_records_of_question(&job->records, &job->request->question);
    } else if (job->header == HEADER_COMPLETE) {
        look_up_neighbours(job, result_of(job));
        job->policies_pending = policy_lookup_start(job->policies, result_of(job), message_verifier_header(verifier_of(job)),
                                                    job->arena, on_policies, job);
        job_records_of_message(&job->records, message_verifier_header(verifier_of(job)), result_of(job));
    }
    job->state = JOB_AWAIT_RECORDS;
    wait_for(job, DNS_BUDGET_MS);
    return PROGRESS_AGAIN;
}

static enum progress await_records(struct tester_job *job) {
    if (job->neighbours_pending + job->records.pending + job->policies_pending > 0 && !job->is_late) return PROGRESS_WAIT;
    loop_timer_stop(job->timer);
    job_records_expire(&job->records);
    if (job->policies != NULL) policy_lookup_expire(job->policies);
    job->state = JOB_REPORT;
    return PROGRESS_AGAIN;
}

/* ---- the report ---- */

static struct span body_of(const struct tester_job *job) {
    const struct header_section *section = message_verifier_header(verifier_of(job));
    size_t start = section->octets.len + (section->ended_by_empty_line ? 2 : 0);
    return span_after(job->text, start < job->text.len ? start : job->text.len);
}

static const struct record_selector *record_selector_of(const struct record_report *record, size_t count, const struct dkim_result *dkim) {
    for (size_t i = 0; i < count; i++) {
        if (!span_equal(record[i].domain, dkim->domain_ascii)) continue;
        for (size_t k = 0; k < record[i].count; k++)
            if (span_equal_nocase(record[i].selector[k].selector, dkim->selector)) return &record[i].selector[k];
    }
    return NULL;
}

static void add_key(struct tester_job *job, struct span name, const struct key_entry *entry, enum diagnosis_key_kind kind) {
    if (entry != NULL && job->key_count < KEYS_MAX)
        job->key[job->key_count++] = (struct diagnosis_key){name, entry, kind};
}

/* The records were looked up anew: another key there than the verdict's has just been published. */
static void add_fresh_keys(struct tester_job *job) {
    const struct message_result *result = result_of(job);
    struct record_report record[TESTER_RECORDS_MAX];
    size_t records = job_records_reports(&job->records, record);
    for (size_t i = 0; i < result->dkim_count && job->fresh_count < FRESH_MAX; i++) {
        const struct dkim_result *dkim = &result->dkim[i];
        const struct record_selector *selector = diagnosis_wants_neighbours(dkim) ? record_selector_of(record, records, dkim) : NULL;
        if (selector == NULL || selector->answer.status != DNS_FOUND) continue;
        struct dns_answer answer = {.status = DNS_FOUND, .ttl_s = selector->answer.ttl_s, .record_count = selector->answer.record_count};
        memcpy(answer.record, selector->answer.record, sizeof selector->answer.record);
        struct key_entry *entry = key_entry_create(&answer, job->begun_s);
        if (entry == NULL) continue;
        job->fresh[job->fresh_count++] = entry;
        add_key(job, diagnosis_key_name(dkim, job->arena), entry, DIAGNOSIS_KEY_FRESH);
    }
}

static void diagnose(struct tester_job *job) {
    const struct message_result *result = result_of(job);
    for (size_t i = 0; i < result->dkim_count && i < DIAGNOSIS_SIGNATURES_MAX; i++) {
        struct span name = diagnosis_key_name(&result->dkim[i], job->arena);
        add_key(job, name, message_verifier_key(verifier_of(job), name), DIAGNOSIS_KEY_CURRENT);
    }
    for (size_t i = 0; i < job->neighbours; i++) add_key(job, job->neighbour[i].name, job->neighbour[i].entry, DIAGNOSIS_KEY_CURRENT);
    add_fresh_keys(job);
    struct diagnosis_seen seen;
    stats_recall_message(job->setup->domains, result, job->arena, &seen);
    struct diagnosis_input input = {
        .section = message_verifier_header(verifier_of(job)),
        .body = body_of(job),
        .has_body = !job->request->message.is_header_alone,
        .result = result,
        .keys = job->key,
        .key_count = job->key_count,
        .budget = diagnosis_budget_tester,
        .has_now = true,
        .now_s = job->begun_s,
        .policy = policy_lookup_policy(job->policies),
        .seen = &seen,
    };
    diagnosis_run(&input, job->arena, &job->diagnosis); /* without memory: what was found until then */
    if (job->attempt == ATTEMPT_REPAIRED) {
        struct finding *finding = finding_add(&job->diagnosis.findings, FINDING_PASTE_REPAIRED);
        finding->certainty = FINDING_PROVED;
    }
}

static void describe_signatures(struct tester_job *job, struct tester_report *report) {
    const struct message_result *result = result_of(job);
    const struct header_section *section = message_verifier_header(verifier_of(job));
    size_t count = result->dkim_count < TESTER_SIGNATURES_MAX ? result->dkim_count : TESTER_SIGNATURES_MAX;
    struct tester_signature *signature = arena_alloc(job->arena, count * sizeof *signature);
    for (size_t i = 0; signature != NULL && i < count; i++) {
        signature[i].result = &result->dkim[i];
        signature[i].cause = job->diagnosis.cause[i];
        signature[i].key = record_selector_of(report->record, report->record_count, &result->dkim[i]);
        message_fact_signature(section, !job->request->message.is_header_alone, body_of(job), &result->dkim[i], job->arena, &signature[i]);
    }
    report->signature = signature;
    report->signature_count = signature != NULL ? count : 0;
}

static void describe_fields(struct tester_job *job, struct tester_report *report) {
    const struct header_section *section = message_verifier_header(verifier_of(job));
    struct tester_step *step = arena_alloc(job->arena, TESTER_STEPS_MAX * sizeof *step);
    report->from = message_fact_field(section, "From", job->arena);
    report->subject = message_fact_field(section, "Subject", job->arena);
    report->date = message_fact_field(section, "Date", job->arena);
    report->message_id = message_fact_field(section, "Message-ID", job->arena);
    report->step = step;
    report->step_count = step != NULL ? message_fact_steps(section, step) : 0;
}

static void describe_message(struct tester_job *job, struct tester_report *report) {
    const struct tester_message *message = &job->request->message;
    report->has_message = true;
    report->header = job->header;
    report->arrival = (struct tester_arrival){
        .at_s = job->begun_s,
        .octets = job->text.len,
        .is_header_alone = message->is_header_alone,
        .is_repaired = job->attempt == ATTEMPT_REPAIRED,
        .has_envelope = message->has_envelope,
        .client = message->client,
        .helo = message->helo,
        .mail_from = message->mail_from,
        .tls = message->tls,
    };
    if (message->is_to_be_kept && job->setup->may_keep_messages) report->message = (struct tester_text){job->text, job->text.len};
    if (job->header != HEADER_COMPLETE) return;
    diagnose(job);
    report->result = result_of(job);
    describe_fields(job, report);
    describe_signatures(job, report);
}

static enum progress report(struct tester_job *job) {
    struct record_report record[TESTER_RECORDS_MAX];
    struct tester_report draft = {.made_s = clock_unix_s(job->setup->clock), .header = HEADER_COMPLETE, .record = record};
    draft.findings = &job->diagnosis.findings;
    draft.record_count = job_records_reports(&job->records, record);
    if (job->request->has_message) describe_message(job, &draft);
    job->state = JOB_DONE;
    job->done(job->owner, job, tester_report_make(&draft));
    return PROGRESS_WAIT;
}

static enum progress stay(struct tester_job *job) { return (void)job, PROGRESS_WAIT; }

/* ---- the machine ---- */

static const struct step {
    const char *name;
    enum progress (*run)(struct tester_job *job);
} steps[] = {
    [JOB_VERIFY] = {"verify", verify},                       /* -> AWAIT_VERDICT */
    [JOB_AWAIT_VERDICT] = {"await-verdict", await_verdict},  /* -> VERIFY (pasted, once more) | LOOK_AROUND */
    [JOB_LOOK_AROUND] = {"look-around", look_around},        /* -> AWAIT_RECORDS */
    [JOB_AWAIT_RECORDS] = {"await-records", await_records},  /* -> REPORT */
    [JOB_REPORT] = {"report", report},                       /* -> DONE, and the job may be gone */
    [JOB_DONE] = {"done", stay},
};

static void run(struct loop_task *task) {
    struct tester_job *job = (struct tester_job *)(void *)((char *)task - offsetof(struct tester_job, task));
    while (steps[job->state].run(job) == PROGRESS_AGAIN) {}
}

/* ---- life ---- */

static void prepare_text(struct tester_job *job) {
    const struct tester_message *message = &job->request->message;
    job->text = message->octets;
    if (!message->is_header_alone) return;
    size_t most = 2 * message->octets.len + 1024;
    job->pasted = bytes_with_cap(most);
    job->repaired = bytes_with_cap(most);
    pasted_header_read(message->octets, &job->pasted);
    job->text = bytes_span(&job->pasted);
}

static bool prepare(struct tester_job *job) {
    const struct tester_job_setup *setup = job->setup;
    job->arena = arena_create(ARENA_MAX);
    job->timer = loop_timer_create(setup->loop, on_late, job);
    if (job->arena == NULL || job->timer == NULL) return false;
    job_records_init(&job->records, job->arena, &job->lookups.dns, job->begun_s, on_event, job);
    job->records.domains = setup->domains;
    job->state = JOB_LOOK_AROUND;
    if (!job->request->has_message) return true;
    job->state = JOB_VERIFY;
    prepare_text(job);
    job->policy = setup->policy;
    job->policy.header_alone = job->request->message.is_header_alone;
    job->policy.wants_seal_hash = false;
    const struct authentication_setup wanted = {.policy = &job->policy, .keys = &job->lookups.keys, .dns = &job->lookups.dns,
                                                .clock = setup->clock, .receiver = setup->receiver};
    job->authentication = authentication_create(&wanted);
    job->policies = policy_lookup_create(&job->lookups.dns, setup->clock);
    if (job->policies != NULL) policy_lookup_use_suffixes(job->policies, setup->suffixes);
    return job->authentication != NULL && job->policies != NULL && !job->pasted.failed;
}

struct tester_job *tester_job_create(const struct tester_job_setup *setup, struct tester_request *request,
                                     void (*done)(void *owner, struct tester_job *job, const struct tester_report *report),
                                     void *owner) {
    struct tester_job *job = calloc(1, sizeof *job);
    if (job == NULL) return tester_request_destroy(request), NULL;
    job->setup = setup;
    job->request = request;
    job->done = done;
    job->owner = owner;
    job->begun_s = clock_unix_s(setup->clock);
    job->task.run = run;
    list_init(&job->task.node);
    counted_lookups_init(&job->lookups, setup->dns, setup->keys, setup->clock, TESTER_LOOKUPS_MAX);
    if (prepare(job)) return run_soon(job), job;
    tester_job_destroy(job);
    return NULL;
}

void tester_job_destroy(struct tester_job *job) {
    if (job == NULL) return;
    loop_defer_cancel(&job->task);
    loop_timer_destroy(job->timer);
    for (size_t i = 0; i < job->neighbours; i++) {
        if (job->neighbour[i].is_pending) key_source_cancel(&job->lookups.keys, &job->neighbour[i].request);
        key_entry_release(job->neighbour[i].entry);
    }
    for (size_t i = 0; i < job->fresh_count; i++) key_entry_release(job->fresh[i]);
    job_records_release(&job->records);
    policy_lookup_destroy(job->policies);
    authentication_destroy(job->authentication);
    bytes_release(&job->pasted);
    bytes_release(&job->repaired);
    arena_destroy(job->arena);
    tester_request_destroy(job->request);
    free(job);
}
