#include "proxy/message_log.h"
#include "base/bytes.h"
#include "base/log.h"
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
}
