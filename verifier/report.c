#include "verifier/report.h"
#include <stdio.h>
#include "verifier/auth_results_dkim.h"

#define REPORT_PHRASE(id, en, fr) [id] = {{[LANGUAGE_EN] = en, [LANGUAGE_FR] = fr}},
static const struct phrase phrases[REPORT_PHRASE_COUNT] = {
#include "verifier/report_phrases.def"
};
#undef REPORT_PHRASE

#define CODE_TEXT(code, why_en, cure_en, why_fr, cure_fr)                                                              \
    [code] = {{{[LANGUAGE_EN] = why_en, [LANGUAGE_FR] = why_fr}}, {{[LANGUAGE_EN] = cure_en, [LANGUAGE_FR] = cure_fr}}},
static const struct {
    struct phrase why, cure;
} code_texts[DKIM_CODE_COUNT] = {
#include "verifier/code_texts.def"
};
#undef CODE_TEXT

#define ARC_TEXT(code, en, fr) [code] = {{[LANGUAGE_EN] = en, [LANGUAGE_FR] = fr}},
static const struct phrase arc_texts[ARC_CODE_COUNT] = {
#include "verifier/arc_texts.def"
};
#undef ARC_TEXT

const struct phrase *report_phrase(enum report_phrase phrase) { return &phrases[phrase]; }
const struct phrase *report_code_why(enum dkim_code code) { return &code_texts[code].why; }
const struct phrase *report_code_cure(enum dkim_code code) { return &code_texts[code].cure; }

/* When both parts changed, two codes say so; the result carries the first only. */
static size_t codes_of(const struct dkim_result *result, enum dkim_code codes[2]) {
    codes[0] = result->code;
    codes[1] = DKIM_SIGNATURE_MISMATCH;
    bool body_failed = result->code == DKIM_BODY_HASH_MISMATCH || result->code == DKIM_BODY_TOO_SHORT;
    return body_failed && result->header_part == PART_CHANGED ? 2 : 1;
}

/* --- JSON -------------------------------------------------------------------------------------------------------- */

static void write_optional(struct json *json, const char *key, struct span value) {
    if (value.len > 0)
        json_key_string(json, key, value);
    else
        json_key_null(json, key);
}

static void write_optional_number(struct json *json, const char *key, bool has, int64_t value) {
    if (has)
        json_key_int(json, key, value);
    else
        json_key_null(json, key);
}

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
    write_optional_number(json, "key_bits", result->key_bits > 0, result->key_bits);
    json_key_text(json, "dnssec", result->has_key_answer ? dnssec_state_word(result->dnssec) : NULL);
}

static void write_parts(struct json *json, const struct dkim_result *result) {
    bool knows_octets = result->body_part != PART_UNKNOWN || result->has_unsigned_octets;
    json_key_text(json, "body_part", part_state_word(result->body_part));
    json_key_text(json, "header_part", part_state_word(result->header_part));
    write_optional_number(json, "unsigned_octets", knows_octets, (int64_t)result->unsigned_octets);
}

static void write_additions(struct json *json, const struct dkim_result *result) {
    write_codes(json, result);
    write_optional(json, "detail", result->detail);
    json_key_bool(json, "testing", result->testing);
    json_key_bool(json, "weak", result->weak);
    write_cname(json, result);
    json_key_uint(json, "records", result->records_tried);
    write_optional_number(json, "timestamp", result->has_timestamp, result->timestamp_s);
    write_optional_number(json, "expiration", result->has_expiration, result->expiration_s);
}

static void write_dkim(struct json *json, const struct message_result *message, const struct dkim_result *result) {
    json_object(json);
    json_key_text(json, "result", auth_result_word(result->result));
    json_key_text(json, "code", dkim_code_word(result->code));
    write_optional(json, "domain", result->domain);
    write_optional(json, "selector", result->selector);
    write_optional(json, "auid", result->auid);
    write_optional(json, "algorithm", result->algorithm);
    write_optional(json, "canonicalization", result->canonicalization);
    write_key_facts(json, result);
    json_key_bool(json, "aligned", result->aligned);
    write_parts(json, result);
    write_optional(json, "signature", auth_results_signature_prefix(message, result->signature));
    write_additions(json, result);
    json_object_end(json);
}

static void write_arc(struct json *json, const struct arc_result *arc) {
    json_key(json, "arc");
    if (!arc->is_evaluated) {
        json_null(json);
        return;
    }
    json_object(json);
    json_key_text(json, "result", auth_result_word(arc->result));
    json_key_uint(json, "sets", arc->sets);
    write_optional_number(json, "oldest_pass", arc->has_oldest_pass, arc->oldest_pass);
    json_key_text(json, "code", arc_code_word(arc->code));
    write_optional_number(json, "failed_set", arc->failed_set > 0, arc->failed_set);
    write_optional(json, "sealer", arc->sealer);
    json_key_bool(json, "trusted", arc->is_trusted);
    json_key_text(json, "dnssec", arc->has_key_answer ? dnssec_state_word(arc->dnssec) : NULL);
    json_object_end(json);
}

/* Each field of fields, which may be none, as a string without its final CRLF. */
static void write_fields(struct json *json, struct span fields) {
    for (size_t line = 0; line < fields.len;) {
        line += span_find(span_after(fields, line), '\n') + 1;
        if (line > fields.len) return; /* ours all end in CRLF */
        if (line < fields.len && (fields.ptr[line] == ' ' || fields.ptr[line] == '\t')) continue; /* a fold */
        json_string(json, span_first(fields, line - 2));
        fields = span_after(fields, line);
        line = 0;
    }
}

void report_write_json(struct json *json, const struct report_message *message) {
    const struct message_result *result = message->result;
    json_object(json);
    json_key_string(json, "file", message->file);
    json_key_uint(json, "size", result->size);
    json_key(json, "dkim");
    json_array(json);
    for (size_t i = 0; i < result->dkim_count; i++) write_dkim(json, result, &result->dkim[i]);
    json_array_end(json);
    write_arc(json, &result->arc);
    json_key_null(json, "spf");
    json_key_null(json, "dmarc");
    json_key_null(json, "iprev");
    json_key(json, "headers");
    json_array(json);
    write_fields(json, message->our_field);
    write_fields(json, message->seal);
    json_array_end(json);
    json_key_null(json, "action");
    json_key(json, "findings");
    json_array(json);
    json_array_end(json);
    json_object_end(json);
}

/* --- text -------------------------------------------------------------------------------------------------------- */

void report_append_word(struct bytes *out, const char *word, enum report_mood mood, struct report_style style) {
    static const char *const colours[] = {
        [MOOD_GOOD] = "\x1b[32m", [MOOD_DOUBTFUL] = "\x1b[33m", [MOOD_BAD] = "\x1b[31m", [MOOD_PLAIN] = ""};
    bool colour = style.colour && mood != MOOD_PLAIN;
    bytes_append_format(out, "%s%-9s%s", colour ? colours[mood] : "", word, colour ? "\x1b[0m" : "");
}

void report_append_line(struct bytes *out, enum report_phrase head, const struct phrase *sentence,
                        struct report_style style, const struct phrase_value *values, size_t count) {
    if (sentence->text[style.language][0] == '\0') return;
    bytes_append_format(out, "      %s ", phrases[head].text[style.language]);
    phrase_append(out, sentence, style.language, values, count);
    bytes_append_char(out, '\n');
}

static enum report_mood mood_of(enum auth_result result) {
    switch (result) {
    case RESULT_PASS: return MOOD_GOOD;
    case RESULT_NEUTRAL:
    case RESULT_TEMPERROR: return MOOD_DOUBTFUL;
    case RESULT_NONE: return MOOD_PLAIN;
    default: return MOOD_BAD;
    }
}

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
    phrase_append(out, &phrases[phrase], facts->style.language, facts->values,
                  sizeof facts->values / sizeof *facts->values);
}

static void append_line(struct bytes *out, const struct facts *facts, enum report_phrase head,
                        const struct phrase *sentence) {
    report_append_line(out, head, sentence, facts->style, facts->values, sizeof facts->values / sizeof *facts->values);
}

static void append_summary(struct bytes *out, const struct facts *facts) {
    const struct dkim_result *result = facts->result;
    bytes_append_text(out, "  ");
    report_append_word(out, auth_result_word(result->result), mood_of(result->result), facts->style);
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
        append_line(out, facts, PHRASE_NOTE, &phrases[PHRASE_DETAIL]);
    if (result->result != RESULT_FAIL) return;
    if (result->header_part == PART_INTACT) append_line(out, facts, PHRASE_NOTE, &phrases[PHRASE_HEADER_INTACT]);
    if (result->body_part == PART_INTACT) append_line(out, facts, PHRASE_NOTE, &phrases[PHRASE_BODY_INTACT]);
}

static void append_notes(struct bytes *out, const struct facts *facts) {
    const struct dkim_result *result = facts->result;
    if (result->weak && result->code != DKIM_KEY_TOO_SMALL) append_line(out, facts, PHRASE_NOTE, &phrases[PHRASE_WEAK]);
    if (result->testing) append_line(out, facts, PHRASE_NOTE, &phrases[PHRASE_TESTING]);
    if (result->has_unsigned_octets && result->unsigned_octets > 0 && result->code != DKIM_BODY_UNSIGNED_OCTETS)
        append_line(out, facts, PHRASE_NOTE, &phrases[PHRASE_UNSIGNED]);
    if (result->records_tried > 1) append_line(out, facts, PHRASE_NOTE, &phrases[PHRASE_SEVERAL_RECORDS]);
}

static void append_signature(struct bytes *out, const struct dkim_result *result, struct report_style style) {
    struct facts facts;
    gather_facts(&facts, result, style);
    append_summary(out, &facts);
    if (result->result != RESULT_PASS) append_reasons(out, &facts);
    append_notes(out, &facts);
    bytes_release(&facts.name);
}

static void append_unsigned_message(struct bytes *out, struct report_style style) {
    bytes_append_text(out, "  ");
    report_append_word(out, auth_result_word(RESULT_NONE), MOOD_PLAIN, style);
    bytes_append_text(out, " dkim\n");
    report_append_line(out, PHRASE_WHY, &code_texts[DKIM_NO_SIGNATURE].why, style, NULL, 0);
    report_append_line(out, PHRASE_CURE, &code_texts[DKIM_NO_SIGNATURE].cure, style, NULL, 0);
}

static void append_arc_notes(struct bytes *out, const struct arc_result *arc, struct report_style style,
                             const struct phrase_value *values, size_t count) {
    if (arc->result != RESULT_PASS) report_append_line(out, PHRASE_WHY, &arc_texts[arc->code], style, values, count);
    if (arc->failed_set > 0) report_append_line(out, PHRASE_NOTE, &phrases[PHRASE_ARC_AT], style, values, count);
    if (arc->oldest_pass > 0) report_append_line(out, PHRASE_NOTE, &phrases[PHRASE_ARC_CHANGED], style, values, count);
    if (arc->is_trusted) report_append_line(out, PHRASE_NOTE, &phrases[PHRASE_ARC_TRUSTED], style, values, count);
}

/* Nothing about a message without ARC: most have none, and need none. */
static void append_arc(struct bytes *out, const struct arc_result *arc, struct report_style style) {
    char sets[16], set[16], oldest[16];
    if (!arc->is_evaluated || arc->code == ARC_NO_SETS) return;
    snprintf(sets, sizeof sets, "%u", arc->sets);
    snprintf(set, sizeof set, "%u", arc->failed_set);
    snprintf(oldest, sizeof oldest, "%u", arc->oldest_pass);
    const struct phrase_value values[] = {
        {"sets", span_of(sets)}, {"set", span_of(set)}, {"oldest", span_of(oldest)}, {"domain", arc->sealer}};
    size_t count = sizeof values / sizeof *values;
    bytes_append_text(out, "  ");
    report_append_word(out, auth_result_word(arc->result), mood_of(arc->result), style);
    bytes_append_text(out, " arc ");
    if (arc->sealer.len > 0) phrase_append_printable(out, arc->sealer);
    else bytes_append_char(out, '-');
    bytes_append_text(out, ", ");
    phrase_append(out, &phrases[arc->sets == 1 ? PHRASE_ARC_SET : PHRASE_ARC_SETS], style.language, values, count);
    bytes_append_char(out, '\n');
    append_arc_notes(out, arc, style, values, count);
}

static void append_authors(struct bytes *out, const struct message_result *result, struct report_style style) {
    char count[24];
    size_t authors = result->from_fields > result->from_addresses ? result->from_fields : result->from_addresses;
    if (authors < 2) return;
    snprintf(count, sizeof count, "%zu", authors);
    struct phrase_value value = {"count", span_of(count)};
    report_append_line(out, PHRASE_NOTE, &phrases[PHRASE_SEVERAL_FROM], style, &value, 1);
}

void report_write_text(struct bytes *out, const struct report_message *message, struct report_style style) {
    const struct message_result *result = message->result;
    phrase_append_printable(out, message->file);
    bytes_append_char(out, '\n');
    if (result->dkim_count == 0) append_unsigned_message(out, style);
    for (size_t i = 0; i < result->dkim_count; i++) append_signature(out, &result->dkim[i], style);
    append_arc(out, &result->arc, style);
    append_authors(out, result, style);
}
