#include "verifier/finding.h"
#include <assert.h>
#include <stdio.h>

enum { SENTENCE_MAX = 8192, NUMBER_MAX = 24 };

#define ERROR SEVERITY_ERROR
#define WARNING SEVERITY_WARNING
#define INFO SEVERITY_INFO
#define GOOD SEVERITY_GOOD
#define FINDING(id, name, severity, cause, en, cure_en, fr, cure_fr)                                                   \
    [id] = {name,                                                                                                      \
            severity,                                                                                                  \
            cause,                                                                                                     \
            {{[LANGUAGE_EN] = en, [LANGUAGE_FR] = fr}},                                                                \
            {{[LANGUAGE_EN] = cure_en, [LANGUAGE_FR] = cure_fr}}},
static const struct {
    const char *name;
    enum finding_severity severity;
    enum cause cause;
    struct phrase sentence, cure;
} kinds[FINDING_COUNT] = {
#include "verifier/findings.def"
#include "verifier/diagnosis_findings.def"
};
#undef FINDING

const char *finding_name(enum finding_id id) { return kinds[id].name; }
enum finding_severity finding_severity(enum finding_id id) { return kinds[id].severity; }
enum cause finding_cause(enum finding_id id) { return kinds[id].cause; }
const struct phrase *finding_sentence(enum finding_id id) { return &kinds[id].sentence; }
const struct phrase *finding_cure(enum finding_id id) { return &kinds[id].cure; }

struct finding *finding_add(struct finding_list *list, enum finding_id id) {
    if (list->count < FINDINGS_MAX) list->count++;
    struct finding *finding = &list->finding[list->count - 1];
    *finding = (struct finding){.id = id};
    return finding;
}

static struct finding_arg *add_arg(struct finding *finding, const char *name) {
    assert(finding->arg_count < FINDING_ARGS_MAX);
    struct finding_arg *arg = &finding->arg[finding->arg_count++];
    *arg = (struct finding_arg){.name = name};
    return arg;
}

void finding_add_text(struct finding *finding, const char *name, struct span text) {
    add_arg(finding, name)->text = text;
}

void finding_add_number(struct finding *finding, const char *name, uint64_t number) {
    struct finding_arg *arg = add_arg(finding, name);
    arg->is_number = true;
    arg->number = number;
}

/* The arguments as values for sentences; numbers are written into digits. */
static void fill_values(const struct finding *finding, struct phrase_value values[FINDING_ARGS_MAX],
                        char digits[FINDING_ARGS_MAX][NUMBER_MAX]) {
    for (size_t i = 0; i < finding->arg_count; i++) {
        const struct finding_arg *arg = &finding->arg[i];
        if (arg->is_number) snprintf(digits[i], NUMBER_MAX, "%llu", (unsigned long long)arg->number);
        values[i] = (struct phrase_value){arg->name, arg->is_number ? span_of(digits[i]) : arg->text};
    }
}

static void write_args(struct json *json, const struct finding *finding) {
    json_key(json, "args");
    json_object(json);
    for (size_t i = 0; i < finding->arg_count; i++) {
        const struct finding_arg *arg = &finding->arg[i];
        if (arg->is_number)
            json_key_uint(json, arg->name, arg->number);
        else
            json_key_string(json, arg->name, arg->text);
    }
    json_object_end(json);
}

static void write_sentences(struct json *json, const char *key, const struct phrase *phrase,
                            const struct phrase_value *values, size_t count) {
    static const char *const languages[] = {[LANGUAGE_EN] = "en", [LANGUAGE_FR] = "fr"};
    struct bytes text = bytes_with_cap(SENTENCE_MAX);
    json_key(json, key);
    json_object(json);
    for (int language = LANGUAGE_COUNT - 1; language >= 0; language--) {
        bytes_clear(&text);
        phrase_append(&text, phrase, (enum language)language, values, count);
        json_key_string(json, languages[language], bytes_span(&text));
    }
    json_object_end(json);
    bytes_release(&text);
}

static void write_evidence(struct json *json, const struct finding_evidence *evidence) {
    json_key(json, "evidence");
    json_object(json);
    report_write_optional(json, "field", evidence->field);
    json_key_uint(json, "offset", evidence->offset);
    json_key_string(json, "original", evidence->original);
    json_key_uint(json, "original_octets", evidence->original_octets);
    json_key_string(json, "received", evidence->received);
    json_key_uint(json, "received_octets", evidence->received_octets);
    json_object_end(json);
}

static void write_finding(struct json *json, const struct finding *finding) {
    static const char *const classes[] = {
        [FINDING_EXACT] = "exact", [FINDING_PROVED] = "proved", [FINDING_GUESS] = "guess"};
    static const char *const severities[] = {
        [SEVERITY_ERROR] = "error", [SEVERITY_WARNING] = "warning", [SEVERITY_INFO] = "info", [SEVERITY_GOOD] = "good"};
    struct phrase_value values[FINDING_ARGS_MAX];
    char digits[FINDING_ARGS_MAX][NUMBER_MAX];
    fill_values(finding, values, digits);
    json_object(json);
    json_key_text(json, "id", kinds[finding->id].name);
    json_key_text(json, "class", classes[finding->certainty]);
    json_key_text(json, "cause", cause_word(kinds[finding->id].cause));
    json_key_text(json, "severity", severities[kinds[finding->id].severity]);
    report_write_optional_number(json, "signature", finding->has_signature, (int64_t)finding->signature);
    write_args(json, finding);
    write_sentences(json, "text", &kinds[finding->id].sentence, values, finding->arg_count);
    write_sentences(json, "help", &kinds[finding->id].cure, values, finding->arg_count);
    if (finding->hop > 0) json_key_uint(json, "hop", finding->hop);
    if (finding->evidence.is_given) write_evidence(json, &finding->evidence);
    json_object_end(json);
}

void finding_write_json(struct json *json, const struct finding_list *list) {
    json_array(json);
    for (size_t i = 0; i < list->count; i++) write_finding(json, &list->finding[i]);
    json_array_end(json);
}

static void append_finding(struct bytes *out, const struct finding *finding, struct report_style style) {
    struct phrase_value values[FINDING_ARGS_MAX];
    char digits[FINDING_ARGS_MAX][NUMBER_MAX];
    fill_values(finding, values, digits);
    enum report_phrase head = kinds[finding->id].severity == SEVERITY_ERROR ? PHRASE_WHY : PHRASE_NOTE;
    if (kinds[finding->id].severity == SEVERITY_GOOD) head = PHRASE_GOOD;
    if (finding->certainty == FINDING_PROVED) head = PHRASE_PROVED;
    if (finding->certainty == FINDING_GUESS) head = PHRASE_PROBABLY;
    report_append_line(out, head, &kinds[finding->id].sentence, style, values, finding->arg_count);
    report_append_line(out, PHRASE_CURE, &kinds[finding->id].cure, style, values, finding->arg_count);
}

static void append_severity(struct bytes *out, const struct finding_list *list, enum finding_severity severity,
                            struct report_style style) {
    for (size_t i = 0; i < list->count; i++)
        if (kinds[list->finding[i].id].severity == severity) append_finding(out, &list->finding[i], style);
}

void finding_write_text(struct bytes *out, const struct finding_list *list, struct report_style style) {
    for (int severity = SEVERITY_ERROR; severity <= SEVERITY_INFO; severity++)
        append_severity(out, list, (enum finding_severity)severity, style);
}

void finding_write_good(struct bytes *out, const struct finding_list *list, struct report_style style) {
    append_severity(out, list, SEVERITY_GOOD, style);
}
