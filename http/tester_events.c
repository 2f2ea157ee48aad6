#include "http/tester_events.h"
#include "base/json.h"
#include "http/api.h"

const char *tester_event_word(enum tester_event_kind kind) {
#define X(id, word) [id] = word,
    static const char *const words[] = {TESTER_EVENTS(X)};
#undef X
    return words[kind];
}

static void write_arrival(struct json *json, const struct tester_event *event) {
    json_key_uint(json, "octets", event->arrival.octets);
    if (!event->arrival.has_envelope) return;
    json_key_string(json, "client", event->arrival.client);
    json_key_string(json, "helo", event->arrival.helo);
    json_key_text(json, "tls", event->arrival.tls);
}

static void write_signature(struct json *json, const struct tester_event *event) {
    const struct dkim_result *dkim = event->report->signature[event->signature].result;
    json_key_uint(json, "signature", event->signature);
    switch (event->kind) {
    case TESTER_EVENT_SIGNATURE:
        json_key_string(json, "domain", dkim->domain);
        json_key_string(json, "selector", dkim->selector);
        json_key_text(json, "result", auth_result_word(dkim->result));
        json_key_text(json, "code", dkim_code_word(dkim->code));
        break;
    case TESTER_EVENT_KEY:
        json_key_text(json, "type", dkim->key_bits > 0 ? key_algorithm_word(dkim->key_algorithm) : NULL);
        json_key_uint(json, "bits", dkim->key_bits);
        json_key_text(json, "dnssec", dkim->has_key_answer ? dnssec_state_word(dkim->dnssec) : NULL);
        break;
    default: json_key_text(json, "part", part_state_word(event->kind == TESTER_EVENT_HEADER ? dkim->header_part : dkim->body_part));
    }
}

static void write_result(struct json *json, const struct tester_event *event) {
    const struct message_result *result = event->report->result;
    const struct spf_result *spf = &result->spf[result->spf[SPF_MAIL_FROM].is_evaluated ? SPF_MAIL_FROM : SPF_HELO];
    switch (event->kind) {
    case TESTER_EVENT_ARC: json_key_text(json, "result", auth_result_word(result->arc.result)); break;
    case TESTER_EVENT_SPF:
        json_key_text(json, "result", auth_result_word(spf->result));
        json_key_string(json, "domain", spf->domain);
        break;
    default:
        json_key_text(json, "result", auth_result_word(result->dmarc.result));
        json_key_string(json, "domain", result->dmarc.domain);
    }
}

static void write_data(struct json *json, const struct tester_event *event) {
    json_object(json);
    api_write_time(json, "at", event->at_s);
    if (event->kind != TESTER_EVENT_END) json_key_uint(json, "message", event->message);
    switch (event->kind) {
    case TESTER_EVENT_RECEIVED: write_arrival(json, event); break;
    case TESTER_EVENT_SIGNATURE:
    case TESTER_EVENT_KEY:
    case TESTER_EVENT_HEADER:
    case TESTER_EVENT_BODY: write_signature(json, event); break;
    case TESTER_EVENT_ARC:
    case TESTER_EVENT_SPF:
    case TESTER_EVENT_DMARC: write_result(json, event); break;
    case TESTER_EVENT_REPORT: json_key_uint(json, "findings", event->report->findings->count); break;
    default: break;
    }
    json_object_end(json);
}

/* JSON holds no line end, so the data is one line. */
static void write_event(struct bytes *out, const struct tester_event *event, enum language language) {
    struct json json = json_writer(out);
    (void)language;
    bytes_append_text(out, "id: ");
    bytes_append_uint(out, event->id);
    bytes_append_text(out, "\nevent: ");
    bytes_append_text(out, tester_event_word(event->kind));
    bytes_append_text(out, "\ndata: ");
    write_data(&json, event);
    bytes_append_text(out, "\n\n");
}

const struct tester_writer tester_events_json = {write_event, ":\n\n", LANGUAGE_EN};
