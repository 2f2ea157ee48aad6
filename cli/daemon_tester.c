#include "cli/daemon_tester.h"
#include <stdlib.h>
#include "base/clock.h"
#include "base/options.h"
#include "base/whole_file.h"
#include "http/tester.h"
#include "proxy/generation.h"
#include "proxy/proxy.h"
#include "proxy/tester_supply.h"
#include "verifier/public_suffix.h"

struct daemon_tester {
    struct tester_supply *supply;
    struct tester *desk;
    struct bytes suffixes;
};

static struct tester_setup setup_of(const struct options *options, struct metrics *metrics,
                                    struct domain_stats *domains, struct tester_supply *supply) {
    return (struct tester_setup){
        .domain = options->tester_domain,
        .base_url = options->tester_base_url,
        .retention_s = options->tester_retention_ms / 1000,
        .may_keep_messages = options->tester_keep_message != 0,
        .tests_per_minute = (unsigned)options->tester_tests_per_minute,
        .dns_per_minute = (unsigned)options->tester_dns_per_minute,
        .dns_per_minute_total = (unsigned)options->tester_dns_per_minute_total,
        .tests_max = (size_t)options->tester_tests_max,
        .memory_max = (size_t)options->tester_memory_max,
        .authserv_id = options->authserv_id,
        .policy = generation_limits(options),
        .clock = &clock_system,
        .metrics = metrics,
        .domains = options->tester_recall != 0 ? domains : NULL,
        .resolver = tester_supply_resolver(supply),
    };
}

struct daemon_tester *daemon_tester_open(const struct options *options, struct metrics *metrics,
                                         struct domain_stats *domains) {
    struct daemon_tester *tester = calloc(1, sizeof *tester);
    if (tester == NULL) return NULL;
    whole_file_read(PUBLIC_SUFFIX_FILE, PUBLIC_SUFFIX_OCTETS_MAX, &tester->suffixes); /* without it nothing is said of organizations */
    tester->supply = tester_supply_create(metrics);
    if (tester->supply != NULL) {
        struct tester_setup setup = setup_of(options, metrics, domains, tester->supply);
        setup.suffixes = bytes_span(&tester->suffixes);
        tester->desk = tester_create(&setup);
    }
    if (tester->desk != NULL) return tester;
    daemon_tester_close(tester);
    return NULL;
}

void daemon_tester_serve(struct daemon_tester *tester, struct proxy *proxy) {
    proxy_use_tester(proxy, tester->desk, tester->supply);
}

bool daemon_tester_start(struct daemon_tester *tester) { return tester == NULL || tester_start(tester->desk); }

struct tester *daemon_tester_desk(struct daemon_tester *tester) { return tester != NULL ? tester->desk : NULL; }

void daemon_tester_close(struct daemon_tester *tester) {
    if (tester == NULL) return;
    tester_destroy(tester->desk);
    tester_supply_destroy(tester->supply);
    bytes_release(&tester->suffixes);
    free(tester);
}
