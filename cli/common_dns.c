#include "cli/common_dns.h"
#include <stdlib.h>
#include "verifier/dns_choice.h"
#include "verifier/key_lookup.h"

struct cli_dns {
    struct dns_choice *choice;
    struct key_lookup *lookup;
};

static struct dns_source *choose(struct cli_dns *dns, const struct cli_options *options, struct loop *loop) {
    const struct dns_choice_options wanted = {
        .zone_count = options->zone.count,
        .zone = options->zone.item,
        .faults_count = options->faults.count,
        .faults = options->faults.item,
        .forward_count = options->forward.count,
        .forward = options->forward.item,
        .stub_count = options->stub.count,
        .stub = options->stub.item,
        .trust_anchor = options->trust_anchor,
    };
    char *error = NULL;
    dns->choice = dns_choice_create(loop, &wanted, &error);
    if (dns->choice == NULL) cli_complain("%s", error != NULL ? error : "out of memory");
    free(error);
    return dns->choice != NULL ? dns_choice_source(dns->choice) : NULL;
}

struct cli_dns *cli_dns_create(const struct cli_options *options, struct loop *loop, struct key_cache *cache,
                               const struct clock *clock) {
    struct cli_dns *dns = calloc(1, sizeof *dns);
    if (dns == NULL) {
        cli_complain("out of memory");
        return NULL;
    }
    struct dns_source *source = choose(dns, options, loop);
    if (source != NULL) {
        dns->lookup = key_lookup_create(cache, source, clock, NULL);
        if (dns->lookup != NULL) return dns;
        cli_complain("out of memory");
    }
    cli_dns_destroy(dns);
    return NULL;
}

void cli_dns_destroy(struct cli_dns *dns) {
    if (dns == NULL) return;
    key_lookup_destroy(dns->lookup);
    dns_choice_destroy(dns->choice);
    free(dns);
}

struct key_source *cli_dns_keys(struct cli_dns *dns) {
    return key_lookup_source(dns->lookup);
}
