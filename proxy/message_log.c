#include "proxy/message_log.h"
#include "base/bytes.h"
#include "base/log.h"
#include "base/metrics.h"
#include "http/domain_stats.h"
#include "proxy/message_event.h"
#include "proxy/message_flow.h"
#include "proxy/transaction.h"
#include "verifier/result.h"

enum { RESULTS_MAX = 480 }; /* a log value is cut at 512 octets: whole results instead */

/* "pass ok example.com/sel secure, fail body_hash_mismatch ...", as many whole ones as fit. */
static void write_dkim(struct bytes *out, const struct message_result *result) {
    if (result->dkim_count == 0) bytes_append_text(out, "none");
    for (size_t i = 0; i < result->dkim_count; i++) {
        const struct dkim_result *dkim = &result->dkim[i];
        size_t before = out->len;
        if (i > 0) bytes_append_text(out, ", ");
        bytes_append_format(out, "%s %s ", auth_result_word(dkim->result), dkim_code_word(dkim->code));
        bytes_append(out, dkim->domain);
        bytes_append_char(out, '/');
        bytes_append(out, dkim->selector);
        if (dkim->has_key_answer) bytes_append_format(out, " %s", dnssec_state_word(dkim->dnssec));
        if (out->failed) {
            out->len = before;
            break;
        }
    }
}

/* Result and code, then what they speak of; name may be empty. */
static void begin_value(struct bytes *value, enum auth_result result, const char *code, struct span name) {
    bytes_clear(value);
    bytes_append_text(value, auth_result_word(result));
    if (code != NULL) bytes_append_format(value, " %s", code);
    if (name.len > 0) bytes_append_char(value, ' ');
    bytes_append(value, name);
}

/* "fail seal list.example 3 sets": only where there are sets. */
static void log_arc(struct log_line *line, const struct arc_result *arc, struct bytes *value) {
    if (!arc->is_evaluated || arc->code == ARC_NO_SETS) return;
    begin_value(value, arc->result, arc_code_word(arc->code), arc->sealer);
    bytes_append_format(value, " %u %s%s", arc->sets, arc->sets == 1 ? "set" : "sets",
                        arc->is_trusted ? " trusted" : "");
    log_span(line, "arc", bytes_span(value));
}

/* "pass matched example.com": of the reverse-path, or of HELO where that is empty. */
static const struct spf_result *spf_of(const struct message_result *result) {
    return &result->spf[result->spf[SPF_MAIL_FROM].is_evaluated ? SPF_MAIL_FROM : SPF_HELO];
}

static void log_spf(struct log_line *line, const struct spf_result *spf, struct bytes *value) {
    if (!spf->is_evaluated) return;
    begin_value(value, spf->result, spf_code_word(spf->code), spf->domain);
    log_span(line, "spf", bytes_span(value));
}

/* "fail not_aligned example.com reject": with what the policy asks for. */
static void log_dmarc(struct log_line *line, const struct dmarc_result *dmarc, struct bytes *value) {
    const char *disposition = dmarc_policy_word(dmarc->disposition);
    if (!dmarc->is_evaluated) return;
    begin_value(value, dmarc->result, dmarc_code_word(dmarc->code), dmarc->domain);
    if (dmarc->policy != DMARC_POLICY_ABSENT && disposition != NULL) bytes_append_format(value, " %s", disposition);
    log_span(line, "dmarc", bytes_span(value));
}

static void log_iprev(struct log_line *line, const struct iprev_result *iprev, struct bytes *value) {
    if (!iprev->is_evaluated) return;
    begin_value(value, iprev->result, NULL, iprev->name);
    log_span(line, "iprev", bytes_span(value));
}

static void log_verdicts(struct log_line *line, const struct message_result *result) {
    struct bytes value = bytes_with_cap(RESULTS_MAX);
    write_dkim(&value, result);
    log_span(line, "dkim", bytes_span(&value));
    log_uint(line, "signatures", result->dkim_count);
    log_arc(line, &result->arc, &value);
    log_spf(line, spf_of(result), &value);
    log_dmarc(line, &result->dmarc, &value);
    log_iprev(line, &result->iprev, &value);
    bytes_release(&value);
}

/* -- counts -- */

enum { CAUSES_MAX = 32 }; /* signatures whose causes are refined */

static unsigned key_class(const struct dkim_result *dkim) {
    if (dkim->key_algorithm == KEY_ED25519) return METRIC_KEY_CLASS_ED25519;
    if (dkim->key_algorithm != KEY_RSA) return METRIC_KEY_CLASS_OTHER;
    if (dkim->key_bits < 2048) return METRIC_KEY_CLASS_RSA_BELOW_2048;
    return dkim->key_bits == 2048 ? METRIC_KEY_CLASS_RSA_2048 : METRIC_KEY_CLASS_RSA_ABOVE_2048;
}

/* One result for the message: a pass when there is one, else that of the first signature. */
static enum auth_result best_result(const struct message_result *result) {
    for (size_t i = 0; i < result->dkim_count; i++)
        if (result->dkim[i].result == RESULT_PASS) return RESULT_PASS;
    return result->dkim_count > 0 ? result->dkim[0].result : RESULT_NONE;
}

static void count_method(const struct message_record *record, unsigned method, bool is_evaluated,
                         enum auth_result result) {
    if (is_evaluated) metrics_count(record->metrics, METRIC_AUTH_RESULTS, method, result);
}

static void count_seal(const struct message_record *record) {
    enum message_seal seal = message_flow_seal_state(record->flow);
    if (seal != MESSAGE_SEAL_OFF)
        metrics_count(record->metrics, METRIC_ARC_SEALS, (unsigned)seal - MESSAGE_SEAL_ADDED, 0);
}

static void count_verdicts(const struct message_record *record, const struct message_result *result) {
    enum cause causes[CAUSES_MAX];
    size_t known = result->dkim_count < CAUSES_MAX ? result->dkim_count : CAUSES_MAX;
    message_flow_causes(record->flow, causes, known);
    for (size_t i = 0; i < result->dkim_count; i++) {
        const struct dkim_result *dkim = &result->dkim[i];
        enum cause cause = i < known ? causes[i] : dkim_code_cause(dkim->code);
        metrics_count(record->metrics, METRIC_DKIM_SIGNATURES, (unsigned)dkim->result - RESULT_PASS, key_class(dkim));
        if (cause != CAUSE_NONE) metrics_count(record->metrics, METRIC_DKIM_FAILURES, cause, 0);
        domain_stats_add_signature_from(record->domains, dkim, record->client);
    }
    const struct spf_result *spf = spf_of(result);
    count_method(record, METRIC_METHOD_DKIM, true, best_result(result));
    count_method(record, METRIC_METHOD_ARC, result->arc.is_evaluated, result->arc.result);
    count_method(record, METRIC_METHOD_SPF, spf->is_evaluated, spf->result);
    count_method(record, METRIC_METHOD_DMARC, result->dmarc.is_evaluated, result->dmarc.result);
    count_method(record, METRIC_METHOD_IPREV, result->iprev.is_evaluated, result->iprev.result);
}

static void count_times(const struct message_record *record) {
    struct message_times times = message_flow_times(record->flow);
    uint64_t wait_us = (uint64_t)message_flow_wait_us(record->flow);
    metrics_observe(record->metrics, METRIC_VERIFY_DURATION, 0, wait_us);
    metrics_observe(record->metrics, METRIC_STAGE_DURATION, METRIC_STAGE_HEADER, (uint64_t)times.header_us);
    metrics_observe(record->metrics, METRIC_STAGE_DURATION, METRIC_STAGE_BODY, (uint64_t)times.body_us);
    metrics_observe(record->metrics, METRIC_STAGE_DURATION, METRIC_STAGE_VERIFY, (uint64_t)times.verify_us);
    metrics_observe(record->metrics, METRIC_STAGE_DURATION, METRIC_STAGE_KEYS, wait_us - (uint64_t)times.verify_us);
    metrics_observe(record->metrics, METRIC_STAGE_DURATION, METRIC_STAGE_DELIVER, (uint64_t)record->deliver_us);
}

_Static_assert((int)METRIC_MESSAGE_FAULT_COUNT == (int)MESSAGE_FAULT_COUNT - 1, "a fault is its label, none is none");
static void count_fault(const struct message_record *record) {
    enum message_fault fault = message_flow_fault(record->flow);
    if (fault != MESSAGE_FINE)
        metrics_count(record->metrics, METRIC_MESSAGE_FAULTS, (unsigned)fault - MESSAGE_TOO_LARGE, 0);
    switch (fault) {
    case MESSAGE_TOO_LARGE: metrics_count(record->metrics, METRIC_INPUT_ERRORS, METRIC_INPUT_SIZE, 0); break;
    case MESSAGE_HEADER_TOO_LARGE:
    case MESSAGE_FIELD_TOO_LARGE:
    case MESSAGE_TOO_MANY_FIELDS:
        metrics_count(record->metrics, METRIC_INPUT_ERRORS, METRIC_INPUT_HEADER_LIMIT, 0);
        break;
    case MESSAGE_BARE_CR:
    case MESSAGE_BARE_LF:
    case MESSAGE_NUL: metrics_count(record->metrics, METRIC_INPUT_ERRORS, METRIC_INPUT_LINE_ENDS, 0); break;
    case MESSAGE_SPOOL_FULL:
    case MESSAGE_SPOOL_BROKEN: metrics_count(record->metrics, METRIC_FAULTS, METRIC_FAULT_SPOOL, 0); break;
    case MESSAGE_NO_MEMORY: metrics_count(record->metrics, METRIC_FAULTS, METRIC_FAULT_MEMORY, 0); break;
    default: break;
    }
}

static void count_message(const struct message_record *record) {
    static const unsigned verdicts[] = {
        [MESSAGE_DELIVERED] = METRIC_VERDICT_ACCEPT,
        [MESSAGE_REFUSED] = METRIC_VERDICT_REJECT,
        [MESSAGE_DEFERRED] = METRIC_VERDICT_TEMPFAIL,
        [MESSAGE_DISCARDED] = METRIC_VERDICT_DISCARD,
    };
    uint64_t octets = message_flow_octets(record->flow);
    const struct message_result *result = message_flow_result(record->flow);
    count_fault(record);
    if (record->end == MESSAGE_ABANDONED) return;
    metrics_count(record->metrics, METRIC_MESSAGES, verdicts[record->end], 0);
    metrics_add(record->metrics, METRIC_MESSAGE_BYTES, 0, 0, octets);
    metrics_observe(record->metrics, METRIC_MESSAGE_SIZE, 0, octets);
    metrics_add(record->metrics, METRIC_REMOVED_FIELDS, 0, 0, message_flow_removed(record->flow));
    if (result == NULL) return;
    count_verdicts(record, result);
    count_seal(record);
    count_times(record);
}

/* -- the line -- */

static void log_if_any(struct log_line *line, const char *key, struct span value) {
    if (value.len > 0) log_span(line, key, value);
}

/* Which rule decided, and why; nothing where there are no rules. */
static void log_rules(struct log_line *line, const struct message_rules *rules) {
    if (!rules->is_judged) return;
    log_text(line, "verdict", rule_verdict_word(rules->verdict));
    log_if_any(line, "rule", rules->rule);
    log_if_any(line, "reason", span_of(rules->text));
    if (rules->is_on_error) log_bool(line, "on_error", true);
    log_if_any(line, "override", rules->override_reason);
    log_text(line, "redirect", rules->redirect);
    if (rules->shadow_rule.len > 0) {
        log_text(line, "shadow_verdict", rule_verdict_word(rules->shadow_verdict));
        log_span(line, "shadow_rule", rules->shadow_rule);
    }
    log_uint(line, "rule_hits", rules->hits);
    if (rules->shadow_hits > 0) log_uint(line, "rule_shadow_hits", rules->shadow_hits);
    if (rules->errors > 0) log_uint(line, "rule_errors", rules->errors);
    log_if_any(line, "note", rules->notes);
}

void message_log_write(const struct message_record *record) {
    const struct transaction *transaction = record->transaction;
    struct span queue_id = record->queue_id.len > 0 ? record->queue_id : transaction_queue_id(transaction);
    struct log_line line;
    log_begin(&line, LOG_LEVEL_INFO, "message");
    log_text(&line, "id", record->id);
    if (queue_id.len > 0) log_span(&line, "queue", queue_id);
    log_text(&line, "listener", record->listener);
    log_text(&line, "client", record->client);
    log_span(&line, "helo", record->helo);
    log_text(&line, "tls", record->tls);
    log_span(&line, "from", bytes_span(&transaction->sender));
    log_span(&line, "to", bytes_span(&transaction->recipients));
    log_uint(&line, "recipients", transaction->accepted);
    log_uint(&line, "size", message_flow_octets(record->flow));
    if (message_flow_result(record->flow) != NULL) log_verdicts(&line, message_flow_result(record->flow));
    if (message_flow_fault(record->flow) != MESSAGE_FINE)
        log_text(&line, "fault", message_fault_word(message_flow_fault(record->flow)));
    if (message_flow_seal_state(record->flow) != MESSAGE_SEAL_OFF)
        log_text(&line, "seal", message_seal_word(message_flow_seal_state(record->flow)));
    log_rules(&line, message_flow_rules(record->flow));
    log_uint(&line, "forged", message_flow_removed(record->flow));
    log_int(&line, "dns_ms", message_flow_wait_us(record->flow) / 1000);
    log_int(&line, "ms", message_flow_age_us(record->flow) / 1000);
    log_span(&line, "reply", bytes_span(&transaction->outcome));
    log_text(&line, "action", message_end_word(record->end));
    log_end(&line);
    count_message(record);
    if (record->events != NULL) message_event_write(record->events, record);
}
