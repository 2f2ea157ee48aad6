/* verifier/dns_recent.h -- a source in front of another that gives again what was answered a moment ago: what was found
 * or proved absent, for as long as its TTL says, DNS_RECENT_S at most, with the TTL that is left. A worker has one of
 * its own, so that names that every other message asks for (SPF, DMARC, the client's name) cost no way to the
 * resolver's thread and back, which on a busy machine means to wait twice for a processor. Failures, which dns_memory
 * keeps for longer on the other side, are given again for DNS_RECENT_FAILURE_S. Keys are key_cache's. Thread rule: that
 * of the source behind. Allocates with malloc; without memory it only passes on. Limits: DNS_RECENT_OCTETS of names and
 * answers, forgotten by disuse; an answer of more than DNS_RECENT_ANSWER_MAX is not kept. */
#pragma once
#include "verifier/dns.h"

enum { DNS_RECENT_S = 60, DNS_RECENT_FAILURE_S = 2, DNS_RECENT_OCTETS = 1024 * 1024, DNS_RECENT_ANSWER_MAX = 16384 };

struct clock;
struct dns_recent;

/* behind and clock are borrowed until destroy. NULL: no memory. */
struct dns_recent *dns_recent_create(struct dns_source *behind, const struct clock *clock);
/* Cancels what is under way. Accepts NULL. */
void dns_recent_destroy(struct dns_recent *recent);
struct dns_source *dns_recent_source(struct dns_recent *recent);
