/* A zone file, and behind a NUL (when there is one) a faults file; then questions for a few names. */
#include <stdint.h>
#include <stdlib.h>
#include "verifier/dns_zone.h"

static const enum dns_type types[] = {DNS_A, DNS_CNAME, DNS_PTR, DNS_MX, DNS_TXT, DNS_AAAA};
static const char *const names[] = {"", "a", "a.example", "x.y.wild.example", "alias.example", "s._domainkey.example"};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size); /* libFuzzer has no header for it */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct span all = {(const char *)data, size};
    size_t nul = span_find(all, '\0');
    char *error = NULL;
    struct dns_zone *zone = dns_zone_create();
    if (zone == NULL) return 0;
    if (dns_zone_add_text(zone, "zone", span_first(all, nul), &error) == (error != NULL)) abort();
    free(error);
    error = NULL;
    if (nul < size && dns_zone_add_faults_text(zone, "faults", span_after(all, nul + 1), &error) == (error != NULL))
        abort();
    free(error);
    struct dns_source *source = dns_zone_source(zone);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        for (size_t t = 0; t < sizeof types / sizeof *types; t++) {
            struct dns_query query = {0};
            struct dns_answer answer;
            if (dns_lookup(source, span_of(names[i]), types[t], &query, &answer) != DNS_ANSWERED) abort();
            if ((answer.record_count > 0) != (answer.status == DNS_FOUND)) abort();
        }
    }
    dns_zone_destroy(zone);
    return 0;
}
