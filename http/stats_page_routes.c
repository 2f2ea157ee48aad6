/* The pages of the statistics: questions read from paths and queries. Someone without a language in the path is sent to the
 * one the browser wants. */
#include "base/metrics.h"
#include "http/assets.h"
#include "http/site.h"
#include "http/stats_csv.h"
#include "http/stats_page.h"

/* What the query asks for, a day by signatures when it does not say. False: it asks for what there is not. */
static bool read_question(const struct http_request *request, struct stats_question *question) {
    struct span word, rest;
    uint64_t refresh_s;
    *question = (struct stats_question){.window = STATS_24H};
    if (!page_language_of_path(request->path, &question->language, &rest)) question->language = LANGUAGE_EN;
    if (http_request_query(request, "window", &word) && !stats_window_parse(word, &question->window)) return false;
    if (http_request_query(request, "sort", &word) && !stats_sort_parse(word, &question->sort)) return false;
    if (!http_request_query(request, "refresh", &word)) return true;
    return question->refreshes = http_count_parse(word, STATS_PAGE_REFRESH_S, &refresh_s);
}

static void refuse(const struct http_request *request, struct http_reply *reply, enum language language, unsigned status,
                   enum page_text text, struct span domain) {
    const struct page page = {.language = language, .title = PAGE_NOT_FOUND, .rest = span_of("/stats")};
    const struct phrase_value value = {"domain", domain};
    page_problem(request, reply, &page, status, text, &value, 1);
}

static void answer_stats(const struct http_request *request, struct http_reply *reply) {
    struct stats_question question;
    struct stats_view view;
    struct span cursor = {0};
    size_t first;
    if (!read_question(request, &question))
        return refuse(request, reply, question.language, 400, PAGE_BAD_QUESTION, (struct span){0});
    (void)http_request_query(request, "cursor", &cursor);
    if (!stats_view_take(request->sources->domains, question.window, question.sort, &view)) {
        reply->body.failed = true;
        return;
    }
    if (stats_view_seek(&view, cursor, &first))
        stats_page_write(request, reply, &question, &view, first);
    else
        refuse(request, reply, question.language, 400, PAGE_BAD_QUESTION, (struct span){0});
    stats_view_release(&view);
}

static void answer_domain(const struct http_request *request, struct http_reply *reply) {
    struct stats_question question;
    struct stats_domain domain;
    if (!read_question(request, &question))
        return refuse(request, reply, question.language, 400, PAGE_BAD_QUESTION, (struct span){0});
    switch (stats_domain_take(request->sources->domains, request->parameter[0], question.window, &domain)) {
    case STATS_NOT_TRACKED:
        return refuse(request, reply, question.language, 404, STATS_NOT_TRACKED_TEXT, request->parameter[0]);
    case STATS_NO_MEMORY: reply->body.failed = true; return;
    case STATS_FOUND: break;
    }
    stats_domain_page_write(request, reply, &question, &domain);
    stats_domain_release(&domain);
}

static void answer_csv(const struct http_request *request, struct http_reply *reply) {
    struct stats_question question;
    struct stats_view view;
    if (!read_question(request, &question))
        return http_reply_problem_at(reply, 400, "window is 1h, 24h or 7d; sort is messages or fail", "query");
    reply->content_type = "text/csv; charset=utf-8; header=present";
    if (stats_view_take(request->sources->domains, question.window, question.sort, &view))
        stats_csv_write(&view, &reply->body);
    else
        reply->body.failed = true;
    stats_view_release(&view);
}

static void answer_without_language(const struct http_request *request, struct http_reply *reply) {
    page_redirect(request, reply, (struct span){0});
}

static void answer_asset(const struct http_request *request, struct http_reply *reply) {
    const struct asset *asset = asset_find(request->path);
    if (asset == NULL) return http_reply_problem(reply, 404, "no file of this name");
    reply->content_type = asset->content_type;
    reply->cache_control = "public, max-age=31536000, immutable";
    bytes_append(&reply->body, (struct span){(const char *)asset->octets, asset->len});
}

#define PAGE(path, answer, about) {HTTP_GET, path, METRIC_HTTP_PATH_PAGE, HTTP_PAGES, HTTP_FOR_READERS, 0, answer, about}
static const struct http_route routes[] = {
    PAGE("/stats", answer_without_language, "signing domains, for people"),
    PAGE("/stats/{domain}", answer_without_language, NULL),
    PAGE("/en/stats", answer_stats, NULL),
    PAGE("/fr/stats", answer_stats, NULL),
    PAGE("/en/stats/{domain}", answer_domain, NULL),
    PAGE("/fr/stats/{domain}", answer_domain, NULL),
    PAGE("/stats.csv", answer_csv, "signing domains, CSV; ?window=, ?sort="),
    {HTTP_GET, "/assets/{file}", METRIC_HTTP_PATH_PAGE, HTTP_PAGES | HTTP_TESTER, HTTP_FOR_ALL, 0, answer_asset, NULL},
};
const struct http_route_table stats_page_routes = {routes, sizeof routes / sizeof *routes};
