/* proxy/socket_address.h -- an endpoint of the configuration as the kernel wants it, and a peer as logs and XFORWARD
 * want it. Host names are looked up once, when a configuration is taken into use, never inside an event loop.
 * socket_address_resolve may block (getaddrinfo); everything else is pure. No allocation is handed out. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include "base/options.h"

enum { SOCKET_ADDRESS_MAX = 8, SOCKET_ADDRESS_TEXT_MAX = 128 };

struct socket_address {
    struct sockaddr_storage storage;
    socklen_t len;
};

/* Addresses of endpoint in the order in which they are to be tried, at most SOCKET_ADDRESS_MAX; a unix path is one.
 * passive: for listening ("*" or an empty host: any address). NULL on success, else static text with the reason. */
const char *socket_address_resolve(const struct endpoint *endpoint, bool passive,
                                   struct socket_address out[SOCKET_ADDRESS_MAX], size_t *count);
/* Network address of an internet peer: 4 octets (is_v4, also for a mapped one) or 16. False: not an internet address. */
bool socket_address_octets(const struct socket_address *address, uint8_t octets[16], bool *is_v4);
/* Makes *out the internet address of 4 (is_v4) or 16 octets. */
void socket_address_set(struct socket_address *out, const uint8_t *octets, bool is_v4, uint16_t port);
uint16_t socket_address_port(const struct socket_address *address); /* 0: none */
/* "192.0.2.1", "2001:db8::1", "unix", or "unknown" for a zeroed address; always with a final NUL. */
void socket_address_text(const struct socket_address *address, char text[SOCKET_ADDRESS_TEXT_MAX]);
