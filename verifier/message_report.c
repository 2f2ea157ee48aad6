#include "verifier/message_report.h"
#include <stdio.h>
#include "verifier/arc_report.h"
#include "verifier/dkim_report.h"
#include "verifier/dmarc_report.h"
#include "verifier/spf_report.h"

/* --- JSON --------------------------------------------------------------------------------------------------------- */

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

static void write_all_dkim(struct json *json, const struct message_result *result) {
    json_key(json, "dkim");
    json_array(json);
    for (size_t i = 0; i < result->dkim_count; i++) dkim_report_write_json(json, result, &result->dkim[i]);
    json_array_end(json);
}

static void write_all_spf(struct json *json, const struct message_result *result) {
    json_key(json, "spf");
    if (!result->spf[SPF_HELO].is_evaluated && !result->spf[SPF_MAIL_FROM].is_evaluated) {
        json_null(json);
        return;
    }
    json_array(json);
    for (size_t scope = 0; scope < SPF_SCOPE_COUNT; scope++)
        if (result->spf[scope].is_evaluated) spf_report_write_json(json, &result->spf[scope]);
    json_array_end(json);
}

static void write_iprev(struct json *json, const struct iprev_result *iprev) {
    json_object(json);
    json_key_text(json, "result", auth_result_word(iprev->result));
    json_key_string(json, "address", iprev->address);
    report_write_optional(json, "name", iprev->name);
    json_object_end(json);
}

void message_report_write_methods(struct json *json, const struct message_result *result) {
    write_all_dkim(json, result);
    json_key(json, "arc");
    if (result->arc.is_evaluated) arc_report_write_json(json, &result->arc);
    else json_null(json);
    write_all_spf(json, result);
    json_key(json, "dmarc");
    if (result->dmarc.is_evaluated) dmarc_report_write_json(json, &result->dmarc);
    else json_null(json);
    json_key(json, "iprev");
    if (result->iprev.is_evaluated) write_iprev(json, &result->iprev);
    else json_null(json);
}

static void write_action(struct json *json, const struct message_action *action) {
    json_key(json, "action");
    if (action == NULL) {
        json_null(json);
        return;
    }
    json_object(json);
    json_key_text(json, "verdict", action->verdict);
    report_write_optional(json, "rule", action->rule);
    report_write_optional_number(json, "code", action->code > 0, action->code);
    report_write_optional(json, "enhanced", action->enhanced);
    report_write_optional(json, "text", action->text);
    json_object_end(json);
}

void message_report_write_json(struct json *json, const struct message_report *report) {
    json_object(json);
    json_key_string(json, "file", report->file);
    json_key_uint(json, "size", report->result->size);
    message_report_write_methods(json, report->result);
    json_key(json, "headers");
    json_array(json);
    write_fields(json, report->our_field);
    write_fields(json, report->seal);
    json_array_end(json);
    write_action(json, report->action);
    static const struct finding_list nothing = {.count = 0};
    json_key(json, "findings");
    finding_write_json(json, report->findings != NULL ? report->findings : &nothing);
    json_object_end(json);
}

/* --- text --------------------------------------------------------------------------------------------------------- */

static void append_authors(struct bytes *out, const struct message_result *result, struct report_style style) {
    char count[24];
    size_t authors = result->from_fields > result->from_addresses ? result->from_fields : result->from_addresses;
    if (authors < 2) return;
    snprintf(count, sizeof count, "%zu", authors);
    struct phrase_value value = {"count", span_of(count)};
    report_append_line(out, PHRASE_NOTE, report_phrase(PHRASE_SEVERAL_FROM), style, &value, 1);
}

/* HELO's result is of interest where the reverse-path has none, or where it says something. */
static void append_spf(struct bytes *out, const struct message_result *result, struct report_style style) {
    const struct spf_result *helo = &result->spf[SPF_HELO], *mail_from = &result->spf[SPF_MAIL_FROM];
    if (helo->is_evaluated && (!mail_from->is_evaluated || helo->result != RESULT_NONE)) spf_report_write_text(out, helo, style);
    if (mail_from->is_evaluated) spf_report_write_text(out, mail_from, style);
}

static void append_iprev(struct bytes *out, const struct iprev_result *iprev, struct report_style style) {
    static const enum report_phrase why[AUTH_RESULT_COUNT] = {[RESULT_FAIL] = PHRASE_IPREV_FAIL,
                                                              [RESULT_PERMERROR] = PHRASE_IPREV_PERMERROR,
                                                              [RESULT_TEMPERROR] = PHRASE_IPREV_TEMPERROR};
    bytes_append_text(out, "  ");
    report_append_word(out, auth_result_word(iprev->result), report_mood_of(iprev->result), style);
    bytes_append_text(out, " iprev ");
    phrase_append_printable(out, iprev->address);
    if (iprev->name.len > 0) bytes_append_text(out, ", ");
    phrase_append_printable(out, iprev->name);
    bytes_append_char(out, '\n');
    if (why[iprev->result] == 0) return; /* none of these is the first phrase */
    report_append_line(out, PHRASE_WHY, report_phrase(why[iprev->result]), style, NULL, 0);
    if (iprev->result != RESULT_TEMPERROR)
        report_append_line(out, PHRASE_CURE, report_phrase(PHRASE_IPREV_CURE), style, NULL, 0);
}

static void append_action(struct bytes *out, const struct message_action *action, struct report_style style) {
    bytes_append_text(out, "  ");
    report_append_word(out, action->verdict, MOOD_PLAIN, style);
    struct phrase_value rule = {"rule", action->rule};
    bytes_append_char(out, ' ');
    if (action->code > 0) {
        bytes_append_format(out, "%u ", action->code);
        bytes_append(out, action->enhanced);
        bytes_append_text(out, " \"");
        phrase_append_printable(out, action->text);
        bytes_append_text(out, "\", ");
    }
    phrase_append(out, report_phrase(action->rule.len > 0 ? PHRASE_BY_RULE : PHRASE_BY_DEFAULT), style.language, &rule, 1);
    bytes_append_char(out, '\n');
}

void message_report_write_text(struct bytes *out, const struct message_report *report, struct report_style style) {
    const struct message_result *result = report->result;
    phrase_append_printable(out, report->file);
    bytes_append_char(out, '\n');
    if (result->dkim_count == 0) dkim_report_write_none(out, style);
    for (size_t i = 0; i < result->dkim_count; i++) dkim_report_write_text(out, &result->dkim[i], style);
    /* Nothing about a message without ARC: most have none, and need none. */
    if (result->arc.is_evaluated && result->arc.code != ARC_NO_SETS) arc_report_write_text(out, &result->arc, style);
    append_spf(out, result, style);
    if (result->dmarc.is_evaluated) dmarc_report_write_text(out, &result->dmarc, style);
    if (result->iprev.is_evaluated) append_iprev(out, &result->iprev, style);
    append_authors(out, result, style);
    if (report->action != NULL) append_action(out, report->action, style);
    if (report->findings == NULL || report->findings->count == 0) return;
    bytes_append_text(out, "  ");
    phrase_append(out, report_phrase(PHRASE_DIAGNOSIS), style.language, NULL, 0);
    bytes_append_char(out, '\n');
    finding_write_text(out, report->findings, style);
}
