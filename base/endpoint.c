#include "base/endpoint.h"
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include "base/ascii.h"

enum { V4_OCTETS = 4, V6_OCTETS = 16 };

/* Digits only, at most most; false for anything else. */
static bool read_number(const char *text, unsigned most, unsigned *out) {
    unsigned value = 0;
    if (*text == '\0') return false;
    for (; ascii_is_digit(*text) && value <= most; text++) value = value * 10 + (unsigned)(*text - '0');
    *out = value;
    return *text == '\0' && value <= most;
}

static bool is_host_char(char c) { return ascii_is_alnum(c) || c == '.' || c == '-' || c == '_'; }

static bool is_host(const char *text, size_t len, bool in_brackets) {
    if (len == 0 || len >= sizeof((struct endpoint *)NULL)->host) return false;
    if (len == 1 && text[0] == '*') return !in_brackets;
    for (size_t i = 0; i < len; i++)
        if (!is_host_char(text[i]) && !(in_brackets && (text[i] == ':' || text[i] == '%'))) return false;
    return true;
}

static bool parse_path(const char *path, struct endpoint *out) {
    size_t len = strlen(path);
    if (len == 0 || len >= sizeof out->path) return false;
    *out = (struct endpoint){.is_unix = true};
    memcpy(out->path, path, len);
    return true;
}

bool endpoint_parse(const char *text, struct endpoint *out) {
    if (strncmp(text, "unix:", 5) == 0) return parse_path(text + 5, out);
    const char *colon = strrchr(text, ':');
    unsigned port;
    if (colon == NULL || !read_number(colon + 1, 65535, &port) || port == 0) return false;
    const char *host = text;
    size_t len = (size_t)(colon - text);
    bool in_brackets = text[0] == '[';
    if (in_brackets) {
        if (len < 3 || text[len - 1] != ']') return false;
        host++;
        len -= 2;
    }
    if (!is_host(host, len, in_brackets)) return false;
    *out = (struct endpoint){.port = (uint16_t)port};
    memcpy(out->host, host, len);
    return true;
}

bool endpoint_is_of_this_host(const struct endpoint *endpoint) {
    struct in6_addr v6;
    struct in_addr v4;
    if (endpoint->is_unix || strcmp(endpoint->host, "localhost") == 0) return true;
    if (inet_pton(AF_INET, endpoint->host, &v4) == 1) return ntohl(v4.s_addr) >> 24 == 127;
    return inet_pton(AF_INET6, endpoint->host, &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

void endpoint_format(const struct endpoint *endpoint, char out[ENDPOINT_TEXT_MAX]) {
    bool brackets = !endpoint->is_unix && strchr(endpoint->host, ':') != NULL;
    if (endpoint->is_unix)
        snprintf(out, ENDPOINT_TEXT_MAX, "unix:%s", endpoint->path);
    else
        snprintf(out, ENDPOINT_TEXT_MAX, brackets ? "[%s]:%u" : "%s:%u", endpoint->host, endpoint->port);
}

static bool bits_are_zero_behind(const uint8_t *address, unsigned prefix_bits, size_t octets) {
    for (unsigned bit = prefix_bits; bit < octets * 8; bit++)
        if ((address[bit / 8] & (0x80u >> (bit % 8))) != 0) return false;
    return true;
}

bool network_parse(const char *text, struct network *out) {
    char address[INET6_ADDRSTRLEN];
    const char *slash = strchr(text, '/');
    size_t len = slash != NULL ? (size_t)(slash - text) : strlen(text);
    *out = (struct network){0};
    if (len >= sizeof address) return false;
    memcpy(address, text, len);
    address[len] = '\0';
    out->is_v4 = inet_pton(AF_INET, address, out->address) == 1;
    if (!out->is_v4 && inet_pton(AF_INET6, address, out->address) != 1) return false;
    size_t octets = out->is_v4 ? V4_OCTETS : V6_OCTETS;
    out->prefix_bits = (unsigned)octets * 8;
    if (slash != NULL && !read_number(slash + 1, (unsigned)octets * 8, &out->prefix_bits)) return false;
    return bits_are_zero_behind(out->address, out->prefix_bits, octets);
}

void network_format(const struct network *network, char out[NETWORK_TEXT_MAX]) {
    char address[INET6_ADDRSTRLEN];
    if (inet_ntop(network->is_v4 ? AF_INET : AF_INET6, network->address, address, sizeof address) == NULL)
        address[0] = '\0';
    unsigned whole = network->is_v4 ? V4_OCTETS * 8 : V6_OCTETS * 8;
    snprintf(out, NETWORK_TEXT_MAX, network->prefix_bits == whole ? "%s" : "%s/%u", address, network->prefix_bits);
}

bool network_contains(const struct network *network, const uint8_t *address, bool is_v4) {
    static const uint8_t v4_mapped[12] = {[10] = 0xff, [11] = 0xff};
    if (!is_v4 && memcmp(address, v4_mapped, sizeof v4_mapped) == 0) {
        address += sizeof v4_mapped;
        is_v4 = true;
    }
    if (is_v4 != network->is_v4) return false;
    unsigned whole = network->prefix_bits / 8, rest = network->prefix_bits % 8;
    if (memcmp(network->address, address, whole) != 0) return false;
    return rest == 0 || ((network->address[whole] ^ address[whole]) & (0xff00u >> rest & 0xff)) == 0;
}
