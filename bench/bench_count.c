/* bench_count.c -- verifies one message with warm keys, for a program that counts instructions (bench/counts).
 * What could differ from run to run or from processor to processor is held: the clock stands still, the octets of getrandom
 * are always the same (they key the hash tables), and white space goes through the AVX2 kernel, never a better one.
 * Exit: 0 done, 1 the message does not pass, 77 the processor has no AVX2. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include "base/bytes.h"
#include "bench/input.h"
#include "verifier/auth_results.h"
#include "verifier/dns_zone.h"
#include "verifier/key_cache.h"
#include "verifier/key_lookup.h"
#include "verifier/message_verifier.h"
#include "verifier/wsp_squeeze.h"

enum { PIECE = 16 * 1024, NOW_S = 1767229200, TIMES = 10, SKIPPED = 77 };

/* In place of the C library's, for this program alone. */
ssize_t getrandom(void *buffer, size_t len, unsigned flags) {
    (void)flags;
    memset(buffer, 0x5a, len);
    return (ssize_t)len;
}

static bool verify(struct message_verifier *verifier, struct span octets, struct bytes *field) {
    message_verifier_begin(verifier, NULL, NULL);
    for (size_t len; octets.len > 0; octets = span_after(octets, len)) {
        len = octets.len < PIECE ? octets.len : PIECE;
        message_verifier_update(verifier, span_first(octets, len));
    }
    bool done = message_verifier_end(verifier) == VERIFIER_DONE;
    bytes_clear(field);
    return done && auth_results_write(field, span_of("mx.example.org"), message_verifier_result(verifier));
}

/* What is counted: bench/counts knows it by this name. */
__attribute__((noinline)) bool counted(struct message_verifier *verifier, struct span octets, struct bytes *field);
bool counted(struct message_verifier *verifier, struct span octets, struct bytes *field) {
    return verify(verifier, octets, field);
}

static bool passes(const struct message_result *result) {
    bool all = result->dkim_count > 0 || result->arc.sets > 0;
    for (size_t i = 0; i < result->dkim_count; i++) all = all && result->dkim[i].result == RESULT_PASS;
    return all && (result->arc.sets == 0 || result->arc.result == RESULT_PASS);
}

int main(int argc, char **argv) {
    struct bytes octets = bytes_with_cap(1 << 26), field = bytes_with_cap(1 << 16);
    struct clock_fixed clock = clock_fixed_at(NOW_S);
    char *error = NULL;
    if (argc != 3) {
        fprintf(stderr, "usage: bench_count ZONE-FILE MESSAGE\n");
        return 2;
    }
    if (!wsp_squeeze_supported(WSP_SQUEEZE_AVX2)) return SKIPPED;
    wsp_squeeze_limit(WSP_SQUEEZE_AVX2);
    read_file(argv[2], &octets);
    struct dns_zone *zone = dns_zone_create();
    require(zone != NULL && dns_zone_add_file(zone, argv[1], &error), error != NULL ? error : "no memory");
    struct key_cache *cache = key_cache_create(1 << 20, 0, &clock.clock);
    require(cache != NULL, "no memory");
    struct key_lookup *lookup = key_lookup_create(cache, dns_zone_source(zone), &clock.clock, NULL);
    require(lookup != NULL, "no memory");
    struct message_verifier *verifier =
        message_verifier_create(&verifier_policy_default, key_lookup_source(lookup), &clock.clock);
    require(verifier != NULL, "no memory");
    require(verify(verifier, bytes_span(&octets), &field), "not verified"); /* keys and memory are there from now on */
    for (int i = 0; i < TIMES; i++) require(counted(verifier, bytes_span(&octets), &field), "not verified");
    require(passes(message_verifier_result(verifier)), "the message does not pass");
    message_verifier_destroy(verifier);
    key_lookup_destroy(lookup);
    key_cache_destroy(cache);
    dns_zone_destroy(zone);
    bytes_release(&octets);
    bytes_release(&field);
    return 0;
}
