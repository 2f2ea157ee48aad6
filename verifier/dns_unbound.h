/* verifier/dns_unbound.h -- DNS answers from the network: libunbound's validating resolver on a loop of ours.
 * The only module that knows libunbound. It asks the root servers itself, or forwards all queries to given resolvers
 * and validates their answers again, or asks given servers for given zones (stubs); forwarders and stubs may be
 * combined. What libunbound does otherwise is put right here:
 * - its callback may run inside the call that asks: then the answer is the return value; all others are handed out from
 *   the loop, never from inside one of its callbacks;
 * - bogus answers carry data with response code 0: the DNSSEC state is looked at first; NXDOMAIN stands inside the
 * packet;
 * - it answers for special zones (test., home.arpa., 10.in-addr.arpa. ...) by itself: not when a server is named for
 * them;
 * - a dead server costs it 17 s: its time-outs are cut down (2.3 s; forwarders are given 6), and each query has a
 *   deadline of our own (DNS_TIMEOUT);
 * - a query that is cancelled or late goes on inside libunbound with its 12 KB: it keeps counting as under way until
 *   libunbound is done with it, so the limits hold whatever the askers do;
 * - no more than in_flight_max queries run, and in_flight_per_domain_max for one domain; others wait (dns_limit.h).
 * DNSSEC: secure, insecure or bogus; indeterminate when validation is off.
 * Thread rule: all calls on the loop's thread, or before it runs. Blocks only in dns_unbound_create (reads anchors).
 * Cost: docs/dns.md. */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include "verifier/dns.h"

struct loop;
struct dns_unbound;

struct dns_unbound_options {
    size_t forward_count, stub_count;
    const char *const *forward; /* "ADDR@PORT": resolvers for everything that no stub serves */
    const char *const *stub;    /* "ZONE=ADDR@PORT": authoritative servers; one zone may have several */
    const char *trust_anchor; /* file of DS or DNSKEY lines; NULL or "": the root's, from DNS_ROOT_KEY_FILE or built in;
                                 "none": no validation */
    int64_t query_timeout_ms; /* DNS_TIMEOUT after so long, time in the queue included */
    unsigned in_flight_max, in_flight_per_domain_max;
};
#define DNS_ROOT_KEY_FILE "/usr/share/dns/root.key" /* Debian's dns-root-data */

/* NULL: *error is one sentence, which the caller frees (NULL when there is no memory even for that). */
struct dns_unbound *dns_unbound_create(struct loop *loop, const struct dns_unbound_options *options, char **error);
/* Accepts NULL. Queries that are still pending are dropped: never answered. Not from inside a query's callback. */
void dns_unbound_destroy(struct dns_unbound *unbound);
struct dns_source *dns_unbound_source(struct dns_unbound *unbound);

/* Queries that libunbound works on, cancelled ones included; and those that wait for a place. */
unsigned dns_unbound_in_flight(const struct dns_unbound *unbound);
unsigned dns_unbound_waiting(const struct dns_unbound *unbound);

/* The version of libunbound in use, "1.17.1". Any thread. */
const char *dns_unbound_library(void);
