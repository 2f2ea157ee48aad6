#include "http/client_address.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>

static bool is_of_this_host(const struct sockaddr *address) {
    if (address != NULL && address->sa_family == AF_INET)
        return ntohl(((const struct sockaddr_in *)(const void *)address)->sin_addr.s_addr) >> 24 == 127;
    if (address == NULL || address->sa_family != AF_INET6) return true;
    const struct in6_addr *six = &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr;
    return IN6_IS_ADDR_LOOPBACK(six) || (IN6_IS_ADDR_V4MAPPED(six) && six->s6_addr[12] == 127);
}

static struct span written(const char *text) { return text != NULL ? span_of(text) : (struct span){NULL, 0}; }

static struct span six_text(const struct in6_addr *six, char storage[CLIENT_ADDRESS_MAX]) {
    if (IN6_IS_ADDR_V4MAPPED(six)) return written(inet_ntop(AF_INET, six->s6_addr + 12, storage, CLIENT_ADDRESS_MAX));
    return written(inet_ntop(AF_INET6, six, storage, CLIENT_ADDRESS_MAX));
}

/* The element behind the last comma, if it is an address. */
static struct span last_of(struct span forwarded, char storage[CLIENT_ADDRESS_MAX]) {
    struct in_addr four;
    struct in6_addr six;
    size_t start = forwarded.len;
    while (start > 0 && forwarded.ptr[start - 1] != ',') start--;
    struct span last = span_trim(span_after(forwarded, start));
    if (last.len == 0 || last.len >= CLIENT_ADDRESS_MAX) return (struct span){NULL, 0};
    memcpy(storage, last.ptr, last.len);
    storage[last.len] = '\0';
    if (inet_pton(AF_INET, storage, &four) == 1) return written(inet_ntop(AF_INET, &four, storage, CLIENT_ADDRESS_MAX));
    if (inet_pton(AF_INET6, storage, &six) == 1) return six_text(&six, storage);
    return (struct span){NULL, 0};
}

struct span client_address(const struct sockaddr *address, bool trusts_forwarded, struct span forwarded,
                           char storage[CLIENT_ADDRESS_MAX]) {
    if (trusts_forwarded && is_of_this_host(address)) {
        struct span told = last_of(forwarded, storage);
        if (told.len > 0) return told;
    }
    if (address != NULL && address->sa_family == AF_INET)
        return written(inet_ntop(AF_INET, &((const struct sockaddr_in *)(const void *)address)->sin_addr, storage, CLIENT_ADDRESS_MAX));
    if (address != NULL && address->sa_family == AF_INET6)
        return six_text(&((const struct sockaddr_in6 *)(const void *)address)->sin6_addr, storage);
    return (struct span){NULL, 0};
}
