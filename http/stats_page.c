#include "http/stats_page.h"
#include <stdio.h>

static const enum page_text heads[] = {STATS_DOMAIN, STATS_SIGNATURES, STATS_PASS, STATS_FAIL, STATS_OTHER,
                                       STATS_CAUSE, STATS_SELECTOR, STATS_DNSSEC, STATS_NOTES};
enum { NUMBERS = 1 << 1 | 1 << 3 | 1 << 4, COUNTED_HEADS = 5, HEADS = sizeof heads / sizeof *heads };

static void write_domain_link(struct bytes *out, const struct stats_question *question, struct span domain) {
    bytes_append_format(out, "<a href=\"/%s/stats/", page_language_word(question->language));
    html_text(out, domain);
    bytes_append_text(out, "?");
    stats_page_query(out, question);
    bytes_append_text(out, "\">");
    html_text(out, domain);
    bytes_append_text(out, "</a>");
}

static void write_counts(struct bytes *out, enum language language, const uint64_t count[DOMAIN_RESULT_COUNT]) {
    stats_page_count_cell(out, language, STATS_SIGNATURES, domain_counts_sum(count));
    stats_page_pass_cell(out, language, count);
    stats_page_count_cell(out, language, STATS_FAIL, count[DOMAIN_FAIL]);
    stats_page_count_cell(out, language, STATS_OTHER, count[DOMAIN_OTHER]);
}

static void write_selectors(struct bytes *out, enum language language, const struct stats_row *row) {
    stats_page_cell(out, language, STATS_SELECTOR, row->selector.len == 0 ? "empty" : NULL);
    if (row->selector.len > 0) {
        bytes_append_text(out, "<div><code>");
        html_text(out, row->selector);
        if (row->selector_before.len > 0) bytes_append_text(out, "</code>, <code>"), html_text(out, row->selector_before);
        bytes_append_text(out, "</code></div>");
    }
    bytes_append_text(out, "</td>");
}

static void write_row(struct bytes *out, const struct stats_question *question, const struct stats_row *row) {
    enum language language = question->language;
    bytes_append_text(out, "<tr role=\"row\"><th role=\"rowheader\" scope=\"row\">");
    write_domain_link(out, question, row->domain);
    bytes_append_text(out, "</th>");
    write_counts(out, language, row->count);
    stats_page_cell(out, language, STATS_CAUSE, row->cause == CAUSE_NONE ? "empty" : NULL);
    if (row->cause != CAUSE_NONE) page_say(out, language, page_text_of_cause(row->cause));
    bytes_append_text(out, "</td>");
    write_selectors(out, language, row);
    stats_page_cell(out, language, STATS_DNSSEC, row->has_dnssec ? NULL : "empty");
    if (row->has_dnssec) page_say(out, language, page_text_of_dnssec(row->dnssec));
    bytes_append_text(out, "</td>");
    stats_page_cell(out, language, STATS_NOTES, row->watch == 0 ? "empty" : NULL);
    stats_page_watch(out, language, row->watch);
    bytes_append_text(out, "</td></tr>\n");
}

/* A row that stands for many domains. */
static void write_sum(struct bytes *out, enum language language, enum page_text name, enum page_text about,
                      const uint64_t count[DOMAIN_RESULT_COUNT]) {
    bytes_append_text(out, "<tr role=\"row\" class=\"sum\"><th role=\"rowheader\" scope=\"row\">");
    page_say(out, language, name);
    bytes_append_text(out, "</th>");
    write_counts(out, language, count);
    bytes_append_format(out, "<td role=\"cell\" colspan=\"%d\" data-label=\"\">", HEADS - COUNTED_HEADS);
    if (about != PAGE_TEXT_COUNT) page_say(out, language, about);
    bytes_append_text(out, "</td></tr>\n");
}

static void write_table(struct bytes *out, const struct stats_question *question, const struct stats_view *view, size_t first) {
    size_t end = view->row_count - first > STATS_PAGE_ROWS ? first + STATS_PAGE_ROWS : view->row_count;
    bytes_append_text(out, "<table class=\"wide\" role=\"table\"><caption>");
    page_say(out, question->language, STATS_ABOUT);
    bytes_append_text(out, "</caption>\n");
    stats_page_heads(out, question->language, heads, HEADS, NUMBERS);
    if (first == 0) write_sum(out, question->language, STATS_ALL, PAGE_TEXT_COUNT, view->total);
    for (size_t i = first; i < end; i++) write_row(out, question, &view->rows[i]);
    if (end == view->row_count && domain_counts_sum(view->untracked) > 0)
        write_sum(out, question->language, STATS_OTHERS, STATS_OTHERS_ABOUT, view->untracked);
    bytes_append_text(out, "</tbody></table>\n");
}

static void write_pages(struct bytes *out, const struct stats_question *question, const struct stats_view *view, size_t first) {
    bool has_next = view->row_count - first > STATS_PAGE_ROWS;
    char cursor[STATS_CURSOR_MAX];
    if (first == 0 && !has_next) return;
    bytes_append_text(out, "<ul class=\"choice\">");
    if (first > 0) {
        bytes_append_format(out, "<li><a href=\"/%s/stats?", page_language_word(question->language));
        stats_page_query(out, question);
        bytes_append_text(out, "\">");
        page_say(out, question->language, STATS_FIRST);
        bytes_append_text(out, "</a></li>");
    }
    if (has_next) {
        bytes_append_format(out, "<li><a rel=\"next\" href=\"/%s/stats?", page_language_word(question->language));
        stats_page_query(out, question);
        bytes_append_text(out, "&amp;cursor=");
        bytes_append(out, (struct span){cursor, stats_view_cursor(view, first + STATS_PAGE_ROWS - 1, cursor)});
        bytes_append_text(out, "\">");
        page_say(out, question->language, STATS_NEXT);
        bytes_append_text(out, "</a></li>");
    }
    bytes_append_text(out, "</ul>\n");
}

static void write_state(struct bytes *out, const struct stats_question *question, const struct stats_view *view) {
    char tracked[24], evicted[24];
    const struct phrase_value values[] = {
        {"tracked", {tracked, (size_t)snprintf(tracked, sizeof tracked, "%zu", view->tracked)}},
        {"evicted", {evicted, (size_t)snprintf(evicted, sizeof evicted, "%llu", (unsigned long long)view->evicted)}},
    };
    bytes_append_text(out, "<p class=\"quiet\">");
    page_say_with(out, question->language, view->evicted > 0 ? STATS_TABLE_FULL : STATS_TABLE, values, 2);
    bytes_append_text(out, " ");
    page_say(out, question->language, STATS_DATA);
    bytes_append_format(out, ": <a href=\"/stats.csv?window=%s&amp;sort=%s\">CSV</a>, "
                             "<a href=\"/api/v1/stats/domains?window=%s&amp;sort=%s\">JSON</a></p>\n",
                        stats_window_word(view->window), stats_sort_word(view->sort), stats_window_word(view->window),
                        stats_sort_word(view->sort));
}

void stats_page_write(const struct http_request *request, struct http_reply *reply, const struct stats_question *question,
                      const struct stats_view *view, size_t first) {
    struct bytes query = bytes_with_cap(128), *out = &reply->body;
    stats_page_query(&query, question);
    const struct page page = {
        .language = question->language,
        .title = STATS_TITLE,
        .rest = span_of("/stats"),
        .query = bytes_span(&query),
        .refresh_s = question->refreshes ? STATS_PAGE_REFRESH_S : 0,
    };
    page_begin(reply, &page);
    bytes_append_text(out, "<h1>");
    page_say(out, question->language, STATS_TITLE);
    bytes_append_text(out, "</h1>\n");
    stats_page_tools(out, question, page.rest, true);
    write_table(out, question, view, first);
    write_pages(out, question, view, first);
    write_state(out, question, view);
    stats_page_chart(out, question, view->points, view->point_count);
    stats_page_causes(out, question->language, view->cause);
    stats_page_states(out, question->language, view->dnssec);
    page_end(reply, request);
    bytes_release(&query);
}
