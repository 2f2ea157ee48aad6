#include "http/route.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "base/metrics.h"

static void answer(const struct http_request *request, struct http_reply *reply) { (void)request, (void)reply; }

static const struct http_route first[] = {
    {HTTP_GET, "/", METRIC_HTTP_PATH_PAGE, HTTP_PAGES, HTTP_FOR_ALL, 0, answer, NULL},
    {HTTP_GET, "/a/x", METRIC_HTTP_PATH_PAGE, HTTP_PAGES, HTTP_FOR_ALL, 0, answer, NULL},
    {HTTP_GET, "/a/{b}", METRIC_HTTP_PATH_API, HTTP_PAGES, HTTP_FOR_ALL, 0, answer, NULL},
    {HTTP_POST, "/a/{b}", METRIC_HTTP_PATH_API, HTTP_PAGES, HTTP_FOR_ALL, 10, answer, NULL},
};
static const struct http_route second[] = {
    {HTTP_GET, "/m", METRIC_HTTP_PATH_METRICS, HTTP_METRICS, HTTP_FOR_ALL, 0, answer, NULL},
    {HTTP_DELETE, "/{a}/n/{b}", METRIC_HTTP_PATH_API, HTTP_EVERYTHING, HTTP_FOR_ALL, 0, answer, NULL},
};
static const struct http_route_table tables[] = {{first, 4}, {second, 2}};
static const struct http_route_table *const site[] = {&tables[0], &tables[1]};

static const struct {
    unsigned services, method;
    const char *path;
    const struct http_route *want;
    unsigned methods;
    const char *parameter[2];
} rows[] = {
    {HTTP_EVERYTHING, HTTP_GET, "/", &first[0], HTTP_GET, {NULL}},
    {HTTP_EVERYTHING, HTTP_GET, "/a/x", &first[1], HTTP_GET, {NULL}},
    {HTTP_EVERYTHING, HTTP_GET, "/a/y.example", &first[2], HTTP_GET, {"y.example"}},
    {HTTP_EVERYTHING, HTTP_POST, "/a/x", &first[3], HTTP_GET | HTTP_POST, {"x"}},
    {HTTP_EVERYTHING, HTTP_DELETE, "/a/x", NULL, HTTP_GET | HTTP_POST, {NULL}},
    {HTTP_EVERYTHING, 0, "/a/x", NULL, HTTP_GET | HTTP_POST, {NULL}},
    {HTTP_EVERYTHING, HTTP_GET, "/a/", NULL, 0, {NULL}}, /* a parameter is not empty */
    {HTTP_EVERYTHING, HTTP_GET, "/a", NULL, 0, {NULL}},
    {HTTP_EVERYTHING, HTTP_GET, "/a/x/", NULL, 0, {NULL}},
    {HTTP_EVERYTHING, HTTP_GET, "a/x", NULL, 0, {NULL}},
    {HTTP_EVERYTHING, HTTP_GET, "//a/x", NULL, 0, {NULL}},
    {HTTP_EVERYTHING, HTTP_GET, "", NULL, 0, {NULL}},
    {HTTP_EVERYTHING, HTTP_GET, "*", NULL, 0, {NULL}},
    {HTTP_EVERYTHING, HTTP_DELETE, "/1/n/2", &second[1], HTTP_DELETE, {"1", "2"}},
    {HTTP_EVERYTHING, HTTP_DELETE, "/1/o/2", NULL, 0, {NULL}},
    {HTTP_METRICS, HTTP_GET, "/m", &second[0], HTTP_GET, {NULL}},
    {HTTP_PAGES, HTTP_GET, "/m", NULL, 0, {NULL}},
    {HTTP_METRICS, HTTP_GET, "/a/x", NULL, 0, {NULL}},
};

static void every_path_finds_its_row(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        size_t len = strlen(rows[i].path);
        char *exact = memcpy(malloc(len > 0 ? len : 1), rows[i].path, len);
        struct http_match match;
        http_route_find(site, 2, rows[i].services, rows[i].method, (struct span){exact, len}, &match);
        if (match.route != rows[i].want || match.methods != rows[i].methods) fail_msg("row %zu: %s", i, rows[i].path);
        for (size_t j = 0; j < 2 && rows[i].parameter[j] != NULL; j++)
            if (!span_is(match.parameter[j], rows[i].parameter[j])) fail_msg("row %zu: %s", i, rows[i].path);
        free(exact);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_path_finds_its_row)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
