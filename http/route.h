/* http/route.h -- which function answers which path: rows in tables, and how a path finds its row.
 * A module that serves pages keeps a table of its own, in http/X_routes.c, and stands with it in http/site.c:
 *   static const struct http_route routes[] = {
 *       {HTTP_GET, "/api/v1/stats/domains/{domain}", METRIC_HTTP_PATH_API, HTTP_PAGES, HTTP_FOR_READERS, 0, answer, "..."},
 *   };
 *   const struct http_route_table stats_routes = {routes, sizeof routes / sizeof *routes};
 * {} in a path stands for one segment, which is not empty and becomes the request's next parameter. Rows are tried in
 * order, so a literal one stands in front of one with {} that would fit as well.
 * Pure: no allocation, I/O, clock or lock. Cost: one comparison a row. */
#pragma once
#include <stddef.h>
#include "http/exchange.h"

/* Listeners may serve only some of all there is. */
enum http_service { HTTP_METRICS = 1, HTTP_PAGES = 2, HTTP_TESTER = 4, HTTP_EVERYTHING = HTTP_METRICS | HTTP_PAGES | HTTP_TESTER };

/* Who may see it: what tells who writes to whom, or of this machine, is for readers that the access file knows. */
enum http_audience { HTTP_FOR_ALL, HTTP_FOR_READERS };

struct http_route {
    enum http_method method;
    const char *path;
    unsigned metric_path;  /* METRIC_HTTP_PATH_ */
    unsigned services;     /* enum http_service, together */
    enum http_audience audience;
    size_t body_max;       /* octets; 0: takes none, and what comes is thrown away */
    void (*answer)(const struct http_request *request, struct http_reply *reply);
    const char *about;     /* its line on the first page, plain text; NULL: it does not stand there */
};

struct http_route_table { const struct http_route *routes; size_t count; };

struct http_match {
    const struct http_route *route; /* NULL: none for this method */
    unsigned methods;               /* enum http_method, together: those the path knows; 0: there is no such path */
    unsigned metric_path;           /* of the path, whatever the method */
    struct span parameter[HTTP_PARAMETERS_MAX];
};

/* The row of method and path among count tables, for a listener that serves services. Parameters borrow from path. method
 * may be 0: one that no row knows. */
void http_route_find(const struct http_route_table *const *tables, size_t count, unsigned services, unsigned method,
                     struct span path, struct http_match *match);
