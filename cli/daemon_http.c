#include "cli/daemon_http.h"
#include <stdlib.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/options.h"
#include "http/access.h"
#include "http/listen_socket.h"
#include "http/server.h"
#include "http/tester.h"

struct place {
    int fd; /* until its server has it; then -1 */
    bool is_given;
    struct http_server *server; /* NULL: not started */
};

enum {
    TESTER_STREAMS_MAX = TESTER_WATCHERS_MAX + 64, /* answers that are still made */
    TESTER_HEAD_MAX = 4 * 1024, /* many connections stay open, and there are no cookies */
};

struct daemon_http {
    const struct options *options; /* until start */
    struct access *access;         /* NULL: nobody is asked */
    size_t count;
    struct place place[];
};

size_t daemon_http_count(const struct options *options) {
    return options->http_listen.count + options->http_metrics_listen.count + options->tester_listen.count;
}

/* The list that the address at is in, and what is served there. */
static const struct endpoint_list *list_of(const struct options *options, size_t *at, unsigned *services) {
    const struct { const struct endpoint_list *list; unsigned services; } lists[] = {
        {&options->http_listen, HTTP_EVERYTHING}, {&options->http_metrics_listen, HTTP_METRICS}, {&options->tester_listen, HTTP_TESTER}};
    size_t i = 0;
    while (*at >= lists[i].list->count) *at -= lists[i++].list->count;
    *services = lists[i].services;
    return lists[i].list;
}

const struct endpoint *daemon_http_endpoint(const struct options *options, size_t at) {
    unsigned services;
    const struct endpoint_list *list = list_of(options, &at, &services);
    return &list->item[at];
}

static struct daemon_http *create(const struct options *options, const int *given) {
    size_t count = daemon_http_count(options);
    struct daemon_http *http = calloc(1, sizeof *http + count * sizeof *http->place);
    for (size_t i = 0; given != NULL && http == NULL && i < count; i++)
        if (given[i] >= 0) close(given[i]);
    if (http == NULL) return NULL;
    http->options = options;
    http->count = count;
    for (size_t i = 0; i < count; i++) {
        http->place[i].fd = given != NULL ? given[i] : -1;
        http->place[i].is_given = http->place[i].fd >= 0;
    }
    return http;
}

static bool open_sockets(struct daemon_http *http, char **error) {
    for (size_t i = 0; i < http->count; i++) {
        struct place *place = &http->place[i];
        if (!place->is_given) place->fd = listen_socket_open(daemon_http_endpoint(http->options, i), error);
        if (place->fd < 0) return false;
    }
    return true;
}

struct daemon_http *daemon_http_open(const struct options *options, const int *given, char **error) {
    *error = NULL;
    struct daemon_http *http = create(options, given);
    if (http == NULL) return NULL;
    bool wants_access = options->http_access_file[0] != '\0';
    if (wants_access) http->access = access_create(options->http_access_file, &clock_system, error);
    if ((!wants_access || http->access != NULL) && open_sockets(http, error)) return http;
    daemon_http_close(http);
    return NULL;
}

static bool serve(struct daemon_http *http, size_t at, const struct http_sources *sources, char **error) {
    const struct options *options = http->options;
    struct place *place = &http->place[at];
    unsigned services;
    size_t in_list = at;
    (void)list_of(options, &in_list, &services);
    const struct http_server_setup setup = {
        .listen = daemon_http_endpoint(options, at),
        .is_given = true,
        .given = place->fd,
        .keeps_file = place->is_given,
        .connections_max = (unsigned)options->http_connections_max,
        .connections_per_address_max = (unsigned)options->http_connections_per_address_max,
        .services = services,
        .access = http->access,
        .is_for_everybody = options->http_for_everybody != 0 || services == HTTP_TESTER,
        .streams_max = sources->tester != NULL && (services & HTTP_TESTER) != 0 ? TESTER_STREAMS_MAX : 0,
        .head_max = services == HTTP_TESTER ? TESTER_HEAD_MAX : 0,
        .trusts_forwarded_for = options->http_forwarded_for != 0,
        .sources = *sources,
    };
    place->server = http_server_create(&setup, error);
    place->fd = -1;
    return place->server != NULL;
}

bool daemon_http_start(struct daemon_http *http, const struct http_sources *sources, char **error) {
    bool serves = true;
    *error = NULL;
    for (size_t i = 0; serves && i < http->count; i++) serves = serve(http, i, sources, error);
    http->options = NULL;
    return serves;
}

bool daemon_http_reload(struct daemon_http *http, const struct options *options, char **error) {
    *error = NULL;
    if (http->access == NULL || options->http_access_file[0] == '\0') return true;
    return access_reload(http->access, options->http_access_file, error);
}

void daemon_http_close(struct daemon_http *http) {
    if (http == NULL) return;
    for (size_t i = 0; i < http->count; i++) {
        http_server_destroy(http->place[i].server);
        if (http->place[i].fd >= 0) close(http->place[i].fd);
    }
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
