/* What machines ask for: the metrics, and whether this program is alive and takes mail. */
#include "base/metrics.h"
#include "http/site.h"

static void answer_metrics(const struct http_request *request, struct http_reply *reply) {
    enum exposition_format format = exposition_format_for(http_request_field(request, "Accept"));
    const struct exposition_source source = {request->sources->metrics, request->sources->domains, request->sources->build,
                                              request->sources->rule_counts};
    reply->content_type = exposition_content_type(format);
    reply->vary = "Accept";
    exposition_write(&source, format, &reply->body); /* a failure shows in body.failed */
}

static void answer_healthz(const struct http_request *request, struct http_reply *reply) {
    (void)request;
    bytes_append_text(&reply->body, "ok\n");
}

static void answer_readyz(const struct http_request *request, struct http_reply *reply) {
    const struct http_sources *sources = request->sources;
    if (sources->ready == NULL || sources->ready(sources->owner, &reply->body)) {
        bytes_clear(&reply->body);
        bytes_append_text(&reply->body, "ready\n");
        return;
    }
    reply->status = 503;
    if (reply->body.len == 0) bytes_append_text(&reply->body, "not ready");
    bytes_append_char(&reply->body, '\n');
}

static const struct http_route routes[] = {
    {HTTP_GET, "/metrics", METRIC_HTTP_PATH_METRICS, HTTP_METRICS, HTTP_FOR_READERS, 0, answer_metrics,
     "all counters, for Prometheus"},
    {HTTP_GET, "/healthz", METRIC_HTTP_PATH_HEALTHZ, HTTP_EVERYTHING, HTTP_FOR_ALL, 0, answer_healthz,
     "200 when the server answers"},
    {HTTP_GET, "/readyz", METRIC_HTTP_PATH_READYZ, HTTP_EVERYTHING, HTTP_FOR_ALL, 0, answer_readyz,
     "200 when mail is taken, else 503 and why not"},
};
const struct http_route_table scrape_routes = {routes, sizeof routes / sizeof *routes};
