/* proxy/proxy_protocol.h -- the header with which a proxy tells the address of its client before the client's first octet
 * (HAProxy's "The PROXY protocol", versions 1 and 2, https://www.haproxy.org/download/2.9/doc/proxy-protocol.txt).
 * Who must send one and who must not is the session's business. Strict: what is not written exactly as the document says
 * is no header, and the first octet that does not fit decides. A version 2 header's TLVs are walked, not read: each has to
 * end where it says, the last one where the header ends.
 * Pure: no allocation, I/O, clock or lock; nothing is kept between calls. Cost: one pass over the octets there are.
 * Limits: PROXY_PROTOCOL_MAX. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include "base/span.h"
#include "proxy/socket_address.h"

enum {
    PROXY_PROTOCOL_V1_MAX = 107, /* octets with CRLF: section 2.1 */
    PROXY_PROTOCOL_MAX = 4096,   /* octets of a version 2 header; the document advises senders to stay below 536 */
};

/* id, text for the log */
#define PROXY_PROTOCOL_STATUSES(X)                                                                                     \
    X(PROXY_PROTOCOL_OK, "header is whole")                                                                            \
    X(PROXY_PROTOCOL_MORE, "header is not whole")                                                                      \
    X(PROXY_PROTOCOL_NONE, "no PROXY header")                                                                          \
    X(PROXY_PROTOCOL_BAD_LINE, "PROXY line does not follow the grammar")                                               \
    X(PROXY_PROTOCOL_BAD_ADDRESS, "address or port in the PROXY line is none")                                         \
    X(PROXY_PROTOCOL_LINE_TOO_LONG, "PROXY line longer than 107 octets")                                               \
    X(PROXY_PROTOCOL_BAD_VERSION, "binary PROXY header of another version than 2, or with an unknown command")         \
    X(PROXY_PROTOCOL_BAD_FAMILY, "binary PROXY header for another transport than a stream")                            \
    X(PROXY_PROTOCOL_BAD_LENGTH, "binary PROXY header too short for its addresses")                                    \
    X(PROXY_PROTOCOL_TOO_LONG, "binary PROXY header longer than 4096 octets")                                          \
    X(PROXY_PROTOCOL_BAD_TLV, "binary PROXY header with a TLV that goes beyond its end")
#define X(id, text) id,
enum proxy_protocol_status { PROXY_PROTOCOL_STATUSES(X) PROXY_PROTOCOL_STATUS_COUNT };
#undef X
const char *proxy_protocol_status_text(enum proxy_protocol_status status);

struct proxy_header {
    bool has_client;              /* false: LOCAL or UNKNOWN (a health check): the connection's own address counts */
    struct socket_address client; /* AF_INET, AF_INET6 or AF_UNIX (without its path, of use on the proxy's host only) */
};

/* Reads the header at the start of octets, which is all that has come so far. PROXY_PROTOCOL_OK: *out is filled, *taken
 * octets were the header, the client's own follow. PROXY_PROTOCOL_MORE: call again with the same octets and those that
 * come. Any other status will not change with more octets. *taken is 0 and *out undefined on all but OK. */
enum proxy_protocol_status proxy_protocol_read(struct span octets, struct proxy_header *out, size_t *taken);
