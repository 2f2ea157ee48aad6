#include <stdio.h>
#include "http/tester_report_page.h"
#include "http/tester_rows.h"
#include "http/tester_tags.h"

enum { NUMBER_MAX = 24, RECORD_SHOWN = 4096, ID_MAX = 64 };

static enum page_text text_of(enum record_state state) {
    static const enum page_text of_state[] = {
        [RECORD_STATE_SET] = RECORD_STATE_SET_TEXT,           [RECORD_STATE_TO_SET] = RECORD_STATE_TO_SET_TEXT,
        [RECORD_STATE_TO_FIX] = RECORD_STATE_TO_FIX_TEXT,     [RECORD_STATE_REVOKED] = RECORD_STATE_REVOKED_TEXT,
        [RECORD_STATE_UNUSABLE] = RECORD_STATE_UNUSABLE_TEXT, [RECORD_STATE_UNKNOWN] = RECORD_STATE_UNKNOWN_TEXT};
    return of_state[state];
}

static enum tester_mood mood_of(enum record_state state) {
    return state == RECORD_STATE_SET ? TESTER_GOOD : state == RECORD_STATE_UNKNOWN ? TESTER_DOUBT : TESTER_BAD;
}

static void write_state(struct bytes *out, enum language language, enum record_state state) {
    bytes_append_format(out, "<p class=\"%s\">", tester_mood_word(mood_of(state)));
    tester_mark_write(out, language, mood_of(state));
    page_say(out, language, text_of(state));
    bytes_append_text(out, "</p>\n");
}

/* --- facts --- */

static void begin_fact(struct bytes *out, enum language language, enum page_text name) {
    bytes_append_text(out, "<dt>");
    page_say(out, language, name);
    bytes_append_text(out, "</dt><dd>");
}

/* Text that a person may want in another window: with a button that only script shows. */
static void write_copied(struct bytes *out, enum language language, struct span text, const char *id,
                         const char *what) {
    bytes_append_format(out, "<code id=\"%s-%s\">", id, what);
    html_text(out, span_first(text, text.len < RECORD_SHOWN ? text.len : RECORD_SHOWN));
    bytes_append_format(out, "</code> <button type=\"button\" hidden data-copy=\"%s-%s\" data-done=\"", id, what);
    page_say(out, language, REPORT_COPIED);
    bytes_append_text(out, "\">");
    page_say(out, language, REPORT_COPY);
    bytes_append_text(out, "</button>");
}

static void write_hops(struct bytes *out, enum language language, const struct record_selector *selector) {
    const struct record_answer *answer = &selector->answer;
    if (answer->cname_count == 0) return;
    begin_fact(out, language, RECORD_HOPS);
    bytes_append_text(out, "<ol>");
    for (size_t i = 0; i < answer->cname_count; i++) {
        bytes_append_text(out, "<li><code>");
        html_text(out, answer->cname[i]);
        bytes_append_text(out, "</code></li>");
    }
    bytes_append_text(out, "</ol></dd>\n");
}

static void write_key(struct bytes *out, enum language language, const struct record_text *record) {
    char bits[NUMBER_MAX];
    if (record->key.bits == 0) return;
    int len = snprintf(bits, sizeof bits, "%u", record->key.bits);
    begin_fact(out, language, RECORD_KEY);
    bytes_append_text(out, record->key.algorithm == KEY_RSA ? "RSA, " : "Ed25519, ");
    page_say_with(out, language, STATS_BITS, &(struct phrase_value){"bits", {bits, (size_t)len}}, 1);
    if (record->fingerprint[0] != '\0') {
        bytes_append_text(out, "<br><span class=\"quiet\">");
        page_say(out, language, STATS_FINGERPRINT);
        bytes_append_format(out, "</span> <code>%s</code>", record->fingerprint);
    }
    bytes_append_text(out, "</dd>\n");
}

static void write_dns(struct bytes *out, enum language language, const struct record_answer *answer) {
    char ttl[NUMBER_MAX];
    int len = snprintf(ttl, sizeof ttl, "%lu", (unsigned long)answer->ttl_s);
    begin_fact(out, language, STATS_DNSSEC);
    page_say(out, language, page_text_of_dnssec(answer->dnssec));
    if (answer->reason.len > 0) bytes_append_text(out, ": "), html_text(out, answer->reason);
    bytes_append_text(out, ", ");
    page_say_with(out, language, ROW_TTL, &(struct phrase_value){"count", {ttl, (size_t)len}}, 1);
    bytes_append_text(out, "</dd>\n");
}

static void write_facts(struct bytes *out, enum language language, const struct record_selector *selector,
                        const char *id) {
    bytes_append_text(out, "<dl class=\"facts\">\n");
    begin_fact(out, language, RECORD_NAME);
    write_copied(out, language, selector->name, id, "name");
    bytes_append_text(out, "</dd>\n");
    write_hops(out, language, selector);
    if (selector->expected_cname.len > 0) {
        begin_fact(out, language, RECORD_EXPECTED);
        write_copied(out, language, selector->expected_cname, id, "target");
        bytes_append_text(out, "</dd>\n");
    }
    if (!selector->is_given) write_dns(out, language, &selector->answer);
    if (selector->record != NULL) {
        write_key(out, language, selector->record);
        begin_fact(out, language, selector->is_given ? RECORD_GIVEN : RECORD_PUBLISHED);
        write_copied(out, language, selector->record->text, id, "record");
        bytes_append_text(out, "</dd>\n");
    }
    bytes_append_text(out, "</dl>\n");
}

static void write_tags(struct bytes *out, enum language language, const struct tag_list *tags) {
    if (tags->count == 0) return;
    bytes_append_text(out, "<details><summary>");
    page_say(out, language, HELP_TAGS_KEY);
    bytes_append_text(out, "</summary>\n");
    tester_tags_begin(out, language);
    for (size_t i = 0; i < tags->count; i++)
        tester_tags_write(out, language, TAG_TEXT_KEY, tags->tag[i].name, tags->tag[i].value);
    tester_tags_end(out);
    bytes_append_text(out, "</details>\n");
}

/* --- selectors --- */

static void write_selector(struct bytes *out, enum language language, const struct record_selector *selector,
                           const char *id, unsigned level) {
    bytes_append_format(out, "<h%u>", level);
    page_say(out, language, STATS_SELECTOR);
    bytes_append_text(out, " <code>");
    html_text(out, selector->selector);
    bytes_append_text(out, "</code>");
    if (selector->is_derived) {
        bytes_append_text(out, " <span class=\"quiet\">(");
        page_say(out, language, RECORD_DERIVED);
        bytes_append_text(out, ")</span>");
    }
    bytes_append_format(out, "</h%u>\n", level);
    write_state(out, language, selector->state);
    tester_findings_write(out, language, NULL, &selector->findings, false);
    write_facts(out, language, selector, id);
    if (selector->record != NULL) write_tags(out, language, &selector->record->tags);
}

static void write_whole(struct bytes *out, enum language language, enum page_text title,
                        const struct finding_list *findings, unsigned level) {
    if (findings->count == 0) return;
    bytes_append_format(out, "<h%u>", level);
    page_say(out, language, title);
    bytes_append_format(out, "</h%u>\n", level);
    tester_findings_write(out, language, NULL, findings, false);
}

void tester_record_page_write(struct bytes *out, enum language language, const struct record_report *report,
                              const char *id, unsigned level) {
    bytes_append_format(out, "<h%u>", level);
    page_say_with(out, language, REPORT_DOMAIN, &(struct phrase_value){"domain", report->domain}, 1);
    bytes_append_format(out, "</h%u>\n", level);
    write_whole(out, language, RECORD_WHOLE, &report->findings, level + 1);
    if (report->pair != NULL) write_whole(out, language, RECORD_PAIR, &report->pair->findings, level + 1);
    for (size_t i = 0; i < report->count; i++) {
        char own[ID_MAX];
        snprintf(own, sizeof own, "%s-s%zu", id, i);
        write_selector(out, language, &report->selector[i], own, level + 1);
    }
}
