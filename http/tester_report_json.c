/* The report as the API shows it: docs/openapi.yaml, TesterReport. */
#include "http/api.h"
#include "http/tester_report.h"
#include "verifier/message_report.h"

static void write_text(struct json *json, const char *key, struct tester_text text) {
    json_key(json, key);
    if (text.text.ptr == NULL) {
        json_null(json);
        return;
    }
    json_object(json);
    json_key_string(json, "text", text.text);
    json_key_uint(json, "octets", text.octets);
    json_key_bool(json, "cut", text.text.len < text.octets);
    json_object_end(json);
}

static void write_envelope(struct json *json, const struct tester_arrival *arrival) {
    json_key(json, "envelope");
    if (!arrival->has_envelope) {
        json_null(json);
        return;
    }
    json_object(json);
    json_key_string(json, "client", arrival->client);
    json_key_string(json, "helo", arrival->helo);
    json_key_string(json, "mail_from", arrival->mail_from);
    json_key_text(json, "tls", arrival->tls);
    json_object_end(json);
}

static void write_step(struct json *json, const struct tester_step *step) {
    json_object(json);
    report_write_optional(json, "from", step->from);
    report_write_optional(json, "by", step->by);
    report_write_optional(json, "with", step->with);
    api_write_time(json, "time", step->has_time ? step->time_s : 0);
    json_object_end(json);
}

static void write_message(struct json *json, const struct tester_report *report) {
    json_key(json, "message");
    if (!report->has_message) {
        json_null(json);
        return;
    }
    json_object(json);
    api_write_time(json, "received", report->arrival.at_s);
    json_key_uint(json, "octets", report->arrival.octets);
    json_key_text(json, "part", report->arrival.is_header_alone ? "headers" : "whole");
    json_key_bool(json, "repaired", report->arrival.is_repaired);
    json_key_text(json, "refused", report->header == HEADER_COMPLETE ? NULL : header_status_text(report->header));
    write_envelope(json, &report->arrival);
    write_text(json, "from", report->from);
    write_text(json, "subject", report->subject);
    write_text(json, "date", report->date);
    write_text(json, "message_id", report->message_id);
    json_key(json, "steps");
    json_array(json);
    for (size_t i = 0; i < report->step_count; i++) write_step(json, &report->step[i]);
    json_array_end(json);
    write_text(json, "text", report->message);
    json_object_end(json);
}

static void write_signature(struct json *json, const struct tester_signature *signature) {
    json_object(json);
    json_key_text(json, "cause", cause_word(signature->cause));
    json_key(json, "tags");
    json_array(json);
    for (size_t i = 0; i < signature->tag_count; i++) {
        json_object(json);
        json_key_string(json, "name", signature->tag[i].name);
        json_key_string(json, "value", signature->tag[i].value);
        json_object_end(json);
    }
    json_array_end(json);
    report_write_optional(json, "key", signature->key != NULL ? signature->key->name : (struct span){NULL, 0});
    write_text(json, "canonical_header", signature->canonical_header);
    write_text(json, "canonical_body", signature->canonical_body);
    json_object_end(json);
}

void tester_report_write_json(struct json *json, const struct tester_report *report) {
    json_object(json);
    api_write_time(json, "made", report->made_s);
    json_key_bool(json, "masked", report->is_masked);
    write_message(json, report);
    static const struct message_result nothing;
    message_report_write_methods(json, report->result != NULL ? report->result : &nothing);
    json_key(json, "signatures");
    json_array(json);
    for (size_t i = 0; i < report->signature_count; i++) write_signature(json, &report->signature[i]);
    json_array_end(json);
    json_key(json, "findings");
    finding_write_json(json, report->findings);
    json_key(json, "records");
    json_array(json);
    for (size_t i = 0; i < report->record_count; i++) record_report_write_json(json, &report->record[i]);
    json_array_end(json);
    json_object_end(json);
}
