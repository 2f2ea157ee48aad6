#include "http/server.h"
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <microhttpd.h>
#include "base/ascii.h"
#include "base/log.h"
#include "base/metrics.h"
#include "http/api.h"
#include "http/compress.h"
#include "http/listen_socket.h"
#include "http/negotiate.h"

enum {
    CONNECTIONS_MAX = 32,
    CONNECTIONS_PER_ADDRESS_MAX = 4,
    IDLE_TIMEOUT_S = 10,
    CONNECTION_MEMORY = 16 * 1024,
    REQUEST_BODY_MAX = 64 * 1024,
    PAGE_MAX = 16 * 1024 * 1024,
    COMPRESS_FROM = 1024,
};

struct http_server {
    struct MHD_Daemon *daemon;
    struct http_server_setup setup;
    struct metrics_worker *counters; /* of libmicrohttpd's thread */
    unsigned port;
    char unix_path[sizeof((struct endpoint *)0)->path]; /* "": none */
};

struct reply {
    unsigned status;
    const char *content_type;
    const char *vary;
    struct bytes body;
};

static void reply_problem(struct reply *reply, unsigned status, const char *title, const char *detail) {
    bytes_clear(&reply->body);
    reply->status = status;
    reply->content_type = "application/problem+json";
    api_write_problem(status, title, detail, &reply->body); /* a failure shows in body.failed */
}

static struct span request_header(struct MHD_Connection *connection, const char *name) {
    const char *value = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
    return span_of(value != NULL ? value : "");
}

static void answer_metrics(struct http_server *server, struct MHD_Connection *connection, struct reply *reply) {
    enum exposition_format format = exposition_format_for(request_header(connection, MHD_HTTP_HEADER_ACCEPT));
    const struct exposition_source source = {server->setup.metrics, server->setup.domains, server->setup.build,
                                             server->setup.rule_counts};
    reply->content_type = exposition_content_type(format);
    reply->vary = "Accept, Accept-Encoding";
    exposition_write(&source, format, &reply->body);
}

static void answer_healthz(struct http_server *server, struct MHD_Connection *connection, struct reply *reply) {
    (void)server;
    (void)connection;
    bytes_append_text(&reply->body, "ok\n");
}

static void answer_readyz(struct http_server *server, struct MHD_Connection *connection, struct reply *reply) {
    (void)connection;
    if (server->setup.ready == NULL || server->setup.ready(server->setup.owner, &reply->body)) {
        bytes_clear(&reply->body);
        bytes_append_text(&reply->body, "ready\n");
        return;
    }
    reply->status = MHD_HTTP_SERVICE_UNAVAILABLE;
    if (reply->body.len == 0) bytes_append_text(&reply->body, "not ready");
    bytes_append_char(&reply->body, '\n');
}

/* A count from 1 to max in digits only. */
static bool read_count(const char *text, size_t max, size_t *count) {
    size_t value = 0;
    const char *at = text;
    for (; ascii_is_digit(*at) && value <= max; at++) value = value * 10 + (size_t)(*at - '0');
    *count = value;
    return at > text && *at == '\0' && value >= 1 && value <= max;
}

static void answer_domains(struct http_server *server, struct MHD_Connection *connection, struct reply *reply) {
    const char *sort = MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, "sort");
    const char *limit = MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, "limit");
    size_t count = API_DOMAINS_LIMIT_DEFAULT;
    bool by_failures = sort != NULL && strcmp(sort, "fail") == 0;
    if (sort != NULL && !by_failures && strcmp(sort, "messages") != 0)
        return reply_problem(reply, MHD_HTTP_BAD_REQUEST, "Bad Request", "sort is messages or fail");
    if (limit != NULL && !read_count(limit, API_DOMAINS_LIMIT_MAX, &count))
        return reply_problem(reply, MHD_HTTP_BAD_REQUEST, "Bad Request", "limit is a number from 1 to 1000");
    reply->content_type = "application/json";
    if (!api_write_domains(server->setup.domains, by_failures ? DOMAIN_BY_FAILURES : DOMAIN_BY_SIGNATURES, count, &reply->body))
        reply->body.failed = true;
}

static void answer_version(struct http_server *server, struct MHD_Connection *connection, struct reply *reply) {
    (void)connection;
    reply->content_type = "application/json";
    api_write_version(&server->setup.build, &reply->body);
}

static void answer_page(struct http_server *server, struct MHD_Connection *connection, struct reply *reply);

/* What is served: one row is the dispatch, the label of the metric and the line on the first page. */
static const struct route {
    const char *path;
    unsigned metric_path;
    void (*answer)(struct http_server *server, struct MHD_Connection *connection, struct reply *reply);
    const char *about;
} routes[] = {
    {"/", METRIC_HTTP_PATH_PAGE, answer_page, "this page"},
    {"/metrics", METRIC_HTTP_PATH_METRICS, answer_metrics, "all counters, for Prometheus"},
    {"/healthz", METRIC_HTTP_PATH_HEALTHZ, answer_healthz, "200 when the server answers"},
    {"/readyz", METRIC_HTTP_PATH_READYZ, answer_readyz, "200 when mail is taken, else 503 and why not"},
    {"/api/v1/stats/domains", METRIC_HTTP_PATH_API, answer_domains,
     "results by signing domain, JSON; ?sort=messages|fail, ?limit=1..1000"},
    {"/api/v1/version", METRIC_HTTP_PATH_API, answer_version, "what runs here, JSON"},
};

static void answer_page(struct http_server *server, struct MHD_Connection *connection, struct reply *reply) {
    (void)server;
    (void)connection;
    reply->content_type = "text/html; charset=utf-8";
    bytes_append_text(&reply->body,
                      "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                      "<meta name=\"viewport\" content=\"width=device-width\">\n<title>sceau</title>\n</head>\n<body>\n"
                      "<h1>sceau</h1>\n<p>DKIM verification filter.</p>\n<ul>\n");
    for (const struct route *route = routes; route < routes + sizeof routes / sizeof *routes; route++)
        bytes_append_format(&reply->body, "<li><a href=\"%s\">%s</a>: %s</li>\n", route->path, route->path, route->about);
    bytes_append_text(&reply->body, "</ul>\n</body>\n</html>\n");
}

static const struct route *find_route(const char *path) {
    for (const struct route *route = routes; route < routes + sizeof routes / sizeof *routes; route++)
        if (strcmp(route->path, path) == 0) return route;
    return NULL;
}

static unsigned metric_code(unsigned status) {
    switch (status) {
    case MHD_HTTP_OK: return METRIC_HTTP_CODE_200;
    case MHD_HTTP_BAD_REQUEST: return METRIC_HTTP_CODE_400;
    case MHD_HTTP_NOT_FOUND: return METRIC_HTTP_CODE_404;
    case MHD_HTTP_METHOD_NOT_ALLOWED: return METRIC_HTTP_CODE_405;
    case MHD_HTTP_SERVICE_UNAVAILABLE: return METRIC_HTTP_CODE_503;
    default: return METRIC_HTTP_CODE_OTHER;
    }
}

/* RFC 9110 12.5.3: without a word for gzip, the wildcard decides. */
static bool accepts_gzip(struct MHD_Connection *connection) {
    struct span accepted = request_header(connection, MHD_HTTP_HEADER_ACCEPT_ENCODING);
    int quality = negotiate_quality(accepted, "gzip");
    if (quality == NEGOTIATE_NOT_NAMED) quality = negotiate_quality(accepted, "*");
    return quality > 0;
}

/* Puts a compressed body in the place of the body; false when it stays as it is. */
static bool compress(struct reply *reply) {
    struct bytes small = bytes_with_cap(PAGE_MAX);
    if (reply->body.len < COMPRESS_FROM || !compress_gzip(bytes_span(&reply->body), &small)) {
        bytes_release(&small);
        return false;
    }
    bytes_release(&reply->body);
    reply->body = small;
    return true;
}

static bool add_headers(struct MHD_Response *response, const struct reply *reply, bool is_gzip) {
    const struct { const char *name, *value; } headers[] = {
        {MHD_HTTP_HEADER_CONTENT_TYPE, reply->content_type},
        {MHD_HTTP_HEADER_VARY, reply->vary},
        {MHD_HTTP_HEADER_CONTENT_ENCODING, is_gzip ? "gzip" : NULL},
        {MHD_HTTP_HEADER_ALLOW, reply->status == MHD_HTTP_METHOD_NOT_ALLOWED ? "GET, HEAD" : NULL},
        {MHD_HTTP_HEADER_CACHE_CONTROL, "no-store"},
        {"X-Content-Type-Options", "nosniff"},
        {"Referrer-Policy", "no-referrer"},
        {"Cross-Origin-Resource-Policy", "same-origin"},
        {"Content-Security-Policy", "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"},
    };
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++)
        if (headers[i].value != NULL && MHD_add_response_header(response, headers[i].name, headers[i].value) != MHD_YES)
            return false;
    return true;
}

/* Takes the reply's body. MHD_NO closes the connection. */
static enum MHD_Result send_reply(struct MHD_Connection *connection, struct reply *reply) {
    bool is_gzip = accepts_gzip(connection) && compress(reply);
    struct MHD_Response *response = MHD_create_response_from_buffer(reply->body.len, reply->body.ptr, MHD_RESPMEM_MUST_FREE);
    if (response == NULL) {
        bytes_release(&reply->body);
        return MHD_NO;
    }
    enum MHD_Result result = add_headers(response, reply, is_gzip) ? MHD_queue_response(connection, reply->status, response) : MHD_NO;
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result answer(struct http_server *server, struct MHD_Connection *connection, const char *path, const char *method) {
    struct reply reply = {.status = MHD_HTTP_OK, .content_type = "text/plain; charset=utf-8", .vary = "Accept-Encoding",
                          .body = bytes_with_cap(PAGE_MAX)};
    const struct route *route = find_route(path);
    if (route == NULL)
        reply_problem(&reply, MHD_HTTP_NOT_FOUND, "Not Found", "there is no such page; / names those there are");
    else if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
        reply_problem(&reply, MHD_HTTP_METHOD_NOT_ALLOWED, "Method Not Allowed", "only GET and HEAD are allowed here");
    else
        route->answer(server, connection, &reply);
    if (reply.body.failed) reply_problem(&reply, MHD_HTTP_INTERNAL_SERVER_ERROR, "Internal Server Error", "out of memory");
    metrics_count(server->counters, METRIC_HTTP_REQUESTS, route != NULL ? route->metric_path : METRIC_HTTP_PATH_OTHER,
                  metric_code(reply.status));
    return send_reply(connection, &reply);
}

/* libmicrohttpd calls it with the head, then with each piece of a body, then without any. *seen counts the body's octets,
 * plus 1, in the pointer itself: there is nothing to free. */
static enum MHD_Result on_request(void *owner, struct MHD_Connection *connection, const char *url, const char *method,
                                  const char *version, const char *upload, size_t *upload_len, void **seen) {
    uintptr_t octets = (uintptr_t)*seen;
    (void)version;
    (void)upload;
    if (octets > 0 && *upload_len == 0) return answer(owner, connection, url, method);
    octets += octets == 0 ? 1 : *upload_len;
    if (octets > REQUEST_BODY_MAX) return MHD_NO;
    if ((uintptr_t)*seen > 0) *upload_len = 0; /* read, and thrown away: no page wants a body */
    *seen = (void *)octets;
    return MHD_YES;
}

/* What libmicrohttpd has to say; mostly of clients. */
static void on_log(void *owner, const char *format, va_list args) {
    char text[256];
    struct log_line line;
    (void)owner;
    int len = vsnprintf(text, sizeof text, format, args);
    if (len <= 0) return;
    log_begin(&line, LOG_LEVEL_WARNING, "http");
    log_span(&line, "text", (struct span){text, strcspn(text, "\r\n")});
    log_end(&line);
}

/* The thread inherits the mask: signals are for the daemon's main thread. */
static struct MHD_Daemon *start_daemon(struct http_server *server, int fd) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    struct MHD_Daemon *daemon = MHD_start_daemon(
        MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ITC | MHD_USE_ERROR_LOG, 0, NULL, NULL,
        on_request, server, MHD_OPTION_EXTERNAL_LOGGER, on_log, NULL, MHD_OPTION_LISTEN_SOCKET, fd,
        MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS_MAX, MHD_OPTION_PER_IP_CONNECTION_LIMIT,
        (unsigned)CONNECTIONS_PER_ADDRESS_MAX, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_TIMEOUT_S,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY, MHD_OPTION_END);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return daemon;
}

struct http_server *http_server_create(const struct http_server_setup *setup, char **error) {
    *error = NULL;
    struct http_server *server = calloc(1, sizeof *server);
    int fd = server != NULL ? listen_socket_open(setup->listen, error) : -1;
    if (fd < 0) return free(server), NULL;
    server->setup = *setup;
    server->setup.listen = NULL;
    server->port = listen_socket_port(fd);
    if (setup->listen->is_unix) memcpy(server->unix_path, setup->listen->path, sizeof server->unix_path);
    server->counters = metrics_worker_create(setup->metrics);
    server->daemon = start_daemon(server, fd); /* on success fd is its own */
    if (server->daemon == NULL) {
        *error = strdup("http cannot start its thread");
        close(fd);
        http_server_destroy(server);
        return NULL;
    }
    return server;
}

void http_server_destroy(struct http_server *server) {
    if (server == NULL) return;
    if (server->daemon != NULL) MHD_stop_daemon(server->daemon);
    if (server->unix_path[0] != '\0') unlink(server->unix_path);
    free(server);
}

unsigned http_server_port(const struct http_server *server) { return server->port; }
