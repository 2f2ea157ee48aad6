#include "cli/daemon_http.h"
#include <stdlib.h>
#include "base/clock.h"
#include "base/options.h"
#include "http/access.h"
#include "http/server.h"
#include "http/tester.h"

struct daemon_http {
    struct access *access; /* NULL: nobody is asked */
    size_t count;
    struct http_server *server[];
};

enum {
    TESTER_STREAMS_MAX = TESTER_WATCHERS_MAX + 64, /* answers that are still made */
    TESTER_HEAD_MAX = 4 * 1024, /* many connections stay open, and there are no cookies */
};

static bool listen_on(struct daemon_http *http, const struct options *options, const struct endpoint_list *list,
                      unsigned services, const struct http_sources *sources, char **error) {
    for (size_t i = 0; i < list->count; i++) {
        const struct http_server_setup setup = {
            .listen = &list->item[i],
            .services = services,
            .access = http->access,
            .is_for_everybody = options->http_for_everybody != 0 || services == HTTP_TESTER,
            .streams_max = sources->tester != NULL && (services & HTTP_TESTER) != 0 ? TESTER_STREAMS_MAX : 0,
            .head_max = services == HTTP_TESTER ? TESTER_HEAD_MAX : 0,
            .trusts_forwarded_for = options->http_forwarded_for != 0,
            .sources = *sources,
        };
        struct http_server *server = http_server_create(&setup, error);
        if (server == NULL) return false;
        http->server[http->count++] = server;
    }
    return true;
}

struct daemon_http *daemon_http_open(const struct options *options, const struct http_sources *sources, char **error) {
    size_t count = options->http_listen.count + options->http_metrics_listen.count + options->tester_listen.count;
    struct daemon_http *http = calloc(1, sizeof *http + count * sizeof *http->server);
    *error = NULL;
    if (http == NULL) return NULL;
    bool wants_access = options->http_access_file[0] != '\0';
    if (wants_access) http->access = access_create(options->http_access_file, &clock_system, error);
    if ((!wants_access || http->access != NULL) &&
        listen_on(http, options, &options->http_listen, HTTP_EVERYTHING, sources, error) &&
        listen_on(http, options, &options->http_metrics_listen, HTTP_METRICS, sources, error) &&
        (sources->tester == NULL || listen_on(http, options, &options->tester_listen, HTTP_TESTER, sources, error)))
        return http;
    daemon_http_close(http);
    return NULL;
}

bool daemon_http_reload(struct daemon_http *http, const struct options *options, char **error) {
    *error = NULL;
    if (http->access == NULL || options->http_access_file[0] == '\0') return true;
    return access_reload(http->access, options->http_access_file, error);
}

void daemon_http_close(struct daemon_http *http) {
    if (http == NULL) return;
    for (size_t i = 0; i < http->count; i++) http_server_destroy(http->server[i]);
    access_destroy(http->access);
    free(http);
}

bool daemon_http_is_valid(const struct options *options, char **error) {
    *error = NULL;
    if (options->http_access_file[0] == '\0') return true;
    struct access *access = access_create(options->http_access_file, &clock_system, error);
    access_destroy(access);
    return access != NULL;
}
