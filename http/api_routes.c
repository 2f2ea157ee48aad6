/* The JSON API, /api/v1/: questions read from paths and queries; what is said stands in http/api.c and
 * http/api_stats.c. */
#include "base/metrics.h"
#include "http/api.h"
#include "http/api_stats.h"
#include "http/site.h"

/* The window that is asked for, a day when none is. False: *reply is the problem. */
static bool read_window(const struct http_request *request, struct http_reply *reply, enum stats_window *window) {
    struct span word;
    *window = STATS_24H;
    if (!http_request_query(request, "window", &word) || stats_window_parse(word, window)) return true;
    http_reply_problem_at(reply, 400, "window is 1h, 24h or 7d", "query parameter window");
    return false;
}

static bool take_view(const struct http_request *request, struct http_reply *reply, enum stats_sort sort,
                      struct stats_view *view) {
    enum stats_window window;
    if (!read_window(request, reply, &window)) return false;
    reply->content_type = "application/json";
    reply->body.failed = !stats_view_take(request->sources->domains, window, sort, view);
    return !reply->body.failed;
}

static void answer_stats(const struct http_request *request, struct http_reply *reply) {
    struct stats_view view;
    if (!take_view(request, reply, STATS_BY_MESSAGES, &view)) return;
    api_write_stats(&view, &reply->body);
    stats_view_release(&view);
}

static void answer_causes(const struct http_request *request, struct http_reply *reply) {
    struct stats_view view;
    if (!take_view(request, reply, STATS_BY_MESSAGES, &view)) return;
    api_write_stats_causes(&view, &reply->body);
    stats_view_release(&view);
}

static void answer_domains(const struct http_request *request, struct http_reply *reply) {
    struct span word, cursor = {0};
    struct stats_view view;
    enum stats_sort sort = STATS_BY_MESSAGES;
    uint64_t limit = API_DOMAINS_LIMIT_DEFAULT;
    size_t first;
    if (http_request_query(request, "sort", &word) && !stats_sort_parse(word, &sort))
        return http_reply_problem_at(reply, 400, "sort is messages or fail", "query parameter sort");
    if (http_request_query(request, "limit", &word) && !http_count_parse(word, API_DOMAINS_LIMIT_MAX, &limit))
        return http_reply_problem_at(reply, 400, "limit is a number from 1 to 1000", "query parameter limit");
    (void)http_request_query(request, "cursor", &cursor);
    if (!take_view(request, reply, sort, &view)) return;
    if (stats_view_seek(&view, cursor, &first))
        api_write_stats_domains(&view, first, (size_t)limit, &reply->body);
    else
        http_reply_problem_at(reply, 400, "cursor is what next was in the page before", "query parameter cursor");
    stats_view_release(&view);
}

static void answer_domain(const struct http_request *request, struct http_reply *reply) {
    struct stats_domain domain;
    enum stats_window window;
    if (!read_window(request, reply, &window)) return;
    switch (stats_domain_take(request->sources->domains, request->parameter[0], window, &domain)) {
    case STATS_NOT_TRACKED:
        http_reply_problem_at(reply, 404,
                              "no mail was signed by this domain with a key that the DNS knows, or too little",
                              "path parameter domain");
        return;
    case STATS_NO_MEMORY: reply->body.failed = true; return;
    case STATS_FOUND: break;
    }
    reply->content_type = "application/json";
    api_write_stats_domain(&domain, &reply->body);
    stats_domain_release(&domain);
}

static void answer_version(const struct http_request *request, struct http_reply *reply) {
    reply->content_type = "application/json";
    api_write_version(&request->sources->build, &reply->body);
}

static const struct http_route routes[] = {
    {HTTP_GET, "/api/v1/stats", METRIC_HTTP_PATH_API, HTTP_PAGES, HTTP_FOR_READERS, 0, answer_stats,
     "results of all signatures, JSON; ?window=1h|24h|7d"},
    {HTTP_GET, "/api/v1/stats/domains", METRIC_HTTP_PATH_API, HTTP_PAGES, HTTP_FOR_READERS, 0, answer_domains,
     "results by signing domain, JSON; ?window=, ?sort=messages|fail, ?limit=1..1000, ?cursor="},
    {HTTP_GET, "/api/v1/stats/domains/{domain}", METRIC_HTTP_PATH_API, HTTP_PAGES, HTTP_FOR_READERS, 0, answer_domain,
     "one signing domain with its selectors, JSON; ?window="},
    {HTTP_GET, "/api/v1/stats/causes", METRIC_HTTP_PATH_API, HTTP_PAGES, HTTP_FOR_READERS, 0, answer_causes,
     "why signatures did not pass, JSON; ?window="},
    {HTTP_GET, "/api/v1/version", METRIC_HTTP_PATH_API, HTTP_PAGES, HTTP_FOR_READERS, 0, answer_version,
     "what runs here, JSON"},
};
const struct http_route_table api_routes = {routes, sizeof routes / sizeof *routes};
