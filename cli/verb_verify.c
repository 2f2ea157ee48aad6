/* sceau verify: DKIM signatures and ARC chains, and with an envelope SPF, DMARC and iprev, of messages in files, folders and standard input. Workers take inputs in order; the
 * main thread prints what they found, in the same order, as soon as it can. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "cli/common_envelope.h"
#include "cli/common_input.h"
#include "cli/verb.h"
#include "cli/verb_rules.h"
#include "cli/verb_verify_one.h"
#include "verifier/authserv_id.h"

enum {
    CACHE_OCTETS = 64 << 20,
    AHEAD_MAX = 1024,     /* outcomes that wait to be printed, at most */
    PROGRESS_AFTER_S = 2, /* a command that takes longer shows how far it is */
};

struct slot {
    struct verify_outcome outcome;
    bool is_ready;
};

/* Work and outcomes, shared under one lock. */
struct pool {
    const struct cli_inputs *inputs;
    pthread_mutex_t lock;
    pthread_cond_t changed; /* an outcome is ready, one was printed, or a worker ended */
    size_t taken, printed;
    size_t running; /* threads that still work */
    struct slot slot[AHEAD_MAX];
};

struct crew_member {
    struct pool *pool;
    struct verify_worker *worker;
    pthread_t thread;
};

static bool take(struct pool *pool, size_t *index) {
    pthread_mutex_lock(&pool->lock);
    while (pool->taken < pool->inputs->count && pool->taken >= pool->printed + AHEAD_MAX)
        pthread_cond_wait(&pool->changed, &pool->lock);
    bool more = pool->taken < pool->inputs->count;
    if (more) *index = pool->taken++;
    pthread_mutex_unlock(&pool->lock);
    return more;
}

static void deliver(struct pool *pool, size_t index, const struct verify_outcome *outcome) {
    pthread_mutex_lock(&pool->lock);
    pool->slot[index % AHEAD_MAX] = (struct slot){*outcome, true};
    pthread_cond_broadcast(&pool->changed);
    pthread_mutex_unlock(&pool->lock);
}

static void *work(void *owner) {
    struct crew_member *member = owner;
    struct pool *pool = member->pool;
    size_t index;
    while (take(pool, &index)) {
        struct verify_outcome outcome;
        verify_worker_run(member->worker, pool->inputs->path[index], &outcome);
        deliver(pool, index, &outcome);
    }
    pthread_mutex_lock(&pool->lock);
    pool->running--;
    pthread_cond_broadcast(&pool->changed);
    pthread_mutex_unlock(&pool->lock);
    return NULL;
}

/* --- printing ---------------------------------------------------------------------------------------------------- */

struct totals {
    bool unusable;
    unsigned long passes, fails, temporaries, permanents;
};

static void add(struct totals *totals, const struct verify_outcome *outcome) {
    totals->unusable |= outcome->unusable;
    totals->passes += outcome->passes;
    totals->fails += outcome->fails;
    totals->temporaries += outcome->temporaries;
    totals->permanents += outcome->permanents;
}

static void show_progress(const struct pool *pool, time_t started, bool *is_shown) {
    static time_t last;
    time_t now = time(NULL);
    if (!isatty(STDERR_FILENO) || isatty(STDOUT_FILENO) || now - started < PROGRESS_AFTER_S || now == last) return;
    last = now;
    *is_shown = true;
    fprintf(stderr, "\r%zu / %zu", pool->printed, pool->inputs->count);
}

static void hide_progress(bool *is_shown) {
    if (*is_shown) fputs("\r\x1b[K", stderr);
    *is_shown = false;
}

static void print(struct verify_outcome *outcome, bool *progress_is_shown) {
    if (outcome->complaints.len > 0) {
        hide_progress(progress_is_shown);
        fwrite(outcome->complaints.ptr, 1, outcome->complaints.len, stderr);
    }
    if (outcome->report.len > 0) fwrite(outcome->report.ptr, 1, outcome->report.len, stdout);
    bytes_release(&outcome->report);
    bytes_release(&outcome->complaints);
}

static void print_in_order(struct pool *pool, struct totals *totals) {
    time_t started = time(NULL);
    bool progress_is_shown = false;
    pthread_mutex_lock(&pool->lock);
    while (pool->printed < pool->inputs->count) {
        struct slot *slot = &pool->slot[pool->printed % AHEAD_MAX];
        if (!slot->is_ready) {
            if (pool->running == 0) break; /* no thread is left that could fill it */
            pthread_cond_wait(&pool->changed, &pool->lock);
            continue;
        }
        struct verify_outcome outcome = slot->outcome;
        slot->is_ready = false;
        pthread_mutex_unlock(&pool->lock);
        add(totals, &outcome);
        print(&outcome, &progress_is_shown);
        pthread_mutex_lock(&pool->lock);
        pool->printed++;
        pthread_cond_broadcast(&pool->changed);
        show_progress(pool, started, &progress_is_shown);
    }
    pthread_mutex_unlock(&pool->lock);
    hide_progress(&progress_is_shown);
}

static enum cli_status status_of(const struct totals *totals) {
    if (totals->unusable) return CLI_USAGE;
    if (totals->fails > 0) return CLI_FAILED;
    if (totals->temporaries > 0) return CLI_TEMPORARY;
    if (totals->permanents > 0) return CLI_PERMANENT;
    return totals->passes > 0 ? CLI_OK : CLI_NOTHING;
}

/* --- the whole ---------------------------------------------------------------------------------------------------- */

/* Workers are made before the threads start, so that a fault of the command line is told once. */
static bool hire(struct crew_member *crew, size_t count, struct pool *pool, const struct verify_job *job) {
    for (size_t i = 0; i < count; i++) {
        crew[i] = (struct crew_member){.pool = pool, .worker = verify_worker_create(job)};
        if (crew[i].worker == NULL) return false;
    }
    return true;
}

static bool work_and_print(struct crew_member *crew, size_t count, struct pool *pool, struct totals *totals) {
    size_t started = 0;
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->changed, NULL);
    pool->running = count;
    while (started < count && pthread_create(&crew[started].thread, NULL, work, &crew[started]) == 0) started++;
    pthread_mutex_lock(&pool->lock);
    pool->running -= count - started;
    pthread_mutex_unlock(&pool->lock);
    if (started == 0) cli_complain("cannot start a thread");
    print_in_order(pool, totals);
    for (size_t i = 0; i < started; i++) pthread_join(crew[i].thread, NULL);
    pthread_cond_destroy(&pool->changed);
    pthread_mutex_destroy(&pool->lock);
    return started > 0;
}

static bool run(const struct verify_job *job, const struct cli_inputs *inputs, struct totals *totals) {
    size_t count = job->options->job_count < inputs->count ? job->options->job_count : inputs->count;
    struct pool *pool = calloc(1, sizeof *pool);
    struct crew_member *crew = calloc(count, sizeof *crew);
    bool done = false;
    if (pool == NULL || crew == NULL) {
        cli_complain("out of memory");
    } else {
        pool->inputs = inputs;
        done = hire(crew, count, pool, job) && work_and_print(crew, count, pool, totals);
        for (size_t i = 0; i < count; i++) verify_worker_destroy(crew[i].worker);
    }
    free(crew);
    free(pool);
    return done;
}

static bool name_ourselves(const struct cli_options *options, struct authserv_id *id) {
    char host[256] = "";
    if (options->authserv_id != NULL) {
        if (authserv_id_init(id, span_of(options->authserv_id))) return true;
        cli_complain("verify: --authserv-id '%s' is no domain name", options->authserv_id);
        return false;
    }
    bool known = gethostname(host, sizeof host - 1) == 0 && authserv_id_init(id, span_of(host));
    return known || authserv_id_init(id, span_of("localhost"));
}

static bool read_results_style(const struct cli_options *options, enum auth_results_style *out) {
    const char *word = options->results_style;
    *out = word != NULL && strcmp(word, "provider") == 0 ? AUTH_RESULTS_PROVIDER : AUTH_RESULTS_STANDARD;
    if (word == NULL || *out == AUTH_RESULTS_PROVIDER || strcmp(word, "standard") == 0) return true;
    cli_complain("verify: --results-style knows standard and provider, not '%s'", word);
    return false;
}

/* *out stays NULL where no rules are wanted. False: sentences were written. */
static bool load_rules(const struct cli_options *options, struct rule_set **out) {
    struct rule_options wanted = {.arm_discard = true}; /* nothing is done, only told */
    *out = NULL;
    if (options->rules.count == 0) return true;
    *out = rules_load(options->rules.item, options->rules.count, &wanted);
    return *out != NULL;
}

static enum cli_status verify_inputs(const struct cli_options *options, const struct cli_inputs *inputs) {
    struct clock_fixed fixed = clock_fixed_at(options->now_s);
    struct authserv_id id;
    struct verify_job job = {.options = options, .clock = options->has_now ? &fixed.clock : &clock_system};
    if (options->cut != NULL && !cut_parse(options->cut, &job.cut)) {
        cli_complain("verify: --cut wants octets, a number or random:SEED, not '%s'", options->cut);
        return CLI_USAGE;
    }
    if (!read_results_style(options, &job.results_style) || !cli_envelope_read(options, "verify", &job.envelope)) return CLI_USAGE;
    if (!name_ourselves(options, &id)) return CLI_USAGE;
    job.has_envelope = cli_envelope_is_given(options);
    job.policy = verifier_policy_default;
    job.policy.unsigned_octets_pass = options->pass_unsigned;
    job.policy.header_alone = options->headers;
    job.policy.wants_seal_hash = options->arc_seal != NULL;
    job.policy.trusts_received = options->trusted_received;
    job.authserv_id = (struct span){id.ascii, id.len};
    job.style = (struct report_style){options->report_language, isatty(STDOUT_FILENO) && getenv("NO_COLOR") == NULL};
    struct rule_set *rules;
    if (!load_rules(options, &rules)) return CLI_USAGE;
    job.rules = rules;
    if (!verify_seal_open(options, &id, job.clock, &job.seal)) {
        rule_set_destroy(rules);
        return CLI_USAGE;
    }
    job.cache = key_cache_create(CACHE_OCTETS, 0, job.clock);
    struct totals totals = {0};
    bool done = job.cache != NULL && run(&job, inputs, &totals);
    if (job.cache == NULL) cli_complain("out of memory");
    key_cache_destroy(job.cache);
    verify_seal_close(job.seal);
    rule_set_destroy(rules);
    return done ? status_of(&totals) : CLI_USAGE;
}

static enum cli_status verify_operands(const struct cli_options *options) {
    struct cli_inputs inputs = {0};
    bool all_usable = true;
    for (size_t i = 0; i < options->operand.count; i++) {
        bool usable;
        if (!cli_inputs_add(&inputs, options->operand.item[i], &usable)) all_usable &= usable;
    }
    enum cli_status status = inputs.count > 0 ? verify_inputs(options, &inputs) : CLI_NOTHING;
    cli_inputs_release(&inputs);
    return all_usable ? status : CLI_USAGE;
}

static enum cli_status run_verb(const struct cli_options *options) {
    if (options->help) {
        printf("usage: sceau verify [OPTION]... FILE|DIR|-...\nVerifies the DKIM signatures of messages, their ARC chain, and with --ip SPF, DMARC and iprev.\n\n");
        cli_options_help(stdout, VERB_VERIFY);
        return CLI_OK;
    }
    if (options->operand.count == 0) {
        cli_complain("verify: name a message file, a folder, or - for standard input");
        return CLI_USAGE;
    }
    return verify_operands(options);
}

enum cli_status verb_verify(int count, char **arguments) {
    struct cli_options options;
    enum cli_status status = CLI_USAGE;
    if (cli_options_read(count, arguments, VERB_VERIFY, "verify", &options)) status = run_verb(&options);
    cli_options_release(&options);
    return status;
}
