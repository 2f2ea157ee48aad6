/* The JSON API, /api/v1/: questions read from paths and queries; what is said stands in http/api.c. */
#include "base/metrics.h"
#include "http/api.h"
#include "http/site.h"

static void answer_domains(const struct http_request *request, struct http_reply *reply) {
    struct span sort = span_of("messages"), limit;
    uint64_t count = API_DOMAINS_LIMIT_DEFAULT;
    (void)http_request_query(request, "sort", &sort);
    bool by_failures = span_is(sort, "fail");
    if (!by_failures && !span_is(sort, "messages")) return http_reply_problem(reply, 400, "sort is messages or fail");
    if (http_request_query(request, "limit", &limit) && !http_count_parse(limit, API_DOMAINS_LIMIT_MAX, &count))
        return http_reply_problem(reply, 400, "limit is a number from 1 to 1000");
    reply->content_type = "application/json";
    if (!api_write_domains(request->sources->domains, by_failures ? DOMAIN_BY_FAILURES : DOMAIN_BY_SIGNATURES, (size_t)count,
                           &reply->body))
        reply->body.failed = true;
}

static void answer_version(const struct http_request *request, struct http_reply *reply) {
    reply->content_type = "application/json";
    api_write_version(&request->sources->build, &reply->body);
}

static const struct http_route routes[] = {
    {HTTP_GET, "/api/v1/stats/domains", METRIC_HTTP_PATH_API, HTTP_PAGES, HTTP_FOR_READERS, 0, answer_domains,
     "results by signing domain, JSON; ?sort=messages|fail, ?limit=1..1000"},
    {HTTP_GET, "/api/v1/version", METRIC_HTTP_PATH_API, HTTP_PAGES, HTTP_FOR_READERS, 0, answer_version, "what runs here, JSON"},
};
const struct http_route_table api_routes = {routes, sizeof routes / sizeof *routes};
