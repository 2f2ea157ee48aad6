/* verifier/dns_zone_text.h -- read a zone in the text form of RFC 1035 section 5 (master file).
 * Knows $ORIGIN, $TTL (RFC 2308 section 4), relative names, @, a blank owner, parentheses, quoted strings, escapes,
 * comments, class and TTL in either order, TTLs with units (1h30m). Data is understood of A, AAAA, CNAME, MX, NS, PTR
 * and TXT; of SOA the negative TTL; any other registered type only says that its owner exists.
 * $INCLUDE, other classes and \# data of the types above are errors. Pure but for memory; no I/O.
 * Limits: DNS_ZONE_ITEM_MAX items in one entry, 255 octets in a string, DNS_TEXT_MAX in a TXT record. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "base/span.h"
#include "verifier/dns_name.h"

enum { DNS_ZONE_ITEM_MAX = 512, DNS_ZONE_TYPE_SOA = 6, DNS_ZONE_TYPE_OTHER = 0xffff };
enum { DNS_ZONE_TTL_S = 3600 }; /* of records in a file that never names a TTL */

struct dns_zone_record {
    struct dns_name owner;
    uint16_t type;    /* an enum dns_type, DNS_ZONE_TYPE_SOA or DNS_ZONE_TYPE_OTHER */
    uint32_t ttl_s;   /* SOA: the negative TTL, the least of its TTL and its last number */
    struct span data; /* in the form of struct dns_answer's records; empty for SOA and OTHER; valid during the call */
    struct span strings; /* TXT: the lengths of its strings, an octet each; valid during the call */
};

/* Reads text, naming it file in errors, and hands each record to add, which returns false when it has no memory.
 * Returns true when all was read. Else *error is one sentence "FILE:LINE: what", which the caller frees, NULL when
 * there is no memory even for that. */
bool dns_zone_text_read(struct span text, const char *file,
                        bool (*add)(void *owner, const struct dns_zone_record *record), void *owner, char **error);

/* The type of a word like "TXT", in any letter case; 0 when it names no type; else as in struct dns_zone_record. */
uint16_t dns_zone_text_type(struct span word);
