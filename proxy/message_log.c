#include "proxy/message_log.h"
#include "base/bytes.h"
#include "base/log.h"
#include "base/metrics.h"
#include "http/domain_stats.h"
#include "proxy/message_flow.h"
#include "proxy/transaction.h"
#include "verifier/result.h"

enum { RESULTS_MAX = 480 }; /* a log value is cut at 512 octets: whole results instead */

static const char *end_word(enum message_end end) {
#define X(id, word) [id] = word,
    static const char *const words[] = {MESSAGE_ENDS(X)};
#undef X
    return words[end];
}

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

static void log_verdicts(struct log_line *line, const struct message_result *result) {
    struct bytes dkim = bytes_with_cap(RESULTS_MAX);
    write_dkim(&dkim, result);
    log_span(line, "dkim", bytes_span(&dkim));
    log_uint(line, "signatures", result->dkim_count);
    bytes_release(&dkim);
}

/* -- counts -- */

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

static void count_verdicts(const struct message_record *record, const struct message_result *result) {
    for (const struct dkim_result *dkim = result->dkim; dkim < result->dkim + result->dkim_count; dkim++) {
        enum cause cause = dkim_code_cause(dkim->code);
        metrics_count(record->metrics, METRIC_DKIM_SIGNATURES, (unsigned)dkim->result - RESULT_PASS, key_class(dkim));
        if (cause != CAUSE_NONE) metrics_count(record->metrics, METRIC_DKIM_FAILURES, cause, 0);
        domain_stats_add_signature(record->domains, dkim);
    }
    metrics_count(record->metrics, METRIC_AUTH_RESULTS, METRIC_METHOD_DKIM, best_result(result));
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

static void count_fault(const struct message_record *record) {
    switch (message_flow_fault(record->flow)) {
    case MESSAGE_TOO_LARGE: metrics_count(record->metrics, METRIC_INPUT_ERRORS, METRIC_INPUT_SIZE, 0); break;
    case MESSAGE_HEADER_TOO_LARGE:
    case MESSAGE_FIELD_TOO_LARGE:
    case MESSAGE_TOO_MANY_FIELDS:
        metrics_count(record->metrics, METRIC_INPUT_ERRORS, METRIC_INPUT_HEADER_LIMIT, 0);
        break;
    case MESSAGE_BARE_CR:
    case MESSAGE_BARE_LF:
    case MESSAGE_NUL: metrics_count(record->metrics, METRIC_INPUT_ERRORS, METRIC_INPUT_LINE_ENDS, 0); break;
    default: break;
    }
}

static void count_message(const struct message_record *record) {
    static const unsigned verdicts[] = {
        [MESSAGE_DELIVERED] = METRIC_VERDICT_ACCEPT,
        [MESSAGE_REFUSED] = METRIC_VERDICT_REJECT,
        [MESSAGE_DEFERRED] = METRIC_VERDICT_TEMPFAIL,
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
    count_times(record);
}

/* -- the line -- */

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
    log_span(&line, "from", bytes_span(&transaction->sender));
    log_span(&line, "to", bytes_span(&transaction->recipients));
    log_uint(&line, "recipients", transaction->accepted);
    log_uint(&line, "size", message_flow_octets(record->flow));
    if (message_flow_result(record->flow) != NULL) log_verdicts(&line, message_flow_result(record->flow));
    if (message_flow_fault(record->flow) != MESSAGE_FINE)
        log_text(&line, "fault", message_fault_word(message_flow_fault(record->flow)));
    log_uint(&line, "forged", message_flow_removed(record->flow));
    log_int(&line, "dns_ms", message_flow_wait_us(record->flow) / 1000);
    log_int(&line, "ms", message_flow_age_us(record->flow) / 1000);
    log_span(&line, "reply", bytes_span(&transaction->outcome));
    log_text(&line, "action", end_word(record->end));
    log_end(&line);
    count_message(record);
}
