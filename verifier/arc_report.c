#include "verifier/arc_report.h"
#include <stdio.h>

#define ARC_TEXT(code, why_en, cure_en, why_fr, cure_fr)                                                               \
    [code] = {{{[LANGUAGE_EN] = why_en, [LANGUAGE_FR] = why_fr}}, {{[LANGUAGE_EN] = cure_en, [LANGUAGE_FR] = cure_fr}}},
static const struct {
    struct phrase why, cure;
} texts[ARC_CODE_COUNT] = {
#include "verifier/arc_texts.def"
};
#undef ARC_TEXT

const struct phrase *arc_code_why(enum arc_code code) { return &texts[code].why; }
const struct phrase *arc_code_cure(enum arc_code code) { return &texts[code].cure; }

void arc_report_write_json(struct json *json, const struct arc_result *arc) {
    json_object(json);
    json_key_text(json, "result", auth_result_word(arc->result));
    json_key_uint(json, "sets", arc->sets);
    report_write_optional_number(json, "oldest_pass", arc->has_oldest_pass, arc->oldest_pass);
    json_key_text(json, "code", arc_code_word(arc->code));
    report_write_optional_number(json, "failed_set", arc->failed_set > 0, arc->failed_set);
    report_write_optional(json, "sealer", arc->sealer);
    json_key_bool(json, "trusted", arc->is_trusted);
    json_key_text(json, "dnssec", arc->has_key_answer ? dnssec_state_word(arc->dnssec) : NULL);
    json_object_end(json);
}

static void append_arc_notes(struct bytes *out, const struct arc_result *arc, struct report_style style,
                             const struct phrase_value *values, size_t count) {
    if (arc->result != RESULT_PASS) {
        report_append_line(out, PHRASE_WHY, arc_code_why(arc->code), style, values, count);
        report_append_line(out, PHRASE_CURE, arc_code_cure(arc->code), style, values, count);
    }
    if (arc->failed_set > 0) report_append_line(out, PHRASE_NOTE, report_phrase(PHRASE_ARC_AT), style, values, count);
    if (arc->oldest_pass > 0) report_append_line(out, PHRASE_NOTE, report_phrase(PHRASE_ARC_CHANGED), style, values, count);
    if (arc->is_trusted) report_append_line(out, PHRASE_NOTE, report_phrase(PHRASE_ARC_TRUSTED), style, values, count);
}

void arc_report_write_text(struct bytes *out, const struct arc_result *arc, struct report_style style) {
    char sets[16], set[16], oldest[16];
    snprintf(sets, sizeof sets, "%u", arc->sets);
    snprintf(set, sizeof set, "%u", arc->failed_set);
    snprintf(oldest, sizeof oldest, "%u", arc->oldest_pass);
    const struct phrase_value values[] = {
        {"sets", span_of(sets)}, {"set", span_of(set)}, {"oldest", span_of(oldest)}, {"domain", arc->sealer}};
    size_t count = sizeof values / sizeof *values;
    bytes_append_text(out, "  ");
    report_append_word(out, auth_result_word(arc->result), report_mood_of(arc->result), style);
    bytes_append_text(out, " arc ");
    if (arc->sealer.len > 0) phrase_append_printable(out, arc->sealer);
    else bytes_append_char(out, '-');
    bytes_append_text(out, ", ");
    phrase_append(out, report_phrase(arc->sets == 1 ? PHRASE_ARC_SET : PHRASE_ARC_SETS), style.language, values, count);
    bytes_append_char(out, '\n');
    append_arc_notes(out, arc, style, values, count);
}
