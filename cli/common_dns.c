#include "cli/common_dns.h"
#include <stdlib.h>
#include "verifier/dns_unbound.h"
#include "verifier/dns_zone.h"
#include "verifier/key_lookup.h"

enum { QUERY_TIMEOUT_MS = 5000, IN_FLIGHT_MAX = 1000, IN_FLIGHT_PER_DOMAIN_MAX = 20 };

struct cli_dns {
    struct dns_zone *zone;       /* with --zone, else */
    struct dns_unbound *unbound;
    struct key_lookup *lookup;
};

static bool tell(bool fine, char *error) {
    if (!fine) cli_complain("%s", error != NULL ? error : "out of memory");
    free(error);
    return fine;
}

static bool load_zone(struct dns_zone *zone, const struct cli_options *options, char **error) {
    for (size_t i = 0; i < options->zone.count; i++)
        if (!dns_zone_add_file(zone, options->zone.item[i], error)) return false;
    return options->faults == NULL || dns_zone_add_faults_file(zone, options->faults, error);
}

static struct dns_source *open_zone(struct cli_dns *dns, const struct cli_options *options) {
    char *error = NULL;
    dns->zone = dns_zone_create();
    bool loaded = dns->zone != NULL && load_zone(dns->zone, options, &error);
    return tell(loaded, error) ? dns_zone_source(dns->zone) : NULL;
}

static struct dns_source *open_resolver(struct cli_dns *dns, const struct cli_options *options, struct loop *loop) {
    const struct dns_unbound_options wanted = {
        .forward_count = options->forward.count,
        .forward = options->forward.item,
        .stub_count = options->stub.count,
        .stub = options->stub.item,
        .trust_anchor = options->trust_anchor,
        .query_timeout_ms = QUERY_TIMEOUT_MS,
        .in_flight_max = IN_FLIGHT_MAX,
        .in_flight_per_domain_max = IN_FLIGHT_PER_DOMAIN_MAX,
    };
    char *error = NULL;
    dns->unbound = dns_unbound_create(loop, &wanted, &error);
    return tell(dns->unbound != NULL, error) ? dns_unbound_source(dns->unbound) : NULL;
}

struct cli_dns *cli_dns_create(const struct cli_options *options, struct loop *loop, struct key_cache *cache,
                               const struct clock *clock) {
    struct cli_dns *dns = calloc(1, sizeof *dns);
    if (!tell(dns != NULL, NULL)) return NULL;
    struct dns_source *source = options->zone.count > 0 ? open_zone(dns, options) : open_resolver(dns, options, loop);
    if (source != NULL) {
        dns->lookup = key_lookup_create(cache, source, clock, NULL);
        if (tell(dns->lookup != NULL, NULL)) return dns;
    }
    cli_dns_destroy(dns);
    return NULL;
}

void cli_dns_destroy(struct cli_dns *dns) {
    if (dns == NULL) return;
    key_lookup_destroy(dns->lookup);
    dns_unbound_destroy(dns->unbound);
    dns_zone_destroy(dns->zone);
    free(dns);
}

struct key_source *cli_dns_keys(struct cli_dns *dns) { return key_lookup_source(dns->lookup); }
