/* verifier/dns_name.h -- one domain name in its three forms: text (RFC 1035 section 5.1), octets on the wire (3.1) and
 * compressed inside a packet (4.1.4). Always lower case, so that equal names have equal octets (RFC 4343).
 * Text has no final dot and escapes what is not a printable character of its own: "\." "\\" and "\DDD" (decimal); the
 * root is the empty text. What mail may use as a domain is stricter and belongs to domain_name.
 * Pure: no allocation, I/O, clock or lock. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/span.h"

enum {
    DNS_NAME_WIRE_MAX = 255, /* octets with every length octet and the final root label (RFC 1035 section 3.1) */
    DNS_NAME_LABEL_MAX = 63,
    DNS_NAME_TEXT_MAX = 1024, /* 253 octets, each as "\DDD" at worst */
};

struct dns_name {
    uint8_t len; /* octets of wire in use; the root has 1 */
    uint8_t wire[DNS_NAME_WIRE_MAX];
};

/* Reads text; octets without a meaning of their own (blanks, controls, above 127) stand for themselves. With an origin
 * a text without final dot is completed by it (zone files); with NULL it is complete already. False, and *out is
 * undefined: empty label, label or name too long, escape cut off or above 255. */
bool dns_name_from_text(struct span text, const struct dns_name *origin, struct dns_name *out);
/* Writes the name to out, at least DNS_NAME_TEXT_MAX octets, without NUL; returns the length. */
size_t dns_name_to_text(const struct dns_name *name, char *out);

/* Reads the name at *at of a packet and moves *at behind it. False when it leaves the packet, is too long, has a label
 * type that nobody uses, or a pointer that does not point backwards (so loops end). */
bool dns_name_unpack(struct span packet, size_t *at, struct dns_name *out);

bool dns_name_equal(const struct dns_name *a, const struct dns_name *b);
