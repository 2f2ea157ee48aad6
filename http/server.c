#include "http/server.h"
#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <fcntl.h>
#include <microhttpd.h>
#include "base/ascii.h"
#include "base/list.h"
#include "base/log.h"
#include "base/metrics.h"
#include "http/access.h"
#include "http/client_address.h"
#include "http/event_stream.h"
#include "http/guest_list.h"
#include "http/listen_socket.h"
#include "http/response.h"
#include "http/same_origin.h"
#include "http/site.h"

enum {
    LEAVING_MAX = 32, /* connections that were told to go and have not gone yet */
    IDLE_TIMEOUT_S = 10,
    UNWANTED_BODY_MAX = 64 * 1024,
    PATH_MAX_OCTETS = SERVER_HEAD_MAX,
    STREAM_BLOCK = 512, /* one for each stream that is open */
};

struct http_server {
    struct MHD_Daemon *daemon;
    struct http_server_setup setup;
    struct metrics_worker *counters; /* of libmicrohttpd's thread */
    struct guest_list guests;        /* that thread's, too */
    size_t body_octets;              /* and so are these: of bodies that are gathered now */
    pthread_mutex_t streams_lock;    /* for what follows; taken before a stream's own */
    struct list streams;
    size_t stream_count;
    bool is_stopping;
    unsigned port;
    char unix_path[sizeof((struct endpoint *)0)->path]; /* "": none */
};

/* One request under way. */
struct visit {
    struct http_server *server;
    struct MHD_Connection *connection;
    struct bytes path, body;
    struct http_match match; /* borrows from path */
    unsigned method;         /* enum http_method; 0: none that we know */
    enum access_answer access;
    uint64_t unwanted;       /* octets of a body that were thrown away */
    struct event_stream *stream; /* NULL: the answer is a whole one */
    struct list node;            /* in server->streams */
};

/* ---- requests ---- */

static bool find(const void *connection, enum http_part part, const char *name, struct span *value) {
    struct MHD_Connection *asked = (struct MHD_Connection *)(uintptr_t)connection; /* it is only read */
    enum MHD_ValueKind kind = part == HTTP_PART_FIELD ? MHD_HEADER_KIND : MHD_GET_ARGUMENT_KIND;
    const char *text = NULL;
    size_t len = 0;
    if (MHD_lookup_connection_value_n(asked, kind, name, strlen(name), &text, &len) != MHD_YES) return false;
    *value = (struct span){text, text != NULL ? len : 0}; /* "?name" without = has no text */
    return true;
}

static struct span field(struct MHD_Connection *connection, const char *name) {
    struct span value = {0};
    return find(connection, HTTP_PART_FIELD, name, &value) ? value : (struct span){0};
}

/* Decodes %XX in place. %00 and %2F stay as they are: one would end a C string, the other would divide a path. */
static size_t unescape(void *owner, struct MHD_Connection *connection, char *text) {
    char *to = text;
    (void)owner;
    (void)connection;
    for (const char *from = text; *from != '\0'; to++) {
        int high = *from == '%' ? ascii_hex_value(from[1]) : -1, low = high >= 0 ? ascii_hex_value(from[2]) : -1;
        char octet = low >= 0 ? (char)(high * 16 + low) : '\0';
        bool decodes = octet != '\0' && octet != '/';
        *to = decodes ? octet : *from;
        from += decodes ? 3 : 1;
    }
    *to = '\0';
    return (size_t)(to - text);
}

/* RFC 9112 3.2.2: a whole URI as the target means its path. */
static struct span path_of(const char *url) {
    struct span text = span_of(url);
    const char scheme[] = "http://";
    if (text.len < sizeof scheme - 1 || !span_equal_nocase(span_first(text, sizeof scheme - 1), span_of(scheme))) return text;
    text = span_after(text, sizeof scheme - 1);
    text = span_after(text, span_find(text, '/'));
    return text.len > 0 ? text : span_of("/");
}

static unsigned method_of(const char *word) {
    static const struct { const char *word; unsigned method; } methods[] = {
        {"GET", HTTP_GET}, {"HEAD", HTTP_GET}, {"POST", HTTP_POST}, {"DELETE", HTTP_DELETE}};
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++)
        if (strcmp(word, methods[i].word) == 0) return methods[i].method;
    return 0;
}

/* Nothing is gathered for those whom the page is not for. */
static size_t body_max(const struct visit *visit) {
    return visit->match.route != NULL && visit->access == ACCESS_GRANTED ? visit->match.route->body_max : 0;
}

static enum access_answer access_of(const struct visit *visit) {
    const struct http_route *route = visit->match.route;
    struct access *access = visit->server->setup.access;
    if (route == NULL || route->audience == HTTP_FOR_ALL || access == NULL) return ACCESS_GRANTED;
    return access_check(access, field(visit->connection, MHD_HTTP_HEADER_AUTHORIZATION));
}

static struct visit *begin_visit(struct http_server *server, struct MHD_Connection *connection, const char *url, const char *method) {
    struct visit *visit = calloc(1, sizeof *visit);
    if (visit == NULL) return NULL;
    visit->server = server;
    visit->connection = connection;
    visit->path = bytes_with_cap(PATH_MAX_OCTETS);
    visit->method = method_of(method);
    list_init(&visit->node);
    bytes_append(&visit->path, path_of(url)); /* what does not fit is no path of ours */
    http_route_find(server->setup.tables, server->setup.table_count, server->setup.services, visit->method,
                    bytes_span(&visit->path), &visit->match);
    visit->access = access_of(visit);
    visit->body = bytes_with_cap(body_max(visit));
    return visit;
}

/* ---- answers ---- */

static unsigned metric_code(unsigned status) {
    switch (status) {
    case 200: return METRIC_HTTP_CODE_200;
    case 400: return METRIC_HTTP_CODE_400;
    case 401: return METRIC_HTTP_CODE_401;
    case 404: return METRIC_HTTP_CODE_404;
    case 405: return METRIC_HTTP_CODE_405;
    case 429: return METRIC_HTTP_CODE_429;
    case 503: return METRIC_HTTP_CODE_503;
    default: return METRIC_HTTP_CODE_OTHER;
    }
}

static void on_suspend(void *owner) { MHD_suspend_connection(owner); }
static void on_resume(void *owner) { MHD_resume_connection(owner); }

static ssize_t read_stream(void *owner, uint64_t offset, char *out, size_t room) {
    struct visit *visit = owner;
    size_t len;
    (void)offset;
    enum event_stream_state state = event_stream_take(visit->stream, out, room, &len);
    return state == EVENT_STREAM_ENDED ? MHD_CONTENT_READER_END_OF_STREAM : (ssize_t)len;
}

/* Gives the visit its reply's stream, unless there are too many or the server stops. */
static bool begin_stream(struct visit *visit, struct http_reply *reply) {
    struct http_server *server = visit->server;
    pthread_mutex_lock(&server->streams_lock);
    bool ok = !server->is_stopping && server->stream_count < server->setup.streams_max;
    if (ok) {
        visit->stream = event_stream_acquire(reply->stream); /* the reply keeps its own: its fields depend on it */
        event_stream_attach(visit->stream, on_suspend, on_resume, visit->connection);
        list_append(&server->streams, &visit->node);
        server->stream_count++;
    }
    pthread_mutex_unlock(&server->streams_lock);
    if (!ok) return false;
    bytes_release(&visit->path); /* the route has been called; a stream may stay for an hour */
    return true;
}

static void end_stream(struct visit *visit) {
    if (visit->stream == NULL) return;
    pthread_mutex_lock(&visit->server->streams_lock);
    list_remove(&visit->node);
    visit->server->stream_count--;
    pthread_mutex_unlock(&visit->server->streams_lock);
    event_stream_detach(visit->stream);
    event_stream_release(visit->stream);
}

static struct guest *guest_of(struct MHD_Connection *connection) {
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info != NULL ? info->socket_context : NULL;
}

/* NULL: no memory. Takes the reply's body. */
static struct MHD_Response *make_response(struct visit *visit, struct http_reply *reply) {
    if (visit->stream != NULL) {
        guest_list_streams(&visit->server->guests, guest_of(visit->connection));
        return MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, STREAM_BLOCK, read_stream, visit, NULL);
    }
    struct MHD_Response *response = MHD_create_response_from_buffer(reply->body.len, reply->body.ptr, MHD_RESPMEM_MUST_FREE);
    if (response != NULL) reply->body = bytes_with_cap(HTTP_REPLY_MAX);
    return response;
}

/* MHD_NO closes the connection. */
static enum MHD_Result send_reply(struct visit *visit, struct http_reply *reply) {
    struct response ready;
    response_prepare(reply, field(visit->connection, MHD_HTTP_HEADER_ACCEPT_ENCODING), &ready);
    struct MHD_Response *response = make_response(visit, reply);
    if (response == NULL) return MHD_NO;
    enum MHD_Result result = MHD_YES;
    for (size_t i = 0; i < ready.field_count && result == MHD_YES; i++)
        result = MHD_add_response_header(response, ready.field[i].name, ready.field[i].value);
    if (result == MHD_YES) result = MHD_queue_response(visit->connection, reply->status, response);
    MHD_destroy_response(response);
    return result;
}

static struct span client_of(const struct visit *visit, char storage[CLIENT_ADDRESS_MAX]) {
    const union MHD_ConnectionInfo *address = MHD_get_connection_info(visit->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    return client_address(address != NULL ? address->client_addr : NULL, visit->server->setup.trusts_forwarded_for,
                          field(visit->connection, "X-Forwarded-For"), storage);
}

static void call_route(const struct visit *visit, struct http_reply *reply) {
    char storage[CLIENT_ADDRESS_MAX];
    struct http_request request = {.sources = &visit->server->setup.sources, .method = visit->match.route->method,
                                   .path = bytes_span(&visit->path), .body = bytes_span(&visit->body), .client = client_of(visit, storage), .services = visit->server->setup.services,
                                   .find = find, .connection = visit->connection};
    memcpy(request.parameter, visit->match.parameter, sizeof request.parameter);
    visit->match.route->answer(&request, reply);
}

static bool may_change(const struct visit *visit) {
    struct MHD_Connection *connection = visit->connection;
    return visit->method == HTTP_GET || same_origin_allows(field(connection, "Sec-Fetch-Site"), field(connection, MHD_HTTP_HEADER_ORIGIN),
                                                           field(connection, MHD_HTTP_HEADER_HOST));
}

static void fill_reply(const struct visit *visit, bool is_too_large, struct http_reply *reply) {
    if (visit->match.methods == 0) {
        http_reply_problem(reply, 404, "there is no such page; / names those there are");
    } else if (visit->match.route == NULL) {
        reply->methods = visit->match.methods;
        http_reply_problem(reply, 405, "this page knows the methods of Allow only");
    } else if (visit->access == ACCESS_PUT_OFF) {
        reply->retry_after_s = 1;
        http_reply_problem(reply, 429, "too many passwords that nobody knows: try again in a moment");
    } else if (visit->access == ACCESS_REFUSED) {
        reply->authenticate = "Basic realm=\"sceau\", charset=\"UTF-8\", Bearer realm=\"sceau\"";
        http_reply_problem(reply, 401, "this page is for those whom the access file names");
    } else if (!may_change(visit)) {
        http_reply_problem(reply, 403, "another site's page asks for a change: that is refused");
    } else if (is_too_large) {
        http_reply_problem(reply, 413, "the body is larger than this page takes");
    } else {
        call_route(visit, reply);
    }
}

static enum MHD_Result answer(struct visit *visit, bool is_too_large) {
    struct http_reply reply = http_reply_make();
    fill_reply(visit, is_too_large, &reply);
    if (reply.body.failed) http_reply_problem(&reply, 500, "out of memory");
    if (reply.stream != NULL && !begin_stream(visit, &reply)) {
        reply.retry_after_s = 10;
        http_reply_problem(&reply, 503, "as many streams are open as may be");
    }
    metrics_count(visit->server->counters, METRIC_HTTP_REQUESTS, visit->match.metric_path, metric_code(reply.status));
    enum MHD_Result result = send_reply(visit, &reply);
    http_reply_release(&reply);
    return result;
}

/* ---- libmicrohttpd's calls ---- */

/* The body that the head announces is more than anybody reads. */
static bool announces_too_much(const struct visit *visit) {
    struct span text = field(visit->connection, MHD_HTTP_HEADER_CONTENT_LENGTH);
    uint64_t most = body_max(visit) > 0 ? body_max(visit) : UNWANTED_BODY_MAX, len;
    return text.len > 0 && !span_is(text, "0") && !http_count_parse(text, most, &len);
}

/* False: it is too much, and came without being announced. */
static bool take_body(struct visit *visit, struct span piece) {
    struct http_server *server = visit->server;
    if (body_max(visit) > 0) {
        if (server->body_octets + piece.len > SERVER_BODIES_MAX || !bytes_append(&visit->body, piece)) return false;
        server->body_octets += piece.len;
        return true;
    }
    visit->unwanted += piece.len;
    return visit->unwanted <= UNWANTED_BODY_MAX;
}

/* Called with the head, then with each piece of a body, then without any. */
static enum MHD_Result on_request(void *owner, struct MHD_Connection *connection, const char *url, const char *method,
                                  const char *version, const char *upload, size_t *upload_len, void **own) {
    struct visit *visit = *own;
    (void)version;
    if (visit == NULL) {
        *own = visit = begin_visit(owner, connection, url, method);
        if (visit == NULL) return MHD_NO;
        return announces_too_much(visit) ? answer(visit, true) : MHD_YES;
    }
    if (*upload_len == 0) return answer(visit, false);
    bool fits = take_body(visit, (struct span){upload, *upload_len});
    *upload_len = 0;
    return fits ? MHD_YES : MHD_NO;
}

/* The request is over, however it went. */
static void on_completed(void *owner, struct MHD_Connection *connection, void **own, enum MHD_RequestTerminationCode code) {
    struct http_server *server = owner;
    struct visit *visit = *own;
    (void)code;
    guest_list_answered(&server->guests, guest_of(connection));
    if (visit == NULL) return;
    end_stream(visit);
    bytes_release(&visit->path);
    server->body_octets -= visit->body.len;
    bytes_release(&visit->body);
    free(visit);
    *own = NULL;
}

static enum MHD_Result on_accept(void *owner, const struct sockaddr *address, socklen_t len) {
    struct http_server *server = owner;
    (void)len;
    return guest_list_admit(&server->guests, address) ? MHD_YES : MHD_NO;
}

static void on_connection(void *owner, struct MHD_Connection *connection, void **context, enum MHD_ConnectionNotificationCode code) {
    struct http_server *server = owner;
    if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
        guest_list_remove(&server->guests, *context);
        *context = NULL;
        return;
    }
    const union MHD_ConnectionInfo *fd = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    const union MHD_ConnectionInfo *address = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    if (fd != NULL) *context = guest_list_add(&server->guests, fd->connect_fd, address != NULL ? address->client_addr : NULL);
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

/* ---- life ---- */

/* The thread inherits the mask: signals are for the daemon's main thread. */
static struct MHD_Daemon *start_daemon(struct http_server *server, int fd) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    struct MHD_Daemon *daemon = MHD_start_daemon(
        MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ITC | MHD_USE_ERROR_LOG | MHD_ALLOW_SUSPEND_RESUME, 0, on_accept, server,
        on_request, server, MHD_OPTION_EXTERNAL_LOGGER, on_log, NULL, MHD_OPTION_LISTEN_SOCKET, fd,
        MHD_OPTION_NOTIFY_CONNECTION, on_connection, server, MHD_OPTION_NOTIFY_COMPLETED, on_completed, server,
        MHD_OPTION_UNESCAPE_CALLBACK, unescape, NULL,
        MHD_OPTION_CONNECTION_LIMIT, server->setup.connections_max + LEAVING_MAX + (unsigned)server->setup.streams_max,
        MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_TIMEOUT_S,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, server->setup.head_max, MHD_OPTION_END);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return daemon;
}

static int take_given(int fd) {
    int flags = fcntl(fd, F_GETFL);
    return flags >= 0 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0 ? fd : -1;
}

struct http_server *http_server_create(const struct http_server_setup *setup, char **error) {
    *error = NULL;
    assert(setup->access != NULL || setup->is_for_everybody || endpoint_is_of_this_host(setup->listen));
    struct http_server *server = calloc(1, sizeof *server);
    int fd = server == NULL ? -1 : setup->is_given ? take_given(setup->given) : listen_socket_open(setup->listen, error);
    if (fd < 0) {
        if (setup->is_given) close(setup->given);
        free(server);
        return NULL;
    }
    pthread_mutex_init(&server->streams_lock, NULL);
    list_init(&server->streams);
    guest_list_init(&server->guests, setup->connections_max, setup->connections_per_address_max);
    server->setup = *setup;
    server->setup.listen = NULL;
    if (setup->streams_max == 0) server->setup.streams_max = SERVER_STREAMS_MAX;
    if (setup->head_max == 0) server->setup.head_max = SERVER_HEAD_MAX;
    if (setup->tables == NULL) {
        server->setup.tables = http_site;
        server->setup.table_count = http_site_count;
    }
    server->port = listen_socket_port(fd);
    if (setup->listen->is_unix && !setup->keeps_file) memcpy(server->unix_path, setup->listen->path, sizeof server->unix_path);
    server->counters = metrics_worker_create(setup->sources.metrics);
    server->daemon = start_daemon(server, fd); /* on success fd is its own */
    if (server->daemon == NULL) {
        *error = strdup("http cannot start its thread");
        close(fd);
        http_server_destroy(server);
        return NULL;
    }
    return server;
}

/* libmicrohttpd must not be stopped while a connection is suspended. */
static void cancel_streams(struct http_server *server) {
    pthread_mutex_lock(&server->streams_lock);
    server->is_stopping = true;
    for (struct list *node = server->streams.next; node != &server->streams; node = node->next)
        event_stream_cancel(LIST_ENTRY(node, struct visit, node)->stream);
    pthread_mutex_unlock(&server->streams_lock);
}

void http_server_destroy(struct http_server *server) {
    if (server == NULL) return;
    if (server->daemon != NULL) {
        cancel_streams(server);
        MHD_stop_daemon(server->daemon);
    }
    if (server->unix_path[0] != '\0') unlink(server->unix_path);
    pthread_mutex_destroy(&server->streams_lock);
    free(server);
}

unsigned http_server_port(const struct http_server *server) { return server->port; }
