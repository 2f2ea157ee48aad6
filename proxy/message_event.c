#include "proxy/message_event.h"
#include <stdio.h>
#include <time.h>
#include "base/json.h"
#include "base/metrics.h"
#include "proxy/event_log.h"
#include "proxy/message_flow.h"
#include "proxy/message_record.h"
#include "proxy/transaction.h"
#include "verifier/message_report.h"
#include "verifier/result.h"

/* RFC 3339, UTC, milliseconds. */
static void write_time(struct json *json) {
    struct timespec now;
    struct tm utc;
    char text[64];
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);
    size_t len = strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &utc);
    (void)snprintf(text + len, sizeof text - len, ".%03ldZ", now.tv_nsec / 1000000);
    json_key_text(json, "time", text);
}

static void write_envelope(struct json *json, const struct message_record *record) {
    const struct transaction *transaction = record->transaction;
    struct span queue = record->queue_id.len > 0 ? record->queue_id : transaction_queue_id(transaction);
    json_key_text(json, "id", record->id);
    json_key(json, "queue");
    if (queue.len > 0) json_string(json, queue);
    else json_null(json);
    json_key_text(json, "listener", record->listener);
    json_key_text(json, "client", record->client);
    json_key_string(json, "helo", record->helo);
    json_key_text(json, "tls", record->tls);
    json_key_string(json, "from", bytes_span(&transaction->sender));
    json_key_string(json, "to", bytes_span(&transaction->recipients));
    json_key_uint(json, "recipients", transaction->accepted);
}

static void write_outcome(struct json *json, const struct message_record *record) {
    enum message_fault fault = message_flow_fault(record->flow);
    enum message_seal seal = message_flow_seal_state(record->flow);
    json_key_uint(json, "size", message_flow_octets(record->flow));
    json_key_text(json, "action", message_end_word(record->end));
    json_key_string(json, "reply", bytes_span(&record->transaction->outcome));
    json_key_text(json, "fault", fault != MESSAGE_FINE ? message_fault_word(fault) : NULL);
    json_key_text(json, "seal", seal != MESSAGE_SEAL_OFF ? message_seal_word(seal) : NULL);
    json_key_uint(json, "forged", message_flow_removed(record->flow));
    json_key_int(json, "dns_ms", message_flow_wait_us(record->flow) / 1000);
    json_key_int(json, "downstream_ms", record->deliver_us / 1000);
    json_key_int(json, "ms", message_flow_age_us(record->flow) / 1000);
}

void message_event_write(struct event_log *log, const struct message_record *record) {
    struct bytes line = bytes_with_cap(MESSAGE_EVENT_MAX);
    struct json json = json_writer(&line);
    const struct message_result *result = message_flow_result(record->flow);
    json_object(&json);
    write_time(&json);
    json_key_text(&json, "event", "message");
    write_envelope(&json, record);
    write_outcome(&json, record);
    if (result != NULL) message_report_write_methods(&json, result);
    json_object_end(&json);
    bytes_append_char(&line, '\n');
    if (line.failed) metrics_count(record->metrics, METRIC_EVENTS, METRIC_EVENT_DROPPED, 0);
    else event_log_write(log, record->metrics, bytes_span(&line));
    bytes_release(&line);
}
