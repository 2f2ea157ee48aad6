/* bench_dns_delay.c -- what DNS adds to a message, through libunbound and the resolver's thread: wall time from MAIL FROM, with
 * the whole message right behind it, to the last verdict, with nothing in any cache.
 * bench/dns serves the zones from a given distance and reads what is written here, one JSON object. ALL: DKIM, SPF, DMARC and
 * iprev; KEYS: only what the message itself asks for. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/bytes.h"
#include "base/loop.h"
#include "bench/input.h"
#include "bench/resolver.h"
#include "verifier/authentication.h"
#include "verifier/dns_recent.h"
#include "verifier/key_cache.h"
#include "verifier/key_lookup.h"

enum { MESSAGES_MAX = 64, CACHE_OCTETS = 1 << 20 };

/* What a verdict is to say, so that a delay is never that of a failure. */
struct wanted { bool all, secure; };

static bool is_as_wanted(const struct message_result *result, struct wanted wanted) {
    enum dnssec_state state = wanted.secure ? DNSSEC_SECURE : DNSSEC_INDETERMINATE;
    return result->dkim_count == 1 && result->dkim[0].result == RESULT_PASS && result->dkim[0].dnssec == state &&
           (!wanted.all || (result->dmarc.dkim_aligned && result->dmarc.spf_aligned && result->iprev.result == RESULT_PASS));
}

static void stop(void *owner) { loop_stop(owner); }

/* Milliseconds of one message, which is the first that resolver hears of. */
static double authenticate(struct resolver *resolver, struct span message, struct wanted wanted) {
    static const struct authentication_envelope envelope = {.has_address = true, .address = {192, 0, 2, 1}, .is_v4 = true,
                                                            .helo = {"mail.example.com", 16},
                                                            .mail_from = {"newsletter@news.example.com", 27}};
    struct key_cache *cache = key_cache_create(CACHE_OCTETS, 0, &clock_system);
    struct key_lookup *lookup = cache != NULL ? key_lookup_create(cache, resolver_dns(resolver), &clock_system, NULL) : NULL;
    struct dns_recent *recent = dns_recent_create(resolver_dns(resolver), &clock_system);
    require(lookup != NULL && recent != NULL, "no memory");
    struct authentication_setup setup = {.policy = &verifier_policy_default, .keys = key_lookup_source(lookup),
                                         .dns = dns_recent_source(recent), .clock = &clock_system,
                                         .receiver = span_of("mx.example.org")};
    struct authentication *authentication = authentication_create(&setup);
    require(authentication != NULL, "no memory");
    int64_t start = clock_monotonic_us(&clock_system);
    authentication_begin(authentication, wanted.all ? &envelope : NULL, stop, resolver_loop(resolver));
    authentication_update(authentication, message);
    require(authentication_end(authentication) == VERIFIER_DONE || loop_run(resolver_loop(resolver)), "the loop failed");
    double ms = (double)(clock_monotonic_us(&clock_system) - start) / 1e3;
    require(is_as_wanted(authentication_result(authentication), wanted), "the message did not pass as it should");
    authentication_destroy(authentication);
    dns_recent_destroy(recent);
    key_lookup_destroy(lookup);
    key_cache_destroy(cache);
    return ms;
}

static int by_size(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

int main(int argc, char **argv) {
    if (argc < 6) {
        fprintf(stderr, "usage: bench_dns_delay all|keys MESSAGE COUNT ANCHORS|none ZONE=ADDR@PORT...\n");
        return 2;
    }
    struct wanted wanted = {.all = strcmp(argv[1], "all") == 0, .secure = strcmp(argv[4], "none") != 0};
    unsigned long count = strtoul(argv[3], NULL, 10);
    struct bytes message = bytes_with_cap(1 << 20);
    double delays[MESSAGES_MAX];
    uint64_t questions = 0;
    require(count > 0 && count <= MESSAGES_MAX, "COUNT is 1 to 64");
    read_file(argv[2], &message);
    for (unsigned long i = 0; i < count; i++) {
        struct resolver *resolver = resolver_create((const char *const *)argv + 5, (size_t)argc - 5, argv[4]);
        delays[i] = authenticate(resolver, bytes_span(&message), wanted);
        questions += resolver_counts(resolver).questions;
        resolver_destroy(resolver);
    }
    qsort(delays, count, sizeof *delays, by_size);
    printf("{\"messages\":%lu,\"questions\":%llu,\"median_ms\":%.3f,\"least_ms\":%.3f,\"most_ms\":%.3f}\n", count,
           (unsigned long long)questions, delays[count / 2], delays[0], delays[count - 1]);
    bytes_release(&message);
    return 0;
}
