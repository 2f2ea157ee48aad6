#include <stdio.h>
#include "http/tester_facts.h"
#include "http/tester_report_page.h"
#include "http/tester_tags.h"

enum { NUMBER_MAX = 24, ID_MAX = 64 };

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

/* --- facts --- */

static void write_key(struct bytes *out, enum language language, const struct record_text *record) {
    char bits[NUMBER_MAX];
    if (record->key.bits == 0) return;
    int len = snprintf(bits, sizeof bits, "%u", record->key.bits);
    tester_fact_begin(out, language, RECORD_KEY);
    bytes_append_text(out, record->key.algorithm == KEY_RSA ? "RSA, " : "Ed25519, ");
    page_say_with(out, language, STATS_BITS, &(struct phrase_value){"bits", {bits, (size_t)len}}, 1);
    if (record->fingerprint[0] != '\0') {
        bytes_append_text(out, "<br><span class=\"quiet\">");
        page_say(out, language, STATS_FINGERPRINT);
        bytes_append_format(out, "</span> <code>%s</code>", record->fingerprint);
    }
    bytes_append_text(out, "</dd>\n");
}

static void write_facts(struct bytes *out, enum language language, const struct record_selector *selector,
                        const char *id) {
    const struct record_answer *answer = &selector->answer;
    bool is_given = selector->is_given;
    bytes_append_text(out, "<dl class=\"facts\">\n");
    tester_fact_copied(out, language, RECORD_NAME, selector->name, id, "name");
    tester_fact_hops(out, language, answer->cname, is_given ? NULL : answer->cname_ttl_s, answer->cname_count);
    if (selector->expected_cname.len > 0)
        tester_fact_copied(out, language, RECORD_EXPECTED, selector->expected_cname, id, "target");
    if (!is_given) tester_fact_dns(out, language, answer->dnssec, answer->reason, true, answer->ttl_s);
    if (selector->record != NULL) {
        write_key(out, language, selector->record);
        tester_fact_copied(out, language, is_given ? RECORD_GIVEN : RECORD_PUBLISHED, selector->record->text, id,
                           "record");
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
    tester_fact_state(out, language, mood_of(selector->state), text_of(selector->state), PAGE_TEXT_COUNT);
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
    if (report->policy == NULL) return;
    if (report->count == 0 && report->provider == NULL) {
        bytes_append_text(out, "<p>");
        page_say(out, language, RECORD_NO_SELECTOR);
        bytes_append_text(out, "</p>\n");
    }
    tester_policy_page_write(out, language, report->policy, report->domain, id, level + 1);
}
