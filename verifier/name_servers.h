/* verifier/name_servers.h -- the name servers of a domain, with an address of each: whom to ask when they may disagree.
 * The zone's servers are those of the domain itself, or of the nearest name above it that has any (never of a single
 * label). Asks any dns_source; answers by return value or, later, by the callback, as every request of ours. Thread
 * rule: that of the dns_source. Limits: NAME_SERVERS_MAX servers; NAME_SERVERS_ZONES_MAX names are tried. */
#pragma once
#include <stdbool.h>
#include "base/span.h"
#include "verifier/dns.h"

enum { NAME_SERVERS_MAX = 8, NAME_SERVERS_ZONES_MAX = 6, NAME_SERVER_ADDRESS_MAX = 64 };

struct name_server {
    struct span name;
    char address[NAME_SERVER_ADDRESS_MAX]; /* "192.0.2.1@53", IPv4 where there is one; empty: it has none */
};

struct name_servers;

/* dns is borrowed until destroy. NULL: no memory. */
struct name_servers *name_servers_create(struct dns_source *dns);
void name_servers_destroy(struct name_servers *servers); /* cancels what is pending; accepts NULL */
/* Once. domain: A-labels without final dot. True: all is known; false: done will be called. */
bool name_servers_find(struct name_servers *servers, struct span domain, void (*done)(void *owner), void *owner);
/* Time is up: what is pending is left out; done is not called. */
void name_servers_expire(struct name_servers *servers);
/* Valid until destroy; *count may be 0. */
const struct name_server *name_servers_list(const struct name_servers *servers, size_t *count);
