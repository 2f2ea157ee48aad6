/* base/endpoint.h -- where to listen or connect, and which addresses belong to a network, as configurations write them.
 * Pure: no allocation, I/O (no name is looked up), clock or lock; any thread. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct endpoint { /* where to listen or connect */
    bool is_unix;
    char host[256]; /* address without brackets, name, or "*" for any address; unix: unused */
    uint16_t port;  /* 1..65535 */
    char path[108]; /* unix socket, as long as the kernel allows */
};
enum { ENDPOINT_TEXT_MAX = 272 }; /* octets of the longest text, with its final NUL */

/* "127.0.0.1:25", "[::1]:25", "mx.example:25", "*:25", "unix:/run/x". False: none of these; *out is then undefined. */
bool endpoint_parse(const char *text, struct endpoint *out);
/* Nobody but programs of this host can connect there: a unix socket, 127.0.0.0/8, ::1 or localhost. */
bool endpoint_is_of_this_host(const struct endpoint *endpoint);
/* The same text again. */
void endpoint_format(const struct endpoint *endpoint, char out[ENDPOINT_TEXT_MAX]);

struct network {
    uint8_t address[16];
    unsigned prefix_bits;
    bool is_v4;
}; /* CIDR; v4: the first 4 octets */
enum { NETWORK_TEXT_MAX = 64 };

/* "10.0.0.0/8", "::1", "2001:db8::/32". False: not an address, a prefix too long, or bits set behind the prefix, which
 * is a slip of the pen more often than not. */
bool network_parse(const char *text, struct network *out);
void network_format(const struct network *network, char out[NETWORK_TEXT_MAX]);
/* address: 4 octets (is_v4) or 16; a v4-mapped v6 address is matched as v4. */
bool network_contains(const struct network *network, const uint8_t *address, bool is_v4);
