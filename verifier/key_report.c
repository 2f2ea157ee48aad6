#include "verifier/key_report.h"
#include <stdio.h>

static bool has_ttl(const struct key_judgement *judgement) {
    enum dns_status status = judgement->entry->status;
    return !judgement->is_given && (status == DNS_FOUND || status == DNS_NXDOMAIN || status == DNS_NODATA);
}

static void write_key(struct json *json, const struct key_judgement *judgement) {
    json_key(json, "key");
    if (judgement->key == NULL || judgement->key->bits == 0) {
        json_null(json);
        return;
    }
    json_object(json);
    json_key_text(json, "type", key_algorithm_word(judgement->key->algorithm));
    json_key_uint(json, "bits", judgement->key->bits);
    json_key_text(json, "fingerprint", judgement->fingerprint[0] != '\0' ? judgement->fingerprint : NULL);
    json_object_end(json);
}

static void write_tags(struct json *json, const struct key_judgement *judgement) {
    json_key(json, "tags");
    json_object(json);
    for (size_t i = 0; i < judgement->tags.count; i++) {
        json_key_span(json, judgement->tags.tag[i].name);
        json_string(json, judgement->tags.tag[i].value);
    }
    json_object_end(json);
}

static void write_selector(struct json *json, const struct key_judgement *judgement) {
    const struct key_entry *entry = judgement->entry;
    json_object(json);
    json_key_string(json, "selector", judgement->selector);
    json_key_string(json, "name", judgement->name);
    json_key_text(json, "kind", key_kind_word(judgement->kind));
    json_key(json, "cname");
    json_array(json);
    for (size_t i = 0; i < entry->cname_count; i++) json_string(json, entry->cname[i]);
    json_array_end(json);
    if (has_ttl(judgement))
        json_key_uint(json, "ttl", entry->ttl_s);
    else
        json_key_null(json, "ttl");
    json_key_text(json, "dnssec", judgement->is_given ? NULL : dnssec_state_word(entry->dnssec));
    json_key_uint(json, "records", entry->records_seen);
    write_key(json, judgement);
    write_tags(json, judgement);
    json_key_text(json, "state", key_state_word(judgement->state));
    json_key(json, "findings");
    finding_write_json(json, &judgement->findings);
    json_key_text(json, "dns", dns_status_word(entry->status));
    if (judgement->key != NULL)
        json_key_string(json, "record", judgement->key->text);
    else
        json_key_null(json, "record");
    json_object_end(json);
}

static void write_pair(struct json *json, const struct key_pair_judgement *pair) {
    json_key(json, "pair");
    if (pair == NULL) {
        json_null(json);
        return;
    }
    json_object(json);
    json_key_text(json, "state", key_state_word(pair->state));
    if (pair->code != 0)
        json_key_uint(json, "code", pair->code);
    else
        json_key_null(json, "code");
    json_key(json, "findings");
    finding_write_json(json, &pair->findings);
    json_object_end(json);
}

void key_report_write_json(struct json *json, const struct key_report *report) {
    json_object(json);
    json_key_string(json, "domain", report->domain);
    json_key(json, "selectors");
    json_array(json);
    for (size_t i = 0; i < report->count; i++) write_selector(json, &report->judgement[i]);
    json_array_end(json);
    write_pair(json, report->pair);
    json_key(json, "findings");
    json_array(json);
    json_array_end(json);
    json_object_end(json);
}

/* --- text -------------------------------------------------------------------------------------------------------- */

static void append_state(struct bytes *out, enum key_state state, struct report_style style) {
    static const enum report_mood moods[] = {
        [KEY_STATE_SET] = MOOD_GOOD,    [KEY_STATE_TO_SET] = MOOD_BAD,   [KEY_STATE_TO_FIX] = MOOD_BAD,
        [KEY_STATE_REVOKED] = MOOD_BAD, [KEY_STATE_UNUSABLE] = MOOD_BAD, [KEY_STATE_UNKNOWN] = MOOD_DOUBTFUL};
    const char *word = key_state_word(state);
    bytes_append_text(out, "  ");
    report_append_word(out, word != NULL ? word : "?", moods[state], style);
}

static void append_phrase(struct bytes *out, enum report_phrase phrase, struct report_style style,
                          const struct phrase_value *values, size_t count) {
    bytes_append_text(out, ", ");
    phrase_append(out, report_phrase(phrase), style.language, values, count);
}

static void append_selector(struct bytes *out, const struct key_judgement *judgement, struct report_style style) {
    const struct key_entry *entry = judgement->entry;
    char bits[16];
    append_state(out, judgement->state, style);
    bytes_append_char(out, ' ');
    phrase_append_printable(out, judgement->name);
    if (entry->cname_count > 0) {
        struct phrase_value target = {"target", entry->cname[0]};
        append_phrase(out, PHRASE_CNAME, style, &target, 1);
    }
    if (judgement->key != NULL && judgement->key->bits > 0) {
        snprintf(bits, sizeof bits, "%u", judgement->key->bits);
        struct phrase_value values[] = {{"bits", span_of(bits)},
                                        {"type", span_of(key_algorithm_word(judgement->key->algorithm))}};
        append_phrase(out, PHRASE_KEY, style, values, 2);
    }
    if (!judgement->is_given) {
        struct phrase_value state = {"state", span_of(dnssec_state_word(entry->dnssec))};
        append_phrase(out, PHRASE_DNSSEC, style, &state, 1);
    }
    if (has_ttl(judgement)) bytes_append_format(out, ", TTL %u s", entry->ttl_s);
    bytes_append_char(out, '\n');
    finding_write_text(out, &judgement->findings, style);
}

void key_report_write_text(struct bytes *out, const struct key_report *report, struct report_style style) {
    phrase_append_printable(out, report->domain);
    bytes_append_char(out, '\n');
    for (size_t i = 0; i < report->count; i++) append_selector(out, &report->judgement[i], style);
    if (report->pair == NULL) return;
    append_state(out, report->pair->state, style);
    bytes_append_char(out, ' ');
    phrase_append(out, report_phrase(PHRASE_PAIR), style.language, NULL, 0);
    if (report->pair->code != 0) bytes_append_format(out, " (%u)", report->pair->code);
    bytes_append_char(out, '\n');
    finding_write_text(out, &report->pair->findings, style);
}
