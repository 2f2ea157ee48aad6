#include "proxy/proxy_protocol.h"
#include <arpa/inet.h>
#include <string.h>
#include "base/ascii.h"

enum {
    HEAD_LEN = 16, /* version 2: signature, version and command, family and transport, length */
    SIGNATURE_LEN = 12,
    TLV_HEAD_LEN = 3,
};
static const char signature[SIGNATURE_LEN + 1] = "\r\n\r\n\0\r\nQUIT\n";
static const char prefix[] = "PROXY ";

const char *proxy_protocol_status_text(enum proxy_protocol_status status) {
#define X(id, text) [id] = text,
    static const char *const texts[] = {PROXY_PROTOCOL_STATUSES(X)};
#undef X
    return texts[status];
}

/* True: octets may be, or begin with, the len octets of wanted. */
static bool may_begin(struct span octets, const char *wanted, size_t len) {
    return memcmp(octets.ptr, wanted, octets.len < len ? octets.len : len) == 0;
}

/* -- version 1: a line -- */

/* What stands before the next space, which must be there unless it is the last word. */
static bool take_word(struct span *rest, bool is_last, struct span *word) {
    size_t space = span_find(*rest, ' ');
    if (is_last != (space == rest->len)) return false;
    *word = span_first(*rest, space);
    *rest = span_after(*rest, is_last ? space : space + 1);
    return word->len > 0;
}

static bool read_address(struct span text, bool is_v4, uint8_t octets[16]) {
    char copy[INET6_ADDRSTRLEN] = "";
    if (text.len >= sizeof copy || memchr(text.ptr, '\0', text.len) != NULL) return false;
    memcpy(copy, text.ptr, text.len);
    return inet_pton(is_v4 ? AF_INET : AF_INET6, copy, octets) == 1;
}

/* Decimal, without leading zeros. */
static bool read_port(struct span text, uint16_t *port) {
    unsigned value = 0;
    if (text.len == 0 || text.len > 5 || (text.ptr[0] == '0' && text.len > 1)) return false;
    for (size_t i = 0; i < text.len; i++) {
        if (!ascii_is_digit(text.ptr[i])) return false;
        value = value * 10 + (unsigned)(text.ptr[i] - '0');
    }
    *port = (uint16_t)value;
    return value <= 65535;
}

/* line: all behind "PROXY ", without CRLF. */
static enum proxy_protocol_status read_line(struct span line, struct proxy_header *out) {
    struct span word[4]; /* source, destination, and their ports */
    uint8_t source[16], destination[16];
    uint16_t source_port, destination_port;
    size_t family_len = span_find(line, ' ');
    struct span family = span_first(line, family_len);
    if (span_is(family, "UNKNOWN")) return PROXY_PROTOCOL_OK; /* what follows is to be ignored */
    if (family_len == line.len) return PROXY_PROTOCOL_BAD_LINE;
    line = span_after(line, family_len + 1);
    bool is_v4 = span_is(family, "TCP4");
    if (!is_v4 && !span_is(family, "TCP6")) return PROXY_PROTOCOL_BAD_LINE;
    for (size_t i = 0; i < 4; i++)
        if (!take_word(&line, i == 3, &word[i])) return PROXY_PROTOCOL_BAD_LINE;
    if (!read_address(word[0], is_v4, source) || !read_address(word[1], is_v4, destination) ||
        !read_port(word[2], &source_port) || !read_port(word[3], &destination_port))
        return PROXY_PROTOCOL_BAD_ADDRESS;
    out->has_client = true;
    socket_address_set(&out->client, source, is_v4, source_port);
    return PROXY_PROTOCOL_OK;
}

static enum proxy_protocol_status read_v1(struct span octets, struct proxy_header *out, size_t *taken) {
    size_t prefix_len = sizeof prefix - 1;
    if (octets.len < prefix_len) return PROXY_PROTOCOL_MORE;
    struct span window = span_first(octets, octets.len < PROXY_PROTOCOL_V1_MAX ? octets.len : PROXY_PROTOCOL_V1_MAX);
    size_t lf = span_find(window, '\n');
    if (lf == window.len) return window.len < PROXY_PROTOCOL_V1_MAX ? PROXY_PROTOCOL_MORE : PROXY_PROTOCOL_LINE_TOO_LONG;
    struct span line = span_first(octets, lf);
    if (line.ptr[lf - 1] != '\r') return PROXY_PROTOCOL_BAD_LINE;
    line = span_after(span_first(line, lf - 1), prefix_len);
    if (span_find(line, '\r') < line.len) return PROXY_PROTOCOL_BAD_LINE;
    enum proxy_protocol_status status = read_line(line, out);
    if (status == PROXY_PROTOCOL_OK) *taken = lf + 1;
    return status;
}

/* -- version 2: binary -- */

static unsigned octet(struct span octets, size_t at) { return (unsigned char)octets.ptr[at]; }
static unsigned number(struct span octets, size_t at) { return octet(octets, at) << 8 | octet(octets, at + 1); }

static bool are_tlvs(struct span rest) {
    while (rest.len > 0) {
        if (rest.len < TLV_HEAD_LEN) return false;
        size_t len = number(rest, 1);
        if (len > rest.len - TLV_HEAD_LEN) return false;
        rest = span_after(rest, TLV_HEAD_LEN + len);
    }
    return true;
}

/* id, octet 14 of the header, octets of both addresses and their ports */
#define FAMILIES(X)                                                                                                    \
    X(FAMILY_INET, 0x11, 12)                                                                                           \
    X(FAMILY_INET6, 0x21, 36)                                                                                          \
    X(FAMILY_UNIX, 0x31, 216)
#define X(id, value, len) id = (value), id##_LEN = (len),
enum { FAMILY_UNKNOWN = 0x00, FAMILIES(X) };
#undef X

static bool find_family(unsigned family, size_t *addresses_len) {
    switch (family) {
#define X(id, value, len)                                                                                              \
    case id: *addresses_len = (len); return true;
        FAMILIES(X)
#undef X
    default: return false;
    }
}

static void set_client(struct proxy_header *out, unsigned family, struct span body) {
    uint8_t source[16];
    out->has_client = true;
    if (family == FAMILY_UNIX) {
        out->client = (struct socket_address){.storage.ss_family = AF_UNIX, .len = sizeof(sa_family_t)};
        return;
    }
    size_t len = family == FAMILY_INET ? 4 : 16;
    memcpy(source, body.ptr, len);
    socket_address_set(&out->client, source, family == FAMILY_INET, (uint16_t)number(body, 2 * len));
}

/* The addresses of a PROXY command; body is all behind the head, whole or not yet. */
static enum proxy_protocol_status read_body(unsigned family, size_t len, struct span body, struct proxy_header *out) {
    size_t addresses_len;
    if (family == FAMILY_UNKNOWN) return PROXY_PROTOCOL_OK;
    if (!find_family(family, &addresses_len)) return PROXY_PROTOCOL_BAD_FAMILY;
    if (len < addresses_len) return PROXY_PROTOCOL_BAD_LENGTH;
    if (body.len < len) return PROXY_PROTOCOL_MORE;
    if (!are_tlvs(span_after(span_first(body, len), addresses_len))) return PROXY_PROTOCOL_BAD_TLV;
    set_client(out, family, body);
    return PROXY_PROTOCOL_OK;
}

static enum proxy_protocol_status read_v2(struct span octets, struct proxy_header *out, size_t *taken) {
    if (octets.len > SIGNATURE_LEN && (octet(octets, SIGNATURE_LEN) & 0xfe) != 0x20) return PROXY_PROTOCOL_BAD_VERSION;
    if (octets.len < HEAD_LEN) return PROXY_PROTOCOL_MORE;
    size_t len = number(octets, HEAD_LEN - 2);
    if (len > PROXY_PROTOCOL_MAX - HEAD_LEN) return PROXY_PROTOCOL_TOO_LONG;
    struct span body = span_after(octets, HEAD_LEN);
    bool is_local = octet(octets, SIGNATURE_LEN) == 0x20; /* the proxy's own connection; its addresses mean nothing */
    enum proxy_protocol_status status = read_body(is_local ? FAMILY_UNKNOWN : octet(octets, 13), len, body, out);
    if (status != PROXY_PROTOCOL_OK) return status;
    if (body.len < len) return PROXY_PROTOCOL_MORE;
    *taken = HEAD_LEN + len;
    return PROXY_PROTOCOL_OK;
}

enum proxy_protocol_status proxy_protocol_read(struct span octets, struct proxy_header *out, size_t *taken) {
    *taken = 0;
    memset(out, 0, sizeof *out);
    if (octets.len == 0) return PROXY_PROTOCOL_MORE;
    if (may_begin(octets, signature, SIGNATURE_LEN)) return read_v2(octets, out, taken);
    if (may_begin(octets, prefix, sizeof prefix - 1)) return read_v1(octets, out, taken);
    return PROXY_PROTOCOL_NONE;
}
