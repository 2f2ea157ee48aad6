/* http/site.h -- all there is to be served: the tables of routes, and the page that names them: the first one, unless
 * there is a tester.
 * A new page: a row in a table; a new table: a row in site.c. */
#pragma once
#include "http/route.h"

extern const struct http_route_table *const http_site[];
extern const size_t http_site_count;

/* The tables, each in its own http/X_routes.c. */
extern const struct http_route_table front_routes;  /* /, /routes */
extern const struct http_route_table scrape_routes; /* /metrics, /healthz, /readyz */
extern const struct http_route_table api_routes;    /* /api/v1/ */
extern const struct http_route_table api_tester_routes; /* /api/v1/verify, tests, shared, dkim, record */
extern const struct http_route_table stats_page_routes; /* /stats, /fr/stats, /en/stats, /assets/ */
extern const struct http_route_table help_page_routes;  /* /help, /aide */
extern const struct http_route_table tester_page_routes; /* /fr/, /en/, /t/, /r/, /d/ */
