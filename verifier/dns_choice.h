/* verifier/dns_choice.h -- the DNS source that a command line or a configuration asks for: zone files or the network.
 * Zone files alone: every answer comes from them (dns_zone.h), and nothing is asked of the network. Zone files beside the
 * network: the zones they hold come from them, everything else from it (dns_overlay.h). No zone files: libunbound
 * (dns_unbound.h), by forwarders, stubs, or own recursion when neither is named.
 * Thread rule and cost: those of the source. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "verifier/dns.h"

struct loop;
struct dns_choice;

struct dns_choice_options {
    size_t zone_count, faults_count, forward_count, stub_count;
    bool zones_and_network;     /* the network answers for what the zone files do not hold */
    const char *const *zone;    /* --zone: master files */
    const char *const *faults;  /* --faults: JSON, only with zone files */
    const char *const *forward; /* --forward: "ADDR@PORT" */
    const char *const *stub;    /* --stub: "ZONE=ADDR@PORT" */
    const char
        *trust_anchor; /* --trust-anchor: file, "none"; NULL or "": the root's. Zone files are never validated. */
    int64_t query_timeout_ms; /* each of these three 0: 5000, 1000 and 20 */
    unsigned in_flight_max, in_flight_per_domain_max;
};

/* A source on loop. NULL: *error is one sentence, which the caller frees (NULL when there is no memory even for
 * that). */
struct dns_choice *dns_choice_create(struct loop *loop, const struct dns_choice_options *options, char **error);
/* Accepts NULL. Queries that are still pending are never answered. Before loop is destroyed. */
void dns_choice_destroy(struct dns_choice *choice);
struct dns_source *dns_choice_source(struct dns_choice *choice);
