#include "http/route.h"
#include "base/metrics.h"

/* Takes the segment in front of the next slash, and the slash. */
static struct span take_segment(struct span *rest) {
    size_t len = span_find(*rest, '/');
    struct span segment = span_first(*rest, len);
    *rest = span_after(*rest, len < rest->len ? len + 1 : len);
    return segment;
}

static size_t count_slashes(struct span path) {
    size_t count = 0;
    for (size_t i = 0; i < path.len; i++) count += path.ptr[i] == '/';
    return count;
}

static bool matches(struct span pattern, struct span path, struct span parameter[HTTP_PARAMETERS_MAX]) {
    size_t used = 0;
    if (count_slashes(pattern) != count_slashes(path)) return false; /* from here on both have as many segments */
    while (pattern.len > 0) {
        struct span want = take_segment(&pattern), got = take_segment(&path);
        bool is_parameter = want.len > 1 && want.ptr[0] == '{' && used < HTTP_PARAMETERS_MAX;
        if (is_parameter ? got.len == 0 : !span_equal(want, got)) return false;
        if (is_parameter) parameter[used++] = got;
    }
    return path.len == 0;
}

void http_route_find(const struct http_route_table *const *tables, size_t count, unsigned services, unsigned method,
                     struct span path, struct http_match *match) {
    *match = (struct http_match){.metric_path = METRIC_HTTP_PATH_OTHER};
    for (size_t i = 0; i < count; i++) {
        const struct http_route *end = tables[i]->routes + tables[i]->count;
        for (const struct http_route *route = tables[i]->routes; route < end; route++) {
            struct span parameter[HTTP_PARAMETERS_MAX] = {0};
            if ((route->services & services) == 0 || !matches(span_of(route->path), path, parameter)) continue;
            match->methods |= route->method;
            match->metric_path = route->metric_path;
            if (route->method != method) continue;
            match->route = route;
            memcpy(match->parameter, parameter, sizeof parameter);
            return;
        }
    }
}
