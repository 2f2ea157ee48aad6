#include "verifier/dns_choice.h"
#include <stdlib.h>
#include <string.h>
#include "verifier/dns_overlay.h"
#include "verifier/dns_unbound.h"
#include "verifier/dns_zone.h"

enum { QUERY_TIMEOUT_MS = 5000, IN_FLIGHT_MAX = 1000, IN_FLIGHT_PER_DOMAIN_MAX = 20 };

struct dns_choice { /* one of the two, or both */
    struct dns_zone *zone;
    struct dns_unbound *unbound;
    struct dns_overlay overlay; /* both */
};

static bool fail(const char *what, char **error) {
    *error = strdup(what);
    return false;
}

static bool open_zones(struct dns_choice *choice, const struct dns_choice_options *options, char **error) {
    if (!options->zones_and_network && options->forward_count + options->stub_count > 0)
        return fail("zone files answer everything: they cannot be combined with forwarders or stubs", error);
    if ((choice->zone = dns_zone_create()) == NULL) return fail("no memory for zone files", error);
    for (size_t i = 0; i < options->zone_count; i++)
        if (!dns_zone_add_file(choice->zone, options->zone[i], error)) return false;
    for (size_t i = 0; i < options->faults_count; i++)
        if (!dns_zone_add_faults_file(choice->zone, options->faults[i], error)) return false;
    return true;
}

static bool open_network(struct dns_choice *choice, struct loop *loop, const struct dns_choice_options *options,
                         char **error) {
    if (options->faults_count > 0 && options->zone_count == 0) return fail("faults belong to zone files: name one, too", error);
    choice->unbound = dns_unbound_create(
        loop,
        &(struct dns_unbound_options){
            .forward_count = options->forward_count,
            .stub_count = options->stub_count,
            .forward = options->forward,
            .stub = options->stub,
            .trust_anchor = options->trust_anchor,
            .query_timeout_ms = options->query_timeout_ms > 0 ? options->query_timeout_ms : QUERY_TIMEOUT_MS,
            .in_flight_max = options->in_flight_max > 0 ? options->in_flight_max : IN_FLIGHT_MAX,
            .in_flight_per_domain_max =
                options->in_flight_per_domain_max > 0 ? options->in_flight_per_domain_max : IN_FLIGHT_PER_DOMAIN_MAX,
        },
        error);
    return choice->unbound != NULL;
}

struct dns_choice *dns_choice_create(struct loop *loop, const struct dns_choice_options *options, char **error) {
    *error = NULL;
    struct dns_choice *choice = calloc(1, sizeof *choice);
    if (choice == NULL) return NULL;
    bool zones = options->zone_count > 0, network = !zones || options->zones_and_network;
    if ((zones && !open_zones(choice, options, error)) || (network && !open_network(choice, loop, options, error)))
        return dns_choice_destroy(choice), NULL;
    if (zones && network) dns_overlay_init(&choice->overlay, choice->zone, dns_unbound_source(choice->unbound));
    return choice;
}

void dns_choice_destroy(struct dns_choice *choice) {
    if (choice == NULL) return;
    dns_zone_destroy(choice->zone);
    dns_unbound_destroy(choice->unbound);
    free(choice);
}

struct dns_source *dns_choice_source(struct dns_choice *choice) {
    if (choice->zone == NULL) return dns_unbound_source(choice->unbound);
    return choice->unbound == NULL ? dns_zone_source(choice->zone) : &choice->overlay.source;
}
