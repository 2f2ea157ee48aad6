#include "cli/daemon_sockets.h"
#include <fcntl.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>
#include "base/option_value.h"
#include "base/options.h"
#include "cli/daemon_http.h"
#include "proxy/socket_address.h"

enum { FIRST = 3, SOCKETS_MAX = 256, NAME_MAX_OCTETS = 255 };

struct passed {
    int fd;
    char name[NAME_MAX_OCTETS + 1];
    struct socket_address address;
    char text[SOCKET_ADDRESS_TEXT_MAX + 16];
};

__attribute__((format(printf, 2, 3))) static bool refuse(char **error, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    if (vasprintf(error, format, arguments) < 0) *error = NULL;
    va_end(arguments);
    return false;
}

/* -- the environment -- */

static int64_t number_of(const char *text) {
    int64_t number;
    return text != NULL && option_value_parse(OPTION_COUNT, text, &number) ? number : -1;
}

/* How many were passed to this process; what was passed to one before us is not ours. */
static int count_passed(void) {
    int64_t count = number_of(getenv("LISTEN_FDS"));
    if (number_of(getenv("LISTEN_PID")) != getpid() || count < 0) return 0;
    return count <= SOCKETS_MAX ? (int)count : SOCKETS_MAX + 1;
}

/* The name number at of a list with colons between. */
static void name_at(const char *names, int at, char out[NAME_MAX_OCTETS + 1]) {
    out[0] = '\0';
    for (; names != NULL && at > 0; at--) {
        names = strchr(names, ':');
        if (names != NULL) names++;
    }
    if (names == NULL) return;
    size_t len = strcspn(names, ":");
    if (len > NAME_MAX_OCTETS) len = NAME_MAX_OCTETS;
    memcpy(out, names, len);
    out[len] = '\0';
}

/* -- one socket -- */

static void describe(struct passed *passed) {
    const struct sockaddr_un *local = (const struct sockaddr_un *)&passed->address.storage;
    char host[SOCKET_ADDRESS_TEXT_MAX];
    socket_address_text(&passed->address, host);
    bool has_colon = strchr(host, ':') != NULL;
    if (passed->address.storage.ss_family == AF_UNIX)
        (void)snprintf(passed->text, sizeof passed->text, "unix:%.108s", local->sun_path);
    else
        (void)snprintf(passed->text, sizeof passed->text, "%s%s%s:%u", has_colon ? "[" : "", host, has_colon ? "]" : "",
                       socket_address_port(&passed->address));
}

static bool look_at(struct passed *passed, char **error) {
    int kind = 0, listens = 0;
    socklen_t kind_len = sizeof kind, listens_len = sizeof listens;
    passed->address.len = sizeof passed->address.storage;
    if (fcntl(passed->fd, F_SETFD, FD_CLOEXEC) != 0 ||
        getsockname(passed->fd, (struct sockaddr *)&passed->address.storage, &passed->address.len) != 0 ||
        getsockopt(passed->fd, SOL_SOCKET, SO_TYPE, &kind, &kind_len) != 0 ||
        getsockopt(passed->fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &listens_len) != 0 || kind != SOCK_STREAM ||
        !listens)
        return refuse(error,
                      "descriptor %d (\"%s\") that the service manager passed is no stream socket that listens: "
                      "it takes ListenStream= with Accept=no",
                      passed->fd, passed->name);
    describe(passed);
    return true;
}

static bool is_any(const struct socket_address *address) {
    static const uint8_t zero[16];
    uint8_t octets[16];
    bool is_v4;
    return socket_address_octets(address, octets, &is_v4) && memcmp(octets, zero, is_v4 ? 4 : 16) == 0;
}

static bool is_same(const struct socket_address *a, const struct socket_address *b) {
    uint8_t octets[2][16] = {{0}};
    bool is_v4[2];
    if (a->storage.ss_family == AF_UNIX && b->storage.ss_family == AF_UNIX)
        return strncmp(((const struct sockaddr_un *)&a->storage)->sun_path,
                       ((const struct sockaddr_un *)&b->storage)->sun_path,
                       sizeof(((struct sockaddr_un *)0)->sun_path)) == 0;
    if (!socket_address_octets(a, octets[0], &is_v4[0]) || !socket_address_octets(b, octets[1], &is_v4[1]))
        return false;
    if (socket_address_port(a) != socket_address_port(b)) return false;
    /* "*" and what systemd makes of a mere port: any address of one family or of both. */
    return (is_any(a) && is_any(b)) || (is_v4[0] == is_v4[1] && memcmp(octets[0], octets[1], 16) == 0);
}

static bool is_at(const struct passed *passed, const struct endpoint *endpoint) {
    struct socket_address address[SOCKET_ADDRESS_MAX];
    size_t count;
    if (socket_address_resolve(endpoint, true, address, &count) != NULL) return false;
    for (size_t i = 0; i < count; i++)
        if (is_same(&passed->address, &address[i])) return true;
    return false;
}

/* -- whose it is -- */

static bool assign(const struct passed *passed, int *place, const char *whose, const struct endpoint *endpoint,
                   char **error) {
    char text[ENDPOINT_TEXT_MAX];
    endpoint_format(endpoint, text);
    if (!is_at(passed, endpoint))
        return refuse(error,
                      "the socket that the service manager passed for \"%s\" is bound to %s, but the configuration "
                      "says %s",
                      whose, passed->text, text);
    if (*place >= 0) return refuse(error, "the service manager passed two sockets for \"%s\"", whose);
    *place = passed->fd;
    return true;
}

/* Which of the addresses for HTTP; the first one, when it is none of them: so the error names it. */
static bool assign_http(const struct options *options, const struct passed *passed, struct daemon_sockets *out, char **error) {
    size_t at = 0, count = daemon_http_count(options);
    while (at < count && !is_at(passed, daemon_http_endpoint(options, at))) at++;
    if (at == count) at = 0;
    return assign(passed, &out->http[at], "http", daemon_http_endpoint(options, at), error);
}

static bool is_for_http(const struct options *options, const struct passed *passed) {
    size_t at = 0, count = daemon_http_count(options);
    if (count > 0 && strcmp(passed->name, "http") == 0) return true;
    while (at < count && !is_at(passed, daemon_http_endpoint(options, at))) at++;
    return at < count;
}

static bool find_place(const struct options *options, const struct passed *passed, struct daemon_sockets *out,
                       char **error) {
    const struct listener_options *listener = options->listener;
    for (size_t i = 0; i < options->listener_count; i++)
        if (strcmp(passed->name, listener[i].name) == 0)
            return assign(passed, &out->listener[i], listener[i].name, &listener[i].listen, error);
    for (size_t i = 0; i < options->listener_count; i++)
        if (is_at(passed, &listener[i].listen))
            return assign(passed, &out->listener[i], listener[i].name, &listener[i].listen, error);
    if (is_for_http(options, passed)) return assign_http(options, passed, out, error);
    return refuse(error,
                  "the service manager passed the socket %s (\"%s\"), but no listener has that name or listens there",
                  passed->text, passed->name);
}

static bool take_all(const struct options *options, int count, struct daemon_sockets *out, char **error) {
    const char *names = getenv("LISTEN_FDNAMES");
    if (count > SOCKETS_MAX) return refuse(error, "the service manager passed more than %d sockets", SOCKETS_MAX);
    out->listener = calloc(options->listener_count + 1, sizeof *out->listener);
    out->http = calloc(daemon_http_count(options) + 1, sizeof *out->http);
    if (out->listener == NULL || out->http == NULL) return false;
    for (size_t i = 0; i < options->listener_count; i++) out->listener[i] = -1;
    for (size_t i = 0; i < daemon_http_count(options); i++) out->http[i] = -1;
    for (int i = 0; i < count; i++) {
        struct passed passed = {.fd = FIRST + i};
        name_at(names, i, passed.name);
        if (!look_at(&passed, error) || !find_place(options, &passed, out, error)) return false;
    }
    return true;
}

bool daemon_sockets_take(const struct options *options, struct daemon_sockets *out, char **error) {
    int count = count_passed();
    *error = NULL;
    *out = (struct daemon_sockets){0};
    bool fits = count == 0 || take_all(options, count, out, error);
    (void)unsetenv("LISTEN_PID");
    (void)unsetenv("LISTEN_FDS");
    (void)unsetenv("LISTEN_FDNAMES");
    return fits;
}

void daemon_sockets_release(const struct options *options, struct daemon_sockets *sockets) {
    for (size_t i = 0; sockets->listener != NULL && i < options->listener_count; i++)
        if (sockets->listener[i] >= 0) close(sockets->listener[i]);
    free(sockets->listener);
    free(sockets->http);
    *sockets = (struct daemon_sockets){0};
}
