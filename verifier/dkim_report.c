#include "verifier/dkim_report.h"
#include <stdio.h>
#include "verifier/auth_results_dkim.h"

#define CODE_TEXT(code, why_en, cure_en, why_fr, cure_fr)                                                              \
    [code] = {{{[LANGUAGE_EN] = why_en, [LANGUAGE_FR] = why_fr}}, {{[LANGUAGE_EN] = cure_en, [LANGUAGE_FR] = cure_fr}}},
static const struct {
    struct phrase why, cure;
} code_texts[DKIM_CODE_COUNT] = {
#include "verifier/code_texts.def"
};
#undef CODE_TEXT

const struct phrase *dkim_code_why(enum dkim_code code) { return &code_texts[code].why; }
const struct phrase *dkim_code_cure(enum dkim_code code) { return &code_texts[code].cure; }

/* When both parts changed, two codes say so; the result carries the first only. */
static size_t codes_of(const struct dkim_result *result, enum dkim_code codes[2]) {
    codes[0] = result->code;
    codes[1] = DKIM_SIGNATURE_MISMATCH;
    bool body_failed = result->code == DKIM_BODY_HASH_MISMATCH || result->code == DKIM_BODY_TOO_SHORT;
    return body_failed && result->header_part == PART_CHANGED ? 2 : 1;
}

/* --- JSON --------------------------------------------------------------------------------------------------------- */

static void write_codes(struct json *json, const struct dkim_result *result) {
    enum dkim_code codes[2];
    size_t count = codes_of(result, codes);
    json_key(json, "codes");
    json_array(json);
    for (size_t i = 0; i < count; i++) json_text(json, dkim_code_word(codes[i]));
    json_array_end(json);
}

static void write_cname(struct json *json, const struct dkim_result *result) {
    json_key(json, "cname");
    json_array(json);
    for (size_t i = 0; i < result->cname_count; i++) json_string(json, result->cname[i]);
    json_array_end(json);
}

static void write_key_facts(struct json *json, const struct dkim_result *result) {
    report_write_optional_number(json, "key_bits", result->key_bits > 0, result->key_bits);
    json_key_text(json, "dnssec", result->has_key_answer ? dnssec_state_word(result->dnssec) : NULL);
}

static void write_parts(struct json *json, const struct dkim_result *result) {
    bool knows_octets = result->body_part != PART_UNKNOWN || result->has_unsigned_octets;
    json_key_text(json, "body_part", part_state_word(result->body_part));
    json_key_text(json, "header_part", part_state_word(result->header_part));
    report_write_optional_number(json, "unsigned_octets", knows_octets, (int64_t)result->unsigned_octets);
}

static void write_additions(struct json *json, const struct dkim_result *result) {
    write_codes(json, result);
    report_write_optional(json, "detail", result->detail);
    json_key_bool(json, "testing", result->testing);
    json_key_bool(json, "weak", result->weak);
    write_cname(json, result);
    json_key_uint(json, "records", result->records_tried);
    report_write_optional_number(json, "timestamp", result->has_timestamp, result->timestamp_s);
    report_write_optional_number(json, "expiration", result->has_expiration, result->expiration_s);
}

void dkim_report_write_json(struct json *json, const struct message_result *message, const struct dkim_result *result) {
    json_object(json);
    json_key_text(json, "result", auth_result_word(result->result));
    json_key_text(json, "code", dkim_code_word(result->code));
    report_write_optional(json, "domain", result->domain);
    report_write_optional(json, "selector", result->selector);
    report_write_optional(json, "auid", result->auid);
    report_write_optional(json, "algorithm", result->algorithm);
    report_write_optional(json, "canonicalization", result->canonicalization);
    write_key_facts(json, result);
    json_key_bool(json, "aligned", result->aligned);
    write_parts(json, result);
    report_write_optional(json, "signature", auth_results_signature_prefix(message, result->signature));
    write_additions(json, result);
    json_object_end(json);
}

/* --- text --------------------------------------------------------------------------------------------------------- */

/* What the sentences about one signature speak of. */
struct facts {
    const struct dkim_result *result;
    struct report_style style;
    struct bytes name; /* selector._domainkey.domain */
    char bits[16], octets[24], count[16];
    struct phrase_value values[9];
};

enum { NAME_MAX_OCTETS = 2048 };

static void gather_facts(struct facts *facts, const struct dkim_result *result, struct report_style style) {
    *facts = (struct facts){.result = result, .style = style, .name = bytes_with_cap(NAME_MAX_OCTETS)};
    bytes_append(&facts->name, result->selector);
    bytes_append_text(&facts->name, "._domainkey.");
    bytes_append(&facts->name, result->domain);
    snprintf(facts->bits, sizeof facts->bits, "%u", result->key_bits);
    snprintf(facts->octets, sizeof facts->octets, "%llu", (unsigned long long)result->unsigned_octets);
    snprintf(facts->count, sizeof facts->count, "%u", result->records_tried);
    const struct phrase_value values[] = {
        {"domain", result->domain},
        {"selector", result->selector},
        {"name", bytes_span(&facts->name)},
        {"bits", span_of(facts->bits)},
        {"octets", span_of(facts->octets)},
        {"count", span_of(facts->count)},
        {"type", span_of(key_algorithm_word(result->key_algorithm))},
        {"state", span_of(dnssec_state_word(result->dnssec))},
        {"text", result->detail},
    };
    _Static_assert(sizeof values == sizeof facts->values, "one place for each value");
    memcpy(facts->values, values, sizeof values);
}

static void append_fact(struct bytes *out, const struct facts *facts, enum report_phrase phrase) {
    bytes_append_text(out, ", ");
    phrase_append(out, report_phrase(phrase), facts->style.language, facts->values,
                  sizeof facts->values / sizeof *facts->values);
}

static void append_line(struct bytes *out, const struct facts *facts, enum report_phrase head,
                        const struct phrase *sentence) {
    report_append_line(out, head, sentence, facts->style, facts->values, sizeof facts->values / sizeof *facts->values);
}

static void append_summary(struct bytes *out, const struct facts *facts) {
    const struct dkim_result *result = facts->result;
    bytes_append_text(out, "  ");
    report_append_word(out, auth_result_word(result->result), report_mood_of(result->result), facts->style);
    bytes_append_text(out, " dkim ");
    if (result->domain.len > 0)
        phrase_append_printable(out, result->domain);
    else
        bytes_append_char(out, '-');
    if (result->selector.len > 0) append_fact(out, facts, PHRASE_SELECTOR);
    if (result->algorithm.len > 0) {
        bytes_append_text(out, ", ");
        phrase_append_printable(out, result->algorithm);
    }
    if (result->key_bits > 0) append_fact(out, facts, PHRASE_KEY);
    if (result->has_key_answer) append_fact(out, facts, PHRASE_DNSSEC);
    append_fact(out, facts, result->aligned ? PHRASE_ALIGNED : PHRASE_NOT_ALIGNED);
    bytes_append_char(out, '\n');
}

static void append_reasons(struct bytes *out, const struct facts *facts) {
    const struct dkim_result *result = facts->result;
    enum dkim_code codes[2];
    size_t count = codes_of(result, codes);
    for (size_t i = 0; i < count; i++) {
        append_line(out, facts, PHRASE_WHY, &code_texts[codes[i]].why);
        append_line(out, facts, PHRASE_CURE, &code_texts[codes[i]].cure);
    }
    if (result->detail.len > 0 && dkim_code_wants_detail(result->code))
        append_line(out, facts, PHRASE_NOTE, report_phrase(PHRASE_DETAIL));
    if (result->result != RESULT_FAIL) return;
    if (result->header_part == PART_INTACT) append_line(out, facts, PHRASE_NOTE, report_phrase(PHRASE_HEADER_INTACT));
    if (result->body_part == PART_INTACT) append_line(out, facts, PHRASE_NOTE, report_phrase(PHRASE_BODY_INTACT));
}

static void append_notes(struct bytes *out, const struct facts *facts) {
    const struct dkim_result *result = facts->result;
    if (result->weak && result->code != DKIM_KEY_TOO_SMALL) append_line(out, facts, PHRASE_NOTE, report_phrase(PHRASE_WEAK));
    if (result->testing) append_line(out, facts, PHRASE_NOTE, report_phrase(PHRASE_TESTING));
    if (result->has_unsigned_octets && result->unsigned_octets > 0 && result->code != DKIM_BODY_UNSIGNED_OCTETS)
        append_line(out, facts, PHRASE_NOTE, report_phrase(PHRASE_UNSIGNED));
    if (result->records_tried > 1) append_line(out, facts, PHRASE_NOTE, report_phrase(PHRASE_SEVERAL_RECORDS));
}

void dkim_report_write_text(struct bytes *out, const struct dkim_result *result, struct report_style style) {
    struct facts facts;
    gather_facts(&facts, result, style);
    append_summary(out, &facts);
    if (result->result != RESULT_PASS) append_reasons(out, &facts);
    append_notes(out, &facts);
    bytes_release(&facts.name);
}

void dkim_report_write_none(struct bytes *out, struct report_style style) {
    bytes_append_text(out, "  ");
    report_append_word(out, auth_result_word(RESULT_NONE), MOOD_PLAIN, style);
    bytes_append_text(out, " dkim\n");
    report_append_line(out, PHRASE_WHY, &code_texts[DKIM_NO_SIGNATURE].why, style, NULL, 0);
    report_append_line(out, PHRASE_CURE, &code_texts[DKIM_NO_SIGNATURE].cure, style, NULL, 0);
}
