#include "http/listen_socket.h"
#include <arpa/inet.h>
#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { BACKLOG = 1024 }; /* a crowd fills it faster than it is looked at; a client that does not fit tries again after a second */

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    struct sockaddr_un local;
};

__attribute__((format(printf, 2, 3))) static int refuse(char **error, const char *format, ...) {
    va_list args;
    va_start(args, format);
    if (vasprintf(error, format, args) < 0) *error = NULL;
    va_end(args);
    return -1;
}

/* Fills *address; its length, or 0 with *error. "*" is IPv6 and, through it, IPv4. */
static socklen_t read_address(const struct endpoint *endpoint, union address *address, char **error) {
    const char *host = strcmp(endpoint->host, "localhost") == 0 ? "127.0.0.1" : strcmp(endpoint->host, "*") == 0 ? "::" : endpoint->host;
    *address = (union address){0};
    if (inet_pton(AF_INET, host, &address->v4.sin_addr) == 1) {
        address->v4.sin_family = AF_INET;
        address->v4.sin_port = htons(endpoint->port);
        return sizeof address->v4;
    }
    if (inet_pton(AF_INET6, host, &address->v6.sin6_addr) == 1) {
        address->v6.sin6_family = AF_INET6;
        address->v6.sin6_port = htons(endpoint->port);
        return sizeof address->v6;
    }
    refuse(error, "http listen \"%s\" is not an IP address", endpoint->host);
    return 0;
}

/* True when there is a socket at the path and nobody listens on it. */
static bool is_abandoned(const union address *address) {
    struct stat info;
    if (lstat(address->local.sun_path, &info) != 0 || !S_ISSOCK(info.st_mode)) return false;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool refused = fd >= 0 && connect(fd, &address->any, sizeof address->local) != 0 && errno == ECONNREFUSED;
    if (fd >= 0) close(fd);
    return refused;
}

static int bind_and_listen(const union address *address, socklen_t len) {
    int fd = socket(address->any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;
    if (fd < 0) return -1;
    bool takes_both = address->any.sa_family == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&address->v6.sin6_addr);
    if (address->any.sa_family == AF_INET6) (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &(int){!takes_both}, sizeof(int));
    bool ok = setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 && bind(fd, &address->any, len) == 0 &&
              listen(fd, BACKLOG) == 0;
    if (ok) return fd;
    int reason = errno;
    close(fd);
    errno = reason;
    return -1;
}

static int open_unix(const struct endpoint *endpoint, char **error) {
    union address address = {.local.sun_family = AF_UNIX};
    _Static_assert(sizeof address.local.sun_path >= sizeof endpoint->path, "every configured path fits");
    memcpy(address.local.sun_path, endpoint->path, sizeof endpoint->path);
    int fd = bind_and_listen(&address, sizeof address.local);
    if (fd < 0 && errno == EADDRINUSE && is_abandoned(&address) && unlink(endpoint->path) == 0)
        fd = bind_and_listen(&address, sizeof address.local);
    return fd >= 0 ? fd : refuse(error, "http cannot listen on unix:%s: %s", endpoint->path, strerror(errno));
}

int listen_socket_open(const struct endpoint *endpoint, char **error) {
    union address address;
    *error = NULL;
    if (endpoint->is_unix) return open_unix(endpoint, error);
    socklen_t len = read_address(endpoint, &address, error);
    if (len == 0) return -1;
    int fd = bind_and_listen(&address, len);
    const char *brackets = address.any.sa_family == AF_INET6 ? "[]" : "";
    return fd >= 0 ? fd
                   : refuse(error, "http cannot listen on %.1s%s%s:%u: %s", brackets, endpoint->host,
                            brackets[0] != '\0' ? brackets + 1 : "", endpoint->port, strerror(errno));
}

unsigned listen_socket_port(int fd) {
    union address address;
    socklen_t len = sizeof address;
    if (getsockname(fd, &address.any, &len) != 0) return 0;
    return address.any.sa_family == AF_INET    ? ntohs(address.v4.sin_port)
           : address.any.sa_family == AF_INET6 ? ntohs(address.v6.sin6_port)
                                               : 0;
}
