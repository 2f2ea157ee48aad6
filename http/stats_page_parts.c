#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "http/stats_chart.h"
#include "http/stats_page.h"

/* --- links --- */

void stats_page_query(struct bytes *out, const struct stats_question *question) {
    bytes_append_format(out, "window=%s&amp;sort=%s", stats_window_word(question->window), stats_sort_word(question->sort));
    if (question->refreshes) bytes_append_format(out, "&amp;refresh=%d", STATS_PAGE_REFRESH_S);
}

static void write_choice(struct bytes *out, struct stats_question question, struct span path, enum page_text text, bool is_current) {
    bytes_append_format(out, "<li><a href=\"/%s", page_language_word(question.language));
    html_text(out, path);
    bytes_append_char(out, '?');
    stats_page_query(out, &question);
    bytes_append_format(out, "\"%s>", is_current ? " aria-current=\"true\"" : "");
    page_say(out, question.language, text);
    bytes_append_text(out, "</a></li>");
}

static void begin_choices(struct bytes *out, enum language language, enum page_text text, const char *id) {
    bytes_append_format(out, "<nav aria-labelledby=\"%s\"><p id=\"%s\" class=\"quiet\">", id, id);
    page_say(out, language, text);
    bytes_append_text(out, "</p><ul class=\"choice\">");
}

void stats_page_tools(struct bytes *out, const struct stats_question *question, struct span path, bool has_sorts) {
    static const enum page_text windows[] = {[STATS_1H] = STATS_WINDOW_1H, [STATS_24H] = STATS_WINDOW_24H, [STATS_7D] = STATS_WINDOW_7D};
    static const enum page_text sorts[] = {[STATS_BY_MESSAGES] = STATS_SORT_MESSAGES, [STATS_BY_FAILURES] = STATS_SORT_FAIL};
    struct stats_question other = *question;
    bytes_append_text(out, "<div class=\"tools\">\n");
    begin_choices(out, question->language, STATS_WINDOW, "windows");
    for (unsigned i = 0; i < STATS_WINDOW_COUNT; i++) {
        other.window = (enum stats_window)i;
        write_choice(out, other, path, windows[i], i == question->window);
    }
    other.window = question->window;
    bytes_append_text(out, "</ul></nav>\n");
    if (has_sorts) {
        begin_choices(out, question->language, STATS_SORT, "sorts");
        for (unsigned i = 0; i < STATS_SORT_COUNT; i++) {
            other.sort = (enum stats_sort)i;
            write_choice(out, other, path, sorts[i], i == question->sort);
        }
        other.sort = question->sort;
        bytes_append_text(out, "</ul></nav>\n");
    }
    other.refreshes = !question->refreshes;
    bytes_append_text(out, "<ul class=\"choice\">");
    write_choice(out, other, path, question->refreshes ? STATS_REFRESH_STOP : STATS_REFRESH, false);
    bytes_append_text(out, "</ul>\n</div>\n");
}

/* --- tables --- */

void stats_page_heads(struct bytes *out, enum language language, const enum page_text *heads, size_t count, unsigned numbers) {
    bytes_append_text(out, "<thead><tr role=\"row\">");
    for (size_t i = 0; i < count; i++) {
        bytes_append_format(out, "<th role=\"columnheader\" scope=\"col\"%s>", (numbers & 1U << i) != 0 ? " class=\"number\"" : "");
        page_say(out, language, heads[i]);
        bytes_append_text(out, "</th>");
    }
    bytes_append_text(out, "</tr></thead>\n<tbody>\n");
}

void stats_page_cell(struct bytes *out, enum language language, enum page_text label, const char *class_name) {
    bytes_append_format(out, "<td role=\"cell\"%s%s%s data-label=\"", class_name != NULL ? " class=\"" : "",
                        class_name != NULL ? class_name : "", class_name != NULL ? "\"" : "");
    page_say(out, language, label);
    bytes_append_text(out, "\">");
}

void stats_page_count_cell(struct bytes *out, enum language language, enum page_text label, uint64_t count) {
    stats_page_cell(out, language, label, "number");
    html_count(out, count, language);
    bytes_append_text(out, "</td>");
}

void stats_page_pass_cell(struct bytes *out, enum language language, const uint64_t count[DOMAIN_RESULT_COUNT]) {
    stats_page_cell(out, language, STATS_PASS, NULL);
    bytes_append_text(out, "<div>");
    stats_chart_bar(out, count);
    html_share(out, count[DOMAIN_PASS], domain_counts_sum(count), language);
    bytes_append_text(out, "</div></td>");
}

void stats_page_watch(struct bytes *out, enum language language, unsigned watch) {
    static const enum page_text texts[] = {
        [STATS_WATCH_OLD_SELECTOR] = WATCH_OLD_SELECTOR,
        [STATS_WATCH_KEY_CHANGED] = WATCH_KEY_CHANGED,
        [STATS_WATCH_REVOKED] = WATCH_REVOKED,
        [STATS_WATCH_TESTING] = WATCH_TESTING,
    };
    if (watch == 0) return;
    bytes_append_text(out, "<ul>");
    for (unsigned i = 0; i < STATS_WATCH_COUNT; i++) {
        if ((watch & 1U << i) == 0) continue;
        bytes_append_text(out, "<li><span class=\"other\" aria-hidden=\"true\">▲</span> ");
        page_say(out, language, texts[i]);
        bytes_append_text(out, "</li>");
    }
    bytes_append_text(out, "</ul>");
}

/* A row of a small table: a name, a number, its share. */
static void write_share_row(struct bytes *out, enum language language, enum page_text name, uint64_t count, uint64_t all) {
    bytes_append_text(out, "<tr><th scope=\"row\">");
    page_say(out, language, name);
    bytes_append_text(out, "</th><td class=\"number\">");
    html_count(out, count, language);
    bytes_append_text(out, "</td><td class=\"number\">");
    html_share(out, count, all, language);
    bytes_append_text(out, "</td></tr>\n");
}

static void begin_small_table(struct bytes *out, enum language language, enum page_text name) {
    bytes_append_text(out, "<table><thead><tr><th scope=\"col\">");
    page_say(out, language, name);
    bytes_append_text(out, "</th><th scope=\"col\" class=\"number\">");
    page_say(out, language, STATS_COUNT);
    bytes_append_text(out, "</th><th scope=\"col\" class=\"number\">%</th></tr></thead>\n<tbody>\n");
}

struct cause_count { enum cause cause; uint64_t count; };

static int by_count(const void *a, const void *b) {
    const struct cause_count *x = a, *y = b;
    if (x->count != y->count) return x->count < y->count ? 1 : -1;
    return (x->cause > y->cause) - (x->cause < y->cause);
}

void stats_page_causes(struct bytes *out, enum language language, const uint64_t cause[CAUSE_COUNT]) {
    struct cause_count causes[CAUSE_COUNT];
    uint64_t all = 0;
    for (unsigned i = 0; i < CAUSE_COUNT; i++) causes[i] = (struct cause_count){(enum cause)i, cause[i]}, all += cause[i];
    bytes_append_text(out, "<h2>");
    page_say(out, language, STATS_CAUSES);
    bytes_append_text(out, "</h2>\n");
    if (all == 0) {
        bytes_append_text(out, "<p>");
        page_say(out, language, STATS_NO_CAUSES);
        bytes_append_text(out, "</p>\n");
        return;
    }
    qsort(causes, CAUSE_COUNT, sizeof *causes, by_count);
    begin_small_table(out, language, STATS_CAUSE_NAME);
    for (unsigned i = 0; i < CAUSE_COUNT && causes[i].count > 0; i++)
        write_share_row(out, language, page_text_of_cause(causes[i].cause), causes[i].count, all);
    bytes_append_text(out, "</tbody></table>\n");
}

void stats_page_states(struct bytes *out, enum language language, const uint64_t dnssec[DNSSEC_STATE_COUNT]) {
    uint64_t all = 0;
    for (unsigned i = 0; i < DNSSEC_STATE_COUNT; i++) all += dnssec[i];
    if (all == 0) return;
    bytes_append_text(out, "<h2>");
    page_say(out, language, STATS_STATES);
    bytes_append_text(out, "</h2>\n");
    begin_small_table(out, language, STATS_STATE);
    for (unsigned i = 0; i < DNSSEC_STATE_COUNT; i++)
        if (dnssec[i] > 0) write_share_row(out, language, page_text_of_dnssec((enum dnssec_state)i), dnssec[i], all);
    bytes_append_text(out, "</tbody></table>\n");
}

/* --- chart --- */

static void write_key(struct bytes *out, enum language language, const char *class_name, const char *sign, enum page_text text) {
    bytes_append_format(out, "<li><span class=\"%s\" aria-hidden=\"true\">%s</span> ", class_name, sign);
    page_say(out, language, text);
    bytes_append_text(out, "</li>");
}

static void write_numbers(struct bytes *out, enum language language, const struct stats_point *points, size_t count) {
    static const enum page_text heads[] = {STATS_TIME, STATS_PASS, STATS_FAIL, STATS_OTHER};
    bytes_append_text(out, "<details><summary>");
    page_say(out, language, STATS_NUMBERS);
    bytes_append_text(out, "</summary>\n<table>");
    stats_page_heads(out, language, heads, sizeof heads / sizeof *heads, 0xe);
    for (size_t i = count; i-- > 0;) {
        bytes_append_text(out, "<tr><th scope=\"row\">");
        html_time(out, points[i].start_s);
        bytes_append_text(out, "</th>");
        for (unsigned j = 0; j < DOMAIN_RESULT_COUNT; j++) {
            bytes_append_text(out, "<td class=\"number\">");
            html_count(out, points[i].count[j], language);
            bytes_append_text(out, "</td>");
        }
        bytes_append_text(out, "</tr>\n");
    }
    bytes_append_text(out, "</tbody></table></details>\n");
}

void stats_page_chart(struct bytes *out, const struct stats_question *question, const struct stats_point *points, size_t count) {
    uint64_t all = 0;
    for (size_t i = 0; i < count; i++) all += domain_counts_sum(points[i].count);
    bytes_append_text(out, "<h2>");
    page_say(out, question->language, STATS_OVER_TIME);
    bytes_append_text(out, "</h2>\n");
    if (all == 0) {
        bytes_append_text(out, "<p>");
        page_say(out, question->language, STATS_NOTHING);
        bytes_append_text(out, "</p>\n");
        return;
    }
    stats_chart_write(out, points, count, question->language);
    bytes_append_text(out, "<ul class=\"keys\">");
    write_key(out, question->language, "pass", "✔", STATS_PASS);
    write_key(out, question->language, "other", "▲", STATS_OTHER_ABOUT);
    write_key(out, question->language, "fail", "✘", STATS_FAIL);
    bytes_append_text(out, "</ul>\n");
    write_numbers(out, question->language, points, count);
}
