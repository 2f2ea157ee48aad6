#include "proxy/message_flow.h"
#include <stdlib.h>
#include <string.h>
#include "base/arena.h"
#include "base/bytes.h"
#include "base/clock.h"
#include "base/list.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/memory_account.h"
#include "proxy/arc_config.h"
#include "proxy/data_reader.h"
#include "proxy/header_edit.h"
#include "proxy/message_cause.h"
#include "proxy/rule_config.h"
#include "proxy/smtp_reply.h"
#include "proxy/spool.h"
#include "verifier/arc_seal.h"
#include "verifier/auth_results.h"
#include "verifier/diagnosis.h"

enum {
    SEAL_MAX = 32768, /* octets of an ARC set of ours */
    ADDED_MAX = 16384 + SEAL_MAX + MESSAGE_RULES_ADDED_MAX,
    RESULTS_MAX = 8192,
    HEADER_COPIES = 2, /* as it came, and what was read from it */
    IDLE_FLOWS_MAX = 16, /* some 30 KiB each: more serve a burst only, and are given back after it */
    HEADER_PIECE = 4096, /* octets at a time until the header section is complete */
};

struct message_pool {
    const struct message_setup *setup;
    struct list idle;
    size_t idle_count;
    struct message_cause_allowance diagnoses;
};

struct message_flow {
    struct list node; /* pool's idle */
    struct message_pool *pool;
    struct authentication *authentication;
    struct spool *spool;
    struct loop_timer *budget;     /* from the end of data */
    struct loop_timer *spf_budget; /* from MAIL */
    struct header_edit edit;
    struct bytes added; /* our fields */
    struct message_rules rules;
    void (*verified)(void *owner);
    void *owner;
    struct data_reader reader;
    struct content content;
    enum message_fault fault;
    bool reject_line_ends;
    bool has_result;
    enum message_seal seal;
    uint64_t removed;
    uint64_t charged; /* octets taken from setup->memory */
    int64_t begun_us, ended_us, verified_us;
    struct message_times times;
};

static const struct {
    unsigned code;
    const char *word, *enhanced, *text;
} faults[] = {
#define X(id, word, code, enhanced, text) [id] = {code, word, enhanced, text},
    MESSAGE_FAULTS(X)
#undef X
};

const char *message_fault_word(enum message_fault fault) { return faults[fault].word; }

const char *message_seal_word(enum message_seal seal) {
#define X(id, word) [MESSAGE_##id] = word,
    static const char *const words[] = {MESSAGE_SEALS(X)};
#undef X
    return words[seal];
}

static const struct message_verifier *verifier_of(const struct message_flow *flow) {
    return authentication_verifier(flow->authentication);
}

static int64_t now_us(const struct message_flow *flow) { return clock_monotonic_us(flow->pool->setup->clock); }

/* -- life -- */

static void give_memory(struct message_flow *flow) {
    memory_account_give(flow->pool->setup->memory, flow->charged);
    flow->charged = 0;
}

static void destroy(struct message_flow *flow) {
    if (flow == NULL) return;
    give_memory(flow);
    authentication_destroy(flow->authentication);
    spool_destroy(flow->spool);
    loop_timer_destroy(flow->budget);
    loop_timer_destroy(flow->spf_budget);
    header_edit_release(&flow->edit);
    bytes_release(&flow->added);
    message_rules_release(&flow->rules);
    free(flow);
}

struct message_pool *message_pool_create(const struct message_setup *setup) {
    struct message_pool *pool = calloc(1, sizeof *pool);
    if (pool == NULL) return NULL;
    pool->setup = setup;
    list_init(&pool->idle);
    return pool;
}

void message_pool_destroy(struct message_pool *pool) {
    if (pool == NULL) return;
    for (struct list *node; (node = list_take_first(&pool->idle)) != NULL;)
        destroy(LIST_ENTRY(node, struct message_flow, node));
    free(pool);
}

static void accept_results(struct message_flow *flow) {
    loop_timer_stop(flow->budget);
    loop_timer_stop(flow->spf_budget);
    flow->verified_us = now_us(flow);
    flow->has_result = true;
}

static void on_verified(void *owner) {
    struct message_flow *flow = owner;
    accept_results(flow);
    flow->verified(flow->owner);
}

static void on_budget_spent(void *owner) {
    struct message_flow *flow = owner;
    authentication_expire(flow->authentication);
    on_verified(flow);
}

static void on_spf_budget_spent(void *owner) {
    struct message_flow *flow = owner;
    if (authentication_expire_envelope(flow->authentication)) on_verified(flow);
}

static struct authentication *create_authentication(const struct message_setup *setup) {
    const struct authentication_setup wanted = {
        .policy = &setup->policy,
        .keys = setup->keys,
        .dns = setup->dns,
        .clock = setup->clock,
        .receiver = {setup->authserv_id.ascii, setup->authserv_id.len},
    };
    return authentication_create(&wanted);
}

static struct message_flow *create(struct message_pool *pool) {
    const struct message_setup *setup = pool->setup;
    struct message_flow *flow = calloc(1, sizeof *flow);
    if (flow == NULL) return NULL;
    list_init(&flow->node);
    flow->pool = pool;
    header_edit_init(&flow->edit);
    flow->added = bytes_with_cap(ADDED_MAX);
    flow->authentication = create_authentication(setup);
    flow->spool = spool_create(setup->spools);
    flow->budget = loop_timer_create(setup->loop, on_budget_spent, flow);
    flow->spf_budget = loop_timer_create(setup->loop, on_spf_budget_spent, flow);
    if (flow->authentication != NULL && flow->spool != NULL && flow->budget != NULL && flow->spf_budget != NULL)
        return flow;
    destroy(flow);
    return NULL;
}

static struct message_flow *take_idle(struct message_pool *pool) {
    struct list *node = list_take_first(&pool->idle);
    if (node == NULL) return NULL;
    pool->idle_count--;
    return LIST_ENTRY(node, struct message_flow, node);
}

struct message_flow *message_flow_open(struct message_pool *pool, const struct authentication_envelope *envelope,
                                       void (*verified)(void *owner), void *owner) {
    struct message_flow *flow = take_idle(pool);
    if (flow == NULL) flow = create(pool);
    if (flow == NULL) return NULL;
    flow->verified = verified;
    flow->owner = owner;
    flow->fault = MESSAGE_FINE;
    flow->has_result = false;
    flow->seal = MESSAGE_SEAL_OFF;
    flow->removed = 0;
    flow->content = (struct content){0};
    flow->times = (struct message_times){0};
    data_reader_init(&flow->reader);
    authentication_begin(flow->authentication, envelope, on_verified, flow);
    if (envelope->has_address) loop_timer_start(flow->spf_budget, flow->pool->setup->spf_budget_ms);
    return flow;
}

void message_flow_begin(struct message_flow *flow, bool reject_line_ends) {
    flow->reject_line_ends = reject_line_ends;
    flow->begun_us = flow->ended_us = flow->verified_us = now_us(flow);
}

void message_flow_release(struct message_flow *flow) {
    if (flow == NULL) return;
    struct message_pool *pool = flow->pool;
    if (pool->idle_count >= IDLE_FLOWS_MAX) {
        destroy(flow);
        return;
    }
    loop_timer_stop(flow->budget);
    loop_timer_stop(flow->spf_budget);
    authentication_begin(flow->authentication, NULL, on_verified,
                         flow); /* cancels lookups under way and forgets the message */
    spool_clear(flow->spool);
    give_memory(flow);
    header_edit_release(&flow->edit);
    bytes_clear(&flow->added);
    message_rules_reset(&flow->rules);
    list_prepend(&pool->idle, &flow->node); /* taking turns, all of them would grow to the largest message */
    pool->idle_count++;
}

/* -- octets come in -- */

static void set_fault(struct message_flow *flow, enum message_fault fault) {
    if (flow->fault != MESSAGE_FINE) return;
    flow->fault = fault;
    spool_clear(flow->spool); /* nobody will ask for it */
}

static enum message_fault spool_fault(enum spool_status status) {
    switch (status) {
    case SPOOL_OK: return MESSAGE_FINE;
    case SPOOL_TOO_LARGE: return MESSAGE_TOO_LARGE;
    case SPOOL_FULL:
    case SPOOL_NO_SPACE: return MESSAGE_SPOOL_FULL;
    case SPOOL_NO_MEMORY: return MESSAGE_NO_MEMORY;
    default: return MESSAGE_SPOOL_BROKEN;
    }
}

static enum message_fault header_fault(enum header_status status) {
    switch (status) {
    case HEADER_SECTION_TOO_LARGE: return MESSAGE_HEADER_TOO_LARGE;
    case HEADER_FIELD_TOO_LARGE: return MESSAGE_FIELD_TOO_LARGE;
    case HEADER_TOO_MANY_FIELDS: return MESSAGE_TOO_MANY_FIELDS;
    default: return MESSAGE_NO_MEMORY;
    }
}

/* The header section is in memory as a whole, whatever the spool does. */
static bool charge_header(struct message_flow *flow, uint64_t len) {
    if (message_verifier_header_complete(verifier_of(flow))) return true;
    if (!memory_account_take(flow->pool->setup->memory, HEADER_COPIES * len)) return false;
    flow->charged += HEADER_COPIES * len;
    return true;
}

static void take_piece(struct message_flow *flow, struct span content) {
    if (flow->fault != MESSAGE_FINE) return;
    if (flow->reader.octets > flow->pool->setup->message_max) return set_fault(flow, MESSAGE_TOO_LARGE);
    if (!charge_header(flow, content.len)) return set_fault(flow, MESSAGE_NO_MEMORY);
    enum spool_status status = spool_append(flow->spool, content);
    if (status != SPOOL_OK) return set_fault(flow, spool_fault(status));
    if (authentication_update(flow->authentication, content) == VERIFIER_REFUSED)
        set_fault(flow, header_fault(message_verifier_header_status(verifier_of(flow))));
}

/* In pieces at first, so that the time of the header section can be told from the body's. */
static void take_content(struct message_flow *flow, struct span content) {
    int64_t start_us = now_us(flow), now;
    while (content.len > 0) {
        bool in_body = message_verifier_header_complete(verifier_of(flow));
        size_t len = !in_body && content.len > HEADER_PIECE ? HEADER_PIECE : content.len;
        take_piece(flow, span_first(content, len));
        content = span_after(content, len);
        now = now_us(flow);
        *(in_body ? &flow->times.body_us : &flow->times.header_us) += now - start_us;
        start_us = now;
    }
}

bool message_flow_take(struct message_flow *flow, struct span octets, size_t *taken) {
    enum data_progress progress;
    *taken = 0;
    do {
        size_t count;
        struct span content;
        progress = data_reader_next(&flow->reader, span_after(octets, *taken), &count, &content);
        *taken += count;
        if (content.len > 0) take_content(flow, content);
    } while (progress == DATA_RUN);
    return progress == DATA_END;
}

static void judge_line_ends(struct message_flow *flow) {
    if (!flow->reject_line_ends || !data_reader_is_odd(&flow->reader)) return;
    const struct data_reader *reader = &flow->reader;
    set_fault(flow, reader->bare_lf.seen ? MESSAGE_BARE_LF : reader->bare_cr.seen ? MESSAGE_BARE_CR : MESSAGE_NUL);
}

bool message_flow_end(struct message_flow *flow) {
    flow->ended_us = flow->verified_us = now_us(flow);
    judge_line_ends(flow);
    if (flow->fault != MESSAGE_FINE) return true;
    enum verifier_progress progress = authentication_end(flow->authentication);
    flow->times.verify_us = now_us(flow) - flow->ended_us;
    switch (progress) {
    case VERIFIER_DONE: return accept_results(flow), true;
    case VERIFIER_REFUSED:
        set_fault(flow, header_fault(message_verifier_header_status(verifier_of(flow))));
        return true;
    case VERIFIER_MORE: break;
    }
    loop_timer_start(flow->budget, flow->pool->setup->budget_ms);
    return false;
}

bool message_flow_copy(const struct message_flow *flow, struct bytes *out) {
    char scratch[SPOOL_BLOCK];
    struct span octets;
    for (uint64_t at = 0; at < spool_size(flow->spool); at += octets.len)
        if (spool_read(flow->spool, at, scratch, sizeof scratch, &octets) != SPOOL_OK || !bytes_append(out, octets)) return false;
    return true;
}

/* -- content goes out -- */

static enum message_seal seal_state(enum arc_seal_status status) {
    switch (status) {
    case ARC_SEAL_ADDED: return MESSAGE_SEAL_ADDED;
    case ARC_SEAL_ALREADY_FAILED: return MESSAGE_SEAL_ALREADY_FAILED;
    case ARC_SEAL_FULL: return MESSAGE_SEAL_FULL;
    default: log_fault("arc", arc_seal_status_text(status)); return MESSAGE_SEAL_ERROR;
    }
}

/* Appends the ARC set to out, or nothing. */
static enum message_seal write_seal(const struct message_flow *flow, struct bytes *out) {
    static const char name[] = "ARC-Authentication-Results: i=50;";
    const struct message_setup *setup = flow->pool->setup;
    const struct message_result *result = authentication_result(flow->authentication);
    uint8_t body_hash[DIGEST_OCTETS];
    if (arc_code_result(result->arc.code) == RESULT_TEMPERROR) return MESSAGE_SEAL_UNDECIDED;
    struct bytes results = bytes_with_cap(RESULTS_MAX);
    struct span id = {setup->authserv_id.ascii, setup->authserv_id.len};
    enum arc_seal_status status = ARC_SEAL_NO_MEMORY;
    if (message_verifier_seal_hash(verifier_of(flow), body_hash) &&
        auth_results_write_content(&results, sizeof name - 1, id, result, setup->style)) {
        const struct arc_seal_request request = {
            .section = &flow->edit.kept,
            .body_hash = body_hash,
            .arc = &result->arc,
            .results = bytes_span(&results),
            .domain = {setup->arc->domain, setup->arc->domain_len},
            .selector = {setup->arc->selector, setup->arc->selector_len},
            .key = setup->arc->key,
            .now_s = clock_unix_s(setup->clock),
        };
        status = arc_seal_write(out, &request);
    }
    bytes_release(&results);
    return seal_state(status);
}

/* A message that cannot be sealed goes on without: the log tells. */
static void append_seal(struct message_flow *flow) {
    const struct arc_config *arc = flow->pool->setup->arc;
    struct bytes set = bytes_with_cap(SEAL_MAX);
    if (arc != NULL && arc->key != NULL) flow->seal = write_seal(flow, &set);
    if (flow->seal == MESSAGE_SEAL_ADDED) bytes_append(&flow->added, bytes_span(&set));
    bytes_release(&set);
}

/* The recipients as rules want them, to be freed. NULL: no memory. */
static struct span *split_recipients(const struct message_parties *parties) {
    struct span rest = parties->recipients;
    struct span *list = calloc(parties->recipient_count + 1, sizeof *list);
    for (size_t i = 0; list != NULL && i < parties->recipient_count; i++) {
        size_t len = span_find(rest, '\n');
        list[i] = span_first(rest, len);
        rest = span_after(rest, len < rest.len ? len + 1 : len);
    }
    return list;
}

static uint64_t body_offset_of(const struct message_flow *flow) {
    const struct header_section *section = message_verifier_header(authentication_verifier(flow->authentication));
    return section->octets.len + (section->ended_by_empty_line ? 2 : 0);
}

/* What a diagnosis finds, where rules ask for it and something is to be found: the client waits for this one. */
struct wanted_findings {
    struct arena *arena;
    struct diagnosis *diagnosis; /* NULL: nothing was looked for */
};

static struct wanted_findings look_for_findings(struct message_flow *flow) {
    const struct message_setup *setup = flow->pool->setup;
    const struct message_result *result = authentication_result(flow->authentication);
    struct wanted_findings found = {NULL, NULL};
    if (!setup->judge.config->asks_findings || !message_cause_is_vague(result) ||
        !message_cause_allow(&flow->pool->diagnoses, now_us(flow)))
        return found;
    found.arena = arena_create(MESSAGE_CAUSE_ARENA);
    found.diagnosis = malloc(sizeof *found.diagnosis);
    if (found.arena != NULL && found.diagnosis != NULL &&
        message_cause_find(verifier_of(flow), result, flow->spool, body_offset_of(flow), found.arena, found.diagnosis))
        return found;
    free(found.diagnosis);
    found.diagnosis = NULL;
    return found;
}

static bool ask_rules(struct message_flow *flow, const struct message_parties *parties) {
    const struct message_setup *setup = flow->pool->setup;
    const struct authentication_envelope *envelope = parties->envelope;
    struct span *recipients = split_recipients(parties);
    struct wanted_findings found = look_for_findings(flow);
    struct rule_input input = {
        .result = authentication_result(flow->authentication),
        .header = &flow->edit.kept,
        .findings = found.diagnosis != NULL ? &found.diagnosis->findings : NULL,
        .now_s = clock_unix_s(setup->clock),
        .has_client = envelope->has_address,
        .client_is_v4 = envelope->is_v4,
        .helo = envelope->helo,
        .has_envelope = true,
        .mail_from = envelope->mail_from,
        .recipients = recipients,
        .recipient_count = parties->recipient_count,
        .has_tls = parties->tls_version != NULL,
        .tls_version = span_of(parties->tls_version != NULL ? parties->tls_version : ""),
        .listener = span_of(parties->listener),
        .protocol = parties->protocol,
    };
    memcpy(input.client, envelope->address, sizeof input.client);
    bool is_judged = recipients != NULL && message_rules_judge(&flow->rules, &setup->judge, &input);
    free(recipients);
    free(found.diagnosis);
    arena_destroy(found.arena);
    return is_judged;
}

bool message_flow_judge(struct message_flow *flow, const struct message_parties *parties) {
    const struct header_section *section = message_verifier_header(verifier_of(flow));
    bool has_rules = flow->pool->setup->judge.config != NULL && flow->pool->setup->judge.config->set != NULL;
    if (header_edit_sort(&flow->edit, section, &flow->pool->setup->authserv_id) &&
        (!has_rules || ask_rules(flow, parties))) {
        flow->removed = flow->edit.removed;
        return true;
    }
    set_fault(flow, MESSAGE_NO_MEMORY);
    return false;
}

/* Our fields, from the top. What rules take out or tag is so before the message is sealed. */
static bool write_added(struct message_flow *flow, struct span extra) {
    const struct message_setup *setup = flow->pool->setup;
    struct span id = {setup->authserv_id.ascii, setup->authserv_id.len};
    const struct message_result *result = authentication_result(flow->authentication);
    struct bytes by_rules = bytes_with_cap(MESSAGE_RULES_ADDED_MAX);
    bool is_whole = message_rules_edit(&flow->rules, &setup->judge, &flow->edit, &by_rules) &&
                    auth_results_write_styled(&flow->added, id, result, setup->style);
    if (is_whole) append_seal(flow);
    bytes_append(&flow->added, bytes_span(&by_rules));
    bytes_append(&flow->added, extra);
    bytes_release(&by_rules);
    return is_whole && !flow->added.failed;
}

bool message_flow_seal(struct message_flow *flow, struct span extra) {
    const struct header_section *section = message_verifier_header(verifier_of(flow));
    if (!write_added(flow, extra) || !header_edit_build(&flow->edit, bytes_span(&flow->added))) {
        set_fault(flow, MESSAGE_NO_MEMORY);
        return false;
    }
    flow->content = (struct content){
        .head = flow->edit.run,
        .head_count = flow->edit.run_count,
        .spool = flow->spool,
        .spool_offset = section->octets.len + (section->ended_by_empty_line ? 2 : 0),
    };
    return true;
}

/* -- questions -- */

enum message_fault message_flow_fault(const struct message_flow *flow) { return flow->fault; }

static uint64_t limit_of(const struct message_flow *flow) {
    const struct message_setup *setup = flow->pool->setup;
    switch (flow->fault) {
    case MESSAGE_TOO_LARGE: return setup->message_max;
    case MESSAGE_HEADER_TOO_LARGE: return setup->policy.header.section_max;
    case MESSAGE_FIELD_TOO_LARGE: return setup->policy.header.field_max;
    case MESSAGE_TOO_MANY_FIELDS: return setup->policy.header.fields_max;
    default: return 0;
    }
}

bool message_flow_set_reply(const struct message_flow *flow, struct smtp_reply *reply) {
    struct bytes text = bytes_with_cap(256);
    bytes_append_text(&text, faults[flow->fault].text);
    if (limit_of(flow) > 0) bytes_append_char(&text, ' '), bytes_append_uint(&text, limit_of(flow));
    bytes_append(&text, (struct span){"", 1}); /* a C string now */
    const char *words = text.failed ? faults[flow->fault].text : text.ptr;
    bool is_set = smtp_reply_set(reply, faults[flow->fault].code, faults[flow->fault].enhanced, words);
    bytes_release(&text);
    return is_set;
}

const struct content *message_flow_content(const struct message_flow *flow) { return &flow->content; }

void message_flow_drop_redirect(struct message_flow *flow) {
    message_rules_drop_redirect(&flow->rules, &flow->pool->setup->judge);
}

const struct message_rules *message_flow_rules(const struct message_flow *flow) { return &flow->rules; }

const struct message_result *message_flow_result(const struct message_flow *flow) {
    return flow->has_result ? authentication_result(flow->authentication) : NULL;
}

void message_flow_causes(const struct message_flow *flow, enum cause *cause, size_t count) {
    const struct message_result *result = authentication_result(flow->authentication);
    const struct message_verifier *verifier = authentication_verifier(flow->authentication);
    for (size_t i = 0; i < count; i++) cause[i] = dkim_code_cause(result->dkim[i].code);
    if (!message_cause_is_vague(result) || !message_cause_allow(&flow->pool->diagnoses, now_us(flow))) return;
    message_cause_refine(verifier, result, flow->spool, body_offset_of(flow), cause, count);
}

uint64_t message_flow_octets(const struct message_flow *flow) { return flow->reader.octets; }
uint64_t message_flow_removed(const struct message_flow *flow) { return flow->removed; }
enum message_seal message_flow_seal_state(const struct message_flow *flow) { return flow->seal; }
struct message_times message_flow_times(const struct message_flow *flow) {
    return flow->times;
}
int64_t message_flow_wait_us(const struct message_flow *flow) { return flow->verified_us - flow->ended_us; }
int64_t message_flow_age_us(const struct message_flow *flow) { return now_us(flow) - flow->begun_us; }
