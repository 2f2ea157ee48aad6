/* verifier/dns_packet.h -- read a DNS response packet (RFC 1035 section 4) into an answer.
 * Follows the CNAME chain from the name that was asked (RFC 1034 section 3.6.2) through the answer section, in whatever
 * order it stands there, and takes the records of the wanted type at its end. DNSSEC is not looked at: the state is the
 * resolver's to tell. The packet is not trusted; every length and pointer in it is checked.
 * Pure but for arena. Cost: at most DNS_CNAME_MAX + 1 passes over the answer section.
 * Limits: DNS_CNAME_MAX hops, DNS_RECORD_MAX records, DNS_TEXT_MAX octets of TXT. */
#pragma once
#include "base/arena.h"
#include "base/span.h"
#include "verifier/dns.h"
#include "verifier/dns_name.h"

enum { DNS_TEXT_MAX = 16 * 1024 }; /* octets of all TXT records of one answer; records beyond are dropped */
enum { DNS_STRINGS_MAX = 512 };    /* strings of one TXT record whose lengths are told */
/* What an arena must have room for, so that no answer within the limits fails. */
enum { DNS_ANSWER_OCTETS_MAX = DNS_TEXT_MAX + DNS_RECORD_MAX * DNS_STRINGS_MAX +
                             (DNS_CNAME_MAX + DNS_RECORD_MAX) * (DNS_NAME_TEXT_MAX + 2) + 32 * 1024 };

#define DNS_PACKET_STATUSES(X)                                                                                         \
    X(DNS_PACKET_OK, "answer read")                                                                                    \
    X(DNS_PACKET_MALFORMED, "packet does not follow the format")                                                       \
    X(DNS_PACKET_OTHER_QUESTION, "packet answers another question")                                                    \
    X(DNS_PACKET_BAD_CHAIN, "CNAME chain has a loop or too many hops")                                                 \
    X(DNS_PACKET_TOO_LARGE, "the first TXT record is over the limit")                                                  \
    X(DNS_PACKET_NO_MEMORY, "arena spent")
#define X(id, text) id,
enum dns_packet_status { DNS_PACKET_STATUSES(X) };
#undef X
const char *dns_packet_status_text(enum dns_packet_status status);

/* Reads packet as the response to name and type. DNS_PACKET_OK: *out is filled, its status DNS_FOUND, DNS_NXDOMAIN,
 * DNS_NODATA or, for any other response code, DNS_SERVFAIL; its spans live in arena; its dnssec is indeterminate.
 * Any other status: *out is an empty DNS_SERVFAIL. The TTL of a negative answer is the least of SOA TTL, SOA minimum
 * and the hops' TTLs, and 0 without SOA (RFC 2308 section 5). */
enum dns_packet_status dns_packet_read(struct span packet, const struct dns_name *name, enum dns_type type,
                                       struct arena *arena, struct dns_answer *out);
