#include "http/tester_report_page.h"
#include <stdio.h>
#include <string.h>
#include "http/canonical_view.h"
#include "http/drawn_text.h"
#include "http/help_page.h"
#include "http/tester_rows.h"
#include "http/tester_tags.h"
#include "verifier/encoded_word.h"
#include "verifier/evidence.h"

enum { NUMBER_MAX = 24 };

static void begin_fold(struct bytes *out, enum language language, enum page_text text) {
    bytes_append_text(out, "<details><summary>");
    page_say(out, language, text);
    bytes_append_text(out, "</summary>\n");
}

/* --- findings --- */

/* Puts what stands around the change on both sides, where the canonical body has it once the change is found in there.
 */
static void widen(const struct tester_report *report, const struct finding *finding, struct bytes *room,
                  struct canonical_sides *sides) {
    if (report == NULL || !finding->has_signature || finding->evidence.field.len > 0) return;
    if (sides->received.len == 0 || sides->original_more > 0 || sides->received_more > 0) return;
    struct span body = report->signature[finding->signature].canonical_body.text;
    const char *at = body.len > 0 ? memmem(body.ptr, body.len, sides->received.ptr, sides->received.len) : NULL;
    if (at == NULL) return;
    bytes_append(room, span_first(body, (size_t)(at - body.ptr)));
    bytes_append(room, sides->original);
    bytes_append(room, span_after(body, (size_t)(at - body.ptr) + sides->received.len));
    if (room->failed) return;
    sides->original = bytes_span(room);
    sides->received = body;
}

static void write_evidence(struct bytes *out, enum language language, const struct tester_report *report,
                           const struct finding *finding) {
    const struct finding_evidence *evidence = &finding->evidence;
    struct bytes room = bytes_with_cap(TESTER_CANONICAL_MAX + 4 * EVIDENCE_MAX);
    struct canonical_sides sides = {
        .original = evidence->original,
        .received = evidence->received,
        .is_proved = finding->certainty == FINDING_PROVED,
        .original_more = evidence->original_octets - evidence->original.len,
        .received_more = evidence->received_octets - evidence->received.len,
    };
    bytes_append_text(out, "<details open><summary>");
    page_say(out, language, REPORT_COMPARE);
    bytes_append_text(out, "</summary>\n<p class=\"quiet\">");
    if (evidence->field.len > 0)
        page_say_with(out, language, REPORT_IN_FIELD, &(struct phrase_value){"name", evidence->field}, 1);
    else
        page_say_number(out, language, REPORT_IN_BODY, evidence->offset);
    bytes_append_text(out, "</p>\n");
    widen(report, finding, &room, &sides);
    canonical_view_write(out, language, &sides);
    bytes_append_text(out, "</details>\n");
    bytes_release(&room);
}

static enum tester_mood mood_of(enum finding_severity severity) {
    static const enum tester_mood of_severity[] = {[SEVERITY_ERROR] = TESTER_BAD,
                                                   [SEVERITY_WARNING] = TESTER_DOUBT,
                                                   [SEVERITY_INFO] = TESTER_PLAIN,
                                                   [SEVERITY_GOOD] = TESTER_GOOD};
    return of_severity[severity];
}

static void write_finding(struct bytes *out, enum language language, const struct tester_report *report,
                          const struct finding *finding) {
    const struct phrase *cure = finding_cure(finding->id);
    enum tester_mood mood = mood_of(finding_severity(finding->id));
    bytes_append_format(out, "<li class=\"%s\"><p>", tester_mood_word(mood));
    tester_mark_write(out, language, mood);
    bytes_append_text(out, "<strong>");
    tester_say_finding(out, language, finding, finding_sentence(finding->id));
    bytes_append_text(out, "</strong> <span class=\"quiet\">");
    if (finding->has_signature)
        page_say_number(out, language, REPORT_OF_SIGNATURE, finding->signature + 1), bytes_append_text(out, ", ");
    page_say(out, language, tester_certainty_text(finding->certainty));
    bytes_append_text(out, ", ");
    help_page_link_finding(out, language, finding->id);
    bytes_append_text(out, "</span></p>\n");
    if (cure->text[language][0] != '\0') {
        bytes_append_text(out, "<p>");
        tester_say_finding(out, language, finding, cure);
        bytes_append_text(out, "</p>\n");
    }
    if (finding->evidence.is_given) write_evidence(out, language, report, finding);
    bytes_append_text(out, "</li>\n");
}

static void write_severity(struct bytes *out, enum language language, const struct tester_report *report,
                           const struct finding_list *findings, enum finding_severity severity) {
    for (size_t i = 0; i < findings->count; i++)
        if (finding_severity(findings->finding[i].id) == severity)
            write_finding(out, language, report, &findings->finding[i]);
}

static bool has_any(const struct finding_list *findings, enum finding_severity severity) {
    for (size_t i = 0; i < findings->count; i++)
        if (finding_severity(findings->finding[i].id) == severity) return true;
    return false;
}

static void write_folded(struct bytes *out, enum language language, const struct tester_report *report,
                         const struct finding_list *findings, enum finding_severity severity, enum page_text title) {
    if (!has_any(findings, severity)) return;
    begin_fold(out, language, title);
    bytes_append_text(out, "<ul class=\"findings\">\n");
    write_severity(out, language, report, findings, severity);
    bytes_append_text(out, "</ul></details>\n");
}

void tester_findings_write(struct bytes *out, enum language language, const struct tester_report *report,
                           const struct finding_list *findings, bool says_when_none) {
    if (has_any(findings, SEVERITY_ERROR) || has_any(findings, SEVERITY_WARNING)) {
        bytes_append_text(out, "<ol class=\"findings\">\n");
        write_severity(out, language, report, findings, SEVERITY_ERROR);
        write_severity(out, language, report, findings, SEVERITY_WARNING);
        bytes_append_text(out, "</ol>\n");
    } else if (says_when_none) {
        bytes_append_text(out, "<p class=\"good\">");
        tester_mark_write(out, language, TESTER_GOOD);
        page_say(out, language, REPORT_NOTHING_TO_DO);
        bytes_append_text(out, "</p>\n");
    }
    write_folded(out, language, report, findings, SEVERITY_INFO, REPORT_NOTES);
    write_folded(out, language, report, findings, SEVERITY_GOOD, REPORT_RIGHT);
}

/* --- details of a signature --- */

static void write_signature_title(struct bytes *out, enum language language, const struct tester_report *report,
                                  size_t number) {
    bytes_append_text(out, "<h4>");
    page_say_number(out, language, REPORT_OF_SIGNATURE, number + 1);
    bytes_append_text(out, ": <code>");
    html_text(out, report->signature[number].result->domain);
    bytes_append_text(out, "</code></h4>\n");
}

static void write_tags(struct bytes *out, enum language language, const struct tester_report *report) {
    begin_fold(out, language, REPORT_TAGS);
    for (size_t i = 0; i < report->signature_count; i++) {
        const struct tester_signature *signature = &report->signature[i];
        write_signature_title(out, language, report, i);
        if (signature->tag_count == 0) {
            bytes_append_text(out, "<p>");
            page_say(out, language, REPORT_NO_TAGS);
            bytes_append_text(out, "</p>\n");
            continue;
        }
        tester_tags_begin(out, language);
        for (size_t j = 0; j < signature->tag_count; j++)
            tester_tags_write(out, language, TAG_TEXT_SIGNATURE, signature->tag[j].name, signature->tag[j].value);
        tester_tags_end(out);
    }
    bytes_append_text(out, "</details>\n");
}

/* Drawn, a line a line. The figure can be reached by keyboard, since it may scroll. */
static void write_drawn(struct bytes *out, enum language language, const struct tester_text *text,
                        enum page_text title) {
    if (text->text.len == 0) return;
    bytes_append_text(out, "<p class=\"quiet\">");
    page_say(out, language, title);
    bytes_append_text(out, "</p>\n<pre class=\"drawn\">");
    for (struct span rest = text->text; rest.len > 0;) {
        size_t end = span_find(rest, '\n');
        size_t len = end < rest.len ? end + 1 : rest.len;
        drawn_text_write(out, span_first(rest, len));
        bytes_append_char(out, '\n');
        rest = span_after(rest, len);
    }
    bytes_append_text(out, "</pre>\n");
    if (text->octets > text->text.len) {
        bytes_append_text(out, "<p class=\"quiet\">");
        page_say_number(out, language, REPORT_CUT, text->octets);
        bytes_append_text(out, "</p>\n");
    }
}

static void write_canonical(struct bytes *out, enum language language, const struct tester_report *report) {
    begin_fold(out, language, REPORT_CANONICAL);
    for (size_t i = 0; i < report->signature_count; i++) {
        write_signature_title(out, language, report, i);
        write_drawn(out, language, &report->signature[i].canonical_header, REPORT_CANONICAL_HEADER);
        write_drawn(out, language, &report->signature[i].canonical_body, REPORT_CANONICAL_BODY);
    }
    bytes_append_text(out, "</details>\n");
}

/* --- the way --- */

static void write_step(struct bytes *out, const struct tester_step *step) {
    const struct span cells[] = {step->from, step->by, step->with};
    bytes_append_text(out, "<tr>");
    for (size_t i = 0; i < sizeof cells / sizeof *cells; i++) {
        bytes_append_text(out, "<td>");
        html_text(out, cells[i]);
        bytes_append_text(out, "</td>");
    }
    bytes_append_text(out, "<td>");
    html_time(out, step->has_time ? step->time_s : 0);
    bytes_append_text(out, "</td></tr>\n");
}

static void write_steps(struct bytes *out, enum language language, const struct tester_report *report) {
    static const enum page_text heads[] = {REPORT_STEP_FROM, REPORT_STEP_BY, REPORT_STEP_WITH, REPORT_STEP_TIME};
    if (report->step_count == 0) return;
    begin_fold(out, language, REPORT_STEPS);
    tester_tags_heads(out, language, heads, sizeof heads / sizeof *heads);
    for (size_t i = 0; i < report->step_count; i++) write_step(out, &report->step[i]);
    tester_tags_end(out);
    bytes_append_text(out, "</details>\n");
}

/* --- the whole --- */

/* As a mail program shows it, but for charsets. Not where addresses are masked: what is encoded was not looked into. */
static void write_decoded(struct bytes *out, struct span text, bool is_masked) {
    struct bytes decoded = bytes_with_cap(text.len);
    bool is_decoded = !is_masked && encoded_word_present(text) && encoded_word_decode(text, &decoded);
    html_text(out, is_decoded ? bytes_span(&decoded) : text);
    bytes_release(&decoded);
}

static void write_field(struct bytes *out, enum language language, enum page_text name, const struct tester_text *field,
                        bool is_masked) {
    if (field->text.len == 0) return;
    bytes_append_text(out, "<dt>");
    page_say(out, language, name);
    bytes_append_text(out, "</dt><dd>");
    write_decoded(out, field->text, is_masked);
    if (field->octets > field->text.len) bytes_append_text(out, "\xe2\x80\xa6");
    bytes_append_text(out, "</dd>\n");
}

static void write_message(struct bytes *out, enum language language, const struct tester_report *report) {
    bytes_append_text(out, "<dl class=\"facts\">\n");
    write_field(out, language, REPORT_SUBJECT, &report->subject, report->is_masked);
    write_field(out, language, REPORT_FROM, &report->from, report->is_masked);
    write_field(out, language, REPORT_DATE, &report->date, report->is_masked);
    bytes_append_text(out, "</dl>\n<ol class=\"rows\">\n");
    tester_rows_write(out, language, report);
    bytes_append_text(out, "</ol>\n");
}

static void write_to_do(struct bytes *out, enum language language, const struct tester_report *report) {
    bytes_append_text(out, "<h3>");
    page_say(out, language, REPORT_TO_DO);
    bytes_append_text(out, "</h3>\n");
    tester_findings_write(out, language, report, report->findings, true);
}

static void write_records(struct bytes *out, enum language language, const struct tester_report *report,
                          unsigned number) {
    if (report->record_count == 0) return;
    begin_fold(out, language, REPORT_KEYS);
    for (size_t i = 0; i < report->record_count; i++) {
        char id[2 * NUMBER_MAX];
        snprintf(id, sizeof id, "m%u-%zu", number, i);
        tester_record_page_write(out, language, &report->record[i], id, 3);
    }
    bytes_append_text(out, "</details>\n");
}

void tester_report_page_write(struct bytes *out, enum language language, const struct tester_report *report,
                              unsigned number) {
    bytes_append_format(out, "<section aria-labelledby=\"m%u\">\n<h2 id=\"m%u\">", number, number);
    page_say_number(out, language, REPORT_MESSAGE, number);
    bytes_append_text(out, "</h2>\n");
    write_message(out, language, report);
    write_to_do(out, language, report);
    if (report->signature_count > 0) {
        write_tags(out, language, report);
        write_canonical(out, language, report);
    }
    write_records(out, language, report, number);
    write_steps(out, language, report);
    if (report->message.text.len > 0) {
        begin_fold(out, language, REPORT_RAW);
        write_drawn(out, language, &report->message, REPORT_RAW);
        bytes_append_text(out, "</details>\n");
    }
    bytes_append_text(out, "</section>\n");
}
