#include "verifier/spf_report.h"

#define SPF_TEXT(code, why_en, cure_en, why_fr, cure_fr)                                                               \
    [code] = {{{[LANGUAGE_EN] = why_en, [LANGUAGE_FR] = why_fr}}, {{[LANGUAGE_EN] = cure_en, [LANGUAGE_FR] = cure_fr}}},
static const struct {
    struct phrase why, cure;
} texts[SPF_CODE_COUNT] = {
#include "verifier/spf_texts.def"
};
#undef SPF_TEXT

const struct phrase *spf_code_why(enum spf_code code) { return &texts[code].why; }
const struct phrase *spf_code_cure(enum spf_code code) { return &texts[code].cure; }

void spf_report_write_json(struct json *json, const struct spf_result *result) {
    json_object(json);
    json_key_text(json, "result", auth_result_word(result->result));
    report_write_optional(json, "explanation", result->explanation);
    json_key_text(json, "code", spf_code_word(result->code));
    json_key_uint(json, "lookups", result->lookups);
    json_key_text(json, "scope", spf_scope_word(result->scope));
    json_key_string(json, "identity", result->identity);
    report_write_optional(json, "domain", result->domain);
    report_write_optional(json, "mechanism", result->mechanism);
    report_write_optional(json, "detail", result->detail);
    json_key_uint(json, "void_lookups", result->void_lookups);
    json_key_text(json, "dnssec", result->domain.len > 0 ? dnssec_state_word(result->dnssec) : NULL);
    json_object_end(json);
}

static void write_line(struct bytes *out, const struct spf_result *result, struct report_style style) {
    const struct phrase_value values[] = {{"state", span_of(dnssec_state_word(result->dnssec))}};
    bytes_append_text(out, "  ");
    report_append_word(out, auth_result_word(result->result), report_mood_of(result->result), style);
    bytes_append_format(out, " spf %s ", spf_scope_word(result->scope));
    phrase_append_printable(out, result->identity);
    if (result->mechanism.len > 0) {
        bytes_append_text(out, ", ");
        phrase_append_printable(out, result->mechanism);
    }
    if (result->domain.len > 0) {
        bytes_append_text(out, ", ");
        phrase_append(out, report_phrase(PHRASE_DNSSEC), style.language, values, 1);
    }
    bytes_append_char(out, '\n');
}

void spf_report_write_text(struct bytes *out, const struct spf_result *result, struct report_style style) {
    static const struct phrase quote = {{[LANGUAGE_EN] = "\"{text}\"", [LANGUAGE_FR] = "« {text} »"}};
    const struct phrase_value values[] = {{"domain", result->domain},
                                          {"mechanism", result->mechanism},
                                          {"detail", result->detail},
                                          {"text", result->explanation}};
    size_t count = sizeof values / sizeof *values;
    write_line(out, result, style);
    if (result->explanation.len > 0) report_append_line(out, PHRASE_SENDER_SAYS, &quote, style, values, count);
    if (result->result == RESULT_PASS) return;
    report_append_line(out, PHRASE_WHY, spf_code_why(result->code), style, values, count);
    report_append_line(out, PHRASE_CURE, spf_code_cure(result->code), style, values, count);
}
