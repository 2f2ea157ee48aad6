#include "verifier/dns_upstream.h"
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include "base/ascii.h"

static bool fail(const char *text, const char *what, char **error) {
    if (asprintf(error, "\"%s\": %s", text, what) < 0) *error = NULL;
    return false;
}

static bool read_port(struct span digits, unsigned *out) {
    unsigned port = 0;
    if (digits.len == 0 || digits.len > 5) return false;
    for (size_t i = 0; i < digits.len; i++) {
        if (!ascii_is_digit(digits.ptr[i])) return false;
        port = port * 10 + (unsigned)(digits.ptr[i] - '0');
    }
    *out = port;
    return port >= 1 && port <= 65535;
}

static bool read_address(const char *text, struct span part, struct dns_upstream *out, char **error) {
    char address[INET6_ADDRSTRLEN] = "";
    uint8_t octets[16];
    unsigned port = 53;
    size_t at = span_find(part, '@');
    if (at < part.len && !read_port(span_after(part, at + 1), &port))
        return fail(text, "the port after @ is no number from 1 to 65535", error);
    if (at < sizeof address) memcpy(address, part.ptr, at);
    static const uint8_t loopback_v6[16] = {[15] = 1};
    if (inet_pton(AF_INET, address, octets) == 1)
        out->is_loopback = octets[0] == 127;
    else if (inet_pton(AF_INET6, address, octets) == 1)
        out->is_loopback = memcmp(octets, loopback_v6, sizeof octets) == 0;
    else
        return fail(text, "ADDR@PORT with an IPv4 or IPv6 address is wanted", error);
    snprintf(out->address, sizeof out->address, "%s@%u", address, port);
    return true;
}

bool dns_upstream_read_forward(const char *text, struct dns_upstream *out, char **error) {
    *error = NULL;
    (void)dns_name_from_text(span_of(""), NULL, &out->zone);
    return read_address(text, span_of(text), out, error);
}

bool dns_upstream_read_stub(const char *text, struct dns_upstream *out, char **error) {
    struct span all = span_of(text);
    size_t equals = span_find(all, '=');
    *error = NULL;
    if (equals == all.len) return fail(text, "ZONE=ADDR@PORT is wanted", error);
    if (equals == 0 || !dns_name_from_text(span_first(all, equals), NULL, &out->zone))
        return fail(text, "the zone before = is no domain name", error);
    return read_address(text, span_after(all, equals + 1), out, error);
}
