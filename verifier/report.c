#include "verifier/report.h"

#define REPORT_PHRASE(id, en, fr) [id] = {{[LANGUAGE_EN] = en, [LANGUAGE_FR] = fr}},
static const struct phrase phrases[REPORT_PHRASE_COUNT] = {
#include "verifier/report_phrases.def"
};
#undef REPORT_PHRASE

const struct phrase *report_phrase(enum report_phrase phrase) { return &phrases[phrase]; }

void report_write_optional(struct json *json, const char *key, struct span value) {
    if (value.len > 0)
        json_key_string(json, key, value);
    else
        json_key_null(json, key);
}

void report_write_optional_number(struct json *json, const char *key, bool has, int64_t value) {
    if (has)
        json_key_int(json, key, value);
    else
        json_key_null(json, key);
}

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

enum report_mood report_mood_of(enum auth_result result) {
    switch (result) {
    case RESULT_PASS: return MOOD_GOOD;
    case RESULT_NEUTRAL:
    case RESULT_SOFTFAIL:
    case RESULT_TEMPERROR: return MOOD_DOUBTFUL;
    case RESULT_NONE: return MOOD_PLAIN;
    default: return MOOD_BAD;
    }
}
