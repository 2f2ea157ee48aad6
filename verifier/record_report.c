#include "verifier/record_report.h"
#include <stdio.h>

const char *record_kind_word(enum record_kind kind) {
    static const char *const words[] = {
        [RECORD_KIND_NONE] = "none", [RECORD_KIND_TXT] = "txt", [RECORD_KIND_CNAME] = "cname"};
    return words[kind];
}

const char *record_state_word(enum record_state state) {
    static const char *const words[] = {
        [RECORD_STATE_SET] = "set",         [RECORD_STATE_TO_SET] = "toSet",      [RECORD_STATE_TO_FIX] = "toFix",
        [RECORD_STATE_REVOKED] = "revoked", [RECORD_STATE_UNUSABLE] = "unusable", [RECORD_STATE_UNKNOWN] = NULL};
    return words[state];
}

static bool has_ttl(const struct record_selector *selector) {
    enum dns_status status = selector->answer.status;
    return !selector->is_given && (status == DNS_FOUND || status == DNS_NXDOMAIN || status == DNS_NODATA);
}

/* --- JSON -------------------------------------------------------------------------------------------------------- */

static void write_key(struct json *json, const struct record_selector *selector) {
    json_key(json, "key");
    if (selector->record == NULL || selector->record->key.bits == 0) {
        json_null(json);
        return;
    }
    const struct record_text *record = selector->record;
    json_object(json);
    json_key_text(json, "type", key_algorithm_word(record->key.algorithm));
    json_key_uint(json, "bits", record->key.bits);
    json_key_text(json, "fingerprint", record->fingerprint[0] != '\0' ? record->fingerprint : NULL);
    json_object_end(json);
}

static void write_tags(struct json *json, const struct record_selector *selector) {
    json_key(json, "tags");
    json_object(json);
    for (size_t i = 0; selector->record != NULL && i < selector->record->tags.count; i++) {
        json_key_span(json, selector->record->tags.tag[i].name);
        json_string(json, selector->record->tags.tag[i].value);
    }
    json_object_end(json);
}

static void write_record(struct json *json, const struct record_selector *selector) {
    const struct record_text *record = selector->record;
    report_write_optional(json, "record", record != NULL ? record->text : (struct span){NULL, 0});
    json_key(json, "strings");
    json_array(json);
    for (size_t i = 0; record != NULL && i < record->strings.len; i++)
        json_uint(json, (unsigned char)record->strings.ptr[i]);
    json_array_end(json);
}

static void write_selector(struct json *json, const struct record_selector *selector) {
    const struct record_answer *answer = &selector->answer;
    json_object(json);
    json_key_string(json, "selector", selector->selector);
    json_key_string(json, "name", selector->name);
    json_key_text(json, "kind", record_kind_word(selector->kind));
    json_key(json, "cname");
    json_array(json);
    for (size_t i = 0; i < answer->cname_count; i++) json_string(json, answer->cname[i]);
    json_array_end(json);
    json_key(json, "cname_ttl");
    json_array(json);
    for (size_t i = 0; i < answer->cname_count && !selector->is_given; i++) json_uint(json, answer->cname_ttl_s[i]);
    json_array_end(json);
    report_write_optional_number(json, "ttl", has_ttl(selector), answer->ttl_s);
    json_key_text(json, "dnssec", selector->is_given ? NULL : dnssec_state_word(answer->dnssec));
    json_key_uint(json, "records", answer->records_seen);
    write_key(json, selector);
    write_tags(json, selector);
    json_key_text(json, "state", record_state_word(selector->state));
    json_key(json, "findings");
    finding_write_json(json, &selector->findings);
    json_key_text(json, "dns", dns_status_word(answer->status));
    write_record(json, selector);
    report_write_optional(json, "expected_cname", selector->expected_cname);
    json_key_bool(json, "derived", selector->is_derived);
    json_object_end(json);
}

static void write_pair(struct json *json, const struct record_pair *pair) {
    json_key(json, "pair");
    if (pair == NULL) {
        json_null(json);
        return;
    }
    json_object(json);
    json_key_text(json, "state", record_state_word(pair->state));
    report_write_optional_number(json, "code", pair->code != 0, pair->code);
    json_key(json, "findings");
    finding_write_json(json, &pair->findings);
    json_object_end(json);
}

static void write_provider(struct json *json, const struct provider_answer *answer) {
    json_key(json, "provider");
    json_object(json);
    json_key_text(json, "status", provider_state_word(answer->state));
    report_write_optional_number(json, "code", answer->code != 0, answer->code);
    report_write_optional(json, "active_selector", answer->active);
    json_key(json, "selectors");
    json_array(json);
    for (size_t i = 0; i < answer->count; i++) {
        const struct provider_selector *told = &answer->selector[i];
        json_object(json);
        report_write_optional(json, "selector", told->selector);
        report_write_optional(json, "name", told->name);
        report_write_optional(json, "target", told->target);
        json_key_text(json, "status", provider_state_word(told->state));
        json_object_end(json);
    }
    json_array_end(json);
    json_object_end(json);
}

void record_report_write_json(struct json *json, const struct record_report *report) {
    json_object(json);
    json_key_string(json, "domain", report->domain);
    json_key(json, "selectors");
    json_array(json);
    for (size_t i = 0; i < report->count; i++) write_selector(json, &report->selector[i]);
    json_array_end(json);
    write_pair(json, report->pair);
    json_key(json, "findings");
    finding_write_json(json, &report->findings);
    if (report->provider != NULL) write_provider(json, report->provider);
    if (report->policy != NULL) domain_policy_write_json(json, report->policy);
    json_object_end(json);
}

/* --- text -------------------------------------------------------------------------------------------------------- */

static void append_state(struct bytes *out, enum record_state state, struct report_style style) {
    static const enum report_mood moods[] = {
        [RECORD_STATE_SET] = MOOD_GOOD,    [RECORD_STATE_TO_SET] = MOOD_BAD,   [RECORD_STATE_TO_FIX] = MOOD_BAD,
        [RECORD_STATE_REVOKED] = MOOD_BAD, [RECORD_STATE_UNUSABLE] = MOOD_BAD, [RECORD_STATE_UNKNOWN] = MOOD_DOUBTFUL};
    const char *word = record_state_word(state);
    bytes_append_text(out, "  ");
    report_append_word(out, word != NULL ? word : "?", moods[state], style);
    bytes_append_char(out, ' ');
}

static void append_phrase(struct bytes *out, enum report_phrase phrase, struct report_style style,
                          const struct phrase_value *values, size_t count) {
    bytes_append_text(out, ", ");
    phrase_append(out, report_phrase(phrase), style.language, values, count);
}

static void append_key(struct bytes *out, const struct record_text *record, struct report_style style) {
    char bits[16];
    if (record == NULL || record->key.bits == 0) return;
    snprintf(bits, sizeof bits, "%u", record->key.bits);
    struct phrase_value values[] = {{"bits", span_of(bits)},
                                    {"type", span_of(key_algorithm_word(record->key.algorithm))}};
    append_phrase(out, PHRASE_KEY, style, values, 2);
}

static void append_findings(struct bytes *out, const struct finding_list *findings, bool full,
                            struct report_style style) {
    finding_write_text(out, findings, style);
    if (full) finding_write_good(out, findings, style);
}

static void append_tags(struct bytes *out, const struct record_text *record) {
    for (size_t i = 0; record != NULL && i < record->tags.count; i++) {
        bytes_append_text(out, "      ");
        phrase_append_printable(out, record->tags.tag[i].name);
        bytes_append_char(out, '=');
        phrase_append_printable(out, record->tags.tag[i].value);
        bytes_append_char(out, '\n');
    }
}

static void append_selector(struct bytes *out, const struct record_selector *selector, bool full,
                            struct report_style style) {
    const struct record_answer *answer = &selector->answer;
    append_state(out, selector->state, style);
    phrase_append_printable(out, selector->name);
    if (answer->cname_count > 0) {
        struct phrase_value target = {"target", answer->cname[0]};
        append_phrase(out, PHRASE_CNAME, style, &target, 1);
    }
    append_key(out, selector->record, style);
    if (!selector->is_given) {
        struct phrase_value state = {"state", span_of(dnssec_state_word(answer->dnssec))};
        append_phrase(out, PHRASE_DNSSEC, style, &state, 1);
    }
    if (has_ttl(selector)) bytes_append_format(out, ", TTL %u s", answer->ttl_s);
    bytes_append_char(out, '\n');
    append_findings(out, &selector->findings, full, style);
    if (full) append_tags(out, selector->record);
}

static void append_pair(struct bytes *out, const struct record_pair *pair, bool full, struct report_style style) {
    append_state(out, pair->state, style);
    phrase_append(out, report_phrase(PHRASE_PAIR), style.language, NULL, 0);
    if (pair->code != 0) bytes_append_format(out, " (%u)", pair->code);
    bytes_append_char(out, '\n');
    append_findings(out, &pair->findings, full, style);
}

void record_report_write_text(struct bytes *out, const struct record_report *report, bool full,
                              struct report_style style) {
    phrase_append_printable(out, report->domain);
    bytes_append_char(out, '\n');
    for (size_t i = 0; i < report->count; i++) append_selector(out, &report->selector[i], full, style);
    if (report->pair != NULL) append_pair(out, report->pair, full, style);
    append_findings(out, &report->findings, full, style);
}
