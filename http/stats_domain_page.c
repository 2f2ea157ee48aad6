#include <stdio.h>
#include "http/stats_page.h"

static const enum page_text heads[] = {STATS_SELECTOR, STATS_KEY, STATS_SIGNATURES, STATS_PASS, STATS_FAIL, STATS_OTHER,
                                       STATS_DNSSEC, STATS_FIRST_SEEN, STATS_LAST_SEEN, STATS_NOTES};
enum { NUMBERS = 1 << 2 | 1 << 4 | 1 << 5 };

static void write_key(struct bytes *out, enum language language, const struct stats_selector *selector) {
    char bits[16];
    const struct phrase_value value = {"bits", {bits, (size_t)snprintf(bits, sizeof bits, "%u", selector->bits)}};
    stats_page_cell(out, language, STATS_KEY, NULL);
    bytes_append_text(out, "<div>");
    if (!selector->has_fingerprint) {
        page_say(out, language, selector->revoked ? CAUSE_TEXT_KEY_REVOKED : STATS_UNREADABLE);
        bytes_append_text(out, "</div></td>");
        return;
    }
    bytes_append_format(out, "%s", selector->algorithm == KEY_RSA ? "RSA" : selector->algorithm == KEY_ED25519 ? "Ed25519" : "?");
    if (selector->bits > 0) bytes_append_text(out, ", "), page_say_with(out, language, STATS_BITS, &value, 1);
    bytes_append_text(out, "<br><span class=\"quiet\">");
    page_say(out, language, STATS_FINGERPRINT);
    bytes_append_text(out, "</span> <code>");
    for (size_t i = 0; i < sizeof selector->fingerprint; i++) bytes_append_format(out, "%02x", selector->fingerprint[i]);
    bytes_append_text(out, "</code></div></td>");
}

static void write_time_cell(struct bytes *out, enum language language, enum page_text label, int64_t time_s) {
    stats_page_cell(out, language, label, NULL);
    html_time(out, time_s);
    bytes_append_text(out, "</td>");
}

static unsigned watch_of(const struct stats_selector *selector) {
    return (selector->is_old ? 1U << STATS_WATCH_OLD_SELECTOR : 0) | (selector->is_changed ? 1U << STATS_WATCH_KEY_CHANGED : 0) |
           (selector->revoked ? 1U << STATS_WATCH_REVOKED : 0) | (selector->testing ? 1U << STATS_WATCH_TESTING : 0);
}

static void write_selector(struct bytes *out, enum language language, const struct stats_selector *selector) {
    bytes_append_text(out, "<tr role=\"row\"><th role=\"rowheader\" scope=\"row\"><code>");
    html_text(out, selector->selector);
    bytes_append_text(out, "</code></th>");
    write_key(out, language, selector);
    stats_page_count_cell(out, language, STATS_SIGNATURES, domain_counts_sum(selector->count));
    stats_page_pass_cell(out, language, selector->count);
    stats_page_count_cell(out, language, STATS_FAIL, selector->count[DOMAIN_FAIL]);
    stats_page_count_cell(out, language, STATS_OTHER, selector->count[DOMAIN_OTHER]);
    stats_page_cell(out, language, STATS_DNSSEC, NULL);
    page_say(out, language, page_text_of_dnssec(selector->dnssec));
    bytes_append_text(out, "</td>");
    write_time_cell(out, language, STATS_FIRST_SEEN, selector->first_seen_s);
    write_time_cell(out, language, STATS_LAST_SEEN, selector->last_seen_s);
    stats_page_cell(out, language, STATS_NOTES, watch_of(selector) == 0 ? "empty" : NULL);
    stats_page_watch(out, language, watch_of(selector));
    bytes_append_text(out, "</td></tr>\n");
}

static void write_selectors(struct bytes *out, enum language language, const struct stats_domain *domain) {
    bytes_append_text(out, "<h2>");
    page_say(out, language, STATS_KEYS);
    bytes_append_text(out, "</h2>\n");
    if (domain->selector_count == 0) {
        bytes_append_text(out, "<p>");
        page_say(out, language, STATS_NO_KEYS);
        bytes_append_text(out, "</p>\n");
        return;
    }
    bytes_append_text(out, "<table class=\"wide\" role=\"table\"><caption>");
    page_say(out, language, STATS_KEYS_ABOUT);
    bytes_append_text(out, "</caption>\n");
    stats_page_heads(out, language, heads, sizeof heads / sizeof *heads, NUMBERS);
    for (size_t i = 0; i < domain->selector_count; i++) write_selector(out, language, &domain->selectors[i]);
    bytes_append_text(out, "</tbody></table>\n");
}

static void write_windows(struct bytes *out, enum language language, const struct stats_domain *domain) {
    static const enum page_text names[] = {[STATS_1H] = STATS_WINDOW_1H, [STATS_24H] = STATS_WINDOW_24H, [STATS_7D] = STATS_WINDOW_7D};
    static const enum page_text columns[] = {STATS_WINDOW, STATS_SIGNATURES, STATS_PASS, STATS_FAIL, STATS_OTHER};
    bytes_append_text(out, "<table class=\"wide\" role=\"table\">");
    stats_page_heads(out, language, columns, sizeof columns / sizeof *columns, 1 << 1 | 1 << 3 | 1 << 4);
    for (unsigned i = 0; i < STATS_WINDOW_COUNT; i++) {
        const uint64_t *count = domain->count[i];
        bytes_append_text(out, "<tr role=\"row\"><th role=\"rowheader\" scope=\"row\">");
        page_say(out, language, names[i]);
        bytes_append_text(out, "</th>");
        stats_page_count_cell(out, language, STATS_SIGNATURES, domain_counts_sum(count));
        stats_page_pass_cell(out, language, count);
        stats_page_count_cell(out, language, STATS_FAIL, count[DOMAIN_FAIL]);
        stats_page_count_cell(out, language, STATS_OTHER, count[DOMAIN_OTHER]);
        bytes_append_text(out, "</tr>\n");
    }
    bytes_append_text(out, "</tbody></table>\n");
}

/* First and last sight, and what deserves a look. */
static void write_lead(struct bytes *out, const struct stats_question *question, const struct stats_domain *domain) {
    enum language language = question->language;
    bytes_append_format(out, "<p><a href=\"/%s/stats?", page_language_word(language));
    stats_page_query(out, question);
    bytes_append_text(out, "\">");
    page_say(out, language, PAGE_BACK);
    bytes_append_text(out, "</a></p>\n<h1>");
    html_text(out, domain->domain);
    bytes_append_text(out, "</h1>\n<ul class=\"keys quiet\"><li>");
    page_say(out, language, STATS_FIRST_SEEN);
    bytes_append_text(out, ": ");
    html_time(out, domain->first_seen_s);
    bytes_append_text(out, "</li><li>");
    page_say(out, language, STATS_LAST_SEEN);
    bytes_append_text(out, ": ");
    html_time(out, domain->last_seen_s);
    bytes_append_text(out, "</li><li><a href=\"/api/v1/stats/domains/");
    html_text(out, domain->domain);
    bytes_append_format(out, "?window=%s\">JSON</a></li></ul>\n", stats_window_word(domain->window));
    stats_page_watch(out, language, domain->watch);
}

void stats_domain_page_write(const struct http_request *request, struct http_reply *reply, const struct stats_question *question,
                             const struct stats_domain *domain) {
    struct bytes query = bytes_with_cap(128), rest = bytes_with_cap(512), *out = &reply->body;
    stats_page_query(&query, question);
    bytes_append_text(&rest, "/stats/");
    bytes_append(&rest, domain->domain);
    const struct page page = {
        .language = question->language,
        .title = STATS_TITLE,
        .subject = domain->domain,
        .rest = bytes_span(&rest),
        .query = bytes_span(&query),
        .refresh_s = question->refreshes ? STATS_PAGE_REFRESH_S : 0,
    };
    page_begin(reply, &page);
    write_lead(out, question, domain);
    stats_page_tools(out, question, page.rest, false);
    write_windows(out, question->language, domain);
    stats_page_chart(out, question, domain->points, domain->point_count);
    stats_page_causes(out, question->language, domain->cause);
    write_selectors(out, question->language, domain);
    stats_page_states(out, question->language, domain->dnssec);
    page_end(reply, request);
    reply->body.failed |= query.failed || rest.failed;
    bytes_release(&query);
    bytes_release(&rest);
}
