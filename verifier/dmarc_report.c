#include "verifier/dmarc_report.h"

#define DMARC_TEXT(code, why_en, cure_en, why_fr, cure_fr)                                                             \
    [code] = {{{[LANGUAGE_EN] = why_en, [LANGUAGE_FR] = why_fr}}, {{[LANGUAGE_EN] = cure_en, [LANGUAGE_FR] = cure_fr}}},
static const struct {
    struct phrase why, cure;
} texts[DMARC_CODE_COUNT] = {
#include "verifier/dmarc_texts.def"
};
#undef DMARC_TEXT

const struct phrase *dmarc_code_why(enum dmarc_code code) { return &texts[code].why; }
const struct phrase *dmarc_code_cure(enum dmarc_code code) { return &texts[code].cure; }

/* Without an author nothing was asked. */
static bool has_answer(const struct dmarc_result *result) {
    return result->domain.len > 0 && result->code != DMARC_NO_MEMORY;
}

void dmarc_report_write_json(struct json *json, const struct dmarc_result *result) {
    json_object(json);
    json_key_text(json, "result", auth_result_word(result->result));
    report_write_optional(json, "domain", result->domain);
    report_write_optional(json, "organizational_domain", result->organizational_domain);
    json_key_text(json, "policy", dmarc_policy_word(result->policy));
    json_key_text(json, "disposition", dmarc_policy_word(result->disposition));
    json_key_text(json, "code", dmarc_code_word(result->code));
    report_write_optional(json, "policy_domain", result->policy_domain);
    json_key_bool(json, "dkim_aligned", result->dkim_aligned);
    json_key_bool(json, "spf_aligned", result->spf_aligned);
    json_key_bool(json, "testing", result->testing);
    json_key_text(json, "dnssec", has_answer(result) ? dnssec_state_word(result->dnssec) : NULL);
    json_object_end(json);
}

static void append_comma_phrase(struct bytes *out, enum report_phrase phrase, struct report_style style,
                                const struct phrase_value *values, size_t count) {
    bytes_append_text(out, ", ");
    phrase_append(out, report_phrase(phrase), style.language, values, count);
}

static void write_line(struct bytes *out, const struct dmarc_result *result, struct report_style style) {
    bool has_policy = result->policy != DMARC_POLICY_ABSENT;
    const struct phrase_value values[] = {
        {"policy", span_of(has_policy ? dmarc_policy_word(result->policy) : "")},
        {"policy_domain", result->policy_domain},
        {"disposition", span_of(dmarc_policy_word(result->disposition))},
        {"state", span_of(dnssec_state_word(result->dnssec))},
    };
    size_t count = sizeof values / sizeof *values;
    bytes_append_text(out, "  ");
    report_append_word(out, auth_result_word(result->result), report_mood_of(result->result), style);
    bytes_append_text(out, result->domain.len > 0 ? " dmarc " : " dmarc");
    phrase_append_printable(out, result->domain);
    if (has_policy) append_comma_phrase(out, PHRASE_DMARC_POLICY, style, values, count);
    if (result->result == RESULT_FAIL) append_comma_phrase(out, PHRASE_DMARC_DISPOSITION, style, values, count);
    if (result->dkim_aligned) append_comma_phrase(out, PHRASE_DMARC_BY_DKIM, style, values, count);
    if (result->spf_aligned) append_comma_phrase(out, PHRASE_DMARC_BY_SPF, style, values, count);
    if (has_answer(result)) append_comma_phrase(out, PHRASE_DNSSEC, style, values, count);
    bytes_append_char(out, '\n');
}

void dmarc_report_write_text(struct bytes *out, const struct dmarc_result *result, struct report_style style) {
    const struct phrase_value values[] = {{"domain", result->domain}, {"policy_domain", result->policy_domain}};
    write_line(out, result, style);
    if (result->testing) report_append_line(out, PHRASE_NOTE, report_phrase(PHRASE_DMARC_TESTING), style, values, 2);
    if (result->result == RESULT_PASS) return;
    report_append_line(out, PHRASE_WHY, dmarc_code_why(result->code), style, values, 2);
    report_append_line(out, PHRASE_CURE, dmarc_code_cure(result->code), style, values, 2);
}
