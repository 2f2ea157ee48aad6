#include "proxy/socket_address.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

static void from_path(const char *path, struct socket_address *out) {
    struct sockaddr_un *un = (struct sockaddr_un *)&out->storage;
    size_t len = strnlen(path, sizeof un->sun_path - 1);
    memset(out, 0, sizeof *out);
    un->sun_family = AF_UNIX;
    memcpy(un->sun_path, path, len);
    out->len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len + 1);
}

const char *socket_address_resolve(const struct endpoint *endpoint, bool passive,
                                   struct socket_address out[SOCKET_ADDRESS_MAX], size_t *count) {
    *count = 0;
    if (endpoint->is_unix) return from_path(endpoint->path, &out[(*count)++]), NULL;
    struct addrinfo hints = {
        .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV | (passive ? AI_PASSIVE : 0)};
    struct addrinfo *list = NULL;
    char port[8];
    bool any = endpoint->host[0] == '\0' || (endpoint->host[0] == '*' && endpoint->host[1] == '\0');
    (void)snprintf(port, sizeof port, "%u", endpoint->port);
    int error = getaddrinfo(any && passive ? NULL : endpoint->host, port, &hints, &list);
    if (error == EAI_SYSTEM) return strerrordesc_np(errno);
    if (error != 0) return gai_strerror(error);
    for (const struct addrinfo *info = list; info != NULL && *count < SOCKET_ADDRESS_MAX; info = info->ai_next) {
        if (info->ai_addrlen > sizeof out->storage) continue;
        struct socket_address *address = &out[(*count)++];
        memset(address, 0, sizeof *address);
        memcpy(&address->storage, info->ai_addr, info->ai_addrlen);
        address->len = info->ai_addrlen;
    }
    freeaddrinfo(list);
    return *count > 0 ? NULL : "no usable address";
}

bool socket_address_octets(const struct socket_address *address, uint8_t octets[16], bool *is_v4) {
    if (address->storage.ss_family == AF_INET) {
        memcpy(octets, &((const struct sockaddr_in *)&address->storage)->sin_addr, 4);
        return *is_v4 = true;
    }
    if (address->storage.ss_family != AF_INET6) return false;
    const struct in6_addr *in6 = &((const struct sockaddr_in6 *)&address->storage)->sin6_addr;
    *is_v4 = IN6_IS_ADDR_V4MAPPED(in6);
    memcpy(octets, in6->s6_addr + (*is_v4 ? 12 : 0), *is_v4 ? 4 : 16);
    return true;
}

void socket_address_set(struct socket_address *out, const uint8_t *octets, bool is_v4, uint16_t port) {
    struct sockaddr_in *in = (struct sockaddr_in *)&out->storage;
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&out->storage;
    memset(out, 0, sizeof *out);
    if (is_v4) {
        in->sin_family = AF_INET;
        in->sin_port = htons(port);
        memcpy(&in->sin_addr, octets, 4);
        out->len = sizeof *in;
    } else {
        in6->sin6_family = AF_INET6;
        in6->sin6_port = htons(port);
        memcpy(&in6->sin6_addr, octets, 16);
        out->len = sizeof *in6;
    }
}

uint16_t socket_address_port(const struct socket_address *address) {
    if (address->storage.ss_family == AF_INET) return ntohs(((const struct sockaddr_in *)&address->storage)->sin_port);
    if (address->storage.ss_family == AF_INET6)
        return ntohs(((const struct sockaddr_in6 *)&address->storage)->sin6_port);
    return 0;
}

void socket_address_text(const struct socket_address *address, char text[SOCKET_ADDRESS_TEXT_MAX]) {
    uint8_t octets[16];
    bool is_v4;
    if (!socket_address_octets(address, octets, &is_v4) ||
        inet_ntop(is_v4 ? AF_INET : AF_INET6, octets, text, SOCKET_ADDRESS_TEXT_MAX) == NULL)
        (void)snprintf(text, SOCKET_ADDRESS_TEXT_MAX, "%s", address->storage.ss_family == AF_UNIX ? "unix" : "unknown");
}
