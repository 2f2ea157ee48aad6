#include "verifier/results_report.h"

enum { VALUES = 6, SENTENCE_MAX = 8192 };

#define RESULTS_TEXT(method, result, en, fr) {method, result, {{[LANGUAGE_EN] = en, [LANGUAGE_FR] = fr}}},
static const struct {
    const char *method, *result;
    struct phrase phrase;
} texts[] = {
#include "verifier/results_texts.def"
};
#undef RESULTS_TEXT

const struct phrase *results_report_phrase(struct span method, struct span result) {
    size_t count = sizeof texts / sizeof *texts;
    for (size_t i = 0; i < count; i++) {
        bool any_method = texts[i].method[0] == '\0', any_result = texts[i].result[0] == '\0';
        if ((any_method || span_is(method, texts[i].method)) && (any_result || span_is(result, texts[i].result)))
            return &texts[i].phrase;
    }
    return &texts[count - 1].phrase; /* the last row stands for all */
}

static bool is_claim(const struct auth_results *read) { return read->authserv_id.len == 0; }

/* --- what a result speaks of ------------------------------------------------------------------------------------- */

static struct span property(const struct auth_results_info *info, const char *ptype, const char *name) {
    for (size_t i = 0; i < info->prop_count; i++)
        if (span_is(info->prop[i].ptype, ptype) && span_is(info->prop[i].property, name)) return info->prop[i].value;
    return (struct span){NULL, 0};
}

static struct span first_of(struct span a, struct span b) { return a.len > 0 ? a : b.len > 0 ? b : span_of("?"); }

static struct span domain_of(const struct auth_results_info *info) {
    struct span auid = property(info, "header", "i");
    size_t at = span_find(auid, '@');
    struct span host = at < auid.len ? span_after(auid, at + 1) : (struct span){NULL, 0};
    return first_of(property(info, "header", "d"), host);
}

static struct span checked(const struct auth_results_info *info) {
    struct span envelope = first_of(property(info, "smtp", "mailfrom"), property(info, "smtp", "helo"));
    return span_is(info->method, "dmarc") ? first_of(property(info, "header", "from"), envelope) : envelope;
}

static void fill_values(const struct auth_results *read, const struct auth_results_info *info,
                        struct phrase_value values[VALUES]) {
    values[0] = (struct phrase_value){"name", is_claim(read) ? span_of("?") : read->authserv_id};
    values[1] = (struct phrase_value){"method", info->method};
    values[2] = (struct phrase_value){"result", info->result};
    values[3] = (struct phrase_value){"domain", domain_of(info)};
    values[4] = (struct phrase_value){"selector", first_of(property(info, "header", "s"), (struct span){NULL, 0})};
    values[5] = (struct phrase_value){"text", checked(info)};
}

static void find_faults(const struct results_paste *paste, struct finding_list *findings) {
    *findings = (struct finding_list){.count = 0};
    if (!paste->is_arc || (paste->has_message_signature && paste->has_seal)) return;
    if (!paste->has_message_signature && !paste->has_seal) {
        finding_add(findings, FINDING_ARC_ALONE);
        return;
    }
    finding_add_text(finding_add(findings, FINDING_ARC_WITHOUT), "text",
                     span_of(paste->has_seal ? "ARC-Message-Signature" : "ARC-Seal"));
}

/* --- JSON -------------------------------------------------------------------------------------------------------- */

static void write_props(struct json *json, const struct auth_results_info *info) {
    json_key(json, "props");
    json_array(json);
    for (size_t i = 0; i < info->prop_count; i++) {
        json_object(json);
        report_write_optional(json, "ptype", info->prop[i].ptype);
        json_key_string(json, "property", info->prop[i].property);
        json_key_string(json, "value", info->prop[i].value);
        json_object_end(json);
    }
    json_array_end(json);
}

static void write_meaning(struct json *json, const struct auth_results *read, const struct auth_results_info *info) {
    struct bytes text = bytes_with_cap(SENTENCE_MAX);
    struct phrase_value values[VALUES];
    fill_values(read, info, values);
    json_key(json, "text");
    json_object(json);
    for (int language = LANGUAGE_COUNT - 1; language >= 0; language--) {
        bytes_clear(&text);
        phrase_append(&text, results_report_phrase(info->method, info->result), (enum language)language, values,
                      VALUES);
        json_key_string(json, language == LANGUAGE_FR ? "fr" : "en", bytes_span(&text));
    }
    json_object_end(json);
    bytes_release(&text);
}

static void write_result(struct json *json, const struct results_report *report, const struct auth_results_info *info) {
    json_object(json);
    json_key_string(json, "method", info->method);
    json_key_uint(json, "method_version", info->method_version);
    json_key_string(json, "result", info->result);
    json_key(json, "reason");
    if (info->has_reason)
        json_string(json, info->reason);
    else
        json_null(json);
    write_props(json, info);
    if (report->paste->is_arc) write_meaning(json, report->read, info);
    json_object_end(json);
}

void results_report_write_json(struct json *json, const struct results_report *report) {
    const struct auth_results *read = report->read;
    struct finding_list findings;
    json_object(json);
    if (is_claim(read))
        json_key_null(json, "authserv_id");
    else
        json_key_string(json, "authserv_id", read->authserv_id);
    if (is_claim(read) || report->paste->is_arc) json_key_bool(json, "claim", true);
    json_key_uint(json, "version", read->version);
    json_key(json, "results");
    json_array(json);
    for (size_t i = 0; i < read->count; i++) write_result(json, report, &read->info[i]);
    json_array_end(json);
    if (report->paste->is_arc) {
        find_faults(report->paste, &findings);
        report_write_optional_number(json, "instance", report->paste->instance > 0, report->paste->instance);
        json_key(json, "findings");
        finding_write_json(json, &findings);
    }
    json_object_end(json);
}

/* --- text -------------------------------------------------------------------------------------------------------- */

static void append_result(struct bytes *out, const struct auth_results_info *info) {
    bytes_append_text(out, "  ");
    phrase_append_printable(out, info->result);
    for (size_t pad = info->result.len; pad < 10; pad++) bytes_append_char(out, ' ');
    phrase_append_printable(out, info->method);
    if (info->has_reason) {
        bytes_append_text(out, " (");
        phrase_append_printable(out, info->reason);
        bytes_append_char(out, ')');
    }
    for (size_t p = 0; p < info->prop_count; p++) {
        bytes_append_text(out, p == 0 ? ": " : ", ");
        bytes_append(out, info->prop[p].ptype);
        if (info->prop[p].ptype.len > 0) bytes_append_char(out, '.');
        bytes_append(out, info->prop[p].property);
        bytes_append_char(out, '=');
        phrase_append_printable(out, info->prop[p].value);
    }
    bytes_append_char(out, '\n');
}

void results_report_write_text(struct bytes *out, const struct results_report *report, struct report_style style) {
    const struct auth_results *read = report->read;
    struct finding_list findings;
    struct phrase_value values[VALUES];
    if (is_claim(read))
        phrase_append(out, report_phrase(PHRASE_CLAIM), style.language, NULL, 0);
    else
        phrase_append_printable(out, read->authserv_id);
    bytes_append_text(out, read->count == 0 ? ": none\n" : "\n");
    for (size_t i = 0; i < read->count; i++) {
        append_result(out, &read->info[i]);
        if (is_claim(read)) continue;
        fill_values(read, &read->info[i], values);
        report_append_line(out, PHRASE_NOTE, results_report_phrase(read->info[i].method, read->info[i].result), style,
                           values, VALUES);
    }
    find_faults(report->paste, &findings);
    finding_write_text(out, &findings, style);
}
