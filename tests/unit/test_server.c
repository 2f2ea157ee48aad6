#include "http/server.h"
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>
#include "base/metrics.h"
#include "http/access.h"
#include "http/domain_stats.h"
#include "http/event_stream.h"
#include "http/site.h"

struct scene {
    struct metrics *metrics;
    struct domain_stats *domains;
    struct http_server *server;
    atomic_bool is_ready;
};

static bool ready(void *owner, struct bytes *why) {
    struct scene *scene = owner;
    if (atomic_load(&scene->is_ready)) return true;
    bytes_append_text(why, "the resolver has not answered yet");
    return false;
}

/* ---- pages that only tests have ---- */

static struct event_stream *stream; /* the last one opened */

static void answer_upload(const struct http_request *request, struct http_reply *reply) {
    bytes_append_format(&reply->body, "%zu octets for ", request->body.len);
    bytes_append(&reply->body, request->parameter[0]);
    bytes_append_char(&reply->body, '\n');
}

static void answer_stream(const struct http_request *request, struct http_reply *reply) {
    (void)request;
    event_stream_release(stream);
    stream = event_stream_create();
    assert_true(event_stream_write(stream, span_of("data: hello\n\n")));
    reply->content_type = "text/event-stream";
    reply->stream = event_stream_acquire(stream);
}

static const struct http_route own_routes[] = {
    {HTTP_POST, "/upload/{to}", METRIC_HTTP_PATH_API, HTTP_PAGES, HTTP_FOR_READERS, 100000, answer_upload, NULL},
    {HTTP_GET, "/stream", METRIC_HTTP_PATH_API, HTTP_PAGES, HTTP_FOR_ALL, 0, answer_stream, NULL},
};
static const struct http_route_table own_table = {own_routes, 2};
static const struct http_route_table *const tables[] = {&front_routes, &scrape_routes, &api_routes, &own_table};

static int open_scene(void **state) {
    struct scene *scene = calloc(1, sizeof *scene);
    struct endpoint listen = {.host = "127.0.0.1"};
    char *error;
    scene->metrics = metrics_create();
    scene->domains = domain_stats_create(100, &clock_system);
    struct domain_stats_worker *worker = domain_stats_worker_create(scene->domains);
    domain_stats_add(worker, span_of("a.example"), true, DOMAIN_PASS);
    domain_stats_add(worker, span_of("b.example"), true, DOMAIN_FAIL);
    domain_stats_add(worker, span_of("b.example"), true, DOMAIN_FAIL);
    domain_stats_add(worker, span_of("c.example"), true, DOMAIN_PASS);
    const struct http_server_setup setup = {
        .listen = &listen, .services = HTTP_EVERYTHING, .connections_max = 32, .connections_per_address_max = 4, .tables = tables, .table_count = 4,
        .sources = {.metrics = scene->metrics, .domains = scene->domains, .build = {.version = "1.2.3"}, .ready = ready,
                    .owner = scene}};
    scene->server = http_server_create(&setup, &error);
    *state = scene;
    return scene->server == NULL;
}

static int close_scene(void **state) {
    struct scene *scene = *state;
    http_server_destroy(scene->server);
    event_stream_release(stream);
    stream = NULL;
    domain_stats_destroy(scene->domains);
    metrics_destroy(scene->metrics);
    free(scene);
    return 0;
}

static int connect_to(const struct scene *scene) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)http_server_port(scene->server))};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

/* All that comes until the server hangs up, with a final NUL; the caller frees it. */
static char *read_all(int fd, size_t *len) {
    char *text = calloc(1, 1 << 20);
    ssize_t got;
    *len = 0;
    while ((got = read(fd, text + *len, (1 << 20) - 1 - *len)) > 0) *len += (size_t)got;
    close(fd);
    return text;
}

static char *exchange(const struct scene *scene, const char *request, size_t *len) {
    int fd = connect_to(scene);
    assert_int_equal(send(fd, request, strlen(request), MSG_NOSIGNAL), strlen(request));
    return read_all(fd, len);
}

#define END " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
#define PROBLEM "Content-Type: application/problem+json\r\n"

static const struct { const char *request, *status; const char *has[4]; } rows[] = {
    {"GET /metrics" END, "200", {"Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n", "Vary: Accept, Accept-Encoding\r\n",
                                 "\r\n\r\n# HELP sceau_build_info ", "sceau_build_info{version=\"1.2.3\"} 1\n"}},
    {"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAccept: application/openmetrics-text;version=1.0.0\r\n\r\n", "200",
     {"Content-Type: application/openmetrics-text; version=1.0.0; charset=utf-8\r\n", "\n# EOF\n"}},
    {"GET /healthz" END, "200", {"\r\n\r\nok\n", "Cache-Control: no-store\r\n", "X-Content-Type-Options: nosniff\r\n",
                                 "Content-Security-Policy: default-src 'none'"}},
    {"GET /readyz" END, "503", {"\r\n\r\nthe resolver has not answered yet\n", "Content-Type: text/plain; charset=utf-8\r\n"}},
    {"GET /" END, "200", {"Content-Type: text/html; charset=utf-8\r\n", "<a href=\"/metrics\">", "<a href=\"/api/v1/stats/domains\">"}},
    {"GET /api/v1/version" END, "200", {"Content-Type: application/json\r\n", "{\"name\":\"sceau\",\"version\":\"1.2.3\","}},
    {"GET /api/v1/stats/domains" END, "200", {"Content-Type: application/json\r\n", "\"tracked\":3,", "\"sort\":\"messages\"",
                                              "\"domains\":[{\"domain\":\"b.example\",\"messages\":2,"}},
    {"GET /api/v1/stats/domains?sort=fail&limit=1" END, "200",
     {"\"sort\":\"fail\"", "\"domains\":[{\"domain\":\"b.example\",\"messages\":2,\"pass\":0,\"fail\":2,\"other\":0,", "\"next\":\"2~2~b.example\"}"}},
    {"GET /api/v1/stats/domains?cursor=1~1~a.example" END, "200", {"\"domains\":[{\"domain\":\"c.example\"", "\"next\":null}"}},
    {"GET /api/v1/stats/domains?cursor=1~a" END, "400", {PROBLEM, "\"where\":\"query parameter cursor\"}"}},
    {"GET /api/v1/stats/domains/B.Example?window=1h" END, "200", {"{\"domain\":\"b.example\",\"window\":\"1h\","}},
    {"GET /api/v1/stats/domains/z.example" END, "404", {PROBLEM, "\"where\":\"path parameter domain\"}"}},
    {"GET /api/v1/stats?window=7d" END, "200", {"{\"window\":\"7d\",", "\"total\":{\"messages\":4,"}},
    {"GET /api/v1/stats?window=2d" END, "400", {PROBLEM, "\"where\":\"query parameter window\"}"}},
    {"GET /api/v1/stats/causes" END, "200", {"\"signatures\":4,\"failures\":0,\"causes\":[]}"}},
    {"GET /api/v1/stats/domains?limit=1000&sort=messages&more=x" END, "200", {"\"tracked\":3"}},
    {"GET /api/v1/stats/domains?limit=0" END, "400", {PROBLEM, "\"status\":400,\"detail\":\"limit is a number from 1 to 1000\",\"where\":\"query parameter limit\"}"}},
    {"GET /api/v1/stats/domains?limit=1001" END, "400", {PROBLEM}},
    {"GET /api/v1/stats/domains?limit=-1" END, "400", {PROBLEM}},
    {"GET /api/v1/stats/domains?limit=99999999999999999999999" END, "400", {PROBLEM}},
    {"GET /api/v1/stats/domains?limit=1x" END, "400", {PROBLEM}},
    {"GET /api/v1/stats/domains?limit=" END, "400", {PROBLEM}},
    {"GET /api/v1/stats/domains?sort=name" END, "400", {PROBLEM, "sort is messages or fail"}},
    {"GET /nothing" END, "404", {PROBLEM, "{\"type\":\"about:blank\",\"title\":\"Not Found\",\"status\":404,"}},
    {"GET /metrics/" END, "404", {PROBLEM}},
    {"GET /../../etc/passwd" END, "404", {PROBLEM}},
    {"GET /metrics%00" END, "404", {PROBLEM}},
    {"GET /api%2Fv1%2Fversion" END, "404", {PROBLEM}},
    {"GET /health%7a" END, "200", {"\r\n\r\nok\n"}},
    {"GET http://x/healthz" END, "200", {"\r\n\r\nok\n"}}, /* RFC 9112 3.2.2 */
    {"POST /nothing" END, "404", {PROBLEM}},
    {"DELETE /metrics" END, "405", {PROBLEM, "Allow: GET, HEAD\r\n"}},
    {"OPTIONS /" END, "405", {PROBLEM, "Allow: GET, HEAD\r\n"}},
    {"POST /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello", "405", {"Allow: GET, HEAD\r\n"}},
    {"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello", "200", {"\r\n\r\nok\n"}},
};

static void every_request_gets_its_answer(void **state) {
    const struct scene *scene = *state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        size_t len;
        char *got = exchange(scene, rows[i].request, &len), status[32];
        snprintf(status, sizeof status, "HTTP/1.1 %s ", rows[i].status);
        if (strncmp(got, status, strlen(status)) != 0) fail_msg("%s%s", rows[i].request, got);
        for (size_t j = 0; j < 4 && rows[i].has[j] != NULL; j++)
            if (strstr(got, rows[i].has[j]) == NULL) fail_msg("%snot there: %s\nin: %s", rows[i].request, rows[i].has[j], got);
        free(got);
    }
    assert_int_equal(metrics_counter(scene->metrics, METRIC_HTTP_REQUESTS, METRIC_HTTP_PATH_METRICS, METRIC_HTTP_CODE_200), 2);
    assert_int_equal(metrics_counter(scene->metrics, METRIC_HTTP_REQUESTS, METRIC_HTTP_PATH_METRICS, METRIC_HTTP_CODE_405), 2);
    assert_int_equal(metrics_counter(scene->metrics, METRIC_HTTP_REQUESTS, METRIC_HTTP_PATH_READYZ, METRIC_HTTP_CODE_503), 1);
    assert_int_equal(metrics_counter(scene->metrics, METRIC_HTTP_REQUESTS, METRIC_HTTP_PATH_OTHER, METRIC_HTTP_CODE_404), 6);
    assert_int_equal(metrics_counter(scene->metrics, METRIC_HTTP_REQUESTS, METRIC_HTTP_PATH_API, METRIC_HTTP_CODE_400), 9);
}

static void ready_when_the_daemon_says_so(void **state) {
    struct scene *scene = *state;
    size_t len;
    atomic_store(&scene->is_ready, true);
    char *got = exchange(scene, "GET /readyz" END, &len);
    assert_memory_equal(got, "HTTP/1.1 200 ", 13);
    assert_non_null(strstr(got, "\r\n\r\nready\n"));
    free(got);
}

static void head_has_the_heads_only(void **state) {
    const struct scene *scene = *state;
    size_t len;
    char *got = exchange(scene, "HEAD /metrics" END, &len);
    assert_memory_equal(got, "HTTP/1.1 200 ", 13);
    assert_non_null(strstr(got, "Content-Length: "));
    assert_string_equal(strstr(got, "\r\n\r\n"), "\r\n\r\n");
    free(got);
}

static void gzip_for_those_who_take_it(void **state) {
    const struct scene *scene = *state;
    static const struct { const char *accept, *path; bool want; } encodings[] = {
        {"gzip", "/metrics", true}, {"br, *;q=0.1", "/metrics", true}, {"gzip;q=0, *", "/metrics", false},
        {"identity", "/metrics", false}, {"gzip", "/healthz", false}, /* too small to be worth it */
    };
    for (size_t i = 0; i < sizeof encodings / sizeof *encodings; i++) {
        char request[256];
        size_t len;
        snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAccept-Encoding: %s\r\n\r\n",
                 encodings[i].path, encodings[i].accept);
        char *got = exchange(scene, request, &len);
        const char *body = strstr(got, "\r\n\r\n");
        bool is_gzip = strstr(got, "Content-Encoding: gzip\r\n") != NULL;
        if (is_gzip != encodings[i].want || is_gzip != (memcmp(body + 4, "\x1f\x8b", 2) == 0)) fail_msg("%s", encodings[i].accept);
        free(got);
    }
}

static void one_connection_serves_several_requests(void **state) {
    const struct scene *scene = *state;
    size_t len, answers = 0;
    char *got = exchange(scene, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nGET /healthz HTTP/1.1\r\nHost: x\r\n\r\nGET /healthz" END, &len);
    for (const char *at = got; (at = strstr(at, "HTTP/1.1 200 ")) != NULL; at++) answers++;
    assert_int_equal(answers, 3);
    free(got);
}

static void too_much_is_cut_off(void **state) {
    const struct scene *scene = *state;
    size_t len;
    struct bytes request = bytes_with_cap(1 << 20);
    bytes_append_text(&request, "GET /metrics HTTP/1.1\r\nHost: x\r\nX: ");
    for (int i = 0; i < 40000; i++) bytes_append_char(&request, 'x');
    bytes_append_text(&request, "\r\n\r\n");
    bytes_append_char(&request, '\0');
    int fd = connect_to(scene);
    (void)!send(fd, request.ptr, request.len - 1, MSG_NOSIGNAL); /* it may hang up before it has all */
    char *got = read_all(fd, &len);
    assert_null(strstr(got, "HTTP/1.1 200 "));
    free(got);
    bytes_clear(&request);
    bytes_append_text(&request, "POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 200000\r\n\r\n");
    for (int i = 0; i < 200000; i++) bytes_append_char(&request, 'x');
    fd = connect_to(scene);
    (void)!send(fd, request.ptr, request.len, MSG_NOSIGNAL);
    got = read_all(fd, &len);
    assert_null(strstr(got, "HTTP/1.1 200 "));
    free(got);
    bytes_release(&request);
    got = exchange(scene, "GET /healthz" END, &len); /* and it goes on for others */
    assert_memory_equal(got, "HTTP/1.1 200 ", 13);
    free(got);
}

/* Four connections of one address are served, a fifth is closed at once. */
static void an_address_has_four_connections(void **state) {
    const struct scene *scene = *state;
    static const char request[] = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
    int fds[5];
    char c;
    for (size_t i = 0; i < 4; i++) {
        fds[i] = connect_to(scene);
        char answer[16] = {0};
        assert_int_equal(send(fds[i], request, strlen(request), MSG_NOSIGNAL), strlen(request));
        assert_true(recv(fds[i], answer, 13, MSG_WAITALL) == 13);
        assert_string_equal(answer, "HTTP/1.1 200 ");
    }
    fds[4] = connect_to(scene);
    assert_true(read(fds[4], &c, 1) <= 0);
    for (size_t i = 0; i < 5; i++) close(fds[i]);
}

static void a_body_is_gathered_up_to_its_limit(void **state) {
    const struct scene *scene = *state;
    static const struct { unsigned len; const char *status, *has; } bodies[] = {
        {0, "200", "\r\n\r\n0 octets for bob\n"}, {5, "200", "\r\n\r\n5 octets for bob\n"},
        {100000, "200", "100000 octets for bob\n"}, {100001, "413", "Content Too Large"}, {4000000000, "413", "larger than this page takes"}};
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        struct bytes request = bytes_with_cap(1 << 20);
        size_t len;
        bytes_append_format(&request, "POST /upload/bob HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %u\r\n\r\n", bodies[i].len);
        for (unsigned j = 0; j < bodies[i].len && bodies[i].len <= 100000; j++) bytes_append_char(&request, 'x');
        bytes_append_char(&request, '\0');
        char *got = exchange(scene, request.ptr, &len);
        assert_memory_equal(got + strlen("HTTP/1.1 "), bodies[i].status, 3);
        assert_non_null(strstr(got, bodies[i].has));
        free(got);
        bytes_release(&request);
    }
}

/* Reads until what has come ends with end. */
static void read_until(int fd, const char *end) {
    char text[4096] = {0};
    size_t len = 0;
    while (len < sizeof text - 1 && (len < strlen(end) || strcmp(text + len - strlen(end), end) != 0))
        if (read(fd, text + len, 1) != 1) fail_msg("the end came behind: %s", text);
        else len++;
}

static void a_stream_goes_on_until_its_end(void **state) {
    const struct scene *scene = *state;
    char c;
    int fd = connect_to(scene);
    assert_true(send(fd, "GET /stream HTTP/1.0\r\n\r\n", 24, MSG_NOSIGNAL) == 24);
    read_until(fd, "data: hello\n\n");
    assert_true(event_stream_write(stream, span_of("data: more\n\n")));
    read_until(fd, "data: more\n\n");
    event_stream_end(stream);
    assert_int_equal(read(fd, &c, 1), 0);
    close(fd);
}

static void stopping_ends_streams(void **state) {
    struct scene *scene = *state;
    char c;
    int fd[3];
    for (int i = 0; i < 3; i++) {
        fd[i] = connect_to(scene);
        assert_true(send(fd[i], "GET /stream HTTP/1.0\r\n\r\n", 24, MSG_NOSIGNAL) == 24);
        read_until(fd[i], "data: hello\n\n");
    }
    http_server_destroy(scene->server);
    scene->server = NULL;
    for (int i = 0; i < 3; i++) {
        assert_true(read(fd[i], &c, 1) <= 0);
        close(fd[i]);
    }
    assert_false(event_stream_write(stream, span_of("data: late\n\n")));
}

static void only_who_is_named_reads(void **state) {
    const struct scene *scene = *state;
    char path[] = "/tmp/sceau_test_server_XXXXXX", *error;
    static const char hash[] = "Bearer 3f08aace122ee2368432c1ca23a049bc640bafbf00fdf33a52429f38ba12dbf9\n"; /* token-1 */
    int fd = mkstemp(path);
    assert_true(write(fd, hash, strlen(hash)) == (ssize_t)strlen(hash));
    close(fd);
    struct access *access = access_create(path, &clock_system, &error);
    unlink(path);
    const struct endpoint listen = {.host = "127.0.0.1"};
    const struct http_server_setup setup = {.listen = &listen, .services = HTTP_EVERYTHING, .access = access,
                                            .connections_max = 32, .connections_per_address_max = 4,
                                            .tables = tables, .table_count = 4,
                                            .sources = {.metrics = scene->metrics, .domains = scene->domains}};
    const struct scene guarded = {.server = http_server_create(&setup, &error)};
    static const struct { const char *request, *status; } requests[] = {
        {"GET /metrics" END, "401"}, {"GET /api/v1/version" END, "401"}, {"GET /healthz" END, "200"}, {"GET /readyz" END, "200"},
        {"GET /" END, "200"}, {"GET /nothing" END, "404"}, {"DELETE /metrics" END, "405"}, {"POST /upload/x" END, "401"},
        {"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer token-1\r\n\r\n", "200"},
        {"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer token-2\r\n\r\n", "401"},
        {"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Basic Og==\r\n\r\n", "401"},
    };
    for (size_t i = 0; i < sizeof requests / sizeof *requests; i++) {
        size_t len;
        char *got = exchange(&guarded, requests[i].request, &len);
        if (memcmp(got + strlen("HTTP/1.1 "), requests[i].status, 3) != 0) fail_msg("%s%s", requests[i].request, got);
        bool asks = strstr(got, "\r\nWWW-Authenticate: Basic realm=\"sceau\", charset=\"UTF-8\", Bearer realm=\"sceau\"\r\n") != NULL;
        if (asks != (strcmp(requests[i].status, "401") == 0)) fail_msg("%s%s", requests[i].request, got);
        free(got);
    }
    http_server_destroy(guarded.server);
    access_destroy(access);
}

static void stopping_with_open_connections_ends(void **state) {
    struct scene *scene = *state;
    int fd = connect_to(scene);
    (void)!send(fd, "GET /met", 8, MSG_NOSIGNAL);
    http_server_destroy(scene->server);
    scene->server = NULL;
    char c;
    assert_true(read(fd, &c, 1) <= 0);
    close(fd);
    http_server_destroy(NULL);
}

static void what_cannot_be_bound_is_told(void **state) {
    const struct scene *scene = *state;
    char *error;
    struct endpoint listen = {.host = "127.0.0.1", .port = (uint16_t)http_server_port(scene->server)};
    const struct http_server_setup setup = {.listen = &listen, .services = HTTP_EVERYTHING,
                                            .sources = {.metrics = scene->metrics, .domains = scene->domains}};
    assert_null(http_server_create(&setup, &error));
    assert_non_null(strstr(error, "Address already in use"));
    free(error);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_request_gets_its_answer, open_scene, close_scene),
        cmocka_unit_test_setup_teardown(ready_when_the_daemon_says_so, open_scene, close_scene),
        cmocka_unit_test_setup_teardown(head_has_the_heads_only, open_scene, close_scene),
        cmocka_unit_test_setup_teardown(gzip_for_those_who_take_it, open_scene, close_scene),
        cmocka_unit_test_setup_teardown(one_connection_serves_several_requests, open_scene, close_scene),
        cmocka_unit_test_setup_teardown(too_much_is_cut_off, open_scene, close_scene),
        cmocka_unit_test_setup_teardown(an_address_has_four_connections, open_scene, close_scene),
        cmocka_unit_test_setup_teardown(a_body_is_gathered_up_to_its_limit, open_scene, close_scene),
        cmocka_unit_test_setup_teardown(a_stream_goes_on_until_its_end, open_scene, close_scene),
        cmocka_unit_test_setup_teardown(stopping_ends_streams, open_scene, close_scene),
        cmocka_unit_test_setup_teardown(only_who_is_named_reads, open_scene, close_scene),
        cmocka_unit_test_setup_teardown(stopping_with_open_connections_ends, open_scene, close_scene),
        cmocka_unit_test_setup_teardown(what_cannot_be_bound_is_told, open_scene, close_scene),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
