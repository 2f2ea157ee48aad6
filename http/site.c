#include "http/site.h"
#include "base/metrics.h"
#include "http/page.h"

const struct http_route_table *const http_site[] = {&front_routes, &scrape_routes, &stats_page_routes, &help_page_routes,
                                                   &tester_page_routes, &api_routes, &api_tester_routes};
const size_t http_site_count = sizeof http_site / sizeof *http_site;

/* Paths with parameters are no links. */
static void write_line(const struct http_route *route, struct bytes *out) {
    if (route->about == NULL) return;
    if (strchr(route->path, '{') != NULL)
        bytes_append_format(out, "<li>%s: %s</li>\n", route->path, route->about);
    else
        bytes_append_format(out, "<li><a href=\"%s\">%s</a>: %s</li>\n", route->path, route->path, route->about);
}

static void answer_routes(const struct http_request *request, struct http_reply *reply) {
    (void)request;
    reply->content_type = "text/html; charset=utf-8";
    reply->language = "en";
    bytes_append_text(&reply->body,
                      "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                      "<meta name=\"viewport\" content=\"width=device-width\">\n<title>sceau</title>\n</head>\n<body>\n"
                      "<main>\n<h1>sceau</h1>\n<p>DKIM verification filter.</p>\n<ul>\n");
    for (size_t i = 0; i < http_site_count; i++)
        for (size_t j = 0; j < http_site[i]->count; j++) write_line(&http_site[i]->routes[j], &reply->body);
    bytes_append_text(&reply->body, "</ul>\n</main>\n</body>\n</html>\n");
}

static void answer_front(const struct http_request *request, struct http_reply *reply) {
    if (request->sources->tester != NULL)
        page_redirect(request, reply, (struct span){0});
    else
        answer_routes(request, reply);
}

static const struct http_route routes[] = {
    {HTTP_GET, "/", METRIC_HTTP_PATH_PAGE, HTTP_PAGES | HTTP_TESTER, HTTP_FOR_ALL, 0, answer_front, "the tester, where it is on; else this page"},
    {HTTP_GET, "/routes", METRIC_HTTP_PATH_PAGE, HTTP_PAGES, HTTP_FOR_ALL, 0, answer_routes, "this page"},
};
const struct http_route_table front_routes = {routes, sizeof routes / sizeof *routes};
