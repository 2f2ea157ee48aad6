#include "proxy/listener.h"
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <fcntl.h>
#include "proxy/socket_address.h"

enum { BACKLOG = 1024 };

static void complain(const struct listener_options *listener, const char *reason, char **error) {
    char text[ENDPOINT_TEXT_MAX];
    endpoint_format(&listener->listen, text);
    if (asprintf(error, "listener \"%s\": cannot listen on %s: %s", listener->name, text, reason) < 0) *error = NULL;
}

static void set_flag(int fd, int level, int option) { (void)setsockopt(fd, level, option, &(int){1}, sizeof(int)); }

/* A socket bound to address, -1 with errno otherwise. exclusive: fails when any other socket is bound there, also one that
 * would share; once bound, it shares with ours. */
static int bind_tcp(const struct socket_address *address, bool exclusive) {
    int family = address->storage.ss_family;
    int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return -1;
    set_flag(fd, SOL_SOCKET, SO_REUSEADDR);
    set_flag(fd, IPPROTO_TCP, TCP_NODELAY); /* accepted sockets inherit it */
    /* "*" is an IPv6 socket that takes IPv4 clients as well; a plain address means what it says. */
    if (family == AF_INET6) (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &(int){0}, sizeof(int));
    if (!exclusive) set_flag(fd, SOL_SOCKET, SO_REUSEPORT);
    if (bind(fd, (const struct sockaddr *)&address->storage, address->len) == 0) {
        if (exclusive) set_flag(fd, SOL_SOCKET, SO_REUSEPORT);
        return fd;
    }
    int error = errno;
    close(fd);
    errno = error;
    return -1;
}

/* An IPv6 wildcard stands first where the host has IPv6: it serves IPv4 clients too. */
static const struct socket_address *choose(const struct socket_address *address, size_t count, bool any) {
    for (size_t i = 0; any && i < count; i++)
        if (address[i].storage.ss_family == AF_INET6) return &address[i];
    return address;
}

static const char *open_tcp(const struct endpoint *endpoint, int *fd, size_t count) {
    struct socket_address address[SOCKET_ADDRESS_MAX];
    size_t found;
    const char *reason = socket_address_resolve(endpoint, true, address, &found);
    if (reason != NULL) return reason;
    bool any = endpoint->host[0] == '\0' || strcmp(endpoint->host, "*") == 0;
    const struct socket_address *chosen = choose(address, found, any);
    for (size_t i = 0; i < count; i++)
        if ((fd[i] = bind_tcp(chosen, i == 0)) < 0 || listen(fd[i], BACKLOG) != 0) return strerrordesc_np(errno);
    return NULL;
}

/* True: somebody accepts connections there. */
static bool is_alive(const struct socket_address *address) {
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return true; /* better not to take it away */
    bool alive = connect(fd, (const struct sockaddr *)&address->storage, address->len) == 0 || errno == EAGAIN;
    close(fd);
    return alive;
}

static const char *duplicate(int of, int *fd, size_t count) {
    for (size_t i = 0; i < count; i++)
        if ((fd[i] = fcntl(of, F_DUPFD_CLOEXEC, 0)) < 0) return strerrordesc_np(errno);
    return NULL;
}

static const char *open_unix(const struct listener_options *listener, int *fd, size_t count) {
    const struct endpoint *endpoint = &listener->listen;
    struct socket_address address[SOCKET_ADDRESS_MAX];
    struct stat status;
    size_t found;
    (void)socket_address_resolve(endpoint, true, address, &found);
    if (lstat(endpoint->path, &status) == 0) {
        if (!S_ISSOCK(status.st_mode)) return "a file that is no socket is in the way";
        if (is_alive(address)) return strerrordesc_np(EADDRINUSE);
        (void)unlink(endpoint->path); /* of a process that is gone; bind tells when it could not be removed */
    }
    fd[0] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd[0] < 0 || bind(fd[0], (const struct sockaddr *)&address->storage, address->len) != 0)
        return strerrordesc_np(errno);
    /* Nobody can connect before listen, so nobody does by the mode before. */
    if (listener->has_socket_mode && chmod(endpoint->path, (mode_t)listener->socket_mode) != 0)
        return strerrordesc_np(errno);
    if (listen(fd[0], BACKLOG) != 0) return strerrordesc_np(errno);
    return duplicate(fd[0], fd + 1, count - 1);
}

static const char *open_given(int given, int *fd, size_t count) {
    int flags = fcntl(given, F_GETFL);
    if (flags < 0 || fcntl(given, F_SETFL, flags | O_NONBLOCK) != 0) return strerrordesc_np(errno);
    set_flag(given, IPPROTO_TCP, TCP_NODELAY); /* no matter where it is not TCP */
    return duplicate(given, fd, count);
}

static const char *open_sockets(const struct listener_options *listener, int given, int *fd, size_t count) {
    if (given >= 0) return open_given(given, fd, count);
    return listener->listen.is_unix ? open_unix(listener, fd, count) : open_tcp(&listener->listen, fd, count);
}

bool listener_open(const struct listener_options *listener, int given, int *fd, size_t count, char **error) {
    *error = NULL;
    for (size_t i = 0; i < count; i++) fd[i] = -1;
    const char *reason = open_sockets(listener, given, fd, count);
    if (reason == NULL) return true;
    complain(listener, reason, error);
    for (size_t i = 0; i < count; i++)
        if (fd[i] >= 0) close(fd[i]);
    return false;
}

bool listener_same_address(const struct endpoint *a, const struct endpoint *b) {
    if (a->is_unix != b->is_unix) return false;
    if (a->is_unix) return strcmp(a->path, b->path) == 0;
    return a->port == b->port && strcmp(a->host, b->host) == 0;
}
