#include "http/tester_facts.h"

enum { RECORD_SHOWN = 4096 };

void tester_fact_colon(struct bytes *out, enum language language) {
    bytes_append_text(out, language == LANGUAGE_FR ? "\xc2\xa0: " : ": ");
}

void tester_fact_state(struct bytes *out, enum language language, enum tester_mood mood, enum page_text text,
                       enum page_text detail) {
    bytes_append_format(out, "<p class=\"%s\">", tester_mood_word(mood));
    tester_mark_write(out, language, mood);
    page_say(out, language, text);
    if (detail != PAGE_TEXT_COUNT) {
        tester_fact_colon(out, language);
        page_say(out, language, detail);
    }
    bytes_append_text(out, "</p>\n");
}

void tester_fact_begin(struct bytes *out, enum language language, enum page_text name) {
    bytes_append_text(out, "<dt>");
    page_say(out, language, name);
    bytes_append_text(out, "</dt><dd>");
}

void tester_fact_copied(struct bytes *out, enum language language, enum page_text name, struct span text,
                        const char *id, const char *what) {
    tester_fact_begin(out, language, name);
    bytes_append_format(out, "<code id=\"%s-%s\">", id, what);
    html_text(out, span_first(text, text.len < RECORD_SHOWN ? text.len : RECORD_SHOWN));
    bytes_append_format(out, "</code> <button type=\"button\" hidden data-copy=\"%s-%s\" data-done=\"", id, what);
    page_say(out, language, REPORT_COPIED);
    bytes_append_text(out, "\">");
    page_say(out, language, REPORT_COPY);
    bytes_append_text(out, "</button></dd>\n");
}

void tester_fact_hops(struct bytes *out, enum language language, const struct span *cname, const uint32_t *ttl_s,
                      size_t count) {
    if (count == 0) return;
    tester_fact_begin(out, language, RECORD_HOPS);
    bytes_append_text(out, "<ol>");
    for (size_t i = 0; i < count; i++) {
        bytes_append_text(out, "<li><code>");
        html_text(out, cname[i]);
        bytes_append_text(out, "</code>");
        if (ttl_s != NULL) bytes_append_text(out, ", "), page_say_number(out, language, ROW_TTL, ttl_s[i]);
        bytes_append_text(out, "</li>");
    }
    bytes_append_text(out, "</ol></dd>\n");
}

void tester_fact_dns(struct bytes *out, enum language language, enum dnssec_state state, struct span reason,
                     bool has_ttl, uint32_t ttl_s) {
    tester_fact_begin(out, language, STATS_DNSSEC);
    page_say(out, language, page_text_of_dnssec(state));
    if (reason.len > 0) tester_fact_colon(out, language), html_text(out, reason);
    if (has_ttl) bytes_append_text(out, ", "), page_say_number(out, language, ROW_TTL, ttl_s);
    bytes_append_text(out, "</dd>\n");
}
